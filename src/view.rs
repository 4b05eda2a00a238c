//! From the App to cells: one frame, drawn from shared references and nothing else.
//!
//! The header and the tabs above, the footer below, one place in the middle, and over them whatever is open.
//! Every text passes `strip`, which makes it printable; every style comes from `look`'s one table; the time
//! is the App's.

mod acting;
mod compact;
mod detail;
mod footer;
mod header;
mod help;
mod logs;
pub mod look;
mod messages;
mod object;
mod overlay;
mod overview;
mod panes;
mod picker;
mod place;
mod quorum;
mod record;
mod sources;
mod strip;
mod table;
mod waiting;
mod ways;

use ratatui::{Frame, layout::Rect};

pub use self::look::Look;
use crate::app::{App, Place, Tab, sight::Sight};

/// Below this width or height only the verdict and the findings are shown.
const SMALL_WIDTH: u16 = 60;
/// See `SMALL_WIDTH`.
const SMALL_HEIGHT: u16 = 15;

/// Draws the App; answers with what of it was in sight, which the App is told by `Msg::Drawn`.
pub fn render(app: &App, look: &Look, frame: &mut Frame) -> Sight {
    let (look, area) = (*look, frame.area());
    let buffer = frame.buffer_mut();
    let mut sight = Sight::default();
    if area.is_empty() {
        return sight;
    }
    let above = header::height(app, area).min(area.height);
    let below = u16::from(area.height > above + 2);
    let middle = Rect { y: area.y + above, height: area.height - above - below, ..area };
    header::render(app, look, Rect { height: above, ..area }, buffer);
    match &app.shown {
        None => waiting::render(app, look, middle, buffer),
        Some(shown) => match &app.place {
            Place::Tab(Tab::Overview) => overview::render(app, shown, look, middle, buffer),
            Place::Messages(_) => messages::render(app, look, middle, buffer),
            Place::Logs => sight.log_lines = logs::render(app, look, middle, buffer),
            _ => place::render(app, shown, look, middle, buffer),
        },
    }
    if below > 0 {
        footer::render(app, look, Rect { y: area.bottom() - 1, height: 1, ..area }, buffer);
    }
    sight.beyond = overlay::render(app, look, area, buffer);
    look.finish(buffer);
    sight
}
