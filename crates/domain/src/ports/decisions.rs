use crate::app::AppId;
use crate::decision::Decision;

/// A sample of this node's decisions, the latest of them, bounded.
///
/// Two rings: [notable](Decision::is_notable) decisions do not make room for the many that are not.
/// `testing::decisions_conformance` is the definition.
pub trait Decisions: Send + Sync {
    /// Keeps `decision`; an older one makes room. Never blocks for long, never fails.
    fn keep(&self, decision: Decision);

    /// The latest decisions about `app` that are kept, newest first, at most `limit`.
    fn latest(&self, app: &AppId, limit: usize) -> Vec<Decision>;
}
