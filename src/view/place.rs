//! A tab, or the partitions of a topic or a group: one table over the whole middle, and on a tall screen what
//! no column shows of the selected row below it.

use std::collections::BTreeSet;

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::{
    compact, detail,
    look::{Look, Slot},
    panes, quorum,
    strip::{Part, Strip, cut, draw_all, wrapped},
    table::{self, TableLook},
};
use crate::{
    app::{
        App, Overlay, Place,
        columns::{Row, Tone},
        detail::overrides,
        lists::{ListId, ListState},
        shown::Shown,
        users,
    },
    domain::units,
    world::connect::Belongs,
};

/// From this height on the selected row is told below the table.
const TALL: u16 = 30;
/// Lines that it may take, rule included.
const BELOW: u16 = 9;

/// Draws the place.
pub fn render(app: &App, shown: &Shown, look: Look, area: Rect, buffer: &mut Buffer) {
    let Some(id) = app.list() else { return };
    let none = ListState::default();
    let list = app.lists.get(&id).unwrap_or(&none);
    let width = usize::from(area.width);
    let notes = notes(app, shown, id, look, width);
    let taken = u16::try_from(notes.len() + 1).unwrap_or(u16::MAX).min(area.height);
    let body = Rect { y: area.y + taken, height: area.height - taken, ..area };
    let body = below(app, shown, id, look, body, buffer);
    let body = if id == ListId::Brokers { quorum::below(app, shown, list, look, body, buffer) } else { body };
    let mut right = figures(app, shown, id);
    right.extend(panes::position(list, table::in_sight(body.height, true)));
    panes::rule(name(app, id, look, width), right, true, look, width).draw(buffer, area, 0);
    draw_all(&notes, buffer, Rect { y: area.y + 1, height: taken.saturating_sub(1), ..area });
    if list.order.is_empty() {
        let (tone, text) = panes::empty(app, shown, id, look, width);
        let lines = wrapped(&text, width.saturating_sub(2));
        let lines: Vec<Strip> = lines.iter().map(|l| Strip::of(format!(" {l}"), look.tone(tone))).collect();
        draw_all(&lines, buffer, body);
        return;
    }
    let how = TableLook { look, focused: panes::has_keys(app), heading: true, now: app.now };
    panes::rows(shown, id, list, how, body, buffer);
}

/// The name of what is shown: the tab, or the topic or group that is open.
fn name(app: &App, id: ListId, look: Look, width: usize) -> Strip {
    let of = |kind: &str, name: &str| {
        let name = cut(name, (width / 2).max(12));
        Strip::of(format!("{kind} "), look.style(Slot::Label)).put(name, look.style(Slot::Focus))
    };
    match &app.place {
        Place::Topic(topic) => of("Topic", topic),
        Place::Group(group) => of("Group", group),
        Place::Configs(owner) => of("Configs of", &owner.to_string()),
        _ => panes::heading(id, true, look),
    }
}

/// The right side of the title: figures of what is open.
fn figures(app: &App, shown: &Shown, id: ListId) -> Vec<Part> {
    let text = |optional, text: String| Part::new(optional, Strip::of(text, Style::new()));
    let mut parts = Vec::new();
    if let Place::Topic(name) = &app.place
        && let Some(topic) = shown.topics.iter().find(|t| t.name == *name)
    {
        let min_isr = topic.min_isr.map_or_else(|| "?".to_owned(), |n| n.to_string());
        parts.push(text(1, format!("RF {}", topic.replication_factor)));
        parts.push(text(2, format!("min-ISR {min_isr}")));
        parts.extend(topic.size_bytes.map(|b| text(3, units::bytes(b))));
    }
    if let Place::Group(name) = &app.place
        && let Some(group) = shown.groups.iter().find(|g| g.id() == *name)
    {
        parts.push(text(1, group.state.clone()));
        parts.extend(group.members.map(|n| text(2, units::counted(n, "member"))));
        parts.push(text(3, format!("coordinator {}", group.coordinator)));
    }
    if let (Place::Configs(_), Some(at)) = (&app.place, app.config_page.as_ref().and_then(|page| page.read_at)) {
        parts.push(text(1, format!("read {} ago", units::age(app.now, at))));
    }
    let mut all = panes::summary(app, shown, id);
    all.extend(parts);
    all
}

