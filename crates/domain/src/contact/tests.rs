use proptest::prelude::*;

use super::*;

#[test]
fn one_contact_in_several_spellings_is_one() {
    for (written, normalised) in [
        ("13912345678", "13912345678"),
        (" 139-1234 5678 ", "13912345678"),
        ("１３９１２３４５６７８", "13912345678"),
        ("+86 139 1234 5678", "+8613912345678"),
        ("008613912345678", "+8613912345678"),
        ("Ann@Example.COM", "ann@example.com"),
        (" 李四t+1@example.com ", "李四t+1@example.com"),
        ("a.b!#$%&'*+-/=?^_`{|}~@x-1.例子.cn", "a.b!#$%&'*+-/=?^_`{|}~@x-1.xn--fsqu00a.cn"),
        ("+49 0151 1234 5678", "+4915112345678"),
        ("0049 0151 1234 5678", "+4915112345678"),
        ("+49 151 1234 5678", "+4915112345678"),
        ("+39 06 1234 5678", "+390612345678"),
    ] {
        let contact = Contact::parse(written);
        assert_eq!(contact.as_ref().map(Contact::normalised), Ok(normalised), "{written}");
    }
}

#[test]
fn what_cannot_be_reached_is_no_contact() {
    for written in ["", "1234", "1391234567a", "+", "1234567890123456", "1391234+5678", "++8613912345678", "１２３４"]
    {
        assert!(Contact::parse(written).is_err(), "{written}");
    }
    for written in [
        "@example.com",
        "ann@",
        "a b@example.com",
        ".ann@example.com",
        "ann.@example.com",
        "a..nn@example.com",
        "\"a\"@example.com",
        "a@b@example.com",
        "<ann@example.com>",
        "ann,bob@example.com",
        "ann;bob@example.com",
        "ann:bob@example.com",
        "(ann)@example.com",
        "ann\\@example.com",
        "ann@example",
        "ann@exa..mple",
        "ann@.example.com",
        "ann@example.com.",
        "ann@-example.com",
        "ann@example-.com",
        "ann@exa_mple.com",
        "ann@[192.0.2.1]",
        "ann@xn--bcher-.example",
        "ann@xn--example-.com",
        "ann@exa\u{2060}mple.com",
        "ａnn@example.com",
        "ⓐnn@example.com",
        "𝐚nn@example.com",
        "ﬁ@example.com",
        "ann＠example.com",
        "+49 00 151 1234 5678",
        "+49 0",
        "ann@example.com\r\nBcc: bob@example.com",
        "ann\r\nBcc:bob@example.com",
        "ann\0@example.com",
        "ann\u{85}@example.com",
        "ann\u{202e}@example.com",
        "ann\u{200b}@example.com",
        "ann@exam\u{ad}ple.com",
        "ann\u{3000}bob@example.com",
    ] {
        assert!(Contact::parse(written).is_err(), "{written:?}");
    }
    let long = |name: usize, label: usize| format!("{}@{}.com", "a".repeat(name), "b".repeat(label));
    assert!(Contact::parse(&long(64, 63)).is_ok());
    assert!(Contact::parse(&long(65, 63)).is_err());
    assert!(Contact::parse(&long(64, 64)).is_err());
    assert!(Contact::parse(&format!("a@{}com", "b.".repeat(130))).is_err());
}

#[test]
fn a_number_has_one_form_however_its_calling_code_is_given() {
    for (calling_code, national) in [
        ("86", "13912345678"),
        ("+86", "139 1234 5678"),
        ("0086", "139-1234-5678"),
        (" ８６ ", "１３９１２３４５６７８"),
        ("86", "013912345678"),
        ("86", "+8613912345678"),
        ("86", "+86 0139 1234 5678"),
        ("+86", "008613912345678"),
    ] {
        let contact = Contact::number(calling_code, national);
        assert_eq!(contact.as_ref().map(Contact::normalised), Ok("+8613912345678"), "{calling_code} {national}");
    }
    for (calling_code, national, normalised) in [
        ("1", "202 555 0123", "+12025550123"),
        ("1242", "5550123", "+12425550123"),
        ("44", "07911 123456", "+447911123456"),
        ("39", "06 1234 5678", "+390612345678"),
        ("852", "9123 4567", "+85291234567"),
    ] {
        let contact = Contact::number(calling_code, national);
        assert_eq!(contact.as_ref().map(Contact::normalised), Ok(normalised), "{calling_code} {national}");
        assert!(contact.is_ok_and(|contact| contact.calling_code().is_some()));
    }
}

#[test]
fn what_no_number_can_be_is_refused() {
    for (calling_code, national) in [
        ("", "13912345678"),
        ("999", "13912345678"),
        ("8", "13912345678"),
        ("+", "13912345678"),
        ("86a", "13912345678"),
        ("86", ""),
        ("86", "not a phone"),
        ("86", "1391234567"),
        ("86", "139123456789"),
        ("86", "12012345678"),
        ("86", "01012345678"),
        ("86", "8613912345678"),
        ("86", "+12025550123"),
        ("86", "0013912345678"),
        ("1", "+12425550123"),
        ("852", "091234567"),
        ("86", "ann@example.com"),
        ("86", &"1".repeat(64)),
    ] {
        assert!(Contact::number(calling_code, national).is_err(), "{calling_code} {national}");
    }
}

