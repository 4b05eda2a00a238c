//! What the log of a container tells: lines, their levels, and how the reading of it goes.
//!
//! Lines are no facts: they are neither recorded nor kept beyond the log view. Made by `io::logs`, kept by the App's
//! log view, printed by `cmd::logs`.

use chrono::{DateTime, Utc};

/// How far into a line its level is looked for, in bytes.
const HEAD: usize = 160;

/// How grave a line says it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// `TRACE`
    Trace,
    /// `DEBUG`
    Debug,
    /// `INFO`
    Info,
    /// `WARN`, `WARNING`
    Warn,
    /// `ERROR`, `SEVERE`
    Error,
    /// `FATAL`
    Fatal,
}

impl Level {
    /// As Kafka's loggers write it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Trace => "TRACE",
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
            Self::Fatal => "FATAL",
        }
    }

    /// The level that a line names itself: a word of its own in capitals, or `[info]`, `level=info`, `"level":"info"`.
    pub fn of_line(text: &str) -> Option<Self> {
        let bytes = &text.as_bytes()[..text.len().min(HEAD)];
        let mut at = 0;
        while at < bytes.len() {
            if !bytes[at].is_ascii_alphabetic() {
                at += 1;
                continue;
            }
            let length = bytes[at..].iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count();
            let (word, before, after) = (&bytes[at..at + length], &bytes[..at], bytes.get(at + length));
            if let Some(level) = Self::of_word(word, before, after) {
                return Some(level);
            }
            at += length;
        }
        None
    }

    fn of_word(word: &[u8], before: &[u8], after: Option<&u8>) -> Option<Self> {
        if !(4..=7).contains(&word.len()) {
            return None;
        }
        let level = Self::named(word)?;
        let capitals = word.iter().all(u8::is_ascii_uppercase);
        // `my.ERROR.topic` and `NODE-INFO` are names of something.
        let joined = |b: &u8| matches!(b, b'.' | b'-' | b'/' | b'$');
        if capitals {
            let is_name = before.last().is_some_and(joined) || after.is_some_and(|b| matches!(b, b'-' | b'/' | b'$'));
            return (!is_name).then_some(level);
        }
        let bracketed = before.last() == Some(&b'[') && after == Some(&b']');
        let field =
            before.ends_with(b"level=") || before.ends_with(b"\"level\":\"") || before.ends_with(b"\"level\": \"");
        (bracketed || field).then_some(level)
    }

    fn named(word: &[u8]) -> Option<Self> {
        const NAMES: [(&str, Level); 8] = [
            ("INFO", Level::Info),
            ("WARN", Level::Warn),
            ("ERROR", Level::Error),
            ("DEBUG", Level::Debug),
            ("TRACE", Level::Trace),
            ("FATAL", Level::Fatal),
            ("WARNING", Level::Warn),
            ("SEVERE", Level::Error),
        ];
        NAMES.into_iter().find(|(name, _)| word.eq_ignore_ascii_case(name.as_bytes())).map(|(_, level)| level)
    }
}

/// Levels of one container's lines in their order: what belongs to a stack trace has the level of its head.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Levels {
    head: Option<Level>,
}

impl Levels {
    /// The level of the next line.
    pub fn next(&mut self, text: &str) -> Option<Level> {
        if !goes_on(text) {
            self.head = Level::of_line(text);
        }
        self.head
    }
}

/// True for a line that goes on with the one before: of a stack trace, or indented.
fn goes_on(text: &str) -> bool {
    if text.starts_with([' ', '\t']) || text.starts_with("Caused by:") || text.starts_with("Suppressed:") {
        return true;
    }
    // `java.io.IOException: No space left on device`
    let word = text.split([':', ' ']).next().unwrap_or_default();
    word.contains('.') && (word.ends_with("Exception") || word.ends_with("Error"))
}

/// A line of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// When the node wrote it down, by the node's clock.
    pub at: Option<DateTime<Utc>>,
    /// At most 16 KiB, without escape sequences and other control characters; tabs stay.
    pub text: Box<str>,
}

/// How the reading of one log goes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum LogState {
    /// It is being opened.
    #[default]
    Opening,
    /// It is read, and what is written arrives.
    Reading,
    /// It broke off or cannot be opened, in words; it is tried again.
    Waiting(String),
    /// All of it was read; or why no more of it can be.
    Ended(Option<String>),
}

/// What following a log brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogNews {
    /// New lines, in the order of the log.
    Lines(Vec<LogLine>),
    /// So many lines came and were let go unread: whoever reads them was too slow. They stood before later lines.
    Dropped(u64),
    /// The reading goes otherwise than before.
    State(LogState),
    /// Something about the log that is not in it, as a restart; its place is between the lines.
    Notice(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_words_of_their_own_near_the_beginning() {
        for (line, level) in [
            ("[2026-11-20 12:04:31,118] INFO [GroupCoordinator id=0] ERROR is a word", Some(Level::Info)),
            ("kafka 12:00:00.12 WARN  ==> careful", Some(Level::Warn)),
            ("2026-01-02 03:04:05,1 ERROR ClusterOperator:12 - no", Some(Level::Error)),
            ("{\"level\":\"error\",\"msg\":\"x\"}", Some(Level::Error)),
            ("time=\"x\" level=warning msg=\"y\"", Some(Level::Warn)),
            ("[0.013s][info][gc] Using Serial", Some(Level::Info)),
            ("TRACE[x]", Some(Level::Trace)),
            ("an error is no level", None),
            ("topic my.ERROR.topic", None),
            ("INFORMATION, ERRORS and DEBUG_MODE", None),
            ("", None),
        ] {
            assert_eq!(Level::of_line(line), level, "{line}");
        }
        assert_eq!(Level::of_line(&format!("{}ERROR", "ä".repeat(HEAD))), None);
    }

    #[test]
    fn a_stack_trace_has_the_level_of_its_head() {
        let mut levels = Levels::default();
        let told: Vec<Option<Level>> = [
            "[2026] ERROR Error while appending (kafka.log.LogManager)",
            "java.io.IOException: No space left on device",
            "\tat java.base/sun.nio.ch.FileDispatcherImpl.write0(Native Method)",
            "Caused by: java.lang.Error: INFO",
            "[2026] INFO next",
            "===> Launching kafka ...",
        ]
        .map(|line| levels.next(line))
        .into();
        let error = Some(Level::Error);
        assert_eq!(told, [error, error, error, error, Some(Level::Info), None]);
    }
}
