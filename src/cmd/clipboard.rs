//! Asking the terminal to keep a text for pasting: OSC 52, which also works over SSH.
//!
//! Pure: it makes bytes, which only the writer of frames may write, between two frames. The terminal may
//! ignore them, and says nothing either way. Called by `console`.

use base64::{Engine, engine::general_purpose::STANDARD};

/// Bytes of one piece within GNU screen, which keeps no longer strings.
const PIECE: usize = 240;

/// What stands between us and the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Between {
    /// Nothing, or tmux, which understands the request itself (`set-clipboard`).
    Nothing,
    /// GNU screen, which passes on only what is wrapped.
    Screen,
}

impl Between {
    /// Told from the environment: `STY`, `TERM` and `TMUX`.
    pub fn of(variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| variable(name).is_some_and(|value| !value.is_empty());
        let term = variable("TERM").unwrap_or_default();
        // tmux calls its terminal screen, too; within both, the inner one is spoken to.
        if !set("TMUX")
            && (set("STY") || term == "screen" || term.starts_with("screen.") || term.starts_with("screen-"))
        {
            Self::Screen
        } else {
            Self::Nothing
        }
    }
}

/// The bytes that ask for it.
pub fn request(text: &str, between: Between) -> Vec<u8> {
    let request = format!("\x1b]52;c;{}\x07", STANDARD.encode(text));
    match between {
        Between::Nothing => request.into_bytes(),
        Between::Screen => {
            request.as_bytes().chunks(PIECE).flat_map(|piece| [b"\x1bP", piece, b"\x1b\\"].concat()).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn between(variables: &[(&str, &str)]) -> Between {
        Between::of(|name| variables.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned()))
    }

    #[test]
    fn a_request_is_one_sequence_in_base64() {
        assert_eq!(request("orders-app", Between::Nothing), b"\x1b]52;c;b3JkZXJzLWFwcA==\x07");
    }

    #[test]
    fn the_longest_text_passes_terminals_that_stop_at_a_hundred_thousand_bytes() {
        let longest = "x".repeat(crate::app::copied::MOST);
        assert!(request(&longest, Between::Nothing).len() <= 100_000);
    }

    #[test]
    fn within_screen_it_is_wrapped_in_pieces_that_make_the_same_request() {
        let wrapped = request(&"y".repeat(1_000), Between::Screen);
        let mut inner = Vec::new();
        for piece in String::from_utf8_lossy(&wrapped).split("\x1bP").skip(1) {
            let piece = piece.strip_suffix("\x1b\\").map(str::to_owned);
            let piece = piece.unwrap_or_else(|| panic!("a piece is not closed"));
            assert!(piece.len() <= PIECE);
            inner.extend_from_slice(piece.as_bytes());
        }
        assert_eq!(inner, request(&"y".repeat(1_000), Between::Nothing));
    }

    #[test]
    fn screen_is_told_from_tmux_which_calls_itself_screen() {
        assert_eq!(between(&[("TERM", "screen")]), Between::Screen);
        assert_eq!(between(&[("STY", "1.tty"), ("TERM", "xterm")]), Between::Screen);
        assert_eq!(between(&[("TERM", "screen-256color"), ("TMUX", "/tmp/x")]), Between::Nothing);
        assert_eq!(between(&[("TERM", "xterm-256color"), ("STY", "")]), Between::Nothing);
        assert_eq!(between(&[]), Between::Nothing);
    }
}
