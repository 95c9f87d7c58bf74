//! The directory from the command line: by hand, and from files, whole or not at all.

use serde_json::{Value, json};

use crate::process::{output, run};

#[test]
fn a_file_is_kept_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    output(&["app", "create", "--name", "Portal"], data);
    output(&["account", "create", "42", "--name", "Us", "--contact", "us@example.com", "--own"], data);
    output(&["resource", "create", "cen-own", "--account", "42", "--network", "10.0.0.0/12"], data);
    let taken = run(&["resource", "create", "cen-own", "--account", "42"], data);
    assert_eq!(taken.status.code(), Some(1));

    let file = data.join("owners.csv");
    let path = file.to_str().unwrap();
    let head = "kind,id,account,name,contact,networks\n";
    let good = format!("{head}account,43,,Ada,secret-name@example.com,\nresource,cen-1,43,,,10.16.0.0/12\n");
    std::fs::write(&file, format!("{good}account,44,,Bob,bob,\nresource,cen-2,99,,,\n")).unwrap();
    let refused = run(&["directory", "import", path], data);
    assert_eq!(refused.status.code(), Some(1));
    let told = String::from_utf8(refused.stderr).unwrap();
    let expected = format!(
        "countersign: nothing was kept\n{path}:4: `contact` is no e-mail address\n\
         {path}:5: account 99 is neither in the file nor in the directory\n"
    );
    assert_eq!(told, expected);
    assert!(!output(&["account", "list"], data).contains("Ada"));

    std::fs::write(&file, good).unwrap();
    for _ in 0..2 {
        let kept: Value = serde_json::from_str(&output(&["directory", "import", path, "--json"], data)).unwrap();
        assert_eq!(kept, json!({"accounts": 1, "resources": 1, "office_sites": 0}));
    }
    let listed = output(&["account", "list", "--json"], data);
    let ada: Value = serde_json::from_str(listed.lines().nth(1).unwrap()).unwrap();
    assert_eq!((&ada["id"], &ada["contact"]), (&json!("43"), &json!("s***@example.com")));
    for kept in std::fs::read_dir(data).unwrap().map(|kept| kept.unwrap().path()).filter(|kept| *kept != file) {
        let bytes = std::fs::read(kept).unwrap();
        assert!(!bytes.windows(11).any(|window| window == b"secret-name"), "contacts are sealed at rest");
    }
    let site = format!("{}office_site,dir-1,,Main,,172.16.0.0/12\n", "kind,id,account,name,contact,networks\n");
    std::fs::write(&file, site).unwrap();
    output(&["directory", "import", path], data);
    assert_eq!(output(&["office-site", "list"], data), "dir-1  simple        172.16.0.0/12  Main\n");
    output(&["office-site", "remove", "dir-1"], data);
    assert_eq!(output(&["office-site", "list"], data), "");
    output(&["account", "remove", "43"], data);
    let left = output(&["resource", "list"], data);
    assert!(left.starts_with("cen-own  42 ") && left.lines().count() == 1, "{left}");
}
