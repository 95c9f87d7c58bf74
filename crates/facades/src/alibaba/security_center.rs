//! Security Center (SAS, 2018-12-03): install codes.

use super::products::Operation;

/// Every operation. Sorted by name.
pub(super) const OPERATIONS: &[Operation] = &[];
