//! The journal: a file of what was done to clusters, one JSON object a line, only ever added to.
//!
//! A line is one write, and on the disk before anything else happens; without it nothing is done. It waits for the
//! disk: whoever is on an async thread calls it through `task::blocking`. What lines mean is `plan::journal`'s.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use chrono::{DateTime, Utc};
use ring::rand::{SecureRandom, SystemRandom};

use super::identity::{Identity, is_running};
use crate::{
    domain::ids::InstallationId,
    plan::journal::{self, Entry, Unfinished},
};

/// As much of the file's end as is ever read, in bytes.
const MOST: u64 = 8 << 20;

/// A journal.
#[derive(Debug, Clone)]
pub struct Journal {
    path: PathBuf,
}

impl Journal {
    /// The journal in this file, which need not be there yet.
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds an entry and waits until the disk has it.
    ///
    /// # Errors
    /// When the line is not on the disk; the error says which file, why and what to do.
    pub fn append(&self, entry: &Entry) -> io::Result<()> {
        self.write(entry).map_err(|error| {
            let path = self.path.display();
            io::Error::new(error.kind(), format!("Cannot write the journal {path}: {error}. {}", hint(&error)))
        })
    }

    fn write(&self, entry: &Entry) -> io::Result<()> {
        if let Some(dir) = self.path.parent() {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        }
        let mut file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(&self.path)?;
        let mut line = Vec::new();
        if is_cut(&file)? {
            // Somebody died in the middle of a line: ours does not become a part of it.
            line.push(b'\n');
        }
        serde_json::to_writer(&mut line, entry)?;
        line.push(b'\n');
        let written = loop {
            match file.write(&line) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other?,
            }
        };
        if written < line.len() {
            // The disk took a part of it, and has no place for the rest.
            return Err(io::ErrorKind::StorageFull.into());
        }
        file.sync_all()
    }

    /// The last entries, newest last. Lines that are cut or are not ours are left out.
    ///
    /// # Errors
    /// When there is a file that cannot be read.
    pub fn entries(&self, limit: usize) -> io::Result<Vec<Entry>> {
        let mut entries = self.read()?;
        let older = entries.len().saturating_sub(limit);
        Ok(entries.split_off(older))
    }

    /// Runs of a context, and of one installation if given, that began and never ended, the oldest first; not those
    /// that a process on this machine is still busy with.
    ///
    /// # Errors
    /// When there is a file that cannot be read.
    pub fn unfinished(&self, context: &str, installation: Option<&InstallationId>) -> io::Result<Vec<Unfinished>> {
        let here = Identity::here();
        let is_here = |who: &str| who.rsplit_once('@').is_some_and(|(_, host)| host == here.host);
        let running = |entry: &Entry| is_here(&entry.who) && is_running(entry.pid);
        Ok(journal::unfinished(&self.read()?, context, installation, running))
    }

    fn read(&self) -> io::Result<Vec<Entry>> {
        let text = match tail(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other.map_err(|error| {
                io::Error::new(error.kind(), format!("Cannot read the journal {}: {error}.", self.path.display()))
            })?,
        };
        Ok(text.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect())
    }
}

/// The end of a file, beginning anywhere in a line where it is longer than is read.
fn tail(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(MOST)))?;
    let mut text = Vec::new();
    file.take(MOST).read_to_end(&mut text)?;
    Ok(text)
}

/// Whether the file ends in the middle of a line.
fn is_cut(file: &File) -> io::Result<bool> {
    let Some(last) = file.metadata()?.len().checked_sub(1) else { return Ok(false) };
    let mut byte = [0];
    file.read_exact_at(&mut byte, last)?;
    Ok(byte != *b"\n")
}

/// What to do about a journal that cannot be written.
fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "Free some space there, or set XDG_STATE_HOME to a directory on another disk."
        }
        io::ErrorKind::PermissionDenied => {
            "Make it writable for your user, or set XDG_STATE_HOME to a directory that is."
        }
        _ => "Set XDG_STATE_HOME to a directory that can be written.",
    }
}

