//! A house for façade tests: real operations over the ports' models, no socket, no store, time that stands still.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use countersign_domain::access_key::{AccessKey, AccessKeyId, AccessKeyRow, Permission, Permissions};
use countersign_domain::agent::{AgentCertificate, AgentId, OperatingSystem};
use countersign_domain::app::{Action, AppId};
use countersign_domain::audit::AuditEntry;
use countersign_domain::captcha_app::CaptchaAppId;
use countersign_domain::challenge::{Answer, Axes, Kind, PictureFormat, Style};
use countersign_domain::code::CodeId;
use countersign_domain::contact::{Channel, Contact, ContactKeys};
use countersign_domain::escalation::{AppEscalation, EscalationPolicy};
use countersign_domain::gate::CodeRates;
use countersign_domain::iam_user::{IamName, IamUser, IamUserId, PasswordHash};
use countersign_domain::install_code::{self, CodeText, InstallCodeKeys};
use countersign_domain::message::SenderName;
use countersign_domain::office_site::Occupied;
use countersign_domain::operations::{
    Blocked, ChallengeRequest, CodePolicy, CodePorts, DeliveryPolicy, EmbedPolicy, Enforcement, EnrolPolicy,
    Escalation, IssueChallenge, JudgeAnswer, Judgement, Keep, Lifetimes, MachinePorts, NoteUsage, OwnerPorts,
    PeoplePolicy, PeoplePorts, Policy, Ports, PurposePolicy, ReadUsage, RedeemTicket, Repeats, SendPolicy, SignIn,
    SignedCalls, TicketDemand,
};
use countersign_domain::ports::{AuditRecords as _, Authority, CodeRecords as _};
use countersign_domain::rates::Rates;
use countersign_domain::routes::{Route, Routes};
use countersign_domain::secret::Secret;
use countersign_domain::standing::Waits;
use countersign_domain::testing::{
    FixedDirectory, ManualClock, ModelCodes, ModelDecisions, ModelHistory, ModelMachines, ModelMarks, ModelNonces,
    ModelPeople, ModelThrottle, ModelUsage, NoTally, PlainAuthority, PlainIdTokens, PlainPasswords, PlainPuzzles,
    PlainSignatures, PlainTemplates, SeededEntropy, app, block_on,
};
use countersign_domain::throttle::Rule;
use countersign_domain::ticket::Note;
use countersign_domain::time::Timestamp;
use countersign_domain::usage::UsageKeys;
use countersign_domain::user::KeptContact;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::door::{Facade, NATIVE, Request, Response};
use crate::{
    AlibabaSettings, Codes, Context, Invitation, Machines, OneAccessSettings, Owners, People, Tencent, TencentSettings,
    Usages,
};

/// Where every call comes from.
pub(crate) const CLIENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

pub(crate) struct House {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) context: Context,
    pub(crate) records: ModelMachines,
    /// Codes, messages and verified contacts.
    pub(crate) post: ModelCodes,
    /// Users and sessions.
    pub(crate) users: ModelPeople,
    code_ports: CodePorts,
    ports: Ports,
    policy: Policy,
}

/// What codes need, with a gateway and a mail server that are never asked.
fn code_ports(ports: &Ports, post: &ModelCodes) -> CodePorts {
    let route = |sender, channel| Route {
        sender: SenderName::parse(sender).unwrap(),
        channel,
        prefixes: vec![],
        report_within: None,
    };
    let routes = Routes::new(vec![route("gateway", Channel::Sms), route("mail", Channel::Email)]);
    CodePorts {
        records: Arc::new(post.clone()),
        keys: Arc::new(ContactKeys::new(&Secret::new([8; 32]))),
        templates: Arc::new(PlainTemplates),
        routes: Arc::new(routes),
        directory: Arc::clone(&ports.directory),
        clock: Arc::clone(&ports.clock),
        entropy: Arc::new(SeededEntropy::new(3)),
        tally: Arc::clone(&ports.tally),
    }
}

