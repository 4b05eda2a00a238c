//! placeholder
use crate::app::App;
pub struct Look;
pub fn render(_: &App, _: &Look, _: &mut ratatui::Frame) {}
