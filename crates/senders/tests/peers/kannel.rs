//! `http_template` against Kannel: a text of GSM's alphabet and a Chinese one reach its fake message centre, and what it tells
//! of their deliveries is understood.

use std::path::Path;

use countersign_domain::ports::Delivery;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::peer::{Peer, free_port, program};
use crate::{message, sender, told};

const CONFIGURATION: &str = "
group = core
admin-port = ADMIN
admin-password = secret
admin-interface = 127.0.0.1
smsbox-port = BOX
smsbox-interface = 127.0.0.1
dlr-storage = internal

group = smsc
smsc = fake
smsc-id = fake
port = CENTRE
connect-allow-ip = 127.0.0.1

group = smsbox
bearerbox-host = 127.0.0.1
bearerbox-port = BOX
sendsms-port = SEND
sendsms-interface = 127.0.0.1

group = sendsms-user
username = ann
password = s3cret
max-messages = 4
";

/// As in the documentation.
const SETTINGS: &str = r#"
method = "GET"
url = "http://127.0.0.1:SEND/cgi-bin/sendsms?username=ann&password={{ password }}&from=Example&to={{ to }}&charset=utf-8&coding={{ 2 if coding == 'ucs2' else 0 }}&text={{ text }}&dlr-mask=31&dlr-url={{ delivery_url }}%3Fstatus%3D%25d%26why%3D%25A"
secrets = { password = "PASSWORD" }
success_status = [202]
success_contains = ["0: Accepted", "3: Queued"]

[receipt]
from = "query"
status = "status"
reason = "why"
delivered = [1]
undelivered = [2, 16]
"#;

struct Kannel {
    _bearerbox: Peer,
    _smsbox: Peer,
    centre: Peer,
    send: u16,
}

impl Kannel {
    fn start(folder: &Path) -> Self {
        let [admin, inside, centre, send] = std::array::from_fn(|_| free_port());
        let file = folder.join("kannel.conf");
        let configuration = CONFIGURATION
            .replace("ADMIN", &admin.to_string())
            .replace("BOX", &inside.to_string())
            .replace("CENTRE", &centre.to_string())
            .replace("SEND", &send.to_string());
        std::fs::write(&file, configuration).unwrap();
        let bearerbox = Peer::start(program("bearerbox", "kannel").arg(&file));
        bearerbox.line("sms_router");
        let smsbox = Peer::start(program("smsbox", "kannel").arg(&file));
        smsbox.line("Connected to bearerbox");
        let centre = centre.to_string();
        // It is told to send nothing, and prints what it gets.
        let arguments = ["-H", "127.0.0.1", "-r", &centre, "-m", "0", "0 0 text none"];
        let centre = Peer::start(program("/usr/lib/kannel/test/fakesmsc", "kannel-extras").args(arguments));
        Self { _bearerbox: bearerbox, _smsbox: smsbox, centre, send }
    }
}

/// What calls `listener` next: the path without its query, and the query.
async fn heard(listener: &TcpListener) -> (String, String) {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") && stream.read_buf(&mut head).await.unwrap() > 0 {}
    stream.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n").await.unwrap();
    let head = String::from_utf8(head).unwrap();
    let (path, query) = head.split_whitespace().nth(1).unwrap().split_once('?').unwrap();
    (path.to_owned(), query.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_arrive_and_their_deliveries_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let kannel = Kannel::start(folder.path());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let deliveries = format!("http://{}/v1/deliveries", listener.local_addr().unwrap());
    let settings = SETTINGS.replace("SEND", &kannel.send.to_string());
    let gateway = sender("http_template", &settings.replace("PASSWORD", "s3cret"), &deliveries);
    for (text, printed) in [
        ("Your code is 123456 & it costs 1 €.", "text Your code is 123456 & it costs 1 €.>"),
        // UTF-16, percent-encoded where it is no ASCII.
        ("验证码 123456", "ucs-2 %9A%8C%8B%C1x%01%00+%001%002%003%004%005%006>"),
    ] {
        let outcome = told(gateway.send(&message("+86 139 1234 5678", "", text)).await);
        assert_eq!(outcome, "sent as ");
        let line = kannel.centre.line("Got message");
        assert!(line.contains("<Example +8613912345678 ") && line.ends_with(printed), "{line}");
        // First that the message centre has it, which is no delivery; then that the phone has it.
        let mut told = Vec::new();
        for _ in 0..2 {
            let (path, query) = heard(&listener).await;
            assert_eq!(path, "/v1/deliveries/abababababababababababababababab");
            told.push(gateway.delivery(&query, b""));
        }
        assert_eq!(told, [None, Some(Delivery::Delivered)]);
    }
    let stranger = sender("http_template", &settings.replace("PASSWORD", "guess"), &deliveries);
    let outcome = told(stranger.send(&message("+8613912345678", "", "123456")).await);
    assert_eq!(outcome, "not now: HTTP 403: Authorization failed for sendsms");
}
