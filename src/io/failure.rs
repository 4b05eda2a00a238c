//! What went wrong on the way to the API server, in the classes and words that panes show.
//!
//! Pure: it reads an error and says what it is; it retries nothing and logs nothing. `io::watch`,
//! `io::heartbeat`, `io::dial`, `io::logs` and `io::connect` call it.

use std::{error::Error as StdError, io};

use kube::client::{AuthError, UpgradeConnectionError};

use crate::domain::freshness::{FailureKind, SourceFailure};

/// The failure as a source reports it; `what` is what was tried, as `list pods in namespace "kafka"`.
pub fn classify(error: &kube::Error, what: &str) -> SourceFailure {
    let (kind, why) = match status_of(error) {
        Some((code, message)) => (kind_of_status(code), message),
        None => (kind_of_chain(error), words(error)),
    };
    let hint = hint(kind, what, &why);
    let why = if kind == FailureKind::Forbidden { forbidden(&why) } else { why };
    SourceFailure { kind, what: format!("Cannot {what}: {}.", why.trim_end_matches('.')), hint }
}

/// A refusal without what the reader knows already: `forbidden for eve`, and what an authorizer added.
pub fn forbidden(message: &str) -> String {
    let short = || {
        let (_, rest) = message.split_once(" is forbidden: User \"")?;
        let (user, rest) = rest.split_once("\" cannot ")?;
        let place = rest.split_once(" in the namespace \"").and_then(|(_, rest)| rest.split_once('"'));
        let added = place.or_else(|| rest.split_once(" at the cluster scope"))?.1;
        Some(format!("forbidden for {user}{added}"))
    };
    short().unwrap_or_else(|| {
        if message.contains("forbidden") { message.to_owned() } else { format!("forbidden: {message}") }
    })
}

/// A failure to answer within a deadline of ours.
pub fn timed_out(what: &str, after: std::time::Duration) -> SourceFailure {
    SourceFailure {
        kind: FailureKind::Timeout,
        what: format!("Cannot {what}: no answer within {} s.", after.as_secs()),
        hint: None,
    }
}