fn people(
    ports: &Ports,
    code_ports: &CodePorts,
    users: &ModelPeople,
    codes: &Codes,
    limits: &Policy,
    policy: PeoplePolicy,
) -> People {
    let people = PeoplePorts {
        records: Arc::new(users.clone()),
        keys: Arc::clone(&code_ports.keys),
        passwords: Arc::new(PlainPasswords::default()),
        id_tokens: Arc::new(PlainIdTokens),
        signatures: Arc::new(PlainSignatures),
    };
    People::new(ports, &people, &codes.check_code, *limits, policy)
}

fn escalation(ports: &Ports, policy: EscalationPolicy) -> Arc<Escalation> {
    let history = Arc::new(ModelHistory::new(Arc::clone(&ports.clock), 1_000));
    let (clock, tally) = (Arc::clone(&ports.clock), Arc::clone(&ports.tally));
    Arc::new(Escalation::new(policy, history, Arc::<ModelDecisions>::default(), clock, tally))
}

fn code_operations(ports: &CodePorts, policy: SendPolicy, redeem: &Arc<RedeemTicket>) -> Codes {
    let month = Duration::from_hours(30 * 24);
    let keep = Keep { codes: month, contacts: month };
    Codes::new(ports, policy, DeliveryPolicy::DEFAULT, keep, Arc::clone(redeem), Some("86"))
}

fn owner_operations(ports: &CodePorts, post: &ModelCodes, codes: &Codes) -> Owners {
    let CodePorts { keys, clock, entropy, .. } = ports.clone();
    Owners::new(&OwnerPorts { records: Arc::new(post.clone()), keys, clock, entropy }, codes, Occupied::Refuse)
}

/// What is noted is there to be read at once.
fn usages(ports: &Ports) -> Usages {
    let usage = ModelUsage::default();
    let keys = Arc::new(UsageKeys::new(&Secret::new([7; 32])));
    let (notes, clock) = (Arc::new(usage.clone()), Arc::clone(&ports.clock));
    let (entropy, tally) = (Arc::new(SeededEntropy::new(4)), Arc::clone(&ports.tally));
    Usages {
        read_usage: Arc::new(ReadUsage::new(Arc::new(usage.clone()), Arc::clone(&keys), Arc::clone(&clock))),
        note_usage: Arc::new(NoteUsage::new(notes, keys, clock, entropy, tally)),
    }
}

/// No limits but the pause between two codes.
fn send_policy() -> SendPolicy {
    let default = PurposePolicy { interval: Some(Duration::from_mins(1)), ..PurposePolicy::DEFAULT };
    let needs_ticket = PurposePolicy { ticket: TicketDemand::Always, ..default };
    SendPolicy {
        default,
        purposes: [("paid".to_owned(), needs_ticket)].into(),
        rates: CodeRates::default(),
        monitor: false,
        pumping: Enforcement::Monitor,
        countries: vec![86, 1],
        blocked: Blocked::parse("+86170").into_iter().chain(Blocked::parse("@blocked.example")).collect(),
        prices: Vec::new(),
        price: 1,
        verified_for: Duration::from_hours(365 * 24),
    }
}

fn tencent_settings() -> TencentSettings {
    TencentSettings {
        public_url: "https://verify.example.com:8443/shield".to_owned(),
        window: Duration::from_mins(5),
        embed: EmbedPolicy { script: Duration::from_mins(5), session: Duration::from_mins(20), most_challenges: 3 },
        ticket: Duration::from_mins(20),
        repeats: Repeats { most: 2, within: Duration::from_mins(1) },
        ticket_3: Duration::from_mins(5),
    }
}

/// What a server behind `https://verify.example.com` says.
pub(crate) struct PlainInvitation {
    pub(crate) open: bool,
}

impl Invitation for PlainInvitation {
    fn is_open(&self) -> bool {
        self.open
    }

    fn line(&self, code: &CodeText, _: Option<OperatingSystem>) -> String {
        format!("curl https://verify.example.com/install.sh | COUNTERSIGN_CODE={} sh", code.expose())
    }

