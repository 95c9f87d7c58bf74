//! `GET /dev/legibility?family=&level=&axes=`: a picture with its answer, for the page on which people find out how well they
//! see the spots. It is no challenge: nothing is sealed, and no ticket can be had for it.

use countersign_challenges::{Family, Slider};
use countersign_domain::challenge::{Axes, Challenge as _, Level, PictureFormat, Seed, Solution, Style};
use countersign_facades::{Context, Problem, Request, Response, ViewJson, json};
use http::StatusCode;
use serde::Serialize;

#[derive(Serialize)]
struct SampleJson {
    family: &'static str,
    level: u8,
    view: ViewJson,
    /// Where the piece's picture belongs. Without a row it is as high as the background.
    answer: PlaceJson,
}

#[derive(Serialize)]
struct PlaceJson {
    x: u16,
    y: u16,
}

/// Draws one picture; of any family, of level 3 and along both axes, unless it says otherwise.
pub(super) async fn sample(context: &Context, request: &Request) -> Result<Response, Problem> {
    let (mut only, mut level, mut axes) = (None, Level::DEFAULT, Axes::Two);
    for (key, value) in form_urlencoded::parse(request.query.as_deref().unwrap_or_default().as_bytes()) {
        match &*key {
            "family" => only = Some(Family::from_word(&value).ok_or_else(|| unknown("family", &value))?),
            "level" => level = value.parse().ok().and_then(Level::new).ok_or_else(|| unknown("level", &value))?,
            "axes" => axes = axes_of(&value).ok_or_else(|| unknown("axes", &value))?,
            _ => {}
        }
    }
    // What vendors' clients get along one axis, and our own widget along both.
    let format = match axes {
        Axes::One => PictureFormat::Png,
        Axes::Two => PictureFormat::Jpeg,
    };
    let seed = Seed::new(context.entropy.array());
    let family = only.unwrap_or_else(|| Family::of(&seed));
    let drawn = tokio::task::spawn_blocking(move || Slider { only }.make(&seed, level, Style { format, axes }));
    let puzzle = drawn.await.map_err(|_| Problem::Failed)?.map_err(|_| Problem::Failed)?;
    let Solution::Slider { x, y, .. } = puzzle.solution;
    let (view, answer) = (ViewJson::from(&puzzle.view), PlaceJson { x, y: y.unwrap_or(0) });
    let sample = SampleJson { family: family.word(), level: level.number(), view, answer };
    Ok(Response::new(StatusCode::OK, "application/json", json(&sample)))
}

fn axes_of(word: &str) -> Option<Axes> {
    [Axes::One, Axes::Two].into_iter().find(|axes| axes.word() == word)
}

fn unknown(parameter: &str, value: &str) -> Problem {
    let value: String = value.chars().take(20).collect();
    Problem::MalformedRequest(format!("`{parameter}` cannot be `{value}`"), format!("`{parameter}` 不能是 `{value}`"))
}
