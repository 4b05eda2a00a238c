//! A value that is never shown: a password, a key.
//!
//! It is wiped when dropped, and says nothing when it is printed for debugging. Whoever reveals it sends it where it
//! belongs, or shows it to the one person it was made for.

use std::fmt;

use zeroize::Zeroizing;

/// A value that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Hidden(Zeroizing<Vec<u8>>);

impl Hidden {
    /// Hides a value.
    pub fn new(value: Vec<u8>) -> Self {
        Self(Zeroizing::new(value))
    }

    /// The value, for whoever sends it where it belongs.
    pub fn reveal(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}
