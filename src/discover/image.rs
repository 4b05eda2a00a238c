//! What an image's name tells: whether it holds a broker, another program, and which version of Kafka.
//!
//! Registries are mirrored and paths prefixed at will, so only the last one or two segments of a path count.

/// Repositories that hold a broker, whatever stands before them.
const BROKER_REPOSITORIES: [&str; 6] =
    ["kafka", "kafka-native", "cp-kafka", "cp-server", "cp-enterprise-kafka", "confluent-local"];

/// Programs around Kafka that are no broker: a part of the last segment, bounded by hyphens.
const OTHER_NAMES: [&str; 33] = [
    "kafka-exporter",
    "kminion",
    "kafka-lag-exporter",
    "kafka-minion",
    "burrow",
    "kafka-ui",
    "akhq",
    "kafdrop",
    "kafka-manager",
    "cmak",
    "kafka-connect",
    "server-connect",
    "schema-registry",
    "kafka-rest",
    "ksqldb",
    "ksqldb-server",
    "ksqldb-cli",
    "ksql",
    "kafkacat",
    "kcat",
    "apicurio-registry",
    "cruise-control",
    "kafka-bridge",
    "jmx-exporter",
    "zookeeper",
    "k8szk",
    "control-center",
    "mirror-maker",
    "kafka-tools",
    "kafka-operator",
    "kafka-topics-ui",
    "conduktor-console",
    "kowl",
];

/// Images of Kafka Connect: a part of the last segment, bounded by hyphens.
const CONNECT_NAMES: [&str; 2] = ["kafka-connect", "server-connect"];

/// Programs whose last segment alone would say too little.
const OTHER_REPOSITORIES: [&str; 4] =
    ["debezium/connect", "redpanda/console", "redpandadata/console", "strimzi/operator"];

/// Repositories whose tag begins with Kafka's own version.
const KAFKA_TAGGED: [&str; 7] = [
    "apache/kafka",
    "apache/kafka-native",
    "bitnami/kafka",
    "bitnamilegacy/kafka",
    "bitnamisecure/kafka",
    "soldevelo/kafka",
    "solsson/kafka",
];

/// Repositories of Bitnami's layout.
const BITNAMI: [&str; 4] = ["bitnami/kafka", "bitnamilegacy/kafka", "bitnamisecure/kafka", "soldevelo/kafka"];

/// Confluent Platform's major version, and Kafka's major version and first minor version in it.
const CONFLUENT_MAJORS: [(u32, u32, u32); 5] = [(8, 4, 0), (7, 3, 0), (6, 2, 6), (5, 2, 0), (4, 1, 0)];

/// An image's name, taken apart.
#[derive(Debug, Clone, Copy)]
pub(super) struct Image<'a> {
    /// The last two segments of its path, or the only one.
    pub repository: &'a str,
    /// The last segment.
    name: &'a str,
    /// Its tag, if it has one.
    tag: Option<&'a str>,
}

impl<'a> Image<'a> {
    /// Takes an image's name apart; digest, registry and prefixes are dropped.
    pub fn parse(image: &'a str) -> Self {
        let path = image.split_once('@').map_or(image, |(path, _digest)| path);
        let name_at = path.rfind('/').map_or(0, |slash| slash + 1);
        let (path, tag) = match path[name_at..].find(':') {
            Some(colon) => (&path[..name_at + colon], Some(&path[name_at + colon + 1..])),
            None => (path, None),
        };
        let group_at = path[..name_at.saturating_sub(1)].rfind('/').map_or(0, |slash| slash + 1);
        Self { repository: &path[group_at..], name: &path[name_at..], tag }
    }

    /// True when images of this name run a broker unless told otherwise.
    pub fn is_broker(&self) -> bool {
        BROKER_REPOSITORIES.contains(&self.name) || (self.is_amq_streams() && !self.is_other())
    }

    /// True when images of this name hold a program around Kafka.
    pub fn is_other(&self) -> bool {
        let bounded = format!("-{}-", self.name);
        OTHER_REPOSITORIES.contains(&self.repository)
            || OTHER_NAMES.iter().any(|other| bounded.contains(&format!("-{other}-")))
    }

    /// True when images of this name run a Kafka Connect worker unless told otherwise.
    pub fn is_connect(&self) -> bool {
        let bounded = format!("-{}-", self.name);
        let is_named = CONNECT_NAMES.iter().any(|name| bounded.contains(&format!("-{name}-")));
        self.repository == "debezium/connect" || (is_named && !self.name.ends_with("-ui"))
    }

    /// The tag, where it begins with a number.
    pub fn version(&self) -> Option<String> {
        self.tag.filter(|tag| tag.starts_with(|c: char| c.is_ascii_digit())).map(str::to_owned)
    }

