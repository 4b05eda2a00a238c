//! ConfigMaps that hold a broker's configuration; see the parent module.
//!
//! Server properties stand in them as files of their own or in the middle of scripts. Only properties of a
//! fixed list are taken, none of which can hold a secret; of JAAS lines only the users' names are.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1 as core;

use super::meta;
use crate::domain::kubernetes::ConfigMap;

/// How much of one key is read.
const MOST_BYTES: usize = 64 * 1024;

/// The longest value that is kept.
const LONGEST: usize = 4096;

/// The most users that are kept.
const MOST_USERS: usize = 100;

/// Properties that are kept: addresses, names, roles and paths.
const PUBLIC: [&str; 18] = [
    "process.roles",
    "node.id",
    "broker.id",
    "log.dir",
    "log.dirs",
    "listeners",
    "advertised.listeners",
    "listener.security.protocol.map",
    "inter.broker.listener.name",
    "security.inter.broker.protocol",
    "controller.listener.names",
    "controller.quorum.voters",
    "controller.quorum.bootstrap.servers",
    "zookeeper.connect",
    "sasl.enabled.mechanisms",
    "ssl.client.auth",
    "authorizer.class.name",
    "super.users",
];

/// Ends of properties of one listener (`listener.name.client.…`) that are kept.
const PUBLIC_OF_LISTENERS: [&str; 2] = [".sasl.enabled.mechanisms", ".ssl.client.auth"];

/// What begins the entry of a user in a JAAS line of PLAIN (`user_NAME="password"`).
const JAAS_USER: &str = " user_";

/// What a ConfigMap says about brokers.
pub fn config_map(from: &core::ConfigMap) -> ConfigMap {
    let mut map = ConfigMap { meta: meta(&from.metadata), ..ConfigMap::default() };
    for (key, text) in from.data.iter().flatten() {
        let properties = properties(cut(text, MOST_BYTES), &mut map.users);
        if !properties.is_empty() {
            map.files.insert(key.clone(), properties);
        }
    }
    map
}

/// The public properties of a text, the last of each counting.
fn properties(text: &str, users: &mut Vec<String>) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with(['#', '!'])) {
        let Some((key, value)) = line.split_once('=') else { continue };
        let key = key.trim();
        if key.ends_with("sasl.jaas.config") {
            users_of(value, users);
        } else if is_public(key) {
            found.insert(key.to_owned(), cut(value.trim(), LONGEST).to_owned());
        }
    }
    found
}

/// True for a property that cannot hold a secret.
fn is_public(key: &str) -> bool {
    PUBLIC.contains(&key)
        || (key.starts_with("listener.name.") && PUBLIC_OF_LISTENERS.iter().any(|end| key.ends_with(end)))
}

/// Adds the users whose passwords a JAAS line sets, without the passwords.
fn users_of(jaas: &str, users: &mut Vec<String>) {
    for entry in jaas.split(JAAS_USER).skip(1) {
        let name = entry.split('=').next().unwrap_or_default();
        let is_name = !name.is_empty() && name.len() <= 255 && !name.contains(|c: char| c.is_whitespace() || c == '"');
        if is_name && users.len() < MOST_USERS && !users.iter().any(|known| known == name) {
            users.push(name.to_owned());
        }
    }
}

/// The beginning of a text, cut between characters.
fn cut(text: &str, most: usize) -> &str {
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn translated(data: &Value) -> ConfigMap {
        config_map(&serde_json::from_value(json!({"metadata": {"name": "c", "namespace": "n"}, "data": data})).unwrap())
    }

    #[test]
    fn properties_are_taken_from_files_and_from_scripts_and_secrets_from_neither() {
        let map = translated(&json!({
            "server.properties": "# listeners=NO://:1\nlisteners=CLIENT://:9092\nssl.key.password=hunter2\n\
                listener.name.client.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256\n\
                listener.name.client.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required username=\"inter\" password=\"hunter2\" user_inter=\"hunter2\" user_user1=\"password-placeholder-0\";\n",
            "init.sh": "cat >>/etc/kafka/server.properties <<P\n  broker.id=${HOSTNAME##*-}\nP\n",
            "log4j.properties": "log4j.rootLogger=INFO, stdout\n",
        }));
        assert_eq!(map.files.keys().collect::<Vec<_>>(), ["init.sh", "server.properties"]);
        assert_eq!(map.files["init.sh"]["broker.id"], "${HOSTNAME##*-}");
        assert_eq!(map.files["server.properties"]["listeners"], "CLIENT://:9092");
        assert_eq!(map.users, ["inter", "user1"]);
        assert!(!format!("{map:?}").contains("hunter2"));
    }

    #[test]
    fn a_large_or_broken_map_is_read_as_far_as_it_is_bounded() {
        let mut long = "é".repeat(1 << 20);
        long.push_str("\nnode.id=1");
        assert!(translated(&json!({"server.properties": long})).files.is_empty());
        let value = format!("log.dirs={}", "/d,".repeat(10_000));
        assert_eq!(translated(&json!({"x": value})).files["x"]["log.dirs"].len(), LONGEST);
        assert!(translated(&Value::Null).files.is_empty());
        assert_eq!(translated(&json!({"x": "=\n==\nlisteners\nsasl.jaas.config= user_=\"\" user_ x"})).users, [""; 0]);
    }
}
