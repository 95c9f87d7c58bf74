//! How long a whole challenge takes on one thread, beside one PNG encode that is timed in turns with it, and how long a whole
//! signature, beside one HMAC, and whole sends and checks of codes, beside bare inserts: the ratio holds on any machine, however
//! busy.

mod codes;
mod signatures;

use std::io::Write as _;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use countersign_domain::app::AppId;
use countersign_domain::challenge::{Challenge, Kind, Level, PictureFormat, Seed, Style, View};
use countersign_domain::ports::{Clock as _, Entropy};
use countersign_domain::sealing::{KeyId, Keyring, Purpose, SealingKey};
use countersign_domain::secret::Secret;
use countersign_domain::ticket::{ChallengeRecord, Note, Stamp};
use countersign_facades::NATIVE;
use serde_json::json;

use super::sample::{Door, challenge, kind};
use crate::system::{OsEntropy, SystemClock};

#[derive(Args)]
pub(super) struct Bench {
    /// What to measure: slider, the verification of signatures, or codes; all challenges, if left out
    #[arg(long = "type", value_name = "TYPE", value_parser = subject)]
    subject: Option<Subject>,
    /// How long each row is measured
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=600))]
    seconds: u32,
    /// Print JSON, one object a line
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy)]
enum Subject {
    Challenges(Kind),
    Signatures,
    Codes,
}

/// Reads `--type`.
fn subject(word: &str) -> Result<Subject, String> {
    match word {
        "signatures" => Ok(Subject::Signatures),
        "codes" => Ok(Subject::Codes),
        word => kind(word).map(Subject::Challenges).map_err(|kinds| format!("{kinds}, signatures, codes")),
    }
}

/// One row's measurements.
struct Row {
    kind: &'static str,
    format: &'static str,
    /// 0 where there are none.
    level: u8,
    times: Vec<Duration>,
    bytes: Vec<usize>,
}

impl Row {
    fn of_challenge(kind: &'static str, format: PictureFormat) -> Self {
        let format = match format {
            PictureFormat::Png => "png",
            PictureFormat::Jpeg => "jpeg",
        };
        Self { kind, format, level: Level::DEFAULT.number(), times: Vec::new(), bytes: Vec::new() }
    }

    fn of_signature(kind: &'static str) -> Self {
        Self { kind, format: "-", level: 0, times: Vec::new(), bytes: Vec::new() }
    }
}

/// What is measured: one turn, by its number. Returns its bytes.
type Work<'a> = &'a mut dyn FnMut(usize) -> anyhow::Result<usize>;

