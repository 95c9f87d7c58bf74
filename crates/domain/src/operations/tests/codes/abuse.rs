//! What holds against machines that ask for codes: texts that nobody answers, and tickets that people show themselves.

use super::*;

/// Texts to made-up numbers are stopped; a site whose people answer four in five is not, however many they are.
#[test]
fn texts_that_nobody_answers_are_stopped_by_prefix_country_and_network() {
    let pumped = |change: fn(&mut CodeRates), enforcement| {
        let post = Post::changed(|policy| {
            change(&mut policy.rates);
            policy.pumping = enforcement;
        });
        let unanswered = |number: u32| {
            post.send_with(&format!("+86139{:04}{number:04}", number % 7), |new| new.person = Some(CLIENT))
        };
        (0..30).take_while(|number| unanswered(*number).is_ok()).count()
    };
    for change in [
        |rates: &mut CodeRates| rates.unverified_per_country = Some(20),
        |rates: &mut CodeRates| rates.unverified_per_network = Some(20),
    ] as [fn(&mut CodeRates); 2]
    {
        assert_eq!(pumped(change, Enforcement::Enforce), 20);
        assert_eq!(pumped(change, Enforcement::Monitor), 30);
    }
    assert_eq!(pumped(|rates| rates.unverified_per_prefix = Some(20), Enforcement::Enforce), 30, "seven prefixes");

    let honest = Post::changed(|policy| policy.rates.unverified_per_country = Some(20));
    for number in 0..400 {
        let sent = honest.send(&format!("+86139{number:08}")).unwrap();
        if number % 5 != 0 {
            let digits = honest.digits(sent);
            assert!(matches!(honest.check(sent, &digits), Ok(CodeVerdict::Right { .. })));
        }
    }
    // Whoever pumps now has little more than the room that is always there, and a day later honest people have theirs again.
    let pump = |number| honest.send(&format!("+86138{number:08}"));
    assert_eq!((0..100).take_while(|number| pump(*number).is_ok()).count(), 20);
    honest.house.clock.advance(DAY);
    assert!(honest.send(PHONE).is_ok());
}

#[test]
fn a_ticket_that_goes_with_the_door_lifts_nothing() {
    let post = Post::changed(|policy| {
        policy.default.ticket = TicketDemand::OverLimits;
        policy.rates.per_network = ONCE_A_DAY;
        policy.rates.unverified_per_country = Some(1);
    });
    let asked = |to: &str, pays_for: PaysFor| {
        // The ticket outlives the call.
        let ticket: &str = Box::leak(post.ticket(to).into_boxed_str());
        let door: &Door = Box::leak(Box::new(DOOR));
        post.send_with(to, |new| {
            new.payment = Some(Payment { ticket, door, client: None, pays_for });
            new.person = Some(CLIENT);
        })
    };
    asked(PHONE, PaysFor::Anything).unwrap();
    let other = "+8613912345679";
    let limited = asked(other, PaysFor::Anything).err();
    let is_network = |over: Over| over.limit == CodeLimit::Network;
    assert!(matches!(limited, Some(SendCodeError::Limited { over, .. }) if is_network(over)), "{limited:?}");
    assert!(asked(other, PaysFor::Purpose).is_ok(), "one that is brought although nobody has to");
    assert!(
        asked("+8613912345670", PaysFor::AnythingToAnybody).is_ok(),
        "the same, from a page that never says where to"
    );
}

/// Whoever has solved one challenge may show its ticket as often as they like, and must not use up what is the app's.
#[test]
fn a_ticket_that_a_person_shows_again_counts_for_the_address_and_not_for_the_app() {
    let mut post = Post::new();
    post.house.policy.rates.redeem_per_app = ONCE_A_DAY;
    post.house.policy.rates.redeem_per_address = Some(Rule { burst: 2, interval: DAY });
    // The ticket outlives the call.
    let ticket: &str = Box::leak(post.ticket(PHONE).into_boxed_str());
    let door: &Door = Box::leak(Box::new(DOOR));
    let show = |purpose: &str| {
        post.send_with(PHONE, |new| {
            new.purpose = CodePurpose::parse(purpose).unwrap();
            new.payment = Some(Payment { ticket, door, client: None, pays_for: PaysFor::Anything });
            new.person = Some(CLIENT);
        })
    };
    assert!(show("login").is_ok());
    assert_eq!(show("bind").err(), Some(SendCodeError::TicketRefused(TicketRefusal::Used)));
    let limited = show("register").err();
    let is_of_address = |limited: &Limited| limited.limit == Limit::RedeemPerAddress;
    assert!(
        matches!(limited, Some(SendCodeError::Redeem(RedeemTicketError::Limited(limited))) if is_of_address(&limited))
    );
    assert!(matches!(post.house.redeem(&post.ticket(PHONE), "one", None, None, 1), Redemption::Valid(_)));
}

#[test]
fn no_part_of_a_number_is_at_rest() {
    let post = Post::changed(|policy| policy.rates.unverified_per_prefix = Some(1));
    let sent = post.send(PHONE).unwrap();
    let code = block_on(crate::ports::CodeRecords::code(&post.records, sent.id)).unwrap();
    assert_eq!(code.texts.len(), 1);
    assert!(!code.texts[0].contains("1391234"), "{:?}", code.texts);
}
