//! What every list says of itself: its title, its summary, how far it can be trusted, and what it says when
//! it is empty.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};
use unicode_width::UnicodeWidthStr;

use super::{
    footer::key_of,
    look::{Look, Slot},
    strip::{Part, Strip, cut, fitting},
    table::{self, TableLook},
};
use crate::{
    app::{
        App,
        columns::{Row, Tone, lag_words},
        lists::{ListId, ListState},
        shown::Shown,
        users,
    },
    domain::{
        acl::user_of,
        finding::Severity,
        freshness::{Freshness, SourceState},
        lag::GroupVerdict,
        timeline::Entry,
        units,
    },
};

/// Columns that a title rule takes beside its text.
pub const MARGIN: usize = 6;

/// What is said where no Kafka Connect is seen.
const NO_CONNECT: &str = "No Kafka Connect belongs to this installation. Looked for: pods that start \
    connect-distributed or connect-standalone, hold an image of Kafka Connect or are configured as workers, whose \
    bootstrap servers or cluster id are this Kafka's, or that stand in its namespace.";

/// A pane's title.
pub fn title(id: ListId) -> &'static str {
    match id {
        ListId::Findings => "Findings",
        ListId::Brokers => "Brokers",
        ListId::Storage => "Storage",
        ListId::Topics => "Topics",
        ListId::Partitions | ListId::GroupPartitions => "Partitions",
        ListId::Groups => "Groups",
        ListId::Alerts => "Alerts",
        ListId::Configs => "Configs",
        ListId::Connect => "Connect",
        ListId::Users => "Users",
        ListId::Timeline => "Timeline",
    }
}

/// What one row of a list is.
pub fn noun(id: ListId) -> &'static str {
    match id {
        ListId::Findings => "Finding",
        ListId::Brokers => "Broker",
        ListId::Storage => "PVC",
        ListId::Topics => "Topic",
        ListId::Partitions | ListId::GroupPartitions => "Partition",
        ListId::Groups => "Group",
        ListId::Alerts => "Alert",
        ListId::Configs => "Config",
        ListId::Connect => "Connector",
        ListId::Users => "User",
        ListId::Timeline => "Change of",
    }
}

/// How many rows a list has.
pub fn len(shown: &Shown, id: ListId) -> usize {
    match id {
        ListId::Findings => shown.findings.len(),
        ListId::Brokers => shown.brokers.len(),
        ListId::Storage => shown.storage.len(),
        ListId::Topics => shown.topics.len(),
        ListId::Partitions => shown.partitions.len(),
        ListId::Groups => shown.groups.len(),
        ListId::GroupPartitions => shown.group_partitions.len(),
        ListId::Alerts => shown.alerts.len(),
        ListId::Configs => shown.configs.len(),
        ListId::Connect => shown.connectors.len(),
        ListId::Users => shown.users.len(),
        ListId::Timeline => shown.timeline.len(),
    }
}

/// Draws the rows of a list.
pub fn rows(shown: &Shown, id: ListId, list: &ListState, with: TableLook, area: Rect, buffer: &mut Buffer) {
    match id {
        ListId::Findings => table::render(&shown.findings, list, with, area, buffer),
        ListId::Brokers => table::render(&shown.brokers, list, with, area, buffer),
        ListId::Storage => table::render(&shown.storage, list, with, area, buffer),
        ListId::Topics => table::render(&shown.topics, list, with, area, buffer),
        ListId::Partitions => table::render(&shown.partitions, list, with, area, buffer),
        ListId::Groups => table::render(&shown.groups, list, with, area, buffer),
        ListId::GroupPartitions => table::render(&shown.group_partitions, list, with, area, buffer),
        ListId::Alerts => table::render(&shown.alerts, list, with, area, buffer),
        ListId::Configs => table::render(&shown.configs, list, with, area, buffer),
        ListId::Connect => table::render(&shown.connectors, list, with, area, buffer),
        ListId::Users => table::render(&shown.users, list, with, area, buffer),
        ListId::Timeline => table::render(&shown.timeline, list, with, area, buffer),
    }
}

