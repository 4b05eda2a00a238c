//! Records of topics as they are read and written, and from where they are read.
//!
//! Values alone: `io::messages` reads and writes them, `app::messages` says how they look. What producers write is
//! hostile until shown otherwise: bodies are bytes, and only so many of them are kept.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeDelta, Utc};

use super::{freshness::SourceFailure, units};

/// Bytes of a key, a value or a header, as far as they are kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Body {
    /// The first bytes, all of them where they are few.
    pub bytes: Vec<u8>,
    /// How many there are.
    pub size: usize,
}

impl Body {
    /// What is kept of some bytes.
    pub fn of(bytes: &[u8], most: usize) -> Self {
        Self { bytes: bytes[..bytes.len().min(most)].to_vec(), size: bytes.len() }
    }

    /// True when bytes are missing.
    pub fn is_cut(&self) -> bool {
        self.bytes.len() < self.size
    }
}

/// Whose clock a timestamp is of (`message.timestamp.type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StampKind {
    /// The producer's, when it made the record.
    Created,
    /// The broker's, when it appended it.
    Appended,
}

impl StampKind {
    /// Kafka's word, as its console consumer prints it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Created => "CreateTime",
            Self::Appended => "LogAppendTime",
        }
    }
}

/// A header; names may repeat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Its name; what of it is not UTF-8 was replaced.
    pub name: String,
    /// Its value; none is null.
    pub value: Option<Body>,
}

/// One record of a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its partition.
    pub partition: i32,
    /// Its offset there.
    pub offset: i64,
    /// Its time, and whose clock that is.
    pub at: Option<(DateTime<Utc>, StampKind)>,
    /// Its key; none is null.
    pub key: Option<Body>,
    /// Its value; none is null, which deletes the key where a topic is compacted.
    pub value: Option<Body>,
    /// Its headers, in their order.
    pub headers: Vec<Header>,
}

impl Record {
    /// Bytes that are kept of it.
    pub fn kept(&self) -> usize {
        let body = |body: &Option<Body>| body.as_ref().map_or(0, |b| b.bytes.len());
        let headers: usize = self.headers.iter().map(|h| h.name.len() + body(&h.value)).sum();
        body(&self.key) + body(&self.value) + headers
    }

    /// Bytes of its key, its value and its headers.
    pub fn size(&self) -> usize {
        let body = |body: &Option<Body>| body.as_ref().map_or(0, |b| b.size);
        let headers: usize = self.headers.iter().map(|h| h.name.len() + body(&h.value)).sum();
        body(&self.key) + body(&self.value) + headers
    }
}

/// Where reading a partition begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// At the oldest record.
    Beginning,
    /// Behind the newest record.
    End,
    /// This many offsets before the end.
    Last(i64),
    /// At this offset.
    Offset(i64),
    /// At the first record of this time or later.
    Time(DateTime<Utc>),
}

/// Most offsets before the end that may be asked for: far more than a screen or a pipe wants.
const MOST_LAST: i64 = 1_000_000;

impl Start {
    /// Reads `beginning`, `end`, an offset, `-20` (records), `-10m` (a length of time), or a time.
    pub fn parse(text: &str, now: DateTime<Utc>) -> Result<Self, String> {
        let text = text.trim();
        match text {
            "beginning" | "start" | "earliest" => return Ok(Self::Beginning),
            "end" | "latest" => return Ok(Self::End),
            _ => {}
        }
        if let Some(back) = text.strip_prefix('-') {
            return Self::back(back, now).ok_or_else(|| unreadable(text));
        }
        if !text.is_empty() && text.chars().all(|c| c.is_ascii_digit()) {
            return text.parse().map(Self::Offset).map_err(|_| format!("{text} is larger than any offset"));
        }
        time(text).map(Self::Time).ok_or_else(|| unreadable(text))
    }

    /// What stands behind a minus: a count, or a length of time.
    fn back(text: &str, now: DateTime<Utc>) -> Option<Self> {
        if let Ok(count) = text.parse::<i64>() {
            return (0..=MOST_LAST).contains(&count).then_some(Self::Last(count));
        }
        let length: Duration = units::read_duration(text).ok()?;
        now.checked_sub_signed(TimeDelta::from_std(length).ok()?).map(Self::Time)
    }
}

