use std::io::Write as _;
use std::sync::Arc;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use countersign_domain::contact::Channel;
use countersign_domain::operations::{ContactsFilter, VerifiedContacts};
use countersign_domain::verified_contact::{Customer, VerifiedId};
use countersign_facades::ContactJson;
use serde_json::json;

use super::code::{channels, customer};
use super::machines::{CLI, Of, print_json};
use super::post::Post;
use super::{block_on, second};

/// Contacts that are read at once.
const PAGE: u32 = 1_000;

#[derive(Subcommand)]
pub(super) enum ContactCommand {
    /// List the verified contacts that count, newest first
    List(List),
    /// Forget a verified contact: it has to be verified again
    Forget {
        /// The contact's id, as `list` shows it
        id: String,
        #[command(flatten)]
        of: Of,
    },
}

#[derive(Args)]
pub(super) struct List {
    /// Only those of this customer
    #[arg(long, value_name = "NAME", value_parser = customer)]
    customer: Option<Customer>,
    /// Only those on this channel
    #[arg(long, value_parser = channels())]
    channel: Option<Channel>,
    /// Only this contact
    #[arg(long, value_name = "CONTACT")]
    to: Option<String>,
    #[command(flatten)]
    of: Of,
}

impl ContactCommand {
    pub(super) fn run(self) -> anyhow::Result<()> {
        block_on(async {
            match self {
                Self::List(list) => list.run().await,
                Self::Forget { id, of } => forget(&id, &of).await,
            }
        })
    }
}

impl List {
    async fn run(self) -> anyhow::Result<()> {
        let post = Post::open(&self.of).await?;
        let to = self.to.as_deref().map(|text| post.contact(text)).transpose()?;
        let contacts = VerifiedContacts::new(post.ports.clone(), Arc::new(post.config.codes.policy()));
        let mut out = std::io::stdout().lock();
        for page in 0.. {
            let filter = ContactsFilter {
                customer: self.customer.clone(),
                channel: self.channel,
                contact: to.as_ref(),
                offset: page * PAGE,
                limit: PAGE,
                ..ContactsFilter::default()
            };
            let (shown, _) = contacts.list(&post.app.id, filter).await?;
            for open in &shown {
                if self.of.json {
                    writeln!(out, "{}", serde_json::to_string(&ContactJson::from(open))?)?;
                } else {
                    let (verified, until) = (second(open.row.verified_at), second(open.expires_at));
                    let (to, customer) = (open.contact.normalised(), open.row.customer.as_str());
                    writeln!(out, "{}  {verified}  until {until}  {to}  {customer}", open.row.id)?;
                }
            }
            if shown.len() < PAGE as usize {
                break;
            }
        }
        Ok(())
    }
}

async fn forget(id: &str, of: &Of) -> anyhow::Result<()> {
    let id = VerifiedId::parse(id).context("a contact's id is 32 hexadecimal digits, as `list` shows them")?;
    let post = Post::open(of).await?;
    let contacts = VerifiedContacts::new(post.ports, Arc::new(post.config.codes.policy()));
    contacts.forget(&post.app.id, id, CLI).await?;
    if of.json { print_json(&json!({ "id": id.to_string(), "state": "forgotten" })) } else { Ok(()) }
}