/// How far a list can be trusted: the state of what it rests on.
pub fn freshness(shown: &Shown, id: ListId) -> Freshness {
    let fresh = &shown.freshness;
    match id {
        ListId::Brokers | ListId::Findings => fresh.pods.clone().worst(fresh.metadata.clone()),
        ListId::Storage => {
            let usage_is_known = shown.storage.iter().all(|c| c.used_source.is_some() && !c.used_stale);
            if fresh.claims.state == SourceState::Live && fresh.pods.as_of.is_some() && !usage_is_known {
                return fresh.log_dirs.clone();
            }
            if fresh.pods.as_of.is_none() { fresh.pods.clone() } else { fresh.claims.clone() }
        }
        ListId::Topics | ListId::Partitions => fresh.metadata.clone(),
        ListId::Groups | ListId::GroupPartitions => fresh.groups.clone(),
        ListId::Alerts => fresh.rules.clone(),
        ListId::Configs => fresh.configs.clone().unwrap_or_else(|| fresh.metadata.clone()),
        ListId::Connect => fresh.connect.clone(),
        ListId::Users => users::freshness(shown),
        // What it is made of lasts: it is blind where nothing ever was seen.
        ListId::Timeline => fresh.pods.clone(),
    }
}

/// Why a list cannot be trusted now and what can be done, unless the banner over everything says it already.
pub fn doubt(app: &App, shown: &Shown, id: ListId) -> Option<String> {
    let fresh = freshness(shown, id);
    // An empty list gives the reason where its rows would be.
    let said = len(shown, id) == 0 && (fresh.as_of.is_none() || id == ListId::Findings);
    // Each of the three things that users rest on says by itself what is missing.
    let said = said || id == ListId::Users;
    if fresh.state == SourceState::Live || !app.link_is_live() || said {
        return None;
    }
    reason(fresh)
}

/// What is missing of the timeline where events cannot be seen.
pub fn without_events(app: &App, shown: &Shown) -> Option<String> {
    let fresh = shown.freshness.events.clone();
    if fresh.state == SourceState::Live || is_awaited(&fresh) || !app.link_is_live() {
        return None;
    }
    Some(format!("? Without Kubernetes events: {}", reason(fresh)?))
}

/// Why a list is no fresher than it is, where it can be trusted all the same.
pub fn remark(app: &App, shown: &Shown, id: ListId) -> Option<String> {
    let fresh = freshness(shown, id);
    (fresh.state == SourceState::Live && app.link_is_live()).then(|| reason(fresh)).flatten()
}

/// Why something cannot be trusted, and what can be done.
fn reason(fresh: Freshness) -> Option<String> {
    let why = fresh.why?;
    let and = if why.ends_with('.') { "" } else { ";" };
    Some(fresh.hint.map_or_else(|| why.clone(), |hint| format!("{why}{and} {hint}")))
}

/// True before a source has answered or failed.
fn is_awaited(fresh: &Freshness) -> bool {
    fresh.as_of.is_none() && fresh.why.as_ref().is_none_or(|why| why.starts_with("waiting"))
}

/// A pane's one-line summary, most important part first.
pub fn summary(app: &App, shown: &Shown, id: ListId) -> Vec<Part> {
    let mut parts: Vec<Part> = figures(shown, id)
        .into_iter()
        .enumerate()
        .map(|(at, text)| Part::new(u8::try_from(at).unwrap_or(9).min(9), Strip::of(text, Style::new())))
        .collect();
    let fresh = freshness(shown, id);
    match (fresh.state, fresh.as_of) {
        (SourceState::Live, _) => {
            // Not as fresh as what is watched, and the reader should know.
            parts.extend(fresh.why.is_some().then(|| Part::new(5, Strip::of("polled", Style::new()))));
        }
        (SourceState::Blind, _) | (SourceState::Stale, None) => {
            let partly = id == ListId::Users && users::is_seen_in_part(shown);
            let word = match (is_awaited(&fresh), partly) {
                (true, _) => "waiting",
                (false, true) => "partly blind",
                (false, false) => "blind",
            };
            parts.push(Part::new(0, Strip::of(word, Style::new())));
        }
        (SourceState::Stale, Some(at)) => {
            let text = format!("as of {} ({})", at.format("%H:%M:%S"), units::age(app.now, at));
            parts.push(Part::new(0, Strip::of(text, Style::new())));
        }
    }
    parts
}

