//! The TLS layer: encrypts a stream, and makes sure who is at its other end.
//!
//! A broker's certificate is valid for the name that it advertises, or, as long as that is not known, for any name
//! that leads to its pod. Settings belong to a set of such names, and so do the sessions that are resumed with them:
//! nothing that was verified for one broker counts for another. It knows neither what carries the stream nor what is
//! said on it. `layers` calls it.

use std::{
    fmt::Display,
    io,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use chrono::{DateTime, Utc};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, Error as Rustls, HandshakeKind,
        RootCertStore, SignatureScheme,
        client::{
            Resumption,
            danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
            verify_server_cert_signed_by_trust_anchor, verify_server_name,
        },
        crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
        pki_types::{
            CertificateDer, PrivateKeyDer, ServerName, UnixTime,
            pem::{self, PemObject},
        },
        server::ParsedCertificate,
    },
};

use super::{BoxStream, certificate};
use crate::{
    domain::{
        self,
        access::Keep,
        certificate::{Certificate, Holds, Role},
        text::printable,
    },
    task,
};

/// Sessions that are kept for resumption; a set of names is one broker's.
const SESSIONS: usize = 4;

/// Names of a certificate that are told; some have hundreds.
const MOST_NAMES: usize = 8;

/// Certificates between a broker's and the authority's that are looked at.
const LONGEST_CHAIN: usize = 8;

/// Why the stream is not encrypted, or with the wrong one.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TlsError {
    /// Somebody else signed the certificate.
    #[error("the broker's certificate is signed by an authority that is not in {trusted}")]
    UnknownIssuer { trusted: String },
    /// The certificate's time is over, or that of one between it and the authority.
    #[error("{whose} expired on {since}{}", signed(.by.as_deref()))]
    Expired { whose: &'static str, since: String, by: Option<String> },
    /// The certificate's time has not come, or this machine's clock is wrong.
    #[error("the broker's certificate is not valid before {from}")]
    NotYetValid { from: String },
    /// The certificate is another host's.
    #[error("the broker's certificate is not for {}; it is for {}", first(.wanted), listed(.found))]
    WrongName { wanted: Vec<String>, found: Vec<String> },
    /// No client certificate was shown.
    #[error("the listener asks for a client certificate, and none is configured")]
    WantsCertificate,
    /// The client certificate was not liked.
    #[error("the broker refuses the client certificate of {of}: {why}")]
    CertificateRefused { of: String, why: String },
    /// The client certificate was not liked, and by this machine's clock its time is over or has not come.
    #[error("the client certificate in {of} {when}, and the broker refuses it ({why})")]
    CertificateOutOfTime { of: String, when: String, why: String },
    /// The other end does not speak TLS.
    #[error("the port does not speak TLS: {why}")]
    NotTls { why: String },
    /// No version or cipher in common.
    #[error("there is no TLS version or cipher in common with the broker: {why}")]
    NothingInCommon { why: String },
    /// Anything else.
    #[error("the TLS handshake failed: {why}")]
    Failed { why: String },
}

impl TlsError {
    /// True when what we trust or show is as likely wrong as what the broker has: it is not to be accused.
    pub fn is_ours(&self) -> bool {
        matches!(
            self,
            Self::UnknownIssuer { .. }
                | Self::WantsCertificate
                | Self::CertificateRefused { .. }
                | Self::CertificateOutOfTime { .. }
        )
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::UnknownIssuer { .. } => {
                "Trust the authority that signed it: --command-config with ssl.truststore.type=PEM and \
                 ssl.truststore.location; or take another listener with --listener."
            }
            Self::Expired { .. } => "Renew the broker's certificate, or take another listener with --listener.",
            Self::NotYetValid { .. } => "Check the clock of this machine and of whoever signed the certificate.",
            Self::WrongName { .. } => {
                "Add the advertised name to the certificate, or advertise one that is in it (advertised.listeners)."
            }
            Self::WantsCertificate => {
                "Give one: --command-config with ssl.keystore.type=PEM and ssl.keystore.location; or take another \
                 listener with --listener."
            }
            Self::CertificateOutOfTime { .. } => {
                "Renew the client certificate there (Strimzi: annotate the KafkaUser with strimzi.io/force-renew=true); \
                 a dial is tried again as soon as the secret changes."
            }
            Self::CertificateRefused { .. } => "Check when it expires, and that the broker trusts who signed it.",
            Self::NotTls { .. } => "Check the listener's protocol, or take another listener with --listener.",
            Self::NothingInCommon { .. } | Self::Failed { .. } => return None,
        })
    }
}

