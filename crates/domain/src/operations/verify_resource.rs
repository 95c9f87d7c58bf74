use std::sync::Arc;

use crate::network::Network;
use crate::operations::{Actor, CheckCode, Claim, ClaimError, OwnerPorts};
use crate::private_network;

/// Says whether a claim to a resource counts, and whether a site's addresses go with it. It spends nothing.
pub struct VerifyResource {
    ports: OwnerPorts,
    check_code: Arc<CheckCode>,
}

/// What a resource routes to, beside a site's addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Each network, and whether it overlaps the site's.
    pub routes: Vec<(Network, bool)>,
    /// Where one does: networks that none overlaps.
    pub suggested: Vec<Network>,
}

impl VerifyResource {
    /// The operation over these ports.
    pub fn new(ports: OwnerPorts, check_code: Arc<CheckCode>) -> Self {
        Self { ports, check_code }
    }

    /// Compares the claim's code without spending it (a wrong one costs a try), and only then tells where the resource routes to.
    ///
    /// # Errors
    /// [`ClaimError`].
    pub async fn run(&self, claim: &Claim<'_>, site: &Network, by: Actor<'_>) -> Result<Verified, ClaimError> {
        let (owner, resource) = self.ports.owned(claim).await?;
        if !owner.is_own {
            self.ports.compare(&self.check_code, claim, &owner, None, by).await?;
        }
        let routes: Vec<_> = resource.networks.iter().map(|network| (*network, network.overlaps(site))).collect();
        let is_taken = routes.iter().any(|(_, overlaps)| *overlaps);
        let suggested = if is_taken { private_network::free(site, &resource.networks) } else { Vec::new() };
        Ok(Verified { routes, suggested })
    }
}
