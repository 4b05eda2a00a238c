//! The picker of installations: each with its verdict, and why the one under the cursor has it.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{
    header::glyph,
    look::{Look, Slot},
    overlay::{open, select},
    strip::{Strip, cut, cut_end, draw_all},
};
use crate::{
    app::{App, Found, columns::Tone, picker::Standing},
    domain::{units, verdict::Verdict},
};

/// Columns of a row beside the name: margins, flavour, version, brokers, verdict.
const BESIDE: usize = 54;
/// Columns of a verdict: `▲ DEGRADED`, `CRITICAL 59m`.
const VERDICT: usize = 12;
/// Columns that reasons are given beside the verdict, where the screen has them.
const REASON: usize = 60;

/// Draws the rows, and beneath them why.
pub fn render(app: &App, at: usize, look: Look, area: Rect, buffer: &mut Buffer) {
    let room = usize::from(area.width).saturating_sub(BESIDE).max(16);
    let widest = app.found.iter().map(|f| named(f, room).chars().count()).max().unwrap_or(0);
    let mut lines: Vec<Strip> = app.found.iter().map(|found| row(app, found, (room, widest), look)).collect();
    let without_reasons = lines.iter().map(Strip::width).max().unwrap_or(0) + VERDICT;
    // The box keeps its size while verdicts come and go.
    let columns = (without_reasons + 2 + REASON).min(usize::from(area.width).saturating_sub(4)).max(without_reasons);
    for (line, found) in lines.iter_mut().zip(&app.found) {
        let verdict = verdict(&app.standing(&found.installation.id), look);
        let aligned = std::mem::take(line).pad_to(without_reasons - VERDICT).then(verdict);
        *line = match why(app, found) {
            Some(why) if columns >= without_reasons + 16 => {
                let why = cut_end(&why, columns - without_reasons - 2);
                aligned.pad_to(without_reasons + 2).put(why, look.style(Slot::Label))
            }
            _ => aligned,
        };
    }
    let title = format!("Choose an installation: {} found", app.found.len());
    let inside = open(&title, columns.max(title.len() + 2), lines.len() + 1, look, area, buffer);
    // The last line is the reason's, where there is more than one.
    let rows = Rect { height: inside.height.saturating_sub(1).max(inside.height.min(1)), ..inside };
    let first = (at + 1).saturating_sub(usize::from(rows.height).max(1));
    draw_all(lines.get(first..).unwrap_or_default(), buffer, rows);
    select(at - first.min(at), look, rows, buffer);
    if rows.height < inside.height
        && let Some(why) = app.found.get(at).and_then(|found| why(app, found))
    {
        let line = Strip::of(cut_end(&why, inside.width.into()), look.style(Slot::Label));
        line.draw(buffer, inside, inside.height - 1);
    }
}

fn named(found: &Found, room: usize) -> String {
    cut(&found.installation.id.to_string(), room)
}

/// Everything of a row but its verdict.
fn row(app: &App, found: &Found, (room, widest): (usize, usize), look: Look) -> Strip {
    let it = &found.installation;
    let here = if app.chosen.as_ref() == Some(&it.id) { "▸ " } else { "  " };
    let version = it.kafka_version.as_deref().unwrap_or("?");
    let (ready, total) = app.ready_pods(it);
    let (brokers, tone) = if ready == total {
        (units::counted(total, "broker"), Tone::Plain)
    } else {
        (format!("{ready}/{}", units::counted(total, "broker")), Tone::Warn)
    };
    Strip::of(here, look.style(Slot::Key))
        .put(named(found, room), look.style(Slot::Title))
        .pad_to(widest + 4)
        .put(format!("{:<12} Kafka {version:<6}  ", it.flavour.to_string()), look.tone(Tone::Plain))
        .put(format!("{brokers:<9}  "), look.tone(tone))
}

fn verdict(standing: &Standing, look: Look) -> Strip {
    match standing {
        Standing::Now(now) => {
            Strip::of(format!("{} {}", glyph(now.verdict), now.verdict), look.style(Slot::Verdict(now.verdict)))
        }
        Standing::Looking => Strip::of("looking…", look.style(Slot::Label)),
        Standing::Before(verdict, age) => Strip::of(format!("{verdict} {age}"), look.style(Slot::Label)),
        Standing::Unknown => Strip::default(),
    }
}

/// Why an installation's verdict is no better.
fn why(app: &App, found: &Found) -> Option<String> {
    match app.standing(&found.installation.id) {
        Standing::Now(now) if now.verdict != Verdict::Ok => now.why,
        _ => None,
    }
}