fn signed(by: Option<&str>) -> String {
    by.map(|by| format!(", signed by {by}")).unwrap_or_default()
}

fn first(names: &[String]) -> &str {
    names.first().map_or("any name of its pod", String::as_str)
}

fn listed(found: &[String]) -> String {
    match found.len() {
        0 => "no host at all".to_owned(),
        n if n > MOST_NAMES => format!("{} and {} more", found[..MOST_NAMES].join(", "), n - MOST_NAMES),
        _ => found.join(", "),
    }
}

/// Certificates of authorities, and where they are from.
#[derive(Debug, Clone)]
pub struct Trust {
    roots: Arc<RootCertStore>,
    from: String,
    /// What is known of them; of the machine's own nothing, for they are nobody's here to renew.
    known: Vec<Certificate>,
}

impl Trust {
    /// From PEM texts; `from` says where they stood, as `secret m/ca key ca.crt`.
    ///
    /// What cannot be used is left out while something can, and comes back in words.
    pub fn of(texts: &[(&Keep, &[u8])], from: String) -> Result<(Self, Vec<String>), String> {
        let mut roots = RootCertStore::empty();
        let (mut known, mut problems) = (Vec::new(), Vec::new());
        let all =
            texts.iter().flat_map(|(kept, text)| CertificateDer::pem_slice_iter(text).map(move |der| (kept, der)));
        for (at, (kept, found)) in all.enumerate() {
            let added = found.map_err(|e| words(&e)).and_then(|der| {
                known.extend(certificate::read(&der, Role::Authority, Some((*kept).clone())));
                roots.add(der).map_err(|e| e.to_string())
            });
            problems.extend(added.err().map(|why| format!("certificate {} is left out: {why}", at + 1)));
        }
        match (roots.is_empty(), problems.first()) {
            (false, _) => Ok((Self { roots: Arc::new(roots), from, known }, problems)),
            (true, Some(problem)) => Err(problem.clone()),
            (true, None) => Err("no certificate stands in it".to_owned()),
        }
    }

    /// The machine's own authorities.
    pub async fn of_machine() -> Result<Self, String> {
        let loaded = task::blocking(rustls_native_certs::load_native_certs).await.map_err(|e| e.to_string())?;
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(loaded.certs);
        if roots.is_empty() {
            return Err("this machine trusts no authority, and no secret names one".to_owned());
        }
        Ok(Self { roots: Arc::new(roots), from: "this machine's authorities".to_owned(), known: Vec::new() })
    }
}

/// A client's certificate and its key.
pub struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    kept: Keep,
}

impl Identity {
    /// From a certificate's PEM text and the result of `key`; the certificate is kept there.
    pub fn of(certificate: &[u8], key: PrivateKeyDer<'static>, kept: Keep) -> Result<Self, String> {
        let chain: Vec<_> = CertificateDer::pem_slice_iter(certificate).filter_map(Result::ok).collect();
        if chain.is_empty() {
            return Err("no certificate stands in it".to_owned());
        }
        Ok(Self { chain, key, kept })
    }
}

/// A private key from its PEM text.
pub fn key(text: &[u8]) -> Result<PrivateKeyDer<'static>, String> {
    PrivateKeyDer::from_pem_slice(text).map_err(|e| words(&e))
}

