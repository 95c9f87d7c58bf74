//! The script, which a page loads once.

use countersign_domain::app::AppRefusal;
use countersign_domain::captcha_app::CaptchaAppId;
use countersign_domain::embedding::Layout;
use countersign_domain::operations::{LoadScriptError, PageRefusal};
use countersign_domain::usage::{Person, Step, Usage};
use http::header::ALLOW;
use http::{HeaderName, Method, StatusCode};
use serde::Serialize;

use super::TencentCaptcha;
use super::complaint::Complaint;
use super::order::Remembered;
use crate::door::{Request, Response, json};
use crate::tencent::TENCENT_CAPTCHA;

/// The script. Its settings stand where the marker is.
const TEXT: &str = include_str!("../../../../web/tencent/TCapIframeApi.js");
const MARKER: &str = "/*SETTINGS*/null";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
/// Most parameters of the address that are looked at.
const MOST: usize = 50;

/// What the script is told.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Settings<'a> {
    /// Where this server is, with a slash at the end.
    base: String,
    /// What challenges are drawn with.
    session: &'a str,
    app_id: u32,
    /// 1 for telephones, 2 for other browsers, 4 for an app's web view.
    client_type: u8,
    /// As the vendor numbers languages.
    language: u16,
}

/// What a page says in the address that it loads.
#[derive(Clone, Copy, Default)]
pub(super) struct Asked {
    client_type: Option<u8>,
    language: Option<u16>,
}

/// Why a script is not handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ScriptRefusal {
    MethodNotAllowed,
    Load(LoadScriptError),
}

impl ScriptRefusal {
    /// The status, and the comment that stands for the script: whoever builds the page finds it in the browser's tools.
    fn words(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "use GET", "请使用 GET"),
            Self::Load(LoadScriptError::Page(PageRefusal::Expired)) => (
                StatusCode::GONE,
                "this address has expired: ask for one for each page view",
                "此地址已过期：每次打开页面都需重新获取",
            ),
            Self::Load(LoadScriptError::Page(PageRefusal::Loaded)) => (
                StatusCode::GONE,
                "this address was loaded before: ask for one for each page view",
                "此地址已被加载过：每次打开页面都需重新获取",
            ),
            Self::Load(LoadScriptError::Page(
                PageRefusal::Unknown | PageRefusal::Elsewhere | PageRefusal::Exhausted,
            )) => (
                StatusCode::FORBIDDEN,
                "no such address: it was changed, or is from before a restart",
                "未知的地址：已被更改，或来自服务器重启之前",
            ),
            Self::Load(LoadScriptError::App(AppRefusal::Unknown | AppRefusal::Disabled)) => {
                (StatusCode::FORBIDDEN, "the app is disabled", "应用已停用")
            }
            Self::Load(LoadScriptError::KeyDisabled) => (StatusCode::FORBIDDEN, "the key is disabled", "密钥已停用"),
            Self::Load(LoadScriptError::Busy(_)) => {
                (StatusCode::SERVICE_UNAVAILABLE, "busy, try again in a moment", "服务繁忙，请稍后重试")
            }
        }
    }

    /// The same to a site's server.
    pub(super) fn complaint(self) -> Complaint {
        match self {
            Self::MethodNotAllowed => Complaint::MethodUnsupported,
            Self::Load(LoadScriptError::App(_) | LoadScriptError::KeyDisabled) => Complaint::KeyInactive,
            Self::Load(LoadScriptError::Page(_) | LoadScriptError::Busy(_)) => Complaint::Busy,
        }
    }
}

impl TencentCaptcha {
    /// Hands the script of an address out, this once.
    pub(super) async fn script(&self, request: &Request) -> Response {
        if request.method != Method::GET {
            return response(Err(ScriptRefusal::MethodNotAllowed), None).with_header(ALLOW, "GET");
        }
        let (asig, asked) = read(request.query.as_deref().unwrap_or_default());
        response(self.load(asig, asked).await, None)
    }

