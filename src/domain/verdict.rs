//! The one word over everything.

use std::fmt;

use serde::Serialize;

/// Overall state of an installation, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Verdict {
    /// Data cannot be read or written somewhere.
    Critical,
    /// Something is wrong; everything still serves.
    Degraded,
    /// What would tell cannot be seen.
    Blind,
    /// Nothing is wrong as far as can be seen, and that is far enough.
    Ok,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Critical => "CRITICAL",
            Self::Degraded => "DEGRADED",
            Self::Blind => "BLIND",
            Self::Ok => "OK",
        })
    }
}
