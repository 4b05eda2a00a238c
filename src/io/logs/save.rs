//! Log lines into a file that only their reader may read: logs hold names, addresses, sometimes more.

use std::{
    fs::OpenOptions,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use crate::task;

/// Writes a new file, readable by its owner alone, and answers where it is. A file that exists is left as it is: that
/// is an error, as is whatever the system says, in words.
pub async fn save(path: String, text: String) -> Result<PathBuf, String> {
    let written = task::blocking(move || {
        let path = at_home(&path, std::env::home_dir().as_deref());
        write(&path, text.as_bytes()).map_err(|error| why(&path, &error))?;
        Ok(std::path::absolute(&path).unwrap_or(path))
    });
    written.await.unwrap_or_else(|_| Err("not saved: it was given up".to_owned()))
}

/// A path in which `~/` is the home directory, as shells have it.
fn at_home(path: &str, home: Option<&Path>) -> PathBuf {
    match (path.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(path),
    }
}

fn write(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    let written = file.write_all(text).and_then(|()| file.sync_all());
    if written.is_err() {
        // Half a file would pass for a whole one; where it cannot be removed either, the error is told all the same.
        let _ = std::fs::remove_file(path);
    }
    written
}

fn why(path: &Path, error: &io::Error) -> String {
    let path = path.display();
    match error.kind() {
        io::ErrorKind::AlreadyExists => format!("not saved: {path} is there already, and nothing is overwritten"),
        io::ErrorKind::NotFound => format!("not saved: there is no directory for {path}"),
        _ => format!("not saved: {path}: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[tokio::test]
    async fn a_file_is_new_and_its_owner_s_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("kafka.log");
        let name = path.to_str().unwrap().to_owned();
        assert_eq!(save(name.clone(), "one\n".into()).await.as_deref(), Ok(&*path));
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let why = save(name, "two\n".into()).await.unwrap_err();
        assert!(why.contains("is there already, and nothing is overwritten"), "{why}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "one\n");
        let nowhere = dir.path().join("no/such").to_str().unwrap().to_owned();
        assert!(save(nowhere, String::new()).await.unwrap_err().contains("there is no directory"));
    }

    #[test]
    fn the_home_directory_is_understood() {
        assert_eq!(at_home("~/x.log", Some(Path::new("/home/me"))), Path::new("/home/me/x.log"));
        assert_eq!(at_home("./~/x", Some(Path::new("/home/me"))), Path::new("./~/x"));
    }
}
