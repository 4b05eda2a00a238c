//! What happens to brokers, looked at twice a second by somebody else than the program: pods from the API server,
//! partitions from every broker that answers.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use k8s_openapi::api::core::v1::Pod;
use kafdeck::{domain::installation::PodPort, io::dial::BoxStream};
use kafka_protocol::messages::{MetadataRequest, MetadataResponse};
use kube::{
    Api, Client,
    config::{KubeConfigOptions, Kubeconfig},
};
use tokio_util::sync::CancellationToken;

use super::committer::{Brokers, Doors, try_ask};
use crate::common::live::Cluster;

/// Between two looks.
const EVERY: Duration = Duration::from_millis(500);
/// How long a broker may take to answer, and how long an answer counts.
const SOON: Duration = Duration::from_millis(1_500);

/// A pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Its uid.
    pub uid: String,
    /// True while it is Ready and nobody ends it.
    pub serves: bool,
    /// True while it is being ended.
    pub ends: bool,
    /// True once Strimzi's operator is asked to restart it.
    pub marked: bool,
}

/// What a broker says about all partitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// Partitions without a leader.
    pub offline: usize,
    /// Partitions with fewer in-sync replicas than replicas.
    pub behind: usize,
}

/// One look.
#[derive(Debug, Clone)]
pub struct Sample {
    /// When.
    pub at: Instant,
    /// Pods by name.
    pub pods: BTreeMap<String, Seen>,
    /// What brokers said a moment ago, by their pods.
    pub told: BTreeMap<String, Told>,
}

impl Sample {
    /// How many brokers are Ready.
    pub fn ready(&self) -> usize {
        self.pods.values().filter(|pod| pod.serves).count()
    }
}

type Answers = Arc<Mutex<BTreeMap<String, (Instant, Told)>>>;

/// Looks until it is told to stop.
pub struct Sampler {
    stop: CancellationToken,
    looks: JoinHandle<Vec<Sample>>,
}

impl Sampler {
    /// Begins.
    pub fn start(cluster: &Cluster, brokers: Brokers) -> Self {
        let stop = CancellationToken::new();
        let (until, cluster) = (stop.clone(), Cluster { kubeconfig: cluster.kubeconfig.clone() });
        let looks = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(look(&cluster, brokers, until))
        });
        Self { stop, looks }
    }

    /// Ends, with all that was seen.
    pub fn stop(self) -> Vec<Sample> {
        self.stop.cancel();
        self.looks.join().unwrap()
    }
}

async fn look(cluster: &Cluster, brokers: Brokers, stop: CancellationToken) -> Vec<Sample> {
    let config = Kubeconfig::read_from(&cluster.kubeconfig).unwrap();
    let config = kube::Config::from_custom_kubeconfig(config, &KubeConfigOptions::default()).await.unwrap();
    let pods: Api<Pod> = Api::namespaced(Client::try_from(config).unwrap(), &brokers.pods[0].pod.namespace);
    let doors = Arc::new(Doors::new(cluster, &brokers).await);
    let answers = Answers::default();
    for to in &brokers.pods {
        tokio::spawn(stop.clone().run_until_cancelled_owned(ask(Arc::clone(&doors), to.clone(), Arc::clone(&answers))));
    }
    let mut samples = Vec::new();
    let mut clock = tokio::time::interval(EVERY);
    while stop.run_until_cancelled(clock.tick()).await.is_some() {
        // Before pods are listed, which may take its time: what a restart does to partitions must not stand beside pods from
        // before it.
        let told: BTreeMap<String, Told> = {
            let told = answers.lock().unwrap();
            let fresh = told.iter().filter(|(_, (at, _))| at.elapsed() < SOON);
            fresh.map(|(pod, (_, told))| (pod.clone(), *told)).collect()
        };
        let Ok(list) = pods.list(&kube::api::ListParams::default()).await else { continue };
        let wanted = |pod: &&Pod| brokers.pods.iter().any(|to| Some(&to.pod.name) == pod.metadata.name.as_ref());
        let pods =
            list.items.iter().filter(wanted).map(|pod| (pod.metadata.name.clone().unwrap(), seen(pod))).collect();
        samples.push(Sample { at: Instant::now(), pods, told });
    }
    samples
}

fn seen(pod: &Pod) -> Seen {
    let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    let ends = pod.metadata.deletion_timestamp.is_some();
    let is_ready = conditions.into_iter().any(|one| one.type_ == "Ready" && one.status == "True");
    let annotations = pod.metadata.annotations.iter().flatten();
    let marked = annotations.into_iter().any(|(name, _)| name == "strimzi.io/manual-rolling-update");
    Seen { uid: pod.metadata.uid.clone().unwrap_or_default(), serves: is_ready && !ends, ends, marked }
}

/// Asks one broker again and again, on one stream for as long as that lasts.
async fn ask(doors: Arc<Doors>, to: PodPort, answers: Answers) {
    loop {
        if let Ok(Ok(mut stream)) = tokio::time::timeout(SOON, doors.open(&to)).await {
            while let Some(told) = metadata(&mut stream).await {
                answers.lock().unwrap().insert(to.pod.name.clone(), (Instant::now(), told));
                tokio::time::sleep(EVERY / 2).await;
            }
        }
        tokio::time::sleep(EVERY / 2).await;
    }
}

async fn metadata(stream: &mut BoxStream) -> Option<Told> {
    let request = MetadataRequest::default().with_topics(None);
    let answer: MetadataResponse = tokio::time::timeout(SOON, try_ask(stream, &request, 12)).await.ok()?.ok()?;
    let partitions = || answer.topics.iter().flat_map(|topic| &topic.partitions);
    Some(Told {
        offline: partitions().filter(|one| one.leader_id.0 < 0).count(),
        behind: partitions().filter(|one| one.isr_nodes.len() < one.replica_nodes.len()).count(),
    })
}
