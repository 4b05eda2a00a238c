//! Typing that the terminal does not show: a password, asked for before anything else takes the terminal.
//!
//! However it ends — answered, a signal, a hang-up, a panic — typing is shown again afterwards.

use std::{
    fs::File,
    io::{self, Read, Write},
    sync::{Mutex, PoisonError},
};

use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use crate::{
    errors::{Failure, FailureKind},
    io::secrets::Hidden,
    task,
};

/// The longest password; a terminal hands over no longer line.
const LONGEST: usize = 4096;

/// How the terminal was before typing was hidden.
static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

/// Shows what is typed again, if it is hidden.
pub(super) fn show_typing() {
    let before = BEFORE.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let (Some(before), Ok(tty)) = (before, super::input()) {
        // A terminal that is gone cannot be restored; there is nobody to tell.
        let _ = tcsetattr(&tty, OptionalActions::Flush, &before);
    }
}

/// Shows it again when it is dropped.
struct Hiding;

impl Drop for Hiding {
    fn drop(&mut self) {
        show_typing();
    }
}

fn hide_typing(tty: &File) -> io::Result<Hiding> {
    let before = tcgetattr(tty)?;
    let mut hidden = before.clone();
    hidden.local_modes.remove(LocalModes::ECHO);
    hidden.local_modes.insert(LocalModes::ICANON | LocalModes::ISIG | LocalModes::ECHONL);
    // Stopped here, we would leave the shell a terminal that shows nothing: there is no key for it meanwhile.
    hidden.special_codes[SpecialCodeIndex::VSUSP] = 0;
    *BEFORE.lock().unwrap_or_else(PoisonError::into_inner) = Some(before);
    let hiding = Hiding;
    // What was typed before the question was not meant for it.
    tcsetattr(tty, OptionalActions::Flush, &hidden)?;
    Ok(hiding)
}

/// Asks for one line that is not shown.
pub async fn ask_hidden(question: &str) -> Result<Hidden, Failure> {
    let failed = |why: String| Failure::new(FailureKind::Usage, "No password was given.").why(why);
    // Signals end us as before, and show typing again on the way.
    super::leave_on_signals(&CancellationToken::new());
    let tty = super::input().map_err(|error| failed(error.to_string()))?;
    let hiding = hide_typing(&tty).map_err(|error| failed(error.to_string()))?;
    let mut out = io::stderr();
    let _ = out.write_all(question.as_bytes()).and_then(|()| out.flush());
    let read = task::blocking(move || line(tty)).await;
    drop(hiding);
    let text = read.map_err(|error| failed(error.to_string()))?.map_err(|error| failed(error.to_string()))?;
    if text.is_empty() {
        return Err(failed("nothing was typed".to_owned()));
    }
    Ok(Hidden::new(text.to_vec()))
}

/// A line without its end.
fn line(mut from: impl Read) -> io::Result<Zeroizing<Vec<u8>>> {
    // As long as it may get, so that it never moves and leaves a copy behind.
    let mut text = Zeroizing::new(Vec::with_capacity(LONGEST));
    let mut byte = [0];
    while text.len() < LONGEST && from.read(&mut byte)? == 1 && byte != *b"\n" {
        text.push(byte[0]);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_what_stands_before_its_end() {
        for (text, wanted) in [("ab c\nd", "ab c"), ("\n", ""), ("", ""), ("x", "x")] {
            assert_eq!(line(text.as_bytes()).unwrap().as_slice(), wanted.as_bytes(), "{text:?}");
        }
        assert_eq!(line(io::repeat(b'a')).unwrap().len(), LONGEST);
    }
}
