//! What one start tells the next: which installation was chosen last in each context.
//!
//! A small file in the state directory, replaced whole. It is a convenience: what cannot be read is forgotten,
//! and what cannot be written is said once and never stops anything. Only the console uses it.

use std::{
    collections::BTreeMap,
    env, fs,
    io::{self, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::settings::xdg;
use crate::domain::ids::InstallationId;

/// The longest file that is read.
const LONGEST: u64 = 1 << 20;
/// The most contexts that are kept.
const MOST: usize = 1000;

/// The file's content; keys that newer versions wrote are kept.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Content {
    #[serde(default)]
    installations: BTreeMap<String, InstallationId>,
    #[serde(flatten)]
    others: BTreeMap<String, serde_json::Value>,
}

/// The state directory of this user; `None` where there is no home.
pub fn state_dir() -> Option<PathBuf> {
    xdg(env::var_os("XDG_STATE_HOME"), env::home_dir(), ".local/state")
}

/// The file.
#[derive(Debug, Clone)]
pub struct Memory {
    path: PathBuf,
}

impl Memory {
    /// The file in the state directory of this user; `None` where there is no home.
    pub fn of_user() -> Option<Self> {
        Some(Self { path: state_dir()?.join("state.json") })
    }

    /// The installation that was chosen last in each context; none where the file cannot be read.
    pub fn installations(&self) -> BTreeMap<String, InstallationId> {
        self.content().installations
    }

    /// Keeps a choice.
    ///
    /// # Errors
    /// When the directory cannot be made or the file cannot be replaced.
    pub fn keep(&self, context: &str, installation: &InstallationId) -> io::Result<()> {
        // Read again: another console may have written since.
        let mut kept = self.content();
        if kept.installations.len() >= MOST && !kept.installations.contains_key(context) {
            kept.installations.clear();
        }
        kept.installations.insert(context.to_owned(), installation.clone());
        let dir = self.path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(dir)?;
        let beside = dir.join(format!(".state.json.{}", std::process::id()));
        let written = write_private(&beside, &serde_json::to_vec_pretty(&kept)?);
        let replaced = written.and_then(|()| fs::rename(&beside, &self.path));
        if replaced.is_err() {
            // Half a file beside the real one helps nobody; that it is still there is no news.
            drop(fs::remove_file(&beside));
        }
        replaced
    }

    fn content(&self) -> Content {
        let read = || -> io::Result<Content> {
            let mut text = Vec::new();
            fs::File::open(&self.path)?.take(LONGEST).read_to_end(&mut text)?;
            Ok(serde_json::from_slice(&text)?)
        };
        read().unwrap_or_default()
    }
}

/// Writes a file that only its owner can read.
fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn memory(dir: &tempfile::TempDir) -> Memory {
        Memory { path: dir.path().join("kafdeck/state.json") }
    }

    #[test]
    fn the_last_choice_of_each_context_is_kept_privately() {
        let dir = tempfile::tempdir().unwrap();
        let memory = memory(&dir);
        assert!(memory.installations().is_empty());
        for (context, name) in [("prod", "a"), ("test", "b"), ("prod", "c")] {
            memory.keep(context, &InstallationId::new("ns", name)).unwrap();
        }
        let kept = memory.installations();
        assert_eq!((kept["prod"].name.as_str(), kept["test"].name.as_str()), ("c", "b"));
        let mode = fs::metadata(&memory.path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(dir.path().join("kafdeck")).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn a_broken_file_is_forgotten_and_what_a_newer_version_wrote_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let memory = memory(&dir);
        fs::create_dir_all(memory.path.parent().unwrap()).unwrap();
        for broken in ["", "{", "[]", r#"{"installations": 7}"#] {
            fs::write(&memory.path, broken).unwrap();
            assert!(memory.installations().is_empty(), "{broken}");
        }
        fs::write(&memory.path, r#"{"later": {"x": 1}}"#).unwrap();
        memory.keep("prod", &InstallationId::new("ns", "a")).unwrap();
        assert!(fs::read_to_string(&memory.path).unwrap().contains("later"));
    }

    #[test]
    fn where_nothing_can_be_written_that_is_an_error_and_no_more() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("kafdeck"), "a file in the way").unwrap();
        assert!(memory(&dir).keep("prod", &InstallationId::new("ns", "a")).is_err());
    }
}
