//! SMTP against Debian's postfix: STARTTLS, a password, and a mailbox that is read back, with a DKIM signature that an
//! independent verifier accepts after the server has put its own headers in front.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_domain::ports::Sender;

use crate::peer::{Peer, certificate, free_port, program, python, run};
use crate::{message, sender, told};

const MAIN: &str = "
compatibility_level = 3.6
queue_directory = FOLDER/queue
data_directory = FOLDER/data
mail_owner = postfix
setgid_group = postdrop
maillog_file = /dev/stdout
myhostname = mail.example.com
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
virtual_mailbox_domains = example.com
virtual_mailbox_base = FOLDER
virtual_mailbox_maps = static:box/
virtual_uid_maps = static:UID
virtual_gid_maps = static:UID
virtual_minimum_uid = 1
smtpd_tls_cert_file = FOLDER/certificate.pem
smtpd_tls_key_file = FOLDER/key.pem
smtpd_tls_security_level = encrypt
smtpd_tls_auth_only = yes
smtpd_sasl_auth_enable = yes
smtpd_sasl_path = smtpd
smtpd_sasl_local_domain = example.com
smtpd_relay_restrictions = permit_sasl_authenticated, reject
";

const MASTER: &str = "
127.0.0.1:PORT inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
proxymap unix - - n - - proxymap
virtual unix - n n - - virtual
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
";

struct Postfix {
    peer: Peer,
    port: u16,
    folder: tempfile::TempDir,
}

impl Postfix {
    fn start() -> Self {
        let mut postfix = program("postfix", "postfix");
        let folder = tempfile::tempdir().unwrap();
        // Its processes are other users, and must get to their files.
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in ["configuration", "configuration/sasl", "queue", "data", "box"] {
            std::fs::create_dir(path(name)).unwrap();
        }
        run(program("chown", "coreutils").args(["postfix", "--"]).args([path("data"), path("box")]), b"");
        certificate(folder.path());
        let mechanisms =
            "pwcheck_method: auxprop\nauxprop_plugin: sasldb\nmech_list: PLAIN LOGIN\nsasldb_path: FOLDER/data/users\n";
        let port = free_port();
        let id = run(program("id", "coreutils").args(["-u", "postfix"]), b"");
        let id = String::from_utf8(id).unwrap();
        for (name, text) in [
            ("configuration/main.cf", MAIN),
            ("configuration/master.cf", MASTER),
            ("configuration/sasl/smtpd.conf", mechanisms),
        ] {
            let text = text.replace("FOLDER", &folder.path().display().to_string());
            let text = text.replace("PORT", &port.to_string()).replace("UID", id.trim());
            std::fs::write(path(name), text).unwrap();
        }
        let users = path("data/users");
        let mut add = program("saslpasswd2", "sasl2-bin and libsasl2-modules");
        run(add.args(["-p", "-c", "-u", "example.com", "-f"]).arg(&users).arg("ann"), "pass wörd".as_bytes());
        std::fs::set_permissions(&users, std::fs::Permissions::from_mode(0o644)).unwrap();
        let peer = Peer::start(postfix.arg("-c").arg(path("configuration")).arg("start-fg"));
        let postfix = Self { peer, port, folder };
        postfix.peer.line("daemon started");
        postfix
    }

    fn sender(&self, settings: &str) -> Arc<dyn Sender> {
        let (port, ca) = (self.port, self.folder.path().join("certificate.pem"));
        let common = format!(
            "host = '127.0.0.1'\nport = {port}\nca = '{}'\nfrom = '示例 <no-reply@example.com>'\nreply_to = 'help@example.com'",
            ca.display()
        );
        sender("smtp", &format!("{common}\n{settings}"), "")
    }