    fn endpoint(&self, route: &install_code::Route) -> String {
        match route.vendor.as_str() {
            "OTHER" => "https://other.example.com".to_owned(),
            _ => "https://verify.example.com".to_owned(),
        }
    }

    fn heartbeat_seconds(&self) -> u32 {
        60
    }
}

impl House {
    pub(crate) fn new() -> Self {
        Self::with(OneAccessSettings { strict_headers: true, secret_key: false, foreign_numbers: false })
    }

    pub(crate) fn with(oneaccess: OneAccessSettings) -> Self {
        Self::build(oneaccess, &Rates::default(), false, ManualClock::new())
    }

    /// At this time.
    pub(crate) fn at(time: Timestamp) -> Self {
        let oneaccess = OneAccessSettings { strict_headers: true, secret_key: false, foreign_numbers: false };
        Self::build(oneaccess, &Rates::default(), false, ManualClock::at(time))
    }

    /// With every limit on: one call, and another each 2.5 seconds.
    pub(crate) fn limited() -> Self {
        let rule = Some(Rule { burst: 1, interval: Duration::from_millis(2_500) });
        let rates = Rates {
            issue_per_address: rule,
            issue_per_app: rule,
            answer_per_address: rule,
            answer_per_app: rule,
            redeem_per_app: rule,
            redeem_per_address: rule,
            enrol_per_address: rule,
            download_per_address: rule,
            calls_per_agent: rule,
            calls_per_key: rule,
            wrong_signatures: rule,
            sign_in_per_address: rule,
            sign_in_per_user: rule,
            wrong_passwords: rule,
            person_password_per_address: rule,
            person_password_per_name: rule,
            person_wrong_passwords: rule,
            person_code_per_address: rule,
            person_code_per_number: rule,
            person_session_per_address: rule,
        };
        Self::build(
            OneAccessSettings { strict_headers: false, secret_key: false, foreign_numbers: false },
            &rates,
            false,
            ManualClock::new(),
        )
    }

    /// With tickets that are bound to addresses.
    pub(crate) fn bound() -> Self {
        Self::build(
            OneAccessSettings { strict_headers: true, secret_key: false, foreign_numbers: false },
            &Rates::default(),
            true,
            ManualClock::new(),
        )
    }