    /// Spends `token`, and puts the script's settings into it.
    pub(super) async fn load(&self, token: &str, asked: Asked) -> Result<String, ScriptRefusal> {
        let loaded = self.tencent.embed_challenge.load(token).await.map_err(ScriptRefusal::Load)?;
        let ordered = match loaded.order.wishes.layout {
            Layout::Phone => 1,
            Layout::Desktop => 2,
            Layout::App => 4,
        };
        let Remembered { https, group } = Remembered::read(loaded.order.wishes.note.bytes());
        let usage = Usage {
            app: loaded.order.app.clone(),
            door: TENCENT_CAPTCHA,
            step: Step::Loaded,
            group,
            registered_at: None,
            person: Person::default(),
        };
        self.usages.note_usage.note(usage);
        let settings = Settings {
            base: self.tencent.address(https, "/"),
            session: &loaded.session,
            app_id: self.directory.captcha_app_of(&loaded.order.app).map_or(0, CaptchaAppId::number),
            client_type: asked.client_type.unwrap_or(ordered),
            language: asked.language.unwrap_or(2052),
        };
        let settings = String::from_utf8(json(&settings)).unwrap_or_default();
        Ok(TEXT.replacen(MARKER, &settings, 1))
    }
}

/// The token of a script's address, and what the page wants. Pages append parameters that stand there already: the last one
/// is theirs.
fn read(query: &str) -> (&str, Asked) {
    let (mut asig, mut asked) = ("", Asked::default());
    for (name, value) in query.split('&').take(MOST).filter_map(|pair| pair.split_once('=')) {
        match (name, value) {
            ("asig", value) if asig.is_empty() => {
                asig = value.trim_end_matches("%2A").trim_end_matches("%2a").trim_end_matches('*');
            }
            ("clientype", "1") => asked.client_type = Some(1),
            ("clientype", "2") => asked.client_type = Some(2),
            ("clientype", "3" | "4") => asked.client_type = Some(4),
            ("lang", "2052") => asked.language = Some(2052),
            ("lang", "1028") => asked.language = Some(1028),
            ("lang", "1033") => asked.language = Some(1033),
            _ => {}
        }
    }
    (asig, asked)
}

/// The script, or a comment in its place and a call of `on_error`, for which the first edition had a name.
pub(super) fn response(script: Result<String, ScriptRefusal>, on_error: Option<&str>) -> Response {
    let (status, text) = match script {
        Ok(text) => (StatusCode::OK, text),
        Err(refusal) => {
            let (status, english, chinese) = refusal.words();
            let call = on_error.map(|name| format!("{name}();\n")).unwrap_or_default();
            // Browsers run no script of another status.
            let status = if on_error.is_some() { StatusCode::OK } else { status };
            (status, format!("// {english} / {chinese}\n{call}"))
        }
    };
    Response::new(status, JAVASCRIPT, text).with_header(RESOURCE_POLICY, "cross-origin")
}

/// Whether `name` can be that of a function in a page: names with points between them. Nothing else is put into a script.
pub(super) fn is_function(name: &str) -> bool {
    let is_name = |part: &str| {
        let letters = part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$');
        letters && part.bytes().next().is_some_and(|byte| !byte.is_ascii_digit())
    };
    name.len() <= 64 && name.split('.').all(is_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_has_the_marker_once_and_every_function() {
        assert_eq!(TEXT.matches(MARKER).count(), 1);
        for function in ["capInit", "capGetTicket", "capRefresh", "capDestroy"] {
            assert!(TEXT.contains(function), "{function}");
        }
    }

    #[test]
    fn an_address_may_have_been_added_to_and_escaped() {
        for (query, expected) in [
            ("appid=1&clientype=2&lang=2052&asig=AB-_**", ("AB-_", Some(2), Some(2052))),
            ("clientype=2&asig=AB**&clientype=1&clientype=x&_=1", ("AB", Some(1), None)),
            ("asig=AB%2A%2A&lang=1033&asig=CD", ("AB", None, Some(1033))),
            ("asig&lang", ("", None, None)),
        ] {
            let (asig, asked) = read(query);
            assert_eq!((asig, asked.client_type, asked.language), expected, "{query}");
        }
    }

    #[test]
    fn only_names_of_functions_are_called() {
        assert!(["cb", "_a.$b1", "window.onCaptcha"].into_iter().all(is_function));
        assert!(!["", "1a", "a.", "a()", "a;b", "alert(1)//", "中", "a b"].into_iter().any(is_function));
    }
}
