//! What is given by hand to log in with: a `client.properties` as Kafka's own tools take it, or a password.
//!
//! It is read once and kept in memory, hidden; what is passed on are references to it (`Handed`). Stores that only
//! Java reads are refused with the command that converts them. `cmd::credentials` calls it.

mod jaas;
mod properties;

use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

use thiserror::Error;
use zeroize::Zeroizing;

use super::secrets::{Hidden, Vault};
use crate::domain::{
    access::{Handed, Keep, Mechanism},
    text::printable,
};

use self::properties::Entry;

/// The longest file that is read.
const LONGEST: u64 = 1 << 20;

/// Protocols of a listener.
const PROTOCOLS: [&str; 4] = ["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"];

/// How many keys a note names.
const NAMED: usize = 8;

/// Keys that count.
const KNOWN: [&str; 15] = [
    "security.protocol",
    "sasl.mechanism",
    "sasl.jaas.config",
    "ssl.truststore.type",
    "ssl.truststore.location",
    "ssl.truststore.password",
    "ssl.truststore.certificates",
    "ssl.keystore.type",
    "ssl.keystore.location",
    "ssl.keystore.password",
    "ssl.keystore.key",
    "ssl.keystore.certificate.chain",
    "ssl.key.password",
    "bootstrap.servers",
    "ssl.endpoint.identification.algorithm",
];

/// Why what was given cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{file}{}: {what}", .line.map(|line| format!(" line {line}")).unwrap_or_default())]
pub struct GivenError {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: Option<usize>,
    /// What is wrong, without a letter of what may be a secret.
    pub what: String,
    /// What to do.
    pub hint: Option<String>,
}

/// What was given.
#[derive(Debug, Default)]
pub struct Given {
    /// References.
    pub handed: Handed,
    /// Values.
    pub vault: Vault,
    /// What was left out, one sentence each.
    pub notes: Vec<String>,
}

/// Reads a `client.properties`.
///
/// # Errors
/// When it cannot be read, or says something that cannot be done.
pub fn client_properties(path: &Path) -> Result<Given, GivenError> {
    let file = named(path);
    let text = read(path, &file)?;
    let text = std::str::from_utf8(&text).map_err(|_| wrong(&file, None, "it is not UTF-8 text", None))?;
    let entries = properties::parse(text).map_err(|(line, what)| wrong(&file, Some(line), what, None))?;
    Client { file, dir: path.parent().map(Path::to_owned).unwrap_or_default(), entries, given: Given::default() }
        .understand()
}

/// A password from a file; a line's end after it does not belong to it.
///
/// # Errors
/// When it cannot be read or holds nothing.
pub fn password_file(path: &Path) -> Result<Hidden, GivenError> {
    let file = named(path);
    let text = read(path, &file)?;
    let end = text.iter().rposition(|byte| !matches!(byte, b'\n' | b'\r')).map_or(0, |at| at + 1);
    match &text[..end] {
        [] => Err(wrong(&file, None, "it holds no password", None)),
        more if more.contains(&b'\n') => Err(wrong(&file, None, "it holds several lines, and a password is one", None)),
        password => Ok(Hidden::new(password.to_vec())),
    }
}

/// A file as it is called in messages.
fn named(path: &Path) -> String {
    printable(&path.file_name().unwrap_or(path.as_os_str()).to_string_lossy()).into_owned()
}

fn wrong(file: &str, line: Option<usize>, what: impl Into<String>, hint: Option<String>) -> GivenError {
    GivenError { file: file.to_owned(), line, what: what.into(), hint }
}

fn read(path: &Path, file: &str) -> Result<Zeroizing<Vec<u8>>, GivenError> {
    let failed = |why: std::io::Error| wrong(file, None, format!("it cannot be read: {why}"), None);
    let mut text = Zeroizing::new(Vec::new());
    File::open(path).map_err(failed)?.take(LONGEST + 1).read_to_end(&mut text).map_err(failed)?;
    if text.len() as u64 > LONGEST {
        return Err(wrong(file, None, "it is larger than 1 MiB", None));
    }
    Ok(text)
}