impl Bench {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let rows = match self.subject {
            None => self.challenges(&Kind::ALL)?,
            Some(Subject::Challenges(kind)) => self.challenges(&[kind])?,
            Some(Subject::Signatures) => self.signatures()?,
            Some(Subject::Codes) => {
                return codes::rows(self.seconds)?.into_iter().try_for_each(|rows| self.print(rows));
            }
        };
        self.print(rows)
    }

    fn challenges(&self, kinds: &[Kind]) -> anyhow::Result<Vec<Row>> {
        let mut rows = vec![Row::of_challenge("reference", PictureFormat::Png)];
        let pictures = reference_pictures()?;
        for kind in kinds {
            let challenge = challenge(*kind)?;
            for style in [Door::Native.style(), Door::Oneaccess.style()] {
                let mut row = Row::of_challenge(kind.word(), style.format);
                let yardstick: Work<'_> = &mut |turn| encode(&pictures[turn % pictures.len()]);
                self.in_turns(1, (&mut rows[0], yardstick), (&mut row, &mut |_| whole(&*challenge, style)))?;
                rows.push(row);
            }
        }
        Ok(rows)
    }

    fn signatures(&self) -> anyhow::Result<Vec<Row>> {
        let mut rows = vec![Row::of_signature("reference")];
        for (scheme, request, secret) in signatures::captured() {
            let mut row = Row::of_signature(scheme);
            let verify: Work<'_> = &mut |_| signatures::verify(&request, &secret);
            self.in_turns(signatures::BATCH, (&mut rows[0], &mut |_| signatures::yardstick()), (&mut row, verify))?;
            rows.push(row);
        }
        Ok(rows)
    }

    /// Measures both in turns, so that what slows the machine down slows both. What is too short for the clock is done
    /// `batch` times a turn.
    fn in_turns(
        &self,
        batch: u32,
        (reference, yardstick): (&mut Row, Work<'_>),
        (row, work): (&mut Row, Work<'_>),
    ) -> anyhow::Result<()> {
        let clock = SystemClock::new();
        let timed = |work: &mut dyn FnMut(usize) -> anyhow::Result<usize>, turn, row: &mut Row| {
            let start = clock.monotonic();
            for _ in 1..batch {
                work(turn)?;
            }
            let bytes = work(turn)?;
            // The first rounds warm caches and are thrown away.
            if turn >= 20 {
                row.times.push(clock.monotonic().saturating_sub(start) / batch);
                row.bytes.push(bytes);
            }
            anyhow::Ok(())
        };
        let end = clock.monotonic() + Duration::from_secs(u64::from(self.seconds));
        for turn in 0.. {
            timed(yardstick, turn, reference)?;
            timed(work, turn, row)?;
            if clock.monotonic() > end && row.times.len() > 20 {
                break;
            }
        }
        Ok(())
    }

    fn print(&self, rows: Vec<Row>) -> anyhow::Result<()> {
        let mut out = std::io::stdout().lock();
        if !self.json {
            writeln!(out, "type       format  level       n  median ms     p99 ms   per s   bytes  ratio")?;
        }
        let mut yardstick = None;
        for mut row in rows {
            row.times.sort_unstable();
            row.bytes.sort_unstable();
            let n = row.times.len();
            let milliseconds = |index: usize| row.times[index.min(n - 1)].as_secs_f64() * 1e3;
            let (median, p99) = (milliseconds(n / 2), milliseconds(n * 99 / 100));
            let ratio = median / *yardstick.get_or_insert(median);
            let Row { kind, format, level, .. } = row;
            let (bytes, per_second) = (row.bytes[n / 2], 1e3 / median);
            if self.json {
                let line = json!({
                    "type": kind, "format": format, "level": level, "n": n, "ms_median": median, "ms_p99": p99,
                    "per_second": per_second, "bytes_median": bytes, "ratio": ratio,
                });
                writeln!(out, "{line}")?;
            } else {
                writeln!(
                    out,
                    "{kind:<10} {format:<7} {level:>5} {n:>7} {median:>10.4} {p99:>10.4} {per_second:>7.0} {bytes:>7} {ratio:>6.2}",
                )?;
            }
        }
        Ok(())
    }
}

/// One challenge as a door hands it out, but for the JSON around it; returns the pictures' bytes.
fn whole(challenge: &dyn Challenge, style: Style) -> anyhow::Result<usize> {
    let entropy: &dyn Entropy = &OsEntropy;
    let puzzle = challenge.make(&Seed::new(entropy.array()), Level::DEFAULT, style)?;
    let issued_at = SystemClock::new().now();
    let record = ChallengeRecord {
        stamp: Stamp {
            id: entropy.array(),
            epoch: [0; 8],
            door: NATIVE,
            app: AppId::parse("0123456789abcdef0123456789abcdef").context("an app id")?,
            key: None,
            action: None,
            contact: None,
            origin: None,
            user: None,
            network: None,
            kind: challenge.kind(),
            level: Level::DEFAULT,
            issued_at,
            expires_at: issued_at.plus(Duration::from_mins(2)),
        },
        solution: puzzle.solution,
        note: Note::default(),
    };
    let keyring = Keyring::new(SealingKey::new(KeyId([0; 4]), Secret::new([0; 32]), issued_at), Vec::new());
    std::hint::black_box(keyring.seal(Purpose::Challenge, &record.encode(), issued_at, entropy)?);
    let View::Slider { background, piece, .. } = std::hint::black_box(puzzle.view);
    Ok(background.bytes.len() + piece.bytes.len())
}

/// An unencoded picture: RGB, 310×155.
struct Pixels {
    width: u32,
    height: u32,
    bytes: Vec<u8>,
}

/// Drawn pictures for the yardstick: sliders, whatever is measured.
fn reference_pictures() -> anyhow::Result<Vec<Pixels>> {
    let slider = challenge(Kind::Slider)?;
    let entropy: &dyn Entropy = &OsEntropy;
    let draw = |_| {
        let puzzle = slider.make(&Seed::new(entropy.array()), Level::DEFAULT, Door::Oneaccess.style())?;
        let View::Slider { background, .. } = puzzle.view;
        let mut reader = png::Decoder::new(std::io::Cursor::new(background.bytes)).read_info()?;
        let mut bytes = vec![0; reader.output_buffer_size().context("a picture that fits into memory")?];
        let info = reader.next_frame(&mut bytes)?;
        anyhow::ensure!(info.color_type == png::ColorType::Rgb, "the yardstick is an RGB picture");
        Ok(Pixels { width: info.width, height: info.height, bytes })
    };
    (0..32).map(draw).collect()
}

fn encode(pixels: &Pixels) -> anyhow::Result<usize> {
    let mut file = Vec::with_capacity(pixels.bytes.len());
    let mut encoder = png::Encoder::new(&mut file, pixels.width, pixels.height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_compression(png::Compression::Fast);
    encoder.write_header()?.write_image_data(&pixels.bytes)?;
    Ok(std::hint::black_box(file).len())
}
