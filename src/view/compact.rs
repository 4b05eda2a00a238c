//! Panes without the focus: their worst rows in words, for where a table has no room.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::{
    look::{Look, Slot},
    strip::{Part, Strip, cut, cut_end, draw_all, fitting, wrapped},
};
use crate::{
    app::{
        App,
        columns::{
            Row, Tone,
            brokers::{restart_tone, restart_word},
            group_tone, lag_words, verdict_tone,
        },
        lists::{ListId, ListState},
        shown::Shown,
    },
    domain::{
        finding::{Finding, Severity},
        storage::UsedSource,
        units,
    },
    world::{alerts::AlertRow, brokers::BrokerRow, groups::GroupRow, storage::ClaimRow, topics::TopicRow},
};

/// Columns a name takes at most.
const NAME: usize = 32;
/// Lines that are made at most: more never fit where this is used.
const LINES: usize = 8;

/// The worst rows of a pane in words, one line each; topics and alerts side by side.
pub fn lines(shown: &Shown, id: ListId, list: &ListState, look: Look, width: usize) -> Vec<Strip> {
    let words = Words { look };
    match id {
        ListId::Brokers => each(&shown.brokers, list).map(|b| words.broker(b, width)).collect(),
        ListId::Storage => each(&shown.storage, list).map(|c| words.claim(c, width)).collect(),
        ListId::Groups => each(&shown.groups, list).map(|g| words.group(g, width)).collect(),
        ListId::Topics => flow(each(&shown.topics, list).map(|t| words.topic(t)), width),
        ListId::Alerts => flow(each(&shown.alerts, list).map(|a| words.alert(a)), width),
        ListId::Findings
        | ListId::Partitions
        | ListId::GroupPartitions
        | ListId::Configs
        | ListId::Users
        | ListId::Timeline
        | ListId::Connect => Vec::new(),
    }
}

fn each<'a, R: Row>(rows: &'a [R], list: &'a ListState) -> impl Iterator<Item = &'a R> {
    list.order.iter().take(LINES * 4).filter_map(|i| rows.get(*i))
}

/// Short texts side by side, as many lines as they need.
fn flow(texts: impl Iterator<Item = Strip>, width: usize) -> Vec<Strip> {
    let mut lines: Vec<Strip> = Vec::new();
    for text in texts {
        let started = lines.len();
        match lines.last_mut() {
            Some(line) if line.width() + 4 + text.width() <= width => {
                *line = std::mem::take(line).put("    ", Style::new()).then(text);
            }
            _ if started >= LINES => break,
            _ => lines.push(Strip::of(" ", Style::new()).then(text)),
        }
    }
    lines
}

/// Lends the look to the sentences.
struct Words {
    look: Look,
}

impl Words {
    fn line(parts: Vec<(u8, Strip)>, width: usize) -> Strip {
        let parts = parts.into_iter().map(|(optional, strip)| Part::new(optional, strip)).collect();
        let gap = Strip::of("  ", Style::new());
        Strip::of(" ", Style::new()).then(fitting(parts, &gap, width.saturating_sub(2)))
    }

    fn text(&self, text: impl AsRef<str>, tone: Tone) -> Strip {
        Strip::of(text, self.look.tone(tone))
    }

    /// A label and a count that should be 0; nothing when it is.
    fn trouble(&self, label: &str, count: usize, tone: Tone) -> Strip {
        if count == 0 { Strip::default() } else { self.text(format!("{label} {count}"), tone) }
    }

    fn broker(&self, broker: &BrokerRow, width: usize) -> Strip {
        let (sign, tone) = match broker.ready {
            Some(true) => ("●", Tone::Good),
            Some(false) => ("▲", Tone::Bad),
            None => ("?", Tone::Unknown),
        };
        let id = broker.id.map_or_else(|| "?".to_owned(), |id| id.to_string());
        let pod = broker.pod.as_deref().map_or_else(String::new, |p| cut(p, NAME));
        let disk = broker.disk_percent.map(|p| format!("disk {p}%")).unwrap_or_default();
        let safe = format!("restart {}", restart_word(broker));
        Self::line(
            vec![
                (0, self.text(format!("{sign} {id}"), tone)),
                (2, self.text(pod, Tone::Plain)),
                (0, self.text(&broker.state, tone)),
                (1, self.trouble("URP", broker.under_replicated.unwrap_or_default() as usize, Tone::Warn)),
                (3, self.text(disk, Tone::Plain)),
                (2, self.text(safe, restart_tone(broker))),
                (4, self.text(broker.node.as_deref().unwrap_or_default(), Tone::Muted)),
            ],
            width,
        )
    }