/// The real words of an error: those of its innermost cause, with the cause around it where that adds something.
pub fn words(error: &(dyn StdError + 'static)) -> String {
    if let Some(auth) = chain(error).find_map(|e| e.downcast_ref::<AuthError>()) {
        return plugin_words(auth);
    }
    // rustls adds the address of a manual to some of its messages.
    let plain = |text: String| text.split(": https://docs.rs/").next().unwrap_or_default().to_owned();
    let said: Vec<String> = chain(error).map(|e| plain(e.to_string())).filter(|text| !text.is_empty()).collect();
    let Some(last) = said.last() else { return "an unknown error".to_owned() };
    match said.iter().rev().nth(1) {
        // Most wrappers repeat the cause; `tcp connect error` and `dns error` do not, and tell where it happened.
        Some(outer) if !outer.contains(last.as_str()) && outer.len() < 60 && said.len() > 2 => {
            format!("{outer}: {last}")
        }
        _ => last.clone(),
    }
}

/// What a credential plugin said: its standard error. Its output is never shown, for it may be a token.
pub fn plugin_words(error: &AuthError) -> String {
    let AuthError::AuthExecRun { out, .. } = error else { return error.to_string() };
    let stderr = String::from_utf8_lossy(&out.stderr);
    let tail: Vec<&str> = stderr.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let tail = tail.get(tail.len().saturating_sub(3)..).unwrap_or_default().join(" / ");
    if tail.is_empty() {
        format!("the credential plugin ended with {} and said nothing", out.status)
    } else {
        format!("the credential plugin ended with {}: {tail}", out.status)
    }
}

/// The HTTP status and the server's message, if the server answered at all.
pub fn status_of(error: &kube::Error) -> Option<(u16, String)> {
    match error {
        kube::Error::Api(status) if status.message.is_empty() => {
            Some((status.code, format!("the server answered {} {}", status.code, status.reason).trim_end().to_owned()))
        }
        kube::Error::Api(status) => Some((status.code, status.message.clone())),
        kube::Error::UpgradeConnection(UpgradeConnectionError::ProtocolSwitch(code)) => {
            Some((code.as_u16(), format!("the server answered {code} instead of opening a stream")))
        }
        _ => None,
    }
}

/// The class of an HTTP status.
fn kind_of_status(code: u16) -> FailureKind {
    match code {
        401 => FailureKind::Auth,
        403 => FailureKind::Forbidden,
        404 | 405 | 406 | 415 => FailureKind::Unsupported,
        408 | 429 | 504 => FailureKind::Timeout,
        // 410 is an expired place in a list or watch: the next attempt starts over.
        410 | 500..=599 => FailureKind::Unreachable,
        _ => FailureKind::Garbage,
    }
}

/// The class of an error that came without an answer.
fn kind_of_chain(error: &kube::Error) -> FailureKind {
    if matches!(error, kube::Error::SerdeError(_) | kube::Error::FromUtf8(_)) {
        return FailureKind::Garbage;
    }
    if matches!(error, kube::Error::RustlsTls(_)) {
        return FailureKind::Tls;
    }
    chain(error).find_map(kind_of_link).unwrap_or(FailureKind::Unreachable)
}

/// The class that one error of a chain betrays by itself.
fn kind_of_link(error: &(dyn StdError + 'static)) -> Option<FailureKind> {
    if error.is::<AuthError>() {
        return Some(FailureKind::Auth);
    }
    if let Some(io) = error.downcast_ref::<io::Error>()
        && io.kind() == io::ErrorKind::TimedOut
    {
        return Some(FailureKind::Timeout);
    }
    // rustls errors arrive as text inside io errors, so the words are all there is to go by.
    let text = error.to_string().to_ascii_lowercase();
    let tls = ["certificate", "tls handshake", "received fatal alert", "received corrupt message"];
    tls.iter().any(|word| text.contains(word)).then_some(FailureKind::Tls)
}

/// What the reader can do.
fn hint(kind: FailureKind, what: &str, why: &str) -> Option<String> {
    match kind {
        FailureKind::Auth => {
            Some("Log in to the cluster again (your credentials are missing or have expired).".to_owned())
        }
        FailureKind::Forbidden => Some(permission(why).unwrap_or_else(|| format!("Ask for permission to {what}."))),
        FailureKind::Tls => {
            Some("Check certificate-authority and tls-server-name of the cluster in your kubeconfig.".to_owned())
        }
        FailureKind::Unreachable if why.to_ascii_lowercase().contains("lookup address") => {
            Some("Check the API server's name in your kubeconfig, your DNS and your VPN.".to_owned())
        }
        FailureKind::Unreachable if why.to_ascii_lowercase().contains("refused") => {
            Some("Check that the API server runs and that your network reaches it.".to_owned())
        }
        _ => None,
    }
}

/// The permission to ask for, read from the server's own words:
/// `User "u" cannot list resource "pods" in API group "apps" in the namespace "n"`.
fn permission(message: &str) -> Option<String> {
    let (_, rest) = message.split_once(" cannot ")?;
    let (verb, rest) = rest.split_once(" resource \"")?;
    let (resource, rest) = rest.split_once('"')?;
    let group = between(rest, "in API group \"").filter(|group| !group.is_empty());
    if resource == "pods/portforward" {
        // A websocket is opened with GET; newer API servers ask for create as well, and name one of the two.
        let place = between(rest, "in the namespace \"").map(|ns| (format!(" in namespace {ns}"), format!("-n {ns}")));
        let (place, flag) = place.unwrap_or_else(|| (" cluster-wide".to_owned(), "-A".to_owned()));
        return Some(format!(
            "Ask for verbs get and create on {resource}{place}. Check: kubectl auth can-i create {resource} {flag}"
        ));
    }
    let full = group.map_or_else(|| resource.to_owned(), |group| format!("{resource}.{group}"));
    Some(match between(rest, "in the namespace \"") {
        Some(ns) => {
            format!("Ask for verb {verb} on {full} in namespace {ns}. Check: kubectl auth can-i {verb} {full} -n {ns}")
        }
        None => format!(
            "Ask for verb {verb} on {full} cluster-wide, or give a namespace with -n. \
             Check: kubectl auth can-i {verb} {full} -A"
        ),
    })
}

/// The text between a marker and the next double quote.
fn between<'a>(text: &'a str, marker: &str) -> Option<&'a str> {
    text.split_once(marker)?.1.split('"').next()
}

