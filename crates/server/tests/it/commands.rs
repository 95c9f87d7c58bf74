//! The commands that need no server, and what `serve` refuses.

use std::process::Stdio;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::house::Running;
use crate::process::{command, output, run};

fn stderr(arguments: &[&str]) -> (Option<i32>, String) {
    let output = command(arguments).stdout(Stdio::null()).output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn sample_writes_labelled_challenges() {
    for (door, magic) in [("oneaccess", &b"\x89PNG\r\n\x1a\n"[..]), ("native", &b"\xff\xd8\xff"[..])] {
        let written = command(&["sample", "--type", "slider", "--count", "3", "--door", door, "--family", "hatch"])
            .output()
            .unwrap();
        let text = String::from_utf8(written.stdout).unwrap();
        let samples: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(samples.len(), 3);
        for sample in &samples {
            assert!(STANDARD.decode(sample["background_b64"].as_str().unwrap()).unwrap().starts_with(magic));
            assert!(STANDARD.decode(sample["piece_b64"].as_str().unwrap()).unwrap().starts_with(b"\x89PNG\r\n\x1a\n"));
            assert!((12..=256).contains(&sample["answer_x"].as_u64().unwrap()));
            let two_axes = sample.get("answer_y").is_some_and(|y| (6..=102).contains(&y.as_u64().unwrap()));
            assert_eq!(two_axes, door == "native");
            assert_eq!(sample.get("answer_y").is_some(), two_axes);
            assert_eq!(
                (&sample["width"], &sample["tol"], &sample["family"]),
                (&json!(310), &json!(4), &json!("hatch"))
            );
        }
        assert_ne!(samples[0]["background_b64"], samples[1]["background_b64"]);
    }
}

#[test]
fn bench_prints_its_rows() {
    let printed = command(&["bench", "--seconds", "1", "--json"]).output().unwrap();
    let text = String::from_utf8(printed.stdout).unwrap();
    let rows: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let names: Vec<_> = rows.iter().map(|row| format!("{} {} {}", row["type"], row["format"], row["level"])).collect();
    assert_eq!(names, ["\"reference\" \"png\" 3", "\"slider\" \"jpeg\" 3", "\"slider\" \"png\" 3"]);
    assert!((rows[0]["ratio"].as_f64().unwrap() - 1.0).abs() < 1e-9);
    for row in &rows {
        for field in ["n", "ms_median", "ms_p99", "per_second", "bytes_median", "ratio"] {
            assert!(row[field].as_f64().unwrap() > 0.0, "{field} in {row}");
        }
    }
}

#[test]
fn bench_measures_signatures_against_one_hmac() {
    let printed = command(&["bench", "--type", "signatures", "--seconds", "1", "--json"]).output().unwrap();
    let text = String::from_utf8(printed.stdout).unwrap();
    let rows: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let names: Vec<_> =
        rows.iter().map(|row| (row["type"].as_str().unwrap(), row["format"].as_str().unwrap())).collect();
    assert_eq!(names, [("reference", "-"), ("rpc_v1", "-"), ("acs3", "-")]);
    for row in &rows {
        for field in ["n", "ms_median", "ms_p99", "per_second", "bytes_median", "ratio"] {
            assert!(row[field].as_f64().unwrap() > 0.0, "{field} in {row}");
        }
    }
}

#[tokio::test]
async fn inspect_shows_what_a_token_holds() {
    let server = Running::start().await;
    let mut client = server.client().await;
    let token = client.challenge(server.site_key()).await;
    let place = client.solution(&token).await;
    let shown: Value = serde_json::from_str(&output(&["inspect", &token], server.folder.path())).unwrap();
    assert_eq!(shown["what"], "challenge");
    assert_eq!(shown["solution"], json!({"x": place.x, "y": place.y, "tolerance": 4}));
    assert_eq!(shown["stamp"]["app"], server.site_key());
    assert!(shown["sentence"].as_str().unwrap().starts_with("A challenge for the app "));
    let ticket = client.ticket(server.site_key()).await;
    let captcha_token = format!("{ticket}---{{\"x\":1.0,\"y\":5.0}}");
    let shown: Value = serde_json::from_str(&output(&["inspect", &captcha_token], server.folder.path())).unwrap();
    assert_eq!(shown["what"], "ticket");
    let refused = run(&["inspect", "AAAA"], server.folder.path());
    assert_eq!(refused.status.code(), Some(1));
}

/// What the doctor finds, as `check finding`, and whether it ended with status 0.
fn doctor(data: &std::path::Path, settings: &[(&str, &str)]) -> (Vec<String>, bool) {
    let mut command = command(&["doctor", "--json", "--data"]);
    let output = command.arg(data).envs(settings.iter().copied()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let found = text.lines().map(|line| {
        let line: Value = serde_json::from_str(line).unwrap();
        assert!(!line["sentence"].as_str().unwrap().is_empty());
        format!("{} {}", line["check"].as_str().unwrap(), line["finding"].as_str().unwrap())
    });
    (found.collect(), output.status.success())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_says_what_is_wrong() {
    let free = ("COUNTERSIGN__LISTEN", "127.0.0.1:0");
    let empty = tempfile::tempdir().unwrap();
    let (found, well) = doctor(empty.path(), &[free]);
    let expected = [
        "config ok",
        "records note",
        "clock ok",
        "address ok",
        "public_url note",
        "machines note",
        "templates ok",
        "senders note",
        "senders note",
    ];
    assert_eq!(found, expected);
    assert!(well && std::fs::read_dir(empty.path()).unwrap().next().is_none(), "it changes nothing");

    let server = Running::start().await;
    let data = server.folder.path();
    let here = server.address.to_string();
    let local = ("COUNTERSIGN__PUBLIC_URL", "http://localhost:8080");
    let (found, well) = doctor(data, &[("COUNTERSIGN__LISTEN", &here), local]);
    for well in ["keys ok", "public_url ok", "codes ok", "machines ok", "pin ok", "templates ok", "senders ok"] {
        assert!(found.contains(&well.to_owned()), "{well} is not in {found:?}");
    }
    // The server's clock is a test's, which stands still in the past; the records are not ahead of the machine's.
    assert!(well, "{found:?}");

    let stranger = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = stranger.local_addr().unwrap().to_string();
    let other_key = ("COUNTERSIGN_MASTER_KEY", &*"ab".repeat(32));
    let nowhere = ("COUNTERSIGN__PUBLIC_URL", "https://nowhere.invalid");
    let (found, well) = doctor(data, &[("COUNTERSIGN__LISTEN", &taken), other_key, nowhere]);
    for wrong in ["keys wrong", "address wrong", "public_url wrong"] {
        assert!(found.contains(&wrong.to_owned()), "{wrong} is not in {found:?}");
    }
    assert!(!well);
    let dead_mail_server = data.join("dead.toml");
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let sender = format!(
        "[[senders]]\nname = 'mail'\nkind = 'smtp'\nchannel = 'email'\nhost = '127.0.0.1'\nport = {port}\n\
         security = 'plain'\nfrom = 'no-reply@example.com'\n"
    );
    std::fs::write(&dead_mail_server, sender).unwrap();
    let output = command(&["doctor", "--data"]).arg(data).arg("--config").arg(&dead_mail_server).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("wrong  senders     mail: not now: "), "{text}");
    assert!(!output.status.success());

    let (found, well) = doctor(data, &[("COUNTERSIGN__LISTEN", "nonsense")]);
    assert!(found == ["config wrong"] && !well);
}

#[test]
fn serve_keeps_folders_for_trying_out_apart() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let (code, complaint) = stderr(&["serve", "--dev", "--listen", "0.0.0.0:0", "--data", data]);
    assert_eq!(code, Some(1));
    assert_eq!(complaint, "countersign: --dev listens on loopback only, and 0.0.0.0:0 is not\n");
    output(&["app", "create", "--name", "real"], folder.path());
    let (code, complaint) = stderr(&["serve", "--dev", "--data", data]);
    assert!(code == Some(1) && complaint.contains("was not made with --dev"), "{complaint}");
    std::fs::write(folder.path().join("dev.json"), "{}").unwrap();
    let (code, complaint) = stderr(&["serve", "--data", data]);
    assert!(code == Some(1) && complaint.contains("was made with --dev"), "{complaint}");
}

#[test]
fn a_wrong_setting_is_named_with_file_line_and_key() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("countersign.toml");
    std::fs::write(&file, "[challenges]\nlifetime = 3\n").unwrap();
    let (code, complaint) = stderr(&["serve", "--config", file.to_str().unwrap()]);
    assert_eq!(code, Some(1));
    assert_eq!(complaint, format!("countersign: {}:2: unknown key `challenges.lifetime`\n", file.display()));
}

#[test]
fn wrong_use_ends_with_status_2() {
    for arguments in [&["serve", "--nonsense"][..], &["sample", "--type", "riddle", "--count", "1"], &["fly"], &[]] {
        assert_eq!(stderr(arguments).0, Some(2), "{arguments:?}");
    }
}

#[test]
fn widget_prints_the_lines_for_a_page() {
    let printed = |arguments: &[&str]| {
        let output = command(arguments).env("COUNTERSIGN__PUBLIC_URL", "https://verify.example.com").output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let two = printed(&["widget", "--site-key", "shop"]);
    let start = "<script type=\"module\" src=\"https://verify.example.com/widget/countersign.js\" integrity=\"sha384-";
    assert!(two.starts_with(start), "{two}");
    assert!(
        two.ends_with("\n<countersign-challenge site-key=\"shop\" action=\"signup\"></countersign-challenge>\n"),
        "{two}"
    );
    let all = printed(&["widget", "--site-key", "shop", "--pin-all"]);
    assert!(all.ends_with(&two), "{all}");
    assert!(all.contains("\"https://verify.example.com/widget/locales/zh.js\":\"sha384-"), "{all}");
}
