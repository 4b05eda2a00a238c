//! What is copied: the text of what is selected, open or in sight, made harmless, and within what terminals take.
//!
//! It makes text and nothing else: how a terminal is asked to keep it is `cmd::clipboard`'s. Called by `input`.

use std::fmt::Write;

use chrono::{DateTime, SecondsFormat, Utc};

use super::{App, Effect, Overlay, Place, columns::Row, detail, lists::ListId, shown::Shown, sources, terms};
use crate::domain::{
    config::Config,
    finding::{Finding, Severity},
    freshness::SourceState,
    text::{is_unprintable, shortened},
    units,
};

/// Bytes that are copied at most: what they become still passes terminals that stop at 100,000.
pub const MOST: usize = 74_994;

impl App {
    /// Copies what is selected, open or in sight.
    pub(super) fn copy(&mut self) -> Vec<Effect> {
        let Some((what, text)) = self.copied() else {
            self.notice = Some("there is nothing to copy here".to_owned());
            return Vec::new();
        };
        let text = harmless(&text);
        if text.len() > MOST {
            let (size, most) = (units::bytes(text.len() as u64), units::bytes(MOST as u64));
            self.notice = Some(format!("not copied: {size} is more than the {most} that terminals take"));
            return Vec::new();
        }
        self.notice = Some(format!("copied {}", shortened(&what, 60)));
        vec![Effect::Copy(text)]
    }

    /// What would be copied: its name for the footer, and its text.
    fn copied(&self) -> Option<(String, String)> {
        match (&self.overlay, &self.place) {
            (Some(Overlay::What), _) => Some(("the sources".to_owned(), self.sources_as_text())),
            (Some(Overlay::Detail) | None, Place::Messages(_)) => self.record_as_text(),
            (Some(Overlay::Detail), _) => self.page_as_text(),
            (Some(Overlay::Object(page)), _) => page.as_text().map(|text| (page.title(), text)),
            (Some(_), _) => None,
            (None, Place::Logs) => self.lines_in_sight(),
            (None, _) => self.row_as_text(),
        }
    }

    /// The selected row as `kubectl` would be told of it; a finding whole.
    fn row_as_text(&self) -> Option<(String, String)> {
        let (shown, id) = (self.shown.as_ref()?, self.list()?);
        if id == ListId::Findings {
            return self.finding_as_text(shown);
        }
        let name = match id {
            ListId::Findings => return None,
            ListId::Brokers => {
                detail::selected(self, id, &shown.brokers).map(|b| b.pod.clone().unwrap_or_else(|| b.id()))
            }
            ListId::Storage => detail::selected(self, id, &shown.storage).map(|c| c.pvc.clone()),
            ListId::Topics => detail::selected(self, id, &shown.topics).map(|t| t.name.clone()),
            ListId::Partitions => detail::selected(self, id, &shown.partitions).map(|p| match &self.place {
                Place::Topic(topic) => format!("{topic}-{}", p.partition),
                _ => p.partition.to_string(),
            }),
            ListId::Groups => detail::selected(self, id, &shown.groups).map(|g| g.id.clone()),
            ListId::GroupPartitions => detail::selected(self, id, &shown.group_partitions).map(Row::id),
            ListId::Alerts => detail::selected(self, id, &shown.alerts).map(|a| a.name.clone()),
            ListId::Configs => detail::selected(self, id, &shown.configs).map(assignment),
            ListId::Connect => detail::selected(self, id, &shown.connectors).map(|c| c.name.clone()),
            ListId::Users => detail::selected(self, id, &shown.users).map(|u| u.name.clone()),
            ListId::Timeline => detail::selected(self, id, &shown.timeline)
                .map(|e| format!("{} {} {}: {}", stamp(e.at), e.kind.word(), e.about(), e.text)),
        }?;
        Some((name.clone(), name))
    }

    fn finding_as_text(&self, shown: &Shown) -> Option<(String, String)> {
        let finding = detail::selected(self, ListId::Findings, &shown.findings)?;
        Some((format!("the finding {}", finding.id), finding_text(finding, self.now)))
    }

    /// The page of the selected row.
    fn page_as_text(&self) -> Option<(String, String)> {
        let (shown, id) = (self.shown.as_ref()?, self.list()?);
        if id == ListId::Findings {
            return self.finding_as_text(shown);
        }
        let mut fields: Vec<(&str, String)> =
            detail::cells(self, shown, id).into_iter().map(|(t, c)| (t, c.text)).collect();
        fields.extend(detail::extras(self, shown, id));
        let text = fields.iter().fold(String::new(), |mut text, (label, value)| {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{label}: {value}");
            text
        });
        let (name, _) = self.row_as_text()?;
        Some((format!("all of {name}"), text))
    }

    fn sources_as_text(&self) -> String {
        let mut text = String::new();
        for (term, cell) in terms::in_place(self) {
            let figure = cell.map(|cell| cell.text).unwrap_or_default();
            let _ = writeln!(text, "{}: {figure}\n  {}", term.title, term.words());
        }
        for (name, fresh) in sources::merged(self) {
            let state = match fresh.state {
                SourceState::Live => "live",
                SourceState::Stale => "stale",
                SourceState::Blind => "blind",
            };
            let age = fresh.as_of.map_or_else(|| "never answered".to_owned(), |at| answered(at, self.now));
            let _ = writeln!(text, "{name}: {state}, {age}");
            for line in fresh.why.iter().chain(&fresh.hint) {
                let _ = writeln!(text, "  {line}");
            }
        }
        text
    }

