use std::sync::Arc;

use crate::app::AppId;
use crate::audit::AuditEntry;
use crate::code::{Binding, CodePurpose, CodeState, Digits, Resource};
use crate::contact::Contact;
use crate::gate::Over;
use crate::operations::{Actor, CodePorts, SendPolicy};
use crate::ports::{Checked, CodeCheck, CodeNamed, CodeOutcome, Event, Gained, RecordsError, Spending};
use crate::verified_contact::{Customer, VerifiedContact, VerifiedId};

/// Checks a code that a person typed in.
pub struct CheckCode {
    ports: CodePorts,
    policy: Arc<SendPolicy>,
}

/// What a check says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CodeVerdict {
    /// It is the code.
    Right {
        /// Where the check spends it, its contact, which is a verified one now.
        verified: Option<VerifiedContact>,
        /// How many wrong tries it takes from now on: none, where it is spent.
        tries_left: u32,
    },
    /// It is not; the code takes this many wrong tries more.
    Wrong(u32),
    /// There is no code to compare with: it was spent, guessed out or replaced, or its time is over.
    Dead(CodeState),
    /// There is none, or none of this app.
    Unknown,
}

/// Why nothing was compared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckCodeError {
    /// What was typed in can be no code. It cost no try.
    #[error("this can be no code")]
    NotACode,
    /// The contact or the app has had as many wrong tries as it may.
    #[error("over the limit {}", .0.limit.name())]
    Limited(Over),
    /// The records are at fault.
    #[error(transparent)]
    Records(#[from] RecordsError),
}

impl CheckCode {
    /// The operation over these ports.
    pub fn new(ports: CodePorts, policy: Arc<SendPolicy>) -> Self {
        Self { ports, policy }
    }

    /// The newest code of this app that was sent to `contact` for this purpose: for doors whose callers do not name it.
    pub fn newest(
        &self,
        app: &AppId,
        purpose: CodePurpose,
        contact: &Contact,
        resource: Option<Resource>,
    ) -> CodeNamed {
        let contact = self.ports.keys.key(contact);
        CodeNamed::Newest(Binding { app: app.clone(), purpose, contact, resource })
    }

    /// Compares, and spends the code if `consume` says for which customer. Counting, comparing and spending are one
    /// transaction: of any number of checks at once one finds it right, and five at most are compared.
    ///
    /// # Errors
    /// [`CheckCodeError`]; then no try is counted.
    pub async fn run(
        &self,
        named: CodeNamed,
        typed: &str,
        consume: Option<Customer>,
        by: Actor<'_>,
    ) -> Result<CodeVerdict, CheckCodeError> {
        let consume = consume.map(|customer| Spending::Contact(customer, VerifiedId::draw(&*self.ports.entropy)));
        match self.compare(named, typed, consume, by).await? {
            Checked::Right(code, Some(gained)) => {
                let verified = match gained {
                    Gained::Contact(contact) => Some(contact),
                    Gained::Attachment(_) => None, // never asked for here
                };
                let tries_left = if code.ended.is_some() { 0 } else { code.tries_left() };
                Ok(CodeVerdict::Right { verified, tries_left })
            }
            Checked::Right(code, None) => Ok(CodeVerdict::Right { verified: None, tries_left: code.tries_left() }),
            Checked::Wrong(code) => Ok(CodeVerdict::Wrong(code.tries_left())),
            Checked::Dead(_, state) => Ok(CodeVerdict::Dead(state)),
            // Nothing that is asked for here can be hindered.
            Checked::Unknown | Checked::Hindered(_) => Ok(CodeVerdict::Unknown),
            Checked::Refused(_, over) => Err(CheckCodeError::Limited(over)),
        }
    }

    /// The same for any spending, as the records answer it.
    pub(super) async fn compare(
        &self,
        named: CodeNamed,
        typed: &str,
        consume: Option<Spending>,
        by: Actor<'_>,
    ) -> Result<Checked, CheckCodeError> {
        let ports = &self.ports;
        let digits = Digits::read(typed).ok_or(CheckCodeError::NotACode)?;
        let keyring = ports.directory.keyring();
        let rates = self.policy.rates.clone();
        let check = CodeCheck {
            named,
            judge: Arc::new(move |id, hash| keyring.is_code(hash, id, &digits)),
            consume,
            charges: Arc::new(move |code| rates.of_try(&code.binding.app, code.binding.contact)),
        };
        let audit = AuditEntry::new(ports.clock.now(), by.name, "code.checked", "").with_detail(by.detail);
        let checked = ports.records.check_code(check, audit).await?;
        let outcome = match &checked {
            Checked::Right(..) => Some(CodeOutcome::Right),
            Checked::Wrong(_) => Some(CodeOutcome::Wrong),
            Checked::Dead(..) => Some(CodeOutcome::Dead),
            Checked::Unknown => Some(CodeOutcome::Unknown),
            Checked::Refused(..) => Some(CodeOutcome::Limited),
            Checked::Hindered(_) => None,
        };
        if let Some(outcome) = outcome {
            ports.tally.count(Event::CodeChecked(outcome));
        }
        Ok(checked)
    }
}