/// A `client.properties` that is being understood.
struct Client {
    file: String,
    dir: PathBuf,
    entries: Vec<Entry>,
    given: Given,
}

/// `truststore` or `keystore`.
type Store = &'static str;

impl Client {
    fn understand(mut self) -> Result<Given, GivenError> {
        if !self.entries.iter().any(|entry| KNOWN.contains(&entry.key.as_str())) {
            let hint = "it is a file such as kafka-topics.sh takes with --command-config";
            return Err(wrong(&self.file, None, "no property of a Kafka client stands in it", Some(hint.to_owned())));
        }
        self.given.handed.from.clone_from(&self.file);
        self.note_what_is_ignored();
        self.given.handed.protocol = self.protocol()?;
        self.given.handed.mechanism = self.mechanism()?;
        self.given.handed.password = self.password()?;
        self.given.handed.trust = self.trust()?;
        self.given.handed.certificate = self.certificate()?;
        self.given.handed.ports = self.ports();
        let protocol = self.given.handed.protocol.as_deref().unwrap_or_default();
        if protocol.starts_with("SASL") && self.given.handed.password.is_none() {
            let what = format!("security.protocol is {protocol}, and there is no sasl.jaas.config");
            let hint = "add sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required \
                        username=\"…\" password=\"…\";";
            return Err(self.wrong("security.protocol", what, Some(hint.to_owned())));
        }
        Ok(self.given)
    }

