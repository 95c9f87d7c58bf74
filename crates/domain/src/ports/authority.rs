use crate::agent::AgentId;
use crate::time::Timestamp;

/// Why a certificate signing request is refused. The texts are for the client, who wrote the request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestRefusal {
    /// It is no PKCS #10 request in PEM.
    #[error("it is no certificate signing request in PEM")]
    Malformed,
    /// Its signature is not by the key in it: whoever sent it may not have that key.
    #[error("its signature does not hold")]
    BadSignature,
    /// Its key is of a kind, or a size, that the authority does not certify.
    #[error("its key is none of ECDSA P-256, ECDSA P-384, Ed25519 and RSA with 2048 to 4096 bits")]
    WeakKey,
}

/// A request that was read, and whose sender has the private key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningRequest {
    /// SHA-256 of the request in DER: the same request, however its PEM is laid out.
    pub fingerprint: [u8; 32],
    /// The request in DER.
    pub der: Vec<u8>,
}

/// A certificate of an agent's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certified {
    /// In PEM.
    pub certificate: String,
    /// Its serial number: 16 random bytes, the first bit zero.
    pub serial: [u8; 16],
}

/// The authority could not certify: it has a defect, and the client has none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the agents' authority: {0}")]
pub struct AuthorityFailure(pub String);

/// The certificate authority of an installation's agents. All nodes have the same one: its key is in the records, sealed.
pub trait Authority: Send + Sync {
    /// Reads a certificate signing request in PEM and checks it. What it says about names and extensions is not looked at.
    ///
    /// # Errors
    /// [`RequestRefusal`].
    fn read(&self, request: &str) -> Result<SigningRequest, RequestRefusal>;

    /// A certificate for the request's key that names `agent` and nothing else, good for clients of TLS from `from` until
    /// `until`, both to the second.
    ///
    /// # Errors
    /// [`AuthorityFailure`].
    fn certify(
        &self,
        request: &SigningRequest,
        agent: AgentId,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<Certified, AuthorityFailure>;

    /// The authority's own certificate, in PEM.
    fn certificate(&self) -> &str;
}