    fn build(oneaccess: OneAccessSettings, rates: &Rates, bind_address: bool, clock: Arc<ManualClock>) -> Self {
        let mut disabled = app("disabled");
        disabled.enabled = false;
        let mut tenant = app("tenants");
        tenant.tenant = Some("acme".to_owned());
        let apps = [app("one"), app("two"), disabled, tenant];
        let only = Permission::ALL.into_iter().enumerate().map(|(number, permission)| {
            key(&format!("ONLY{number}"), "one", Permissions::Only(BTreeSet::from([permission])))
        });
        let directory = only.fold(FixedDirectory::with_apps(apps.clone()), FixedDirectory::and_key);
        let directory = directory
            .and_captcha_app(&app("one").id, CaptchaAppId::FIRST, "the captcha secret")
            .and_key(key("AK1", "one", Permissions::All))
            .and_key(key("AK2", "one", Permissions::Only(BTreeSet::new())))
            .and_key(off(key("AK3", "one", Permissions::All)))
            .and_key(key("AK4", "disabled", Permissions::All))
            .and_user(user(1, "one", "ann", Permissions::All))
            .and_user(user(2, "one", "powerless", Permissions::Only(BTreeSet::new())))
            .and_user(IamUser { enabled: false, ..user(3, "one", "off", Permissions::All) })
            .and_key(key("AK5", "two", Permissions::All))
            .and_key(key("AK6", "one", Permissions::Only(BTreeSet::from([Permission::ReadInstallCodes]))))
            // Whose secret captured requests were signed with.
            .and_key(with_secret(
                "Gu5t9xGARNpq86cd98joQYCN3EXAMPLE",
                key("AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE", "one", Permissions::All),
            ))
            .and_key(with_secret("testAccessKeySecret", key("testAccessKeyId", "one", Permissions::All)));
        let records = ModelMachines::with_apps(apps.clone());
        let users = ModelPeople::with_apps(apps.clone());
        let post = ModelCodes::with_apps(apps);
        let machines = MachinePorts {
            records: Arc::new(records.clone()),
            keys: Arc::new(InstallCodeKeys::new(&Secret::new([9; 32]))),
            clock: Arc::<ManualClock>::clone(&clock),
            entropy: Arc::new(SeededEntropy::new(2)),
        };
        let ports = Ports {
            directory: Arc::new(directory),
            marks: Arc::new(ModelMarks::new(Arc::<ManualClock>::clone(&clock), 1_000, [1; 8])),
            local_throttle: Arc::new(ModelThrottle::new(Arc::<ManualClock>::clone(&clock), 1_000)),
            puzzles: Arc::new(PlainPuzzles),
            clock: Arc::<ManualClock>::clone(&clock),
            entropy: Arc::new(SeededEntropy::new(1)),
            tally: Arc::new(NoTally),
        };
        let lifetimes = Lifetimes {
            challenge: Duration::from_mins(2),
            ticket: Duration::from_mins(3),
            clock_skew: Duration::from_secs(5),
        };
        let rates = *rates;
        let policy = Policy { lifetimes, rates, bind_address };
        let authority: Arc<dyn Authority> = Arc::new(PlainAuthority);
        let install_codes = CodePolicy {
            short_lifetime: Duration::from_hours(24),
            long_lifetime: Duration::from_hours(7 * 24),
            most_live_short: 5,
        };
        let enrol = EnrolPolicy { rates, certificate: Duration::from_hours(90 * 24) };
        let nonces = Arc::new(ModelNonces::new(Arc::<ManualClock>::clone(&clock), 1_000));
        let code_ports = code_ports(&ports, &post);
        let redeem = Arc::new(RedeemTicket::new(ports.clone(), policy));
        let codes_of_people = code_operations(&code_ports, send_policy(), &redeem);
        let people = people(&ports, &code_ports, &users, &codes_of_people, &policy, PeoplePolicy::DEFAULT);
        let usages = usages(&ports);
        let all_ports = ports.clone();
        let escalation = escalation(&ports, EscalationPolicy::OFF);
        let issue = Arc::new(IssueChallenge::new(ports.clone(), policy, Arc::clone(&escalation)));
        let context = Context {
            tencent: Tencent::new(&ports, policy, &issue, &escalation, &redeem, tencent_settings()),
            issue_challenge: issue,
            judge_answer: Arc::new(JudgeAnswer::new(ports.clone(), policy, Arc::clone(&escalation))),
            escalation,
            owners: owner_operations(&code_ports, &post, &codes_of_people),
            codes: codes_of_people,
            people,
            redeem_ticket: redeem,
            machines: Machines::new(ports.clone(), &machines, &authority, install_codes, enrol),
            invitation: Arc::new(PlainInvitation { open: true }),
            clock: Arc::<ManualClock>::clone(&clock),
            sign_in: Arc::new(SignIn::new(ports.clone(), Arc::new(PlainPasswords::default()), policy)),
            signed_calls: Arc::new(SignedCalls::new(ports.clone(), nonces, policy)),
            directory: ports.directory,
            entropy: ports.entropy,
            alibaba: AlibabaSettings { host_id: "verify.example.com".to_owned(), time_zone: jiff::tz::offset(8) },
            oneaccess,
            usages,
        };
        Self { clock, context, records, post, users, code_ports, ports: all_ports, policy }
    }

    /// Where histories count: three wrong answers in a row cost five seconds.
    pub(crate) fn escalating() -> Self {
        let mut house = Self::new();
        let default = AppEscalation { escalate: true, ..AppEscalation::FLAT };
        let waits = Waits { after: 3, first: Duration::from_secs(5), longest: Duration::from_mins(1) };
        let policy = EscalationPolicy { default, apps: [].into(), waits: Some(waits) };
        let escalation = escalation(&house.ports, policy);
        let issue = IssueChallenge::new(house.ports.clone(), house.policy, Arc::clone(&escalation));
        let judge = JudgeAnswer::new(house.ports.clone(), house.policy, Arc::clone(&escalation));
        let context = &mut house.context;
        (context.issue_challenge, context.judge_answer, context.escalation) =
            (Arc::new(issue), Arc::new(judge), escalation);
        house
    }