    fn claim(&self, claim: &ClaimRow, width: usize) -> Strip {
        let size = claim.requested_bytes.map(units::bytes).unwrap_or_default();
        let phase = if claim.phase == "Bound" { Strip::default() } else { self.text(&claim.phase, Tone::Bad) };
        let tone = match claim.used_percent {
            None => Tone::Unknown,
            Some(_) if claim.used_stale => Tone::Unknown,
            Some(95..) => Tone::Bad,
            Some(85..) => Tone::Warn,
            Some(_) => Tone::Plain,
        };
        let bar = claim.used_percent.map_or_else(
            || "used ?".to_owned(),
            |p| {
                let full = usize::from(p).div_ceil(10).min(10);
                format!("{}{} {p:>3}%", "█".repeat(full), "░".repeat(10 - full))
            },
        );
        let used = claim.used_bytes.map(|b| format!("{} used", units::bytes(b))).unwrap_or_default();
        let source = claim.used_source.map(UsedSource::label).unwrap_or_default();
        Self::line(
            vec![
                (0, self.text(cut(&claim.pvc, NAME), Tone::Plain)),
                (0, phase),
                (2, self.text(format!("{size:>9}"), Tone::Plain)),
                (0, self.text(bar, tone)),
                (1, self.text(format!("{used:>13}"), Tone::Plain)),
                (3, self.text(source, Tone::Muted)),
            ],
            width,
        )
    }

    fn group(&self, group: &GroupRow, width: usize) -> Strip {
        let lag = match group.lag {
            None => self.text("lag ?", Tone::Unknown),
            Some(lag) if group.lag_incomplete => self.text(format!("lag ≥{}", units::count(lag)), Tone::Unknown),
            Some(lag) => self.text(format!("lag {:>6}", units::count(lag)), Tone::Plain),
        };
        let members = group.members.map(|n| units::counted(n, "member")).unwrap_or_default();
        let topics = match group.topics.as_slice() {
            [] => String::new(),
            [one] => cut(one, NAME),
            [first, rest @ ..] => format!("{} +{}", cut(first, NAME), rest.len()),
        };
        let tone = group_tone(&group.state);
        let behind = group.lag_seconds.filter(|seconds| *seconds > 0);
        let behind = behind.map(|s| format!("{} behind", lag_words(s, group.lag_seconds_at_least)));
        let verdict = group.verdict.map_or_else(
            || self.text("?", Tone::Unknown),
            |verdict| {
                let growth = growth(group).map(|growth| format!(" {growth}")).unwrap_or_default();
                self.text(format!("{verdict}{growth}"), verdict_tone(verdict))
            },
        );
        Self::line(
            vec![
                (0, self.text(format!("{:<20}", cut(&group.id, NAME)), Tone::Plain)),
                (3, self.text(format!("{:<8}", group.state), tone)),
                (4, self.text(format!("{members:<10}"), Tone::Plain)),
                (0, lag),
                (2, self.text(units::sparkline(&group.trend), Tone::Muted)),
                (1, self.text(format!("{:<13}", behind.unwrap_or_default()), Tone::Plain)),
                (0, verdict),
                (5, self.text(topics, Tone::Muted)),
            ],
            width,
        )
    }

    fn topic(&self, topic: &TopicRow) -> Strip {
        let shape = format!("{} {}×{}", cut(&topic.name, NAME), topic.partitions, topic.replication_factor);
        let mut strip = self.text(shape, if topic.is_internal() { Tone::Muted } else { Tone::Plain });
        let troubles = [
            ("offline", topic.offline, Tone::Bad),
            ("under-min", topic.under_min_isr, Tone::Bad),
            ("URP", topic.under_replicated, Tone::Warn),
        ];
        for (label, count, tone) in troubles {
            if count > 0 {
                strip = strip.put(" ", Style::new()).then(self.trouble(label, count, tone));
            }
        }
        strip
    }

    fn alert(&self, alert: &AlertRow) -> Strip {
        self.text("◌ ", Tone::Unknown).then(self.text(cut(&alert.name, NAME), Tone::Plain))
    }
}

/// How fast a lag grows or shrinks, of those that are worth a word.
fn growth(group: &GroupRow) -> Option<String> {
    let grows = group.rate_in? - group.rate_out?;
    if group.lag? == 0 || group.lag_seconds? < 10 || grows.abs() < 1.0 {
        return None;
    }
    let (word, sign) = if grows > 0.0 { ("growing", "+") } else { ("shrinking", "") };
    Some(format!("{word} {sign}{}/s", units::rate(grows)))
}

