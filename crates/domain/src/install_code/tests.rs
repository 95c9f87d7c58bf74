use std::collections::HashSet;

use proptest::prelude::*;

use super::*;
use crate::testing::SeededEntropy;

fn keys(byte: u8) -> InstallCodeKeys {
    InstallCodeKeys::new(&Secret::new([byte; 32]))
}

fn long(seed: u64) -> CodeText {
    let entropy = SeededEntropy::new(seed);
    CodeText::draw_long(&InstallCodeId::draw(&entropy), &entropy)
}

fn form(text: &str) -> Result<Form, NotACode> {
    CodeText::read(text).map(|code| code.form())
}

proptest! {
    #[test]
    fn what_is_drawn_is_read(seed: u64) {
        let short = CodeText::draw_short(&SeededEntropy::new(seed));
        prop_assert_eq!(form(short.expose()), Ok(Form::Short));
        let long = long(seed);
        prop_assert_eq!(form(&format!(" {}\n", long.expose())), Ok(Form::Long));
        prop_assert_eq!(long.expose().len(), 49);
    }

    #[test]
    fn a_long_code_with_one_wrong_character_or_two_exchanged_is_a_typing_error(seed: u64, at in 13usize..49, other in 0usize..62) {
        let text = long(seed).expose().to_owned().into_bytes();
        let mut wrong = text.clone();
        wrong[at] = CHARACTERS[other];
        let mut exchanged = text.clone();
        exchanged.swap(at, if at == 48 { 47 } else { at + 1 });
        for changed in [wrong, exchanged] {
            if changed != text {
                prop_assert_eq!(form(&String::from_utf8(changed).unwrap()), Err(NotACode::Checksum));
            }
        }
        prop_assert!(form(std::str::from_utf8(&text[..at]).unwrap()).is_err());
    }

    #[test]
    fn no_text_panics_the_reader(text: String) {
        let _any = form(&text);
        let _any = form(&format!("csi_{text}"));
        let _any = form(&format!("csi_01234567_{text}"));
    }
}

/// What CRC-32 gives for the usual check string, as base 62: 0xcbf43926.
#[test]
fn the_checksum_is_the_one_that_everybody_knows() {
    let mut value: u64 = 0;
    for digit in checksum("123456789").bytes() {
        value = value * 62 + CHARACTERS.iter().position(|&character| character == digit).unwrap() as u64;
    }
    assert_eq!(value, 0xcbf4_3926);
}

#[test]
fn what_is_no_code_is_told_apart_from_a_typing_error() {
    for text in ["", "12345", "1234567", "12345-", "一二", "csi_", "csi_0123456_", "csi_01234567", "csi_012345 7_aaaa"]
    {
        assert_eq!(form(text), Err(NotACode::Shape), "{text:?}");
    }
    assert_eq!(form("csi_01234567_aaaa"), Err(NotACode::Checksum), "cut short");
}

#[test]
fn codes_and_installations_have_hashes_of_their_own() {
    let codes: Vec<_> = (0..20).map(|seed| CodeText::draw_short(&SeededEntropy::new(seed))).chain([long(1)]).collect();
    let hashes: HashSet<_> = codes.iter().flat_map(|code| [keys(1).lookup(code), keys(2).lookup(code)]).collect();
    assert_eq!(hashes.len(), codes.len() * 2);
}

#[test]
fn a_sealed_code_opens_in_its_own_row_and_installation() {
    let entropy = SeededEntropy::new(1);
    let (id, other) = (InstallCodeId::draw(&entropy), InstallCodeId::draw(&entropy));
    let code = CodeText::draw_short(&entropy);
    let sealed = keys(1).seal(&id, &code, &entropy).unwrap();
    assert_eq!(keys(1).open(&id, &sealed).unwrap().expose(), code.expose());
    assert!(keys(1).open(&other, &sealed).is_err());
    assert!(keys(2).open(&id, &sealed).is_err());
}

fn code(change: impl FnOnce(&mut InstallCode)) -> InstallCode {
    let mut code = InstallCode {
        id: InstallCodeId::parse("01234567").unwrap(),
        app: AppId::parse("one").unwrap(),
        form: Form::Short,
        source: Source::Added,
        terms: Terms {
            deadline: Timestamp::from_milliseconds(100),
            group: GroupId(1),
            os: None,
            networks: Vec::new(),
            max_uses: None,
            only_image: false,
            route: Route::default(),
        },
        uses: 3,
        created_at: Timestamp::from_milliseconds(0),
        created_by: "cli".to_owned(),
        revoked_at: None,
    };
    change(&mut code);
    code
}

#[test]
fn a_code_that_cannot_be_used_says_why() {
    let at = Timestamp::from_milliseconds;
    let judge =
        |code: InstallCode, now| code.refuses(at(now), "10.0.0.7".parse().unwrap(), OperatingSystem::Linux, false);
    assert_eq!(judge(code(|_| {}), 99), None);
    assert_eq!(judge(code(|_| {}), 100), Some(CodeRefusal::Expired));
    assert_eq!(judge(code(|code| code.revoked_at = Some(at(50))), 99), Some(CodeRefusal::Revoked));
    assert_eq!(judge(code(|code| code.terms.max_uses = Some(3)), 99), Some(CodeRefusal::Exhausted));
    assert_eq!(judge(code(|code| code.terms.max_uses = Some(4)), 99), None);
    let windows = code(|code| code.terms.os = Some(OperatingSystem::Windows));
    assert_eq!(judge(windows, 99), Some(CodeRefusal::OtherSystem));
    let networks = |text: &str| vec![Network::try_from(text.to_owned()).unwrap()];
    assert_eq!(judge(code(|code| code.terms.networks = networks("10.0.0.0/29")), 99), None);
    let elsewhere = code(|code| code.terms.networks = networks("10.0.0.8/29"));
    assert_eq!(judge(elsewhere, 99), Some(CodeRefusal::OtherNetwork));
    let image = code(|code| code.terms.only_image = true);
    assert_eq!(judge(image.clone(), 99), Some(CodeRefusal::OnlyImage));
    assert_eq!(image.refuses(at(99), "10.0.0.7".parse().unwrap(), OperatingSystem::Linux, true), None);
}

#[test]
fn only_what_could_admit_somebody_is_live() {
    let live = |change: fn(&mut InstallCode)| code(change).is_live(Timestamp::from_milliseconds(99));
    assert!(live(|_| {}));
    assert!(!live(|code| code.terms.deadline = Timestamp::from_milliseconds(99)));
    assert!(!live(|code| code.revoked_at = Some(Timestamp::from_milliseconds(98))));
    assert!(!live(|code| code.terms.max_uses = Some(3)));
}

#[test]
fn a_route_has_names_of_a_length_that_can_be_shown() {
    let route = |vendor: Option<&str>, cluster: Option<&str>| {
        Route::new(vendor.map(str::to_owned), cluster.map(str::to_owned), Some(7))
    };
    let expected = Route { private_link: Some(7), ..Route::default() };
    assert_eq!(route(None, None), Ok(expected));
    assert!(route(Some(&"商".repeat(32)), Some(&"簇".repeat(64))).is_ok());
    for vendor in ["", &"v".repeat(33), "a\nb"] {
        assert_eq!(route(Some(vendor), None), Err(BadRoute::Vendor), "{vendor:?}");
    }
    for cluster in ["", &"c".repeat(65), "\u{7f}"] {
        assert_eq!(route(None, Some(cluster)), Err(BadRoute::ProxyCluster), "{cluster:?}");
    }
}