/// The id of a run that begins now: sorts by time, and differs from that of another process.
pub fn new_run(now: DateTime<Utc>) -> String {
    let mut random = [0_u8; 2];
    if SystemRandom::new().fill(&mut random).is_err() {
        // Without a source of randomness the process's number tells runs apart as well.
        random = (std::process::id() as u16).to_be_bytes();
    }
    format!("{}-{:04x}", now.format("%Y%m%dT%H%M%S%3fZ"), u16::from_be_bytes(random))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::journal::Event;
    use serde_json::json;
    use std::os::unix::fs::PermissionsExt;

    fn entry(run: &str, pid: u32, event: Event) -> Entry {
        Entry {
            at: DateTime::from_timestamp(1_767_225_600, 0).unwrap(),
            run: run.into(),
            who: Identity::here().who(),
            pid,
            context: "prod".into(),
            installation: InstallationId::new("shop", "kafka"),
            action: "broker.restart".into(),
            event,
        }
    }

    fn begin() -> Event {
        Event::Begin { plan: json!({"steps": ["a"]}) }
    }

    fn journal() -> (tempfile::TempDir, Journal) {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::new(dir.path().join("kafdeck/journal.jsonl"));
        (dir, journal)
    }

    /// The number of a process that has ended.
    fn ended() -> u32 {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        child.id()
    }

    #[test]
    fn entries_are_added_privately_and_read_back_in_order() {
        let (_dir, journal) = journal();
        assert_eq!(journal.entries(10).unwrap(), [], "no file is no entry");
        for run in ["a", "b", "c"] {
            journal.append(&entry(run, 1, begin())).unwrap();
        }
        let runs: Vec<String> = journal.entries(2).unwrap().into_iter().map(|entry| entry.run).collect();
        assert_eq!(runs, ["b", "c"]);
        let mode = fs::metadata(journal.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_line_that_was_cut_costs_no_other_line() {
        let (_dir, journal) = journal();
        journal.append(&entry("a", ended(), begin())).unwrap();
        let mut file = OpenOptions::new().append(true).open(journal.path()).unwrap();
        let half = serde_json::to_vec(&entry("a", 1, Event::End { result: "ok".into() })).unwrap();
        file.write_all(&half[..half.len() / 2]).unwrap();
        journal.append(&entry("b", 1, begin())).unwrap();
        file.write_all(b"\xff\xfe{}\n[1]\n{\"event\":\"dance\"}\n").unwrap();
        journal.append(&entry("c", 1, begin())).unwrap();
        let runs: Vec<String> = journal.entries(10).unwrap().into_iter().map(|entry| entry.run).collect();
        assert_eq!(runs, ["a", "b", "c"]);
        assert_eq!(journal.unfinished("prod", None).unwrap()[0].run, "a", "its end never was on the disk");
    }

    #[test]
    fn only_the_end_of_a_long_journal_is_read() {
        let (_dir, journal) = journal();
        journal.append(&entry("old", 1, begin())).unwrap();
        let mut file = OpenOptions::new().append(true).open(journal.path()).unwrap();
        file.write_all(&vec![b'x'; MOST as usize]).unwrap();
        journal.append(&entry("new", 1, begin())).unwrap();
        let runs: Vec<String> = journal.entries(10).unwrap().into_iter().map(|entry| entry.run).collect();
        assert_eq!(runs, ["new"]);
    }

    #[test]
    fn a_run_of_a_living_process_is_not_unfinished() {
        let (_dir, journal) = journal();
        journal.append(&entry("alive", std::process::id(), begin())).unwrap();
        journal.append(&entry("dead", ended(), begin())).unwrap();
        let mut elsewhere = entry("elsewhere", std::process::id(), begin());
        elsewhere.who = "bob@other-host".into();
        journal.append(&elsewhere).unwrap();
        let runs: Vec<String> = journal.unfinished("prod", None).unwrap().into_iter().map(|run| run.run).collect();
        assert_eq!(runs, ["dead", "elsewhere"]);
    }

    #[test]
    fn a_full_disk_is_an_error_that_says_where_and_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal.jsonl");
        std::os::unix::fs::symlink("/dev/full", &path).unwrap();
        let error = Journal::new(path.clone()).append(&entry("a", 1, begin())).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        let said = error.to_string();
        assert!(said.contains(&path.display().to_string()) && said.contains("Free some space"), "{said}");
    }

    #[test]
    fn a_place_that_cannot_be_written_is_an_error_that_says_so() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("kafdeck"), "a file in the way").unwrap();
        let error = Journal::new(dir.path().join("kafdeck/journal.jsonl")).append(&entry("a", 1, begin())).unwrap_err();
        assert!(error.to_string().contains("XDG_STATE_HOME"), "{error}");
        // The one directory that not even root may write to.
        let error =
            Journal::new(PathBuf::from("/proc/kafdeck/journal.jsonl")).append(&entry("a", 1, begin())).unwrap_err();
        assert!(error.to_string().starts_with("Cannot write the journal /proc/kafdeck/journal.jsonl: "), "{error}");
    }

    #[test]
    fn runs_sort_by_when_they_began() {
        let at = |ms| new_run(DateTime::from_timestamp_millis(ms).unwrap());
        assert!(at(1_767_225_600_000) < at(1_767_225_600_001));
        assert_eq!(at(1_767_225_600_000).len(), "20260101T000000000Z-1a2b".len());
    }
}