    /// The same with other ports of codes, or another policy.
    pub(crate) fn with_codes(mut self, change: impl FnOnce(&mut CodePorts, &mut SendPolicy)) -> Self {
        let mut policy = send_policy();
        change(&mut self.code_ports, &mut policy);
        self.context.codes = code_operations(&self.code_ports, policy, &self.context.redeem_ticket);
        self.context.owners = owner_operations(&self.code_ports, &self.post, &self.context.codes);
        self
    }

    /// The same, where the operator has decided otherwise about users.
    pub(crate) fn with_people(mut self, policy: PeoplePolicy) -> Self {
        self.context.people =
            people(&self.ports, &self.code_ports, &self.users, &self.context.codes, &self.policy, policy);
        self
    }

    /// A contact as rows keep it.
    pub(crate) fn kept(&self, contact: &str) -> KeptContact {
        let (contact, keys) = (Contact::parse(contact).unwrap(), &self.code_ports.keys);
        KeptContact { key: keys.key(&contact), sealed: keys.seal_contact(&contact, &*self.ports.entropy).unwrap() }
    }

    /// The digits of a live code, which no answer tells.
    pub(crate) fn digits(&self, id: &str) -> String {
        let code = block_on(self.post.code(CodeId::parse(id).unwrap())).unwrap();
        let digits = self.code_ports.keys.open_digits(code.id, &code.sealed_digits.unwrap()).unwrap();
        digits.expose().to_owned()
    }

    /// The audit trail of codes and contacts, as [`audit`](Self::audit).
    pub(crate) fn audit_of_codes(&self) -> String {
        lines(&block_on(self.post.audit_entries(100)).unwrap())
    }

    /// The newest entries of the audit trail, oldest first, a line each.
    pub(crate) fn audit(&self) -> String {
        lines(&block_on(self.records.audit_entries(100)).unwrap())
    }

    /// The token of a challenge that a door would have asked for.
    pub(crate) fn challenge(&self, app: &str, action: Option<&str>, axes: Axes) -> String {
        self.challenge_for(app, action, axes, None)
    }

    fn challenge_for(&self, app: &str, action: Option<&str>, axes: Axes, contact: Option<&Contact>) -> String {
        let request = ChallengeRequest {
            door: NATIVE,
            app: &AppId::parse(app).unwrap(),
            key: None,
            client: CLIENT,
            kind: Kind::Slider,
            level: None,
            style: Style { format: PictureFormat::Png, axes },
            action: action.and_then(Action::parse),
            contact,
            user: None,
            note: Note::default(),
        };
        block_on(self.context.issue_challenge.run(request)).unwrap().token
    }

    pub(crate) fn ticket(&self, app: &str, action: Option<&str>) -> String {
        self.solved(&self.challenge(app, action, Axes::One))
    }

    /// A ticket of the app `one` that pays for a code.
    pub(crate) fn ticket_for(&self, purpose: &str, to: &str) -> String {
        let contact = Contact::parse(to).unwrap();
        self.solved(&self.challenge_for("one", Some(purpose), Axes::One, Some(&contact)))
    }

    fn solved(&self, token: &str) -> String {
        let challenge = self.context.judge_answer.open(token, &NATIVE, None).unwrap();
        let answer = Answer::Slider { x: 100.0, y: None };
        match block_on(self.context.judge_answer.run(challenge, &answer, None, CLIENT)).unwrap() {
            Judgement::Passed(ticket) => ticket.ticket,
            Judgement::Failed => panic!("the right answer failed"),
        }
    }
}

