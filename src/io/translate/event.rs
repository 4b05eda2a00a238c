//! Events; see the parent module.

use chrono::{DateTime, Utc};
use k8s_openapi::{api::core::v1 as core, apimachinery::pkg::apis::meta::v1::MicroTime};

use super::{count, moment, time};
use crate::domain::{
    object::Event,
    text::{printable, redacted},
};

/// An event. Who writes by the newer API leaves count and times to the series, or to the one time there was.
pub fn event(from: &core::Event) -> Event {
    let series = from.series.as_ref();
    let micro = |time: Option<&MicroTime>| time.and_then(|time| moment(time.0));
    let times: [Option<DateTime<Utc>>; 5] = [
        time(from.last_timestamp.as_ref()),
        micro(series.and_then(|s| s.last_observed_time.as_ref())),
        micro(from.event_time.as_ref()),
        time(from.first_timestamp.as_ref()),
        time(from.metadata.creation_timestamp.as_ref()),
    ];
    let component = from.source.as_ref().and_then(|s| s.component.as_ref()).filter(|name| !name.is_empty());
    let text = |text: Option<&String>| {
        let line = text.map_or("", |t| t.trim()).replace(['\n', '\r'], " ");
        printable(&redacted(&line)).into_owned()
    };
    Event {
        at: times.into_iter().flatten().next(),
        kind: text(from.type_.as_ref()),
        reason: text(from.reason.as_ref()),
        count: from.count.or(series.and_then(|s| s.count)).map_or(1, count).max(1),
        message: text(from.message.as_ref()),
        source: text(component.or(from.reporting_component.as_ref())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn translated(from: Value) -> Event {
        event(&serde_json::from_value(from).unwrap())
    }

    #[test]
    fn an_event_of_the_newer_api_has_its_count_and_time_too() {
        let told = translated(json!({"metadata": {}, "involvedObject": {}, "type": "Warning", "reason": "BackOff",
            "message": "no", "eventTime": "2026-01-02T03:04:05.000001Z", "reportingComponent": "kubelet",
            "series": {"count": 7, "lastObservedTime": "2026-01-02T04:04:05.000000Z"}}));
        assert_eq!((told.count, told.source.as_str(), told.is_warning()), (7, "kubelet", true));
        assert_eq!(told.at.unwrap().to_rfc3339(), "2026-01-02T04:04:05+00:00");
    }

    #[test]
    fn what_is_missing_is_missing_and_hostile_text_is_made_harmless() {
        let told = translated(json!({"metadata": {}, "involvedObject": {}, "count": -3,
            "reason": "\u{1b}[2J", "message": "probe said:\n--password hunter2\u{202e}\n", "source": {"component": ""}}));
        assert_eq!((told.at, told.count, told.kind.as_str(), told.source.as_str()), (None, 1, "", ""));
        assert_eq!((told.reason.as_str(), told.message.as_str()), ("?[2J", "probe said: --password ***"));
    }
}
