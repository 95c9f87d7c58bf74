#![expect(clippy::expect_used, clippy::panic, reason = "a suite is a test: it stops where the store does not conform")]

use std::sync::Arc;

use crate::account::{Account, AccountId, AccountName, OwnedResource, Owner};
use crate::app::AppId;
use crate::code::{Binding, CodeEnd, CodeId, CodePurpose, CodeState, Resource};
use crate::contact::ContactKey;
use crate::language::Language;
use crate::network::Network;
use crate::office_site::{
    Attaching, Attachment, MOST_SITES, Occupied, OfficeSite, SiteId, SiteKind, SiteName, SiteRefusal, SiteUse,
};
use crate::ports::{
    Accepted, AppRecords, AuditRecords, Checked, CodeCheck, CodeNamed, CodeRecords, CodeSend, Gained, OwnerRecords,
    OwnerRows, Page, RecordsError, SiteRecords, Spending, Taken,
};
use crate::sealing::KeyedHash;
use crate::testing::code_records_conformance::{NOW, entry, send};
use crate::testing::{app, block_on};

/// What it means to be a store of accounts, what they own, and where it is attached. `open` opens the store at one place: the
/// first time it is empty, and every later time it is what the earlier ones left.
///
/// # Panics
/// Where the store does not conform.
pub fn owner_records_conformance<R>(open: impl Fn() -> R)
where
    R: CodeRecords + OwnerRecords + SiteRecords + AppRecords + AuditRecords + 'static,
{
    let suite = Suite { store: Arc::new(open()) };
    for id in ["owners", "others"] {
        block_on(suite.store.create_app(app(id), entry(NOW))).expect("an app");
    }
    suite.rows_are_kept_all_or_none();
    suite.a_resource_is_found_by_its_owner_and_by_nobody_else();
    suite.a_site_takes_one_resource();
    suite.a_code_is_spent_with_its_attachment_or_not_at_all();
    suite.one_code_gives_one_attachment();
    suite.a_code_is_worth_what_it_asked_for_and_no_more();
    suite.consent_ends_with_its_owner();
    suite.sites_have_an_end();
    let kept = suite.state();
    drop(suite);
    assert_eq!(Suite { store: Arc::new(open()) }.state(), kept, "what was kept is there after a reopening");
}

struct Suite<R> {
    store: Arc<R>,
}

fn id(number: u64) -> AccountId {
    AccountId::from_number(number).expect("an account's number")
}

fn name(text: &str) -> Resource {
    Resource::parse(text).expect("a resource")
}

fn site_id(text: &str) -> SiteId {
    SiteId::parse(text).expect("a site")
}

fn account(number: u64, is_own: bool) -> Account {
    Account {
        app: app("owners").id,
        id: id(number),
        name: AccountName::parse("Acme 甲").expect("a name"),
        is_own,
        contact: ContactKey([7; 32]),
        sealed_contact: vec![7],
        language: Language::Chinese,
        created_at: NOW,
    }
}

fn owned(resource: &str, account: u64) -> OwnedResource {
    let network = |text: &str| Network::try_from(text.to_owned()).expect("a network");
    OwnedResource {
        app: app("owners").id,
        id: name(resource),
        account: id(account),
        networks: vec![network("10.0.0.0/12"), network("192.168.0.0/24")],
        created_at: NOW,
    }
}

fn site(text: &str, kind: SiteKind) -> OfficeSite {
    let network = Network::try_from("172.16.0.0/12".to_owned()).ok();
    OfficeSite {
        app: app("owners").id,
        id: site_id(text),
        name: SiteName::parse("一号").expect("a name"),
        kind,
        network,
        created_at: NOW,
    }
}

fn attaching(site: SiteUse, resource: &str, account: u64, occupied: Occupied) -> Attaching {
    Attaching { app: app("owners").id, site, resource: name(resource), account: id(account), occupied }
}

/// To a site that is there.
fn to(site: &str, resource: &str, account: u64) -> Attaching {
    attaching(SiteUse::Existing(site_id(site)), resource, account, Occupied::Refuse)
}

/// A code, its digits its number, that asks account 2 for a resource.
fn code_for(number: u8, resource: &str) -> CodeSend {
    let mut send = send(number, 7);
    send.code.binding = binding(resource);
    send.code.consent = Some(id(2));
    send
}

fn binding(resource: &str) -> Binding {
    Binding {
        app: app("owners").id,
        purpose: CodePurpose::parse("consent").expect("a purpose"),
        contact: ContactKey([7; 32]),
        resource: Some(name(resource)),
    }
}

