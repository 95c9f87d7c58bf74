//! Alibaba Cloud's RPC gateway: `GET` or `POST` to `/`, the operation named by `Action` and `Version`. Install codes are
//! Security Center's (SAS, 2018-12-03), verify codes are Elastic Desktop's (ECD, 2020-09-30).
//!
//! Quirks, from the vendor's pages and from what its SDKs send and read:
//! * Two signatures are in use, each by SDKs of today: see [`rpc_v1`](crate::signing::rpc_v1), whose common parameters stand
//!   in the query or in a form, and [`acs3`](crate::signing::acs3), whose stand in signed headers. Requests of the first kind
//!   carry `x-acs-action` as well, unsigned: it says nothing.
//! * Parameters stand in the query, in a form, or in both. Unknown ones are ignored: one SDK adds `RegionId` to every call.
//! * An error must be no 2xx, or SDKs take it for success, and always carry a `Code`, or others do.
//! * One SDK cuts the message of a wrong signature at its first colon and compares the rest with what it had signed.
//!
//! Choices, where the vendor's pages contradict each other or are silent: 15 minutes either way for both signatures; JSON
//! unless `Format` says XML; an unknown key is 404, as observed, and a wrong signature 400; the checks come in the order of
//! [`Alibaba::admit`]. Tokens of a security token service are refused: this server issues none.

mod call;
mod complaint;
mod elastic_desktop;
mod parameters;
mod products;
mod reply;
mod security_center;
#[cfg(test)]
mod tests;
mod tree;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use countersign_domain::access_key::AccessKey;
use countersign_domain::operations::{AdmissionError, NonceError, SignedCalls, SignerRefusal};
use countersign_domain::ports::{Clock, Directory, Entropy};
use countersign_domain::secret::Secret;
use http::HeaderMap;

use crate::Context;
use crate::door::{Facade, Head, Refusal, Request, Response};
use crate::machines::Machines;
use crate::owners::Owners;
use crate::root::{Addressee, addressee, is_tencents};
use crate::signing::form::Form;
use crate::tencent_cloud::TencentCloud;
use call::{Signed, shape};
use complaint::Complaint;
use parameters::Parameters;
use products::{Call, Operation, PRODUCTS, Product};
use reply::{Format, Reply};
use tree::Tree;

/// How far the time of a call may lie from ours, either way.
const WINDOW: Duration = Duration::from_mins(15);

/// How this door behaves.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The host that answers name: ours by the settings, never by the `Host` header, which callers choose.
    pub host_id: String,
    /// The zone of times that the vendor writes without one.
    pub time_zone: jiff::tz::Offset,
}

/// The façade.
pub(crate) struct Alibaba {
    signed_calls: Arc<SignedCalls>,
    directory: Arc<dyn Directory>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    machines: Machines,
    owners: Owners,
    settings: Settings,
    products: &'static [Product],
    /// Whose calls come here where only their form tells whose they are.
    tencent: TencentCloud,
}

impl Alibaba {
    pub(crate) fn new(context: &Context) -> Self {
        let Context { signed_calls, directory, machines, owners, clock, entropy, alibaba: settings, .. } =
            context.clone();
        let tencent = TencentCloud::new(context);
        Self { signed_calls, directory, clock, entropy, machines, owners, settings, products: PRODUCTS, tencent }
    }
}