    /// True for the layout of Bitnami's images, whoever rebuilds them.
    pub fn is_bitnami(&self) -> bool {
        BITNAMI.contains(&self.repository)
    }

    /// Kafka's version, where the tag says it.
    pub fn kafka_version(&self) -> Option<String> {
        let tag = self.tag?;
        // Strimzi's tags are `0.48.0-kafka-4.1.0`: the operator's version, then Kafka's.
        if let Some((_, version)) = tag.split_once("-kafka-").filter(|_| self.name == "kafka") {
            return version.starts_with(|c: char| c.is_ascii_digit()).then(|| version.to_owned());
        }
        // Koperator's and others' are `2.13-3.4.1`: Scala's version, which no Kafka ever had, then Kafka's.
        let of_scala = tag.split_once('-').filter(|(scala, _)| matches!(*scala, "2.11" | "2.12" | "2.13"));
        if let Some((_, version)) = of_scala.filter(|_| self.name == "kafka") {
            return version.split('.').all(|n| n.parse::<u32>().is_ok()).then(|| version.to_owned());
        }
        let version = tag.split(['-', '_', '+']).next()?;
        let numbers: Vec<u32> = version.split('.').map(|n| n.parse().ok()).collect::<Option<_>>()?;
        if KAFKA_TAGGED.contains(&self.repository) {
            return (2..=4).contains(&numbers.len()).then(|| version.to_owned());
        }
        let [major, minor, ..] = numbers[..] else { return None };
        if !matches!(self.name, "cp-kafka" | "cp-server" | "confluent-local") {
            return None;
        }
        let (_, kafka_major, first) = CONFLUENT_MAJORS.iter().find(|(confluent, ..)| *confluent == major)?;
        Some(format!("{kafka_major}.{}", first + minor))
    }

    /// Red Hat's images carry the version in the name: `amq-streams/kafka-39-rhel9`.
    fn is_amq_streams(&self) -> bool {
        self.repository.starts_with("amq-streams") && self.name.starts_with("kafka-")
    }
}

#[cfg(test)]
mod tests {
    use super::Image;

    #[test]
    fn a_mirror_s_prefix_does_not_hide_a_broker_s_image() {
        for image in [
            "apache/kafka",
            "docker.io/apache/kafka:4.1.2",
            "registry.example.com/mirror/team-a/apache/kafka:4.1.2",
            "registry.example.com:5000/apache/kafka:4.1.2@sha256:0123",
            "localhost:5000/kafka",
            "confluentinc/cp-kafka:7.6.1",
            "registry.redhat.io/amq-streams/kafka-39-rhel9:2.9",
        ] {
            assert!(Image::parse(image).is_broker(), "{image}");
            assert!(!Image::parse(image).is_other(), "{image}");
        }
    }

    #[test]
    fn programs_around_kafka_are_known_by_their_image() {
        for image in [
            "bitnami/kafka-exporter:1.7",
            "mirror/x/danielqsj/kafka-exporter",
            "provectuslabs/kafka-ui:latest",
            "ghcr.io/kafbat/kafka-ui",
            "confluentinc/cp-kafka-connect-base:7.6.1",
            "confluentinc/cp-server-connect:7.6.1",
            "confluentinc/cp-ksqldb-server:7.6.1",
            "solsson/kafka-prometheus-jmx-exporter@sha256:6f82",
            "debezium/connect:2.5",
            "redpandadata/console:v2",
            "zookeeper:3.8",
        ] {
            assert!(Image::parse(image).is_other(), "{image}");
            assert!(!Image::parse(image).is_broker(), "{image}");
        }
    }

    #[test]
    fn only_a_tag_that_is_kafka_s_own_version_is_taken_for_one() {
        for (image, version) in [
            ("registry.example.com/mirror/team-a/apache/kafka:4.1.2", Some("4.1.2")),
            ("apache/kafka:4.1.2@sha256:0123", Some("4.1.2")),
            ("docker.io/bitnamilegacy/kafka:4.0.0-debian-12-r10", Some("4.0.0")),
            ("confluentinc/cp-kafka:7.6.1", Some("3.6")),
            ("confluentinc/cp-kafka:8.0.0", Some("4.0")),
            ("confluentinc/cp-kafka:6.1.0", Some("2.7")),
            ("confluentinc/cp-kafka:4.1.2-2", Some("1.1")),
            ("confluentinc/cp-kafka:latest", None),
            ("apache/kafka:latest", None),
            ("apache/kafka@sha256:0123", None),
            ("localhost:5000/apache/kafka", None),
            ("debezium/kafka:2.5", None),
            ("team-a/kafka:17", None),
        ] {
            assert_eq!(Image::parse(image).kafka_version().as_deref(), version, "{image}");
        }
    }
}
