//! The pages of `--dev` and their scripts, embedded: `/`, the first page; `/demo`, every layout of the widget; `/demo/signup`,
//! a form with it; `/demo/confirm`, a contact confirmed with a code that its ticket pays for; `/demo/legibility`, sliders with
//! their answers; `/demo/tencent`, the widget as a site of Tencent's embeds it. Strict CSP: one origin, no inline anything, no
//! images (pictures are drawn from bytes).

use async_trait::async_trait;
use bytes::Bytes;
use countersign_facades::{Addressee, Facade, Head, Problem, Refusal, Request, Response, addressee, language_of};
use http::header::{CONTENT_SECURITY_POLICY, REFERRER_POLICY};
use http::{HeaderMap, Method, StatusCode};

use crate::files::{self, Embedded, files};

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'none'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// Every file of `web/` but the widget's and those of `tencent/`. Sorted; a test compares it with the folder.
const FILES: &[Embedded] = files![
    "web/":
    "calls.js",
    "confirm.css",
    "confirm.html",
    "confirm.js",
    "demo.css",
    "demo.html",
    "demo.js",
    "example.js",
    "index.html",
    "language.js",
    "legibility.css",
    "legibility.html",
    "legibility.js",
    "locales/en.js",
    "locales/zh.js",
    "page.css",
    "page.js",
    "panel.css",
    "panel.js",
    "signup.html",
    "signup.js",
    "tencent.html",
    "tencent.js",
];

/// Addresses of pages, and their files.
const PAGES: [(&str, &str); 6] = [
    ("/", "index.html"),
    ("/demo", "demo.html"),
    ("/demo/confirm", "confirm.html"),
    ("/demo/legibility", "legibility.html"),
    ("/demo/signup", "signup.html"),
    ("/demo/tencent", "tencent.html"),
];

/// The pages, under `--dev`.
pub(crate) struct Pages {
    /// Each with its address.
    pages: Vec<(&'static str, Bytes)>,
}

impl Pages {
    /// The pages for the app with this site key.
    pub(crate) fn new(site_key: &str) -> Self {
        let page = |(address, file)| {
            let text = String::from_utf8_lossy(files::find(FILES, file).unwrap_or_default());
            (address, text.replace("{{site_key}}", site_key).into())
        };
        Self { pages: PAGES.map(page).into() }
    }
}

#[async_trait]
impl Facade for Pages {
    fn name(&self) -> &'static str {
        "pages"
    }

    fn paths(&self) -> &'static [&'static str] {
        &["/", "/demo", "/demo/confirm", "/demo/legibility", "/demo/signup", "/demo/tencent", "/favicon.ico", "/web/*"]
    }

    /// `/` is also where vendors' clients call; the other paths are the pages' own.
    fn takes(&self, head: &Head<'_>) -> bool {
        head.path != "/" || addressee(head) == Addressee::Page
    }

    async fn answer(&self, request: Request) -> Response {
        let answered = self.page(&request);
        answered.unwrap_or_else(|problem| problem.response(language_of(&request.headers)))
    }

    fn refuse(&self, refusal: Refusal, headers: &HeaderMap) -> Response {
        Problem::from(refusal).response(language_of(headers))
    }
}

impl Pages {
    fn page(&self, request: &Request) -> Result<Response, Problem> {
        if !matches!(request.method, Method::GET | Method::HEAD) {
            return Err(Problem::MethodNotAllowed("GET"));
        }
        let response = match request.path.as_str() {
            // Browsers ask for it unasked; this spares them a 404 in the console.
            "/favicon.ico" => Response::new(StatusCode::NO_CONTENT, "image/x-icon", Bytes::new()),
            path => match self.pages.iter().find(|(address, _)| *address == path) {
                Some((_, page)) => Response::new(StatusCode::OK, files::media_type(".html"), page.clone()),
                None => file(path.strip_prefix("/web/").unwrap_or_default())?,
            },
        };
        Ok(response.with_header(CONTENT_SECURITY_POLICY, POLICY).with_header(REFERRER_POLICY, "no-referrer"))
    }
}

fn file(path: &str) -> Result<Response, Problem> {
    // A page is served at its address alone: its file still wants the site key.
    let is_page = PAGES.iter().any(|(_, file)| *file == path);
    let bytes = files::find(FILES, path).filter(|_| !is_page).ok_or(Problem::NotFound)?;
    Ok(Response::new(StatusCode::OK, files::media_type(path), Bytes::from_static(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_and_names_every_file() {
        let listed: Vec<_> = FILES.iter().map(|(path, _)| *path).collect();
        assert_eq!(
            files::testing::found("web", &["tencent", "widget"]),
            listed,
            "a file of web/ needs its line in FILES"
        );
    }

    #[test]
    fn every_page_has_its_file_with_nothing_left_to_fill_in() {
        for (address, page) in Pages::new("the-site-key").pages {
            let page = String::from_utf8_lossy(&page);
            assert!(page.starts_with("<!doctype html>") && !page.contains("{{"), "{address}");
            assert!(
                ["/demo/legibility", "/demo/tencent"].contains(&address) || page.contains("the-site-key"),
                "{address}"
            );
        }
    }
}
