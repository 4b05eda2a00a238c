//! From the bytes a terminal sends to keys, pasted text and turns of the wheel.
//!
//! A pure state machine, without a clock: moments come in with the bytes, deadlines go out. Sequences may
//! arrive in any pieces. An Esc at the end of a piece waits a moment, for it may be the beginning of one; no
//! other key waits. Pasted text is text up to its end mark, wherever the pieces are cut. What is no key, such
//! as an answer of the terminal, is swallowed whole. Called by `console` with what `keyboard` reads.

use std::time::Duration;

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers, MouseEvent, MouseEventKind};
use tokio::time::Instant;

/// How long a paste may be silent before it is taken to be at its end: its end mark was lost with the line.
const PASTE_SILENCE: Duration = Duration::from_secs(10);
/// How long an answer that is a string may be silent: nothing was asked, so it may be Alt and a letter as well.
const TEXT_SILENCE: Duration = Duration::from_millis(200);
/// Bytes of a paste that are kept; a filter needs less, and what is longer is no text for a line.
const PASTE_BYTES: usize = 1 << 20;
/// Bytes of parameters of a sequence that are kept; none that means something is longer.
const SEQUENCE_BYTES: usize = 64;
/// What ends pasted text.
const PASTE_END: &[u8] = b"\x1b[201~";

/// The state between two pieces.
#[derive(Debug)]
pub struct Decoder {
    patience: Duration,
    state: State,
    deadline: Option<Instant>,
}

#[derive(Debug)]
enum State {
    /// Between keys.
    Ground,
    /// After an Esc.
    Esc,
    /// After `ESC [`, with the parameters so far.
    Csi(Vec<u8>),
    /// After `ESC O`: one more byte.
    Ss3,
    /// After `ESC [ [`: one more byte.
    Linux,
    /// After `ESC [ M`: so many more bytes of an old mouse report.
    OldMouse(u8),
    /// Within an answer of the terminal that is a string; true after an Esc that may end it.
    Text(bool),
    /// Within a character of several bytes: those so far, and how many it has.
    Utf8(Vec<u8>, usize),
    /// Within pasted text.
    Paste(Vec<u8>),
}

impl Decoder {
    /// A decoder that waits so long for what may follow an Esc.
    pub fn new(patience: Duration) -> Self {
        Self { patience, state: State::Ground, deadline: None }
    }

    /// Takes a piece that was read at this moment.
    pub fn take(&mut self, bytes: &[u8], now: Instant) -> Vec<Event> {
        let mut events = Vec::new();
        for byte in bytes {
            self.byte(*byte, &mut events);
        }
        self.deadline = match &self.state {
            State::Esc => Some(now + self.patience),
            State::Paste(_) => Some(now + PASTE_SILENCE),
            State::Text(_) => Some(now + TEXT_SILENCE),
            _ => None,
        };
        events
    }

    /// When `expire` is to be called, unless something is read before.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Gives up waiting for what did not come.
    pub fn expire(&mut self) -> Vec<Event> {
        self.deadline = None;
        match std::mem::replace(&mut self.state, State::Ground) {
            State::Esc => vec![plain(KeyCode::Esc)],
            State::Paste(text) => vec![pasted(&text)],
            State::Text(_) => Vec::new(),
            state => {
                self.state = state;
                Vec::new()
            }
        }
    }

    fn byte(&mut self, byte: u8, events: &mut Vec<Event>) {
        self.state = match std::mem::replace(&mut self.state, State::Ground) {
            State::Ground => ground(byte, KeyModifiers::NONE, events),
            State::Esc => after_esc(byte, events),
            State::Csi(parameters) => csi(parameters, byte, events),
            State::Ss3 => {
                events.extend(ss3(byte));
                State::Ground
            }
            State::Linux => {
                events.extend(matches!(byte, b'A'..=b'E').then(|| plain(KeyCode::F(1 + byte - b'A'))));
                State::Ground
            }
            State::OldMouse(left) if left > 1 => State::OldMouse(left - 1),
            State::OldMouse(_) => State::Ground,
            State::Text(after_esc) => match byte {
                0x07 => State::Ground,
                b'\\' if after_esc => State::Ground,
                // Whoever presses it means it.
                0x03 => ground(byte, KeyModifiers::NONE, events),
                _ => State::Text(byte == 0x1b),
            },
            State::Utf8(bytes, length) => utf8(bytes, length, byte, events),
            State::Paste(text) => paste(text, byte, events),
        };
    }
}