fn figures(shown: &Shown, id: ListId) -> Vec<String> {
    let summary = &shown.summary;
    match id {
        ListId::Findings => {
            let of = |severity| shown.findings.iter().filter(|f| f.severity == severity).count();
            let counts = [(Severity::Critical, "critical"), (Severity::Warning, "warning"), (Severity::Info, "info")];
            counts.into_iter().filter(|(s, _)| of(*s) > 0).map(|(s, word)| format!("{} {word}", of(s))).collect()
        }
        ListId::Brokers => {
            let ready = super::header::ready(shown);
            vec![format!("{ready} of {} ready", summary.brokers.total)]
        }
        ListId::Storage if shown.freshness.pods.as_of.is_none() => vec!["?".to_owned()],
        ListId::Storage => {
            let bound = summary.storage.bound.map_or_else(|| "?".to_owned(), |bound| bound.to_string());
            let mut texts = vec![format!("{bound} of {} bound", summary.storage.pvcs)];
            texts.extend(fullest(shown).map(|p| format!("fullest {p}")));
            texts
        }
        ListId::Topics => topic_figures(shown),
        ListId::Partitions => vec![units::counted(shown.partitions.len(), "partition")],
        ListId::Groups => {
            let Some(total) = summary.groups.total else { return vec!["?".to_owned()] };
            let mut texts = vec![units::counted(total, "group")];
            let troubled = shown.groups.iter().filter(|g| g.verdict.is_some_and(GroupVerdict::is_trouble)).count();
            texts.extend((troubled > 0).then(|| format!("{troubled} behind")));
            let time = lag_time_max(shown).map(|time| format!("/{time}")).unwrap_or_default();
            texts.extend(lag_max(shown).map(|l| format!("lag max {l}{time}")));
            texts
        }
        ListId::GroupPartitions => {
            let lag: i64 = shown.group_partitions.iter().filter_map(|p| p.lag).sum();
            let unknown = shown.group_partitions.iter().any(|p| p.committed.is_some() && p.lag.is_none());
            let bound = if unknown { "≥" } else { "" };
            vec![units::counted(shown.group_partitions.len(), "partition"), format!("lag {bound}{}", units::count(lag))]
        }
        ListId::Alerts => vec![match summary.alerts.rules {
            Some(rules) => format!("{}, not evaluated", units::counted(rules, "rule")),
            None => "? rules".to_owned(),
        }],
        ListId::Configs => {
            let differ = shown.configs.iter().filter(|c| c.differs()).count();
            vec![units::counted(shown.configs.len(), "config"), format!("{differ} not default")]
        }
        ListId::Connect => connect_figures(shown),
        ListId::Users => users::figures(shown),
        ListId::Timeline => vec![units::counted(shown.timeline.len(), "change")],
    }
}

/// How full the fullest claim is; at least that, while another one's fill is not known.
pub fn fullest(shown: &Shown) -> Option<String> {
    let unknown = shown.storage.iter().any(|c| c.used_percent.is_none());
    shown.summary.storage.used_percent_max.map(|p| format!("{}{p}%", if unknown { "≥" } else { "" }))
}

/// The largest lag; at least that, while some group's is not known.
pub fn lag_max(shown: &Shown) -> Option<String> {
    let unknown = shown.groups.iter().any(|g| g.lag.is_none() || g.lag_incomplete);
    shown.summary.groups.lag_max.map(|l| format!("{}{}", if unknown { "≥" } else { "" }, units::count(l)))
}

