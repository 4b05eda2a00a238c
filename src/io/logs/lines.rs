//! From bytes of a log to lines with their moment; see the parent module. Pure.

use chrono::{DateTime, NaiveDate, Utc};

use crate::domain::{log::LogLine, text::plain};

/// The longest line that is kept, in bytes.
pub(super) const LONGEST: usize = 16 * 1024;

/// Cuts a byte stream into lines in bounded memory.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// The line begun: never longer than `LONGEST`.
    begun: Vec<u8>,
    /// The rest of the line begun is thrown away.
    cut: bool,
}

impl Lines {
    /// Takes bytes and gives the lines they end.
    pub(super) fn push(&mut self, mut bytes: &[u8], out: &mut Vec<LogLine>) {
        while let Some(end) = bytes.iter().position(|b| *b == b'\n') {
            self.extend(&bytes[..end]);
            out.push(self.take());
            bytes = &bytes[end + 1..];
        }
        self.extend(bytes);
    }

    /// The last line, if it had no end.
    pub(super) fn finish(&mut self) -> Option<LogLine> {
        if self.begun.is_empty() { None } else { Some(self.take()) }
    }

    /// Adds to the line begun, as far as there is room.
    fn extend(&mut self, bytes: &[u8]) {
        let room = LONGEST - self.begun.len();
        self.cut |= bytes.len() > room;
        self.begun.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    /// The line begun, which ends here.
    fn take(&mut self) -> LogLine {
        let cut = std::mem::take(&mut self.cut);
        let text = String::from_utf8_lossy(&self.begun);
        let text = text.strip_suffix('\r').unwrap_or(&text);
        let (at, text) = match split(text) {
            Some((at, rest)) => (Some(at), rest),
            None => (None, text),
        };
        let text = plain(text);
        let text = if cut { format!("{text} … (line cut at {} KiB)", LONGEST / 1024).into() } else { text };
        let line = LogLine { at, text: text.into() };
        self.begun.clear();
        line
    }
}

/// The moment that a line begins with, and the rest.
fn split(line: &str) -> Option<(DateTime<Utc>, &str)> {
    let (stamp, rest) = line.split_once(' ').unwrap_or((line, ""));
    let at = quick(stamp.as_bytes()).or_else(|| Some(DateTime::parse_from_rfc3339(stamp).ok()?.with_timezone(&Utc)))?;
    Some((at, rest))
}

/// A moment as every kubelet in UTC writes it, `2026-01-02T03:04:05.123456789Z`: a log may have 100,000 a second.
fn quick(stamp: &[u8]) -> Option<DateTime<Utc>> {
    let number = |digits: &[u8]| {
        let digit = |n: u32, b: &u8| b.is_ascii_digit().then(|| n * 10 + u32::from(b - b'0'));
        digits.iter().try_fold(0, digit)
    };
    let (head, fraction) = stamp.strip_suffix(b"Z")?.split_at_checked(19)?;
    let signs = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    if signs.iter().any(|(at, sign)| head[*at] != *sign) {
        return None;
    }
    let part = |from: usize| number(&head[from..from + 2]);
    let year = i32::try_from(number(&head[..4])?).ok()?;
    let nanos = match fraction {
        [] => 0,
        [b'.', digits @ ..] if (1..=9).contains(&digits.len()) => number(digits)? * 10_u32.pow(9 - digits.len() as u32),
        _ => return None,
    };
    let date = NaiveDate::from_ymd_opt(year, part(5)?, part(8)?)?;
    Some(date.and_hms_nano_opt(part(11)?, part(14)?, part(17)?, nanos)?.and_utc())
}

/// How far a log was read: enough to pass over what a new request tells again.
///
/// The API server cuts `sinceTime` to whole seconds, and several lines may share a moment: so what is
/// older is passed over, and of the lines of the last moment as many as were seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// The moment of the newest line, and how many lines of that moment were told.
    last: Option<(DateTime<Utc>, usize)>,
    /// While a request repeats what was told: how many lines of that moment it has still to repeat.
    repeats: Option<usize>,
}

impl Place {
    /// The moment to resume from.
    pub(super) fn moment(&self) -> Option<DateTime<Utc>> {
        self.last.map(|(at, _)| at)
    }

    /// A new request begins: it will repeat what was told last.
    pub(super) fn resume(&mut self) {
        self.repeats = self.last.map(|(_, seen)| seen);
    }

