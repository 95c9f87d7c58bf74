//! The products that this gateway speaks for, and the type of their operations.

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;

use countersign_domain::access_key::{AccessKey, Permission};
use countersign_domain::ports::{Clock, Directory, Entropy};
use countersign_domain::time::Timestamp;

use super::Settings;
use super::complaint::Complaint;
use super::elastic_desktop;
use super::parameters::Parameters;
use super::security_center;
use super::tree::Tree;
use crate::machines::Machines;
use crate::owners::Owners;

/// One product: a version names it.
pub(super) struct Product {
    pub(super) version: &'static str,
    /// The vendor's short name, which stands in links for people.
    pub(super) name: &'static str,
    pub(super) operations: &'static [Operation],
}

impl Product {
    /// The operation that `action` names, its case included.
    pub(super) fn operation(&self, action: &str) -> Option<&'static Operation> {
        self.operations.iter().find(|(name, ..)| *name == action)
    }
}

/// What may be called: the action's name, what its key must be allowed to do, and the function.
pub(super) type Operation = (&'static str, Permission, Run);

/// To add an operation: a function of [`Call`] in its product's file, and its line there, as
/// `("DescribeInstallCodes", Permission::ReadInstallCodes, |call| Box::pin(describe_install_codes(call)))`.
pub(super) type Run = for<'a> fn(Call<'a>) -> Answering<'a>;
pub(super) type Answering<'a> = Pin<Box<dyn Future<Output = Result<Tree, Complaint>> + Send + 'a>>;

/// A call that is believed and admitted.
#[derive(Clone, Copy)]
pub(super) struct Call<'a> {
    /// Who calls.
    pub(super) key: &'a AccessKey,
    /// From where.
    pub(super) client: IpAddr,
    /// What it asks.
    pub(super) parameters: Parameters<'a>,
    /// Apps and keys.
    pub(super) directory: &'a dyn Directory,
    /// The time.
    pub(super) clock: &'a dyn Clock,
    /// Randomness.
    pub(super) entropy: &'a dyn Entropy,
    /// Groups, install codes and agents.
    pub(super) machines: &'a Machines,
    /// Accounts, what they own, and where it is attached.
    pub(super) owners: &'a Owners,
    /// How this door behaves.
    pub(super) settings: &'a Settings,
}

impl Call<'_> {
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

/// Every product.
pub(super) const PRODUCTS: &[Product] = &[
    Product { version: "2018-12-03", name: "Sas", operations: security_center::OPERATIONS },
    Product { version: "2020-09-30", name: "ecd", operations: elastic_desktop::OPERATIONS },
];
