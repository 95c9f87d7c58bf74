use std::io::Write as _;

use clap::Args;
use serde_json::{Map, Value, json};

use super::Place;
use crate::config::Mode;
use crate::widget::{ENTRY, integrity};

#[derive(Args)]
pub(super) struct Widget {
    /// The app's site key (`countersign app list`)
    #[arg(long, value_name = "KEY", default_value = "YOUR_SITE_KEY")]
    site_key: String,
    /// Pin every file of the widget, not only the first, by an import map; then update the page with each update of the
    /// server
    #[arg(long)]
    pin_all: bool,
    #[command(flatten)]
    place: Place,
}

impl Widget {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let config = self.place.config(None, Mode::Production)?;
        let server = match config.public_url.as_str() {
            "" => format!("http://{}", config.listen),
            url => url.to_owned(),
        };
        let address = |path: &str| format!("{server}/widget/{path}");
        let mut out = std::io::stdout().lock();
        if self.pin_all {
            let pins: Map<_, _> = integrity().map(|(path, hash)| (address(path), Value::String(hash))).collect();
            writeln!(out, "<script type=\"importmap\">{}</script>", json!({ "integrity": pins }))?;
        }
        let hash = integrity().find_map(|(path, hash)| (path == ENTRY).then_some(hash)).unwrap_or_default();
        let entry = address(ENTRY);
        writeln!(out, "<script type=\"module\" src=\"{entry}\" integrity=\"{hash}\" crossorigin></script>")?;
        let site_key = self.site_key;
        writeln!(out, "<countersign-challenge site-key=\"{site_key}\" action=\"signup\"></countersign-challenge>")?;
        Ok(())
    }
}
