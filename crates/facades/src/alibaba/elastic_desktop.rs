//! Elastic Desktop (ECD, 2020-09-30): attaching a network of networks (a CEN) to an office site, with a code for its owner
//! where that is somebody else.
//!
//! Quirks, from the vendor's pages and SDKs:
//! * `SendVerifyCode` names the network and its owner in `ExtraInfo`, a JSON text whose keys the vendor spells in two ways
//!   ([`extra_info`]). The code goes to the owner by e-mail; the answer says nothing.
//! * `VerifyCen` answers 200 with a word in `Status`, whatever is wrong with the code or the owner. It does not spend the code.
//! * Without `CenOwnerId`, or with the caller's own number, no code is needed.
//!
//! Choices, where the vendor is silent: the words of `Status` are the error codes of the operations that spend a code; an owner
//! that there is not is answered as one who does not have that CEN, by the same look-up; a CEN that the caller says is its own
//! and is not, likewise. Six digits for ten minutes, five tries, and a new code takes the old one's place. The quota's error is
//! that of a sister product.

mod extra_info;
mod sites;
#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::time::Duration;

use countersign_domain::access_key::Permission;
use countersign_domain::account::{AccountId, OwnedResource, Owner};
use countersign_domain::code::{CodePurpose, Resend, Resource};
use countersign_domain::network::Network;
use countersign_domain::office_site::{SiteId, SiteRefusal, SiteUse};
use countersign_domain::operations::{
    Claim, ClaimError, DoorRules, NewOwnerCode, SendCodeError, SendOwnerCodeError, Verified,
};
use countersign_domain::ports::{Page, RecordsError};
use countersign_domain::private_network;

use super::complaint::Complaint;
use super::parameters::Parameters;
use super::products::{Call, Operation};
use super::tree::Tree;
use crate::machines::by;
use crate::views::rfc3339;
use extra_info::ExtraInfo;

pub(super) const OPERATIONS: &[Operation] = &[
    ("AttachCen", Permission::AttachResources, |call| Box::pin(attach_cen(call))),
    ("CreateADConnectorOfficeSite", Permission::AttachResources, |call| Box::pin(sites::create_ad_connector(call))),
    ("CreateSimpleOfficeSite", Permission::AttachResources, |call| Box::pin(sites::create_simple(call))),
    ("DescribeCens", Permission::ReadDirectory, |call| Box::pin(describe_cens(call))),
    ("DetachCen", Permission::AttachResources, |call| Box::pin(detach_cen(call))),
    ("SendVerifyCode", Permission::SendCodes, |call| Box::pin(send_verify_code(call))),
    ("VerifyCen", Permission::CheckCodes, |call| Box::pin(verify_cen(call))),
];

/// The one thing that codes of this door are for, in the vendor's word and in ours.
const VERIFY_CODE_ACTION: &str = "eds_cenID_securityverification";
const PURPOSE: &str = "ecd.cen";

/// What the vendor does not publish, but for the digits.
const RULES: DoorRules =
    DoorRules { digits: 6, lifetime: Duration::from_mins(10), interval: None, resend: Some(Resend::Replace) };

/// CENs on one page, at most and where the caller does not say.
const PAGE: i64 = 50;

async fn send_verify_code(call: Call<'_>) -> Result<Tree, Complaint> {
    let parameters = call.parameters;
    region(parameters)?;
    if parameters.required("VerifyCodeAction")? != VERIFY_CODE_ACTION {
        return Err(Complaint::Invalid("VerifyCodeAction"));
    }
    // Whoever owns the network may leave it out, by the vendor's page; but then there is nobody to send a code to.
    let asked = ExtraInfo::read(parameters.required("ExtraInfo")?).ok_or(Complaint::Invalid("ExtraInfo"))?;
    // The gateway let the caller in, so its app is there and on, but for one that was switched off this very moment.
    let app = call.directory.usable_app(&call.key.row.app).map_err(|_| Complaint::KeyInactive)?;
    let from = came_from(call.client);
    let new = NewOwnerCode {
        app: &app,
        resource: asked.cen,
        owner: Owner::Account(asked.owner),
        purpose: purpose()?,
        rules: RULES,
        by: by(call.key, &from),
    };
    match call.owners.send_owner_code.run(new).await {
        Ok(_) => Ok(Tree::nothing()),
        Err(error) => Err(not_sent(&error)),
    }
}