/// For how long the oldest unread record has waited; `None` where nothing is known of any.
pub fn lag_time_max(shown: &Shown) -> Option<String> {
    let groups = &shown.summary.groups;
    groups.lag_seconds_max.map(|seconds| lag_words(seconds, groups.lag_seconds_at_least))
}

fn connect_figures(shown: &Shown) -> Vec<String> {
    if shown.freshness.connect.as_of.is_none() {
        return vec!["?".to_owned()];
    }
    let mut texts = vec![units::counted(shown.connectors.len(), "connector")];
    let failed = shown.connectors.iter().filter(|c| c.failed_tasks > 0 || c.state.as_deref() == Some("FAILED")).count();
    if failed > 0 {
        texts.push(format!("{failed} failed"));
    }
    texts
}

fn topic_figures(shown: &Shown) -> Vec<String> {
    let Some(counts) = &shown.summary.partitions else { return vec!["?".to_owned()] };
    let mut texts = vec![units::counted(counts.total, "partition")];
    if counts.offline > 0 {
        texts.push(format!("{} offline", counts.offline));
    }
    if counts.under_min_isr > 0 {
        texts.push(format!("{} under min-ISR", counts.under_min_isr));
    }
    texts.push(format!("URP {}", counts.under_replicated));
    if counts.under_replicated > 0 {
        texts.push(match (counts.at_min_isr, counts.min_isr_unknown) {
            (n, 0) => format!("at min-ISR {n}"),
            (0, _) => "at min-ISR ?".to_owned(),
            (n, _) => format!("at min-ISR ≥{n}"),
        });
    }
    texts.push(units::counted(shown.topics.len(), "topic"));
    texts
}

/// What an empty list says: why, if it cannot be seen, else that there is nothing.
pub fn empty(app: &App, shown: &Shown, id: ListId, look: Look, width: usize) -> (Tone, String) {
    let filter = app.lists.get(&id).map(|l| l.filter.as_str()).unwrap_or_default();
    if !filter.is_empty() && len(shown, id) > 0 {
        return (Tone::Muted, format!("No row passes the filter {filter:?}; {} clears it.", key_of(app, look, "back")));
    }
    if id == ListId::Findings {
        return quiet(app, shown, width);
    }
    let fresh = freshness(shown, id);
    if is_awaited(&fresh) {
        return (Tone::Muted, "Waiting for the first answer.".to_owned());
    }
    if id == ListId::Users && app.link_is_live() && !users::is_seen_in_part(shown) {
        return (Tone::Warn, format!("? {}", users::UNSEEN));
    }
    if fresh.as_of.is_none() && id != ListId::Users {
        return (Tone::Warn, format!("? {}", reason(fresh).unwrap_or_default()));
    }
    let sentence = match id {
        ListId::Findings | ListId::Brokers => "No broker has been seen.",
        ListId::Storage => "No broker pod mounts a claim.",
        ListId::Topics => "No topic.",
        ListId::Partitions => "No such topic any more.",
        ListId::Groups => "No consumer group.",
        ListId::GroupPartitions => "This group holds no partition and has committed nothing.",
        ListId::Alerts => "No alerting rule in what is watched.",
        ListId::Configs => "It has no configs.",
        ListId::Connect if shown.connect.is_empty() => NO_CONNECT,
        ListId::Connect => "The workers answer; nobody has created a connector.",
        ListId::Users => users::NOBODY,
        ListId::Timeline => "Nothing has changed as far as is known.",
    };
    (Tone::Muted, sentence.to_owned())
}