/// A byte between keys, or after an Esc that makes it one with Alt.
fn ground(byte: u8, modifiers: KeyModifiers, events: &mut Vec<Event>) -> State {
    let code = match byte {
        0x1b => return State::Esc,
        b'\r' => KeyCode::Enter,
        b'\t' => KeyCode::Tab,
        0x7f => KeyCode::Backspace,
        0x00 => return control(' ', modifiers, events),
        0x01..=0x1a => return control(char::from(byte - 1 + b'a'), modifiers, events),
        0x1c..=0x1f => return control(char::from(byte - 0x1c + b'4'), modifiers, events),
        0x20..=0x7e => KeyCode::Char(char::from(byte)),
        0xc2..=0xdf => return State::Utf8(vec![byte], 2),
        0xe0..=0xef => return State::Utf8(vec![byte], 3),
        0xf0..=0xf4 => return State::Utf8(vec![byte], 4),
        // The middle of a character, or no character: nothing anybody typed.
        _ => return State::Ground,
    };
    events.push(key(code, modifiers));
    State::Ground
}

fn control(letter: char, modifiers: KeyModifiers, events: &mut Vec<Event>) -> State {
    events.push(key(KeyCode::Char(letter), modifiers | KeyModifiers::CONTROL));
    State::Ground
}

fn after_esc(byte: u8, events: &mut Vec<Event>) -> State {
    match byte {
        b'[' => State::Csi(Vec::new()),
        b'O' => State::Ss3,
        // Answers that are strings: device control, system command, privacy message, application command.
        b'P' | b']' | b'^' | b'_' => State::Text(false),
        0x1b => {
            events.push(plain(KeyCode::Esc));
            State::Esc
        }
        // A character of several bytes is not held back to be told from Esc and the character.
        0xc2..=0xf4 => {
            events.push(plain(KeyCode::Esc));
            ground(byte, KeyModifiers::NONE, events)
        }
        byte => ground(byte, KeyModifiers::ALT, events),
    }
}

/// A byte of a control sequence. One that was begun waits for its end: a key that is lost does no harm, the rest
/// of a sequence taken for keys may.
fn csi(mut parameters: Vec<u8>, byte: u8, events: &mut Vec<Event>) -> State {
    match byte {
        0x1b => State::Esc,
        b'[' if parameters.is_empty() => State::Linux,
        b'M' if parameters.is_empty() => State::OldMouse(3),
        b'~' if parameters == b"200" => State::Paste(Vec::new()),
        0x40..=0x7e => {
            events.extend(sequence(&parameters, byte));
            State::Ground
        }
        0x20..=0x3f => {
            if parameters.len() < SEQUENCE_BYTES {
                parameters.push(byte);
            }
            State::Csi(parameters)
        }
        // A control within a sequence is obeyed, and ends it.
        _ => ground(byte, KeyModifiers::NONE, events),
    }
}

fn ss3(byte: u8) -> Option<Event> {
    Some(plain(match byte {
        b'A' => KeyCode::Up,
        b'B' => KeyCode::Down,
        b'C' => KeyCode::Right,
        b'D' => KeyCode::Left,
        b'F' => KeyCode::End,
        b'H' => KeyCode::Home,
        b'M' => KeyCode::Enter,
        b'P'..=b'S' => KeyCode::F(1 + byte - b'P'),
        _ => return None,
    }))
}

