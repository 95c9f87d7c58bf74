//! The challenges of Countersign: what people are shown, and whether what they answer is right.
//!
//! A kind of challenge is one file here, with its inner parts in a folder of the same name, and one line in [`all`]. What
//! kinds share to draw with is in `draw`. Everything is a pure function of a seed: no clock, no files, no state.

use std::sync::Arc;

use countersign_domain::challenge::Challenge;

mod draw;
mod slider;

pub use slider::{Family, Slider};

/// Every kind of challenge, in the order of the names of their files.
pub fn all() -> Vec<Arc<dyn Challenge>> {
    vec![Arc::new(Slider::default())]
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use countersign_domain::challenge::Kind;

    use super::*;

    #[test]
    fn every_kind_file_is_in_the_list() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut files: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .filter_map(|entry| entry.unwrap().file_name().to_str()?.strip_suffix(".rs").map(str::to_owned))
            .filter(|name| name != "lib")
            .collect();
        files.sort();
        let listed: Vec<&str> = all().iter().map(|challenge| challenge.kind().word()).collect();
        assert_eq!(
            listed, files,
            "src/ has a file for every kind and all() has a line for every file: after adding src/<kind>.rs, add \
             `mod <kind>;`, `pub use` and a line in all(), in the order of the names"
        );
    }

    #[test]
    fn every_kind_of_the_domain_can_be_drawn() {
        for kind in Kind::ALL {
            assert_eq!(all().iter().filter(|challenge| challenge.kind() == kind).count(), 1, "{kind:?}");
        }
    }
}
