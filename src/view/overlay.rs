//! What lies over the screen: boxes that clear what is under them and are never larger than the screen. The verdict
//! stays in sight above them: what is read in peace may be overtaken by what goes on.

use std::borrow::Cow;

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::Line,
    widgets::{Block, Clear, Widget},
};
use unicode_width::UnicodeWidthStr;

use super::{
    acting, detail, footer, header, help, logs,
    look::{Look, Slot},
    object, panes, picker, record, sources,
    strip::{Part, Strip, cut, cut_end, draw_all, fitting},
    ways,
};
use crate::{
    app::{
        App, Overlay, Place,
        columns::Tone,
        commands::{Command, Layer},
        palette::{Entry, Palette},
    },
    domain::units,
};

/// Draws what is open, if anything is; answers with how many lines of it have no room.
pub fn render(app: &App, look: Look, area: Rect, buffer: &mut Buffer) -> usize {
    let kept = header::verdict_height(app, area);
    let area = Rect { y: area.y + kept, height: area.height - kept, ..area };
    // A page leaves the last line: what is said of it is said there.
    let above = Rect { height: area.height.saturating_sub(1), ..area };
    match &app.overlay {
        Some(Overlay::What) => return sources::render(app, look, above, buffer),
        Some(Overlay::Object(page)) => return object::render(app, page, look, above, buffer),
        Some(Overlay::Detail) if matches!(app.place, Place::Messages(_)) => {
            return record::render(app, look, above, buffer);
        }
        Some(Overlay::Detail) => return detail::render(app, look, above, buffer),
        None | Some(Overlay::Filter(_) | Overlay::From(_) | Overlay::SaveLogs(_)) => {}
        Some(Overlay::LogPods(picker)) => logs::picker(app, picker, look, area, buffer),
        Some(Overlay::Help(at)) => help::render(app, *at, look, area, buffer),
        Some(Overlay::Palette(palette)) => palette_box(app, palette, look, area, buffer),
        Some(Overlay::Actions(at)) => actions(app, *at, look, area, buffer),
        Some(Overlay::Installations(at)) => picker::render(app, *at, look, area, buffer),
        Some(Overlay::Ways(at)) => ways::render(app, *at, look, area, buffer),
        Some(Overlay::Borrow(way)) => ways::borrow(app, way, look, area, buffer),
        Some(Overlay::Fields(fields)) => acting::fields(app, fields, look, area, buffer),
        Some(Overlay::Plan) => return acting::render(app, look, area, buffer),
        Some(Overlay::Leave) => leave(app, look, area, buffer),
    }
    0
}

/// Clears room for so many columns and rows of content, frames it, and answers with the inside.
pub fn open(title: &str, columns: usize, rows: usize, look: Look, area: Rect, buffer: &mut Buffer) -> Rect {
    framed(title, (columns, rows), Slot::Focus, look, area, buffer)
}

fn framed(
    title: &str,
    (columns, rows): (usize, usize),
    frame_slot: Slot,
    look: Look,
    area: Rect,
    buffer: &mut Buffer,
) -> Rect {
    let size = |wanted: usize, most: u16| u16::try_from(wanted.saturating_add(2)).unwrap_or(u16::MAX).min(most);
    let (width, height) = (size(columns + 2, area.width), size(rows, area.height));
    let frame = Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 3, width, height };
    Clear.render(frame, buffer);
    let title = cut_end(title, usize::from(width).saturating_sub(4));
    let block = Block::bordered()
        .border_style(look.style(frame_slot))
        .title(Line::styled(format!(" {title} "), look.style(Slot::Title)));
    let inside = block.inner(frame);
    block.render(frame, buffer);
    let margin = u16::from(inside.width > 2);
    Rect { x: inside.x + margin, width: inside.width - 2 * margin, ..inside }
}

/// The same for a page that may be longer than the screen: `at` lines of it are above. Where it stands is said
/// in its frame; the answer is how many lines have no room.
pub fn page(title: &str, lines: &[Strip], at: usize, look: Look, area: Rect, buffer: &mut Buffer) -> usize {
    page_of(title, Vec::new(), lines, at, look, area, buffer)
}

/// The same with more to say in its lower frame, as how old the page is.
pub fn page_of(
    title: &str,
    mut foot: Vec<Part>,
    lines: &[Strip],
    at: usize,
    look: Look,
    area: Rect,
    buffer: &mut Buffer,
) -> usize {
    let label = look.style(Slot::Label);
    let said: usize = foot.iter().map(|part| part.strip.width() + 3).sum();
    let columns = lines.iter().map(Strip::width).max().unwrap_or(0).max(title.width() + 2).max(said);
    let inside = open(title, columns, lines.len(), look, area, buffer);
    let height = usize::from(inside.height);
    let beyond = lines.len().saturating_sub(height);
    let first = at.min(beyond);
    draw_all(&lines[first..], buffer, inside);
    if height == 0 {
        return beyond;
    }
    if beyond > 0 {
        let text = format!("{}-{} of {} lines", first + 1, first + height, lines.len());
        foot.push(Part::new(0, Strip::of(text, label)));
    }
    if !foot.is_empty() {
        let inner = fitting(foot, &Strip::of(" · ", label), usize::from(inside.width).saturating_sub(2));
        let strip = Strip::of(" ", label).then(inner).put(" ", label);
        let width = u16::try_from(strip.width()).unwrap_or(u16::MAX).min(inside.width);
        strip.draw(buffer, Rect { x: inside.right() - width, y: inside.bottom(), width, height: 1 }, 0);
    }
    beyond
}

