use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::testing::{Draft, Peer, environment, told};

/// A gateway at `url`, described by `settings`.
fn gateway(url: &str, settings: &str) -> Result<HttpTemplate, SettingsError> {
    HttpTemplate::new(format!("url = '{url}'\n{settings}").parse().unwrap(), &environment())
}

const JSON: &str = r#"
body = '{"to": "{{ to }}", "text": "{{ text }}", "parts": {{ segments }}, "ucs2": {{ "true" if coding == "ucs2" else "false" }}}'
headers = { Authorization = "Bearer {{ api_key }}", "X-Id" = "{{ message_id }}" }
secrets = { api_key = "s3cret" }
success = { pointer = "/code", values = ["OK", 0] }
later = { pointer = "/code", values = ["BUSY"] }
later_contains = ["maintenance"]
id = { pointer = "/id" }
"#;

fn answer(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

#[tokio::test]
async fn whole_calls() {
    for (name, path, settings, draft) in [
        ("json", "/send", JSON, Draft::sms().text("", "\"验证码\" \\ 123456\nBcc: x")),
        (
            "get",
            "/cgi-bin/sendsms?to={{ to_digits }}&text={{ text }}&dlr-url={{ delivery_url }}%3Fstatus%3D%25d",
            "method = 'GET'",
            Draft::sms().text("", "1+1 & 2 = 100%, 验证码#123456"),
        ),
        (
            "form",
            "/",
            "format = 'form'\nmethod = 'PUT'\nbody = 'to={{ to }}&body={{ text }}&about={{ purpose }}/{{ resource }}/{{ requester }}'",
            Draft::sms().resource("a=b&c").requester("Acme (1)").text("", "a&to=+1 b=c"),
        ),
        (
            "text",
            "/",
            "format = 'text'\nbody = '{{ to }} {{ subject }} {{ code }} {{ minutes }} {{ language }} {{ app }}'",
            Draft::email(),
        ),
    ] {
        let peer = Peer::answering(&answer("200 OK", r#"{"code": 0, "id": 17}"#)).await;
        let sender = gateway(&format!("{}{path}", peer.url()), settings).unwrap();
        let outcome = told(sender.send(&draft.message()).await);
        insta::assert_snapshot!(name, format!("{outcome}\n\n{}", peer.heard().await));
    }
}

#[tokio::test]
async fn an_answer_decides_what_becomes_of_the_message() {
    for (answer, expected) in [
        (answer("200 OK", r#"{"code":"OK","id":"a-1"}"#), "sent as a-1"),
        (answer("201 Created", r#"{"code":0}"#), "sent"),
        // Lies: a status that says yes over a body that says no.
        (
            answer("200 OK", r#"{"code":"isv.INVALID","to":"+8613912345678"}"#),
            "refused: HTTP 200: {\"code\":\"isv.INVALID\",\"to\":\"+…\"}",
        ),
        (answer("200 OK", r#"{"code":"BUSY"}"#), "not now: HTTP 200: {\"code\":\"BUSY\"}"),
        (answer("400 Bad Request", r#"{"code":"BUSY"}"#), "not now: HTTP 400: {\"code\":\"BUSY\"}"),
        (answer("200 OK", "<h1>maintenance</h1>"), "not now: HTTP 200: <h1>maintenance</h1>"),
        // Neither yes nor no.
        (answer("200 OK", "<h1>Welcome</h1>"), "in doubt: nothing at /code: HTTP 200: <h1>Welcome</h1>"),
        (answer("200 OK", r#"{"code":null}"#), "in doubt: nothing at /code: HTTP 200: {\"code\":null}"),
        (answer("200 OK", ""), "in doubt: nothing at /code: HTTP 200: "),
        (answer("401 Unauthorized", "who?"), "not now: HTTP 401: who?"),
        // An answer that repeats what it was asked with.
        (answer("403 No", "bad key s3cret in /?key=s3cret"), "not now: HTTP 403: bad key … in /?key=…"),
        (answer("503 Busy", "later"), "not now: HTTP 503: later"),
        (
            "HTTP/1.1 307 Go\r\nlocation: http://127.0.0.1:9/\r\ncontent-length: 0\r\n\r\n".to_owned(),
            "refused: HTTP 307: ",
        ),
        // A line that is cut.
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 30\r\n\r\n{\"code\":0}".to_owned(),
            "in doubt: error reading a body from connection: end of file before message length reached",
        ),
        (String::new(), "in doubt: client error (SendRequest): connection closed before message completed"),
        // A body without end is read up to a limit, and its beginning is no JSON.
        (
            format!("HTTP/1.1 200 OK\r\n\r\n{{\"code\":0,{}", " ".repeat(100_000)),
            "in doubt: nothing at /code: HTTP 200: {\"code\":0,",
        ),
    ] {
        let peer = Peer::answering(&answer).await;
        let sender = gateway(&peer.url(), JSON).unwrap();
        assert_eq!(told(sender.send(&Draft::sms().message()).await), expected);
    }
}

#[tokio::test]
async fn what_is_no_id_is_not_kept() {
    for (id, expected) in [
        ("+8613912345678", "sent"),
        ("13912345678", "sent"),
        ("to 139-1234-5678", "sent"),
        ("Your code is 123456.", "sent"),
        ("123456", "sent"),
        // What only holds the same digits is an id.
        ("91234567", "sent as 91234567"),
        ("a1234567", "sent as a1234567"),
    ] {
        let peer = Peer::answering(&answer("200 OK", &format!(r#"{{"code":0,"id":"{id}"}}"#))).await;
        let sender = gateway(&peer.url(), JSON).unwrap();
        assert_eq!(told(sender.send(&Draft::sms().message()).await), expected, "{id}");
    }
    for (id, expected) in [("<Ann@Example.com>", "sent"), ("7@example.com", "sent as 7@example.com")] {
        let peer = Peer::answering(&answer("200 OK", &format!(r#"{{"code":0,"id":"{id}"}}"#))).await;
        let sender = gateway(&peer.url(), JSON).unwrap();
        assert_eq!(told(sender.send(&Draft::email().message()).await), expected, "{id}");
    }
}

#[tokio::test]
async fn words_and_statuses_can_be_the_yes() {
    let settings = "method = 'GET'\nsuccess_status = [202]\nsuccess_contains = ['Accepted']\nlater_contains = ['Queue full']\nid = { header = 'x-id' }";
    for (answer, expected) in [
        ("HTTP/1.1 202 Ok\r\nx-id: 7\r\ncontent-length: 11\r\n\r\n0: Accepted", "sent as 7"),
        ("HTTP/1.1 200 Ok\r\ncontent-length: 11\r\n\r\n0: Accepted", "refused: HTTP 200: 0: Accepted"),
        ("HTTP/1.1 202 Ok\r\ncontent-length: 9\r\n\r\n9: Denied", "refused: HTTP 202: 9: Denied"),
        ("HTTP/1.1 202 Ok\r\ncontent-length: 0\r\n\r\n", "in doubt: an empty answer: HTTP 202: "),
        (
            "HTTP/1.1 404 No\r\nretry-after: 60\r\ncontent-length: 10\r\n\r\nQueue full",
            "not now: HTTP 404: Queue full, after 60s",
        ),
    ] {
        let peer = Peer::answering(answer).await;
        let sender = gateway(&format!("{}/?t={{{{ text }}}}", peer.url()), settings).unwrap();
        assert_eq!(told(sender.send(&Draft::sms().message()).await), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_says_nothing_is_given_up_and_one_that_is_not_there_too() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/?t={{{{ text }}}}", listener.local_addr().unwrap());
    let sender = gateway(&url, "method = 'GET'\ndeadline_seconds = 3").unwrap();
    assert_eq!(told(sender.send(&Draft::sms().message()).await), "in doubt: no answer within 3 s");
    drop(listener);
    let outcome = told(gateway(&url, "method = 'GET'").unwrap().send(&Draft::sms().message()).await);
    assert!(outcome.starts_with("not now: client error (Connect)"), "{outcome}");
}

#[test]
fn receipts_in_every_form() {
    let of = |receipt: &str| {
        gateway("http://127.0.0.1/?t={{ text }}", &format!("method = 'GET'\n[receipt]\n{receipt}")).unwrap()
    };
    let query = of("from = 'query'\nstatus = 'status'\nreason = 'why'\ndelivered = [1]\nundelivered = [2, 16]");
    let no = |reason: &str| Some(Delivery::Undelivered(reason.to_owned()));
    assert_eq!(query.delivery("x=2&status=1", b""), Some(Delivery::Delivered));
    assert_eq!(query.delivery("status=16&why=no+such%20number+13912345678", b""), no("16 no such number …"));
    assert_eq!(query.delivery("status=8", b""), None);
    assert_eq!(query.delivery("", b"status=1"), None);
    let form = of("from = 'form'\nstatus = 'MessageStatus'\ndelivered = ['delivered']\nundelivered = ['failed']");
    assert_eq!(form.delivery("MessageStatus=failed", b"MessageStatus=delivered&x=%ff"), Some(Delivery::Delivered));
    assert_eq!(form.delivery("", b"MessageStatus=failed"), no("failed"));
    let json =
        of("from = 'json'\nstatus = '/0/success'\nreason = '/0/err_msg'\ndelivered = [true]\nundelivered = [false]");
    assert_eq!(json.delivery("", br#"[{"success":true}]"#), Some(Delivery::Delivered));
    assert_eq!(json.delivery("", br#"[{"success":false,"err_msg":"no route"}]"#), no("false no route"));
    assert_eq!(json.delivery("", b"[}"), None);
    assert_eq!(gateway("http://127.0.0.1/{{ text }}", "method='GET'").unwrap().delivery("status=1", b""), None);
}

#[test]
fn settings_that_cannot_be_meant() {
    let host = "https://gw.example.com/?t={{ text }}";
    for (url, settings, complaint) in [
        ("https://gw.example.com/", "", "no template has `{{ text }}` or `{{ code }}` in it: nobody would get a code"),
        (
            "https://{{ app }}.example.com/{{ text }}",
            "",
            "`url`: scheme and host must stand there as they are, without a template",
        ),
        ("ftp://example.com/{{ text }}", "", "`url`: it must begin with https:// or http://"),
        (host, "body = '{{ txt }}'", "`body`: there is no variable `txt`: there are app, code, coding,"),
        (host, "body = '{{ text '", "`body`: syntax error: "),
        (host, "body = '{\"a\": {{ text }}}'", "`body`: it makes no JSON: "),
        (host, "body = '{\"a\": 1}'\nmethod = 'GET'", "`body`: a GET has none"),
        (host, "method = 'DELETE'", "unknown variant `DELETE`, expected one of `GET`, `POST`, `PUT`"),
        (host, "headers = { Host = 'x' }", "`headers.Host`: it is not for settings to say"),
        (host, "headers = { 'a b' = 'x' }", "`headers.a b`: it is no header's name"),
        (host, "headers = { X-Text = '{{ text }}' }", "`headers.X-Text`: a header takes one line of ASCII"),
        (host, "secrets = { code = 'x' }", "`secrets.code`: every template has a variable of this name"),
        (
            host,
            "success = { pointer = 'code', values = [1] }",
            "`success.pointer`: a JSON pointer begins with a slash: /code",
        ),
        (host, "later = { pointer = '/code', values = [] }", "`later.values` must hold at least one"),
        (host, "success_status = [2000]", "`success_status`: 2000 is no status"),
        (host, "id = { pointer = '/a', header = 'b' }", "`id`: it is in one place, `pointer` or `header`"),
        (host, "ca = '/nowhere.pem'", "`ca`: /nowhere.pem: "),
        (
            host,
            "receipt = { from = 'query', status = 's', delivered = [1], undelivered = ['1'] }",
            "`receipt`: \"1\" is both",
        ),
        (
            host,
            "receipt = { from = 'query', status = 's', delivered = [], undelivered = [] }",
            "`receipt`: `delivered` and",
        ),
        (host, "reciept = 1", "unknown field `reciept`, expected one of `method`, `url`,"),
    ] {
        let told = gateway(url, settings).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(told.starts_with(complaint), "{settings}: {told}");
    }
}

/// One whose text stands in the address and in JSON, and one whose text stands in a form; made once, because making one reads
/// the system's authorities.
static GATEWAYS: LazyLock<[HttpTemplate; 2]> = LazyLock::new(|| {
    [
        gateway("http://127.0.0.1/?a={{ text }}&b=1", "body = '{\"a\": \"{{ text }}\", \"b\": \"1\"}'").unwrap(),
        gateway("http://127.0.0.1/", "format = 'form'\nbody = 'a={{ text }}&b=1'").unwrap(),
    ]
});

proptest! {
    /// Whatever a message says, it is one value: of one field in JSON, of one parameter in an address and in a form.
    #[test]
    fn no_text_leaves_its_place(text: String) {
        let [sender, form] = &*GATEWAYS;
        let message = Draft::sms().text("", &text).message();
        let (head, body) = sender.template.request(&message, "").unwrap().into_parts();
        let pairs = |form: &[u8]| form_urlencoded::parse(form).into_owned().collect::<Vec<_>>();
        let expected = [("a".to_owned(), text.clone()), ("b".to_owned(), "1".to_owned())];
        prop_assert_eq!(pairs(head.uri.query().unwrap().as_bytes()), &expected);
        let json: serde_json::Value = serde_json::from_slice(&whole(body)).unwrap();
        prop_assert_eq!(json, serde_json::json!({"a": text, "b": "1"}));
        prop_assert_eq!(pairs(&whole(form.template.request(&message, "").unwrap().into_body())), &expected);
    }

    #[test]
    fn no_receipt_panics_its_reader(query: String, body: Vec<u8>) {
        for from in ["query", "form", "json"] {
            let settings = format!("from = '{from}'\nstatus = '/s'\ndelivered = [1]\nundelivered = [2]");
            let receipts = Receipts::new(&toml::from_str(&settings).unwrap()).unwrap();
            let _any = receipts.read(&query, &body);
        }
    }
}

fn whole(body: http_body_util::Full<bytes::Bytes>) -> Vec<u8> {
    use http_body_util::BodyExt as _;
    countersign_domain::testing::block_on(body.collect()).unwrap().to_bytes().to_vec()
}
