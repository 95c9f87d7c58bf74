//! How vendors sign requests, one file a scheme. A scheme works on what came over the wire: the method, the query and the
//! body as sent, and header values as raw bytes. Nothing here knows whose key it is or what time it is.

pub(crate) mod acs3;
pub(crate) mod form;
pub(crate) mod hex;
pub(crate) mod multipart;
pub(crate) mod rpc_v1;
pub(crate) mod sdk_hmac_sha256;
pub(crate) mod tc3;
pub(crate) mod tencent_v1;

#[cfg(test)]
mod tests;