/// What a PEM text lacks, without a letter of it: it may be a key.
fn words(error: &pem::Error) -> String {
    match error {
        pem::Error::NoItemsFound => "nothing stands in it",
        pem::Error::MissingSectionEnd { .. } => "it breaks off",
        pem::Error::Base64Decode(_) => "it is not base64",
        _ => "it is not PEM",
    }
    .to_owned()
}

/// How to encrypt streams to one broker.
#[derive(Clone)]
pub struct Settings {
    config: Arc<ClientConfig>,
    shown: ServerName<'static>,
    names: Vec<String>,
    trust: Trust,
    /// Where the client certificate is kept, and what is known of it.
    identity: Option<(Keep, Option<Certificate>)>,
    presented: Presented,
}

/// What the broker presented last. A resumed session presents nothing, and rests on what was presented then.
type Presented = Arc<Mutex<Option<Chain>>>;

/// A broker's certificate, and who signed it and the ones between it and an authority.
#[derive(Debug)]
struct Chain {
    leaf: Certificate,
    issuers: Vec<String>,
}

impl Settings {
    /// For a broker that may have any of the names.
    pub fn new(trust: &Trust, identity: Option<Identity>, names: &[String]) -> Result<Self, TlsError> {
        let failed = |why: &dyn Display| TlsError::Failed { why: why.to_string() };
        let valid: Vec<_> = names.iter().filter_map(|name| ServerName::try_from(name.clone()).ok()).collect();
        let shown = valid.first().cloned().ok_or_else(|| failed(&"no name of the broker is known"))?;
        let provider = Arc::new(ring::default_provider());
        let presented = Presented::default();
        let verifier = OneOf {
            names: valid,
            roots: Arc::clone(&trust.roots),
            provider: Arc::clone(&provider),
            presented: Arc::clone(&presented),
        };
        let own = identity.as_ref().map(|i| {
            let known = i.chain.first().and_then(|der| certificate::read(der, Role::Client, Some(i.kept.clone())));
            (i.kept.clone(), known)
        });
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|e| failed(&e))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let mut config = match identity {
            None => builder.with_no_client_auth(),
            Some(Identity { chain, key, kept }) => builder
                .with_client_auth_cert(chain, key)
                .map_err(|e| TlsError::CertificateRefused { of: kept.to_string(), why: e.to_string() })?,
        };
        config.resumption = Resumption::in_memory_sessions(SESSIONS);
        let (config, trust) = (Arc::new(config), trust.clone());
        Ok(Self { config, shown, names: names.to_vec(), trust, identity: own, presented })
    }

    /// Certificates that were met: the broker's and the authority's that signed it, once presented, and our own.
    pub fn certificates(&self) -> Vec<Certificate> {
        let presented = self.presented.lock().unwrap_or_else(PoisonError::into_inner);
        let mut met = Vec::new();
        if let Some(chain) = presented.as_ref() {
            met.push(chain.leaf.clone());
            met.extend(self.authority(chain).cloned());
        }
        met.extend(self.identity.iter().filter_map(|(_, known)| known.clone()));
        met
    }

    /// The trusted authority that a chain ends with. While one is renewed two of a name stand side by side, and the
    /// one that holds longer is the one that counts.
    fn authority(&self, chain: &Chain) -> Option<&Certificate> {
        let signed = self.trust.known.iter().filter(|known| chain.issuers.contains(&known.subject));
        signed.max_by_key(|known| known.not_after)
    }

    /// Who signed what the broker presents, and where that authority's certificate is kept.
    fn signer(&self) -> Option<String> {
        let presented = self.presented.lock().unwrap_or_else(PoisonError::into_inner);
        let chain = presented.as_ref()?;
        let kept = self.authority(chain).and_then(|authority| authority.kept.as_ref());
        let kept = kept.map(|kept| format!(", of {kept}")).unwrap_or_default();
        Some(format!("{}{kept}", chain.leaf.issuer))
    }

    /// A certificate of the broker's chain whose time is over.
    fn expired(&self, since: UnixTime) -> TlsError {
        let at = at(since);
        let is_leaf = |chain: &Chain| at.is_none_or(|at| chain.leaf.not_after.timestamp() == at.timestamp());
        let presented = self.presented.lock().unwrap_or_else(PoisonError::into_inner);
        let is_leaf = presented.as_ref().is_none_or(is_leaf);
        drop(presented);
        let whose = if is_leaf { "the broker's certificate" } else { "a certificate above the broker's" };
        TlsError::Expired { whose, since: moment(since), by: self.signer().filter(|_| is_leaf) }
    }

    /// Shakes hands on a stream; also says whether a session was resumed, which saves both sides most of the work.
    pub async fn encrypt(&self, stream: BoxStream) -> Result<(BoxStream, bool), TlsError> {
        let connector = TlsConnector::from(Arc::clone(&self.config));
        let stream = connector.connect(self.shown.clone(), stream).await.map_err(|e| self.told(&e))?;
        let resumed = stream.get_ref().1.handshake_kind() == Some(HandshakeKind::Resumed);
        Ok((Box::new(Encrypted { stream, settings: self.clone() }), resumed))
    }

    /// What a failure means.
    fn told(&self, error: &io::Error) -> TlsError {
        let Some(rustls) = error.get_ref().and_then(|e| e.downcast_ref::<Rustls>()) else {
            let why = match error.kind() {
                io::ErrorKind::UnexpectedEof => "the broker hung up during the handshake".to_owned(),
                _ => error.to_string(),
            };
            return TlsError::NotTls { why };
        };
        match rustls {
            Rustls::InvalidCertificate(why) => self.certificate(why),
            Rustls::AlertReceived(alert) => self.alerted(*alert),
            Rustls::InvalidMessage(_) | Rustls::InappropriateMessage { .. } => {
                TlsError::NotTls { why: "what it answers is something else".to_owned() }
            }
            Rustls::PeerIncompatible(why) => TlsError::NothingInCommon { why: format!("{why:?}") },
            other => TlsError::Failed { why: printable(&other.to_string()).into_owned() },
        }
    }

    fn certificate(&self, why: &CertificateError) -> TlsError {
        let wanted = || self.names.clone();
        match why {
            CertificateError::UnknownIssuer => TlsError::UnknownIssuer { trusted: self.trust.from.clone() },
            CertificateError::ExpiredContext { not_after, .. } => self.expired(*not_after),
            CertificateError::NotValidYetContext { not_before, .. } => {
                TlsError::NotYetValid { from: moment(*not_before) }
            }
            CertificateError::NotValidForNameContext { presented, .. } => {
                TlsError::WrongName { wanted: wanted(), found: presented.iter().map(|name| plain(name)).collect() }
            }
            CertificateError::NotValidForName => TlsError::WrongName { wanted: wanted(), found: Vec::new() },
            other => TlsError::Failed { why: printable(&format!("bad certificate: {other}")).into_owned() },
        }
    }

    fn alerted(&self, alert: AlertDescription) -> TlsError {
        use AlertDescription as A;
        let why = format!("{alert:?}");
        let about_ours = matches!(
            alert,
            A::CertificateRequired
                | A::BadCertificate
                | A::CertificateUnknown
                | A::CertificateExpired
                | A::CertificateRevoked
                | A::UnsupportedCertificate
                | A::UnknownCA
                | A::AccessDenied
                | A::HandshakeFailure
        );
        match (alert, &self.identity) {
            (A::ProtocolVersion | A::InsufficientSecurity, _) => TlsError::NothingInCommon { why },
            (A::CertificateRequired | A::BadCertificate, None) => TlsError::WantsCertificate,
            (A::HandshakeFailure, None) => {
                TlsError::NothingInCommon { why: format!("{why}, or it asks for a client certificate") }
            }
            (_, Some((kept, known))) if about_ours => refused(kept, known.as_ref(), why),
            _ => TlsError::Failed { why: format!("the broker sent the alert {why}") },
        }
    }
}