/// Who seems to evaluate alerts.
pub fn alert_sources(shown: &Shown) -> String {
    if shown.alert_sources.is_empty() {
        return "No Prometheus or Alertmanager found.".to_owned();
    }
    let named: Vec<String> =
        shown.alert_sources.iter().map(|s| format!("{} {}/{}:{}", s.product, s.namespace, s.service, s.port)).collect();
    format!("Found: {}.", named.join(", "))
}

/// How much is told of each finding.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    /// What is wrong, all evidence and the next step.
    Everything,
    /// What is wrong and its first evidence.
    Evidence,
    /// What is wrong, on one line.
    Title,
}

/// Lines that all findings take with everything that is told of them, or with their first evidence only where
/// that would be more than `most`.
pub fn findings_height(app: &App, shown: &Shown, look: Look, width: u16, most: usize) -> usize {
    let words = Words { look };
    let height = |told| shown.findings.iter().map(|f| words.finding(app, f, told, width.into()).len()).sum();
    let all: usize = height(Told::Everything);
    if all <= most { all } else { height(Told::Evidence) }
}

/// Findings: everything about each where there is room for that, else less, and at last one line each.
pub fn findings(
    app: &App,
    shown: &Shown,
    list: &ListState,
    look: Look,
    focused: bool,
    area: Rect,
    buffer: &mut Buffer,
) {
    let (width, height) = (usize::from(area.width), usize::from(area.height));
    let words = Words { look };
    let listed: Vec<&Finding> = list.order.iter().filter_map(|i| shown.findings.get(*i)).collect();
    let told = [Told::Everything, Told::Evidence].into_iter().find(|told| {
        listed.len() <= height
            && listed.iter().map(|f| words.finding(app, f, *told, width).len()).sum::<usize>() <= height
    });
    let first = if told.is_some() { 0 } else { list.offset(height) };
    let mut row = 0;
    for (at, finding) in listed.into_iter().enumerate().skip(first).take(height) {
        let lines = words.finding(app, finding, told.unwrap_or(Told::Title), width);
        if focused && at == list.position() && row < area.height {
            let selected = Rect { y: area.y + row, height: 1, ..area };
            draw_all(&lines, buffer, Rect { y: area.y + row, height: area.height - row, ..area });
            buffer.set_style(selected, look.style(Slot::Selected));
        } else {
            draw_all(
                &lines,
                buffer,
                Rect { y: area.y + row.min(area.height), height: area.height.saturating_sub(row), ..area },
            );
        }
        row = row.saturating_add(u16::try_from(lines.len()).unwrap_or(u16::MAX));
    }
}

impl Words {
    fn finding(&self, app: &App, finding: &Finding, told: Told, width: usize) -> Vec<Strip> {
        let (sign, tone) = match finding.severity {
            Severity::Critical => ("▲", Tone::Bad),
            Severity::Warning => ("▲", Tone::Warn),
            Severity::Info => ("●", Tone::Muted),
        };
        let since = finding.since.map(|s| units::age(app.now, s)).unwrap_or_default();
        let room = width.saturating_sub(since.len() + 5);
        let mut titles =
            if told == Told::Title { vec![cut_end(&finding.title, room)] } else { wrapped(&finding.title, room) };
        let first = titles.remove(0);
        let mut lines = vec![
            Strip::of(format!(" {sign} "), self.look.tone(tone))
                .put(first, self.look.style(Slot::Title))
                .pad_to(width.saturating_sub(since.len() + 1))
                .put(since, self.look.tone(Tone::Muted)),
        ];
        lines.extend(titles.iter().map(|t| Strip::of(format!("   {t}"), self.look.style(Slot::Title))));
        let evidence = match told {
            Told::Everything => finding.evidence.len(),
            Told::Evidence => 1,
            Told::Title => 0,
        };
        let mut below = |sign: &str, text: &str, tone: Tone| {
            let room = width.saturating_sub(6);
            let texts = if told == Told::Everything { wrapped(text, room) } else { vec![cut_end(text, room)] };
            for (at, text) in texts.iter().enumerate() {
                let sign = if at == 0 { sign } else { " " };
                lines.push(Strip::of(format!("   {sign} {text}"), self.look.tone(tone)));
            }
        };
        for line in finding.evidence.iter().take(evidence) {
            below("└", &line.text, Tone::Muted);
        }
        if let (Told::Everything, Some(next)) = (told, &finding.next_action) {
            below("→", &next.text, Tone::Plain);
        }
        lines
    }
}