    /// The last entry of a key counts, as in Java.
    fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().rfind(|entry| entry.key == key)
    }

    fn value(&self, key: &str) -> Option<&str> {
        self.entry(key).map(|entry| entry.value.trim()).filter(|value| !value.is_empty())
    }

    fn wrong(&self, key: &str, what: impl Into<String>, hint: Option<String>) -> GivenError {
        wrong(&self.file, self.entry(key).map(|entry| entry.line), what, hint)
    }

    /// Where a value stood.
    fn line(&self, key: &str) -> String {
        self.entry(key).map_or_else(|| self.file.clone(), |entry| format!("{} line {}", self.file, entry.line))
    }

    /// Keeps a value under where it stood.
    fn keep(&mut self, words: String, value: &[u8]) -> Keep {
        self.given.vault.insert(words.clone(), Hidden::new(value.to_vec()));
        Keep::Given(words)
    }

    fn note_what_is_ignored(&mut self) {
        let mut ignored = Vec::new();
        for entry in self.entries.iter().filter(|entry| !KNOWN.contains(&entry.key.as_str())) {
            let near = KNOWN.iter().find(|known| strsim::damerau_levenshtein(known, &entry.key) <= 2);
            let near = near.map(|known| format!(" (did you mean {known}?)")).unwrap_or_default();
            ignored.push(format!("{}{near}", printable(&entry.key)));
        }
        let more = ignored.len().saturating_sub(NAMED);
        ignored.truncate(NAMED);
        if !ignored.is_empty() {
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            self.given.notes.push(format!("{}: not used: {}{more}", self.file, ignored.join(", ")));
        }
        let names = "ssl.endpoint.identification.algorithm";
        if self.entry(names).is_some_and(|entry| entry.value.trim().is_empty()) {
            self.given
                .notes
                .push(format!("{}: not used: {names}; brokers' names are always verified", self.line(names)));
        }
    }

    fn protocol(&self) -> Result<Option<String>, GivenError> {
        const KEY: &str = "security.protocol";
        let Some(value) = self.value(KEY) else {
            // Kafka's tools take PLAINTEXT then; with a login in the file that is not meant.
            let is_plain = self.value("sasl.jaas.config").is_none() && self.value("ssl.keystore.type").is_none();
            return Ok(is_plain.then(|| "PLAINTEXT".to_owned()));
        };
        match PROTOCOLS.iter().find(|known| known.eq_ignore_ascii_case(value)) {
            Some(known) => Ok(Some((*known).to_owned())),
            None => Err(self.wrong(
                KEY,
                format!("there is no protocol {}", printable(value)),
                Some(format!("it is one of {}", PROTOCOLS.join(", "))),
            )),
        }
    }

    fn mechanism(&self) -> Result<Option<Mechanism>, GivenError> {
        const KEY: &str = "sasl.mechanism";
        let Some(value) = self.value(KEY) else { return Ok(None) };
        Mechanism::named(value).map(Some).ok_or_else(|| {
            let what = format!("the mechanism {} is not supported", printable(value));
            self.wrong(KEY, what, Some(format!("supported are {}", Mechanism::ALL.map(|m| m.to_string()).join(", "))))
        })
    }

    fn password(&mut self) -> Result<Option<(String, Keep)>, GivenError> {
        const KEY: &str = "sasl.jaas.config";
        let Some(text) = self.value(KEY).map(|text| Zeroizing::new(text.to_owned())) else { return Ok(None) };
        let example = "org.apache.kafka.common.security.scram.ScramLoginModule required username=\"…\" password=\"…\";";
        let login = jaas::login(&text).map_err(|what| self.wrong(KEY, what, Some(format!("write it as {example}"))))?;
        // Without a mechanism Kafka's tools would take GSSAPI; the module says what is meant.
        if self.given.handed.mechanism.is_none() && login.is_plain {
            self.given.handed.mechanism = Some(Mechanism::Plain);
        }
        let words = self.line(KEY);
        let keep = self.keep(words, login.password.as_bytes());
        Ok(Some((login.user, keep)))
    }

    /// A PEM file beside the properties, or the text in them; what else it is cannot be read.
    fn store(&mut self, store: Store, text_key: &str) -> Result<Option<Keep>, GivenError> {
        let (kind_key, place_key) = (format!("ssl.{store}.type"), format!("ssl.{store}.location"));
        let is_pem = self.value(&kind_key).is_some_and(|kind| kind.eq_ignore_ascii_case("PEM"));
        if let Some(text) = self.value(text_key).map(|text| Zeroizing::new(text.to_owned())) {
            if text.contains("ENCRYPTED PRIVATE KEY") {
                return Err(self.encrypted(text_key, "KEY.pem"));
            }
            let words = self.line(text_key);
            return Ok(Some(self.keep(words, text.as_bytes())));
        }
        let Some(place) = self.value(&place_key).map(str::to_owned) else { return Ok(None) };
        if !is_pem {
            let kind = self.value(&kind_key).unwrap_or("JKS").to_uppercase();
            let what = format!("the {store} {} is {kind}, which only Java reads", printable(&place));
            return Err(self.wrong(&place_key, what, Some(converting(store, &place, &kind))));
        }
        let path = self.dir.join(&place);
        let path = if path.exists() { path } else { PathBuf::from(&place) };
        let text = read(&path, &named(&path)).map_err(|error| {
            self.wrong(&place_key, format!("the {store} {}: {}", printable(&place), error.what), None)
        })?;
        if text.windows(21).any(|part| part == b"ENCRYPTED PRIVATE KEY") {
            return Err(self.encrypted(&place_key, &place));
        }
        Ok(Some(self.keep(format!("file {}", printable(&place)), &text)))
    }

    fn encrypted(&self, key: &str, place: &str) -> GivenError {
        let hint =
            format!("decrypt it, to a file that only you can read: openssl pkey -in {} -out key.pem", printable(place));
        self.wrong(key, "the private key is encrypted", Some(hint))
    }

    fn trust(&mut self) -> Result<Vec<Keep>, GivenError> {
        Ok(self.store("truststore", "ssl.truststore.certificates")?.into_iter().collect())
    }

    fn certificate(&mut self) -> Result<Option<(Keep, Keep)>, GivenError> {
        let (key, chain) = ("ssl.keystore.key", "ssl.keystore.certificate.chain");
        match (self.value(key).is_some(), self.value(chain).is_some()) {
            (true, false) => Err(self.wrong(key, format!("there is no {chain} beside it"), None)),
            (false, true) => Err(self.wrong(chain, format!("there is no {key} beside it"), None)),
            (true, true) => Ok(self.store("keystore", chain)?.zip(self.store("keystore", key)?)),
            // In one file both stand.
            (false, false) => Ok(self.store("keystore", key)?.map(|keep| (keep.clone(), keep))),
        }
    }

    /// Brokers are reached through their pods, so of their addresses only ports say something.
    fn ports(&mut self) -> Vec<u16> {
        let servers = self.value("bootstrap.servers").unwrap_or_default();
        servers.split(',').filter_map(|one| one.trim().rsplit_once(':')?.1.parse().ok()).collect()
    }
}