/// What is said instead of findings when there is none; good news only when the verdict is.
pub fn quiet(app: &App, shown: &Shown, width: usize) -> (Tone, String) {
    use crate::domain::verdict::Verdict;
    let why = shown.judgement.why.clone().unwrap_or_default();
    match shown.judgement.verdict {
        Verdict::Ok => {
            let brokers = units::counted(shown.summary.brokers.total, "broker");
            let partitions = shown.summary.partitions.as_ref().map_or(0, |p| p.total);
            let partitions = units::counted(partitions, "partition");
            // Brokers leave out what the user may not see, and that is more than can be said of it.
            let seen = app.sees_part().map(|user| format!(" of those {user} may see")).unwrap_or_default();
            let said = format!("● Nothing is wrong. {brokers}, {partitions} in sync{seen}");
            let watched = format!(", watched for {}", units::coarse_age(app.now, app.started_at));
            let fits = said.width() + watched.width() + MARGIN < width;
            (Tone::Good, format!("{said}{}.", if fits { watched.as_str() } else { "" }))
        }
        Verdict::Blind => {
            let closed = app.choice().is_some_and(|choice| choice.closed().is_some());
            let key = app.key_of_ways().filter(|_| closed).map(|key| format!(" Press {key} for the ways in."));
            (Tone::Unknown, format!("? Cannot tell: {why}{}", key.unwrap_or_default()))
        }
        Verdict::Critical | Verdict::Degraded => (Tone::Warn, format!("▲ {why}")),
    }
}

/// True while nothing lies over the list that takes its keys; a filter is typed beside it.
pub fn has_keys(app: &App) -> bool {
    matches!(app.overlay, None | Some(crate::app::Overlay::Filter(_)))
}

/// The selected row in a few words, else the installation.
pub fn subject(app: &App) -> String {
    let installation = || app.chosen.as_ref().map_or_else(|| "Actions".to_owned(), ToString::to_string);
    let Some((id, selected)) = app.list().zip(app.selected()) else { return installation() };
    let brokers = app.shown.iter().flat_map(|s| &s.brokers);
    let pod = brokers.filter(|b| id == ListId::Brokers && b.id() == selected).find_map(|b| b.pod.as_ref());
    let pod = pod.filter(|p| *p != selected).map(|p| format!(" · {p}")).unwrap_or_default();
    let changes = app.shown.iter().flat_map(|s| &s.timeline);
    let change = changes.filter(|e| id == ListId::Timeline && e.id == selected).map(Entry::about).next();
    let name = match id {
        // Two Connects may each have a connector of that name, but it goes by its own.
        ListId::Connect => selected.splitn(3, '/').nth(2).unwrap_or(selected),
        ListId::Users => user_of(selected),
        ListId::Timeline => change.as_deref().unwrap_or(selected),
        _ => selected,
    };
    format!("{} {}{pod}", noun(id), cut(name, 48))
}

/// A title rule: the name to the left, the summary to the right, heavy where the focus is.
pub fn rule(name: Strip, right: Vec<Part>, focused: bool, look: Look, width: usize) -> Strip {
    let line = if focused { "━" } else { "─" };
    let style = look.style(if focused { Slot::Focus } else { Slot::Rule });
    let label = look.style(Slot::Label);
    let start = Strip::of(format!("{line} "), style).then(name).put(" ", style);
    let room = width.saturating_sub(start.width() + 5);
    let right = fitting(right, &Strip::of(" · ", label), room);
    let fill = |n: usize| Strip::of(line.repeat(n), style);
    if right.is_empty() || right.width() > room {
        let rest = width.saturating_sub(start.width());
        return start.then(fill(rest));
    }
    let rest = width.saturating_sub(start.width() + right.width() + 3);
    start.then(fill(rest)).put(" ", style).then(right).put(format!(" {line}"), style)
}

/// The heading of a list in a title rule.
pub fn heading(id: ListId, focused: bool, look: Look) -> Strip {
    Strip::of(title(id), look.style(if focused { Slot::Focus } else { Slot::Title }))
}

/// `12/340`, when not all rows are in sight.
pub fn position(list: &ListState, in_sight: usize) -> Option<Part> {
    let all = list.order.len();
    (all > in_sight).then(|| Part::new(0, Strip::of(format!("{}/{all}", list.position() + 1), Style::new())))
}
