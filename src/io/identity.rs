//! Who we are on this machine, and whether another process of ours still runs here.
//!
//! Leases and journals name their writers by it. It looks at processes and ends none.

use std::{env, fmt, fs};

use rustix::{
    io::Errno,
    process::{Pid, getpid, getuid, test_kill_process},
};

use crate::domain::text::printable;

/// A process of a user on a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The user's name; a number where the name is not known.
    pub user: String,
    /// The machine's name.
    pub host: String,
    /// The process.
    pub pid: u32,
}

impl Identity {
    /// This process.
    pub fn here() -> Self {
        let named = ["USER", "LOGNAME"].iter().filter_map(|name| env::var(name).ok()).find(|name| !name.is_empty());
        let user = named.unwrap_or_else(|| getuid().as_raw().to_string());
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        // Brackets and blanks end a part where it is read back.
        let plain = |text: &str| printable(text).replace([' ', '(', ')', '@'], "-");
        Self { user: plain(&user), host: plain(&host), pid: getpid().as_raw_nonzero().get().unsigned_abs() }
    }

    /// User and machine: `alice@jump-1`.
    pub fn who(&self) -> String {
        format!("{}@{}", self.user, self.host)
    }

    /// Reads `alice@jump-1 (4711)`; none when it is written otherwise.
    pub fn parse(text: &str) -> Option<Self> {
        let (who, pid) = text.strip_suffix(')')?.rsplit_once(" (")?;
        let (user, host) = who.rsplit_once('@')?;
        Some(Self { user: user.to_owned(), host: host.to_owned(), pid: pid.parse().ok()? })
    }

    /// Whether it is known to have ended: it ran on the machine that `here` is on, and does no longer.
    pub fn has_ended(&self, here: &Self) -> bool {
        self.host == here.host && !is_running(self.pid)
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.who(), self.pid)
    }
}

/// Whether a process of this program runs under the number on this machine; other programs inherit numbers.
pub fn is_running(pid: u32) -> bool {
    let Some(number) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return false };
    // One of another user's may not be touched, and is there.
    let exists = matches!(test_kill_process(number), Ok(()) | Err(Errno::PERM));
    exists && !is_zombie(pid) && is_our_program(pid)
}

/// Whether the process has ended, and nobody has taken note of it yet; false where the system does not tell.
fn is_zombie(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name before the state stands in brackets and may hold anything.
    stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with('Z'))
}

/// Whether the process runs the program that we are; true where the system does not tell.
fn is_our_program(pid: u32) -> bool {
    let name = |of: &str| fs::read_to_string(format!("/proc/{of}/comm")).ok();
    match (name(&pid.to_string()), name("self")) {
        // As a plugin of kubectl it has another name.
        (Some(theirs), Some(ours)) => theirs == ours || theirs.contains("kafdeck"),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_is_written_and_read_back() {
        let here = Identity::here();
        assert_eq!(Identity::parse(&here.to_string()), Some(here.clone()));
        assert_eq!(here.pid, std::process::id());
        assert!(!here.host.is_empty());
        for odd in ["", "alice", "alice@jump-1", "alice@jump-1 (x)", "alice (7)"] {
            assert_eq!(Identity::parse(odd), None, "{odd}");
        }
    }

    #[test]
    fn a_process_that_runs_is_told_from_one_that_has_ended_and_from_another_program() {
        let here = Identity::here();
        assert!(!here.has_ended(&here));
        let mut other = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        assert!(!is_running(other.id()), "a number that another program has is not ours");
        other.kill().unwrap();
        other.wait().unwrap();
        let gone = Identity { pid: other.id(), ..here.clone() };
        assert!(gone.has_ended(&here));
        let elsewhere = Identity { host: "elsewhere".into(), ..gone };
        assert!(!elsewhere.has_ended(&here), "nobody can tell from here");
    }
}