fn unreadable(text: &str) -> String {
    format!("{text:?} is no place to begin at: beginning, end, an offset, -20, -10m, or 2026-01-31T12:00:00Z")
}

/// A time in UTC as people write it, with or without its zone, its seconds or its time of day.
fn time(text: &str) -> Option<DateTime<Utc>> {
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Some(at.to_utc());
    }
    let naive = ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"];
    let read = naive.into_iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok());
    let read = read.or_else(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0));
    read.map(|at| at.and_utc())
}

/// What is read of a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// The topic.
    pub topic: String,
    /// Its partitions; none are all of them.
    pub partitions: Vec<i32>,
    /// Where to begin.
    pub start: Start,
    /// Reading stops where each partition ended when it was reached, and does not wait for more.
    pub until_end: bool,
    /// Only what transactions have committed; else what aborted ones wrote is read, too, as Kafka's console consumer
    /// does unless it is told otherwise.
    pub committed: bool,
    /// Bytes that are kept of each body.
    pub keep: usize,
}

impl Query {
    /// All partitions of a topic, from here on.
    pub fn of(topic: &str, start: Start) -> Self {
        let (topic, partitions) = (topic.to_owned(), Vec::new());
        Self { topic, partitions, start, until_end: false, committed: false, keep: usize::MAX }
    }
}

/// What reading tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadEvent {
    /// The topic was found, and these of its partitions are read.
    Began(Vec<i32>),
    /// A record.
    Record(Record),
    /// A partition is read to its end: its next record will have this offset.
    End {
        /// The partition.
        partition: i32,
        /// The offset that comes next.
        next: i64,
    },
    /// Something is in the way: of a partition, or (`None`) of reaching some broker; reading goes on where it can.
    Trouble(Option<i32>, SourceFailure),
    /// Nothing is in the way of reaching brokers any more.
    Clear,
    /// Nothing more will come: every partition is at its end, or reading is impossible for this reason.
    Over(Option<SourceFailure>),
}

/// A record to be written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// The topic; it must exist.
    pub topic: String,
    /// The partition; none is the one of its key, as Java clients choose it, or any without a key.
    pub partition: Option<i32>,
    /// The key.
    pub key: Option<Vec<u8>>,
    /// The value; none is a tombstone.
    pub value: Option<Vec<u8>>,
    /// Headers.
    pub headers: Vec<(String, Vec<u8>)>,
}

/// Where a record was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// The partition.
    pub partition: i32,
    /// The offset.
    pub offset: i64,
    /// Its time, if the broker or we gave it one.
    pub at: Option<DateTime<Utc>>,
    /// How long it took until all in-sync replicas had it.
    pub took: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::parse_from_rfc3339("2026-01-31T12:00:00Z").unwrap().to_utc()
    }

    #[test]
    fn a_place_to_begin_is_read_as_people_write_it() {
        let read = |text| Start::parse(text, now());
        assert_eq!(read("beginning"), Ok(Start::Beginning));
        assert_eq!(read("end"), Ok(Start::End));
        assert_eq!(read("42"), Ok(Start::Offset(42)));
        assert_eq!(read("-20"), Ok(Start::Last(20)));
        assert_eq!(read("-10m"), Ok(Start::Time(now() - TimeDelta::minutes(10))));
        for text in ["2026-01-31T11:30:00Z", "2026-01-31 11:30", "2026-01-31T12:30:00+01:00"] {
            assert_eq!(read(text), Ok(Start::Time(now() - TimeDelta::minutes(30))), "{text}");
        }
        assert_eq!(read("2026-01-31"), Ok(Start::Time(now() - TimeDelta::hours(12))));
    }

    #[test]
    fn what_is_no_place_is_refused_with_those_that_are() {
        for text in ["", "-", "soon", "--5", "-x", "1.5", "-9999999", "-99999999999999h", "2026-13-01"] {
            let why = Start::parse(text, now()).unwrap_err();
            assert!(why.contains("beginning, end"), "{text}: {why}");
        }
        assert!(Start::parse("99999999999999999999", now()).unwrap_err().contains("larger"));
    }

    #[test]
    fn a_body_says_how_large_it_is_when_it_was_cut() {
        let body = Body::of(b"abcdef", 4);
        assert_eq!((body.bytes.as_slice(), body.size, body.is_cut()), (b"abcd".as_slice(), 6, true));
        assert!(!Body::of(b"", 0).is_cut());
    }
}
