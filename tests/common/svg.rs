//! A screen as a picture: cells become text and shapes of an SVG, the same on every machine.

use std::fmt::Write;

use ratatui::{
    buffer::{Buffer, Cell},
    style::{Color, Modifier},
};
use unicode_width::UnicodeWidthStr;

/// Size of a cell and of the text in it.
const WIDTH: f64 = 8.4;
const HEIGHT: f64 = 18.0;
const FONT: f64 = 14.0;
/// Room around the screen; above it stands the window's bar.
const MARGIN: f64 = 14.0;
const BAR: f64 = 30.0;

/// The terminal's own colours.
const GROUND: &str = "#14171c";
const FORE: &str = "#d3d7de";
const FAINT: &str = "#7b828e";
/// The 16 colours, as a calm dark terminal has them.
const COLORS: [&str; 16] = [
    "#2b3038", "#e5616b", "#83c07c", "#dfb35f", "#6aa5e8", "#c58ae0", "#5bbfc9", "#c3c8d0", "#5b6370", "#f0838b",
    "#a3d69d", "#eec985", "#8fc0f5", "#d9a9ee", "#84d8e0", "#f4f6f8",
];

/// How a run of cells looks.
#[derive(Clone, PartialEq)]
struct Style {
    fore: String,
    back: Option<String>,
    bold: bool,
}

/// The picture of a screen, with a title in its bar.
pub fn picture(buffer: &Buffer, title: &str) -> String {
    let (columns, rows) = (f64::from(buffer.area.width), f64::from(buffer.area.height));
    let (width, height) = (columns * WIDTH + 2.0 * MARGIN, rows * HEIGHT + BAR + MARGIN);
    let mut svg = String::new();
    let _ = writeln!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.1} {height:.1}\" width=\"{width:.0}\" \
         height=\"{height:.0}\" role=\"img\" aria-label=\"{}\">",
        escaped(title)
    );
    let _ = writeln!(
        svg,
        "<style>text{{font:{FONT}px ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace;white-space:pre}}.b{{font-weight:700}}</style>"
    );
    let _ = writeln!(svg, "<rect width=\"{width:.1}\" height=\"{height:.1}\" rx=\"9\" fill=\"{GROUND}\"/>");
    for (n, color) in [COLORS[1], COLORS[3], COLORS[2]].iter().enumerate() {
        let x = MARGIN + 6.0 + n as f64 * 18.0;
        let _ = writeln!(svg, "<circle cx=\"{x:.1}\" cy=\"15\" r=\"5.5\" fill=\"{color}\" opacity=\".8\"/>");
    }
    let _ = writeln!(
        svg,
        "<text x=\"{:.1}\" y=\"20\" text-anchor=\"middle\" fill=\"{FAINT}\">{}</text>",
        width / 2.0,
        escaped(title)
    );
    for (row, cells) in buffer.content.chunks(usize::from(buffer.area.width)).enumerate() {
        draw_row(&mut svg, row, cells);
    }
    svg.push_str("</svg>\n");
    svg
}

/// One row: runs of cells of one look.
fn draw_row(svg: &mut String, row: usize, cells: &[Cell]) {
    let top = BAR + row as f64 * HEIGHT;
    let mut column = 0;
    while column < cells.len() {
        let style = style_of(&cells[column]);
        let end = (column..cells.len()).find(|at| style_of(&cells[*at]) != style).unwrap_or(cells.len());
        let left = MARGIN + column as f64 * WIDTH;
        if let Some(back) = &style.back {
            let width = (end - column) as f64 * WIDTH;
            let _ = writeln!(
                svg,
                "<rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{HEIGHT}\" fill=\"{back}\"/>"
            );
        }
        draw_run(svg, &cells[column..end], &style, left, top);
        column = end;
    }
}

