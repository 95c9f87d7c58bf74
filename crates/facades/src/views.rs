//! How the native API writes what a client is shown.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_domain::challenge::{Picture, PictureFormat, View};
use countersign_domain::time::Timestamp;
use serde::Serialize;

/// A challenge's view as JSON.
#[derive(Serialize)]
#[serde(untagged)]
#[expect(missing_docs, reason = "the fields are what the API's description says they are")]
pub enum ViewJson {
    Slider { width: u16, height: u16, axes: &'static str, background: PictureJson, piece: PictureJson },
}

/// A picture as JSON.
#[derive(Serialize)]
pub struct PictureJson {
    media_type: &'static str,
    width: u16,
    height: u16,
    data: String,
}

impl From<&View> for ViewJson {
    fn from(view: &View) -> Self {
        match view {
            View::Slider { axes, background, piece } => Self::Slider {
                width: background.width,
                height: background.height,
                axes: axes.word(),
                background: background.into(),
                piece: piece.into(),
            },
        }
    }
}

impl From<&Picture> for PictureJson {
    fn from(picture: &Picture) -> Self {
        let media_type = match picture.format {
            PictureFormat::Png => "image/png",
            PictureFormat::Jpeg => "image/jpeg",
        };
        let (width, height) = (picture.width, picture.height);
        Self { media_type, width, height, data: STANDARD.encode(&picture.bytes) }
    }
}

/// A point in time as RFC 3339 text in UTC.
pub(crate) fn rfc3339(time: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(time.milliseconds()).unwrap_or(jiff::Timestamp::MAX).to_string()
}
