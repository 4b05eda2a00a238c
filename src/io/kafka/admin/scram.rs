//! SCRAM credentials: made with a password that is made up here, and taken away.

use std::num::NonZeroU32;

use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

use super::{
    Admin, AdminError, Found, Ground, counted,
    error::{Deed, Need, credential},
};
use crate::{
    domain::{access::Mechanism, hidden::Hidden},
    plan::kafka::KafkaAnswer,
    wire::{
        changes,
        errors::RESOURCE_NOT_FOUND,
        scram::{self, Hash},
    },
};

/// What is said of requests that are wrong in themselves.
const UNSUPPORTED_MECHANISM: i16 = 33;
const UNACCEPTABLE: i16 = 93;
const UNKNOWN: i16 = -1;

/// Characters of a password, and bytes of its salt. 62 to the 32nd is more than 190 bits.
const LENGTH: usize = 32;
const SALT: usize = 24;

/// What passwords are made of: nothing that a shell or a properties file reads otherwise.
const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// A credential that is wanted.
pub(super) struct Wanted<'a> {
    pub user: &'a str,
    pub mechanism: Mechanism,
    pub iterations: i32,
    pub new: bool,
}

/// Kafka's number of a mechanism, and its digest.
fn number(mechanism: Mechanism) -> Option<(i8, Hash)> {
    match mechanism {
        Mechanism::ScramSha256 => Some((1, Hash::Sha256)),
        Mechanism::ScramSha512 => Some((2, Hash::Sha512)),
        Mechanism::Plain => None,
    }
}

/// Mechanisms, by Kafka's number, that a user has credentials of (DescribeUserScramCredentials, key 50).
async fn has(admin: &Admin, deed: &Deed, user: &str) -> Result<(Vec<i8>, Ground), AdminError> {
    let need = Need::cluster("Describe");
    let unread = |why| deed.unread(why, &need);
    let ground = admin.look(Some(&[])).await.map_err(unread)?;
    let answer = admin.ask_ready(&ground, &changes::scram_of(user)).await.map_err(unread)?;
    if answer.error_code != 0 {
        return Err(deed.unseen(answer.error_code, answer.error_message.as_ref(), &need));
    }
    let mechanisms = match answer.results.first() {
        Some(result) if result.error_code == RESOURCE_NOT_FOUND => Vec::new(),
        Some(result) if result.error_code != 0 => {
            return Err(deed.unseen(result.error_code, result.error_message.as_ref(), &need));
        }
        Some(result) => result.credential_infos.iter().map(|info| info.mechanism).collect(),
        None => Vec::new(),
    };
    Ok((mechanisms, ground))
}

/// Whether the credential can be made.
pub(super) async fn look(admin: &Admin, deed: &Deed, wanted: &Wanted<'_>) -> Result<Found, AdminError> {
    ready(admin, deed, wanted).await.map(|_| Found::AsPlanned)
}

async fn ready(admin: &Admin, deed: &Deed, wanted: &Wanted<'_>) -> Result<Ground, AdminError> {
    let Some((mechanism, _)) = number(wanted.mechanism) else {
        return Err(deed.no(UNSUPPORTED_MECHANISM, "brokers keep passwords of SCRAM mechanisms only".to_owned()));
    };
    if !(4_096..=16_384).contains(&wanted.iterations) {
        let why = format!("{} iterations; Kafka takes 4096 to 16384", wanted.iterations);
        return Err(deed.no(UNACCEPTABLE, why));
    }
    let (mechanisms, ground) = has(admin, deed, wanted.user).await?;
    if wanted.new && mechanisms.contains(&mechanism) {
        return Err(deed.exists(credential(wanted.user, wanted.mechanism)));
    }
    Ok(ground)
}

