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
        columns::Tone,
        detail::{cells, extras, selected},
        lists::ListId,
        shown::Shown,
    },
    domain::{finding::Finding, finding::Severity, units},
};

/// Columns of a label.
const LABEL: usize = 16;

/// Draws the selected row in full; answers with how many lines of it have no room.
pub fn render(app: &App, look: Look, area: Rect, buffer: &mut Buffer) -> usize {
    let (Some(shown), Some(id)) = (&app.shown, app.list()) else { return 0 };
    let width = usize::from(area.width).saturating_sub(4).min(100);
    let page = Page { look, now: app.now, width };
    if let (ListId::Findings, Some(finding)) = (id, selected(app, id, &shown.findings)) {
        let lines = page.finding(finding);
        return overlay::page("Finding", &lines, app.page_at, look, area, buffer);
    }
    let mut lines = page.columns(app, shown, id);
    for (label, text) in extras(app, shown, id) {
        lines.extend(page.field(label, &text, Tone::Plain));
    }
    if lines.is_empty() {
        lines.push(Strip::of("This row is gone.", look.tone(Tone::Muted)));
    }
    overlay::page(&panes::subject(app), &lines, app.page_at, look, area, buffer)
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

/// What every line needs.
struct Page {
    look: Look,
    now: DateTime<Utc>,
    width: usize,
}

impl Page {
    fn columns(&self, app: &App, shown: &Shown, id: ListId) -> Vec<Strip> {
        let cells = cells(app, shown, id).into_iter();
        cells.flat_map(|(title, cell)| self.field(title, &cell.text, cell.tone)).collect()
    }

    fn field(&self, label: &str, text: &str, tone: Tone) -> Vec<Strip> {
        let mut lines = Vec::new();
        if text.contains('\n') {
            return self.long_field(label, text);
        }
        for (at, text) in wrapped(text, self.width.saturating_sub(LABEL)).into_iter().enumerate() {
            let label = if at == 0 { label } else { "" };
            let strip = Strip::of(label, self.look.style(Slot::Label)).pad_to(LABEL);
            lines.push(strip.put(text, self.look.tone(tone)));
        }
        lines
    }

    /// A text of many lines over the whole width, below its label.
    fn long_field(&self, label: &str, text: &str) -> Vec<Strip> {
        let mut lines = Vec::new();
        for (at, line) in text.split('\n').enumerate() {
            if at == 0 {
                let strip = Strip::of(label, self.look.style(Slot::Label)).pad_to(LABEL);
                lines.push(strip.put(line, Style::new()));
                continue;
            }
            let blanks = if line.starts_with(' ') { 4 } else { 2 };
            let wrapped = wrapped(line.trim_start(), self.width.saturating_sub(blanks));
            lines.extend(wrapped.iter().map(|l| Strip::of(format!("{:blanks$}{l}", ""), Style::new())));
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
