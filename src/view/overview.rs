//! The Overview: six panes at once, stacked on a small terminal and in two columns on a large one.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::{
    compact,
    look::{Look, Slot},
    panes,
    strip::{Part, Strip, draw_all, wrapped},
    table::{self, TableLook},
};
use crate::app::{
    App, PANES,
    columns::Tone,
    lists::{ListId, ListState},
    shown::Shown,
};

/// From this size on there are two columns.
const COLUMNS_FROM: (u16, u16) = (110, 30);
/// Rows up to which a pane without the focus tells its worst rows in words instead of as a table.
const COMPACT: u16 = 2;

/// The panes of the two columns.
const LEFT: [ListId; 3] = [ListId::Brokers, ListId::Storage, ListId::Topics];
const RIGHT: [ListId; 3] = [ListId::Findings, ListId::Groups, ListId::Alerts];

/// Draws the Overview.
pub fn render(app: &App, shown: &Shown, look: &Look, area: Rect, buffer: &mut Buffer) {
    let page = Page { app, shown, look };
    if area.width >= COLUMNS_FROM.0 && buffer.area.height >= COLUMNS_FROM.1 {
        let half = area.width / 2;
        let separator = Rect { x: area.x + half, width: 1, ..area };
        page.column(&LEFT, Rect { width: half, ..area }, buffer);
        page.column(&RIGHT, Rect { x: area.x + half + 1, width: area.width - half - 1, ..area }, buffer);
        for row in 0..separator.height {
            Strip::of("│", look.style(Slot::Rule)).draw(buffer, separator, row);
        }
        return;
    }
    if area.width < super::SMALL_WIDTH || buffer.area.height < super::SMALL_HEIGHT {
        page.findings_only(area, buffer);
        return;
    }
    page.stack(area, buffer);
}

/// What every pane needs.
struct Page<'a> {
    app: &'a App,
    shown: &'a Shown,
    look: &'a Look,
}

