//! What a broker tells of itself on its metrics port, a line for each figure with its unit and who tells it, beside what
//! its container may have; see the parent module.

use crate::{
    discover,
    domain::{
        metrics::{Figure, Measured},
        units,
    },
    world::{Reading, brokers::BrokerRow},
};

/// A broker's own metrics; or why they are not known.
pub fn broker(reading: &Reading<'_>, row: &BrokerRow) -> Vec<(&'static str, String)> {
    let of = reading.installation.brokers.iter().find(|b| Some(&b.pod.name) == row.pod.as_ref());
    let pod = of.and_then(|of| reading.world.kube.pods.get(&of.pod).map(|pod| (of, pod)));
    let Some((of, pod)) = pod else { return Vec::new() };
    let mut lines = limits(row);
    let Some((port, is_sidecar)) = discover::metrics_port(pod, &of.container) else {
        lines.push(("metrics", "? no port of its pod is named metrics or tcp-prometheus, or is 9404".to_owned()));
        return lines;
    };
    let place = if is_sidecar { " of a sidecar" } else { "" };
    let fresh = row.id.map(|id| reading.metrics_freshness(id));
    let why = fresh.and_then(|fresh| fresh.why).unwrap_or_default();
    // Whose metrics these are is said already.
    let why = why.split_once(": ").filter(|(whose, _)| whose.starts_with("Metrics of")).map_or(&*why, |(_, why)| why);
    let Some(metrics) = &row.metrics else {
        lines.push(("metrics", format!("? port {port}{place}: {why}")));
        return lines;
    };
    let age = metrics.as_of.map(|at| units::coarse_age(reading.now, at)).unwrap_or_default();
    let why = if metrics.is_stale { format!(": {why}") } else { String::new() };
    lines.push(("metrics", format!("port {port}{place}, {age} ago{why}")));
    for figure in Figure::ALL {
        if let Some(told) = metrics.figures.get(&figure) {
            lines.push((figure.label(), format!("{}, {} ({})", in_words(figure, told), told.how.words(), told.metric)));
        }
    }
    lines
}

/// What its container may have of its node.
fn limits(row: &BrokerRow) -> Vec<(&'static str, String)> {
    let cpu = row.cpu_limit_millis.map(|millis| format!("{} CPU", in_thousandths(millis as f64)));
    let memory = row.memory_limit_bytes.map(|bytes| format!("{} of memory", units::bytes(bytes)));
    let limits: Vec<String> = cpu.into_iter().chain(memory).collect();
    if limits.is_empty() { Vec::new() } else { vec![("limits", limits.join(", "))] }
}

fn in_words(figure: Figure, told: &Measured) -> String {
    let value = told.value;
    match figure {
        Figure::BytesIn | Figure::BytesOut => format!("{}/s", units::bytes(value as u64)),
        Figure::MessagesIn => format!("{}/s", units::count(value.round() as i64)),
        Figure::ProduceTime | Figure::FetchTime => format!("{value:.1} ms"),
        Figure::HandlerIdle | Figure::NetworkIdle => format!("{:.0}%", value * 100.0),
        Figure::HeapUsed | Figure::HeapMax => units::bytes(value as u64),
        Figure::Collecting => format!("{value:.2} s a minute"),
        Figure::Cpu => format!("{} CPU", in_thousandths(value * 1000.0)),
    }
}

/// Two digits behind the point where there is something to be said by them.
fn in_thousandths(thousandths: f64) -> String {
    let text = format!("{:.2}", thousandths / 1000.0);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