/// Makes the credential, and its password.
pub(super) async fn set(admin: &Admin, deed: &Deed, wanted: &Wanted<'_>) -> Result<KafkaAnswer, AdminError> {
    let ground = ready(admin, deed, wanted).await?;
    let no_random = || deed.no(UNKNOWN, "this machine gives no random numbers".to_owned());
    let Some((mechanism, hash)) = number(wanted.mechanism) else { return Err(no_random()) };
    let rounds = u32::try_from(wanted.iterations).ok().and_then(NonZeroU32::new).ok_or_else(no_random)?;
    let random = SystemRandom::new();
    let password = password(&random).ok_or_else(no_random)?;
    let mut salt = vec![0; SALT];
    random.fill(&mut salt).map_err(|_| no_random())?;
    let salted = scram::salted(hash, &password, &salt, rounds);
    let request = changes::set_scram(wanted.user, mechanism, wanted.iterations, salt, &salted);
    altered(admin, deed, &ground, &request).await?;
    Ok(KafkaAnswer::Password { user: wanted.user.to_owned(), password: Hidden::new(password.to_vec()) })
}

/// Random letters and digits, each as likely as any other.
fn password(random: &SystemRandom) -> Option<Zeroizing<Vec<u8>>> {
    let mut password = Zeroizing::new(Vec::with_capacity(LENGTH));
    let mut bytes = Zeroizing::new([0; LENGTH]);
    while password.len() < LENGTH {
        random.fill(bytes.as_mut()).ok()?;
        // 248 is the greatest multiple of 62 in a byte: what is beyond would favour the first letters.
        let fair = bytes.iter().filter(|byte| **byte < 248).map(|byte| ALPHABET[usize::from(*byte) % ALPHABET.len()]);
        let room = LENGTH - password.len();
        password.extend(fair.take(room));
    }
    Some(password)
}

async fn altered(
    admin: &Admin,
    deed: &Deed,
    ground: &Ground,
    request: &kafka_protocol::messages::AlterUserScramCredentialsRequest,
) -> Result<(), AdminError> {
    let need = Need::cluster("Alter");
    let answer = admin.steer(ground, request, |a| a.results.first().map_or(0, |r| r.error_code)).await;
    let answer = answer.map_err(|why| deed.unsent(why, &need))?;
    let result = answer.results.first().ok_or_else(|| deed.unsure("the answer is about no user"))?;
    match result.error_code {
        0 => Ok(()),
        code => Err(deed.refused(code, result.error_message.as_ref(), &need)),
    }
}

/// Which of these credentials there are.
pub(super) async fn look_again(
    admin: &Admin,
    deed: &Deed,
    user: &str,
    mechanisms: &[Mechanism],
) -> Result<(Found, (Vec<i8>, Ground)), AdminError> {
    let (mut there, ground) = has(admin, deed, user).await?;
    let wanted: Vec<i8> = mechanisms.iter().filter_map(|m| number(*m)).map(|(number, _)| number).collect();
    there.retain(|mechanism| wanted.contains(mechanism));
    let found = if there.is_empty() {
        Found::Already(format!("user {user} has no such SCRAM credential"))
    } else {
        Found::AsPlanned
    };
    Ok((found, (there, ground)))
}

/// Takes credentials away.
pub(super) async fn delete(
    admin: &Admin,
    deed: &Deed,
    user: &str,
    mechanisms: &[Mechanism],
) -> Result<KafkaAnswer, AdminError> {
    let (found, (there, ground)) = look_again(admin, deed, user, mechanisms).await?;
    if let Found::Already(words) = found {
        return Ok(KafkaAnswer::Already(words));
    }
    let count = there.len();
    match altered(admin, deed, &ground, &changes::delete_scram(user, there)).await {
        Ok(()) => Ok(KafkaAnswer::Done(counted(count, "credential"))),
        Err(AdminError::NotFound { .. }) => Ok(KafkaAnswer::Already(format!("user {user} has none"))),
        Err(why) => Err(why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_long_plain_and_never_the_same() {
        let random = SystemRandom::new();
        let (one, other) = (password(&random).unwrap(), password(&random).unwrap());
        assert_eq!((one.len(), other.len()), (32, 32));
        assert_ne!(one, other);
        assert!(one.iter().all(u8::is_ascii_alphanumeric));
    }

    #[test]
    fn every_letter_and_digit_comes_up() {
        let random = SystemRandom::new();
        let many: std::collections::BTreeSet<u8> = (0..200).flat_map(|_| password(&random).unwrap().to_vec()).collect();
        assert_eq!(many.len(), 62);
    }
}