/// The command that makes PEM of a store that only Java reads.
fn converting(store: Store, place: &str, kind: &str) -> String {
    let place = printable(place);
    let command = match (store, kind) {
        ("truststore", "PKCS12") => format!("openssl pkcs12 -in {place} -nokeys -out ca.pem"),
        ("truststore", _) => format!("keytool -list -rfc -keystore {place} > ca.pem"),
        (_, "PKCS12") => format!("openssl pkcs12 -in {place} -nodes -out client.pem"),
        _ => format!(
            "keytool -importkeystore -srckeystore {place} -destkeystore client.p12 -deststoretype PKCS12 && openssl \
             pkcs12 -in client.p12 -nodes -out client.pem"
        ),
    };
    let pem = if store == "truststore" { "ca.pem" } else { "client.pem" };
    format!("convert it: {command}; then set ssl.{store}.type=PEM and ssl.{store}.location={pem}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(text: &str) -> Result<Given, GivenError> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("ca.pem"), "-----BEGIN CERTIFICATE-----").unwrap();
        std::fs::write(dir.path().join("locked.pem"), "-----BEGIN ENCRYPTED PRIVATE KEY-----").unwrap();
        let path = dir.path().join("client.properties");
        std::fs::write(&path, text).unwrap();
        client_properties(&path)
    }

    fn refused(text: &str) -> (String, String) {
        let error = given(text).err().unwrap_or_else(|| panic!("{text}"));
        (error.to_string(), error.hint.unwrap_or_default())
    }

    const SCRAM: &str = "org.apache.kafka.common.security.scram.ScramLoginModule required";

    #[test]
    fn what_kafkas_own_tools_take_is_understood_and_passwords_are_named_by_their_line() {
        let text = format!(
            "# ours\nbootstrap.servers=a.example:9094, b:9095\nsecurity.protocol = SASL_SSL\nsasl.mechanism=SCRAM-SHA-512\n\
             sasl.jaas.config={SCRAM} \\\n   username=\"or\\\\\"ders\" \\\n   password=\"hunter2\";\n\
             ssl.truststore.type=PEM\nssl.truststore.location=ca.pem\nclient.id=x\nsasl.mechanisms=y\n"
        );
        let given = given(&text).unwrap();
        let handed = &given.handed;
        assert_eq!((handed.from.as_str(), handed.protocol.as_deref()), ("client.properties", Some("SASL_SSL")));
        assert_eq!((handed.mechanism, handed.ports.as_slice()), (Some(Mechanism::ScramSha512), &[9094, 9095][..]));
        let (user, keep) = handed.password.clone().unwrap();
        assert_eq!((user.as_str(), keep.to_string().as_str()), ("or\"ders", "client.properties line 5"));
        assert_eq!(given.vault["client.properties line 5"].reveal(), b"hunter2");
        assert_eq!(handed.trust, [Keep::Given("file ca.pem".into())]);
        assert_eq!(
            given.notes,
            ["client.properties: not used: client.id, sasl.mechanisms (did you mean sasl.mechanism?)"]
        );
        assert!(!format!("{given:?}").contains("hunter2"));
    }

    #[test]
    fn pem_in_the_file_itself_is_taken_and_plain_is_told_by_its_module() {
        let pem = "-----BEGIN CERTIFICATE-----\\n\\\n  abc\\n-----END CERTIFICATE-----";
        let text = format!(
            "security.protocol=SSL\nssl.keystore.type=PEM\nssl.keystore.key=k\nssl.keystore.certificate.chain={pem}"
        );
        let given = given(&text).unwrap();
        let (certificate, key) = given.handed.certificate.unwrap();
        assert_eq!(
            (certificate.to_string(), key.to_string()),
            ("client.properties line 4".into(), "client.properties line 3".into())
        );
        let chain = String::from_utf8(given.vault["client.properties line 4"].reveal().to_vec()).unwrap();
        assert_eq!(chain, "-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----");
        let plain = "sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required username=u password='p';";
        let handed = super::tests::given(plain).unwrap().handed;
        assert_eq!((handed.protocol, handed.mechanism), (None, Some(Mechanism::Plain)));
    }

    #[test]
    fn what_cannot_be_used_is_named_with_its_line_and_what_to_do_and_never_shown() {
        for (text, what, hint) in [
            ("a=b\nsecurity.protocol=TLS", "client.properties line 2: there is no protocol TLS", "SASL_SSL"),
            (
                "sasl.mechanism=GSSAPI",
                "client.properties line 1: the mechanism GSSAPI is not supported",
                "SCRAM-SHA-512",
            ),
            (
                "security.protocol=SASL_SSL",
                "client.properties line 1: security.protocol is SASL_SSL, and there is no sasl.jaas.config",
                "sasl.jaas.config=",
            ),
            ("sasl.jaas.config=hunter2", "client.properties line 1: ", "required"),
            (
                "ssl.truststore.location=/x/trust.jks",
                "the truststore /x/trust.jks is JKS, which only Java reads",
                "keytool -list -rfc -keystore /x/trust.jks > ca.pem",
            ),
            (
                "ssl.truststore.type=PKCS12\nssl.truststore.location=t.p12",
                "is PKCS12",
                "openssl pkcs12 -in t.p12 -nokeys",
            ),
            ("ssl.keystore.location=k.jks", "the keystore k.jks is JKS", "keytool -importkeystore"),
            (
                "ssl.keystore.type=PEM\nssl.keystore.location=locked.pem",
                "line 2: the private key is encrypted",
                "openssl pkey",
            ),
            ("ssl.keystore.type=PEM\nssl.keystore.location=gone.pem", "the keystore gone.pem: it cannot be read", ""),
            ("ssl.keystore.key=k", "there is no ssl.keystore.certificate.chain beside it", ""),
            ("root:x:0", "client.properties: no property of a Kafka client stands in it", "kafka-topics.sh"),
            ("a=\\u12", "line 1: \\u needs four hexadecimal digits", ""),
        ] {
            let (said, step) = refused(text);
            assert!(said.contains(what) && step.contains(hint), "{text}: {said} / {step}");
            assert!(!said.contains("hunter2") && !step.contains("hunter2"), "{said} / {step}");
        }
        let gone = client_properties(Path::new("/nowhere/a.properties")).unwrap_err().to_string();
        assert!(gone.starts_with("a.properties: it cannot be read: "), "{gone}");
        let binary = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(binary.path(), [0xff, 0xfe]).unwrap();
        assert!(client_properties(binary.path()).unwrap_err().to_string().ends_with("it is not UTF-8 text"));
        let large = vec![b'a'; 1 + LONGEST as usize];
        std::fs::write(binary.path(), large).unwrap();
        assert!(client_properties(binary.path()).unwrap_err().to_string().ends_with("it is larger than 1 MiB"));
    }

    #[test]
    fn a_password_file_holds_one_line() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for (text, wanted) in [("p w\r\n", Some("p w")), ("p", Some("p")), ("", None), ("\n", None), ("a\nb\n", None)] {
            std::fs::write(file.path(), text).unwrap();
            let read = password_file(file.path()).ok();
            assert_eq!(read.as_ref().map(Hidden::reveal), wanted.map(str::as_bytes), "{text:?}");
        }
    }
}
