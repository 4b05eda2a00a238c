//! A list as a table: only the rows in sight are built; columns are left out before anything is cut.

use chrono::{DateTime, Utc};
use ratatui::{buffer::Buffer, layout::Rect};
use unicode_width::UnicodeWidthStr;

use super::{
    look::{Look, Slot},
    strip::{Strip, cut},
};
use crate::app::{
    columns::{Cell, Column, Row, Width},
    lists::ListState,
};

/// Blanks between two columns.
const GAP: usize = 2;
/// A name's column grows in such steps, so that it does not shift with every row that scrolls by.
const STEP: usize = 8;
/// Up to this width a name is shown whole before columns of comfort are.
const NAME: usize = 36;
/// From this `optional` on a column is comfort.
const COMFORT: u8 = 3;

/// How a table is drawn.
#[derive(Debug, Clone, Copy)]
pub struct TableLook {
    /// Styles.
    pub look: Look,
    /// The cursor is shown.
    pub focused: bool,
    /// Names of columns are shown.
    pub heading: bool,
    /// The moment.
    pub now: DateTime<Utc>,
}

/// Rows that are in sight in a table of `height` lines.
pub fn in_sight(height: u16, heading: bool) -> usize {
    usize::from(height.saturating_sub(u16::from(heading)))
}

/// Draws a list.
pub fn render<R: Row>(rows: &[R], list: &ListState, with: TableLook, area: Rect, buffer: &mut Buffer) {
    let area = area.intersection(buffer.area);
    let height = in_sight(area.height, with.heading);
    let first = list.offset(height);
    let visible: Vec<&R> = list.order.iter().skip(first).take(height).filter_map(|i| rows.get(*i)).collect();
    let cells: Vec<Vec<Cell>> =
        visible.iter().map(|row| R::COLUMNS.iter().map(|c| (c.cell)(row, with.now)).collect()).collect();
    let titles: Vec<String> = R::COLUMNS.iter().enumerate().map(|(at, c)| title(c, at, list.sort)).collect();
    let widths = widths(R::COLUMNS, &titles, &cells, usize::from(area.width).saturating_sub(2));
    if with.heading {
        let heading = titles.iter().map(|t| (t.clone(), with.look.style(Slot::Label)));
        line(R::COLUMNS, &widths, heading).draw(buffer, area, 0);
    }
    for (at, cells) in cells.into_iter().enumerate() {
        let row = u16::try_from(at).unwrap_or(u16::MAX).saturating_add(u16::from(with.heading));
        let cells = cells.into_iter().map(|c| (c.text, with.look.tone(c.tone)));
        line(R::COLUMNS, &widths, cells).draw(buffer, area, row);
        if with.focused && first + at == list.position() {
            let selected = Rect { y: area.y + row.min(area.height.saturating_sub(1)), height: 1, ..area };
            buffer.set_style(selected, with.look.style(Slot::Selected));
        }
    }
}

fn title<R>(column: &Column<R>, at: usize, sort: Option<(usize, bool)>) -> String {
    match sort {
        Some((sorted, reverse)) if sorted == at => format!("{}{}", column.title, if reverse { "↓" } else { "↑" }),
        _ => column.title.to_owned(),
    }
}

/// One line of a table: `None` widths are columns that are left out.
fn line<R>(
    columns: &[Column<R>],
    widths: &[Option<usize>],
    cells: impl Iterator<Item = (String, ratatui::style::Style)>,
) -> Strip {
    let mut strip = Strip::of(" ", ratatui::style::Style::new());
    let mut column_at = 1;
    for ((column, width), (text, style)) in columns.iter().zip(widths).zip(cells) {
        let Some(width) = *width else { continue };
        let text = cut(&text, width);
        let missing = width.saturating_sub(text.width());
        strip = strip.pad_to(column_at + if column.right { missing } else { 0 }).put(text, style);
        column_at += width + GAP;
    }
    strip
}

/// Widths of the columns; `None` for those that are left out.
fn widths<R>(columns: &[Column<R>], titles: &[String], cells: &[Vec<Cell>], available: usize) -> Vec<Option<usize>> {
    let content = |at: usize| cells.iter().filter_map(|row| row.get(at)).map(|c| c.text.width()).max().unwrap_or(0);
    let mut widths: Vec<Option<usize>> = columns
        .iter()
        .zip(titles)
        .enumerate()
        .map(|(at, (column, title))| {
            Some(match column.width {
                Width::Fit { min, max } => content(at).clamp(min.into(), max.into()).max(title.width()),
                // A column of comfort is there whole or not at all.
                Width::Rest { min } if column.optional > 0 => {
                    content(at).clamp(min.into(), NAME.max(min.into())).max(title.width())
                }
                Width::Rest { min } => usize::from(min).max(title.width()),
            })
        })
        .collect();
    choose(columns, &mut widths, available, content);
    narrow(&mut widths, available);
    widen(columns, &mut widths, available, content);
    widths
}

/// Chooses the columns that fit, the most important first. A name that can be read whole is worth more than
/// comfort; what matters is worth more than a whole name.
fn choose<R>(columns: &[Column<R>], widths: &mut [Option<usize>], available: usize, content: impl Fn(usize) -> usize) {
    let wanted: Vec<Option<usize>> = widths.to_vec();
    let names = columns.iter().enumerate().filter(|(_, c)| c.optional == 0 && matches!(c.width, Width::Rest { .. }));
    let whole: usize = names.map(|(at, _)| content(at).min(NAME).saturating_sub(wanted[at].unwrap_or_default())).sum();
    let mut by_importance: Vec<usize> = (0..columns.len()).collect();
    by_importance.sort_by_key(|at| columns[*at].optional);
    widths.fill(None);
    for at in by_importance {
        let reserved = if columns[at].optional >= COMFORT { whole } else { 0 };
        widths[at] = wanted[at];
        if columns[at].optional > 0 && total(widths) + reserved > available {
            widths[at] = None;
        }
    }
}

fn total(widths: &[Option<usize>]) -> usize {
    let shown = widths.iter().flatten();
    shown.clone().sum::<usize>() + GAP * shown.count().saturating_sub(1)
}

/// Takes from the widest columns what is too much.
fn narrow(widths: &mut [Option<usize>], available: usize) {
    for _ in 0..available.max(400) {
        if total(widths) <= available {
            return;
        }
        let Some(widest) = widths.iter_mut().flatten().max() else { return };
        if *widest <= 1 {
            return;
        }
        *widest -= 1;
    }
}

/// Gives what is left to the columns that take it: as much as their cells need, and all of it to the last one.
fn widen<R>(columns: &[Column<R>], widths: &mut [Option<usize>], available: usize, content: impl Fn(usize) -> usize) {
    let last = widths.iter().rposition(Option::is_some);
    for (at, column) in columns.iter().enumerate() {
        let spare = available.saturating_sub(total(widths));
        let (Some(width), Width::Rest { .. }) = (&mut widths[at], column.width) else { continue };
        let wanted = if Some(at) == last { usize::MAX } else { content(at).next_multiple_of(STEP) };
        *width += wanted.saturating_sub(*width).min(spare);
    }
}