pub(crate) fn lines(entries: &[AuditEntry]) -> String {
    let lines = entries.iter().rev().map(|entry| {
        let AuditEntry { actor, event, subject, detail, .. } = entry;
        format!("{actor} | {event} | {subject} | {detail}\n")
    });
    lines.collect()
}

fn key(id: &str, app: &str, permissions: Permissions) -> AccessKey {
    let row = AccessKeyRow {
        id: AccessKeyId::parse(id).unwrap(),
        app: AppId::parse(app).unwrap(),
        sealed_secret: Vec::new(),
        permissions,
        enabled: true,
        created_at: Timestamp::from_milliseconds(0),
    };
    AccessKey { row, secret: Secret::new("the secret".to_owned()) }
}

/// A user of the domain `acme`, whose password is `the password`.
fn user(id: u8, app: &str, name: &str, permissions: Permissions) -> IamUser {
    IamUser {
        id: IamUserId::from_bytes([id; 16]),
        app: AppId::parse(app).unwrap(),
        domain: IamName::parse("acme").unwrap(),
        name: IamName::parse(name).unwrap(),
        password: PasswordHash::new("the password".to_owned()),
        permissions,
        enabled: true,
        created_at: Timestamp::from_milliseconds(0),
    }
}

fn off(mut key: AccessKey) -> AccessKey {
    key.row.enabled = false;
    key
}

fn with_secret(secret: &str, key: AccessKey) -> AccessKey {
    AccessKey { secret: Secret::new(secret.to_owned()), ..key }
}

/// Calls a façade as the server would.
pub(crate) fn ask(facade: &dyn Facade, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Response {
    block_on(facade.answer(request(method, path, headers, body)))
}

/// The same by the agent `agent`, over its certificate.
pub(crate) fn ask_as(facade: &dyn Facade, agent: AgentId, path: &str, body: &str) -> Response {
    let not_after = Timestamp::from_milliseconds(i64::MAX);
    let certificate = AgentCertificate { agent, serial: [5; 16], not_after };
    block_on(facade.answer(Request { agent: Some(certificate), ..request("POST", path, &[], body) }))
}

/// A request as it comes over the wire; `target` is path and query.
pub(crate) fn request(method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Request {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let name: HeaderName = name.parse().unwrap();
        map.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query.to_owned())));
    Request {
        method: method.parse().unwrap(),
        path: path.to_owned(),
        query,
        headers: map,
        body: Bytes::copy_from_slice(body.as_bytes()),
        client: CLIENT,
        agent: None,
    }
}

/// A whole answer as text for a snapshot. Entropy and time are the test's, so nothing needs hiding.
pub(crate) fn shown(response: &Response) -> String {
    let mut text = format!("{}\n", response.status);
    for (name, value) in &response.headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        text.extend([name.as_str(), ": ", &value, "\n"]);
    }
    text.push('\n');
    text.push_str(&String::from_utf8_lossy(&response.body));
    text
}

/// Requests of a vendor's own SDKs and documents, as its file in `vectors` holds them.
pub(crate) struct Vector {
    pub(crate) id: String,
    /// `None` where only the text that was signed is published.
    pub(crate) request: Option<Request>,
    pub(crate) secret: Secret<String>,
    /// All that the file says.
    pub(crate) json: serde_json::Value,
}

/// The vectors of `file` under `list`.
pub(crate) fn vectors(file: &str, list: &str) -> Vec<Vector> {
    let file: serde_json::Value = serde_json::from_str(file).unwrap();
    let read = |json: &serde_json::Value| {
        let text = |name: &str| json[name].as_str().unwrap_or_default();
        let headers = json["headers"].as_array().map(|headers| {
            headers.iter().map(|pair| (pair[0].as_str().unwrap(), pair[1].as_str().unwrap())).collect::<Vec<_>>()
        });
        Vector {
            id: text("id").to_owned(),
            request: headers.map(|headers| request(text("method"), text("target"), &headers, text("body"))),
            secret: Secret::new(text("access_key_secret").to_owned()),
            json: json.clone(),
        }
    };
    file[list].as_array().unwrap().iter().map(read).collect()
}
