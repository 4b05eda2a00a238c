//! Passwords that are made for users: read from the Secrets of operators, and written to files that only we can read.
//!
//! What a password is stands in no error, no journal and no log. `io::act` calls it.

use std::{
    fs::{self, File, OpenOptions},
    io::{Seek, Write},
    os::unix::fs::OpenOptionsExt,
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use k8s_openapi::api::core::v1::Secret;
use kube::{Api, Client};
use tokio::time::{Instant, sleep, timeout};

use crate::{
    domain::hidden::Hidden,
    io::{
        failure,
        secrets::{KubeSecrets, SecretError, SecretSource},
    },
    plan::{
        kafka::{Answer, KafkaAnswer},
        op::{OpAnswer, OpFailure, Target},
    },
};

/// How long one answer may take.
const DEADLINE: Duration = Duration::from_secs(5);
/// How long an operator may take: it looks every two minutes, if nothing else makes it.
const PATIENCE: Duration = Duration::from_secs(150);
/// How often it is looked.
const PAUSE: Duration = Duration::from_millis(500);

/// Which Secret there is, without its values.
pub async fn uid(client: &Client, namespace: &str, name: &str) -> Answer {
    let secrets: Api<Secret> = Api::namespaced(client.clone(), namespace);
    match timeout(DEADLINE, secrets.get_metadata_opt(name)).await {
        Ok(Ok(found)) => Answer::Secret(found.and_then(|found| found.metadata.uid)),
        Ok(Err(error)) => Answer::Untold(failure::words(&error)),
        Err(_) => Answer::Untold(format!("no answer within {} s", DEADLINE.as_secs())),
    }
}

/// Reads a password once it is there.
pub async fn read(
    client: &Client,
    target: &Target,
    key: &str,
    user: &str,
    other_than: Option<&str>,
) -> Result<OpAnswer, OpFailure> {
    let (namespace, name) = (target.namespace.as_str(), target.name.as_str());
    let until = Instant::now() + PATIENCE;
    loop {
        let is_new = match (other_than, uid(client, namespace, name).await) {
            (Some(old), Answer::Secret(now)) => now.is_some_and(|now| now != old),
            _ => true,
        };
        let read = if is_new {
            KubeSecrets::new(client).read(namespace, name).await
        } else {
            Err(SecretError::Absent { namespace: namespace.to_owned(), name: name.to_owned() })
        };
        match read {
            Ok(mut read) => {
                if let Some(password) = read.data.remove(key).filter(|value| !value.reveal().is_empty()) {
                    return Ok(OpAnswer::Made(KafkaAnswer::Password { user: user.to_owned(), password }));
                }
            }
            Err(error @ SecretError::Forbidden { .. }) => return Err(OpFailure::Forbidden(error.to_string())),
            Err(_) => {}
        }
        if Instant::now() >= until {
            let seconds = PATIENCE.as_secs();
            let why = format!("the operator has put no {key} into Secret {namespace}/{name} within {seconds} s");
            return Err(OpFailure::Refused(why));
        }
        sleep(PAUSE).await;
    }
}

/// A file that only we can read, made before anything is done, so that a password has a place.
pub struct PasswordFile {
    path: PathBuf,
    is_written: AtomicBool,
}

impl PasswordFile {
    /// Makes the file; one that is there is never overwritten. A run that goes on takes the empty file of the one before.
    pub fn make(path: &str, resumes: bool) -> Result<Self, String> {
        let path = PathBuf::from(path);
        let left = resumes && fs::metadata(&path).is_ok_and(|left| left.is_file() && left.len() == 0);
        if !left {
            let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
            made.map_err(|error| format!("the file for the password cannot be made: {}: {error}", path.display()))?;
        }
        Ok(Self { path, is_written: AtomicBool::new(false) })
    }

    /// Writes the password.
    pub fn write(&self, password: &Hidden) -> std::io::Result<String> {
        let mut file: File = OpenOptions::new().write(true).open(&self.path)?;
        file.rewind()?;
        file.write_all(password.reveal())?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        self.is_written.store(true, Ordering::Relaxed);
        Ok(format!("the password is in {}", self.path.display()))
    }
}

impl Drop for PasswordFile {
    fn drop(&mut self) {
        if !self.is_written.load(Ordering::Relaxed) {
            // It is empty: whoever finds it there learns nothing from it.
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_password_is_written_once_and_only_for_us() {
        let dir = tempfile::TempDir::new().unwrap();
        let path = dir.path().join("password").display().to_string();
        drop(PasswordFile::make(&path, false).unwrap());
        assert!(!fs::exists(&path).unwrap(), "nothing was made, and nothing is left");
        let file = PasswordFile::make(&path, false).unwrap();
        assert!(PasswordFile::make(&path, false).is_err(), "a file that is there is never overwritten");
        file.write(&Hidden::new(b"hunter2".to_vec())).unwrap();
        drop(file);
        assert_eq!(fs::read_to_string(&path).unwrap(), "hunter2\n");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(PasswordFile::make(&path, true).is_err(), "one that holds something is never overwritten either");
    }
}
