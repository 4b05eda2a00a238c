//! Before there is anything to show: connecting, looking, or nothing found; always what is being tried, why it
//! does not work, and what can be done.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::{
    look::{Look, Slot},
    strip::{Strip, draw_all, wrapped},
};
use crate::{
    app::{App, Overlay, columns::Tone},
    domain::{
        freshness::{Kind, Source, SourceState},
        units,
    },
};

/// Draws what is waited for.
pub fn render(app: &App, look: Look, area: Rect, buffer: &mut Buffer) {
    let page = Page { app, look, width: usize::from(area.width).saturating_sub(4).min(100) };
    if matches!(app.overlay, Some(Overlay::Installations(_))) && !app.found.is_empty() {
        return;
    }
    let lines = if app.chosen.is_some() {
        page.reading()
    } else if app.world.connection.is_none() || app.world.sources.link(app.now).as_of.is_none() && !app.has_looked() {
        page.connecting()
    } else if !app.has_looked() {
        page.looking()
    } else if app.found.is_empty() {
        page.nothing()
    } else {
        page.not_chosen()
    };
    let above = area.height.saturating_sub(u16::try_from(lines.len()).unwrap_or(u16::MAX)) / 3;
    let body = Rect {
        x: area.x + 2.min(area.width),
        y: area.y + above,
        width: area.width.saturating_sub(4),
        height: area.height - above,
    };
    draw_all(&lines, buffer, body);
}

/// What every message needs.
struct Page<'a> {
    app: &'a App,
    look: Look,
    width: usize,
}

impl Page<'_> {
    fn title(&self, text: &str) -> Vec<Strip> {
        let mut lines: Vec<Strip> =
            wrapped(text, self.width).iter().map(|l| Strip::of(l, self.look.style(Slot::Title))).collect();
        lines.push(Strip::default());
        lines
    }

    fn text(&self, text: &str, tone: Tone) -> Vec<Strip> {
        wrapped(text, self.width).iter().map(|l| Strip::of(l, self.look.tone(tone))).collect()
    }

    fn context(&self) -> String {
        self.app.world.connection.as_ref().map_or_else(|| "the cluster".to_owned(), |c| c.context.clone())
    }

    fn since(&self) -> String {
        units::age(self.app.now, self.app.started_at)
    }

    fn connecting(&self) -> Vec<Strip> {
        let mut lines = self.title(&format!("Connecting to {}… {}", self.context(), self.since()));
        let link = self.app.world.sources.link(self.app.now);
        if self.app.world.sources.link_failure().is_some() {
            lines.extend(self.text(&link.why.unwrap_or_default(), Tone::Warn));
            lines.extend(link.hint.iter().flat_map(|h| self.text(h, Tone::Plain)));
            lines.extend(self.text("Still trying.", Tone::Muted));
        }
        lines
    }

    fn looking(&self) -> Vec<Strip> {
        let mut lines = self.title(&format!("Looking for Kafka in {}… {}", self.context(), self.since()));
        lines.extend(self.kinds());
        lines
    }

    fn reading(&self) -> Vec<Strip> {
        let name = self.app.chosen.as_ref().map(ToString::to_string).unwrap_or_default();
        self.title(&format!("Reading {name}…"))
    }

    fn nothing(&self) -> Vec<Strip> {
        let namespace = self.app.world.connection.as_ref().and_then(|c| c.namespace.clone());
        let place = namespace.as_ref().map_or_else(|| "any namespace".to_owned(), |n| format!("namespace {n}"));
        let mut lines = self.title(&format!("No Kafka found in {place} of {}.", self.context()));
        lines.extend(self.text(
            "Looked for Strimzi's resources, and for pods of any owner that run a Kafka broker, by what they run, what \
             they are configured with and which ports they offer.",
            Tone::Plain,
        ));
        lines.push(Strip::default());
        lines.extend(self.kinds());
        lines.push(Strip::default());
        let advice = if namespace.is_some() {
            "To look elsewhere, start kafdeck with -n NAMESPACE, or without -n for all of them."
        } else {
            "To look in one namespace only, where permissions may be wider, start kafdeck with -n NAMESPACE."
        };
        lines.extend(self.text(advice, Tone::Plain));
        lines.extend(self.text("kafdeck keeps watching: what appears is shown at once.", Tone::Muted));
        lines
    }

    fn not_chosen(&self) -> Vec<Strip> {
        let found = self.app.found.len();
        let mut lines =
            self.title(&format!("No installation is chosen; {} found.", units::counted(found, "installation")));
        let one = |f: &crate::app::Found| Strip::of(format!("  {}", f.installation.id), Style::new());
        lines.extend(self.app.found.iter().take(10).map(one));
        lines.push(Strip::default());
        lines.extend(self.text("x chooses one. If one was asked for by name, it is not among them yet.", Tone::Plain));
        lines
    }

    /// What is watched to find brokers, how many there are, and why what cannot be seen is not.
    fn kinds(&self) -> Vec<Strip> {
        let kube = &self.app.world.kube;
        let counts = [
            (Kind::Pods, kube.pods.len()),
            (Kind::StatefulSets, kube.stateful_sets.len()),
            (Kind::Deployments, kube.deployments.len()),
            (Kind::Services, kube.services.len()),
        ];
        let mut lines = Vec::new();
        for (kind, count) in counts {
            let fresh = self.app.world.sources.freshness(&Source::Watch(kind), self.app.now);
            let (sign, tone, state) = match fresh.state {
                SourceState::Live => ("●", Tone::Good, format!("{count} seen")),
                SourceState::Stale => ("◌", Tone::Unknown, format!("{count} seen, not up to date")),
                SourceState::Blind if self.app.world.sources.is_settled(&Source::Watch(kind)) => {
                    ("▲", Tone::Warn, "cannot be seen".to_owned())
                }
                SourceState::Blind => ("◌", Tone::Unknown, "waiting for the first answer".to_owned()),
            };
            lines.push(
                Strip::of(format!("{sign} {:<14}", kind.resource()), self.look.tone(tone))
                    .put(state, self.look.tone(tone)),
            );
            if tone == Tone::Warn {
                let indent = |text: &str, tone| -> Vec<Strip> {
                    let width = self.width.saturating_sub(4);
                    wrapped(text, width).iter().map(|l| Strip::of(format!("    {l}"), self.look.tone(tone))).collect()
                };
                lines.extend(fresh.why.iter().flat_map(|w| indent(w, Tone::Plain)));
                lines.extend(fresh.hint.iter().flat_map(|h| indent(h, Tone::Muted)));
            }
        }
        lines
    }
}
