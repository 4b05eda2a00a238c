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
    let width = usize::from(area.width).saturating_sub(4).min(100);
    let page = Page { look, now: app.now, width };
    if let (ListId::Findings, Some(finding)) = (id, selected(app, id, &shown.findings)) {
        let lines = page.finding(finding);
        overlay::show("Finding", &lines, look, area, buffer);
        return;
    }
    let mut lines = page.columns(app, shown, id);
    for (label, text) in extras(app, shown, id) {
        lines.extend(page.field(label, &text, Tone::Plain));
    }
    if lines.is_empty() {
        lines.push(Strip::of("This row is gone.", look.tone(Tone::Muted)));
    }
    overlay::show(&panes::subject(app), &lines, look, area, buffer);
}

/// What no column shows of the selected row, as lines for under the table.
pub fn below(app: &App, shown: &Shown, id: ListId, look: Look, width: usize) -> Vec<Strip> {
    let page = Page { look, now: app.now, width };
    if let (ListId::Findings, Some(finding)) = (id, selected(app, id, &shown.findings)) {
        // All but its first line, which the table has already.
        return page.finding(finding).split_off(1);
    }
    let extras = extras(app, shown, id);
    extras.iter().flat_map(|(label, text)| page.field(label, text, Tone::Plain)).collect()
}

/// The selected row: looked up by its place, for there may be a hundred thousand.
fn selected<'a, R: Row>(app: &App, id: ListId, rows: &'a [R]) -> Option<&'a R> {
    let list = app.lists.get(&id)?;
    let row = rows.get(*list.order.get(list.position())?)?;
    (list.selected.as_deref() == Some(row.id().as_str())).then_some(row)
}

/// What is known of a row beyond its columns.
fn extras(app: &App, shown: &Shown, id: ListId) -> Vec<(&'static str, String)> {
    match id {
        ListId::Brokers => selected(app, id, &shown.brokers).map(|b| broker(app, b)).unwrap_or_default(),
        ListId::Storage => {
            let Some(claim) = selected(app, id, &shown.storage) else { return Vec::new() };
            let volume = claim.volume.clone().map(|v| ("volume", v));
            volume.into_iter().chain(claim.pod.clone().map(|p| ("pod", p))).collect()
        }
        ListId::Topics => {
            let Some(topic) = selected(app, id, &shown.topics) else { return Vec::new() };
            let error = topic.error.clone().map(|e| ("error", e));
            error.into_iter().chain(overrides(app, &topic.name).map(|o| ("overrides", o))).collect()
        }
        ListId::Groups => {
            let Some(group) = selected(app, id, &shown.groups) else { return Vec::new() };
            let error = group.error.clone().map(|e| ("error", e));
            error.into_iter().chain([("topics", group.topics.join(", "))]).collect()
        }
        ListId::Alerts => {
            let Some(alert) = selected(app, id, &shown.alerts) else { return Vec::new() };
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
    fn columns(&self, app: &App, shown: &Shown, id: ListId) -> Vec<Strip> {
        match id {
            ListId::Findings => self.row(selected(app, id, &shown.findings)),
            ListId::Brokers => self.row(selected(app, id, &shown.brokers)),
            ListId::Storage => self.row(selected(app, id, &shown.storage)),
            ListId::Topics => self.row(selected(app, id, &shown.topics)),
            ListId::Partitions => self.row(selected(app, id, &shown.partitions)),
            ListId::Groups => self.row(selected(app, id, &shown.groups)),
            ListId::GroupPartitions => self.row(selected(app, id, &shown.group_partitions)),
            ListId::Alerts => self.row(selected(app, id, &shown.alerts)),
        }
    }

    fn row<R: Row>(&self, row: Option<&R>) -> Vec<Strip> {
        let Some(row) = row else { return Vec::new() };
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
