use std::io::{BufRead as _, IsTerminal as _, Read as _, Write as _};
use std::sync::Arc;

use anyhow::Context as _;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use countersign_domain::code::{CodeId, CodePurpose, Digits, Resource};
use countersign_domain::contact::Channel;
use countersign_domain::language::Language;
use countersign_domain::message::Subject;
use countersign_domain::operations::{CheckCode, CodeVerdict, NewCode, ReadCodes, SendCode, SendPolicy, TicketDemand};
use countersign_domain::ports::{CodeNamed, MessageRow, MessageState};
use countersign_domain::secret::Secret;
use countersign_domain::segments::Coding;
use countersign_domain::verified_contact::Customer;
use countersign_facades::{CheckedCodeJson, CodeStatusJson, SentCodeJson, code_state};
use countersign_senders::templates::Book;
use serde_json::json;

use super::machines::{CLI, Of, print_facts, print_json};
use super::post::Post;
use super::{Ends, block_on, second};

#[derive(Subcommand)]
pub(super) enum CodeCommand {
    /// Send a code. It is kept at once, and the running server sends it; no ticket is asked for, all other limits hold
    Send(Send),
    /// Check a code, and spend it if it is right. The code itself is asked for, or read from a pipe
    Check(Check),
    /// Show how a code and its messages are doing
    Status {
        /// The code's id
        id: String,
        #[command(flatten)]
        of: Of,
    },
    /// Show a message with a made-up code: its words, and what it would cost
    Preview(Preview),
}

#[derive(Args)]
pub(super) struct Send {
    /// An e-mail address or a phone number
    #[arg(long, value_name = "CONTACT")]
    to: String,
    /// What the code is for, in the app's own word
    #[arg(long, value_name = "WORD", value_parser = purpose)]
    purpose: CodePurpose,
    /// The language of the message
    #[arg(long, default_value = "en", value_parser = languages())]
    locale: Language,
    /// What the code gives access to, if it is for one thing only
    #[arg(long, value_name = "NAME", value_parser = resource)]
    resource: Option<Resource>,
    #[command(flatten)]
    of: Of,
}

#[derive(Args)]
pub(super) struct Check {
    /// The code's id; or else --to and --purpose
    #[arg(required_unless_present = "to", conflicts_with_all = ["to", "purpose", "resource"])]
    id: Option<String>,
    /// To whom it was sent
    #[arg(long, value_name = "CONTACT", requires = "purpose")]
    to: Option<String>,
    /// What it is for
    #[arg(long, value_name = "WORD", requires = "to", value_parser = purpose)]
    purpose: Option<CodePurpose>,
    /// What it gives access to
    #[arg(long, value_name = "NAME", requires = "to", value_parser = resource)]
    resource: Option<Resource>,
    /// The app's own name for whoever the contact belongs to
    #[arg(long, value_name = "NAME", default_value = "", value_parser = customer)]
    customer: Customer,
    /// Only look: a right code stays live
    #[arg(long, conflicts_with = "customer")]
    keep: bool,
    #[command(flatten)]
    of: Of,
}

#[derive(Args)]
pub(super) struct Preview {
    /// What the code is for
    #[arg(long, value_name = "WORD", value_parser = purpose)]
    purpose: CodePurpose,
    /// How the message travels
    #[arg(long, default_value = "sms", value_parser = channels())]
    channel: Channel,
    /// The language of the message
    #[arg(long, default_value = "en", value_parser = languages())]
    locale: Language,
    /// What the code gives access to, if it is for one thing only
    #[arg(long, value_name = "NAME", value_parser = resource)]
    resource: Option<Resource>,
    #[command(flatten)]
    of: Of,
}

fn purpose(text: &str) -> Result<CodePurpose, &'static str> {
    CodePurpose::parse(text).ok_or("a purpose has 1 to 32 characters of a-z 0-9 _ . -")
}

