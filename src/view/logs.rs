//! The log view: only the lines in sight are made, whatever is kept.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::{
    footer::key_of,
    look::{Look, Slot},
    panes,
    strip::{Part, Strip, cut_end, cut_front, draw_all},
};
use crate::{
    app::{
        App,
        columns::Tone,
        logs::{LogLine, LogView},
    },
    domain::text::printable,
};

/// Columns of a pod's name in front of its lines.
const POD: usize = 18;

/// Draws the log view; answers with how many lines of the log are in sight.
pub fn render(app: &App, look: Look, area: Rect, buffer: &mut Buffer) -> usize {
    let view = &app.logs;
    let width = usize::from(area.width);
    let body = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    let follows = key_of(app, look, "logs.follow");
    let page = Page { view, look, follows, width, height: body.height.into() };
    panes::rule(page.name(), page.state(), true, look, width).draw(buffer, area, 0);
    let (lines, in_sight) = page.lines();
    if lines.is_empty() {
        let text = if !view.filter().is_empty() && !view.lines.is_empty() {
            &format!("No line passes the filter; {} clears it.", key_of(app, look, "back"))
        } else if view.targets.is_empty() {
            "No container is followed."
        } else {
            "No line yet."
        };
        Strip::of(format!(" {text}"), look.tone(Tone::Muted)).draw(buffer, body, 0);
        return 0;
    }
    draw_all(&lines, buffer, body);
    in_sight
}

struct Page<'a> {
    view: &'a LogView,
    look: Look,
    /// The key that follows the end.
    follows: String,
    width: usize,
    height: usize,
}

impl Page<'_> {
    fn name(&self) -> Strip {
        let pods: Vec<&str> = self.view.targets.iter().map(|t| t.pod.name.as_str()).collect();
        let title = Strip::of("Logs ", self.look.style(Slot::Focus));
        let room = self.width.saturating_sub(40).max(8);
        let all = pods.join(", ");
        match pods.first() {
            Some(first) if all.width() > room && pods.len() > 1 => {
                title.put(format!("{} and {} more", cut_front(first, room), pods.len() - 1), Style::new())
            }
            _ => title.put(cut_front(&all, room), Style::new()),
        }
    }

    fn state(&self) -> Vec<Part> {
        let plain = |optional, text: String| Part::new(optional, Strip::of(text, Style::new()));
        let mut parts = Vec::new();
        if self.view.previous {
            parts.push(Part::new(0, Strip::of("previous container", self.look.tone(Tone::Warn))));
        }
        if self.view.forgotten > 0 {
            parts.push(plain(1, format!("{} forgotten", self.view.forgotten)));
        }
        if self.view.wrap {
            parts.push(plain(2, "wrapped".to_owned()));
        }
        let lines = self.view.scrolled;
        parts.push(match lines {
            0 => plain(0, "following".to_owned()),
            n => Part::new(0, Strip::of(format!("{n} lines up, {} follows", self.follows), self.look.tone(Tone::Warn))),
        });
        parts
    }

    /// The lines in sight, oldest first, and of how many lines of the log they are: taken from the end upwards
    /// until the screen is full.
    fn lines(&self) -> (Vec<Strip>, usize) {
        let mut upwards: Vec<Strip> = Vec::new();
        let mut in_sight = 0;
        let mut add = |line: &LogLine| {
            in_sight += 1;
            let mut strips = self.line(line);
            strips.reverse();
            upwards.extend(strips);
            upwards.len() < self.height
        };
        let lines = self.view.visible();
        let skipped = self.view.scrolled.min(lines.len().saturating_sub(self.height));
        let _ = lines.rev().skip(skipped).take(self.height).all(&mut add);
        upwards.truncate(self.height);
        upwards.reverse();
        (upwards, in_sight)
    }

    fn line(&self, line: &LogLine) -> Vec<Strip> {
        let head = self.head(line);
        let style = self.style(line);
        let room = self.width.saturating_sub(head.width()).max(1);
        // A line may be a megabyte; no more of it is looked at than could be shown.
        let most = if self.view.wrap { room * self.height.max(1) } else { room + 1 };
        let text: String = line.text.chars().take(most).collect();
        let text = printable(&text);
        if !self.view.wrap {
            let cut_off = line.text.len() > text.len();
            let text = if cut_off { format!("{text}…") } else { text.into_owned() };
            return vec![head.put(cut_end(&text, room), style)];
        }
        let blank = Strip::default().pad_to(head.width());
        let mut lines = Vec::new();
        for (at, piece) in pieces(&text, room).into_iter().enumerate() {
            let head = if at == 0 { head.clone() } else { blank.clone() };
            lines.push(head.put(piece, style));
        }
        lines
    }

    /// Time and pod, as far as they are shown.
    fn head(&self, line: &LogLine) -> Strip {
        let mut head = Strip::of(" ", Style::new());
        if self.view.timestamps {
            let at = line.at.map_or_else(|| "        ".to_owned(), |at| at.format("%H:%M:%S").to_string());
            head = head.put(format!("{at} "), self.look.tone(Tone::Muted));
        }
        if self.view.targets.len() > 1 {
            let widest = self.view.targets.iter().map(|t| t.pod.name.width()).max().unwrap_or(0).min(POD);
            let pod = self.view.targets.iter().position(|t| t.pod.name == line.pod).unwrap_or_default();
            let column = head.width();
            head = head.put(cut_front(&line.pod, widest), self.look.style(Slot::Pod(pod))).pad_to(column + widest + 1);
        }
        head
    }

    fn style(&self, line: &LogLine) -> Style {
        if line.notice {
            return self.look.tone(Tone::Muted);
        }
        let start: String = line.text.chars().take(80).collect();
        let says = |word: &str| start.contains(word);
        if says("ERROR") || says("FATAL") {
            self.look.tone(Tone::Bad)
        } else if says("WARN") {
            self.look.tone(Tone::Warn)
        } else {
            Style::new()
        }
    }
}

/// A text in pieces of at most `width` columns, cut wherever the line is full: log lines keep their blanks.
fn pieces(text: &str, width: usize) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut used = 0;
    for c in text.chars() {
        let needed = c.width().unwrap_or(0);
        if used + needed > width {
            pieces.push(String::new());
            used = 0;
        }
        if used == 0 && c == ' ' && pieces.len() > 1 {
            continue;
        }
        used += needed;
        if let Some(piece) = pieces.last_mut() {
            piece.push(c);
        }
    }
    pieces
}
