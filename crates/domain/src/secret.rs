//! Values that must never reach a log line.

use zeroize::Zeroize;

/// Wraps a secret. It has no `Debug` and no `Display`, so it cannot be logged by accident, and it is overwritten when
/// dropped. Reading it takes the word [`expose`](Secret::expose), which a reviewer can search for.
#[derive(Clone)]
pub struct Secret<T: Zeroize>(T);

impl<T: Zeroize> Secret<T> {
    /// Takes `value` in.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself. Keep the borrow short, and never format it.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}
