use super::*;
use crate::testing::Draft;

fn book() -> Book {
    Book::open(&Settings::default()).unwrap()
}

/// A folder with these files, and what opening it says.
fn folder(files: &[(&str, &str)]) -> (tempfile::TempDir, Settings) {
    let folder = tempfile::tempdir().unwrap();
    for (name, source) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, source).unwrap();
    }
    let settings = Settings { folder: folder.path().to_owned(), ..Settings::default() };
    (folder, settings)
}

#[test]
fn our_words() {
    let book = book();
    let mut all = Vec::new();
    for language in Language::ALL {
        for draft in [
            Draft::sms(),
            Draft::sms().purpose("other"),
            Draft::email(),
            Draft::email().purpose("other").resource("cen-1"),
            Draft::email().purpose("ecd.cen").resource("cen-1").requester("Acme 甲 (1234567890)"),
        ] {
            let Preview { subject, text, coding, characters, segments, .. } =
                book.preview(&draft.language(language).about()).unwrap();
            all.push(format!("── {subject} ({} {characters}/{segments})\n{text}", coding.word()));
        }
    }
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn a_text_message_of_ours_is_one_segment() {
    let book = book();
    for (language, coding, app) in
        [(Language::English, Coding::Gsm, "Example Verification"), (Language::Chinese, Coding::Ucs2, "示例验证中心")]
    {
        for purpose in ["signup", "change-contact", "reset", "other"] {
            let preview =
                book.preview(&Draft::sms().app("shop", app).purpose(purpose).language(language).about()).unwrap();
            assert_eq!((preview.coding, preview.segments), (coding, 1), "{}", preview.text);
        }
    }
}

#[test]
fn the_most_specific_template_wins() {
    let (_folder, settings) = folder(&[
        ("any/any.sms.en.txt", "4 {{ code }}"),
        ("any/signup.sms.en.txt", "3 {{ code }}"),
        ("shop/any.sms.en.txt", "2 {{ code }}"),
        ("shop/sign.up-2.sms.en.txt", "1 {{ code }}\n"),
        ("shop/.sign.swp", "an editor's"),
        ("any/any.email.en.txt", "Subject: Your code\n\nNever share {{ code }}"),
        ("bank/any.email.en.txt", "Subject: Your code\n\nNever share {{ code }}"),
        ("bank/ecd.cen.email.en.txt", "Subject: May {{ requester }}?\n\nShare {{ code }}"),
    ]);
    let book = Book::open(&settings).unwrap();
    let of = |app: &str, purpose: &str, language| {
        let about = Draft::sms().app(app, "Example").purpose(purpose).language(language).about();
        book.preview(&about).unwrap().text
    };
    assert_eq!(of("shop", "sign.up-2", Language::English), "1 123456");
    assert_eq!(of("shop", "signup", Language::English), "2 123456");
    assert_eq!(of("other", "signup", Language::English), "3 123456");
    assert_eq!(of("other", "login", Language::English), "4 123456");
    assert!(of("shop", "signup", Language::Chinese).starts_with('【'));
    let consent = |app: &str| {
        let about = Draft::email().app(app, "Example").purpose("ecd.cen").resource("cen-1").requester("Acme").about();
        book.preview(&about).unwrap()
    };
    assert!(consent("shop").text.contains("Acme"), "what owners are asked is no code like any other");
    assert_eq!((consent("bank").subject.as_str(), consent("bank").text.as_str()), ("May Acme?", "Share 123456"));
}

#[test]
fn a_template_that_cannot_be_used_is_named_with_its_line() {
    for (name, source, complaint) in [
        (
            "any/any.sms.en.txt",
            "a\nb {{ code",
            "any/any.sms.en.txt:2: syntax error: unexpected end of input, expected end of variable block",
        ),
        ("any/any.sms.en.txt", "no code here", "any/any.sms.en.txt:1: it leaves the code out"),
        (
            "any/any.sms.en.txt",
            "{% if resource %}{{ code }}{% endif %}",
            "any/any.sms.en.txt:1: it leaves the code out",
        ),
        ("any/any.sms.en.txt", "{{ code }}\n{{ cod }}", "any/any.sms.en.txt:2: undefined value"),
        ("any/any.sms.en.txt", "{{ code|shout }}", "any/any.sms.en.txt:1: unknown filter: filter shout is unknown"),
        (
            "any/any.sms.en.txt",
            "{% include 'x' %}{{ code }}",
            "any/any.sms.en.txt:1: syntax error: unknown statement include",
        ),
        (
            "any/any.sms.en.txt",
            "{% for x in range(9999) %}{% for y in range(9999) %}{% endfor %}{% endfor %}{{ code }}",
            "any/any.sms.en.txt:1: engine ran out of fuel",
        ),
        ("any/any.email.en.txt", "{{ code }}", "any/any.email.en.txt:1: an e-mail's first line must be `Subject: …`"),
        (
            "any/any.email.en.txt",
            "Subject:\n\n{{ code }}",
            "any/any.email.en.txt:1: an e-mail's first line must be `Subject: …`",
        ),
        (
            "any/any.email.en.txt",
            "Subject: a\nBcc: eve@example.com\n\n{{ code }}",
            "any/any.email.en.txt:2: the line below the subject must be empty: there are no other headers",
        ),
        (
            "any/any.email.en.txt",
            "Subject: {% if app %}a\n\n{{ code }}{% endif %}",
            "any/any.email.en.txt:1: syntax error: unexpected end of input, expected end of block",
        ),
        (
            "any/any.email.en.txt",
            "Subject: a\n\nb\n{{ code }} {{ nothing }}",
            "any/any.email.en.txt:4: undefined value",
        ),
        (
            "any/any.mail.en.txt",
            "{{ code }}",
            "any/any.mail.en.txt: a template is called PURPOSE.email.en.txt, any.sms.zh.txt or so",
        ),
        (
            "any/any.sms.fr.txt",
            "{{ code }}",
            "any/any.sms.fr.txt: a template is called PURPOSE.email.en.txt, any.sms.zh.txt or so",
        ),
        ("an app/any.sms.en.txt", "{{ code }}", "an app: its name is neither an app's id nor `any`"),
    ] {
        let (folder, settings) = folder(&[(name, source)]);
        let told = Book::open(&settings).err().map(|error| error.to_string()).unwrap_or_default();
        let told = told.replace(&format!("{}/", folder.path().display()), "");
        assert_eq!(told, complaint, "{source}");
    }
    let settings = Settings { folder: "/nowhere".into(), ..Settings::default() };
    assert!(Book::open(&settings).err().unwrap().to_string().starts_with("/nowhere: "));
}

#[test]
fn a_subject_is_one_line_whatever_an_app_is_called() {
    for name in ["Ex\r\nBcc: eve@example.com", "Ex\nBcc: x", "Ex\u{0}\u{85}Bcc: x"] {
        let preview = book().preview(&Draft::email().app("shop", name).about()).unwrap();
        assert!(!preview.subject.contains(char::is_control), "{:?}", preview.subject);
    }
}

#[test]
fn browsers_find_the_code_in_the_last_line() {
    let hosts = |pairs: &[(&str, &str)]| Settings {
        autofill_hosts: pairs.iter().map(|(app, host)| ((*app).to_owned(), (*host).to_owned())).collect(),
        ..Settings::default()
    };
    let book = Book::open(&hosts(&[("shop", "shop.example.com"), ("any", "example.com")])).unwrap();
    let last = |draft: Draft| book.preview(&draft.about()).unwrap();
    let shop = last(Draft::sms());
    assert!(shop.text.ends_with("\n\n@shop.example.com #123456"), "{}", shop.text);
    assert!(shop.autofill && shop.segments == 1, "{shop:?}");
    assert!(last(Draft::sms().app("bank", "Bank")).text.ends_with("\n\n@example.com #123456"));
    assert!(!last(Draft::email()).text.contains('@'));
    // Too long for browsers, and said so.
    assert!(!last(Draft::sms().app("shop", &"Example".repeat(5))).autofill);
    for host in ["", "https://example.com", "example.com:8080", "Example.com", "a b"] {
        let told = Book::open(&hosts(&[("any", host)])).err().unwrap().to_string();
        assert!(told.starts_with("`autofill_hosts.any`"), "{told}");
    }
}
