//! The ways into an installation, the least privileged first, and the question before one is borrowed.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::{
    look::{Look, Slot},
    overlay,
    strip::{Strip, cut, draw_all, wrapped},
};
use crate::{
    app::{
        App,
        columns::Tone,
        commands::Layer,
        ways::{WayRow, WayState},
    },
    domain::{access::Way, certificate::Holds, text::sentence},
};

/// Below this many columns a row has two lines.
const WIDE: usize = 116;

/// Draws the ways in; below them, what is known of the selected one.
pub fn render(app: &App, at: usize, look: Look, area: Rect, buffer: &mut Buffer) {
    let rows = app.ways_in();
    let width = usize::from(area.width).saturating_sub(4).min(150);
    let name = rows.iter().map(|row| row.listener.chars().count()).max().unwrap_or(8).clamp(8, 20);
    let user = rows.iter().map(|row| row.user.chars().count()).max().unwrap_or(4).clamp(4, 24);
    let is_wide = width >= WIDE;
    let head = Strip::of("  LISTENER", look.style(Slot::Label))
        .pad_to(name + 4)
        .put("PORT   PROTOCOL", look.style(Slot::Label));
    let head = head.pad_to(name + 28).put("USER", look.style(Slot::Label));
    let head = if is_wide {
        let head = head.pad_to(name + user + 30).put("MECHANISM", look.style(Slot::Label));
        head.pad_to(name + user + 50).put("WHOSE", look.style(Slot::Label))
    } else {
        head
    };
    let mut lines = vec![head];
    lines.extend(rows.iter().map(|row| line(row, (name, user), is_wide, look)));
    let below = rows.get(at).map(|row| about(app, row, look, width)).unwrap_or_default();
    let columns = lines.iter().chain(&below).map(Strip::width).max().unwrap_or(0).max(40).min(width);
    let inside = overlay::open("Ways in", columns, lines.len() + below.len() + 1, look, area, buffer);
    // What is said of the selected way keeps its room; the rows scroll above it.
    let room = usize::from(inside.height).saturating_sub(below.len() + 2).max(1);
    let first = (at + 1).saturating_sub(room);
    draw_all(&lines[..1], buffer, inside);
    let list = Rect {
        y: inside.y + 1,
        height: inside.height.saturating_sub(1).min(u16::try_from(room).unwrap_or(u16::MAX)),
        ..inside
    };
    draw_all(lines.get(1 + first..).unwrap_or_default(), buffer, list);
    overlay::select(at - first.min(at), look, list, buffer);
    let shown = u16::try_from(room.min(rows.len())).unwrap_or(u16::MAX);
    let above = (shown + 2).min(inside.height);
    draw_all(&below, buffer, Rect { y: inside.y + above, height: inside.height - above, ..inside });
}

fn line(row: &WayRow, (name, user): (usize, usize), is_wide: bool, look: Look) -> Strip {
    let (sign, tone) = match row.state {
        WayState::InUse(_) => ("▸ ", Tone::Good),
        WayState::Free => ("  ", Tone::Plain),
        WayState::Asks => ("? ", Tone::Warn),
        WayState::Cannot(_) => ("- ", Tone::Muted),
    };
    let who = if row.user.is_empty() { "-" } else { &row.user };
    let strip = Strip::of(sign, look.tone(tone))
        .put(cut(&row.listener, name), look.tone(if tone == Tone::Muted { tone } else { Tone::Plain }))
        .pad_to(name + 4)
        .put(
            format!("{:<7}{}", row.port, row.protocol),
            look.tone(if tone == Tone::Muted { tone } else { Tone::Plain }),
        )
        .pad_to(name + 28)
        .put(cut(who, user), look.tone(if tone == Tone::Muted { tone } else { Tone::Plain }));
    if !is_wide {
        return strip;
    }
    strip
        .pad_to(name + user + 30)
        .put(row.how.clone(), look.tone(Tone::Plain))
        .pad_to(name + user + 50)
        .put(row.whose.clone(), look.tone(tone))
}

/// What is known of a way beyond its row.
fn about(app: &App, row: &WayRow, look: Look, width: usize) -> Vec<Strip> {
    let mut lines = Vec::new();
    let mut say = |text: &str, tone: Tone| {
        lines.extend(wrapped(text, width).iter().map(|line| Strip::of(line, look.tone(tone))));
    };
    if !row.user.is_empty() {
        say(&format!("{} with {}: {}", row.user, row.how, row.whose), Tone::Plain);
    }
    match &row.state {
        WayState::InUse(why) => {
            say(&format!("In use: {why}."), Tone::Good);
            if let Some(fresh) = app.behind_the_way() {
                say(&fresh.why.unwrap_or_else(|| "It has not answered yet.".to_owned()), Tone::Warn);
                say(&fresh.hint.unwrap_or_default(), Tone::Muted);
            }
            for certificate in app.certificates_to_note() {
                let tone = match certificate.holds {
                    Holds::Long => Tone::Muted,
                    Holds::Briefly => Tone::Warn,
                    Holds::NotYet | Holds::Expired => Tone::Bad,
                };
                say(&format!("{}.", sentence(&certificate.sentence())), tone);
            }
        }
        WayState::Free => say("It can be taken; nothing is borrowed for it.", Tone::Plain),
        WayState::Asks => say("It is taken only after asking: somebody else's credential is used.", Tone::Warn),
        WayState::Cannot(why) => say(&format!("No way: {why}."), Tone::Muted),
    }
    if let Some(login) = row.way.as_ref().and_then(|way| way.login.as_ref()) {
        say(&format!("The credential is in {}.", login.keep()), Tone::Muted);
    }
    if let Some(encryption) = row.way.as_ref().and_then(|way| way.encryption.as_ref()) {
        let trust: Vec<String> = encryption.trust.iter().map(ToString::to_string).collect();
        let whom = if trust.is_empty() { "this machine's authorities".to_owned() } else { trust.join(" and ") };
        say(&format!("The broker's certificate must be signed by {whom}."), Tone::Muted);
    }
    lines
}

/// Draws the question before a credential is borrowed.
pub fn borrow(app: &App, way: &Way, look: Look, area: Rect, buffer: &mut Buffer) {
    let (title, text) = app.borrowing(way);
    let key = |key: &str| Strip::of(key, look.style(Slot::Key));
    let yes = app.keymap.keys_of(Layer::Dialog, "dialog.confirm").next().map(|keys| look.keys(keys));
    let width = usize::from(area.width).saturating_sub(6).min(90);
    let mut lines: Vec<Strip> = wrapped(&title, width).iter().map(|l| Strip::of(l, look.style(Slot::Title))).collect();
    lines.push(Strip::default());
    lines.extend(wrapped(&text, width).iter().map(|l| Strip::of(l, Style::new())));
    lines.push(Strip::default());
    lines.push(
        key(yes.as_deref().unwrap_or("y"))
            .put(" logs in     ", Style::new())
            .then(key("any other key"))
            .put(" goes back", Style::new()),
    );
    overlay::question("Borrow a credential", &lines, app.guard.flashes(), look, area, buffer);
}