/// The error and its causes, outermost first.
fn chain<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |error| StdError::source(*error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube::core::Status;

    fn api(code: u16, message: &str) -> kube::Error {
        kube::Error::Api(Box::new(Status { code, message: message.into(), ..Status::default() }))
    }

    fn service(error: impl StdError + Send + Sync + 'static) -> kube::Error {
        kube::Error::Service(Box::new(error))
    }

    #[test]
    fn a_refusal_names_the_verb_the_resource_and_the_namespace_to_ask_for() {
        let message = r#"statefulsets.apps is forbidden: User "eve" cannot list resource "statefulsets" in API group "apps" in the namespace "kafka""#;
        let failure = classify(&api(403, message), "list statefulsets in namespace kafka");
        assert_eq!(failure.kind, FailureKind::Forbidden);
        assert_eq!(failure.what, "Cannot list statefulsets in namespace kafka: forbidden for eve.");
        let hint = failure.hint.unwrap();
        assert!(hint.contains("verb list on statefulsets.apps in namespace kafka"), "{hint}");
        assert!(hint.contains("kubectl auth can-i list statefulsets.apps -n kafka"), "{hint}");
        let cluster =
            r#"nodes is forbidden: User "eve" cannot list resource "nodes" in API group "" at the cluster scope"#;
        let hint = classify(&api(403, cluster), "list nodes").hint.unwrap();
        assert!(hint.contains("verb list on nodes cluster-wide"), "{hint}");
        let odd = classify(&api(403, "no"), "list nodes").hint.unwrap();
        assert_eq!(odd, "Ask for permission to list nodes.");
        let added = format!("{cluster}: no role, no way");
        assert_eq!(
            classify(&api(403, &added), "list nodes").what,
            "Cannot list nodes: forbidden for eve: no role, no way."
        );
        let forward = r#"pods "kafka-0" is forbidden: User "eve" cannot get resource "pods/portforward" in API group "" in the namespace "kafka""#;
        let hint = classify(&api(403, forward), "reach kafka-0").hint.unwrap();
        assert!(hint.contains("verbs get and create on pods/portforward in namespace kafka"), "{hint}");
    }

    #[test]
    fn every_status_has_its_class() {
        use FailureKind::{Auth, Forbidden, Garbage, Timeout, Unreachable, Unsupported};
        let kinds = [401, 403, 404, 408, 429, 504, 410, 500, 503, 400].map(|c| classify(&api(c, "x"), "y").kind);
        let expected =
            [Auth, Forbidden, Unsupported, Timeout, Timeout, Timeout, Unreachable, Unreachable, Unreachable, Garbage];
        assert_eq!(kinds, expected);
        assert!(classify(&api(401, "Unauthorized"), "list pods").hint.unwrap().starts_with("Log in"));
        assert_eq!(classify(&api(500, ""), "list pods").what, "Cannot list pods: the server answered 500.");
    }

    #[test]
    fn the_cause_is_told_and_not_its_wrappers() {
        let refused = service(io::Error::from_raw_os_error(111));
        let failure = classify(&refused, "list pods");
        assert_eq!(failure.kind, FailureKind::Unreachable);
        assert!(failure.what.contains("Connection refused"), "{}", failure.what);
        assert!(!failure.what.contains("ServiceError"), "{}", failure.what);
        let tls = service(io::Error::other("invalid peer certificate: UnknownIssuer"));
        assert_eq!(classify(&tls, "list pods").kind, FailureKind::Tls);
        let manual = service(io::Error::other("peer closed connection: https://docs.rs/rustls/manual"));
        assert_eq!(classify(&manual, "list pods").what, "Cannot list pods: peer closed connection.");
        let late = service(io::Error::from(io::ErrorKind::TimedOut));
        assert_eq!(classify(&late, "list pods").kind, FailureKind::Timeout);
    }

    #[test]
    fn an_answer_that_is_no_json_is_garbage() {
        let error = serde_json::from_str::<u8>("<html>").unwrap_err();
        assert_eq!(classify(&kube::Error::SerdeError(error), "list pods").kind, FailureKind::Garbage);
    }

    #[test]
    fn a_plugin_is_quoted_by_its_standard_error_and_never_by_its_output() {
        use std::os::unix::process::ExitStatusExt;
        let out = std::process::Output {
            status: std::process::ExitStatus::from_raw(256),
            stdout: b"token-abc".to_vec(),
            stderr: b"please run: cloud login\n".to_vec(),
        };
        let auth = AuthError::AuthExecRun { cmd: "cloud".into(), out: Box::new(out) };
        let failure = classify(&service(auth), "list pods");
        assert_eq!(failure.kind, FailureKind::Auth);
        assert!(failure.what.contains("please run: cloud login"), "{}", failure.what);
        assert!(!failure.what.contains("token-abc"), "{}", failure.what);
    }
}