impl Page<'_> {
    /// Panes below each other in a column of a large terminal: rows by what each has, not by the focus, so
    /// that nothing moves when the focus does.
    fn column(&self, ids: &[ListId], area: Rect, buffer: &mut Buffer) {
        let least: Vec<u16> = ids.iter().map(|id| if self.is_quiet(*id) { 1 } else { 4 }).collect();
        let wanted: Vec<u16> = ids.iter().map(|id| self.wanted(*id, true)).collect();
        let mut heights = share(area.height, &least, &wanted);
        let spare = area.height.saturating_sub(heights.iter().sum());
        if let Some(last) = heights.last_mut() {
            *last += spare;
        }
        self.place(ids, &heights, area, buffer, true);
    }

    /// All panes below each other: one row each, then the focused one opens, then the rest as they can.
    fn stack(&self, area: Rect, buffer: &mut Buffer) {
        let focus = PANES.iter().position(|id| *id == self.app.pane).unwrap_or_default();
        let mut least = Vec::new();
        for (at, id) in PANES.iter().enumerate() {
            let wanted = self.wanted(*id, at == focus);
            let opened = match id {
                _ if at == focus => 8,
                ListId::Brokers => 5,
                ListId::Findings => 3,
                _ => 2,
            };
            least.push(wanted.min(opened));
        }
        let wanted: Vec<u16> = PANES
            .iter()
            .enumerate()
            .map(|(at, id)| if at == focus { self.wanted(*id, true) } else { self.wanted(*id, false) })
            .collect();
        let mut heights = fit(area.height, &least);
        grow(&mut heights, focus, wanted[focus], area.height);
        let heights = share(area.height, &heights, &wanted);
        self.place(&PANES, &heights, area, buffer, false);
    }

    fn place(&self, ids: &[ListId], heights: &[u16], area: Rect, buffer: &mut Buffer, tables: bool) {
        let mut y = area.y;
        for (id, height) in ids.iter().zip(heights) {
            let here = Rect { y, height: *height, ..area }.intersection(area);
            self.pane(*id, tables, here, buffer);
            y = y.saturating_add(*height);
        }
    }

    /// Rows a pane would take with everything it has, its title included.
    fn wanted(&self, id: ListId, open: bool) -> u16 {
        if self.is_quiet(id) {
            return 1;
        }
        let rows = panes::len(self.shown, id).max(1);
        let rows = match id {
            ListId::Findings => rows * 2,
            ListId::Alerts if !open => 1,
            _ => rows + usize::from(open || id == ListId::Brokers),
        };
        let doubt = usize::from(panes::doubt(self.app, self.shown, id).is_some());
        let sources = usize::from(id == ListId::Alerts);
        u16::try_from(1 + rows + doubt + sources).unwrap_or(u16::MAX)
    }

    /// The findings pane is one line while there is none.
    fn is_quiet(&self, id: ListId) -> bool {
        id == ListId::Findings && self.shown.findings.is_empty()
    }

    fn pane(&self, id: ListId, tables: bool, area: Rect, buffer: &mut Buffer) {
        let (app, shown, look) = (self.app, self.shown, self.look);
        if area.height == 0 {
            return;
        }
        let focused = app.pane == id && app.overlay.is_none();
        let width = usize::from(area.width);
        if self.is_quiet(id) {
            let (tone, text) = panes::quiet(app, shown);
            let name = Strip::of(text, look.tone(tone));
            panes::rule(name, Vec::new(), focused, look, width).draw(buffer, area, 0);
            return;
        }
        let none = ListState::default();
        let list = app.lists.get(&id).unwrap_or(&none);
        let mut body = Rect { y: area.y + 1, height: area.height - 1, ..area };
        let is_table = tables || app.pane == id || body.height > COMPACT;
        self.notes(id, &mut body, buffer);
        let heading = id != ListId::Findings && body.height > 1;
        let mut right = panes::summary(app, shown, id);
        if is_table && app.pane == id {
            right.extend(panes::position(list, table::in_sight(body.height, heading)));
        }
        panes::rule(panes::heading(id, focused, look), right, focused, look, width).draw(buffer, area, 0);
        if list.order.is_empty() {
            let lines = wrapped(&panes::empty(app, shown, id), width.saturating_sub(2));
            let lines: Vec<Strip> = lines.iter().map(|l| Strip::of(format!(" {l}"), look.tone(Tone::Muted))).collect();
            draw_all(&lines, buffer, body);
        } else if id == ListId::Findings {
            compact::findings(app, shown, list, look, focused, body, buffer);
        } else if is_table {
            let how = TableLook { look, focused, heading, now: app.now };
            panes::rows(shown, id, list, how, body, buffer);
        } else {
            draw_all(&compact::lines(shown, id, list, look, width), buffer, body);
        }
    }

    /// Lines that come before the rows: why the pane cannot be trusted, who evaluates alerts.
    fn notes(&self, id: ListId, body: &mut Rect, buffer: &mut Buffer) {
        let mut notes = Vec::new();
        if let Some(doubt) = panes::doubt(self.app, self.shown, id) {
            notes.push(Strip::of(format!(" ? {doubt}"), self.look.tone(Tone::Warn)));
        }
        if id == ListId::Alerts {
            notes.push(Strip::of(format!(" {}", compact::alert_sources(self.shown)), self.look.tone(Tone::Muted)));
        }
        for note in notes {
            if body.height == 0 {
                return;
            }
            note.draw(buffer, *body, 0);
            *body = Rect { y: body.y + 1, height: body.height - 1, ..*body };
        }
    }

    /// What is left of the Overview on a terminal that is too small for it.
    fn findings_only(&self, area: Rect, buffer: &mut Buffer) {
        let (least_width, least_height) = (super::SMALL_WIDTH, super::SMALL_HEIGHT);
        let says = format!("findings only: the rest needs {least_width}×{least_height}");
        let right = vec![Part::new(0, Strip::of(says, Style::new()))];
        let width = usize::from(area.width);
        let name = panes::heading(ListId::Findings, true, self.look);
        panes::rule(name, right, true, self.look, width).draw(buffer, area, 0);
        let body = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
        if self.shown.findings.is_empty() {
            let (tone, text) = panes::quiet(self.app, self.shown);
            let lines: Vec<Strip> =
                wrapped(&text, width).iter().map(|l| Strip::of(l, self.look.tone(tone))).collect();
            draw_all(&lines, buffer, body);
            return;
        }
        let none = ListState::default();
        let list = self.app.lists.get(&ListId::Findings).unwrap_or(&none);
        compact::findings(self.app, self.shown, list, self.look, true, body, buffer);
    }
}

/// Heights that fit: from the last pane on, each gives up to all but its title.
fn fit(height: u16, least: &[u16]) -> Vec<u16> {
    let mut heights = least.to_vec();
    for smallest in [2, 1, 0] {
        for at in (0..heights.len()).rev() {
            let too_much = heights.iter().sum::<u16>().saturating_sub(height);
            heights[at] -= too_much.min(heights[at].saturating_sub(smallest));
        }
    }
    heights
}

/// Lets one pane grow as far as there is room.
fn grow(heights: &mut [u16], at: usize, wanted: u16, height: u16) {
    let spare = height.saturating_sub(heights.iter().sum());
    heights[at] += wanted.saturating_sub(heights[at]).min(spare);
}

/// Heights for panes below each other: the least for each, then row by row to those that want more.
fn share(height: u16, least: &[u16], wanted: &[u16]) -> Vec<u16> {
    let mut heights = fit(height, least);
    let mut spare = height.saturating_sub(heights.iter().sum());
    while spare > 0 {
        let mut given = false;
        for (have, wanted) in heights.iter_mut().zip(wanted) {
            if spare > 0 && *have < *wanted {
                *have += 1;
                spare -= 1;
                given = true;
            }
        }
        if !given {
            break;
        }
    }
    heights
}

#[cfg(test)]
mod tests {
    use super::{fit, share};

    #[test]
    fn spare_rows_go_to_those_that_want_them_and_never_beyond_the_screen() {
        assert_eq!(share(10, &[2, 2, 2], &[2, 9, 3]), [2, 5, 3]);
        assert_eq!(share(4, &[2, 2, 2], &[9, 9, 9]).iter().sum::<u16>(), 4);
        assert_eq!(fit(0, &[3, 3]), [0, 0]);
    }
}
