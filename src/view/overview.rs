//! The Overview: six panes at once, stacked on a small terminal and in two columns on a large one.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};
use unicode_width::UnicodeWidthStr;

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
/// Lines up to which everything is told of the findings on a small terminal.
const TOLD: usize = 7;

/// The panes of the two columns.
const LEFT: [ListId; 3] = [ListId::Brokers, ListId::Storage, ListId::Topics];
const RIGHT: [ListId; 3] = [ListId::Findings, ListId::Groups, ListId::Alerts];

/// Draws the Overview.
pub fn render(app: &App, shown: &Shown, look: Look, area: Rect, buffer: &mut Buffer) {
    let columns = area.width >= COLUMNS_FROM.0 && buffer.area.height >= COLUMNS_FROM.1;
    let page = Page { app, shown, look, columns };
    if columns {
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
    look: Look,
    columns: bool,
}

impl Page<'_> {
    /// Panes below each other in a column of a large terminal: rows by what each has, not by the focus, so
    /// that nothing moves when the focus does.
    fn column(&self, ids: &[ListId], area: Rect, buffer: &mut Buffer) {
        let least: Vec<u16> = ids.iter().map(|id| if self.is_quiet(*id, area.width) { 1 } else { 4 }).collect();
        let wanted: Vec<u16> = ids.iter().map(|id| self.wanted(*id, true, area.width)).collect();
        let mut heights = share(area.height, &least, &wanted);
        let spare = area.height.saturating_sub(heights.iter().sum());
        let count = u16::try_from(heights.len()).unwrap_or(1).max(1);
        for (at, height) in heights.iter_mut().enumerate().skip_while(|(at, _)| self.is_quiet(ids[*at], area.width)) {
            *height += spare / count + u16::from(at + 1 == ids.len()) * (spare % count);
        }
        self.place(ids, &heights, area, buffer);
    }

    /// All panes below each other: one row each, then the focused one opens, then the rest as they can.
    fn stack(&self, area: Rect, buffer: &mut Buffer) {
        let focus = PANES.iter().position(|id| *id == self.app.pane).unwrap_or_default();
        let mut least = Vec::new();
        for (at, id) in PANES.iter().enumerate() {
            let wanted = self.wanted(*id, at == focus, area.width);
            let opened = match id {
                _ if at == focus => 8,
                ListId::Brokers => 5,
                ListId::Findings => 3,
                _ => 2,
            };
            least.push(wanted.min(opened));
        }
        let wanted: Vec<u16> =
            PANES.iter().enumerate().map(|(at, id)| self.wanted(*id, at == focus, area.width)).collect();
        let mut heights = fit(area.height, &least);
        grow(&mut heights, focus, wanted[focus], area.height);
        let heights = share(area.height, &heights, &wanted);
        self.place(&PANES, &heights, area, buffer);
    }

    fn place(&self, ids: &[ListId], heights: &[u16], area: Rect, buffer: &mut Buffer) {
        let mut y = area.y;
        for (id, height) in ids.iter().zip(heights) {
            let here = Rect { y, height: *height, ..area }.intersection(area);
            self.pane(*id, here, buffer);
            y = y.saturating_add(*height);
        }
    }

    /// Rows a pane would take with everything it has, its title included.
    fn wanted(&self, id: ListId, open: bool, width: u16) -> u16 {
        if self.is_quiet(id, width) {
            return 1;
        }
        let most = if self.columns { usize::MAX } else { TOLD };
        let none = ListState::default();
        let rows = match id {
            _ if panes::len(self.shown, id) == 0 => {
                let text = panes::empty(self.app, self.shown, id, self.look, width.into()).1;
                wrapped(&text, usize::from(width).saturating_sub(2)).len()
            }
            ListId::Findings => compact::findings_height(self.app, self.shown, self.look, width, most),
            _ if open || id == ListId::Brokers => panes::len(self.shown, id) + 1,
            _ => {
                let list = self.app.lists.get(&id).unwrap_or(&none);
                compact::lines(self.shown, id, list, self.look, usize::from(width)).len()
            }
        };
        let notes = self.notes(id).len();
        u16::try_from(1 + rows.max(1) + notes).unwrap_or(u16::MAX)
    }

    /// The findings pane is one line while there is none.
    fn is_quiet(&self, id: ListId, width: u16) -> bool {
        let said = || panes::quiet(self.app, self.shown, width.into()).1.width() + panes::MARGIN;
        id == ListId::Findings && self.shown.findings.is_empty() && said() <= usize::from(width)
    }

    fn pane(&self, id: ListId, area: Rect, buffer: &mut Buffer) {
        let (app, shown, look) = (self.app, self.shown, self.look);
        if area.height == 0 {
            return;
        }
        let focused = app.pane == id && panes::has_keys(app);
        let width = usize::from(area.width);
        if self.is_quiet(id, area.width) {
            let (tone, text) = panes::quiet(app, shown, width);
            let name = Strip::of(text, look.tone(tone));
            panes::rule(name, Vec::new(), focused, look, width).draw(buffer, area, 0);
            return;
        }
        let none = ListState::default();
        let list = app.lists.get(&id).unwrap_or(&none);
        let body = Rect { y: area.y + 1, height: area.height - 1, ..area };
        let is_table = self.columns || app.pane == id || id == ListId::Brokers;
        let body = draw_first(&self.notes(id), body, buffer);
        let heading = id != ListId::Findings && body.height > 1;
        let mut right = panes::summary(app, shown, id);
        if is_table && app.pane == id {
            right.extend(panes::position(list, table::in_sight(body.height, heading)));
        }
        panes::rule(panes::heading(id, focused, look), right, focused, look, width).draw(buffer, area, 0);
        if list.order.is_empty() {
            let (tone, text) = panes::empty(app, shown, id, look, width);
            let lines = wrapped(&text, width.saturating_sub(2));
            let lines: Vec<Strip> = lines.iter().map(|l| Strip::of(format!(" {l}"), look.tone(tone))).collect();
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
    fn notes(&self, id: ListId) -> Vec<Strip> {
        let doubt = panes::doubt(self.app, self.shown, id);
        let mut notes: Vec<Strip> =
            doubt.map(|doubt| Strip::of(format!(" ? {doubt}"), self.look.tone(Tone::Warn))).into_iter().collect();
        if id == ListId::Alerts {
            notes.push(Strip::of(format!(" {}", compact::alert_sources(self.shown)), self.look.tone(Tone::Muted)));
        }
        notes
    }

    /// What is left of the Overview on a terminal that is too small for it.
    fn findings_only(&self, area: Rect, buffer: &mut Buffer) {
        let (least_width, least_height) = (super::SMALL_WIDTH, super::SMALL_HEIGHT);
        let width = usize::from(area.width);
        let rest = if width < 40 { "" } else { "the rest " };
        let says = format!("{rest}needs {least_width}×{least_height}");
        let right = vec![Part::new(0, Strip::of(says, Style::new()))];
        let name = panes::heading(ListId::Findings, true, self.look);
        panes::rule(name, right, true, self.look, width).draw(buffer, area, 0);
        let body = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
        if self.shown.findings.is_empty() {
            let (tone, text) = panes::quiet(self.app, self.shown, usize::MAX);
            let lines: Vec<Strip> = wrapped(&text, width.saturating_sub(2))
                .iter()
                .map(|l| Strip::of(format!(" {l}"), self.look.tone(tone)))
                .collect();
            draw_all(&lines, buffer, body);
            return;
        }
        let none = ListState::default();
        let list = self.app.lists.get(&ListId::Findings).unwrap_or(&none);
        compact::findings(self.app, self.shown, list, self.look, true, body, buffer);
    }
}

/// Draws lines at the top of an area and answers with what is left of it.
fn draw_first(lines: &[Strip], area: Rect, buffer: &mut Buffer) -> Rect {
    draw_all(lines, buffer, area);
    let taken = u16::try_from(lines.len()).unwrap_or(u16::MAX).min(area.height);
    Rect { y: area.y + taken, height: area.height - taken, ..area }
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
