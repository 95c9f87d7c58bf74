//! Solvers against our own challenges: the tables that stand in `docs/resistance.md`, and the gates that they are held to.

mod gates;
mod measured;
mod options;
mod report;
mod tally;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use crate::run::{all, cargo, must, print, program, root, target};
use crate::tools;
use gates::{GATED, Gates};
use measured::{Door, Measured};
use options::Options;

/// Untrained solvers of sliders in general, and where they usually stand: beside the repository, which does without them.
const GENERIC: &str = "../shared/attack/attack.py";

/// How many pictures the test command takes of each door: enough to see what is clearly too much, within two minutes.
const QUICK: u32 = 300;

/// `cargo xtask attack`.
pub(crate) fn run(words: &[&str]) -> anyhow::Result<()> {
    let options = Options::parse(words)?;
    must(&mut cargo(&["build", "--locked", "--release", "--package", "countersign"]))?;
    let binary = target()?.join("release/countersign");
    let arena = Arena::new(binary, options.solvers.as_deref())?;
    if options.train {
        return arena.train();
    }
    let mut measured = Vec::new();
    for level in options.levels.clone() {
        for door in Door::ALL {
            measured.push(arena.measure(level, door, options.count)?);
        }
    }
    let path = arena.folder.join("attack.json");
    std::fs::write(&path, serde_json::to_string_pretty(&measured)?).with_context(|| path.display().to_string())?;
    eprintln!("as JSON: {}", path.display());
    if options.publish {
        Gates::read()?.publish(&measured)?;
    }
    if options.check { check_all(&measured) } else { Ok(()) }
}

/// The gates, with as many pictures as a test has time for.
pub(crate) fn check() -> anyhow::Result<()> {
    // As for the tests of the browser, so that nothing is compiled a second time.
    must(&mut cargo(&["build", "--locked", "--workspace", "--all-features"]))?;
    let arena = Arena::new(target()?.join("debug/countersign"), None)?;
    let measured: Vec<_> = Door::ALL.iter().map(|door| arena.measure(GATED, *door, QUICK)).collect::<Result<_, _>>()?;
    check_all(&measured)
}

fn check_all(sets: &[Measured]) -> anyhow::Result<()> {
    let gates = Gates::read()?;
    let mut complaints = Vec::new();
    for measured in sets {
        complaints.extend(gates.complaints(measured)?);
    }
    if complaints.is_empty() { Ok(()) } else { bail!("solvers pass the gates:\n{}", complaints.join("\n")) }
}

/// Where solvers meet pictures: the programs, and a folder for what they write.
struct Arena {
    countersign: PathBuf,
    python: PathBuf,
    /// The generic solvers and the Python that has what they need.
    generic: Option<(PathBuf, PathBuf)>,
    folder: PathBuf,
}

impl Arena {
    fn new(countersign: PathBuf, solvers: Option<&Path>) -> anyhow::Result<Self> {
        let own = own_solvers().join("requirements.txt");
        let python = tools::python("attack", &own)?;
        let folder = target()?.join("attack/pictures");
        std::fs::create_dir_all(&folder)?;
        let usual = root().join(GENERIC);
        let script = match solvers {
            Some(path) => Some(path.canonicalize().with_context(|| format!("the solvers {}", path.display()))?),
            None => usual.is_file().then_some(usual),
        };
        let mut generic = None;
        if let Some(script) = script {
            let python = tools::python("attack-generic", &script.with_file_name("requirements.txt"))?;
            generic = Some((python, script));
        } else {
            eprintln!("NO GENERIC SOLVERS: {GENERIC} is not there, so only our own are let loose");
        }
        Ok(Self { countersign, python, generic, folder })
    }

    /// Draws, lets all solvers loose, and prints their table.
    fn measure(&self, level: u8, door: Door, count: u32) -> anyhow::Result<Measured> {
        let samples = self.sample(&format!("{}-{level}", door.word()), level, door, count)?;
        let own = samples.with_extension("own.json");
        let mut own_program = program(&self.python, &[]);
        own_program.arg(own_solvers().join("solve.py")).arg(&samples).arg(&own);
        let mut commands = vec![own_program];
        let mut reports = Vec::new();
        if let Some((python, script)) = &self.generic {
            // One family at a time: what looks at many pictures together does best where they are of one kind.
            for (family, samples) in by_family(&samples)? {
                let report = samples.with_extension("json");
                let mut command = program(python, &[]);
                command.arg(script).args(["--type", "slider", "--n", &count.to_string(), "--jsonl"]).arg(&samples);
                command.arg("--json").arg(&report);
                commands.push(command);
                reports.push((family, report));
            }
        }
        all(&mut commands)?;
        let mut measured = Measured::read(level, door, &own)?;
        for (family, report) in &reports {
            measured.add_generic(family, report)?;
        }
        print(&report::table(&measured)?)?;
        Ok(measured)
    }

    fn sample(&self, name: &str, level: u8, door: Door, count: u32) -> anyhow::Result<PathBuf> {
        let path = self.folder.join(format!("{name}.jsonl"));
        let (level, count) = (level.to_string(), count.to_string());
        let arguments = ["--count", &count, "--level", &level, "--door", door.word(), "--out"];
        must(program(&self.countersign, &["sample", "--type", "slider"]).args(arguments).arg(&path))?;
        Ok(path)
    }

    /// The rate of a model over the samples and the CPU time that it learnt from.
    fn train(&self) -> anyhow::Result<()> {
        let python = tools::python("attack-train", &own_solvers().join("requirements-train.txt"))?;
        for door in Door::ALL {
            let learnt = self.sample(&format!("{}-learnt", door.word()), GATED, door, 4000)?;
            let asked = self.sample(&format!("{}-asked", door.word()), GATED, door, 1000)?;
            print(&format!("\n{} ({}), level {GATED}:\n", door.word(), door.in_words()))?;
            let report = learnt.with_extension("json");
            let mut command = program(&python, &[]);
            must(command.arg(own_solvers().join("train.py")).args([&learnt, &asked]).arg("--json").arg(&report))?;
        }
        Ok(())
    }
}

/// Writes each family's samples into a file of its own.
fn by_family(samples: &Path) -> anyhow::Result<BTreeMap<String, PathBuf>> {
    let mut files = BTreeMap::new();
    for line in BufReader::new(File::open(samples)?).lines() {
        let line = line?;
        let fields: serde_json::Value = serde_json::from_str(&line)?;
        let family = fields["family"].as_str().context("the family of a sample")?.to_owned();
        if !files.contains_key(&family) {
            let path = samples.with_extension(format!("{family}.jsonl"));
            files.insert(family.clone(), (BufWriter::new(File::create(&path)?), path));
        }
        let (file, _) = files.get_mut(&family).context("the file of a family")?;
        writeln!(file, "{line}")?;
    }
    let mut paths = BTreeMap::new();
    for (family, (mut file, path)) in files {
        file.flush()?;
        paths.insert(family, path);
    }
    Ok(paths)
}

fn own_solvers() -> PathBuf {
    root().join("xtask/attack")
}
