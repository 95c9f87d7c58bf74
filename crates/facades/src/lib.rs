//! Who we speak like. A façade turns bytes into bytes: it reads a vendor's words, makes one call to an operation of the
//! domain, and one exhaustive `match` writes the answer in the vendor's words. It knows no socket and no store, so it is
//! tested without either, against what the vendor's own documents and SDKs say.
//!
//! To add one: a file named after the vendor's service, in five parts (what it is and its quirks, settings, registration,
//! code, tests), and its line in [`FACADES`].

mod alibaba;
mod basic;
mod browser;
mod codes;
mod door;
mod huawei;
mod huawei_iam;
mod huawei_oneaccess;
mod huawei_service_tickets;
mod machines;
mod native_agents;
mod native_challenges;
mod native_codes;
mod native_contacts;
mod native_decisions;
mod native_directory;
mod native_install_codes;
mod native_tickets;
mod native_usage;
mod openapi;
mod owners;
mod people;
mod problem;
mod root;
mod signing;
mod tencent;
mod tencent_captcha;
mod tencent_cloud;
mod tencent_widget;
mod usages;
mod views;
mod well_known;

use std::sync::Arc;

use countersign_domain::operations::{Escalation, IssueChallenge, JudgeAnswer, RedeemTicket, SignIn, SignedCalls};
use countersign_domain::ports::{Clock, Directory, Entropy};

pub use alibaba::{Settings as AlibabaSettings, signature_holds};
pub use codes::{CheckedCodeJson, CodeStatusJson, Codes, ContactJson, SentCodeJson, code_state, contact_of};
pub use countersign_domain::language::Language;
pub use door::{BODY_LIMIT, Facade, Head, NATIVE, Refusal, Request, Response, json};
pub use huawei_oneaccess::Settings as OneAccessSettings;
pub use machines::{
    AgentJson, CodeAndUsesJson, CodeJson, GroupJson, Invitation, Machines, state as install_code_state,
};
pub use native_tickets::redemption_json;
pub use owners::{AccountJson, Owners, ResourceJson};
pub use people::People;
pub use problem::{Problem, language_of};
pub use root::{Addressee, addressee};
pub use tencent::{Settings as TencentSettings, TENCENT_CAPTCHA, TENCENT_CAPTCHA_3, Tencent, randstr};
pub use tencent_captcha::tencent_script;
pub use usages::{StatisticsJson, UsageJson, Usages, day, day_text, parts};
pub use views::ViewJson;

/// What façades are built from.
#[derive(Clone)]
pub struct Context {
    /// Shows a challenge.
    pub issue_challenge: Arc<IssueChallenge>,
    /// Judges an answer.
    pub judge_answer: Arc<JudgeAnswer>,
    /// Knows why challenges were as hard as they were.
    pub escalation: Arc<Escalation>,
    /// Redeems a ticket.
    pub redeem_ticket: Arc<RedeemTicket>,
    /// Admits calls that are signed with an access key.
    pub signed_calls: Arc<SignedCalls>,
    /// Signs IAM users in, and reads their tokens.
    pub sign_in: Arc<SignIn>,
    /// Apps and keys.
    pub directory: Arc<dyn Directory>,
    /// Groups, install codes and agents.
    pub machines: Machines,
    /// Codes and verified contacts.
    pub codes: Codes,
    /// Accounts, what they own, and where it is attached.
    pub owners: Owners,
    /// Users and their sessions.
    pub people: People,
    /// Who uses what.
    pub usages: Usages,
    /// Challenges in pages that had Tencent's, and their tickets.
    pub tencent: Tencent,
    /// How machines come to this server.
    pub invitation: Arc<dyn Invitation>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// How Alibaba's gateway behaves.
    pub alibaba: AlibabaSettings,
    /// How the OneAccess door behaves.
    pub oneaccess: OneAccessSettings,
}

type Build = fn(&Context) -> Arc<dyn Facade>;

