//! Making office sites, with a CEN attached or without. What the vendor's desktops would need and this server does not know
//! (switches, domains, bandwidths, an account and its password) is held to the vendor's page and goes no further.

use countersign_domain::network::Network;
use countersign_domain::office_site::{OfficeSite, SiteId, SiteKind, SiteName, SiteUse};
use countersign_domain::ports::RecordsError;

use super::{attach, came_from, claim, region, site_network};
use crate::alibaba::complaint::Complaint;
use crate::alibaba::parameters::Parameters;
use crate::alibaba::products::Call;
use crate::alibaba::tree::Tree;
use crate::machines::by;

/// Entries of a list, at most.
const LISTED: u32 = 20;

pub(super) async fn create_simple(call: Call<'_>) -> Result<Tree, Complaint> {
    let parameters = call.parameters;
    let region = region(parameters)?;
    for name in ["EnableAdminAccess", "EnableInternetAccess", "NeedVerifyZeroDevice", "CloudBoxOfficeSite"] {
        parameters.boolean(name)?;
    }
    between(parameters, "Bandwidth", 10, 200)?;
    let kind = match parameters.text("VpcType") {
        None | Some("standard") => SiteKind::Simple,
        Some("basic") => SiteKind::Basic,
        Some(_) => return Err(Complaint::Invalid("VpcType")),
    };
    list(parameters, "VSwitchId")?;
    create(&call, region, kind).await
}

pub(super) async fn create_ad_connector(call: Call<'_>) -> Result<Tree, Complaint> {
    let parameters = call.parameters;
    let region = region(parameters)?;
    let domain = parameters.required("DomainName")?;
    let servers = list(parameters, "DnsAddress")?;
    if servers.is_empty() {
        return Err(Complaint::Missing("DnsAddress"));
    }
    for name in ["EnableAdminAccess", "EnableInternetAccess", "MfaEnabled"] {
        parameters.boolean(name)?;
    }
    between(parameters, "Bandwidth", 0, 200)?;
    between(parameters, "Specification", 1, 2)?;
    list(parameters, "VSwitchId")?;
    let more = list(parameters, "SubDomainDnsAddress")?;
    let is_address = |text: &&str| text.parse::<std::net::IpAddr>().is_ok();
    if !servers.iter().all(is_address) {
        return Err(Complaint::Invalid("DnsAddress"));
    }
    if !more.iter().all(is_address) {
        return Err(Complaint::Invalid("SubDomainDnsAddress"));
    }
    if !(1..=255).contains(&domain.len()) {
        return Err(Complaint::Invalid("DomainName"));
    }
    for name in ["DomainUserName", "DomainPassword"] {
        if parameters.text(name).is_some_and(|text| text.chars().count() > 64) {
            return Err(Complaint::Invalid(name));
        }
    }
    create(&call, region, SiteKind::AdConnector).await
}

/// What both have in common: the site, and the CEN that is attached to it if one is named.
async fn create(call: &Call<'_>, region: &str, kind: SiteKind) -> Result<Tree, Complaint> {
    let parameters = call.parameters;
    let name = SiteName::parse(parameters.text("OfficeSiteName").unwrap_or_default());
    let name = name.ok_or(Complaint::Invalid("OfficeSiteName"))?;
    if !matches!(parameters.text("DesktopAccessType"), None | Some("Internet" | "VPC" | "Any")) {
        return Err(Complaint::Invalid("DesktopAccessType"));
    }
    let network: Option<Network> = parameters.text("CidrBlock").map(site_network).transpose()?;
    let id = SiteId::draw(region, call.entropy).ok_or(Complaint::Invalid("RegionId"))?;
    let answer = Tree::Object(vec![("OfficeSiteId", Tree::Text(id.as_str().to_owned()))]);
    let site = OfficeSite { app: call.key.row.app.clone(), id, name, kind, network, created_at: call.now() };
    if parameters.text("CenId").is_some() {
        attach(call, &claim(call)?, SiteUse::New(site)).await?;
        return Ok(answer);
    }
    if ["CenOwnerId", "VerifyCode"].iter().any(|name| parameters.text(name).is_some()) {
        return Err(Complaint::Missing("CenId"));
    }
    let from = came_from(call.client);
    match call.owners.attach_resource.create_site(site, by(call.key, &from)).await {
        Ok(()) => Ok(answer),
        // Somebody drew the same ten digits: the next try draws others.
        Err(RecordsError::Exists) => Err(Complaint::Busy),
        Err(RecordsError::Full) => Err(Complaint::TooManySites),
        Err(error) => Err(Complaint::of_records(&error)),
    }
}

fn between(parameters: Parameters<'_>, name: &'static str, least: i64, most: i64) -> Result<(), Complaint> {
    match parameters.integer(name)? {
        Some(number) if !(least..=most).contains(&number) => Err(Complaint::Invalid(name)),
        _ => Ok(()),
    }
}

/// The entries `Name.1`, `Name.2`, … up to the first that is missing.
fn list<'a>(parameters: Parameters<'a>, name: &'static str) -> Result<Vec<&'a str>, Complaint> {
    let entries: Vec<_> = (1..=LISTED + 1).map_while(|number| parameters.text(&format!("{name}.{number}"))).collect();
    if entries.len() > LISTED as usize { Err(Complaint::Invalid(name)) } else { Ok(entries) }
}
