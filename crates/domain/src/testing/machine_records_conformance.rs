#![expect(clippy::expect_used, clippy::panic, reason = "a suite is a test: it stops where the store does not conform")]

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::agent::{AgentId, Ended, HostFacts, IssuedCertificate, OperatingSystem};
use crate::app::AppId;
use crate::audit::AuditEntry;
use crate::group::{GroupId, GroupName};
use crate::guess_budget::Account;
use crate::install_code::{CodeRefusal, Form, InstallCode, InstallCodeId, KeptInstallCode, Route, Source, Terms};
use crate::network::Network;
use crate::ports::{Admission, Admitted, AgentsWanted, AppRecords, AuditRecords, MachineRecords, Named, RecordsError};
use crate::testing::{app, block_on};
use crate::time::Timestamp;

const NOW: Timestamp = Timestamp::from_milliseconds(1_795_000_000_000);
const DAY: Duration = Duration::from_hours(24);

/// What it means to be a store of groups, install codes and agents. `open` opens the store at one place: the first time it is
/// empty, and every later time it is what the earlier ones left.
///
/// # Panics
/// Where the store does not conform.
pub fn machine_records_conformance<R>(open: impl Fn() -> R)
where
    R: MachineRecords + AppRecords + AuditRecords + 'static,
{
    let suite = Suite { store: Arc::new(open()) };
    for id in ["machines", "others"] {
        block_on(suite.store.create_app(app(id), entry("app.created"))).expect("an app");
    }
    suite.groups();
    suite.codes();
    suite.a_present_code_is_the_same_until_it_is_too_old();
    suite.a_code_admits_as_its_terms_say();
    suite.a_repeated_request_gets_the_same_answer();
    suite.exactly_as_many_join_as_may();
    suite.agents_live_and_end();
    suite.guesses_are_counted_and_hits_given_back();
    let agents = suite.agents(None);
    drop(suite);
    let reopened = Suite { store: Arc::new(open()) };
    assert_eq!(reopened.agents(None), agents, "who was admitted is there after a reopening");
    let (_, paused) = block_on(reopened.store.guessing(NOW)).expect("guessing");
    assert!(paused, "the budget for guesses is kept");
}

struct Suite<R> {
    store: Arc<R>,
}

fn machines() -> AppId {
    app("machines").id
}

fn entry(event: &str) -> AuditEntry {
    AuditEntry::new(NOW, "test", event, "subject").with_detail("because")
}

fn named(name: &str) -> GroupName {
    GroupName::parse(name).expect("a name")
}

/// A code whose text is known by one number.
fn code(number: u8, group: GroupId, change: impl FnOnce(&mut InstallCode)) -> KeptInstallCode {
    let mut code = InstallCode {
        id: InstallCodeId::parse(&format!("code{number:04}")).expect("an id"),
        app: machines(),
        form: Form::Long,
        source: Source::Added,
        terms: Terms {
            deadline: NOW.plus(DAY),
            group,
            os: None,
            networks: Vec::new(),
            max_uses: None,
            only_image: false,
            route: Route::default(),
        },
        uses: 0,
        created_at: NOW,
        created_by: "test".to_owned(),
        revoked_at: None,
    };
    change(&mut code);
    KeptInstallCode { code, lookup: [number; 32], sealed: vec![number] }
}

fn admission(code: &KeptInstallCode, request: u16) -> Admission {
    let [high, low] = request.to_be_bytes();
    let mut bytes = [7; 32];
    (bytes[0], bytes[1]) = (high, low);
    let mut agent = [0; 16];
    agent.copy_from_slice(&bytes[..16]);
    Admission {
        form: code.code.form,
        lookup: code.lookup,
        agent: AgentId::from_bytes(agent),
        host: HostFacts::new("host \"名\"", OperatingSystem::Linux, "x86_64", "0123").expect("facts"),
        certificate: IssuedCertificate {
            certificate: format!("certificate {request}"),
            serial: [3; 16],
            request: bytes,
            issued_at: NOW,
            expires_at: NOW.plus(DAY * 90),
        },
        client: IpAddr::from([10, 0, 0, 7]),
        staged: false,
        now: NOW,
        repeat: Duration::from_mins(10),
    }
}

