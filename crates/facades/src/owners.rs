//! What the doors of accounts and what they own share: the operations, and how both are shown as JSON.

use std::sync::Arc;

use countersign_domain::account::{Account, OwnedResource};
use countersign_domain::office_site::Occupied;
use countersign_domain::operations::{AttachResource, ManageDirectory, OwnerPorts, SendOwnerCode, VerifyResource};
use serde::Serialize;

use crate::Codes;
use crate::views::rfc3339;

/// The operations on accounts, what they own, and where it is attached.
#[derive(Clone)]
pub struct Owners {
    /// Changes and reads the directory.
    pub manage_directory: Arc<ManageDirectory>,
    /// Asks an owner.
    pub send_owner_code: Arc<SendOwnerCode>,
    /// Looks at what the owner's code is worth.
    pub verify_resource: Arc<VerifyResource>,
    /// Spends it.
    pub attach_resource: Arc<AttachResource>,
}

impl Owners {
    /// All of them over the same ports.
    pub fn new(ports: &OwnerPorts, codes: &Codes, occupied: Occupied) -> Self {
        let check_code = || Arc::clone(&codes.check_code);
        Self {
            manage_directory: Arc::new(ManageDirectory::new(ports.clone())),
            send_owner_code: Arc::new(SendOwnerCode::new(ports.clone(), Arc::clone(&codes.send_code))),
            verify_resource: Arc::new(VerifyResource::new(ports.clone(), check_code())),
            attach_resource: Arc::new(AttachResource::new(ports.clone(), check_code(), occupied)),
        }
    }
}

/// An account as the native API and the command line show it.
#[derive(Serialize)]
pub struct AccountJson {
    id: String,
    name: String,
    is_own: bool,
    contact: Option<String>,
    language: &'static str,
    created_at: String,
}

impl AccountJson {
    /// With its contact, whose middle is left out; `null` where it cannot be read.
    pub fn new(account: &Account, masked: Option<&str>) -> Self {
        Self {
            id: account.id.to_string(),
            name: account.name.as_str().to_owned(),
            is_own: account.is_own,
            contact: masked.map(str::to_owned),
            language: account.language.tag(),
            created_at: rfc3339(account.created_at),
        }
    }
}

/// A resource as the native API and the command line show it.
#[derive(Serialize)]
pub struct ResourceJson {
    id: String,
    account: String,
    networks: Vec<String>,
    created_at: String,
}

impl From<&OwnedResource> for ResourceJson {
    fn from(resource: &OwnedResource) -> Self {
        Self {
            id: resource.id.as_str().to_owned(),
            account: resource.account.to_string(),
            networks: resource.networks.iter().map(ToString::to_string).collect(),
            created_at: rfc3339(resource.created_at),
        }
    }
}
