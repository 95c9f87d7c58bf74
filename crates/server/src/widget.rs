//! The widget's files at `/widget/*` and Tencent's newer script at `/TCaptcha.js`, for pages of any origin, and their hashes at `/widget/integrity.json`.
//!
//! Their addresses stay the same for ever, since they stand in other people's pages. So a browser keeps a file for five
//! minutes and then asks whether it has changed: an update reaches everybody soon, and at most once in five minutes costs a
//! round trip. Proxies are told not to touch what is in them, because a page may have pinned their hashes.

use std::io::Write as _;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use countersign_facades::{Facade, Problem, Refusal, Request, Response, json, language_of};
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{
    ACCEPT_ENCODING, ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_ENCODING, ETAG, IF_NONE_MATCH, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use sha2::{Digest as _, Sha384};

use crate::files::{self, Embedded, files};

const CACHING: &str = "public, max-age=300, no-transform";
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// What a page loads; everything else comes from there.
pub(crate) const ENTRY: &str = "countersign.js";

/// Every file of `web/widget/`. Sorted; a test compares it with the folder.
const FILES: &[Embedded] = files![
    "web/widget/":
    "calls.js",
    "challenge.js",
    "countersign.js",
    "dialog.js",
    "element.js",
    "elements.js",
    "kinds/slider.js",
    "kinds/slider/drag.js",
    "kinds/slider/hold.js",
    "kinds/slider/look.js",
    "kinds/slider/parts.js",
    "kinds/slider/picture.js",
    "language.js",
    "locales/en.js",
    "locales/zh.js",
    "look.js",
    "sha256.js",
    "stage-look.js",
    "stage.js",
    "trail.js",
];

/// The script of Tencent's newer widget, at the addresses that the vendor has had for it. It finds the rest beside itself.
const TENCENT: &[Embedded] = files!["web/tencent/": "TCaptcha.js"];
const TENCENT_PATHS: [&str; 2] = ["/TCaptcha.js", "/TJCaptcha.js"];

/// The hash of each file, as a page names it in `integrity`.
pub(crate) fn integrity() -> impl Iterator<Item = (&'static str, String)> {
    FILES.iter().map(|(path, bytes)| (*path, hash(bytes)))
}

fn hash(bytes: &[u8]) -> String {
    format!("sha384-{}", STANDARD.encode(Sha384::digest(bytes)))
}

/// The door.
pub(crate) struct Widget {
    /// In the order of [`FILES`].
    answers: Vec<(&'static str, Answers)>,
    integrity: Bytes,
    tencent: Answers,
}

/// A file, ready to be sent.
struct Answers {
    plain: Response,
    gzip: Response,
    /// Weak, because it stands for both.
    tag: HeaderValue,
}

impl Widget {
    /// Hashes and compresses the files, once.
    pub(crate) fn new() -> anyhow::Result<Self> {
        let mut answers = Vec::with_capacity(FILES.len());
        for ((path, bytes), (_, integrity)) in FILES.iter().zip(integrity()) {
            answers.push((*path, Answers::new(path, bytes, &integrity)?));
        }
        let integrity: serde_json::Map<_, _> =
            integrity().map(|(path, hash)| (path.to_owned(), serde_json::Value::String(hash))).collect();
        let [(path, bytes)] = TENCENT else { anyhow::bail!("one script of Tencent's widget") };
        let tencent = Answers::new(path, bytes, &hash(bytes))?;
        Ok(Self { answers, integrity: json(&integrity).into(), tencent })
    }

    fn file(&self, request: &Request) -> Result<Response, Problem> {
        if !matches!(request.method, Method::GET | Method::HEAD) {
            return Err(Problem::MethodNotAllowed("GET"));
        }
        if TENCENT_PATHS.contains(&request.path.as_str()) {
            return Ok(self.tencent.to(request));
        }
        let path = request.path.strip_prefix("/widget/").unwrap_or_default();
        if path == "integrity.json" {
            let answer = Response::new(StatusCode::OK, "application/json", self.integrity.clone());
            return Ok(answer.with_header(CACHE_CONTROL, "no-cache"));
        }
        let index = self.answers.binary_search_by_key(&path, |(name, _)| name).map_err(|_| Problem::NotFound)?;
        let (_, answers) = &self.answers[index];
        Ok(answers.to(request))
    }
}

impl Answers {
    fn new(path: &str, bytes: &'static [u8], integrity: &str) -> anyhow::Result<Self> {
        let tag = HeaderValue::try_from(format!("W/\"{}\"", integrity.get(7..31).unwrap_or_default()))?;
        let mut plain = Response::new(StatusCode::OK, files::media_type(path), Bytes::from_static(bytes))
            .with_header(CACHE_CONTROL, CACHING)
            .with_header(VARY, "accept-encoding");
        plain.headers.insert(ETAG, tag.clone());
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes)?;
        let mut gzip = plain.clone().with_header(CONTENT_ENCODING, "gzip");
        gzip.body = encoder.finish()?.into();
        Ok(Self { plain, gzip, tag })
    }

    fn to(&self, request: &Request) -> Response {
        if holds(request, IF_NONE_MATCH, self.tag.to_str().unwrap_or_default()) {
            let mut unchanged = self.plain.clone();
            (unchanged.status, unchanged.body) = (StatusCode::NOT_MODIFIED, Bytes::new());
            return unchanged;
        }
        if holds(request, ACCEPT_ENCODING, "gzip") { self.gzip.clone() } else { self.plain.clone() }
    }
}

/// Whether a list in a header names `word`, weights of 0 aside: nobody who sends the word means that.
fn holds(request: &Request, header: HeaderName, word: &str) -> bool {
    let values = request.headers.get_all(header);
    let mut names = values.iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    names.any(|name| name.split(';').next().unwrap_or_default().trim() == word)
}

/// Lets a page of any origin have it, one that isolates itself included.
fn for_any_page(response: Response) -> Response {
    response.with_header(ACCESS_CONTROL_ALLOW_ORIGIN, "*").with_header(RESOURCE_POLICY, "cross-origin")
}

#[async_trait]
impl Facade for Widget {
    fn name(&self) -> &'static str {
        "widget"
    }

    fn paths(&self) -> &'static [&'static str] {
        &["/widget/*", "/TCaptcha.js", "/TJCaptcha.js"]
    }

    async fn answer(&self, request: Request) -> Response {
        let answered = self.file(&request);
        for_any_page(answered.unwrap_or_else(|problem| problem.response(language_of(&request.headers))))
    }

    fn refuse(&self, refusal: Refusal, headers: &HeaderMap) -> Response {
        for_any_page(Problem::from(refusal).response(language_of(headers)))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::net::Ipv4Addr;

    use super::*;

    fn get(path: &str, headers: &[(HeaderName, &str)]) -> Result<Response, Problem> {
        let headers = headers.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect();
        let path = format!("/widget/{path}");
        let client = Ipv4Addr::LOCALHOST.into();
        let request =
            Request { client, method: Method::GET, path, query: None, headers, body: Bytes::new(), agent: None };
        Widget::new().unwrap().file(&request)
    }

    #[test]
    fn the_list_is_sorted_and_names_every_file() {
        let listed: Vec<_> = FILES.iter().map(|(path, _)| *path).collect();
        assert_eq!(files::testing::found("web/widget", &[]), listed, "a file of web/widget/ needs its line in FILES");
    }

    #[test]
    fn a_file_comes_as_it_is_or_compressed_and_not_twice() {
        let plain = get(ENTRY, &[]).unwrap();
        assert_eq!(plain.headers[CACHE_CONTROL], CACHING);
        let gzip = get(ENTRY, &[(ACCEPT_ENCODING, "br, gzip;q=0.8")]).unwrap();
        assert_eq!(gzip.headers[CONTENT_ENCODING], "gzip");
        let mut unpacked = Vec::new();
        flate2::read::GzDecoder::new(&*gzip.body).read_to_end(&mut unpacked).unwrap();
        assert_eq!(unpacked, plain.body);
        let tag = gzip.headers[ETAG].to_str().unwrap();
        let unchanged = get(ENTRY, &[(IF_NONE_MATCH, tag)]).unwrap();
        assert_eq!((unchanged.status, unchanged.body.len()), (StatusCode::NOT_MODIFIED, 0));
        assert_eq!(get(ENTRY, &[(IF_NONE_MATCH, "W/\"older\"")]).unwrap().status, StatusCode::OK);
        assert_eq!(get("../index.html", &[]).unwrap_err(), Problem::NotFound);
    }

    #[test]
    fn the_hashes_are_those_of_the_files() {
        let hashes: serde_json::Value = serde_json::from_slice(&get("integrity.json", &[]).unwrap().body).unwrap();
        for (path, bytes) in FILES {
            let expected = format!("sha384-{}", STANDARD.encode(Sha384::digest(bytes)));
            assert_eq!(hashes[path], expected.as_str(), "{path}");
        }
    }
}