fn resource(text: &str) -> Result<Resource, &'static str> {
    Resource::parse(text).ok_or("a resource has 1 to 128 printable characters of ASCII, without spaces")
}

pub(super) fn customer(text: &str) -> Result<Customer, &'static str> {
    Customer::parse(text).ok_or("a customer has at most 64 printable characters of ASCII, without spaces")
}

pub(super) fn channels() -> impl TypedValueParser<Value = Channel> {
    PossibleValuesParser::new([Channel::Sms, Channel::Email].map(Channel::word))
        .try_map(|word| Channel::from_word(&word).ok_or("no such channel"))
}

fn languages() -> impl TypedValueParser<Value = Language> {
    PossibleValuesParser::new(Language::ALL.map(Language::tag)).map(|word| Language::from_tag(&word))
}

impl CodeCommand {
    pub(super) fn run(self) -> anyhow::Result<()> {
        block_on(async {
            match self {
                Self::Send(send) => send.run().await,
                Self::Check(check) => check.run().await,
                Self::Status { id, of } => status(&id, &of).await,
                Self::Preview(preview) => preview.run().await,
            }
        })
    }
}

impl Send {
    async fn run(self) -> anyhow::Result<()> {
        let post = Post::open(&self.of).await?;
        let to = post.contact(&self.to)?;
        let policy = Arc::new(without_tickets(post.config.codes.policy()));
        let send_code = SendCode::new(post.ports.clone(), policy, None);
        let sent = send_code.run(NewCode {
            app: &post.app,
            to: &to,
            purpose: self.purpose,
            resource: self.resource,
            consent: None,
            language: self.locale,
            payment: None,
            person: None,
            rules: None,
            idempotency: None,
            by: CLI,
        });
        let sent = sent.await?;
        if self.of.json {
            return print_json(&SentCodeJson::from(&sent));
        }
        print_facts(&[
            ("id", Some(sent.id.to_string())),
            ("expires", Some(second(sent.expires_at))),
            ("again from", Some(second(sent.resend_after))),
        ])
    }
}

/// Tickets tell people from machines; whoever has the server's own files has no need to show what they are.
fn without_tickets(mut policy: SendPolicy) -> SendPolicy {
    policy.default.ticket = TicketDemand::Never;
    for purpose in policy.purposes.values_mut() {
        purpose.ticket = TicketDemand::Never;
    }
    policy
}

impl Check {
    async fn run(self) -> anyhow::Result<()> {
        let post = Post::open(&self.of).await?;
        let check = CheckCode::new(post.ports.clone(), Arc::new(post.config.codes.policy()));
        let named = match (&self.id, &self.to, self.purpose) {
            (None, Some(to), Some(purpose)) => check.newest(&post.app.id, purpose, &post.contact(to)?, self.resource),
            (id, ..) => CodeNamed::Id(post.app.id.clone(), code_id(id.as_deref().unwrap_or_default())?),
        };
        let typed = typed()?;
        let consume = (!self.keep).then_some(self.customer);
        let verdict = check.run(named, typed.expose(), consume, CLI).await?;
        if self.of.json {
            print_json(&CheckedCodeJson::from(&verdict))?;
        }
        let verified = match &verdict {
            CodeVerdict::Right { verified, .. } => verified.as_ref(),
            CodeVerdict::Wrong(left) => return refused(format!("that is not the code; it takes {left} tries more")),
            CodeVerdict::Dead(state) => {
                return refused(format!("the code is not live any more: {}", code_state(*state)));
            }
            CodeVerdict::Unknown => return refused("there is no such code".to_owned()),
        };
        if self.of.json {
            return Ok(());
        }
        print_facts(&[
            ("valid", Some("yes".to_owned())),
            ("verified", verified.map(|verified| verified.id.to_string())),
        ])
    }
}

fn refused(sentence: String) -> anyhow::Result<()> {
    Err(Ends { status: 1, sentence }.into())
}

