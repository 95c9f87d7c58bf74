//! The programs that machines download: files of one folder, and this server's own for its own system. Nothing is read
//! before somebody asks; a program is in memory once, for as long as somebody downloads it.

use std::collections::HashMap;
use std::fs::{File, Metadata};
use std::io::{self, ErrorKind, Read as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::SystemTime;

use bytes::Bytes;
use countersign_domain::agent::OperatingSystem;
use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};

use crate::hex;

const PREFIX: &str = "countersign-";
/// The running program, also after somebody has put another in its place on the disk.
const RUNNING: &str = "/proc/self/exe";

/// What a program is for. Its name says so, and nothing else can be asked for: no path leaves the folder.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ProgramName {
    os: &'static str,
    architecture: String,
}

impl ProgramName {
    /// Reads the name of a file.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (os, rest) = text.strip_prefix(PREFIX)?.split_once('-')?;
        let os = OperatingSystem::from_word(os)?;
        let architecture = if os == OperatingSystem::Windows { rest.strip_suffix(".exe")? } else { rest };
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        let fits = (1..=32).contains(&architecture.len()) && architecture.bytes().all(plain);
        fits.then(|| Self { os: os.word(), architecture: architecture.to_owned() })
    }

    fn of_this_server() -> Option<Self> {
        let os = OperatingSystem::from_word(std::env::consts::OS)?;
        Some(Self { os: os.word(), architecture: std::env::consts::ARCH.to_owned() })
    }

    fn file(&self) -> String {
        let end = if self.os == OperatingSystem::Windows.word() { ".exe" } else { "" };
        format!("{PREFIX}{}-{}{end}", self.os, self.architecture)
    }

    /// As scripts compare it: system and processor.
    pub(super) fn words(&self) -> (&'static str, &str) {
        (self.os, &self.architecture)
    }
}

/// All programs. It blocks while it reads.
pub(super) struct Programs {
    folder: PathBuf,
    known: Mutex<HashMap<ProgramName, Known>>,
}

/// What was found out about a file.
struct Known {
    state: State,
    /// SHA-256, as hexadecimal digits.
    hash: String,
    bytes: Weak<Vec<u8>>,
}

/// By which a file is taken for the same.
#[derive(PartialEq, Eq)]
struct State {
    length: u64,
    modified: Option<SystemTime>,
}

/// A program to be sent.
pub(super) struct Program {
    pub(super) hash: String,
    pub(super) length: u64,
    /// Empty where only the other two were asked for.
    pub(super) bytes: Bytes,
}