/// Lines between the title and the table: doubts, what the topic sets itself, who evaluates alerts.
fn notes(app: &App, shown: &Shown, id: ListId, look: Look, width: usize) -> Vec<Strip> {
    let mut notes = Vec::new();
    let mut add = |text: &str, tone: Tone, most: usize| {
        let lines = wrapped(text, width.saturating_sub(2));
        notes.extend(lines.iter().take(most).map(|l| Strip::of(format!(" {l}"), look.tone(tone))));
    };
    if let Some(doubt) = panes::doubt(app, shown, id) {
        add(&format!("? {doubt}"), Tone::Warn, 3);
    }
    if let Some(remark) = panes::remark(app, shown, id) {
        add(&remark, Tone::Muted, 2);
    }
    match &app.place {
        Place::Topic(topic) => {
            let set = overrides(app, topic).unwrap_or_else(|| "? (not known yet)".to_owned());
            add(&format!("sets itself: {set}"), Tone::Muted, 2);
        }
        Place::Group(group) => {
            let error = shown.groups.iter().find(|g| g.id == *group).and_then(|g| g.error.as_ref());
            if let Some(error) = error {
                add(&format!("▲ commits: {error}"), Tone::Warn, 2);
            }
        }
        _ if id == ListId::Connect => {
            for (tone, text) in connects(shown) {
                add(&text, tone, 2);
            }
        }
        _ if id == ListId::Timeline => {
            if let Some(why) = panes::without_events(app, shown) {
                add(&why, Tone::Warn, 2);
            }
        }
        _ if id == ListId::Alerts => add(&compact::alert_sources(shown), Tone::Muted, 2),
        _ if id == ListId::Users => users::notes(app, shown).iter().for_each(|(text, tone)| add(text, *tone, 2)),
        _ => {}
    }
    notes
}

/// A line for each Connect: its workers, its version, and whether it is this Kafka's.
fn connects(shown: &Shown) -> Vec<(Tone, String)> {
    let mut lines = Vec::new();
    for row in &shown.connect {
        let answering = row.workers.iter().filter(|w| w.answers == Some(true)).count();
        let versions: BTreeSet<&str> = row.workers.iter().filter_map(|w| w.version.as_deref()).collect();
        let version = versions.into_iter().collect::<Vec<_>>().join(", ");
        let workers = format!("workers {answering}/{} answer", row.workers.len());
        let mut parts = vec![if row.workers.is_empty() { "it has no worker".to_owned() } else { workers }];
        parts.extend((!version.is_empty()).then(|| format!("version {version}")));
        parts.extend((answering > 0 && !row.plugins.is_empty()).then(|| units::counted(row.plugins.len(), "plugin")));
        parts.extend(
            match row.belongs {
                Belongs::Proven => None,
                Belongs::Assumed => Some("this Kafka's by its address or place, not proven"),
                Belongs::Unknown | Belongs::Foreign => Some("which Kafka it works for is not known"),
            }
            .map(str::to_owned),
        );
        let is_well = answering == row.workers.len() && answering > 0;
        let name = format!("{}/{}", row.cluster.namespace, row.cluster.name);
        lines.push((if is_well { Tone::Muted } else { Tone::Warn }, format!("{name}: {}", parts.join(" · "))));
        let mute = row.workers.iter().filter(|w| w.answers == Some(false) && w.ready == Some(true));
        // Why all of them do not answer stands above already.
        let said = row.freshness.why.as_deref().unwrap_or_default();
        let whys = mute.filter_map(|w| w.why.as_ref()).filter(|why| *why != said);
        lines.extend(whys.take(2).map(|why| (Tone::Warn, format!("▲ {why}"))));
    }
    lines
}

/// Draws what no column shows of the selected row at the bottom, and answers with what is left for the table.
fn below(app: &App, shown: &Shown, id: ListId, look: Look, area: Rect, buffer: &mut Buffer) -> Rect {
    let is_open = matches!(app.overlay, Some(Overlay::Detail));
    let is_tall = buffer.area.height >= TALL || id == ListId::Findings;
    if !is_tall || area.height < BELOW * 2 || is_open {
        return area;
    }
    let width = usize::from(area.width);
    let lines = detail::below(app, shown, id, look, width.saturating_sub(2));
    if lines.is_empty() {
        return area;
    }
    // Findings are few, and what to do about the selected one is what is looked for.
    let rows = u16::try_from(shown.findings.len().clamp(1, 5)).unwrap_or(5) + 1;
    let most = if id == ListId::Findings { area.height - rows } else { BELOW };
    let height = u16::try_from(lines.len() + 1).unwrap_or(u16::MAX).min(most);
    let here = Rect { y: area.bottom() - height, height, ..area };
    let name = Strip::of(panes::subject(app), look.style(Slot::Title));
    panes::rule(name, Vec::new(), false, look, width).draw(buffer, here, 0);
    let inside = Rect { x: here.x + 1, y: here.y + 1, width: here.width.saturating_sub(1), height: height - 1 };
    draw_all(&lines, buffer, inside);
    Rect { height: area.height - height, ..area }
}
