//! The demo page at `/` and the scripts of `web/`, embedded. Strict CSP: one origin, no inline anything, no images (pictures
//! are drawn from bytes).

use async_trait::async_trait;
use bytes::Bytes;
use countersign_facades::{Facade, Language, Problem, Refusal, Request, Response};
use http::header::{CONTENT_SECURITY_POLICY, REFERRER_POLICY};
use http::{HeaderMap, Method, StatusCode};

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'none'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const INDEX: &str = include_str!("../../../web/index.html");

macro_rules! files {
    ($($path:literal),* $(,)?) => {
        &[$(($path, include_bytes!(concat!("../../../web/", $path)))),*]
    };
}

/// Every file of `web/` but the page itself. Sorted; a test compares it with the folder.
const FILES: &[(&str, &[u8])] = files![
    "calls.js",
    "example.js",
    "hold.js",
    "language.js",
    "locales/en.js",
    "locales/zh.js",
    "page.css",
    "page.js",
    "panel.css",
    "panel.js",
    "picture.js",
    "slider.css",
    "slider.js",
];

/// The demo page, under `--dev`.
pub(crate) struct Pages {
    index: Bytes,
}

impl Pages {
    /// The page for the app with this site key.
    pub(crate) fn new(site_key: &str) -> Self {
        Self { index: INDEX.replace("{{site_key}}", site_key).into() }
    }
}

#[async_trait]
impl Facade for Pages {
    fn name(&self) -> &'static str {
        "pages"
    }

    fn paths(&self) -> &'static [&'static str] {
        &["/", "/favicon.ico", "/web/*"]
    }

    async fn answer(&self, request: Request) -> Response {
        let answered = self.page(&request);
        answered.unwrap_or_else(|problem| problem.response(Language::of(&request.headers)))
    }

    fn refuse(&self, refusal: Refusal, headers: &HeaderMap) -> Response {
        Problem::from(refusal).response(Language::of(headers))
    }
}

impl Pages {
    fn page(&self, request: &Request) -> Result<Response, Problem> {
        // What vendors' clients send to `/` is for doors that are still to come: only a bare GET is for the page. The page
        // itself reads `?lang=`.
        let query = request.query.as_deref().unwrap_or_default();
        if request.path == "/" && !(query.is_empty() || query.starts_with("lang=")) {
            return Err(Problem::NotFound);
        }
        if !matches!(request.method, Method::GET | Method::HEAD) {
            return Err(Problem::MethodNotAllowed("GET"));
        }
        let response = match request.path.as_str() {
            "/" => Response::new(StatusCode::OK, "text/html; charset=utf-8", self.index.clone()),
            // Browsers ask for it unasked; this spares them a 404 in the console.
            "/favicon.ico" => Response::new(StatusCode::NO_CONTENT, "image/x-icon", Bytes::new()),
            path => file(path.strip_prefix("/web/").unwrap_or_default())?,
        };
        Ok(response.with_header(CONTENT_SECURITY_POLICY, POLICY).with_header(REFERRER_POLICY, "no-referrer"))
    }
}

fn file(path: &str) -> Result<Response, Problem> {
    let index = FILES.binary_search_by_key(&path, |(name, _)| name).map_err(|_| Problem::NotFound)?;
    let (_, bytes) = FILES[index];
    let script = path.rsplit_once('.').is_some_and(|(_, extension)| extension == "js");
    let media_type = if script { "text/javascript; charset=utf-8" } else { "text/css; charset=utf-8" };
    Ok(Response::new(StatusCode::OK, media_type, Bytes::from_static(bytes)))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_list_is_sorted_and_names_every_file() {
        let web = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../web"));
        let mut found = Vec::new();
        let mut folders = vec![web.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    found.push(path.strip_prefix(web).unwrap().to_str().unwrap().to_owned());
                }
            }
        }
        found.retain(|path| path != "index.html");
        found.sort();
        let listed: Vec<_> = FILES.iter().map(|(path, _)| *path).collect();
        assert_eq!(found, listed, "a file of web/ needs its line in FILES");
    }
}
