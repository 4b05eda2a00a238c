//! The first lines of every screen: what is looked at, the verdict with its figures, and the tabs.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};
use unicode_width::UnicodeWidthStr;

use super::{
    look::{Look, Slot},
    panes,
    strip::{Part, Strip, cut_end, cut_front, fitting},
};
use crate::{
    app::{App, Place, Tab, columns::Tone, shown::Shown},
    domain::{
        config::Owner,
        freshness::{Freshness, SourceState},
        units,
        verdict::Verdict,
    },
    world::topics::PartitionCounts,
};

/// Lines that are kept above everything, as long as nothing has to be said about the link.
const LINES: u16 = 3;

/// How many lines the header takes at this size.
pub fn height(app: &App, area: Rect) -> u16 {
    if area.height < super::SMALL_HEIGHT {
        return 1;
    }
    LINES + u16::from(banner(app).is_some())
}

/// How many lines nothing may cover: those down to the verdict, where there is one and room for more than it.
pub fn verdict_height(app: &App, area: Rect) -> u16 {
    let lines = if height(app, area) == 1 { 1 } else { 2 };
    if app.shown.is_some() && area.height > lines + 2 { lines } else { 0 }
}

/// Draws the header.
pub fn render(app: &App, look: Look, area: Rect, buffer: &mut Buffer) {
    let width = usize::from(area.width);
    // Where there is one line for all, whose credential is used has its room at the end of it.
    let said = app.borrowed().filter(|_| area.height == 1).map(|user| format!("as {user} ")).unwrap_or_default();
    let room = width.saturating_sub(said.width() + usize::from(!said.is_empty()));
    let verdict = app.shown.as_ref().map(|shown| verdict(app, shown, look, room)).unwrap_or_default();
    let verdict = if said.is_empty() { verdict } else { verdict.pad_to(room + 1).put(said, look.tone(Tone::Warn)) };
    // Where there is one line for both, the verdict's word comes first.
    let word = app.shown.as_ref().filter(|_| area.height == 1).map(|shown| word(shown, look)).unwrap_or_default();
    let banner = banner(app).map(|(what, why, then)| {
        // The reason gives way before the time that is shown does.
        let room = width.saturating_sub(word.width() + what.width() + then.width() + 1);
        let text = format!(" {what}{}{then}", cut_end(&why, room));
        word.put(text, look.style(Slot::Banner)).pad_to(width)
    });
    if area.height == 1 {
        banner.unwrap_or(verdict).draw(buffer, area, 0);
        return;
    }
    name(app, look, width).draw(buffer, area, 0);
    verdict.draw(buffer, area, 1);
    tabs(app, look, width).draw(buffer, area, 2);
    if let Some(banner) = banner {
        banner.draw(buffer, area, 3);
    }
}

/// Context, installation and what it is; the clock to the right.
fn name(app: &App, look: Look, width: usize) -> Strip {
    let plain = Style::new();
    let (title, label) = (look.style(Slot::Title), look.style(Slot::Label));
    let mut right = Strip::default();
    if app.paused {
        right = right.put(" PAUSED ", look.style(Slot::Banner)).put("  ", plain);
    }
    let right = right.put(app.now.format("%H:%M:%SZ").to_string(), plain).put(" ", plain);
    let room = width.saturating_sub(right.width() + 2);
    let context = app.world.connection.as_ref().map(|c| c.context.clone()).unwrap_or_default();
    let Some(id) = &app.chosen else {
        let left = Strip::of("kafdeck  ", label).put(cut_front(&context, room.saturating_sub(9)), title);
        return join(left, right, width);
    };
    let id = Strip::of(cut_front(&id.to_string(), room), title);
    let context = if context.is_empty() { Strip::default() } else { Strip::of(context, plain).put(" ▸ ", label) };
    let mut what = app.shown.as_ref().map(|shown| kind(shown, look)).unwrap_or_default();
    if let Some(user) = app.borrowed() {
        // Whose credential is used is said before what the installation is.
        what.insert(0, Part::new(0, Strip::of(format!("as {user}"), look.tone(Tone::Warn))));
    }
    let whole = 9 + context.width() + id.width() + 3 + fitting(what.clone(), &Strip::of(" · ", label), 999).width();
    let mut parts = vec![Part::new(1, context), Part::new(0, id)];
    if whole <= room {
        parts.insert(0, Part::new(2, Strip::of("kafdeck  ", label)));
    }
    let kept = app.borrowed().map_or(0, |user| user.width() + 6);
    let left = fitting(parts, &Strip::default(), room.saturating_sub(kept));
    let what = fitting(what, &Strip::of(" · ", label), room.saturating_sub(left.width() + 3));
    join(left.put("   ", plain).then(what), right, width)
}