async fn verify_cen(call: Call<'_>) -> Result<Tree, Complaint> {
    region(call.parameters)?;
    call.parameters.required("CenId")?;
    let site = site_network(call.parameters.required("CidrBlock")?)?;
    let claim = match claim(&call) {
        Ok(claim) => claim,
        Err(complaint) => return status(complaint),
    };
    let from = came_from(call.client);
    match call.owners.verify_resource.run(&claim, &site, by(call.key, &from)).await {
        Ok(verified) => Ok(described(&call, &claim, &verified)),
        Err(error) => status(refused(&error)),
    }
}

async fn attach_cen(call: Call<'_>) -> Result<Tree, Complaint> {
    region(call.parameters)?;
    call.parameters.required("CenId")?;
    let site = call.parameters.required("OfficeSiteId")?;
    let claim = claim(&call)?;
    let site = SiteId::parse(site).ok_or(Complaint::Invalid("OfficeSiteId"))?;
    attach(&call, &claim, SiteUse::Existing(site)).await?;
    Ok(Tree::nothing())
}

async fn detach_cen(call: Call<'_>) -> Result<Tree, Complaint> {
    region(call.parameters)?;
    let site = SiteId::parse(call.parameters.required("OfficeSiteId")?).ok_or(Complaint::Invalid("OfficeSiteId"))?;
    let from = came_from(call.client);
    match call.owners.attach_resource.detach(&call.key.row.app, site, by(call.key, &from)).await {
        Ok(()) => Ok(Tree::nothing()),
        Err(RecordsError::Missing) => Err(senseless_site("No CEN is attached to it.")),
        Err(error) => Err(Complaint::of_records(&error)),
    }
}

async fn describe_cens(call: Call<'_>) -> Result<Tree, Complaint> {
    region(call.parameters)?;
    let number = |name, default, most| match call.parameters.integer(name)? {
        None => Ok(default),
        Some(number) if (1..=most).contains(&number) => Ok(number),
        Some(_) => Err(Complaint::Invalid(name)),
    };
    let (page, size) = (number("PageNumber", 1, i64::from(i32::MAX))?, number("PageSize", PAGE, PAGE)?);
    let number = |number: i64| u32::try_from(number).unwrap_or(u32::MAX);
    let wanted = Page { offset: number((page - 1) * size), limit: number(size) };
    let usable = call.owners.attach_resource.usable(&call.key.row.app, wanted).await;
    let (usable, count) = usable.map_err(|error| Complaint::of_records(&error))?;
    Ok(Tree::Object(vec![
        ("Cens", Tree::List(usable.iter().map(cen).collect())),
        ("PageNumber", Tree::Integer(page)),
        ("PageSize", Tree::Integer(size)),
        ("TotalCount", Tree::Integer(count.into())),
    ]))
}

fn cen(resource: &OwnedResource) -> Tree {
    Tree::Object(vec![
        ("CenId", text(resource.id.as_str())),
        ("CreationTime", Tree::Text(rfc3339(resource.created_at))),
        ("Status", text("Active")),
    ])
}

/// What a caller says about a CEN, by the parameters that four operations share.
fn claim<'a>(call: &Call<'a>) -> Result<Claim<'a>, Complaint> {
    let parameters = call.parameters;
    let resource = Resource::parse(parameters.required("CenId")?).ok_or(Complaint::CenNotTheirs)?;
    let owner = match parameters.text("CenOwnerId") {
        None => Owner::Own,
        Some(text) => Owner::Account(AccountId::parse(text).ok_or(Complaint::CenOwnerInvalid)?),
    };
    Ok(Claim { app: &call.key.row.app, resource, owner, purpose: purpose()?, typed: parameters.text("VerifyCode") })
}

/// Attaches what is claimed; the code is spent with it.
async fn attach(call: &Call<'_>, claim: &Claim<'_>, site: SiteUse) -> Result<(), Complaint> {
    let from = came_from(call.client);
    let attached = call.owners.attach_resource.run(claim, site, by(call.key, &from)).await;
    attached.map(drop).map_err(|error| refused(&error))
}

