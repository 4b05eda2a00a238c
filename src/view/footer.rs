//! The last line: what is being typed, what was just said, or the keys that act here.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
};

use super::{
    acting,
    look::{Look, Slot},
    strip::{Part, Strip, fitting},
};
use crate::{
    app::{
        App, Overlay, Place, Tab,
        columns::Tone,
        commands::{Command, CommandId, by_name},
        form::Form,
    },
    domain::text::shortened,
};

/// Draws the last line.
pub fn render(app: &App, look: Look, area: Rect, buffer: &mut Buffer) {
    let width = usize::from(area.width);
    let strip = if !app.pending.is_empty() {
        continuations(app, look, width)
    } else if let Some(Overlay::Filter(form)) = &app.overlay {
        let typed = Strip::of(" /", look.style(Slot::Key)).then(typed(form, look));
        let typed = typed.put(format!("  {}  ", matches(app)), look.tone(Tone::Muted));
        let (keeps, clears) = (key_of(app, look, "text.accept"), key_of(app, look, "text.cancel"));
        match problem(app) {
            Some(problem) if app.place == Place::Logs => {
                typed.put(format!("{problem}; the last good one holds"), look.tone(Tone::Warn))
            }
            Some(problem) => typed.put(problem, look.tone(Tone::Warn)),
            None => typed.put(format!("{keeps} keeps it, {clears} clears it"), look.tone(Tone::Muted)),
        }
    } else if let Some(Overlay::SaveLogs(form)) = &app.overlay {
        let (saves, cancels) = (key_of(app, look, "text.accept"), key_of(app, look, "text.cancel"));
        let what = format!("  ({} lines)  {saves} saves them, {cancels} does not", app.logs.ring().matches());
        Strip::of(" save to: ", look.style(Slot::Key)).then(typed(form, look)).put(what, look.tone(Tone::Muted))
    } else if let Some(notice) = &app.notice {
        Strip::of(" ", Style::new()).put(notice, look.style(Slot::Title))
    } else {
        keys(app, look, width)
    };
    strip.draw(buffer, area, 0);
}

/// The keys that run a command, or how it is typed where none does.
pub fn key_of(app: &App, look: Look, name: &str) -> String {
    let keys = by_name(name).and_then(|command| app.keys_of(command).first().map(|keys| look.keys(keys)));
    keys.unwrap_or_else(|| format!(":{name}"))
}

/// A line that is being typed, with its cursor.
pub fn typed(form: &Form, look: Look) -> Strip {
    let chars: Vec<char> = form.text().chars().collect();
    let at = form.cursor().min(chars.len());
    let (before, rest) = chars.split_at(at);
    let strip = Strip::of(before.iter().collect::<String>(), Style::new());
    match rest.split_first() {
        None => strip.put("█", look.style(Slot::Key)),
        Some((under, after)) => strip
            .put(under.to_string(), Style::new().add_modifier(Modifier::REVERSED))
            .put(after.iter().collect::<String>(), Style::new()),
    }
}

/// What of the filter is left out, and why.
fn problem(app: &App) -> Option<String> {
    match app.list() {
        Some(id) => app.lists.get(&id)?.problems.first().cloned(),
        None => app.logs.grep.problem().map(str::to_owned),
    }
}

/// How many rows or lines pass the filter.
fn matches(app: &App) -> String {
    if app.place == Place::Logs {
        let ring = app.logs.ring();
        let far = if ring.is_scanning() { " so far" } else { "" };
        return format!("({}{far} of {})", ring.matches(), ring.kept());
    }
    let (Some(id), Some(shown)) = (app.list(), &app.shown) else { return String::new() };
    let passing = app.lists.get(&id).map_or(0, |l| l.order.len());
    format!("({passing} of {})", super::panes::len(shown, id))
}

/// Keys that act here, as many as fit; help always.
fn keys(app: &App, look: Look, width: usize) -> Strip {
    let mut commands: Vec<&Command> = app.commands_here().filter(|c| c.footer > 0 && acts(app, c.id)).collect();
    commands.sort_by_key(|c| c.footer);
    let filter = app.current_filter();
    let mut parts: Vec<Part> = acting::in_one_line(app, look).into_iter().collect();
    if !filter.is_empty() {
        let why = problem(app).map(|why| format!(" {}", shortened(&why, 64))).unwrap_or_default();
        let what = if app.place == Place::Logs { "grep" } else { "filter" };
        let text = format!("{what}: {filter} {}{why}", matches(app));
        parts.push(Part::new(0, Strip::of(text.trim_end(), look.tone(Tone::Warn))));
    }
    parts.extend(commands.into_iter().filter_map(|command| {
        let key = look.keys(app.keys_of(command).first()?);
        let refused = command.refusal(app).is_some();
        let style = |slot| look.style(if refused { Slot::Label } else { slot });
        let strip =
            Strip::of(key, style(Slot::Key)).put(format!(" {}", label(command)), style(Slot::Tone(Tone::Plain)));
        Some(Part::new(if command.id == CommandId::Help { 0 } else { command.footer }, strip))
    }));
    Strip::of(" ", Style::new()).then(fitting(parts, &Strip::of("   ", Style::new()), width.saturating_sub(2)))
}

/// The keys of a sequence that is not complete, and what may follow.
fn continuations(app: &App, look: Look, width: usize) -> Strip {
    let begun = Strip::of(format!("{}…", look.keys(&app.pending)), look.style(Slot::Title));
    let next = app.keymap.continuations(app.layers(), &app.pending).into_iter().filter_map(|(keys, name)| {
        let what = label(by_name(name)?);
        let strip = Strip::of(look.keys(keys), look.style(Slot::Key)).put(format!(" {what}"), look.tone(Tone::Plain));
        Some(Part::new(1, strip))
    });
    let parts = [Part::new(0, begun)].into_iter().chain(next).collect();
    Strip::of(" ", Style::new()).then(fitting(parts, &Strip::of("   ", Style::new()), width.saturating_sub(2)))
}

/// Panes change only where there are several.
fn acts(app: &App, id: CommandId) -> bool {
    id != CommandId::NextPane || app.place == Place::Tab(Tab::Overview)
}

/// A command's short name.
fn label(command: &Command) -> String {
    match command.name.rsplit_once('.') {
        Some(("pane", name)) => format!("{name} pane"),
        Some((_, name)) => name.to_owned(),
        None => command.name.to_owned(),
    }
}
