use std::sync::Arc;

use async_trait::async_trait;

use crate::ports::{Clock, Marks as _, MarksError, NonceId, NonceUse, Nonces, Spent};
use crate::testing::ModelMarks;
use crate::time::Timestamp;

/// The meaning of [`Nonces`], for tests in which nothing restarts: marks that one owner spends.
pub struct ModelNonces(ModelMarks);

impl ModelNonces {
    /// An empty store of this size.
    pub fn new(clock: Arc<dyn Clock>, capacity: usize) -> Self {
        Self(ModelMarks::new(clock, capacity, [0; 8]))
    }
}

#[async_trait]
impl Nonces for ModelNonces {
    async fn spend(&self, id: NonceId, until: Timestamp) -> Result<NonceUse, MarksError> {
        match self.0.spend(id.0, [0; 16], until).await? {
            Spent::First => Ok(NonceUse::First),
            Spent::Again { .. } | Spent::Taken => Ok(NonceUse::Again),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::nonces_conformance;

    #[test]
    fn the_model_conforms() {
        nonces_conformance(|clock, capacity| ModelNonces::new(clock, capacity));
    }
}