impl<R> Suite<R>
where
    R: MachineRecords + AppRecords + AuditRecords + 'static,
{
    fn default_group(&self) -> GroupId {
        block_on(self.store.default_group(machines(), entry("group.created"))).expect("a group").id
    }

    fn add(&self, kept: &KeptInstallCode) -> Result<(), RecordsError> {
        block_on(self.store.create_install_code(kept.clone(), 3, NOW, entry("install_code.created")))
    }

    fn added(&self, number: u8, change: impl FnOnce(&mut InstallCode)) -> KeptInstallCode {
        let kept = code(number, self.default_group(), change);
        self.add(&kept).expect("a code");
        kept
    }

    fn admit(&self, admission: &Admission) -> Admitted {
        block_on(self.store.admit_agent(admission.clone())).expect("an answer")
    }

    fn agents(&self, after: Option<AgentId>) -> Vec<AgentId> {
        let wanted = AgentsWanted { app: Some(machines()), ids: Vec::new(), after, limit: 1_000 };
        let agents = block_on(self.store.agents(wanted)).expect("agents");
        agents.into_iter().map(|agent| agent.id).collect()
    }

    fn revoke(&self, kept: &KeptInstallCode) {
        let named = Named::Id(kept.code.id.clone());
        let yesterday = NOW.minus(DAY);
        block_on(self.store.revoke_install_code(machines(), named, yesterday, entry("install_code.revoked")))
            .expect("a code");
    }

    fn newest(&self) -> AuditEntry {
        block_on(self.store.audit_entries(1)).expect("entries").pop().expect("an entry")
    }

    fn groups(&self) {
        let first = self.default_group();
        assert_eq!(self.default_group(), first, "there is one");
        let create = |name| block_on(self.store.create_group(machines(), named(name), entry("group.created")));
        let (a, b) = (create("甲").expect("a group"), create("b").expect("a group"));
        assert_eq!(create("b"), Err(RecordsError::Exists));
        let rename = |app, id, name| block_on(self.store.rename_group(app, id, named(name), entry("group.renamed")));
        assert_eq!(rename(machines(), b.id, "甲"), Err(RecordsError::Exists));
        assert_eq!(rename(app("others").id, b.id, "c"), Err(RecordsError::Missing));
        assert_eq!(rename(machines(), b.id, "c"), Ok(()));
        assert_eq!(self.newest().event, "group.renamed");
        let remove = |id| block_on(self.store.remove_group(machines(), id, entry("group.removed")));
        assert_eq!(remove(first), Err(RecordsError::InUse), "the default group stays");
        assert_eq!(remove(a.id), Ok(()));
        assert_eq!(remove(a.id), Err(RecordsError::Missing));
        let groups = block_on(self.store.groups(machines())).expect("groups");
        assert_eq!(groups.iter().map(|group| group.name.as_str()).collect::<Vec<_>>(), ["default", "c"]);
        assert!(groups[1].id > groups[0].id && block_on(self.store.groups(app("others").id)).expect("none").is_empty());
        self.add(&code(1, b.id, |_| {})).expect("a code");
        assert_eq!(remove(b.id), Err(RecordsError::InUse));
    }

    fn codes(&self) {
        let group = self.default_group();
        assert_eq!(self.add(&code(1, group, |_| {})), Err(RecordsError::Exists));
        let same_text = KeptInstallCode { lookup: [1; 32], ..code(2, group, |_| {}) };
        assert_eq!(self.add(&same_text), Err(RecordsError::Exists));
        assert_eq!(self.add(&code(2, GroupId(999), |_| {})), Err(RecordsError::Missing));
        let foreign = code(2, group, |code| code.app = app("others").id);
        assert_eq!(self.add(&foreign), Err(RecordsError::Missing), "another app's group");

        let whole = self.added(2, |code| {
            code.form = Form::Short;
            code.created_at = NOW.plus(Duration::from_secs(1));
            code.terms.os = Some(OperatingSystem::Windows);
            code.terms.networks = ["10.0.0.0/8", "2001:db8::/32"]
                .map(|text| Network::try_from(text.to_owned()).expect("a network"))
                .into();
            code.terms.max_uses = Some(7);
            code.terms.only_image = true;
            code.terms.route =
                Route { vendor: "OTHER".to_owned(), proxy_cluster: Some("p".to_owned()), private_link: Some(72_845) };
        });
        let read = |named| block_on(self.store.read_install_code(machines(), named, 10, entry("install_code.read")));
        assert_eq!(read(Named::Id(whole.code.id.clone())), Ok((whole.clone(), named("default"), Vec::new())));
        assert_eq!(self.newest().subject, whole.code.id.as_str(), "reading is told");
        assert_eq!(read(Named::Lookup([2; 32])).map(|(kept, ..)| kept), Ok(whole.clone()));
        assert_eq!(read(Named::Lookup([200; 32])), Err(RecordsError::Missing));
        let list = |app, live_at| {
            let codes = block_on(self.store.read_install_codes(app, live_at, 10, entry("install_code.listed")));
            codes.expect("codes").into_iter().map(|(kept, _)| kept.lookup[0]).collect::<Vec<_>>()
        };
        assert_eq!(list(machines(), None), [2, 1]);
        assert_eq!(self.newest().event, "install_code.listed");
        assert_eq!(list(app("others").id, None), [] as [u8; 0]);
        assert_eq!(list(machines(), Some(NOW.plus(DAY))), [] as [u8; 0], "the deadline itself is too late");

        // Two more short ones; then it is full, until one is not live any more.
        let third = self.added(3, |code| code.form = Form::Short);
        self.added(4, |code| code.form = Form::Short);
        let fifth = code(5, group, |code| code.form = Form::Short);
        assert_eq!(self.add(&fifth), Err(RecordsError::Full));
        assert_eq!(block_on(self.store.guessing(NOW)), Ok((3, false)));
        let named = Named::Lookup(third.lookup);
        let revoke =
            |app, at| block_on(self.store.revoke_install_code(app, named.clone(), at, entry("install_code.revoked")));
        assert_eq!(revoke(app("others").id, NOW), Err(RecordsError::Missing));
        assert_eq!(revoke(machines(), NOW.minus(DAY)), Ok(third.code.id.clone()));
        assert_eq!(self.newest().subject, third.code.id.as_str());
        assert_eq!(revoke(machines(), NOW.plus(DAY)), Ok(third.code.id));
        assert_eq!(
            read(named.clone()).map(|(kept, ..)| kept.code.revoked_at),
            Ok(Some(NOW.minus(DAY))),
            "the first time stays"
        );
        self.add(&fifth).expect("room again");
        assert_eq!(list(machines(), Some(NOW)).len(), 4);
        for kept in [whole, fifth, code(4, group, |_| {})] {
            self.revoke(&kept);
        }
    }

    fn a_present_code_is_the_same_until_it_is_too_old(&self) {
        let present = |number: u8, now: Timestamp, source| {
            let candidate = code(number, self.default_group(), |code| {
                code.form = Form::Short;
                code.source = source;
                code.terms.deadline = now.plus(DAY);
            });
            let (read, created) = (entry("install_code.read"), entry("install_code.created"));
            let found = self.store.present_install_code(candidate, now.plus(DAY / 24), 100, now, read, created);
            block_on(found).expect("a code").lookup[0]
        };
        assert_eq!(present(20, NOW, Source::Current), 20);
        assert_eq!(self.newest().event, "install_code.created");
        assert_eq!(present(21, NOW.plus(DAY / 24 * 23), Source::Current), 20);
        assert_eq!(self.newest().event, "install_code.read");
        assert_eq!(present(22, NOW, Source::Until), 22, "another source, another code");
        let later = NOW.plus(DAY / 24 * 23).plus(Duration::from_millis(1));
        assert_eq!(present(23, later, Source::Current), 23);
        for number in [20, 22, 23] {
            self.revoke(&code(number, self.default_group(), |_| {}));
        }
        assert_eq!(present(24, NOW, Source::Current), 24, "a revoked code is none");
        self.revoke(&code(24, self.default_group(), |_| {}));
    }

    fn a_code_admits_as_its_terms_say(&self) {
        let kept = self.added(30, |code| {
            code.terms.os = Some(OperatingSystem::Linux);
            code.terms.networks = vec![Network::try_from("10.0.0.0/8".to_owned()).expect("a network")];
            code.terms.only_image = true;
        });
        let id = kept.code.id.clone();
        let image = Admission { staged: true, ..admission(&kept, 30) };
        let refused = |admission: &Admission| match self.admit(admission) {
            Admitted::Refused(refused, refusal) if refused == id => Some(refusal),
            _ => None,
        };
        let windows = HostFacts::new("w", OperatingSystem::Windows, "x86_64", "").expect("facts");
        assert_eq!(refused(&admission(&kept, 30)), Some(CodeRefusal::OnlyImage));
        assert_eq!(refused(&Admission { host: windows, ..image.clone() }), Some(CodeRefusal::OtherSystem));
        let elsewhere = Admission { client: IpAddr::from([192, 0, 2, 1]), ..image.clone() };
        assert_eq!(refused(&elsewhere), Some(CodeRefusal::OtherNetwork));
        assert_eq!((self.newest().actor.as_str(), self.newest().subject), ("192.0.2.1", id.as_str().to_owned()));
        let late = self.added(31, |code| code.terms.deadline = NOW);
        let expired = Admitted::Refused(late.code.id.clone(), CodeRefusal::Expired);
        assert_eq!(self.admit(&admission(&late, 31)), expired);
        let switch = |on| block_on(self.store.set_app_enabled(machines(), on, entry("app"))).expect("an app");
        switch(false);
        assert_eq!(refused(&image), Some(CodeRefusal::AppDisabled));
        switch(true);
        assert_eq!(self.agents(None), []);
        let Admitted::Joined(agent) = self.admit(&image) else { panic!("it may join") };
        assert_eq!((agent.id, agent.app.clone(), agent.code.clone()), (image.agent, machines(), id.clone()));
        assert_eq!((agent.group_name.as_str(), &agent.host, agent.address), ("default", &image.host, image.client));
        assert_eq!(agent.certificate, image.certificate);
        assert_eq!((self.newest().event.as_str(), self.newest().subject), ("agent.joined", agent.id.to_string()));
        self.revoke(&kept);
        let another = Admission { staged: true, ..admission(&kept, 32) };
        assert_eq!(refused(&another), Some(CodeRefusal::Revoked));
        let mut short = code(32, self.default_group(), |code| code.form = Form::Short);
        for (deadline, told) in [(NOW.minus(DAY).plus(Duration::from_millis(1)), true), (NOW.minus(DAY), false)] {
            short.code.terms.deadline = deadline;
            block_on(self.store.create_install_code(short.clone(), 100, NOW, entry("created"))).expect("a code");
            let expired = Admitted::Refused(short.code.id.clone(), CodeRefusal::Expired);
            let expected = if told { expired } else { Admitted::Unknown };
            assert_eq!(self.admit(&admission(&short, 33)), expected, "a short code is told of for a day");
            block_on(self.store.forget_install_codes(NOW)).expect("forgotten");
            assert_eq!(self.admit(&admission(&short, 33)), Admitted::Unknown, "nobody used it");
        }
        let unknown = Admission { lookup: [222; 32], ..image };
        assert_eq!(self.admit(&unknown), Admitted::Unknown);
        assert_eq!(self.newest().subject, "", "no word about a code that is none");
        let uses = block_on(self.store.read_install_code(machines(), Named::Id(id), 10, entry("read")));
        let (kept, _, uses) = uses.expect("a code");
        assert_eq!((kept.code.uses, uses.len(), uses[0].agent), (1, 1, agent.id));
    }

    fn a_repeated_request_gets_the_same_answer(&self) {
        let kept = self.added(40, |code| code.terms.max_uses = Some(1));
        let first = admission(&kept, 40);
        let Admitted::Joined(agent) = self.admit(&first) else { panic!("it may join") };
        let mut again = admission(&kept, 41);
        again.certificate.request = first.certificate.request;
        again.now = NOW.plus(Duration::from_mins(10)).minus(Duration::from_millis(1));
        assert_eq!(self.admit(&again), Admitted::Repeated(agent.clone()));
        let other_code = self.added(41, |_| {});
        let elsewhere = Admission { lookup: other_code.lookup, ..again.clone() };
        assert!(matches!(self.admit(&elsewhere), Admitted::Joined(_)), "with another code it is another request");
        again.now = NOW.plus(Duration::from_mins(10));
        let refused = Admitted::Refused(kept.code.id.clone(), CodeRefusal::Exhausted);
        let fresh = IssuedCertificate { request: [99; 32], ..first.certificate.clone() };
        let renewed = self.store.renew_agent(agent.id, first.certificate.serial, fresh, entry("agent.renewed"));
        let renewed = block_on(renewed).expect("a renewal");
        let soon = Admission { now: NOW, ..again.clone() };
        assert_eq!(self.admit(&soon), Admitted::Repeated(Box::new(renewed)), "though it has renewed since");
        assert_eq!(self.admit(&again), refused, "it has had its ten minutes");
        let end = self.store.end_agent(None, agent.id, NOW, Ended::Revoked, entry("agent.revoked"));
        block_on(end).expect("an end");
        again.now = NOW;
        assert_eq!(self.admit(&again), refused, "who was sent away does not come back so");
    }

    fn exactly_as_many_join_as_may(&self) {
        let kept = self.added(50, |code| code.terms.max_uses = Some(50));
        let joined: usize = std::thread::scope(|scope| {
            let machines: Vec<_> = (0..10u16)
                .map(|thread| {
                    let kept = &kept;
                    scope.spawn(move || {
                        let joins = |number| {
                            matches!(self.admit(&admission(kept, 1_000 + thread * 50 + number)), Admitted::Joined(_))
                        };
                        (0..50).filter(|number| joins(*number)).count()
                    })
                })
                .collect();
            machines.into_iter().map(|machine| machine.join().expect("no panic")).sum()
        });
        assert_eq!(joined, 50);
        let named = Named::Id(kept.code.id);
        let found = block_on(self.store.read_install_code(machines(), named, 100, entry("read")));
        let (kept, _, uses) = found.expect("a code");
        assert_eq!((kept.code.uses, uses.len()), (50, 50));
    }

    fn agents_live_and_end(&self) {
        let kept = self.added(60, |_| {});
        let Admitted::Joined(agent) = self.admit(&admission(&kept, 60)) else { panic!("it may join") };
        let id = agent.id;
        let later = NOW.plus(DAY);
        let see = |id, now| block_on(self.store.see_agent(id, [3; 16], now));
        assert_eq!(see(id, later).map(|agent| agent.seen_at), Ok(Some(later)));
        let fresh = IssuedCertificate { certificate: "fresh".to_owned(), serial: [9; 16], ..agent.certificate.clone() };
        let renew = |shown| block_on(self.store.renew_agent(id, shown, fresh.clone(), entry("agent.renewed")));
        let (first, second) = (agent.certificate.serial, fresh.serial);
        assert_eq!(renew([8; 16]), Err(RecordsError::Changed), "a serial number that it never had");
        assert_eq!(renew(first).map(|agent| agent.certificate), Ok(fresh.clone()));
        assert!(renew(first).is_ok(), "the answer may have been lost");
        assert!(renew(second).is_ok());
        assert_eq!(renew(first), Err(RecordsError::Changed), "from a copy: the second was shown since");
        assert_eq!(see(id, later), Err(RecordsError::Changed), "nor is the copy heard");
        assert!(block_on(self.store.see_agent(id, second, later)).is_ok());
        assert_eq!(self.newest().event, "agent.renewed");
        let end = |app, at, ended| block_on(self.store.end_agent(app, id, at, ended, entry("agent.ended")));
        assert_eq!(end(Some(app("others").id), later, Ended::Revoked), Err(RecordsError::Missing));
        assert_eq!(end(Some(machines()), later, Ended::Revoked), Ok(()));
        assert_eq!(end(None, later.plus(DAY), Ended::Left), Ok(()));
        let ended = see(id, later.plus(DAY)).expect("it is still known");
        assert_eq!((ended.ended, ended.seen_at), (Some((later, Ended::Revoked)), Some(later)));
        assert_eq!(renew(second), Err(RecordsError::Missing));
        assert_eq!(see(AgentId::from_bytes([0xee; 16]), NOW), Err(RecordsError::Missing));

        let all = self.agents(None);
        assert_eq!(all[0], id, "newest first");
        assert_eq!(self.agents(Some(all[3])), all[4..]);
        let wanted = AgentsWanted { app: None, ids: vec![all[7], all[2]], after: None, limit: 10 };
        let some = block_on(self.store.agents(wanted)).expect("agents");
        assert_eq!(some.iter().map(|agent| agent.id).collect::<Vec<_>>(), [all[2], all[7]]);
    }

    fn guesses_are_counted_and_hits_given_back(&self) {
        // Many live codes make guesses dear, so that the budget is soon spent.
        let live: u8 = 100;
        let group = self.default_group();
        let inside = vec![Network::try_from("10.0.0.0/8".to_owned()).expect("a network")];
        for number in 100..100 + live {
            let kept = code(number, group, |code| {
                code.form = Form::Short;
                code.terms.networks = if number < 190 { inside.clone() } else { Vec::new() };
            });
            block_on(self.store.create_install_code(kept, 1_000, NOW, entry("created"))).expect("a code");
        }
        let short = |number: u8| code(number, group, |code| code.form = Form::Short);
        let outside = |kept: &KeptInstallCode, request| Admission {
            client: IpAddr::from([192, 0, 2, 1]),
            ..admission(kept, request)
        };
        let wrong = outside(&KeptInstallCode { lookup: [222; 32], ..short(195) }, 70);
        let guesses = |admission: &Admission| {
            (0..1_000_000).take_while(|_| self.admit(admission) == Admitted::Unknown).count() as u64
        };

        // Hits cost nothing, however many.
        let most = Account::Common.units_a_day() / 2 / u64::from(live);
        for _ in 0..most + 10 {
            assert!(matches!(self.admit(&outside(&short(195), 71)), Admitted::Joined(_) | Admitted::Repeated(_)));
        }
        assert_eq!(guesses(&wrong), most);
        let entries = block_on(self.store.audit_entries(10_000)).expect("entries");
        assert_eq!(entries.iter().filter(|entry| entry.event == "install_code.guesses_paused").count(), 1);
        assert!(entries.iter().filter(|entry| entry.event == "agent.refused").count() <= 1_000, "the trail is bounded");
        assert!(matches!(self.admit(&outside(&short(195), 72)), Admitted::Paused(_)), "right and wrong ones alike");
        assert_eq!(block_on(self.store.guessing(NOW)), Ok((u32::from(live), true)));
        let long = self.added(70, |_| {});
        assert!(matches!(self.admit(&outside(&long, 73)), Admitted::Joined(_)), "long codes go on");

        // Inside the networks of live codes those codes go on, and no other.
        assert!(matches!(self.admit(&admission(&short(100), 74)), Admitted::Joined(_)));
        assert_eq!(self.admit(&admission(&short(195), 75)), Admitted::Unknown);
        let reserve = Account::Reserve.units_a_day() / 2 / 90;
        let wrong_inside = admission(&KeptInstallCode { lookup: [222; 32], ..short(195) }, 76);
        assert_eq!(guesses(&wrong_inside), reserve - 1);
        assert!(matches!(self.admit(&admission(&short(100), 77)), Admitted::Paused(_)));

        // An hour later the alarm sounds again, and a day later nothing is live.
        let hour = Admission { now: NOW.plus(DAY / 24), ..wrong.clone() };
        assert!(guesses(&hour) < most / 10);
        let entries = block_on(self.store.audit_entries(10_000)).expect("entries");
        assert_eq!(entries.iter().filter(|entry| entry.event == "install_code.guesses_paused").count(), 2);
        assert_eq!(block_on(self.store.guessing(NOW.plus(DAY))).map(|(live, _)| live), Ok(0));
    }
}
