//! `user export`: the settings of a user's client, printed or written to a file that only you can read.
//!
//! It changes nothing in the cluster, and reads a Secret only where the password is asked for.

use std::{fs::OpenOptions, io::Write, os::unix::fs::OpenOptionsExt};

use crate::{
    cli::Global,
    domain::{
        access::{Keep, Login},
        text::sentence,
    },
    errors::{Failure, FailureKind},
    io::secrets::{Hidden, KubeSecrets, SecretSource},
    plan::{
        Params, Refusal,
        client::{self, Client, Values},
        param,
    },
};

use super::{
    completeness::Need,
    oneshot::{put, until},
    session::Session,
};

/// Prints or writes the settings.
pub async fn run(session: &mut Session, global: &Global, params: &Params) -> Result<u8, Failure> {
    if let Err(wrong) = param::check(client::PARAMS, params) {
        return Err(Failure::new(FailureKind::Usage, sentence(&wrong.join("; "))));
    }
    for need in [Need::Users, Need::Topics] {
        if let Some(incomplete) = until(session, need, global.timeout()).await? {
            return Err(incomplete);
        }
    }
    let reading = session.app.reading();
    let reading = reading.ok_or_else(|| Failure::new(FailureKind::Unobservable, "No installation is in sight."))?;
    let client = client::client(&reading, params.text("user")).map_err(|refusal| refused(&refusal))?;
    let values = if params.is_on("with-password") { read(session, &client).await? } else { Values::default() };
    let text = client::text(&client, params, &values);
    let Some(path) = params.get("out") else {
        put(text.as_bytes())?;
        return Ok(0);
    };
    let failed = |error: std::io::Error| {
        let failure = Failure::new(FailureKind::Wrong, format!("{path} could not be written.")).why(error);
        failure.hint("A file that is there is never overwritten.")
    };
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
    Ok(0)
}

fn refused(refusal: &Refusal) -> Failure {
    let kind = if refusal.is_usage { FailureKind::Usage } else { FailureKind::Wrong };
    refusal.hints.iter().fold(Failure::new(kind, sentence(&refusal.why)), Failure::hint)
}

/// Reads what the user logs in with.
async fn read(session: &Session, client: &Client) -> Result<Values, Failure> {
    let cluster = session.cluster().ok_or_else(|| Failure::new(FailureKind::Unobservable, "Nothing is connected."))?;
    let secrets = KubeSecrets::new(&cluster.client);
    let mut values = Values::default();
    match &client.way.login {
        Some(Login::Sasl { password, nth, .. }) => values.password = Some(value(&secrets, password, *nth).await?),
        Some(Login::Certificate { certificate, key, .. }) => {
            values.certificate = Some(value(&secrets, certificate, None).await?);
            values.key = Some(value(&secrets, key, None).await?);
        }
        None => {}
    }
    if let Some(trust) = client.way.encryption.as_ref().and_then(|encryption| encryption.trust.first()) {
        values.trust = Some(value(&secrets, trust, None).await?);
    }
    Ok(values)
}

async fn value(secrets: &KubeSecrets, keep: &Keep, nth: Option<usize>) -> Result<Hidden, Failure> {
    let what = || Failure::new(FailureKind::Wrong, "The credential could not be read.");
    let Keep::Secret(at) = keep else {
        return Err(what().why("the cluster keeps it nowhere: only brokers know it, and they do not tell"));
    };
    let mut read = secrets.read(&at.namespace, &at.name).await.map_err(|error| what().why(error))?;
    let value = read.data.remove(&at.key).ok_or_else(|| what().why(format!("{at} is not there")))?;
    // Some Secrets hold a list with commas.
    let Some(nth) = nth else { return Ok(value) };
    let one = value.reveal().split(|byte| *byte == b',').nth(nth).map(<[u8]>::to_vec);
    one.map(Hidden::new).ok_or_else(|| what().why(format!("{at} holds fewer passwords")))
}
