//! One row in full: all its columns and what no column shows; a finding with its evidence and what to do.

use chrono::{DateTime, Utc};
use ratatui::{buffer::Buffer, layout::Rect, style::Style};
use unicode_width::UnicodeWidthStr;

use super::{
    look::{Look, Slot},
    overlay, panes,
    strip::{Strip, cut, wrapped},
};
use crate::{
    app::{
        App,
        columns::{Row, Tone},
        lists::ListId,
        shown::Shown,
    },
    domain::{finding::Finding, finding::Severity, units},
    world::brokers::BrokerRow,
};

/// Columns of a label.
const LABEL: usize = 16;

/// Draws the selected row in full.
pub fn render(app: &App, look: Look, area: Rect, buffer: &mut Buffer) {
    let (Some(shown), Some(id)) = (&app.shown, app.list()) else { return };
    let Some(selected) = app.selected() else { return };
    let width = usize::from(area.width).saturating_sub(4).min(100);
    let page = Page { look, now: app.now, width };
    if let (ListId::Findings, Some(finding)) = (id, find(&shown.findings, selected)) {
        let lines = page.finding(finding);
        overlay::show("Finding", &lines, look, area, buffer);
        return;
    }
    let mut lines = page.columns(shown, id, selected);
    for (label, text) in extras(app, shown, id, selected) {
        lines.extend(page.field(label, &text, Tone::Plain));
    }
    if lines.is_empty() {
        lines.push(Strip::of("This row is gone.", look.tone(Tone::Muted)));
    }
    overlay::show(&panes::subject(app), &lines, look, area, buffer);
}

/// What no column shows of the selected row, as lines for under the table.
pub fn below(app: &App, shown: &Shown, id: ListId, look: Look, width: usize) -> Vec<Strip> {
    let Some(selected) = app.selected() else { return Vec::new() };
    let page = Page { look, now: app.now, width };
    if let (ListId::Findings, Some(finding)) = (id, find(&shown.findings, selected)) {
        return page.finding(finding).split_off(2);
    }
    let extras = extras(app, shown, id, selected);
    extras.iter().flat_map(|(label, text)| page.field(label, text, Tone::Plain)).collect()
}

fn find<'a, R: Row>(rows: &'a [R], selected: &str) -> Option<&'a R> {
    rows.iter().find(|r| r.id() == selected)
}

/// What is known of a row beyond its columns.
fn extras(app: &App, shown: &Shown, id: ListId, selected: &str) -> Vec<(&'static str, String)> {
    match id {
        ListId::Brokers => find(&shown.brokers, selected).map(|b| broker(app, b)).unwrap_or_default(),
        ListId::Storage => {
            let Some(claim) = find(&shown.storage, selected) else { return Vec::new() };
            let volume = claim.volume.clone().map(|v| ("volume", v));
            volume.into_iter().chain(claim.pod.clone().map(|p| ("pod", p))).collect()
        }
        ListId::Topics => {
            let Some(topic) = find(&shown.topics, selected) else { return Vec::new() };
            let error = topic.error.clone().map(|e| ("error", e));
            error.into_iter().chain(overrides(app, &topic.name).map(|o| ("overrides", o))).collect()
        }
        ListId::Groups => {
            let Some(group) = find(&shown.groups, selected) else { return Vec::new() };
            let error = group.error.clone().map(|e| ("error", e));
            error.into_iter().chain([("topics", group.topics.join(", "))]).collect()
        }
        ListId::Alerts => {
            let Some(alert) = find(&shown.alerts, selected) else { return Vec::new() };
            let labels: Vec<String> = alert.labels.iter().map(|(k, v)| format!("{k}={v}")).collect();
            let summary = alert.summary.clone().map(|s| ("summary", s));
            let rest = [("labels", labels.join(", ")), ("not evaluated", alert.why.clone())];
            summary.into_iter().chain(rest).collect()
        }
        ListId::Findings | ListId::Partitions | ListId::GroupPartitions => Vec::new(),
    }
}

fn broker(app: &App, row: &BrokerRow) -> Vec<(&'static str, String)> {
    let mut extras = Vec::new();
    extras.extend(row.reason.clone().map(|r| ("reason", r)));
    let kafka = app.chosen.as_ref().and_then(|id| app.world.kafka.get(id));
    if let Some(advertised) = kafka.zip(row.id).and_then(|(k, id)| k.advertised.get(&id)) {
        extras.push(("advertised", format!("{}:{}", advertised.host, advertised.port)));
        extras.extend(advertised.rack.clone().map(|r| ("rack", r)));
    }
    extras.extend(row.disk_bytes.map(|b| ("disk used", units::bytes(b))));
    let found = app.found.iter().find(|f| Some(&f.installation.id) == app.chosen.as_ref());
    let pod = found.and_then(|f| f.installation.brokers.iter().find(|b| Some(&b.pod.name) == row.pod.as_ref()));
    if let Some(pod) = pod {
        let evidence: Vec<&str> = pod.evidence.iter().filter(|e| e.points > 0).map(|e| e.what.as_str()).collect();
        extras.push(("a broker, for", evidence.join("; ")));
    }
    extras
}