/// What the sender keeps; all senders keep the same.
struct Shared(Arc<Vec<u8>>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Programs {
    pub(super) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), known: Mutex::default() }
    }

    /// Every program that is there, sorted, with its hash.
    pub(super) fn list(&self) -> io::Result<Vec<(ProgramName, String)>> {
        let mut names: Vec<_> = ProgramName::of_this_server().into_iter().collect();
        match std::fs::read_dir(&self.folder) {
            Ok(entries) => {
                for entry in entries {
                    names.extend(entry?.file_name().to_str().and_then(ProgramName::parse));
                }
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        names.sort();
        names.dedup();
        // One that cannot be read is not there; the others are.
        let hashed = names.into_iter().filter_map(|name| match self.look(&name) {
            Ok(program) => program.map(|program| (name, program.hash)),
            Err(error) => {
                tracing::error!(%error, program = %name.file(), "a program for machines cannot be read");
                None
            }
        });
        Ok(hashed.collect())
    }

    /// What is known about the program without its bytes; `None` if there is none.
    pub(super) fn look(&self, name: &ProgramName) -> io::Result<Option<Program>> {
        let Some((mut file, state)) = self.open(name)? else { return Ok(None) };
        let mut known = self.known.lock();
        let length = state.length;
        if let Some(known) = known.get(name).filter(|known| known.state == state) {
            return Ok(Some(Program { hash: known.hash.clone(), length, bytes: Bytes::new() }));
        }
        let mut hash = Sha256::new();
        let mut part = vec![0; 64 * 1024];
        loop {
            match file.read(&mut part)? {
                0 => break,
                read => hash.update(part.get(..read).unwrap_or_default()),
            }
        }
        let hash = hex::encode(&hash.finalize());
        known.insert(name.clone(), Known { state, hash: hash.clone(), bytes: Weak::new() });
        Ok(Some(Program { hash, length, bytes: Bytes::new() }))
    }

    /// The program; `None` if there is none. Who comes while another reads it waits for that, and shares what was read.
    pub(super) fn load(&self, name: &ProgramName) -> io::Result<Option<Program>> {
        let Some((mut file, state)) = self.open(name)? else { return Ok(None) };
        let mut known = self.known.lock();
        let same = known.get(name).filter(|known| known.state == state);
        let kept = same.and_then(|known| Some((known.hash.clone(), known.bytes.upgrade()?)));
        let (hash, bytes) = if let Some(kept) = kept {
            kept
        } else {
            let mut bytes = Vec::with_capacity(usize::try_from(state.length).unwrap_or(0));
            file.read_to_end(&mut bytes)?;
            // Of what is sent, should the file be written just now.
            let hash = hex::encode(&Sha256::digest(&bytes));
            let bytes = Arc::new(bytes);
            let weak = Arc::downgrade(&bytes);
            known.insert(name.clone(), Known { state, hash: hash.clone(), bytes: weak });
            (hash, bytes)
        };
        Ok(Some(Program { hash, length: bytes.len() as u64, bytes: Bytes::from_owner(Shared(bytes)) }))
    }

    /// The file in the folder, or else this server's own.
    fn open(&self, name: &ProgramName) -> io::Result<Option<(File, State)>> {
        if let Some(found) = opened(&self.folder.join(name.file()))? {
            return Ok(Some(found));
        }
        if ProgramName::of_this_server().as_ref() != Some(name) {
            return Ok(None);
        }
        match opened(Path::new(RUNNING))? {
            None => opened(&std::env::current_exe()?),
            found => Ok(found),
        }
    }
}

/// The file, if there is one at this path.
fn opened(path: &Path) -> io::Result<Option<(File, State)>> {
    let file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    let metadata: Metadata = file.metadata()?;
    let state = State { length: metadata.len(), modified: metadata.modified().ok() };
    Ok(metadata.is_file().then_some((file, state)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(text: &str) -> ProgramName {
        ProgramName::parse(text).unwrap()
    }

    fn hash(bytes: &[u8]) -> String {
        hex::encode(&Sha256::digest(bytes))
    }

    #[test]
    fn a_name_says_system_and_processor_and_is_no_path() {
        for text in ["countersign-linux-x86_64", "countersign-macos-aarch64", "countersign-windows-x86_64.exe"] {
            assert_eq!(name(text).file(), text);
        }
        for text in [
            "",
            "countersign-",
            "countersign-linux-",
            "countersign-linux-../../etc/passwd",
            "countersign-linux-x86_64.exe",
            "countersign-windows-x86_64",
            "countersign-plan9-x86_64",
            "countersign-linux-X86",
            "../countersign-linux-x86_64",
        ] {
            assert_eq!(ProgramName::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_name_leaves_the_folder(text in "countersign-(linux|macos|windows)-[a-z0-9_./\\\\%-]{0,40}(\\.exe)?") {
            if let Some(name) = ProgramName::parse(&text) {
                prop_assert_eq!(name.file(), text.clone());
                prop_assert_eq!(Path::new(&text).components().count(), 1);
                prop_assert!(!text.contains(['/', '\\', '%']) && !text.contains(".."));
            }
        }
    }

    #[test]
    fn the_folder_goes_before_the_servers_own_program() {
        let folder = tempfile::tempdir().unwrap();
        let own = ProgramName::of_this_server().unwrap();
        let programs = Programs::new(&folder.path().join("not there"));
        let running = std::fs::read(RUNNING).unwrap();
        assert_eq!(programs.list().unwrap(), [(own.clone(), hash(&running))]);

        let programs = Programs::new(folder.path());
        std::fs::write(folder.path().join(own.file()), "another").unwrap();
        std::fs::write(folder.path().join("countersign-linux-riscv64"), "a third").unwrap();
        std::fs::write(folder.path().join("notes.txt"), "no program").unwrap();
        std::fs::create_dir(folder.path().join("countersign-linux-mips")).unwrap();
        let mut expected = vec![(own.clone(), hash(b"another")), (name("countersign-linux-riscv64"), hash(b"a third"))];
        expected.sort();
        assert_eq!(programs.list().unwrap(), expected);
        assert_eq!(programs.load(&own).unwrap().unwrap().bytes, "another");
        assert!(programs.load(&name("countersign-linux-mips")).unwrap().is_none());
    }

    #[test]
    fn a_program_is_in_memory_once_and_only_while_somebody_has_it() {
        let folder = tempfile::tempdir().unwrap();
        let name = name("countersign-linux-riscv64");
        let file = folder.path().join(name.file());
        std::fs::write(&file, "one").unwrap();
        let programs = Programs::new(folder.path());
        let first = programs.load(&name).unwrap().unwrap();
        let second = programs.load(&name).unwrap().unwrap();
        assert_eq!(first.bytes.as_ptr(), second.bytes.as_ptr());
        let kept = || programs.known.lock()[&name].bytes.strong_count();
        assert_eq!(kept(), 2);
        let part = second.bytes.slice(1..);
        drop((first, second));
        assert_eq!((kept(), &*part), (1, &b"ne"[..]));
        drop(part);
        assert_eq!(kept(), 0);
        assert_eq!(programs.look(&name).unwrap().unwrap().hash, hash(b"one"));
        // A new length, since two writes may fall into one tick of the file system's clock.
        std::fs::write(&file, "other").unwrap();
        assert_eq!(programs.look(&name).unwrap().unwrap().hash, hash(b"other"));
        assert_eq!(programs.load(&name).unwrap().unwrap().bytes, "other");
    }
}
