//! The quorum below the brokers: who leads, who votes and how far each has come; or the ZooKeepers instead.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};
use unicode_width::UnicodeWidthStr;

use super::{
    look::{Look, Slot},
    panes,
    strip::{Part, Strip, cut, draw_all, wrapped},
};
use crate::{
    app::{
        App,
        columns::Tone,
        detail::{caught_up, ensemble},
        lists::ListState,
        shown::Shown,
    },
    domain::{freshness::SourceState, units},
    world::quorum::{QuorumReading, QuorumRow},
};

/// Nodes that are told at most; there are rarely more voters.
const MOST: usize = 9;

/// Draws the quorum at the bottom, as far as the brokers leave room, and answers with what is left for them.
pub fn below(app: &App, shown: &Shown, list: &ListState, look: Look, area: Rect, buffer: &mut Buffer) -> Rect {
    let width = usize::from(area.width);
    let Some((rule, lines)) = section(app, shown, look, width) else { return area };
    let brokers = list.order.len().max(1) + 1;
    let spare = usize::from(area.height).saturating_sub(brokers);
    let height = (lines.len() + 1).min(spare);
    // A title alone says nothing, unless there is nothing more to say.
    if height < 2 {
        return area;
    }
    let height = u16::try_from(height).unwrap_or(area.height);
    let here = Rect { y: area.bottom() - height, height, ..area };
    rule.draw(buffer, here, 0);
    draw_all(&lines, buffer, Rect { y: here.y + 1, height: height - 1, ..here });
    Rect { height: area.height - height, ..area }
}

/// The title rule and the lines below it; nothing where it is not known yet whether there is a quorum.
fn section(app: &App, shown: &Shown, look: Look, width: usize) -> Option<(Strip, Vec<Strip>)> {
    let title = |name: &str, right| panes::rule(Strip::of(name, look.style(Slot::Title)), right, false, look, width);
    if let Some(text) = ensemble(shown) {
        let lines = wrapped(&text, width.saturating_sub(2));
        let lines = lines.iter().map(|l| Strip::of(format!(" {l}"), look.tone(Tone::Muted))).collect();
        return Some((title("ZooKeeper", Vec::new()), lines));
    }
    let fresh = &shown.freshness.quorum;
    let mut lines = Vec::new();
    if let Some(why) = fresh.why.as_ref().filter(|_| fresh.state != SourceState::Live && app.link_is_live()) {
        let text = fresh.hint.as_ref().map_or_else(|| why.clone(), |hint| format!("{why} {hint}"));
        let said = wrapped(&format!("? {text}"), width.saturating_sub(2));
        lines.extend(said.iter().take(3).map(|l| Strip::of(format!(" {l}"), look.tone(Tone::Warn))));
    }
    let Some(quorum) = &shown.quorum else {
        return app.reading()?.has_quorum().then(|| (title("Quorum", Vec::new()), lines));
    };
    let live = fresh.state == SourceState::Live;
    let text = |optional, text: String| Part::new(optional, Strip::of(text, Style::new()));
    let mut right = figures(quorum).into_iter().map(|(optional, figure)| text(optional, figure)).collect::<Vec<_>>();
    if let Some(at) = fresh.as_of.filter(|_| !live) {
        right.push(text(0, format!("as of {} ({})", at.format("%H:%M:%S"), units::age(app.now, at))));
    }
    lines.extend(table(&quorum.nodes, live, look, width));
    Some((title("Quorum", right), lines))
}

/// What the title says: who leads, and whether most voters have everything.
fn figures(quorum: &QuorumReading) -> Vec<(u8, String)> {
    let leader = quorum.leader.map_or_else(|| "no leader".to_owned(), |id| format!("leader {id}"));
    let caught_up = quorum.voters_caught_up.map_or_else(|| "?".to_owned(), |n| n.to_string());
    let majority = if quorum.majority_caught_up == Some(false) { ", no majority" } else { "" };
    vec![
        (0, leader),
        (2, format!("epoch {}", quorum.leader_epoch)),
        (1, format!("{caught_up} of {} voters caught up{majority}", quorum.voters)),
    ]
}

/// Columns of a node's id, its role, its lag and when it had everything.
const ID: usize = 4;
const ROLE: usize = 8;
const LAG: usize = 7;
const CAUGHT_UP: usize = 22;

fn table(nodes: &[QuorumRow], live: bool, look: Look, width: usize) -> Vec<Strip> {
    let heading = format!(" {:>ID$}  {:<ROLE$}  {:>LAG$}  {:<CAUGHT_UP$}  POD", "ID", "ROLE", "LAG", "CAUGHT UP");
    let mut lines = vec![Strip::of(heading, look.style(Slot::Label))];
    lines.extend(nodes.iter().take(MOST).map(|node| line(node, live, look, width)));
    if let Some(more) = nodes.len().checked_sub(MOST).filter(|more| *more > 0) {
        lines.push(Strip::of(format!(" and {more} more"), look.tone(Tone::Muted)));
    }
    lines
}

fn line(node: &QuorumRow, live: bool, look: Look, width: usize) -> Strip {
    let plain = if live { Style::new() } else { look.tone(Tone::Muted) };
    let tone = match node.caught_up {
        _ if !live => plain,
        Some(true) => look.tone(Tone::Good),
        Some(false) => look.tone(Tone::Warn),
        None => look.tone(Tone::Unknown),
    };
    let lag = node.lag.map_or_else(|| "?".to_owned(), units::count);
    let start = format!(" {:>ID$}  {:<ROLE$}  {lag:>LAG$}  ", node.id.to_string(), node.role.word());
    let room = width.saturating_sub(start.width() + CAUGHT_UP + 2);
    let pod = node.pod.as_deref().unwrap_or("?");
    Strip::of(start, plain).put(format!("{:<CAUGHT_UP$}  ", caught_up(node)), tone).put(cut(pod, room), plain)
}