    /// The one message in the mailbox, once the server has said that it is there; then it is gone.
    fn read(&self) -> Vec<u8> {
        let line = self.peer.line("status=");
        assert!(line.contains("status=sent (delivered to maildir)"), "{line}");
        let files: Vec<PathBuf> =
            std::fs::read_dir(self.folder.path().join("box/new")).unwrap().map(|entry| entry.unwrap().path()).collect();
        let [file] = files.as_slice() else { panic!("{} messages in the mailbox", files.len()) };
        let message = std::fs::read(file).unwrap();
        std::fs::remove_file(file).unwrap();
        message
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        // What was started waits for the master, which is a process of its own and says in a file which one. Without the file it
        // has not begun.
        if let Ok(id) = std::fs::read_to_string(self.folder.path().join("queue/pid/master.pid")) {
            let _gone = Command::new("kill").args(["-TERM", id.trim()]).status();
        }
    }
}

/// A private key in a file, and its public one as the DNS would have it.
fn key(folder: &Path, arguments: &[&str], word: &str) -> (PathBuf, String) {
    let file = folder.join(format!("{word}.pem"));
    run(program("openssl", "openssl").arg("genpkey").args(arguments).arg("-out").arg(&file), b"");
    let mut public =
        run(program("openssl", "openssl").args(["pkey", "-pubout", "-outform", "DER", "-in"]).arg(&file), b"");
    if word == "ed25519" {
        // The bare key, without what says that it is one (RFC 8463, section 4).
        public = public.split_off(public.len() - 32);
    }
    (file, format!("v=DKIM1; k={word}; p={}", STANDARD.encode(public)))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_message_in_the_mailbox() {
    let postfix = Postfix::start();
    let login = "user = 'ann@example.com'\npassword = 'pass wörd'";
    for (arguments, word) in [
        (&["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"][..], "rsa"),
        (&["-algorithm", "ED25519"][..], "ed25519"),
    ] {
        let (file, record) = key(postfix.folder.path(), arguments, word);
        let dkim = format!("[dkim]\ndomain = 'example.com'\nselector = '{word}'\nkey = '{}'", file.display());
        let sender = postfix.sender(&format!("{login}\n{dkim}"));
        let trailing = "Your code:  123456 \n\n.\n.. two\n\tEnd.\n\n\n";
        for (subject, body) in [
            ("Your code", "Your code is 123456."),
            (
                "您的验证码（示例科技有限公司），请在十分钟内使用，切勿告诉他人",
                "您的验证码是 123456。\n\n请勿告诉他人。",
            ),
            ("A long subject that has to be folded because no line of a head should be longer than it", trailing),
            ("", ""),
        ] {
            let outcome = told(sender.send(&message("ann@example.com", subject, body)).await);
            assert!(outcome.starts_with("sent as ") && outcome.len() > "sent as ".len(), "{outcome}");
            let arrived = postfix.read();
            let verify = &mut python("verify_dkim.py");
            run(verify.args([&format!("{word}._domainkey.example.com"), &record]), &arrived);
            let text = String::from_utf8(arrived.clone()).unwrap();
            assert!(text.contains("Received: from example.com") && text.contains("ESMTPSA"), "{text}");
            assert!(text.contains("\nMessage-ID: <abababababababababababababababab@example.com>\n"), "{text}");

            // The verifier would notice, of any field that is signed and of one that is added.
            for (from, to) in [("Reply-To: help", "Reply-To: eve"), ("Date: ", "From: eve@example.com\nDate: ")] {
                let forged = text.replace(from, to);
                assert_ne!(forged, text);
                let record = [&format!("{word}._domainkey.example.com"), &record];
                let refused =
                    std::panic::catch_unwind(|| run(python("verify_dkim.py").args(record), forged.as_bytes()));
                assert!(refused.is_err(), "{to}");
            }
        }
    }

    // Without the password nothing is relayed, and the address is not repeated.
    let outcome = told(postfix.sender("").send(&message("ann@example.com", "Your code", "123456")).await);
    assert!(outcome.starts_with("refused: permanent error (554): 5.7.1 … Recipient address rejected"), "{outcome}");
}