#[test]
fn only_a_whole_number_has_a_calling_code() {
    let code = |text: &str| Contact::parse(text).unwrap().calling_code().map(CallingCode::number);
    assert_eq!(code("+86 139 1234 5678"), Some(86));
    assert_eq!(code("8613912345678"), None);
    assert_eq!(code("+999 1234 5678"), None);
    assert_eq!(code("86@example.com"), None);
}

#[test]
fn every_spelling_of_a_mailbox_is_one_contact() {
    for (normalised, spellings) in [
        (
            "ann@example.com",
            &["ann@ⓔxample.com", "ann@𝐞xample.com", "ann@ｅxample.com", "ann@example。com", "ann@EXAMPLE．com"][..],
        ),
        ("ann@example.com", &["ANN@exªmple.com", "ann@examp\u{2113}e.com"]),
        ("ann@fi.com", &["ann@ﬁ.com", "ann@FI.com"]),
        (
            "ann@xn--bcher-kva.example",
            &[
                "ann@bücher.example",
                "ann@BÜCHER.example",
                "ann@bu\u{308}cher.example",
                "ann@XN--BCHER-KVA.example",
                "ann@xn--bcher-kva.EXAMPLE",
            ],
        ),
        ("ann@xn--strae-oqa.example", &["ann@straße.example"]),
        ("andré@example.com", &["andre\u{301}@example.com", "ANDRÉ@example.com"]),
        ("k@example.com", &["\u{212a}@example.com"]),
    ] {
        let keys = ContactKeys::new(&Secret::new([7; 32]));
        let expected = Contact::parse(normalised).map(|contact| keys.key(&contact));
        for spelling in spellings {
            let contact = Contact::parse(spelling);
            assert_eq!(contact.as_ref().map(Contact::normalised), Ok(normalised), "{spelling}");
            assert_eq!(contact.map(|contact| keys.key(&contact)), expected, "{spelling}");
        }
    }
}

#[test]
fn of_every_character_the_form_is_one() {
    for character in '\u{1}'..='\u{323af}' {
        for written in [format!("a{character}@example.com"), format!("ann@a{character}b.example.com")] {
            let Ok(contact) = Contact::address(&written) else { continue };
            let normal = contact.normalised();
            let again = Contact::address(normal);
            assert_eq!(again.as_ref().map(Contact::normalised), Ok(normal), "{character:?}");
            assert!(normal.rsplit_once('@').is_some_and(|(_, domain)| domain.is_ascii()), "{character:?}");
        }
    }
}

proptest! {
    #[test]
    fn nothing_panics_and_what_is_normal_stays(text in "\\PC{0,40}", code in "\\PC{0,6}") {
        for contact in [Contact::parse(&text), Contact::number(&code, &text)].into_iter().flatten() {
            let normal = contact.normalised().to_owned();
            let again = Contact::parse(&normal);
            prop_assert_eq!(again.as_ref().map(Contact::normalised), Ok(normal.as_str()));
        }
    }

    #[test]
    fn an_address_holds_nothing_that_ends_a_header_or_begins_another(text in "[a-z.@ \r\n\t:;,<>\"()\u{202a}-\u{202e}李]{1,20}") {
        if let Ok(contact) = Contact::address(&text) {
            let normal = contact.normalised();
            let (name, domain) = normal.split_once('@').unwrap();
            prop_assert!(!normal.chars().any(|one| one.is_control() || one.is_whitespace() || ":;,<>\"()".contains(one)));
            let turns = |one| ('\u{202a}'..='\u{202e}').contains(&one);
            prop_assert!(!normal.chars().any(turns));
            prop_assert!(!name.is_empty() && domain.contains('.') && !normal.contains(".."));
        }
    }

    #[test]
    fn plain_addresses_are_taken(name in "[A-Za-z0-9+_-]{1,20}(\\.[A-Za-z0-9李四]{1,10}){0,2}", domain in "([a-z0-9]{1,20}\\.){1,3}[a-z]{2,8}") {
        let text = format!("{name}@{domain}");
        let (contact, lower) = (Contact::address(&text), text.to_lowercase());
        prop_assert_eq!(contact.as_ref().map(Contact::normalised), Ok(lower.as_str()));
    }

    #[test]
    fn a_number_is_one_with_its_calling_code_and_behind_a_plus(national in "1[3-9][0-9]{9}") {
        let forms = [Contact::number("86", &national), Contact::parse(&format!("+86{national}")), Contact::parse(&format!("0086{national}"))];
        for contact in forms {
            let expected = format!("+86{national}");
            prop_assert_eq!(contact.as_ref().map(Contact::normalised), Ok(expected.as_str()));
        }
    }
}

#[test]
fn a_masked_contact_keeps_its_ends() {
    for (written, masked) in [
        ("+8613912345678", "+86139****5678"),
        ("12345", "****2345"),
        ("ann@example.com", "a***@example.com"),
        ("李四@example.com", "李***@example.com"),
    ] {
        assert_eq!(Contact::parse(written).unwrap().masked(), masked, "{written}");
    }
}