/// A whole control sequence: a key with its modifiers, or a turn of the wheel; none for what means nothing here.
fn sequence(parameters: &[u8], last: u8) -> Option<Event> {
    let text = std::str::from_utf8(parameters).ok()?;
    if let Some(report) = text.strip_prefix('<') {
        return wheel(report);
    }
    let mut numbers = text.split(';').map(|n| n.split(':').next().unwrap_or_default().parse::<u8>().unwrap_or(1));
    let (first, modifiers) = (numbers.next().unwrap_or(1), modifiers(numbers.next().unwrap_or(1)));
    let code = match (last, first) {
        (b'A', _) => KeyCode::Up,
        (b'B', _) => KeyCode::Down,
        (b'C', _) => KeyCode::Right,
        (b'D', _) => KeyCode::Left,
        (b'F', _) | (b'~', 4 | 8) => KeyCode::End,
        (b'H', _) | (b'~', 1 | 7) => KeyCode::Home,
        (b'Z', _) => return Some(key(KeyCode::BackTab, modifiers | KeyModifiers::SHIFT)),
        // `ESC [ 1 ; 5 R` may be a key and `ESC [ 24 ; 80 R` is an answer: neither is needed.
        (b'P' | b'Q' | b'S', 1) => KeyCode::F(1 + last - b'P'),
        (b'~', 2) => KeyCode::Insert,
        (b'~', 3) => KeyCode::Delete,
        (b'~', 5) => KeyCode::PageUp,
        (b'~', 6) => KeyCode::PageDown,
        (b'~', n @ 11..=15) => KeyCode::F(n - 10),
        (b'~', n @ 17..=21) => KeyCode::F(n - 11),
        (b'~', n @ 23..=24) => KeyCode::F(n - 12),
        _ => return None,
    };
    Some(key(code, modifiers))
}

/// The wheel of a mouse that reports as `<button;column;row`.
fn wheel(report: &str) -> Option<Event> {
    let mut numbers = report.split(';').map(|n| n.parse::<u16>().ok());
    let (button, column, row) = (numbers.next()??, numbers.next()??, numbers.next()??);
    // Shift, Alt and Ctrl are bits of their own.
    let kind = match button & !0b1_1100 {
        64 => MouseEventKind::ScrollUp,
        65 => MouseEventKind::ScrollDown,
        _ => return None,
    };
    Some(Event::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE }))
}

fn modifiers(mask: u8) -> KeyModifiers {
    let mask = mask.saturating_sub(1);
    let bits = [(1, KeyModifiers::SHIFT), (2, KeyModifiers::ALT), (4, KeyModifiers::CONTROL)];
    bits.into_iter().filter(|(bit, _)| mask & bit != 0).map(|(_, modifier)| modifier).collect()
}

fn utf8(mut bytes: Vec<u8>, length: usize, byte: u8, events: &mut Vec<Event>) -> State {
    if !(0x80..=0xbf).contains(&byte) {
        // It was none; the byte is looked at anew.
        return ground(byte, KeyModifiers::NONE, events);
    }
    bytes.push(byte);
    if bytes.len() < length {
        return State::Utf8(bytes, length);
    }
    let text = std::str::from_utf8(&bytes).unwrap_or_default();
    events.extend(text.chars().next().map(|c| plain(KeyCode::Char(c))));
    State::Ground
}

fn paste(mut text: Vec<u8>, byte: u8, events: &mut Vec<Event>) -> State {
    // Beyond the bound only as much is kept as tells the end mark.
    if text.len() >= PASTE_BYTES + PASTE_END.len() {
        text.remove(PASTE_BYTES);
    }
    text.push(byte);
    if !text.ends_with(PASTE_END) {
        return State::Paste(text);
    }
    text.truncate(text.len() - PASTE_END.len());
    events.push(pasted(&text));
    State::Ground
}

fn pasted(text: &[u8]) -> Event {
    Event::Paste(String::from_utf8_lossy(text).into_owned())
}

fn plain(code: KeyCode) -> Event {
    key(code, KeyModifiers::NONE)
}

fn key(code: KeyCode, modifiers: KeyModifiers) -> Event {
    Event::Key(KeyEvent::new(code, modifiers))
}

#[cfg(test)]
mod tests;
