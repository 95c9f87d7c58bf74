//! SMTP against a mail server that does as it is told, and is not always nice.

use std::path::Path;
use std::sync::Arc;

use countersign_domain::ports::Sender;
use serde_json::Value;

use crate::peer::{Peer, certificate, python};
use crate::{message, sender, told};

struct MailServer {
    peer: Peer,
    port: String,
}

impl MailServer {
    fn start(arguments: &[&str]) -> Self {
        let peer = Peer::start(python("mail_server.py").args(arguments));
        let port = peer.line("port ").replace("port ", "");
        Self { peer, port }
    }

    fn secure(folder: &Path, arguments: &[&str]) -> Self {
        certificate(folder);
        let path = |name| folder.join(name).display().to_string();
        let tls = ["--certificate", &path("certificate.pem"), "--key", &path("key.pem")];
        Self::start(&[&tls, arguments].concat())
    }

    /// A sender to it, with a deadline of one second.
    fn sender(&self, settings: &str) -> Arc<dyn Sender> {
        let port = &self.port;
        let common = format!("host = '127.0.0.1'\nport = {port}\nfrom = 'no-reply@example.com'\n{settings}");
        sender("smtp", &common, "")
    }

    /// The next message that it took.
    fn took(&self) -> Value {
        serde_json::from_str(&self.peer.line("{\"peer\"")).unwrap()
    }
}

#[tokio::test]
async fn what_the_server_says_decides_and_what_it_does_not_say_is_later() {
    for (behaviour, expected) in [
        ("take it", "sent as 4F2A1B"),
        ("451", "not now: transient error (451): 4.2.0 … greylisted, come back in 300 seconds"),
        ("550", "refused: permanent error (550): 5.1.1 … no such user"),
        ("552", "refused: permanent error (552): 5.2.2 mailbox full"),
        ("hang at greeting", "not now: the mail server took more than 1 s"),
        ("hang after EHLO", "not now: the mail server took more than 1 s"),
        ("hang after DATA", "not now: the mail server took more than 1 s"),
        ("cut after DATA", "not now: "),
        ("nonsense", "not now: response error: "),
    ] {
        let server = MailServer::start(&[behaviour]);
        let sender = server.sender("security = 'plain'\ndeadline_seconds = 1");
        let outcome = told(sender.send(&message("ann@example.com", "Your code", "123456")).await);
        // What refuses a message only, the doctor cannot find.
        let is_fine = matches!(behaviour, "take it" | "451" | "550" | "552" | "hang after DATA" | "cut after DATA");
        assert_eq!(sender.probe().await.is_ok(), is_fine, "{behaviour}");
        if expected.ends_with(": ") {
            assert!(outcome.starts_with(expected), "{behaviour}: {outcome}");
        } else {
            assert_eq!(outcome, expected, "{behaviour}");
        }
    }
    // Nobody is there.
    let gone = MailServer::start(&["take it"]).sender("security = 'plain'");
    let outcome = told(gone.send(&message("ann@example.com", "Your code", "123456")).await);
    assert!(outcome.starts_with("not now: Connection error"), "{outcome}");
}

#[tokio::test]
async fn a_connection_is_used_again_unless_something_went_wrong_on_it() {
    let server = MailServer::start(&["take it"]);
    let sender = server.sender("security = 'plain'\ndeadline_seconds = 1\nconnections = 1");
    let send = async |to: &str| told(sender.send(&message(to, "Your code", "123456")).await);
    assert_eq!(send("a@example.com").await, "sent as 4F2A1B");
    assert_eq!(send("b@example.com").await, "sent as 4F2A1B");
    let (first, second) = (server.took(), server.took());
    assert_eq!(first["peer"], second["peer"]);
    assert_eq!((first["to"][0].as_str(), second["to"][0].as_str()), (Some("a@example.com"), Some("b@example.com")));

    // Another connection, on which a send is given up half-way: the next message must not be taken for its text.
    let server = MailServer::start(&["hang after DATA", "close after a message", "take it"]);
    let sender = server.sender("security = 'plain'\ndeadline_seconds = 1\nconnections = 1");
    let send = async |to: &str| told(sender.send(&message(to, "Your code", "123456")).await);
    assert_eq!(send("a@example.com").await, "not now: the mail server took more than 1 s");
    assert_eq!(send("b@example.com").await, "sent as 4F2A1B");
    // The server has closed that one, which is found out and is no reason to fail.
    assert_eq!(send("c@example.com").await, "sent as 4F2A1B");
    let (first, second) = (server.took(), server.took());
    assert_ne!(first["peer"], second["peer"]);
}

#[tokio::test]
async fn starttls_and_a_password() {
    let folder = tempfile::tempdir().unwrap();
    let server = MailServer::secure(folder.path(), &["take it"]);
    let ca = format!("ca = '{}'", folder.path().join("certificate.pem").display());
    let right = "user = 'ann'\npassword = 'pass wörd'\nhello = 'verify.example.com'";
    let outcome =
        told(server.sender(&format!("{right}\n{ca}")).send(&message("ann@example.com", "码", "验证码 123456")).await);
    assert_eq!(outcome, "sent as 4F2A1B");
    let mut took = server.took();
    took["peer"] = Value::Null;
    insta::assert_json_snapshot!(took);

    let wrong = "user = 'ann'\npassword = 'guess'";
    let outcome = told(server.sender(&format!("{wrong}\n{ca}")).send(&message("ann@example.com", "", "123456")).await);
    assert!(outcome.starts_with("not now: the mail server does not let us in: permanent error (535)"), "{outcome}");
    // Its authority is none of the system's.
    let outcome = told(server.sender(right).send(&message("ann@example.com", "", "123456")).await);
    assert!(outcome.starts_with("not now: Connection error") && outcome.contains("ertificate"), "{outcome}");
}

#[tokio::test]
async fn answers_that_come_before_the_handshake_are_nobodys() {
    let folder = tempfile::tempdir().unwrap();
    let server = MailServer::secure(folder.path(), &["early answers"]);
    let ca = format!("ca = '{}'", folder.path().join("certificate.pem").display());
    let sender = server.sender(&format!("user = 'ann'\npassword = 'pass wörd'\n{ca}"));
    let outcome = told(sender.send(&message("ann@example.com", "Your code", "123456")).await);
    assert!(outcome.starts_with("not now: Connection error: "), "{outcome}");
}

#[tokio::test]
async fn what_the_server_does_not_offer() {
    let server = MailServer::start(&["take it"]);
    let outcome = told(server.sender("").send(&message("ann@example.com", "", "123456")).await);
    assert_eq!(outcome, "refused: internal client error: STARTTLS is not supported on this server");
    let address = message("安@example.com", "Your code", "123456");
    let outcome = told(server.sender("security = 'plain'").send(&address).await);
    assert_eq!(outcome, "refused: the mail server does not offer SMTPUTF8, which an address beyond ASCII needs");

    let server = MailServer::start(&["--utf8", "take it"]);
    assert_eq!(told(server.sender("security = 'plain'").send(&address).await), "sent as 4F2A1B");
    let took = server.took();
    assert_eq!(took["to"][0], "安@example.com");
    assert!(took["options"].as_array().unwrap().contains(&"SMTPUTF8".into()), "{took}");
}
