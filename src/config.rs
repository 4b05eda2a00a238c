//! Configuration: what was typed, set and written down becomes what is meant, and every value says who set it.
//!
//! It reads the files of the config directory and nothing else of the machine; flags and variables are handed in.
//! A row that cannot be used is a `Problem` with its file and line, and everything else still holds. It does not
//! know what a command does or how a style is drawn: `app` hands in its commands' names, `view` turns styles into
//! cells. `cmd` calls it once, at the start.

pub mod chain;
pub mod color;
pub mod document;
pub mod files;
pub mod keymap;
pub mod problem;
pub mod theme;