/// A client certificate was refused. It was shown although it may have been out of its time: this machine's clock
/// may be the wrong one, and the broker's counts.
fn refused(kept: &Keep, known: Option<&Certificate>, why: String) -> TlsError {
    let of = kept.to_string();
    let now = at(UnixTime::now());
    match known.zip(now).filter(|(known, now)| known.holds(*now) >= Holds::NotYet) {
        Some((known, now)) => TlsError::CertificateOutOfTime { of, when: known.holds_in_words(now), why },
        None => TlsError::CertificateRefused { of, why },
    }
}

fn at(time: UnixTime) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(i64::try_from(time.as_secs()).ok()?, 0)
}

/// A day and a time of UTC.
fn moment(time: UnixTime) -> String {
    at(time).map_or_else(|| "an unknown day".to_owned(), domain::certificate::moment)
}

/// `DnsName("a.b")` as `a.b`.
fn plain(name: &str) -> String {
    let inner = name.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')')).unwrap_or(name);
    printable(inner.trim_matches('"')).into_owned()
}

/// Verifies that a certificate is signed by a trusted authority, is in its time, and has one of several names.
#[derive(Debug)]
struct OneOf {
    names: Vec<ServerName<'static>>,
    roots: Arc<RootCertStore>,
    provider: Arc<CryptoProvider>,
    presented: Presented,
}