/// What the installation is.
fn kind(shown: &Shown, look: Look) -> Vec<Part> {
    let plain = look.tone(Tone::Plain);
    let version = shown.installation.kafka_version.as_deref().unwrap_or("?");
    vec![
        Part::new(2, Strip::of(shown.installation.product(), plain)),
        Part::new(1, Strip::of(format!("Kafka {version}"), plain)),
        Part::new(3, Strip::of(shown.mode.unwrap_or_default(), plain)),
        Part::new(4, Strip::of(units::counted(shown.summary.brokers.total, "broker"), plain)),
    ]
}

/// Two texts at the two ends of a line.
fn join(left: Strip, right: Strip, width: usize) -> Strip {
    let strip = Strip::of(" ", Style::new()).then(left);
    if strip.width() + right.width() > width {
        return strip;
    }
    strip.pad_to(width - right.width()).then(right)
}

/// The verdict, its figures and, where it cannot be given, why.
fn verdict(app: &App, shown: &Shown, look: Look, width: usize) -> Strip {
    // While the link is down the banner says why.
    if shown.judgement.verdict != Verdict::Blind || !app.link_is_live() {
        return figures(app, shown, look, width);
    }
    let why = format!("({})", shown.judgement.why.as_deref().unwrap_or_default());
    let kept = (why.width() + 2).min(width / 3);
    let strip = figures(app, shown, look, width.saturating_sub(kept));
    let room = width.saturating_sub(strip.width() + 2);
    strip.put("  ", Style::new()).put(cut_end(&why, room), look.style(Slot::Verdict(Verdict::Blind)))
}

/// The verdict itself, by sign and word.
fn word(shown: &Shown, look: Look) -> Strip {
    let verdict = shown.judgement.verdict;
    Strip::of(format!(" {} {verdict}", glyph(verdict)), look.style(Slot::Verdict(verdict)))
}

/// The verdict and the figures that fit.
fn figures(app: &App, shown: &Shown, look: Look, width: usize) -> Strip {
    let mut parts = vec![Part::new(0, word(shown, look))];
    let fresh = &shown.freshness;
    let figure = Figure { app, look };
    let brokers = &shown.summary.brokers;
    let ready = ready(shown);
    let tone = if fresh.pods.as_of.is_none() {
        Tone::Unknown
    } else if brokers.not_ready > 0 {
        Tone::Warn
    } else if brokers.unknown > 0 {
        Tone::Unknown
    } else {
        Tone::Plain
    };
    parts.push(figure.part(1, "brokers", &format!("{ready}/{}", brokers.total), tone, &fresh.pods));
    parts.extend(partition_figures(&figure, shown));
    let disk = shown.summary.storage.used_percent_max;
    let disk_tone = match disk {
        Some(95..) => Tone::Bad,
        Some(85..) => Tone::Warn,
        _ => Tone::Plain,
    };
    let unknown = || "?".to_owned();
    parts.push(figure.part(4, "disk max", &panes::fullest(shown).unwrap_or_else(unknown), disk_tone, &fresh.log_dirs));
    // Groups that were listed and are none are known not to lag.
    let none = || if shown.summary.groups.total == Some(0) { "-".to_owned() } else { "?".to_owned() };
    let time = panes::lag_time_max(shown).map(|time| format!("/{time}")).unwrap_or_default();
    let lag = panes::lag_max(shown).map_or_else(none, |lag| lag + &time);
    parts.push(figure.part(3, "lag", &lag, Tone::Plain, &fresh.groups));
    let rules = shown.summary.alerts.rules;
    parts.push(Part::new(
        8,
        Strip::of("alerts ", look.style(Slot::Label)).put(
            rules.map_or_else(|| "? rules".to_owned(), |rules| units::counted(rules, "rule")),
            look.tone(Tone::Muted),
        ),
    ));
    let findings = shown.findings.len();
    let tone = if findings > 0 { Tone::Bad } else { Tone::Plain };
    parts
        .push(Part::new(5, Strip::of("findings ", look.style(Slot::Label)).put(findings.to_string(), look.tone(tone))));
    fitting(parts, &Strip::of("  ", Style::new()), width)
}

