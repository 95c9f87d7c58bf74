//! The words of problems with one-time codes. Each names what refused the call, and what unlocks it.

use countersign_domain::contact::Channel;
use countersign_domain::gate::CodeLimit;
use countersign_domain::operations::TicketRefusal;
use http::StatusCode;

use super::Words;

pub(super) const TICKET_REQUIRED: Words<'static> = (
    "urn:countersign:problem:ticket-required",
    StatusCode::UNPROCESSABLE_ENTITY,
    [
        "A ticket is needed",
        "Codes for this purpose are paid for with a solved challenge: ask for one with the `contact` and the purpose as its \
         `action`, and send its ticket as `ticket`.",
    ],
    [
        "需要票据",
        "此用途的验证码须先完成一次人机验证：请以该联系方式为 `contact`、以用途为 `action` 获取验证，并把所得票据作为 `ticket` 提交。",
    ],
);

pub(super) const CONTACT_BLOCKED: Words<'static> = (
    "urn:countersign:problem:contact-blocked",
    StatusCode::UNPROCESSABLE_ENTITY,
    ["Nothing is sent to this contact", "The operator blocks it. Use another contact."],
    ["不向该联系方式发送", "管理员已将其屏蔽，请换用其他联系方式。"],
);

pub(super) const COUNTRY_NOT_ALLOWED: Words<'static> = (
    "urn:countersign:problem:country-not-allowed",
    StatusCode::UNPROCESSABLE_ENTITY,
    [
        "No texts are sent to this country",
        "Use a number of another country or an e-mail address, or ask the operator to allow it.",
    ],
    ["不向该国家或地区发送短信", "请使用其他国家或地区的号码或邮箱地址，或请管理员放行。"],
);

pub(super) const IMPOSSIBLE_NUMBER: Words<'static> = (
    "urn:countersign:problem:impossible-number",
    StatusCode::UNPROCESSABLE_ENTITY,
    ["Nobody can have this number", "Check its digits, and write it with its country calling code: +86 139 1234 5678."],
    ["号码不存在", "请核对号码，并带上国家或地区代码，例如 +86 139 1234 5678。"],
);

pub(super) const IDEMPOTENCY_KEY_REUSED: Words<'static> = (
    "urn:countersign:problem:idempotency-key-reused",
    StatusCode::UNPROCESSABLE_ENTITY,
    ["The idempotency key belongs to another call", "Use a fresh `Idempotency-Key` for each code that is wanted."],
    ["该幂等键属于另一次调用", "请为每次发送使用新的 `Idempotency-Key`。"],
);

pub(super) const TEMPLATE_BROKEN: Words<'static> = (
    "urn:countersign:problem:template-broken",
    StatusCode::SERVICE_UNAVAILABLE,
    [
        "The message could not be put into words",
        "The operator's template fails; the server's log says why. Nothing was spent.",
    ],
    ["无法生成消息内容", "管理员配置的模板有误，服务器日志中有原因；未消耗任何内容。"],
);

pub(super) fn no_sender(channel: Channel) -> Words<'static> {
    let (english, chinese) = match channel {
        Channel::Sms => (
            "The operator has no gateway for texts to this number. Use an e-mail address, or ask for one.",
            "管理员没有配置可向该号码发送短信的网关，请使用邮箱地址，或联系管理员配置。",
        ),
        Channel::Email => (
            "The operator has no mail server for this address. Use a phone number, or ask for one.",
            "管理员没有配置可向该地址发送邮件的服务器，请使用手机号，或联系管理员配置。",
        ),
    };
    (
        "urn:countersign:problem:no-sender",
        StatusCode::UNPROCESSABLE_ENTITY,
        ["No sender serves this contact", english],
        ["没有可用的发送渠道", chinese],
    )
}

pub(super) fn ticket_refused(refusal: TicketRefusal) -> Words<'static> {
    let (english, chinese) = match refusal {
        TicketRefusal::Unknown => (
            "It was changed, is another app's, or is from before a restart. Solve a new challenge.",
            "票据已被更改、属于其他应用，或来自服务器重启之前。请重新完成验证。",
        ),
        TicketRefusal::Expired => ("Its time is over. Solve a new challenge.", "票据已过期，请重新完成验证。"),
        TicketRefusal::Used => {
            ("It was redeemed before. Each code takes a ticket of its own.", "票据已被使用，每次发送都需要新的票据。")
        }
        TicketRefusal::OtherAction => (
            "It is for another action. Ask for the challenge with the code's purpose as its `action`.",
            "票据用于其他操作。获取验证时请以验证码的用途为 `action`。",
        ),
        TicketRefusal::OtherContact => (
            "It is for another contact, or for none. Ask for the challenge with `to` as its `contact`.",
            "票据绑定了其他联系方式，或未绑定。获取验证时请以 `to` 为 `contact`。",
        ),
        TicketRefusal::OtherAddress => (
            "It was earned at another address. Give the person's address as `client_ip`.",
            "票据是在其他地址获得的。请在 `client_ip` 中给出用户的地址。",
        ),
    };
    (
        "urn:countersign:problem:ticket-refused",
        StatusCode::UNPROCESSABLE_ENTITY,
        ["The ticket does not count", english],
        ["票据无效", chinese],
    )
}