#[async_trait]
impl Facade for Alibaba {
    fn name(&self) -> &'static str {
        "alibaba"
    }

    fn paths(&self) -> &'static [&'static str] {
        &["/"]
    }

    fn takes(&self, head: &Head<'_>) -> bool {
        addressee(head) == Addressee::Alibaba
    }

    async fn answer(&self, request: Request) -> Response {
        let reply = Reply::new(&*self.entropy, &self.settings.host_id);
        let form = match shape(&request) {
            Ok(form) => form,
            Err(complaint) => return reply.complaint(&complaint, Format::Json),
        };
        if is_tencents(&form) {
            return self.tencent.answer(request).await;
        }
        let format = match Format::of(&request, &form) {
            Ok(format) => format,
            Err(complaint) => return reply.complaint(&complaint, Format::Json),
        };
        let (reply, answered) = self.call(&request, &form, reply).await;
        match answered {
            Ok((action, tree)) => reply.success(action, tree, format),
            Err(complaint) => reply.complaint(&complaint, format),
        }
    }

    fn refuse(&self, refusal: Refusal, _: &HeaderMap) -> Response {
        Reply::new(&*self.entropy, &self.settings.host_id).complaint(&Complaint::from(refusal), Format::Json)
    }
}

impl Alibaba {
    /// One call: the name of its operation, and what that answers.
    async fn call<'r>(
        &self,
        request: &Request,
        form: &Form,
        reply: Reply<'r>,
    ) -> (Reply<'r>, Result<(&'static str, Tree), Complaint>) {
        let signed = match Signed::read(request, form) {
            Ok(signed) => signed,
            Err(complaint) => return (reply, Err(complaint)),
        };
        let product = self.products.iter().find(|product| product.version == signed.version);
        let reply = reply.about(product.map_or("", |product| product.name));
        let answered = async {
            let key = self.admit(&signed).await?;
            let product = product.ok_or(Complaint::VersionUnknown)?;
            let operation = product.operation(signed.action).ok_or(Complaint::ActionUnknown)?;
            self.run(operation, &key, request, form).await
        };
        (reply, answered.await)
    }

    /// The key that signed a call: its time, its key, its signature, its key's limit, and then its nonce, which is spent only
    /// now. The limit comes before the nonce, so that no key can fill the store of marks with nonces.
    async fn admit(&self, signed: &Signed<'_>) -> Result<Arc<AccessKey>, Complaint> {
        self.signed_calls.check_time(signed.at, WINDOW).map_err(|_| Complaint::TimestampExpired)?;
        let key = self.signed_calls.signer(signed.key_id).map_err(|refusal| match refusal {
            SignerRefusal::Unknown => Complaint::KeyUnknown,
            SignerRefusal::Disabled => Complaint::KeyInactive,
        })?;
        signed.verify(&key.secret)?;
        self.signed_calls.admit(&key.row.id).await.map_err(|error| match error {
            AdmissionError::Limited(limited) => Complaint::Throttled(limited),
            AdmissionError::Busy(_) => Complaint::Busy,
        })?;
        let spent = self.signed_calls.spend_nonce(&key.row.id, signed.nonce.as_bytes(), WINDOW).await;
        spent.map_err(|error| match error {
            NonceError::Used => Complaint::NonceUsed,
            NonceError::Busy(_) => Complaint::Busy,
        })?;
        Ok(key)
    }

    async fn run(
        &self,
        (action, permission, run): &Operation,
        key: &AccessKey,
        request: &Request,
        form: &Form,
    ) -> Result<(&'static str, Tree), Complaint> {
        if !key.row.permissions.allow(*permission) {
            return Err(Complaint::NoPermission);
        }
        let (client, parameters) = (request.client, Parameters::of(form));
        let Self { directory, clock, entropy, machines, owners, settings, .. } = self;
        let (directory, clock, entropy) = (&**directory, &**clock, &**entropy);
        let call = Call { key, client, parameters, directory, clock, entropy, machines, owners, settings };
        let tree = run(call).await?;
        Ok((action, tree))
    }
}

/// Whether a request is signed with `secret`, from its bytes to its code: what is measured of a call before it spends
/// anything. Its time is not looked at.
pub fn signature_holds(request: &Request, secret: &Secret<String>) -> bool {
    let verified = || {
        let form = shape(request)?;
        Format::of(request, &form)?;
        Signed::read(request, &form)?.verify(secret)
    };
    verified().is_ok()
}