/// What `VerifyCen` says where it says more than a word.
fn described(call: &Call<'_>, claim: &Claim<'_>, verified: &Verified) -> Tree {
    let word = |overlaps| if overlaps { "Conflict" } else { "Access" };
    let is_taken = verified.routes.iter().any(|(_, overlaps)| *overlaps);
    let route = |(network, overlaps): &(Network, bool)| {
        Tree::Object(vec![
            ("DestinationCidrBlock", Tree::Text(cidr(network))),
            ("NextHopInstanceId", text(claim.resource.as_str())),
            ("RegionId", text(call.parameters.text("RegionId").unwrap_or_default())),
            ("Status", text(word(*overlaps))),
        ])
    };
    let mut fields = vec![("Status", text(word(is_taken)))];
    if is_taken {
        let suggested = verified.suggested.iter().map(|network| Tree::Text(cidr(network)));
        fields.push(("CidrBlocks", Tree::List(suggested.collect())));
    }
    fields.push(("RouteEntries", Tree::List(verified.routes.iter().map(route).collect())));
    Tree::Object(fields)
}

/// The complaints that `VerifyCen` answers as a status; all others stay complaints.
fn status(complaint: Complaint) -> Result<Tree, Complaint> {
    match complaint.cen_status() {
        Some(word) => Ok(Tree::Object(vec![("Status", text(word))])),
        None => Err(complaint),
    }
}

fn refused(error: &ClaimError) -> Complaint {
    match error {
        // Or it was a moment ago, and is not any more.
        ClaimError::NotTheirs | ClaimError::Site(SiteRefusal::Gone) => Complaint::CenNotTheirs,
        ClaimError::CodeNeeded => Complaint::Missing("VerifyCode"),
        ClaimError::WrongCode => Complaint::CodeWrong,
        ClaimError::GuessedOut | ClaimError::Limited(_) => Complaint::CodeGuessedOut,
        ClaimError::Site(SiteRefusal::Unknown) => senseless_site("There is no such office site."),
        ClaimError::Site(SiteRefusal::OtherKind) => {
            senseless_site("Only an advanced office site of convenience accounts takes a CEN once it is made.")
        }
        ClaimError::Site(SiteRefusal::Occupied) => senseless_site("Another CEN is attached to it: detach that first."),
        ClaimError::Records(RecordsError::Full) => Complaint::TooManySites,
        ClaimError::Records(error) => Complaint::of_records(error),
    }
}

fn not_sent(error: &SendOwnerCodeError) -> Complaint {
    match error {
        SendOwnerCodeError::NotTheirs => Complaint::CenNotTheirs,
        SendOwnerCodeError::Records(error) | SendOwnerCodeError::Send(SendCodeError::Records(error)) => {
            Complaint::of_records(error)
        }
        SendOwnerCodeError::Send(SendCodeError::Limited { over, .. }) => Complaint::TooManyCodes(over.retry_after),
        // The operator sends nothing there. (Without a ticket it does.)
        SendOwnerCodeError::Send(
            SendCodeError::Blocked
            | SendCodeError::CountryNotAllowed
            | SendCodeError::TicketRequired
            | SendCodeError::TicketRefused(_),
        ) => Complaint::NoPermission,
        SendOwnerCodeError::Send(SendCodeError::Redeem(_)) => Complaint::Busy,
        SendOwnerCodeError::Send(
            error @ (SendCodeError::NoSender(_)
            | SendCodeError::ImpossibleNumber
            | SendCodeError::OtherCall
            | SendCodeError::Template(_)
            | SendCodeError::Seal(_)),
        ) => {
            // The directory, the settings or a template: none of it is the caller's to mend.
            tracing::error!(%error, "an owner could not be asked");
            Complaint::Failed
        }
    }
}

fn senseless_site(why: &str) -> Complaint {
    Complaint::Senseless("OfficeSiteId", why.to_owned())
}

/// What codes of this door are for. It is the door's own, so none of them opens anything else.
fn purpose() -> Result<CodePurpose, Complaint> {
    CodePurpose::parse(PURPOSE).ok_or(Complaint::Failed) // never: it is one
}

fn region(parameters: Parameters<'_>) -> Result<&str, Complaint> {
    let region = parameters.required("RegionId")?;
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let fits = region.len() <= 32 && region.bytes().all(plain);
    if fits { Ok(region) } else { Err(Complaint::Invalid("RegionId")) }
}

fn site_network(text: &str) -> Result<Network, Complaint> {
    private_network::read(text).ok_or(Complaint::Invalid("CidrBlock"))
}

/// With its prefix, a single address too.
fn cidr(network: &Network) -> String {
    format!("{}/{}", network.first(), network.prefix())
}

fn came_from(client: IpAddr) -> String {
    format!("from {client}")
}

fn text(text: &str) -> Tree {
    Tree::Text(text.to_owned())
}