impl<R> Suite<R>
where
    R: CodeRecords + OwnerRecords + SiteRecords + AppRecords + AuditRecords + 'static,
{
    fn keep(&self, rows: OwnerRows, taken: Taken) -> Result<(), RecordsError> {
        block_on(self.store.keep_owners(rows, taken, entry(NOW)))
    }

    fn keep_resource(&self, resource: OwnedResource) {
        let rows = OwnerRows { resources: vec![resource], ..OwnerRows::default() };
        self.keep(rows, Taken::Replace).expect("a resource");
    }

    fn state(&self) -> (Vec<Account>, Vec<OwnedResource>, Vec<OfficeSite>, Vec<Attachment>) {
        let app = || app("owners").id;
        (
            block_on(self.store.accounts(app(), Page::ALL)).expect("accounts").0,
            block_on(self.store.resources(app(), Page::ALL)).expect("resources").0,
            block_on(self.store.sites(app())).expect("sites"),
            block_on(self.store.attachments(app())).expect("attachments"),
        )
    }

    /// The audit trail, without times and actors.
    fn told(&self) -> Vec<String> {
        let entries = block_on(self.store.audit_entries(1_000)).expect("entries");
        entries.iter().map(|entry| format!("{} {} {}", entry.event, entry.subject, entry.detail)).collect()
    }

    fn attached(&self, site: &str) -> Option<Attachment> {
        self.state().3.into_iter().find(|one| one.site == site_id(site))
    }

    fn attach(&self, attaching: Attaching) -> Result<Attachment, SiteRefusal> {
        block_on(self.store.attach(attaching, entry(NOW))).expect("an answer")
    }

    fn sent(&self, number: u8, resource: &str) {
        let accepted = block_on(self.store.accept_send(code_for(number, resource), entry(NOW))).expect("an answer");
        assert!(matches!(accepted, Accepted::Queued(..)), "{accepted:?}");
    }

    fn spend(&self, number: u8, attaching: Attaching) -> Checked {
        let named = CodeNamed::Newest(binding(attaching.resource.as_str()));
        let check = CodeCheck {
            named,
            judge: Arc::new(move |_, hash| *hash == KeyedHash::from_bytes([number; 20])),
            consume: Some(Spending::Attachment(attaching)),
            charges: Arc::new(|_| vec![]),
        };
        block_on(self.store.check_code(check, entry(NOW))).expect("an answer")
    }

    fn rows_are_kept_all_or_none(&self) {
        let rows = OwnerRows {
            accounts: vec![account(1, true), account(2, false), account(3, false)],
            resources: vec![owned("cen-own", 1), owned("cen-a", 2), owned("cen-b", 2), owned("cen-us", 1)],
            sites: vec![
                site("s-1", SiteKind::Simple),
                site("s-2", SiteKind::Basic),
                site("s-3", SiteKind::AdConnector),
            ],
        };
        self.keep(rows.clone(), Taken::Refuse).expect("rows");
        let before = self.state();
        assert_eq!((&before.0, &before.2), (&rows.accounts, &rows.sites));
        let fresh = |resource| OwnerRows {
            accounts: vec![account(9, false)],
            resources: vec![resource],
            ..OwnerRows::default()
        };
        assert_eq!(self.keep(fresh(owned("cen-a", 9)), Taken::Refuse), Err(RecordsError::Exists));
        assert_eq!(self.keep(fresh(owned("cen-c", 8)), Taken::Replace), Err(RecordsError::Missing));
        let second = OwnerRows { accounts: vec![account(4, true)], ..OwnerRows::default() };
        assert_eq!(self.keep(second, Taken::Replace), Err(RecordsError::Exists), "an app has one account of its own");
        let nobodys = Account { app: AppId::parse("nobody").expect("an id"), ..account(1, false) };
        let nobodys = OwnerRows { accounts: vec![nobodys], ..OwnerRows::default() };
        assert_eq!(self.keep(nobodys, Taken::Refuse), Err(RecordsError::Missing));
        assert_eq!(self.state(), before);
        let told = self.told();
        self.keep(rows, Taken::Replace).expect("the same again");
        assert_eq!(self.state(), before);
        assert_eq!(self.told().len(), told.len() + 1, "rows that are as they were leave no entries of their own");
        // Another account becomes the app's own in the same rows in which the first one ceases to be, whichever comes first.
        for (first, second) in [(account(2, true), account(1, false)), (account(1, true), account(2, false))] {
            let rows = OwnerRows { accounts: vec![first.clone(), second], ..OwnerRows::default() };
            self.keep(rows, Taken::Replace).expect("the app's own is another one");
            assert_eq!(block_on(self.store.own_account(app("owners").id)), Ok(Some(first)));
        }
        let page = |offset, limit| block_on(self.store.accounts(app("owners").id, Page { offset, limit }));
        assert_eq!(page(1, 1), Ok((vec![account(2, false)], 3)));
        let page = |offset, limit| block_on(self.store.resources(app("owners").id, Page { offset, limit }));
        assert_eq!(page(3, 9), Ok((vec![owned("cen-us", 1)], 4)));
        let ids = block_on(self.store.account_ids(app("owners").id)).expect("ids");
        assert_eq!(ids.into_iter().collect::<Vec<_>>(), [id(1), id(2), id(3)]);
        assert_eq!(block_on(self.store.own_account(app("others").id)), Ok(None));
    }

    fn a_resource_is_found_by_its_owner_and_by_nobody_else(&self) {
        let found = |of: &str, resource: &str, owner| {
            block_on(self.store.owned(app(of).id, name(resource), owner)).expect("an answer")
        };
        assert_eq!(found("owners", "cen-a", Owner::Account(id(2))), Some((account(2, false), owned("cen-a", 2))));
        assert_eq!(found("owners", "cen-own", Owner::Own), Some((account(1, true), owned("cen-own", 1))));
        assert!(found("owners", "cen-own", Owner::Account(id(1))).is_some());
        for (of, resource, owner) in [
            ("owners", "cen-a", Owner::Own),
            ("owners", "cen-a", Owner::Account(id(3))),
            ("owners", "cen-a", Owner::Account(id(99))),
            ("owners", "cen-z", Owner::Account(id(2))),
            ("others", "cen-a", Owner::Account(id(2))),
        ] {
            assert_eq!(found(of, resource, owner), None, "{of} {resource} {owner:?}");
        }
    }

    fn a_site_takes_one_resource(&self) {
        assert_eq!(self.attach(to("s-2", "cen-own", 1)), Err(SiteRefusal::OtherKind));
        assert_eq!(self.attach(to("s-3", "cen-own", 1)), Err(SiteRefusal::OtherKind));
        assert_eq!(self.attach(to("s-9", "cen-own", 1)), Err(SiteRefusal::Unknown));
        assert_eq!(self.attach(to("s-1", "cen-own", 2)), Err(SiteRefusal::Gone));
        let first = self.attach(to("s-1", "cen-own", 1)).expect("an attachment");
        assert_eq!((first.code, first.since, first.account), (None, NOW, id(1)));
        assert_eq!(self.attach(to("s-1", "cen-own", 1)), Ok(first), "the same again is no other");
        assert_eq!(self.attach(to("s-1", "cen-us", 1)), Err(SiteRefusal::Occupied));
        assert_eq!(self.attach(to("s-1", "cen-a", 2)), Err(SiteRefusal::Gone), "nobody agreed to that");
        let instead = Attaching { occupied: Occupied::Replace, ..to("s-1", "cen-us", 1) };
        assert_eq!(self.attach(instead).map(|one| one.resource), Ok(name("cen-us")));
        let detach = |of: &str| block_on(self.store.detach(app(of).id, site_id("s-1"), entry(NOW)));
        assert_eq!(detach("others"), Err(RecordsError::Missing));
        assert_eq!((detach("owners"), detach("owners")), (Ok(()), Err(RecordsError::Missing)));
        assert_eq!(self.attached("s-1"), None);
        let made = attaching(SiteUse::New(site("s-4", SiteKind::AdConnector)), "cen-own", 1, Occupied::Refuse);
        assert_eq!(self.attach(made).map(|one| one.site), Ok(site_id("s-4")));
        assert!(self.state().2.contains(&site("s-4", SiteKind::AdConnector)));
        let again = block_on(self.store.create_site(site("s-4", SiteKind::Simple), entry(NOW)));
        assert_eq!(again, Err(RecordsError::Exists));
        let now_basic = OwnerRows { sites: vec![site("s-4", SiteKind::Basic)], ..OwnerRows::default() };
        assert_eq!(self.keep(now_basic.clone(), Taken::Replace), Err(RecordsError::InUse));
        let remove = |of: &str| block_on(self.store.remove_site(app(of).id, site_id("s-4"), entry(NOW)));
        assert_eq!(remove("others"), Err(RecordsError::Missing));
        assert_eq!((remove("owners"), remove("owners")), (Ok(()), Err(RecordsError::Missing)));
        assert!(self.told().contains(&"resource.detached s-4 cen-own of 1".to_owned()));
        self.keep(now_basic, Taken::Replace).expect("nothing is attached to it");
        assert_eq!(remove("owners"), Ok(()));
        let kind = SiteKind::AdConnector;
        let made = attaching(SiteUse::New(site("s-4", kind)), "cen-own", 1, Occupied::Refuse);
        assert_eq!(self.attach(made).map(|one| one.site), Ok(site_id("s-4")));
    }

    fn a_code_is_spent_with_its_attachment_or_not_at_all(&self) {
        self.sent(101, "cen-a");
        assert_eq!(self.spend(101, to("s-9", "cen-a", 2)), Checked::Hindered(SiteRefusal::Unknown));
        assert_eq!(self.spend(102, to("s-2", "cen-a", 2)), Checked::Hindered(SiteRefusal::OtherKind));
        assert_eq!(self.spend(101, to("s-1", "cen-a", 3)), Checked::Hindered(SiteRefusal::Gone));
        assert!(matches!(self.spend(102, to("s-1", "cen-a", 2)), Checked::Wrong(code) if code.tries == 1));
        assert_eq!(self.attached("s-1"), None, "a wrong code attaches nothing");
        let Checked::Right(code, Some(Gained::Attachment(attachment))) = self.spend(101, to("s-1", "cen-a", 2)) else {
            panic!("the right code is right");
        };
        assert_eq!((attachment.code, attachment.account), (Some(code.id), id(2)));
        assert_eq!(self.attached("s-1"), Some(attachment));
        let told = block_on(self.store.audit_entries(2)).expect("entries");
        let told: Vec<_> = told.iter().map(|entry| entry.event.as_str()).collect();
        assert!(told.contains(&"resource.attached"), "{told:?}");
        assert!(matches!(self.spend(101, to("s-1", "cen-a", 2)), Checked::Dead(..)));
    }

    fn one_code_gives_one_attachment(&self) {
        self.sent(103, "cen-b");
        let won: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|number| {
                    scope.spawn(move || {
                        let new = SiteUse::New(site(&format!("t-{number}"), SiteKind::Simple));
                        let checked = self.spend(103, attaching(new, "cen-b", 2, Occupied::Refuse));
                        usize::from(matches!(checked, Checked::Right(..)))
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().expect("no panic")).sum()
        });
        let made = self.state().2.iter().filter(|site| site.id.as_str().starts_with("t-")).count();
        let attached = self.state().3.iter().filter(|one| one.resource == name("cen-b")).count();
        assert_eq!((won, made, attached), (1, 1, 1));
    }

    fn a_code_is_worth_what_it_asked_for_and_no_more(&self) {
        let state = |number| block_on(self.store.code(CodeId::from_bytes([number; 16]))).expect("a code").state(NOW);
        let withdrawn = CodeState::Ended(CodeEnd::Withdrawn);
        let new =
            |site_id: &str| attaching(SiteUse::New(site(site_id, SiteKind::Simple)), "cen-b", 2, Occupied::Refuse);
        let keep_account = |contact| {
            let changed = Account { contact: ContactKey([contact; 32]), ..account(2, false) };
            let rows = OwnerRows { accounts: vec![changed], ..OwnerRows::default() };
            self.keep(rows, Taken::Replace).expect("an account");
        };

        // There and back again: to an owner with the same mailbox.
        self.sent(104, "cen-b");
        self.sent(105, "cen-a");
        self.keep_resource(owned("cen-b", 3));
        assert_eq!((state(104), state(105)), (withdrawn, CodeState::Live));
        self.keep_resource(owned("cen-b", 2));
        assert!(matches!(self.spend(104, new("u-1")), Checked::Dead(..)));

        // Who reads the mailbox that it went to is not asked any more.
        self.sent(106, "cen-b");
        keep_account(8);
        assert_eq!((state(105), state(106)), (withdrawn, withdrawn));
        self.sent(107, "cen-b");
        let hindered = Checked::Hindered(SiteRefusal::Gone);
        assert_eq!(self.spend(107, new("u-1")), hindered, "it went out while the directory changed");
        keep_account(7);
        self.sent(108, "cen-b");
        let of_another = Attaching { account: id(3), ..new("u-1") };
        self.keep_resource(owned("cen-b", 2));
        assert_eq!(self.spend(108, of_another), hindered);
        assert!(matches!(self.spend(108, new("u-1")), Checked::Right(..)));

        // It is no proof that somebody has a contact.
        self.sent(112, "cen-a");
        let check = CodeCheck {
            named: CodeNamed::Id(app("owners").id, CodeId::from_bytes([112; 16])),
            judge: Arc::new(|_, _| true),
            consume: None,
            charges: Arc::new(|_| vec![]),
        };
        assert_eq!(block_on(self.store.check_code(check, entry(NOW))), Ok(Checked::Unknown));

        // A code that asked nobody for consent is none.
        let mut plain = code_for(109, "cen-b");
        plain.code.consent = None;
        assert!(matches!(block_on(self.store.accept_send(plain, entry(NOW))), Ok(Accepted::Queued(..))));
        assert_eq!(self.spend(109, new("u-2")), hindered);

        let usable = |offset, limit| {
            let page = Page { offset, limit };
            let (found, count) = block_on(self.store.usable(app("owners").id, page)).expect("resources");
            (found.into_iter().map(|owned| owned.id.as_str().to_owned()).collect::<Vec<_>>(), count)
        };
        assert_eq!(usable(1, 2), (vec!["cen-b".to_owned(), "cen-own".to_owned()], 4));
        assert_eq!(usable(4, 2), (vec![], 4));
    }

    fn sites_have_an_end(&self) {
        let others =
            |number: u32| OfficeSite { app: app("others").id, ..site(&format!("m-{number}"), SiteKind::Simple) };
        let sites = (0..MOST_SITES).map(others).collect();
        self.keep(OwnerRows { sites, ..OwnerRows::default() }, Taken::Refuse).expect("the operator's");
        let more = || others(MOST_SITES);
        assert_eq!(block_on(self.store.create_site(more(), entry(NOW))), Err(RecordsError::Full));
        let account = Account { app: app("others").id, ..account(1, true) };
        let resource = OwnedResource { app: app("others").id, ..owned("cen-z", 1) };
        let rows = OwnerRows { accounts: vec![account], resources: vec![resource], sites: vec![more()] };
        let attaching =
            Attaching { app: app("others").id, ..attaching(SiteUse::New(more()), "cen-z", 1, Occupied::Refuse) };
        self.keep(OwnerRows { sites: vec![], ..rows }, Taken::Refuse).expect("rows");
        assert_eq!(block_on(self.store.attach(attaching, entry(NOW))), Err(RecordsError::Full));
    }

    fn consent_ends_with_its_owner(&self) {
        for resource in ["cen-a", "cen-b"] {
            self.sent(if resource == "cen-a" { 110 } else { 111 }, resource);
        }
        self.keep_resource(owned("cen-a", 2));
        assert!(self.attached("s-1").is_some(), "nothing has changed hands");
        self.keep_resource(owned("cen-a", 3));
        assert_eq!(self.attached("s-1"), None, "its new owner agreed to nothing");
        let told = self.told();
        assert!(told.contains(&"resource.detached s-1 cen-a of 2".to_owned()), "{told:?}");
        assert!(told.contains(&"resource.kept cen-a of 3, was of 2".to_owned()), "{told:?}");
        let remove = |resource| block_on(self.store.remove_resource(app("owners").id, name(resource), entry(NOW)));
        assert_eq!((remove("cen-a"), remove("cen-a")), (Ok(()), Err(RecordsError::Missing)));
        let remove = |of: &str| block_on(self.store.remove_account(app(of).id, id(2), entry(NOW)));
        assert_eq!(remove("others"), Err(RecordsError::Missing));
        assert_eq!((remove("owners"), remove("owners")), (Ok(()), Err(RecordsError::Missing)));
        let told = self.told();
        assert!(told.iter().any(|entry| entry.starts_with("resource.detached u-1 cen-b of 2")), "{told:?}");
        let (accounts, resources, _, attachments) = self.state();
        assert_eq!(accounts, [account(1, true), account(3, false)]);
        assert_eq!(resources, [owned("cen-own", 1), owned("cen-us", 1)]);
        assert!(attachments.iter().all(|one| one.account == id(1)));
        for number in [110, 111] {
            let code = block_on(self.store.code(CodeId::from_bytes([number; 16]))).expect("a code");
            assert_eq!(code.state(NOW), CodeState::Ended(CodeEnd::Withdrawn));
        }
    }
}