fn partition_figures(figure: &Figure<'_>, shown: &Shown) -> Vec<Part> {
    let metadata = &shown.freshness.metadata;
    let counts = shown.summary.partitions.as_ref();
    let number = |of: fn(&PartitionCounts) -> usize, bad: Tone, needs_min_isr: bool| match counts {
        None => ("?".to_owned(), Tone::Unknown),
        // A minimum that is not known is never taken for one that is kept.
        Some(c) if needs_min_isr && c.min_isr_unknown > 0 => match of(c) {
            0 => ("?".to_owned(), Tone::Unknown),
            n => (format!("≥{n}"), bad),
        },
        Some(c) => (of(c).to_string(), if of(c) > 0 { bad } else { Tone::Plain }),
    };
    let (offline, offline_tone) = number(|c| c.offline, Tone::Bad, false);
    let (under, under_tone) = number(|c| c.under_min_isr, Tone::Bad, true);
    let (urp, urp_tone) = number(|c| c.under_replicated, Tone::Warn, false);
    let (at_min, _) = number(|c| c.at_min_isr, Tone::Warn, true);
    let at_min =
        if counts.is_some_and(|c| c.under_replicated > 0) { format!(" (at-min {at_min})") } else { String::new() };
    vec![
        figure.part(1, "offline", &offline, offline_tone, metadata),
        figure.part(2, "under-min", &under, under_tone, metadata),
        figure.part(2, "URP", &format!("{urp}{at_min}"), urp_tone, metadata),
    ]
}

/// Lends what every figure needs.
struct Figure<'a> {
    app: &'a App,
    look: Look,
}

impl Figure<'_> {
    /// A label and its value, dim and with its age when its source is stale.
    fn part(&self, optional: u8, label: &str, value: &str, tone: Tone, of: &Freshness) -> Part {
        let stale = of.state != SourceState::Live;
        let tone = if stale && tone == Tone::Plain { Tone::Unknown } else { tone };
        let mut strip = Strip::of(format!("{label} "), self.look.style(Slot::Label)).put(value, self.look.tone(tone));
        if let (SourceState::Stale, Some(at)) = (of.state, of.as_of) {
            // While the link is down the banner says how old everything is.
            if self.app.link_is_live() {
                let age = format!(" ({} ago)", units::age(self.app.now, at));
                strip = strip.put(age, self.look.tone(Tone::Unknown));
            }
        }
        Part::new(optional, strip)
    }
}

/// The verdict's sign, so that its colour is not alone in telling it.
pub fn glyph(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Critical | Verdict::Degraded => "▲",
        Verdict::Blind => "?",
        Verdict::Ok => "●",
    }
}

/// The tabs with their numbers; only the numbers of the others where there is no room.
fn tabs(app: &App, look: Look, width: usize) -> Strip {
    // The last ones lose their names first; where one is stays named.
    let line = |named: usize, gap: &str| {
        let mut strip = Strip::of(" ", Style::new());
        for (at, tab) in Tab::ALL.into_iter().enumerate() {
            let here = is_here(app, tab);
            let name = if here || at < named { format!(" {}", tab.title()) } else { String::new() };
            let style = look.style(if here { Slot::Focus } else { Slot::Label });
            strip = strip.put(format!("{}{name}", tab.number()), style).put(gap, Style::new());
        }
        strip
    };
    let full = line(Tab::ALL.len(), "  ");
    if full.width() <= width {
        return full;
    }
    let narrower = (0..=Tab::ALL.len()).rev().map(|named| line(named, " "));
    narrower.into_iter().find(|line| line.width() <= width).unwrap_or_else(|| line(0, " "))
}

fn is_here(app: &App, tab: Tab) -> bool {
    match &app.place {
        Place::Tab(here) => *here == tab,
        Place::Topic(_) | Place::Messages(_) | Place::Configs(Owner::Topic(_)) => tab == Tab::Topics,
        Place::Configs(Owner::Broker(_)) => tab == Tab::Brokers,
        Place::Group(_) => tab == Tab::Groups,
        Place::Logs => false,
    }
}

/// What has to be said about the link or the installation before any figure is believed.
///
/// In three parts: what, why, and what is shown meanwhile.
fn banner(app: &App) -> Option<(String, String, String)> {
    app.shown.as_ref()?;
    let link = app.world.sources.link(app.now);
    if link.state != SourceState::Live {
        let why = link.why.unwrap_or_default();
        let hint = link.hint.map(|h| format!(" ({h})")).unwrap_or_default();
        return Some(match link.as_of {
            Some(at) => {
                let age = units::age(app.now, at);
                let showing = format!("; showing {}", at.format("%H:%M:%SZ"));
                (format!("API server not answering for {age}: "), format!("{why}{hint}"), showing)
            }
            None => ("API server has not answered yet: ".to_owned(), format!("{why}{hint}"), String::new()),
        });
    }
    if app.reading().is_none() {
        let gone = "This installation is gone from the cluster; showing what was last known of it.";
        return Some((gone.to_owned(), String::new(), String::new()));
    }
    None
}

/// How many brokers are ready; nobody can say before pods have been seen.
pub fn ready(shown: &Shown) -> String {
    let seen = shown.freshness.pods.as_of.is_some();
    shown.summary.brokers.ready.filter(|_| seen).map_or_else(|| "?".to_owned(), |n| n.to_string())
}
