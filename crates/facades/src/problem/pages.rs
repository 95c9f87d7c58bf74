//! The words of problems with challenges in other people's pages. Who reads them has the page open.

use countersign_domain::operations::PageRefusal;
use http::StatusCode;

use super::Words;

pub(super) const UNKNOWN_CAPTCHA_APP: Words<'static> = (
    "urn:countersign:problem:unknown-captcha-app",
    StatusCode::FORBIDDEN,
    ["Unknown CaptchaAppId", "Check the number against `countersign app list`."],
    ["未知的 CaptchaAppId", "请与 `countersign app list` 的输出核对该编号。"],
);

pub(super) fn refused(refusal: PageRefusal) -> Words<'static> {
    match refusal {
        PageRefusal::Unknown => (
            "urn:countersign:problem:session-unknown",
            StatusCode::FORBIDDEN,
            ["Unknown page", "It was changed, or is from before a restart of the server. Reload the page."],
            ["未知的页面会话", "会话已被更改，或来自服务器重启之前。请刷新页面。"],
        ),
        PageRefusal::Expired => (
            "urn:countersign:problem:session-expired",
            StatusCode::FORBIDDEN,
            ["The page was open for too long", "Reload the page."],
            ["页面打开时间过长", "请刷新页面。"],
        ),
        PageRefusal::Loaded => (
            "urn:countersign:problem:session-loaded",
            StatusCode::FORBIDDEN,
            ["The script was loaded before", "Each page view takes an address of its own. Reload the page."],
            ["脚本已被加载过", "每次打开页面都需要新的脚本地址。请刷新页面。"],
        ),
        PageRefusal::Elsewhere => (
            "urn:countersign:problem:session-elsewhere",
            StatusCode::FORBIDDEN,
            ["The page belongs to another site", "A script counts on the site that used it first. Reload the page."],
            ["会话属于其他网站", "脚本仅在首次使用它的网站上有效。请刷新页面。"],
        ),
        PageRefusal::Exhausted => (
            "urn:countersign:problem:session-exhausted",
            StatusCode::FORBIDDEN,
            ["The page has drawn as many challenges as it may", "Reload the page."],
            ["此页面获取验证的次数已达上限", "请刷新页面。"],
        ),
    }
}