/// Marks the selected row of a box.
pub fn select(row: usize, look: Look, inside: Rect, buffer: &mut Buffer) {
    let row = u16::try_from(row).unwrap_or(u16::MAX);
    if row < inside.height {
        let line = Rect { y: inside.y + row, height: 1, ..inside };
        buffer.set_style(line, look.style(Slot::Selected));
    }
}

fn actions(app: &App, at: usize, look: Look, area: Rect, buffer: &mut Buffer) {
    let key_of = |command: &Command| {
        app.keymap.keys_of(Layer::Actions, command.name).next().map(|keys| look.keys(keys)).unwrap_or_default()
    };
    let menu = app.menu();
    let widest = menu.iter().map(|(command, _)| key_of(command).width()).max().unwrap_or(0);
    let line = |(command, refusal): &(&'static Command, Option<Cow<'static, str>>)| {
        let (key, text) =
            if refusal.is_some() { (Slot::Label, Slot::Label) } else { (Slot::Key, Slot::Tone(Tone::Plain)) };
        let strip = Strip::of(key_of(command), look.style(key)).pad_to(widest + 2).put(command.title, look.style(text));
        match refusal {
            Some(why) => strip.put(format!("  – {why}"), look.style(Slot::Label)),
            None => strip,
        }
    };
    let lines: Vec<Strip> = menu.iter().map(line).collect();
    let columns = lines.iter().map(Strip::width).max().unwrap_or(0).max(40);
    let inside = open(&panes::subject(app), columns, lines.len(), look, area, buffer);
    draw_all(&lines, buffer, inside);
    select(at, look, inside, buffer);
}

fn leave(app: &App, look: Look, area: Rect, buffer: &mut Buffer) {
    let key = |key: &str| Strip::of(key, look.style(Slot::Key));
    let yes = app.keymap.keys_of(Layer::Dialog, "dialog.confirm").next().map(|keys| look.keys(keys));
    let lines = [
        Strip::default(),
        key(yes.as_deref().unwrap_or("ctrl-c ctrl-c"))
            .put(" leaves     ", Style::new())
            .then(key("any other key"))
            .put(" stays", Style::new()),
    ];
    let title = "Leave kafdeck?";
    question(title, &lines, app.guard.flashes(), look, area, buffer);
}

/// Draws a question; `flashes` is whether a key came too early, which is seen to have come.
pub fn question(title: &str, lines: &[Strip], flashes: bool, look: Look, area: Rect, buffer: &mut Buffer) {
    let columns = lines.iter().map(Strip::width).max().unwrap_or(0).max(title.len() + 2);
    let frame = if flashes { Slot::Banner } else { Slot::Focus };
    let inside = framed(title, (columns, lines.len()), frame, look, area, buffer);
    draw_all(lines, buffer, inside);
}

fn palette_box(app: &App, palette: &Palette, look: Look, area: Rect, buffer: &mut Buffer) {
    let entries = app.palette_entries(palette.form.text());
    let height = usize::from(area.height).saturating_sub(4).clamp(2, 20);
    let inside = open("Command, installation, topic or group", 72, height, look, area, buffer);
    let width = usize::from(inside.width);
    let typed = Strip::of(":", look.style(Slot::Key)).then(footer::typed(&palette.form, look));
    let count = units::counted(entries.len(), "match").replace("matchs", "matches");
    let typed = if typed.width() + count.len() + 2 <= width {
        typed.pad_to(width - count.len()).put(count, look.style(Slot::Label))
    } else {
        typed
    };
    typed.draw(buffer, inside, 0);
    let list = Rect { y: inside.y + 1, height: inside.height.saturating_sub(1), ..inside };
    let first = (palette.selected + 1).saturating_sub(usize::from(list.height).max(1));
    for (at, entry) in entries.iter().enumerate().skip(first).take(list.height.into()) {
        let row = u16::try_from(at - first).unwrap_or(u16::MAX);
        palette_entry(entry, look, width).draw(buffer, list, row);
    }
    if !entries.is_empty() {
        select(palette.selected - first, look, list, buffer);
    }
}

fn palette_entry(entry: &Entry, look: Look, width: usize) -> Strip {
    let refused = entry.refusal.is_some();
    let style = |slot| look.style(if refused { Slot::Label } else { slot });
    let key = look.keys(&entry.keys);
    let name = cut(&entry.name, width.saturating_sub(10).min(40));
    let what = match &entry.refusal {
        Some(why) => format!("{} – {why}", entry.title),
        None => entry.title.clone(),
    };
    let strip = Strip::of(name, style(Slot::Tone(Tone::Plain))).pad_to(20).put("  ", Style::new());
    let room = width.saturating_sub(strip.width() + 8);
    strip
        .put(cut_end(&what, room), look.style(Slot::Label))
        .pad_to(width.saturating_sub(key.chars().count()))
        .put(key, style(Slot::Key))
}
