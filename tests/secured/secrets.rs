//! Secrets as the API server gives them, or does not.

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use kafdeck::{
    domain::access::{Keep, SecretKey},
    io::{
        connect::{self, ConnectOptions},
        secrets::{KubeSecrets, Secrets},
    },
};
use serde_json::json;

use super::common::{Answer, FakeApi};

/// Secrets behind an API server of the test's.
pub async fn secrets(api: &FakeApi) -> KubeSecrets {
    let options = ConnectOptions { kubeconfig: Some(api.kubeconfig()), ..ConnectOptions::default() };
    KubeSecrets::new(&connect::connect(&options).await.unwrap().client)
}

/// An answer with one Secret of these values.
pub fn holding(version: &str, values: &[(&str, &[u8])]) -> Answer {
    let data: serde_json::Map<_, _> =
        values.iter().map(|(key, value)| ((*key).to_owned(), json!(BASE64.encode(value)))).collect();
    let metadata = json!({"namespace": "messaging", "name": "console", "resourceVersion": version});
    Answer::Json(200, json!({"kind": "Secret", "apiVersion": "v1", "metadata": metadata, "data": data}))
}

fn at(key: &str) -> Keep {
    SecretKey { namespace: "messaging".into(), name: "console".into(), key: key.into() }.into()
}

async fn read(answer: Answer, key: &str) -> Result<Vec<u8>, String> {
    let api = FakeApi::start().on("GET", "/api/v1/namespaces/messaging/secrets/console", answer);
    let secrets = Secrets::new(Arc::new(secrets(&api).await));
    let value = secrets.value(&at(key), std::time::Duration::ZERO).await;
    value.map(|(value, _)| value.reveal().to_vec()).map_err(|e| e.to_string())
}

#[tokio::test]
async fn a_secret_is_read_or_what_hinders_is_named() {
    let both: &[(&str, &[u8])] = &[("password", b"p\n"), ("sasl.jaas.config", b"x")];
    assert_eq!(read(holding("7", both), "password").await, Ok(b"p\n".to_vec()));
    for (answer, told) in [
        (Answer::status(403, "Forbidden"), "may not get secret console in namespace messaging"),
        (Answer::status(404, "NotFound"), "there is no secret messaging/console"),
        (Answer::status(500, "InternalError"), "cannot read secret messaging/console: InternalError: said by the test"),
        (Answer::Close, "cannot read secret messaging/console: "),
        (
            Answer::Json(200, json!({"kind": "Secret"})),
            "cannot read secret messaging/console: the answer is no readable",
        ),
        (
            Answer::Json(200, json!({"metadata": {}, "data": {"password": "c2VjcmV0!"}})),
            "cannot read secret messaging/console: a value is not base64",
        ),
        (holding("7", both), "secret messaging/console has no key ca.crt; it has password, sasl.jaas.config"),
        (holding("7", &[]), "secret messaging/console has no key ca.crt; it has none"),
    ] {
        let why = read(answer, "ca.crt").await.unwrap_err();
        assert!(why.starts_with(told), "{why}");
    }
}