impl OneOf {
    /// Notes what the broker presents, whether it is good or not.
    fn note(&self, leaf: &CertificateDer<'_>, between: &[CertificateDer<'_>]) {
        let chain = certificate::read(leaf, Role::Broker, None).map(|leaf| {
            let between = between.iter().take(LONGEST_CHAIN);
            let above = between.filter_map(|der| Some(certificate::read(der, Role::Authority, None)?.issuer));
            Chain { issuers: std::iter::once(leaf.issuer.clone()).chain(above).collect(), leaf }
        });
        *self.presented.lock().unwrap_or_else(PoisonError::into_inner) = chain;
    }
}

impl ServerCertVerifier for OneOf {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _shown: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Rustls> {
        self.note(end_entity, intermediates);
        let certificate = ParsedCertificate::try_from(end_entity)?;
        let algorithms = self.provider.signature_verification_algorithms.all;
        verify_server_cert_signed_by_trust_anchor(&certificate, &self.roots, intermediates, now, algorithms)?;
        let mut failure = None;
        for name in &self.names {
            match verify_server_name(&certificate, name) {
                Ok(()) => return Ok(ServerCertVerified::assertion()),
                Err(why) => failure = failure.or(Some(why)),
            }
        }
        Err(failure.unwrap_or(Rustls::InvalidCertificate(CertificateError::NotValidForName)))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Rustls> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Rustls> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// A stream within TLS whose failures are in our words: in TLS 1.3 a client certificate is refused only after the
/// client's part of the handshake (RFC 8446 §4.4.2.4), at the first reading.
struct Encrypted {
    stream: TlsStream<BoxStream>,
    settings: Settings,
}

impl Encrypted {
    fn told(&self, error: io::Error) -> io::Error {
        let is_tls = error.get_ref().and_then(|e| e.downcast_ref::<Rustls>()).is_some();
        if is_tls { io::Error::new(error.kind(), self.settings.told(&error)) } else { error }
    }
}

impl AsyncRead for Encrypted {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.stream).poll_read(cx, buf) {
            // Hanging up without TLS's own good-bye is an end like any other: frames carry their lengths.
            Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => Poll::Ready(Ok(())),
            read => read.map_err(|error| self.told(error)),
        }
    }
}

impl AsyncWrite for Encrypted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        written.map_err(|error| self.told(error))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        flushed.map_err(|error| self.told(error))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