/// Shapes where a glyph is one, text for the rest; every word keeps its columns whatever the font.
fn draw_run(svg: &mut String, cells: &[Cell], style: &Style, left: f64, top: f64) {
    let mut at = 0;
    while at < cells.len() {
        let symbol = cells[at].symbol();
        let x = left + at as f64 * WIDTH;
        if symbol.trim().is_empty() {
            at += 1;
            continue;
        }
        let same = cells[at..].iter().take_while(|c| c.symbol() == symbol).count();
        if let Some(shape) = shape(symbol, x, top, same as f64 * WIDTH, &style.fore) {
            svg.push_str(&shape);
            at += same;
            continue;
        }
        // A word, and single blanks between words.
        let mut end = at;
        let mut text = String::new();
        while end < cells.len() {
            let next = cells[end].symbol();
            let gap = next.trim().is_empty() && cells.get(end + 1).is_none_or(|c| c.symbol().trim().is_empty());
            if gap || (end > at && shape(next, 0.0, 0.0, 0.0, "").is_some()) {
                break;
            }
            text.push_str(next);
            end += next.width().max(1);
        }
        let end = end.max(at + 1).min(cells.len());
        let class = if style.bold { " class=\"b\"" } else { "" };
        let _ = writeln!(
            svg,
            "<text x=\"{x:.1}\" y=\"{:.1}\" textLength=\"{:.1}\" lengthAdjust=\"spacingAndGlyphs\" fill=\"{}\"{class}>{}</text>",
            top + 13.5,
            (end - at) as f64 * WIDTH,
            style.fore,
            escaped(&text)
        );
        at = end;
    }
}

/// Glyphs that are drawn: rules, frames and bars.
fn shape(symbol: &str, x: f64, top: f64, width: f64, color: &str) -> Option<String> {
    let (middle, center) = (top + HEIGHT / 2.0, x + WIDTH / 2.0);
    let line = |path: String, stroke: f64| {
        format!("<path d=\"{path}\" stroke=\"{color}\" stroke-width=\"{stroke}\" fill=\"none\"/>\n")
    };
    let bar = |opacity: f64| {
        format!(
            "<rect x=\"{x:.1}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"{:.1}\" fill=\"{color}\" opacity=\"{opacity}\"/>\n",
            top + 3.0,
            HEIGHT - 6.0
        )
    };
    let corner = |dx: f64, dy: f64| format!("M{:.1} {middle:.1}H{center:.1}V{:.1}", center + dx, middle + dy);
    let (half, tall) = (WIDTH / 2.0, HEIGHT / 2.0);
    Some(match symbol {
        "─" => line(format!("M{x:.1} {middle:.1}h{width:.1}"), 1.0),
        "━" => line(format!("M{x:.1} {middle:.1}h{width:.1}"), 2.0),
        "│" => (0..(width / WIDTH).round() as usize)
            .map(|n| line(format!("M{:.1} {top:.1}v{HEIGHT}", center + n as f64 * WIDTH), 1.0))
            .collect(),
        "┌" => line(corner(half, tall), 1.0),
        "┐" => line(corner(-half, tall), 1.0),
        "└" => line(corner(half, -tall), 1.0),
        "┘" => line(corner(-half, -tall), 1.0),
        "█" => bar(1.0),
        "▓" => bar(0.6),
        "░" => bar(0.22),
        _ => return None,
    })
}

fn style_of(cell: &Cell) -> Style {
    let style = cell.style();
    let has = |modifier| style.add_modifier.contains(modifier);
    let mut fore = style.fg.and_then(color_of).unwrap_or_else(|| FORE.to_owned());
    let mut back = style.bg.and_then(color_of);
    if has(Modifier::DIM) && style.fg.and_then(color_of).is_none() {
        FAINT.clone_into(&mut fore);
    }
    if has(Modifier::REVERSED) {
        let ground = back.unwrap_or_else(|| GROUND.to_owned());
        (fore, back) = (ground, Some(fore));
    }
    Style { fore, back, bold: has(Modifier::BOLD) }
}

fn color_of(color: Color) -> Option<String> {
    let of_16 = |n: usize| Some(COLORS[n].to_owned());
    match color {
        Color::Black => of_16(0),
        Color::Red => of_16(1),
        Color::Green => of_16(2),
        Color::Yellow => of_16(3),
        Color::Blue => of_16(4),
        Color::Magenta => of_16(5),
        Color::Cyan => of_16(6),
        Color::Gray => of_16(7),
        Color::DarkGray => of_16(8),
        Color::LightRed => of_16(9),
        Color::LightGreen => of_16(10),
        Color::LightYellow => of_16(11),
        Color::LightBlue => of_16(12),
        Color::LightMagenta => of_16(13),
        Color::LightCyan => of_16(14),
        Color::White => of_16(15),
        Color::Rgb(r, g, b) => Some(format!("#{r:02x}{g:02x}{b:02x}")),
        Color::Indexed(n) if n < 16 => of_16(usize::from(n)),
        Color::Reset | Color::Indexed(_) => None,
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
