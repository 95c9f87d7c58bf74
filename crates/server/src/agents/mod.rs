//! Agents: machines that join with an install code and show a certificate from then on.
//!
//! A way of its own through TLS: an agent offers the protocol [`PROTOCOL`] in its handshake and is shown a certificate of
//! the agents' authority for [`SERVER_NAME`], whatever host it dialled. So the operator may change the public certificate,
//! its key, the host and what stands in between, and no agent loses its server.

mod authority;
mod certificate;
mod downloads;
mod invitation;
mod programs;
mod request;
mod template;
pub mod trust;

pub(crate) use authority::AgentAuthority;
pub(crate) use certificate::read as read_certificate;
pub(crate) use downloads::Downloads;
pub(crate) use invitation::Reachable;

/// What agents offer in the handshake (ALPN). What is spoken under it is HTTP/1.1.
pub const PROTOCOL: &[u8] = b"countersign-agent";
/// The name in the certificate that agents are shown. No resolver knows it (RFC 2606), so nobody else can be certified for it.
pub const SERVER_NAME: &str = "server.agents.countersign.invalid";