    fn lines_in_sight(&self) -> Option<(String, String)> {
        let height = if self.sight.log_lines == 0 { self.size.1.into() } else { self.sight.log_lines };
        let lowest = self.logs.lowest(self.sight.log_lines)?;
        let seen: Vec<&str> =
            self.logs.ring().passing().range((lowest + 1).saturating_sub(height)..=lowest).map(|l| &*l.text).collect();
        (!seen.is_empty()).then(|| (format!("the {} lines in sight", seen.len()), seen.join("\n")))
    }
}

/// A config as a file of properties has it.
fn assignment(config: &Config) -> String {
    format!("{}={}", config.entry.name, config.entry.shown())
}

/// A finding as text that can be pasted into a ticket.
fn finding_text(finding: &Finding, now: DateTime<Utc>) -> String {
    let severity = match finding.severity {
        Severity::Critical => "CRITICAL",
        Severity::Warning => "WARNING",
        Severity::Info => "INFO",
    };
    let mut text = format!("{severity} {}: {}\n", finding.id, finding.title);
    if let Some(at) = finding.since {
        let _ = writeln!(text, "since {} ({})", stamp(at), units::age(now, at));
    }
    if !finding.evidence.is_empty() {
        text.push_str("\nEvidence:\n");
    }
    for evidence in &finding.evidence {
        let age = evidence.seen_at.map_or_else(|| "never seen".to_owned(), |at| answered(at, now));
        let _ = writeln!(text, "- {} ({}, {age})", evidence.text, evidence.source);
    }
    if let Some(next) = &finding.next_action {
        let _ = writeln!(text, "\nNext safe action: {}", next.text);
        if let Some(command) = &next.command {
            let _ = writeln!(text, "  {command}");
        }
    }
    if let Some(not) = &finding.do_not {
        let _ = writeln!(text, "Do not: {not}");
    }
    text
}

fn answered(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    format!("{} ago at {}", units::age(now, at), stamp(at))
}

pub(super) fn stamp(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// The text without what could act on a terminal or hide in a shell: only line breaks and tabs are left.
fn harmless(text: &str) -> String {
    text.chars().filter(|c| matches!(c, '\n' | '\t') || !is_unprintable(*c)).collect()
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            Msg,
            keys::Key,
            logs::{LogTarget, LogView},
        },
        *,
    };
    use crate::domain::{
        ids::ObjectKey,
        log::{LogLine, LogNews},
    };

    fn logs(texts: &[&str]) -> App {
        let mut app = App::new(None, (80, 24), DateTime::UNIX_EPOCH);
        app.place = Place::Logs;
        let target = LogTarget { pod: ObjectKey::new("n", "p"), container: "kafka".into() };
        app.logs = LogView::default().follow(vec![target], app.now);
        let line = |text: &&str| LogLine { at: None, text: (*text).into() };
        app.update(Msg::Log(0, LogNews::Lines(texts.iter().map(line).collect())), app.now);
        app
    }

    fn copy(app: &mut App) -> Vec<Effect> {
        app.update(Msg::Key(Key::Char('c')), app.now)
    }

    #[test]
    fn the_lines_in_sight_are_copied_without_what_acts_on_a_terminal() {
        let mut app = logs(&["old", "\u{1b}[31mred\u{1b}]52;c;x\u{7}", "a\tb\u{202e}"]);
        app.update(Msg::Drawn(super::super::sight::Sight { beyond: 0, log_lines: 2 }), app.now);
        assert_eq!(copy(&mut app), [Effect::Copy("[31mred]52;c;x\na\tb".to_owned())]);
        assert_eq!(app.notice.as_deref(), Some("copied the 2 lines in sight"));
    }

    #[test]
    fn what_is_too_long_for_terminals_is_refused_in_words() {
        let mut app = logs(&["x".repeat(MOST).as_str()]);
        assert_eq!(copy(&mut app), [Effect::Copy("x".repeat(MOST))]);
        let mut app = logs(&["x".repeat(MOST + 1).as_str()]);
        assert_eq!(copy(&mut app), []);
        assert!(app.notice.is_some_and(|n| n.contains("not copied: 73.2 KiB is more than")));
    }

    #[test]
    fn with_nothing_to_copy_it_says_so() {
        assert_eq!(copy(&mut logs(&[])), []);
    }

    #[test]
    fn a_finding_copies_with_its_evidence_and_what_to_do() {
        let now = DateTime::UNIX_EPOCH + chrono::TimeDelta::seconds(100);
        let finding = Finding {
            id: "disk-full",
            severity: Severity::Critical,
            title: "A disk is full.".into(),
            object: crate::domain::ids::ObjectRef {
                kind: "pod".into(),
                name: "kafka-0".into(),
                namespace: "ns".into(),
            },
            since: Some(DateTime::UNIX_EPOCH),
            evidence: vec![crate::domain::finding::FindingEvidence {
                text: "100 % used".into(),
                source: "LogDirs".into(),
                seen_at: Some(DateTime::UNIX_EPOCH + chrono::TimeDelta::seconds(90)),
            }],
            next_action: Some(crate::domain::finding::NextAction {
                text: "Grow it.".into(),
                command: Some("kubectl x".into()),
            }),
            do_not: Some("Delete segments.".into()),
        };
        assert_eq!(
            finding_text(&finding, now),
            "CRITICAL disk-full: A disk is full.\nsince 1970-01-01T00:00:00Z (1m)\n\nEvidence:\n- 100 % used \
             (LogDirs, 10s ago at 1970-01-01T00:01:30Z)\n\nNext safe action: Grow it.\n  kubectl x\nDo not: Delete \
             segments.\n"
        );
    }
}