/// Every façade: the name of its file, and how it is built. Sorted; a test compares it with the folder.
pub const FACADES: &[(&str, Build)] = &[
    ("alibaba", |context| Arc::new(alibaba::Alibaba::new(context))),
    ("huawei_iam", |context| Arc::new(huawei_iam::HuaweiIam::new(context))),
    ("huawei_oneaccess", |context| Arc::new(huawei_oneaccess::HuaweiOneAccess::new(context))),
    ("huawei_service_tickets", |context| Arc::new(huawei_service_tickets::HuaweiServiceTickets::new(context))),
    ("native_agents", |context| Arc::new(native_agents::NativeAgents::new(context))),
    ("native_challenges", |context| Arc::new(native_challenges::NativeChallenges::new(context))),
    ("native_codes", |context| Arc::new(native_codes::NativeCodes::new(context))),
    ("native_contacts", |context| Arc::new(native_contacts::NativeContacts::new(context))),
    ("native_decisions", |context| Arc::new(native_decisions::NativeDecisions::new(context))),
    ("native_directory", |context| Arc::new(native_directory::NativeDirectory::new(context))),
    ("native_install_codes", |context| Arc::new(native_install_codes::NativeInstallCodes::new(context))),
    ("native_tickets", |context| Arc::new(native_tickets::NativeTickets::new(context))),
    ("native_usage", |context| Arc::new(native_usage::NativeUsage::new(context))),
    ("openapi", |context| Arc::new(openapi::OpenApi::new(context))),
    ("tencent_captcha", |context| Arc::new(tencent_captcha::TencentCaptcha::new(context))),
    ("tencent_cloud", |context| Arc::new(tencent_cloud::TencentCloud::new(context))),
    ("tencent_widget", |context| Arc::new(tencent_widget::TencentWidget::new(context))),
    ("well_known", |context| Arc::new(well_known::WellKnown::new(context))),
];

/// All façades.
pub fn all(context: &Context) -> Vec<Arc<dyn Facade>> {
    FACADES.iter().map(|(_, build)| build(context)).collect()
}

#[cfg(test)]
mod testing;

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue, Method};

    use super::*;

    /// Files that façades share.
    const SHARED: &[&str] = &[
        "basic", "browser", "codes", "door", "huawei", "lib", "machines", "owners", "people", "problem", "root",
        "signing", "tencent", "testing", "usages", "views",
    ];

    #[test]
    fn the_list_is_sorted_and_names_every_file() {
        let listed: Vec<_> = FACADES.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert!(listed.is_sorted(), "keep FACADES sorted");
        let mut files: Vec<_> = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
            .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
            .filter(|name| !SHARED.contains(&name.as_str()))
            .collect();
        files.sort();
        assert_eq!(files, listed, "a façade's file needs its line in FACADES (or in SHARED, if it is none)");
    }

    /// Paths that vendors share, and the module that decides whom a call to one is for.
    const SHARED_PATHS: &[&str] = &["/"]; // root

    #[test]
    fn each_facade_is_named_after_its_file_and_no_path_has_two() {
        let house = testing::House::new();
        let mut paths: Vec<&str> = Vec::new();
        for (facade, (name, _)) in all(&house.context).iter().zip(FACADES) {
            assert_eq!(facade.name(), *name);
            paths.extend(facade.paths().iter().filter(|path| !SHARED_PATHS.contains(path)));
        }
        let all = paths.len();
        paths.sort_unstable();
        paths.dedup();
        assert_eq!(paths.len(), all);
    }

    #[test]
    fn of_the_doors_on_a_shared_path_at_most_one_takes_a_call() {
        let house = testing::House::new();
        let with = |names: &[&'static str]| {
            let named = |name: &&'static str| (HeaderName::from_static(name), HeaderValue::from_static("x"));
            names.iter().map(named).collect::<HeaderMap>()
        };
        let sets = [with(&[]), with(&["x-tc-action"]), with(&["x-acs-action"]), with(&["x-tc-action", "x-acs-action"])];
        for path in SHARED_PATHS {
            let sharing: Vec<_> = all(&house.context).into_iter().filter(|door| door.paths().contains(path)).collect();
            for method in [Method::GET, Method::HEAD, Method::POST, Method::PUT] {
                for query in [None, Some(""), Some("lang=zh"), Some("Version=2018-12-03"), Some("Version=2019-07-22")] {
                    for headers in &sets {
                        let head = Head { method: &method, path, query, headers };
                        let takers = sharing.iter().filter(|door| door.takes(&head)).count();
                        assert!(takers <= 1, "{takers} doors take {head:?}");
                    }
                }
            }
        }
    }
}
