//! Events; see the parent module.

use chrono::{DateTime, Utc};
use k8s_openapi::{api::core::v1 as core, apimachinery::pkg::apis::meta::v1::MicroTime};

use super::{count, meta, moment, time};
use crate::domain::{
    ids::ObjectKey,
    kubernetes::Meta,
    object::Event,
    text::{printable, redacted, shortened},
    timeline::{Happening, LONGEST},
};

/// The longest name of an object.
const NAME: usize = 253;

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

/// An event with what it is about, trimmed to what a line of the timeline has room for.
pub fn happening(from: &core::Event) -> Happening {
    // Before anything reads all of it: messages may be as long as an object may be.
    let cut = |text: Option<&String>| text.map(|text| text.chars().take(LONGEST).collect());
    let short = core::Event {
        message: cut(from.message.as_ref()),
        reason: cut(from.reason.as_ref()),
        type_: cut(from.type_.as_ref()),
        ..core::Event::clone(from)
    };
    let told = event(&short);
    let about = &from.involved_object;
    let name = |text: Option<&String>| shortened(text.map_or("", String::as_str), NAME).into_owned();
    let Meta { namespace, name: own, uid, created_at, .. } = meta(&from.metadata);
    Happening {
        meta: Meta { namespace, name: own, uid, created_at, ..Meta::default() },
        kind: name(about.kind.as_ref()),
        about: ObjectKey { namespace: name(about.namespace.as_ref()), name: name(about.name.as_ref()) },
        warns: told.is_warning(),
        at: told.at,
        reason: told.reason,
        count: told.count,
        message: told.message,
        by: name(Some(&told.source)),
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

    #[test]
    fn an_event_of_the_timeline_is_cut_and_says_what_it_is_about() {
        let told = happening(
            &serde_json::from_value(json!({"metadata": {"name": "e", "uid": "u", "labels": {"a": "b"}},
                "involvedObject": {"kind": "Pod", "namespace": "n", "name": "kafka-0"}, "type": "Warning", "count": 3,
                "reason": "BackOff", "message": "\u{1b}[2J".repeat(1 << 18), "source": {"component": "kubelet"},
                "lastTimestamp": "2026-01-02T03:04:05Z"}))
            .unwrap(),
        );
        assert_eq!((told.kind.as_str(), told.about.to_string().as_str()), ("Pod", "n/kafka-0"));
        assert_eq!((told.meta.uid.as_str(), told.count, told.warns, told.by.as_str()), ("u", 3, true, "kubelet"));
        assert!(told.meta.labels.is_empty());
        assert_eq!(told.message.chars().count(), LONGEST);
        assert!(!told.message.contains('\u{1b}'));
        let bare = happening(&serde_json::from_value(json!({"metadata": {}, "involvedObject": {}})).unwrap());
        assert_eq!(bare, Happening { count: 1, ..Happening::default() });
    }
}
