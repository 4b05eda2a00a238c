//! A tab, or the partitions of a topic or a group: one table over the whole middle.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{
    look::Look,
    panes,
    strip::{Strip, draw_all, wrapped},
    table::{self, TableLook},
};
use crate::app::{App, columns::Tone, lists::ListState, shown::Shown};

/// Draws the place.
pub fn render(app: &App, shown: &Shown, look: Look, area: Rect, buffer: &mut Buffer) {
    let Some(id) = app.list() else { return };
    let none = ListState::default();
    let list = app.lists.get(&id).unwrap_or(&none);
    let width = usize::from(area.width);
    let focused = app.overlay.is_none();
    let body = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    let mut right = panes::summary(app, shown, id);
    right.extend(panes::position(list, table::in_sight(body.height, true)));
    panes::rule(panes::heading(id, true, look), right, true, look, width).draw(buffer, area, 0);
    if list.order.is_empty() {
        let lines = wrapped(&panes::empty(app, shown, id), width.saturating_sub(2));
        let lines: Vec<Strip> = lines.iter().map(|l| Strip::of(format!(" {l}"), look.tone(Tone::Muted))).collect();
        draw_all(&lines, buffer, body);
        return;
    }
    let how = TableLook { look, focused, heading: true, now: app.now };
    panes::rows(shown, id, list, how, body, buffer);
}