    /// True when a line is new; lines without a moment always are.
    pub(super) fn is_new(&mut self, at: Option<DateTime<Utc>>) -> bool {
        let Some(at) = at else { return true };
        match &mut self.last {
            // Nodes write standard output and error side by side: unless repeated, an older line is only out of order.
            Some((last, _)) if at < *last => self.repeats.is_none(),
            Some((last, seen)) if at == *last => {
                if let Some(left @ 1..) = &mut self.repeats {
                    *left -= 1;
                    return false;
                }
                *seen += 1;
                self.repeats = None;
                true
            }
            last => {
                *last = Some((at, 1));
                self.repeats = None;
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(chunks: &[&[u8]]) -> Vec<LogLine> {
        let (mut lines, mut out) = (Lines::default(), Vec::new());
        for chunk in chunks {
            lines.push(chunk, &mut out);
        }
        out.extend(lines.finish());
        out
    }

    fn at(second: u32) -> Option<DateTime<Utc>> {
        DateTime::from_timestamp(i64::from(second), 0)
    }

    #[test]
    fn lines_are_put_together_from_chunks_and_lose_their_stamp() {
        let raw = cut(&[b"2026-01-02T03:04:05.123456789Z hel", b"lo\r\nno stamp\n\n2026-01-02T03:04:06Z", b" rest"]);
        let texts: Vec<_> = raw.iter().map(|r| (r.at.is_some(), &*r.text)).collect();
        assert_eq!(texts, [(true, "hello"), (false, "no stamp"), (false, ""), (true, "rest")]);
        assert_eq!(raw[0].at.unwrap().timestamp_subsec_nanos(), 123_456_789);
        assert_eq!(&*cut(&[b"2026-01-02T03:04:05Z \n"])[0].text, "", "an empty line keeps its moment");
    }

    #[test]
    fn an_endless_line_is_cut_and_what_follows_it_is_whole() {
        let endless = vec![b'x'; LONGEST + 1];
        let (mut lines, mut out) = (Lines::default(), Vec::new());
        for _ in 0..100 {
            lines.push(&endless, &mut out);
        }
        assert!(lines.begun.capacity() <= LONGEST * 2, "memory stays bounded");
        lines.push(b"\nnext\n", &mut out);
        assert_eq!(out.len(), 2);
        assert!(out[0].text.ends_with("(line cut at 16 KiB)") && out[0].text.len() < LONGEST + 64);
        assert_eq!(&*out[1].text, "next");
        let exact = vec![b'y'; LONGEST];
        assert!(!cut(&[&exact, b"\n"])[0].text.contains("cut"));
    }

    #[test]
    fn bytes_that_are_no_text_do_not_stop_the_log() {
        assert_eq!(&*cut(&[b"a\xff\xfeb\n"])[0].text, "a\u{fffd}\u{fffd}b");
        assert_eq!(&*cut(&[b"\x1b[31mred\x1b[0m\tx\x07\n"])[0].text, "red\tx", "nothing of it acts on a terminal");
    }

    #[test]
    fn moments_are_read_alike_by_the_quick_and_the_slow_way() {
        for stamp in [
            "2026-01-02T03:04:05.123456789Z",
            "2026-01-02T03:04:05.5Z",
            "2024-02-29T23:59:59Z",
            "2026-01-02T03:04:05.5+02:00",
            "2025-02-29T00:00:00Z",
            "2026-13-02T03:04:05Z",
            "2026-01-02T24:04:05Z",
            "2026-01-02T03:04:05.Z",
            "2026-01-02T03:04:05.1234567890Z",
            "2026-01-02 03:04:05Z",
            "+026-01-02T03:04:05Z",
            "Z",
            "äää6-01-02T03:04:05Z",
        ] {
            let slow = DateTime::parse_from_rfc3339(stamp).ok().map(|at| at.with_timezone(&Utc));
            let quick = quick(stamp.as_bytes());
            assert!(quick.is_none() || quick == slow, "{stamp}: {quick:?} {slow:?}");
        }
        assert!(quick(b"2026-01-02T03:04:05.123456789Z").is_some());
    }

    #[test]
    fn what_a_new_request_repeats_is_passed_over() {
        let mut place = Place::default();
        assert!([1, 2, 2].map(|s| place.is_new(at(s))).iter().all(|new| *new));
        place.resume();
        // The server repeats the second 2 twice; a third line of that moment is new, as is what follows.
        let told = [1, 2, 2, 2, 3, 3].map(|s| place.is_new(at(s)));
        assert_eq!(told, [false, false, false, true, true, true]);
        assert!(place.is_new(None));
        assert!(place.is_new(at(2)), "out of order, but not repeated");
        assert_eq!(place.moment(), at(3));
    }
}