/// Configs that a topic sets itself.
pub fn overrides(app: &App, topic: &str) -> Option<String> {
    let config = app.world.kafka.get(app.chosen.as_ref()?)?.configs.get(topic)?;
    let set: Vec<String> = config
        .entries
        .iter()
        .filter(|e| e.overridden)
        .map(|e| format!("{}={}", e.name, e.value.as_deref().unwrap_or("(secret)")))
        .collect();
    (!set.is_empty()).then(|| set.join("  "))
}

/// What every line needs.
struct Page {
    look: Look,
    now: DateTime<Utc>,
    width: usize,
}

impl Page {
    fn columns(&self, shown: &Shown, id: ListId, selected: &str) -> Vec<Strip> {
        match id {
            ListId::Findings => self.row(&shown.findings, selected),
            ListId::Brokers => self.row(&shown.brokers, selected),
            ListId::Storage => self.row(&shown.storage, selected),
            ListId::Topics => self.row(&shown.topics, selected),
            ListId::Partitions => self.row(&shown.partitions, selected),
            ListId::Groups => self.row(&shown.groups, selected),
            ListId::GroupPartitions => self.row(&shown.group_partitions, selected),
            ListId::Alerts => self.row(&shown.alerts, selected),
        }
    }

    fn row<R: Row>(&self, rows: &[R], selected: &str) -> Vec<Strip> {
        let Some(row) = find(rows, selected) else { return Vec::new() };
        let cell = |c: &crate::app::columns::Column<R>| (c.title, (c.cell)(row, self.now));
        R::COLUMNS.iter().map(cell).flat_map(|(title, cell)| self.field(title, &cell.text, cell.tone)).collect()
    }

    fn field(&self, label: &str, text: &str, tone: Tone) -> Vec<Strip> {
        let mut lines = Vec::new();
        for (at, text) in wrapped(text, self.width.saturating_sub(LABEL)).into_iter().enumerate() {
            let label = if at == 0 { label } else { "" };
            let strip = Strip::of(label, self.look.style(Slot::Label)).pad_to(LABEL);
            lines.push(strip.put(text, self.look.tone(tone)));
        }
        lines
    }

    /// A finding as a page: what, since when, on what it rests, what to do and what not to.
    fn finding(&self, finding: &Finding) -> Vec<Strip> {
        let (word, tone) = match finding.severity {
            Severity::Critical => ("▲ CRITICAL", Tone::Bad),
            Severity::Warning => ("▲ WARNING", Tone::Warn),
            Severity::Info => ("● INFO", Tone::Muted),
        };
        let since = finding
            .since
            .map_or_else(String::new, |at| format!("since {} ({})", at.format("%H:%M:%S"), units::age(self.now, at)));
        let look = self.look;
        let mut lines = vec![
            Strip::of(word, look.tone(tone))
                .put(format!("  {}", finding.id), look.style(Slot::Label))
                .pad_to(self.width.saturating_sub(since.len()))
                .put(since, look.style(Slot::Label)),
        ];
        lines.extend(wrapped(&finding.title, self.width).iter().map(|l| Strip::of(l, look.style(Slot::Title))));
        lines.push(Strip::default());
        lines.extend(self.evidence(finding));
        if let Some(next) = &finding.next_action {
            lines.push(Strip::default());
            lines.extend(self.titled("Next safe action", &next.text, Slot::Tone(Tone::Good)));
            if let Some(command) = &next.command {
                lines.extend(self.titled("", command, Slot::Title));
            }
        }
        if let Some(not) = &finding.do_not {
            lines.extend(self.titled("Do not", not, Slot::Tone(Tone::Bad)));
        }
        lines
    }

    fn titled(&self, label: &str, text: &str, slot: Slot) -> Vec<Strip> {
        const TITLE: usize = 18;
        let mut lines = Vec::new();
        for (at, text) in wrapped(text, self.width.saturating_sub(TITLE)).into_iter().enumerate() {
            let label = if at == 0 { label } else { "" };
            let strip = Strip::of(label, self.look.style(slot)).pad_to(TITLE);
            let style = if slot == Slot::Title { self.look.style(slot) } else { Style::new() };
            lines.push(strip.put(text, style));
        }
        lines
    }

    fn evidence(&self, finding: &Finding) -> Vec<Strip> {
        let label = self.look.style(Slot::Label);
        let source = finding.evidence.iter().map(|e| e.source.width()).max().unwrap_or(0).clamp(6, 16);
        // Two blanks before the source, two before the age and its six columns.
        let room = self.width.saturating_sub(source + 12);
        let heading = Strip::of("Evidence", self.look.style(Slot::Title)).pad_to(room + 4);
        let mut lines = vec![heading.put(format!("{:<source$}  {:>6}", "source", "age"), label)];
        for evidence in &finding.evidence {
            let age = evidence.seen_at.map_or_else(|| "?".to_owned(), |at| units::age(self.now, at));
            for (at, text) in wrapped(&evidence.text, room).into_iter().enumerate() {
                let strip = Strip::of(format!("  {text}"), Style::new());
                lines.push(if at == 0 {
                    let from = format!("{:<source$}  {age:>6}", cut(&evidence.source, source));
                    strip.pad_to(room + 4).put(from, label)
                } else {
                    strip
                });
            }
        }
        lines
    }
}