/// `ticket_lifts`: whether a ticket would, as the operator decides for the purpose.
pub(super) fn over_limit(limit: CodeLimit, ticket_lifts: bool) -> Words<'static> {
    let (english, chinese) = match (limit, ticket_lifts) {
        (CodeLimit::Resend, _) => (
            "A code was sent to this contact a moment ago. Wait for as long as `retry_after_ms` says.",
            "刚刚已向该联系方式发送过验证码，请等待 `retry_after_ms` 所示的毫秒数。",
        ),
        (CodeLimit::Contact, _) => (
            "This contact has got as many codes as it may in a day. Wait for as long as `retry_after_ms` says.",
            "该联系方式当日的验证码数量已达上限，请等待 `retry_after_ms` 所示的毫秒数。",
        ),
        (CodeLimit::Account, _) => (
            "The owner of this account was asked for consent as often as may be in a day. Wait for as long as `retry_after_ms` says.",
            "当日向该账号所有者征求同意的次数已达上限，请等待 `retry_after_ms` 所示的毫秒数。",
        ),
        (CodeLimit::Network, false) => (
            "People on this network have asked for as many codes as they may in a day. Wait for as long as `retry_after_ms` says.",
            "该网段当日请求的验证码数量已达上限，请等待 `retry_after_ms` 所示的毫秒数。",
        ),
        (CodeLimit::Network, true) => (
            "People on this network have asked for as many codes as they may in a day. Send the ticket of a solved challenge, or \
             wait for as long as `retry_after_ms` says.",
            "该网段当日请求的验证码数量已达上限。请提交完成人机验证所得的票据，或等待 `retry_after_ms` 所示的毫秒数。",
        ),
        (CodeLimit::App, _) => (
            "The app has sent as many codes as it may in a day. Wait for as long as `retry_after_ms` says, or ask the operator \
             to raise the limit.",
            "该应用当日的验证码数量已达上限。请等待 `retry_after_ms` 所示的毫秒数，或请管理员提高限额。",
        ),
        (CodeLimit::Country, false) => (
            "The app has sent as many texts to this country as it may in a day. Wait for as long as `retry_after_ms` says, or \
             ask the operator to raise the limit.",
            "该应用当日发往此国家或地区的短信已达上限。请等待 `retry_after_ms` 所示的毫秒数，或请管理员提高限额。",
        ),
        (CodeLimit::Country, true) => (
            "The app has sent as many texts to this country as it may in a day. Send the ticket of a solved challenge, or wait \
             for as long as `retry_after_ms` says.",
            "该应用当日发往此国家或地区的短信已达上限。请提交完成人机验证所得的票据，或等待 `retry_after_ms` 所示的毫秒数。",
        ),
        (CodeLimit::UnverifiedPrefix | CodeLimit::UnverifiedCountry | CodeLimit::UnverifiedNetwork, false) => (
            "Too many texts of this kind were never answered. Wait for as long as `retry_after_ms` says, or send the code by e-mail.",
            "此类短信中未被验证的过多。请等待 `retry_after_ms` 所示的毫秒数，或改用邮件发送。",
        ),
        (CodeLimit::UnverifiedPrefix | CodeLimit::UnverifiedCountry | CodeLimit::UnverifiedNetwork, true) => (
            "Too many texts of this kind were never answered. Send the ticket of a solved challenge, or wait for as long as \
             `retry_after_ms` says, or send the code by e-mail.",
            "此类短信中未被验证的过多。请提交完成人机验证所得的票据，或等待 `retry_after_ms` 所示的毫秒数，或改用邮件发送。",
        ),
        (CodeLimit::Spend, _) => (
            "The app's texts have cost as much as they may in a day. Wait for as long as `retry_after_ms` says, or ask the \
             operator to raise the limit.",
            "该应用当日的短信费用已达上限。请等待 `retry_after_ms` 所示的毫秒数，或请管理员提高限额。",
        ),
        (CodeLimit::WrongPerContact, _) => (
            "As many wrong codes were typed for this contact as may be in a day. Nothing was compared. Wait for as long as \
             `retry_after_ms` says.",
            "该联系方式当日输错验证码的次数已达上限，本次未作比对。请等待 `retry_after_ms` 所示的毫秒数。",
        ),
        (CodeLimit::WrongPerApp, _) => (
            "As many wrong codes were typed at this app as may be in a day. Nothing was compared. Wait for as long as \
             `retry_after_ms` says, or ask the operator to raise the limit.",
            "该应用当日输错验证码的次数已达上限，本次未作比对。请等待 `retry_after_ms` 所示的毫秒数，或请管理员提高限额。",
        ),
    };
    (
        "urn:countersign:problem:over-limit",
        StatusCode::TOO_MANY_REQUESTS,
        ["A limit of codes is reached", english],
        ["已达到验证码的限额", chinese],
    )
}
