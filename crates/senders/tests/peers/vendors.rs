//! Senders of vendors against a server that believes a call only by its vendor's signature, computed in Python from the bytes that
//! it got: what is signed, who is refused, and what becomes of a message that is throttled, hangs, or meets a proxy's page.

use countersign_domain::language::Language;
use countersign_domain::message::{Message, Subject};

use crate::peer::{Peer, python};
use crate::{message, sender, told};

/// The kinds, their settings, and what a stranger hears: with `SECRET`.
const KINDS: &[(&str, &str, &str, &str)] = &[
    (
        "twilio",
        "account_sid = 'AC1'\nauth_token = 'SECRET'\nfrom = '+12025550123'",
        "sent as SM1",
        "not now: HTTP 401: 20003",
    ),
    (
        "aliyun_sms",
        "access_key_id = 'LTAI1'\naccess_key_secret = 'SECRET'\nsign_name = '示例 & Co+'\n\
         templates = { zh = 'SMS_2', en = 'SMS_1' }\nparameters = ['code', 'minutes', 'app']",
        "sent as 9006^0",
        "refused: HTTP 400: SignatureDoesNotMatch",
    ),
    (
        "tencent_sms",
        "secret_id = 'AKID1'\nsecret_key = 'SECRET'\nsdk_app_id = '1400'\nsign_name = '示例'\n\
         templates = { zh = '2', en = '1' }\nparameters = ['code', 'minutes']",
        "sent as 2640:1",
        "refused: HTTP 200: AuthFailure.SignatureFailure",
    ),
    (
        "huawei_sms",
        "app_key = 'k1'\napp_secret = 'SECRET'\nfrom = '8824'\nsignature = '示例'\ntemplates = { zh = 't2', en = 't1' }",
        "sent as d6e3_1",
        "not now: HTTP 401: E000103",
    ),
];

struct Vendors {
    peer: Peer,
    port: String,
}

impl Vendors {
    fn start(behaviours: &[&str]) -> Self {
        let peer = Peer::start(python("vendors.py").args(behaviours));
        let port = peer.line("port ").replace("port ", "");
        Self { peer, port }
    }

    async fn send(&self, kind: &str, settings: &str, secret: &str, message: &Message) -> String {
        let port = &self.port;
        let settings = settings.replace("SECRET", secret);
        let settings = format!("url = 'http://127.0.0.1:{port}'\ndeadline_seconds = 2\n{settings}");
        told(sender(kind, &settings, "https://verify.example.com/v1/deliveries").send(message).await)
    }
}

fn text() -> Message {
    message("+86 139 1234 5678", "", "验证码 123456 & 1+1=2")
}

#[tokio::test(flavor = "multi_thread")]
async fn vendors_believe_what_we_sign_and_nobody_else() {
    let vendors = Vendors::start(&["take"]);
    let mut took = String::new();
    for (kind, settings, sent, refused) in KINDS {
        assert_eq!(&vendors.send(kind, settings, "s3cret", &text()).await, sent);
        took.push_str(&vendors.peer.line("\"took\""));
        took.push('\n');
        assert_eq!(&vendors.send(kind, settings, "guess", &text()).await, refused);
        let about = Subject { language: Language::Chinese, ..text().about };
        let abroad = Message { about, ..message("+1 202 555 0123", "", "123456") };
        assert_eq!(&vendors.send(kind, settings, "s3cret", &abroad).await, sent);
        took.push_str(&vendors.peer.line("\"took\""));
        took.push('\n');
    }
    insta::assert_snapshot!(took);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_passes_is_tried_again() {
    let vendors = Vendors::start(&["throttle", "page"].repeat(KINDS.len()));
    let mut outcomes = Vec::new();
    for (kind, settings, ..) in KINDS {
        for _ in ["throttle", "page"] {
            outcomes.push(vendors.send(kind, settings, "s3cret", &text()).await);
        }
    }
    let page = "in doubt: no code in HTTP 200: <html>please sign in</html>";
    assert_eq!(
        outcomes,
        [
            "not now: HTTP 429: 20429",
            page,
            "not now: HTTP 200: isv.BUSINESS_LIMIT_CONTROL",
            page,
            "not now: HTTP 200: RequestLimitExceeded",
            page,
            "not now: HTTP 200: E200015",
            page,
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vendor_that_hangs_holds_nothing_up() {
    let vendors = Vendors::start(&["hang"]);
    for (kind, settings, ..) in KINDS {
        assert_eq!(vendors.send(kind, settings, "s3cret", &text()).await, "in doubt: no answer within 2 s");
    }
}
