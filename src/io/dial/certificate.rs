//! What a certificate says of itself: whose it is, who signed it, and its time.
//!
//! It verifies nothing: that is rustls' part, in `tls`, which calls it. What it reads may come from whoever listens
//! on a port, so a certificate that cannot be read is none.

use std::fmt::{Display, Write};

use chrono::{DateTime, Utc};
use tokio_rustls::rustls::pki_types::CertificateDer;
use x509_cert::{der::Decode, name::Name, time::Time};

use crate::domain::{
    access::Keep,
    certificate::{Certificate, Role},
    text::{printable, shortened},
};

/// Longest name that is told, in characters.
const LONGEST_NAME: usize = 120;

/// Reads a certificate; `None` for what is none.
pub fn read(der: &CertificateDer<'_>, role: Role, kept: Option<Keep>) -> Option<Certificate> {
    let read = x509_cert::Certificate::from_der(der).ok()?;
    let body = read.tbs_certificate();
    let validity = body.validity();
    Some(Certificate {
        role,
        kept,
        subject: told(body.subject()),
        issuer: told(body.issuer()),
        not_before: moment(validity.not_before)?,
        not_after: moment(validity.not_after)?,
    })
}

/// A name, fit to be shown; one that cannot be written down is cut off there.
fn told(name: &Name) -> String {
    let mut text = String::new();
    let _ = write!(text, "{}", name as &dyn Display);
    shortened(&printable(&text), LONGEST_NAME).into_owned()
}

fn moment(time: Time) -> Option<DateTime<Utc>> {
    let since = time.to_unix_duration();
    DateTime::from_timestamp(i64::try_from(since.as_secs()).ok()?, since.subsec_nanos())
}

#[cfg(test)]
mod tests {
    use tokio_rustls::rustls::pki_types::pem::PemObject;

    use super::*;

    fn fixture(name: &str) -> CertificateDer<'static> {
        let path = format!("{}/tests/fixtures/tls/{name}.pem", env!("CARGO_MANIFEST_DIR"));
        CertificateDer::from_pem_slice(&std::fs::read(path).unwrap()).unwrap()
    }

    #[test]
    fn a_certificate_tells_whose_it_is_who_signed_it_and_its_time() {
        let read = read(&fixture("expired"), Role::Broker, None).unwrap();
        assert_eq!((read.subject.as_str(), read.issuer.as_str()), ("CN=expired", "CN=authority"));
        assert_eq!(read.not_before.to_rfc3339(), "2020-01-01T00:00:00+00:00");
        assert_eq!(read.not_after.to_rfc3339(), "2021-01-01T00:00:00+00:00");
    }

    #[test]
    fn whatever_is_no_certificate_is_none_and_no_panic() {
        let good = fixture("elsewhere").to_vec();
        let read = |der: Vec<u8>| read(&CertificateDer::from(der), Role::Broker, None);
        for end in 0..good.len() {
            assert_eq!(read(good[..end].to_vec()), None, "cut off at {end}");
        }
        // Every byte takes the values that lengths, tags and texts trip over.
        let mut tried = 0;
        for at in 0..good.len() {
            for value in [0x00, 0x1b, 0x30, 0x7f, 0x80, 0x84, 0x9b, 0xff, good[at].wrapping_add(1), good[at] ^ 0x20] {
                let mut bad = good.clone();
                bad[at] = value;
                let told = read(bad);
                tried += 1;
                let names = told.map(|told| told.subject + &told.issuer).unwrap_or_default();
                assert!(names.chars().count() <= 2 * LONGEST_NAME && printable(&names) == names, "{names:?}");
            }
        }
        let mut random = fastrand::Rng::with_seed(509);
        for _ in 0..20_000 {
            let mut bad = good.clone();
            for _ in 0..random.usize(1..6) {
                let at = random.usize(..bad.len());
                match random.u8(..3) {
                    0 => bad[at] = random.u8(..),
                    1 => bad.insert(at, random.u8(..)),
                    _ => drop(bad.remove(at)),
                }
            }
            read(bad);
            tried += 1;
        }
        assert!(tried > 20_000);
    }
}