/// The code, which is no argument: those stand in the list of processes and in the shell's history.
fn typed() -> anyhow::Result<Secret<String>> {
    let input = std::io::stdin();
    if input.is_terminal() {
        write!(std::io::stderr(), "code: ")?;
    }
    let mut line = String::new();
    input.lock().take(1_024).read_line(&mut line).context("the code on standard input")?;
    Ok(Secret::new(line))
}

async fn status(id: &str, of: &Of) -> anyhow::Result<()> {
    let post = Post::open(of).await?;
    let status = ReadCodes::new(post.ports).run(Some(&post.app.id), code_id(id)?).await?;
    if of.json {
        return print_json(&CodeStatusJson::from(&status));
    }
    let code = &status.code;
    print_facts(&[
        ("id", Some(code.id.to_string())),
        ("state", Some(code_state(status.state).to_owned())),
        ("purpose", Some(code.binding.purpose.as_str().to_owned())),
        ("resource", code.binding.resource.as_ref().map(|resource| resource.as_str().to_owned())),
        ("to", Some(status.to.clone())),
        ("tries left", Some(code.tries_left().to_string())),
        ("sent", Some(second(code.created_at))),
        ("expires", Some(second(code.expires_at))),
        ("ended", code.ended.map(|(at, _)| second(at))),
    ])?;
    let mut out = std::io::stdout().lock();
    for message in &status.messages {
        writeln!(out, "message {}", told(message))?;
    }
    Ok(())
}

/// A message on a line.
fn told(message: &MessageRow) -> String {
    let MessageRow { id, state, lane, tries, reason, due_at, .. } = message;
    let when = if *state == MessageState::Waiting { "next at" } else { "since" };
    let reason = reason.as_ref().map(|reason| format!("  {reason}")).unwrap_or_default();
    format!("{id}  {:<11}  {lane}  tries {tries}  {when} {}{reason}", state.word(), second(*due_at))
}

impl Preview {
    async fn run(self) -> anyhow::Result<()> {
        let post = Post::open(&self.of).await?;
        let policy = post.config.codes.policy();
        let policy = policy.purposes.get(self.purpose.as_str()).copied().unwrap_or(policy.default);
        let book = Book::open(&post.config.delivery.templates()).context("delivery.templates")?;
        let preview = book.preview(&Subject {
            app: post.app.id.clone(),
            app_name: post.app.name.clone(),
            purpose: self.purpose,
            resource: self.resource,
            requester: None,
            digits: Digits::read(&"1234567890"[..policy.digits]).context("`codes.digits`")?,
            minutes: u32::try_from(policy.lifetime.as_secs() / 60)?.max(1),
            channel: self.channel,
            language: self.locale,
        })?;
        let coding = match preview.coding {
            Coding::Gsm => "gsm",
            Coding::Ucs2 => "ucs2",
        };
        if self.of.json {
            return print_json(&json!({
                "subject": preview.subject, "text": preview.text, "coding": coding, "characters": preview.characters,
                "segments": preview.segments, "autofill": preview.autofill,
            }));
        }
        let is_text = self.channel == Channel::Sms;
        print_facts(&[
            ("subject", (!is_text).then_some(preview.subject)),
            ("characters", Some(preview.characters.to_string())),
            ("coding", is_text.then(|| coding.to_owned())),
            ("segments", is_text.then(|| preview.segments.to_string())),
            ("autofill", is_text.then(|| if preview.autofill { "yes" } else { "no" }.to_owned())),
        ])?;
        writeln!(std::io::stdout(), "\n{}", preview.text)?;
        Ok(())
    }
}

/// Not repeated in the complaint: whoever mistakes the code for its id has typed a secret.
fn code_id(text: &str) -> anyhow::Result<CodeId> {
    CodeId::parse(text).context("a code's id is 32 hexadecimal digits, as `send` prints them")
}
