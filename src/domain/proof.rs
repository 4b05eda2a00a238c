//! Records that prove that a way in works: what stands in them, and what became of each.
//!
//! Values alone: `io::proof` writes and reads them. A record says who wrote it and which one it is, with a checksum, so
//! that one that is lost, comes twice or comes otherwise than it was written is told from all others in the topic.

use std::{fmt::Write, time::Duration};

use serde::{Deserialize, Serialize};

/// What a value begins with.
const MARK: &str = "kafdeck";
/// Bytes of text that fill a record, so that it is more than its number.
const FILL: usize = 64;

/// The value of a record: `kafdeck TAG NUMBER FILL CHECKSUM`.
pub fn value(tag: &str, number: usize) -> String {
    let fill: String = (0..FILL).map(|at| char::from(b'a' + u8::try_from((at + number) % 26).unwrap_or(0))).collect();
    let body = format!("{MARK} {tag} {number} {fill}");
    let sum = checksum(body.as_bytes());
    format!("{body} {sum:016x}")
}

/// FNV-1a, 64 bits: it tells damage, not intent.
fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// What a value turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// Somebody else's record.
    Foreign,
    /// One of ours that is not as it was written.
    Damaged,
    /// The one of this number, byte for byte.
    Whole(usize),
}

/// Looks at a value.
pub fn read(tag: &str, bytes: &[u8]) -> Found {
    let begins = format!("{MARK} {tag} ");
    if !bytes.starts_with(begins.as_bytes()) {
        return Found::Foreign;
    }
    let text = std::str::from_utf8(bytes).ok();
    let number = text.and_then(|text| text.split(' ').nth(2)?.parse().ok());
    match number {
        Some(number) if value(tag, number).as_bytes() == bytes => Found::Whole(number),
        _ => Found::Damaged,
    }
}

/// What became of one record.
#[derive(Debug, Clone, Copy)]
struct Fate {
    sent_at: Duration,
    is_acknowledged: bool,
    is_unwritten: bool,
    times: u32,
}

/// What became of all records; times are since it began.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    fates: Vec<Fate>,
    damaged: usize,
    /// From handing over to reading, in microseconds.
    took: Vec<u32>,
    why: Option<String>,
}

impl Ledger {
    /// The next record is handed over; its number.
    pub fn send(&mut self, at: Duration) -> usize {
        self.fates.push(Fate { sent_at: at, is_acknowledged: false, is_unwritten: false, times: 0 });
        self.fates.len() - 1
    }

    /// Brokers have it.
    pub fn acknowledge(&mut self, number: usize) {
        if let Some(fate) = self.fates.get_mut(number) {
            fate.is_acknowledged = true;
        }
    }

    /// It could not be written.
    pub fn fail(&mut self, number: usize, why: &str) {
        if let Some(fate) = self.fates.get_mut(number) {
            fate.is_unwritten = true;
            self.why = Some(why.to_owned());
        }
    }

    /// Something was read.
    pub fn see(&mut self, found: Found, at: Duration) {
        let number = match found {
            Found::Foreign => return,
            Found::Damaged => {
                self.damaged += 1;
                return;
            }
            Found::Whole(number) => number,
        };
        let Some(fate) = self.fates.get_mut(number) else { return };
        fate.times += 1;
        if fate.times == 1 {
            self.took.push(u32::try_from(at.saturating_sub(fate.sent_at).as_micros()).unwrap_or(u32::MAX));
        }
    }

    /// How many were handed over.
    pub fn sent(&self) -> usize {
        self.fates.len()
    }

    /// True when nothing more is waited for: each was read, or was never written.
    pub fn is_settled(&self) -> bool {
        self.fates.iter().all(|fate| fate.times > 0 || fate.is_unwritten)
    }

    /// What came of it until now.
    pub fn summary(&self, now: Duration) -> Summary {
        let count = |holds: fn(&Fate) -> bool| self.fates.iter().filter(|fate| holds(fate)).count();
        let mut sorted = self.took.clone();
        sorted.sort_unstable();
        let missing = |fate: &&Fate| fate.times == 0 && !fate.is_unwritten;
        let oldest = self.fates.iter().find(missing).map(|fate| now.saturating_sub(fate.sent_at));
        let waits = oldest.map_or(0.0, |waits| waits.as_secs_f64() * 1e3);
        Summary {
            seconds: now.as_secs(),
            sent: self.fates.len(),
            acknowledged: count(|fate| fate.is_acknowledged),
            unwritten: count(|fate| fate.is_unwritten && fate.times == 0),
            received: self.took.len(),
            missing: self.fates.iter().filter(missing).count(),
            duplicates: self.fates.iter().map(|fate| fate.times.saturating_sub(1)).sum::<u32>() as usize,
            damaged: self.damaged,
            p50_ms: percentile(&sorted, 50),
            p99_ms: percentile(&sorted, 99),
            max_ms: sorted.last().map(|micros| f64::from(*micros) / 1e3),
            waits_ms: waits,
            why: self.why.clone(),
        }
    }
}

/// The value that so many of a hundred do not exceed, in milliseconds.
fn percentile(sorted: &[u32], hundredth: usize) -> Option<f64> {
    let rank = (sorted.len() * hundredth).div_ceil(100).max(1);
    sorted.get(rank - 1).map(|micros| f64::from(*micros) / 1e3)
}

/// What came of records until a moment; latencies are from handing over to reading.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Since how many seconds it goes.
    pub seconds: u64,
    /// Handed over.
    pub sent: usize,
    /// All in-sync replicas have them.
    pub acknowledged: usize,
    /// Could not be written, and brokers said so or did not answer in time.
    pub unwritten: usize,
    /// Read again, each once.
    pub received: usize,
    /// Not read yet; at the end these are lost.
    pub missing: usize,
    /// Read once more than they should have been.
    pub duplicates: usize,
    /// Read otherwise than they were written.
    pub damaged: usize,
    /// Half of them were quicker, in milliseconds.
    pub p50_ms: Option<f64>,
    /// 99 of 100 were quicker.
    pub p99_ms: Option<f64>,
    /// The slowest.
    pub max_ms: Option<f64>,
    /// For how long the oldest that was not read yet is waited for.
    pub waits_ms: f64,
    /// Why the last one that could not be written was not.
    pub why: Option<String>,
}

impl Summary {
    /// In one line: `600 sent · 600 read · latency p50 4 ms, p99 11 ms, max 52 ms`.
    pub fn line(&self) -> String {
        let mut line = format!("{} sent · {} read", self.sent, self.received);
        for (count, word) in [
            (self.missing, "not read yet"),
            (self.unwritten, "not written"),
            (self.duplicates, "twice"),
            (self.damaged, "damaged"),
        ] {
            if count > 0 {
                let _ = write!(line, " · {count} {word}");
            }
        }
        if let (Some(p50), Some(p99), Some(max)) = (self.p50_ms, self.p99_ms, self.max_ms) {
            let _ = write!(line, " · latency p50 {}, p99 {}, max {}", millis(p50), millis(p99), millis(max));
        }
        if self.waits_ms >= 1e3 {
            let _ = write!(line, " · waits for {}", millis(self.waits_ms));
        }
        line
    }

    /// Why it is not good, if it is not; the latency counts where a limit was set.
    pub fn fault(&self, most_ms: Option<u64>) -> Option<String> {
        let mut faults = Vec::new();
        for (count, word) in
            [(self.missing, "lost"), (self.unwritten, "not written"), (self.damaged, "came back damaged")]
        {
            if count > 0 {
                faults.push(format!("{count} of {} records {word}", self.sent));
            }
        }
        if self.sent == 0 {
            faults.push("no record was written".to_owned());
        }
        faults.extend(self.why.clone());
        if let (Some(most), Some(max)) = (most_ms, self.max_ms)
            && max > most as f64
        {
            faults.push(format!("the slowest took {}, more than {most} ms", millis(max)));
        }
        (!faults.is_empty()).then(|| faults.join("; "))
    }
}

fn millis(ms: f64) -> String {
    if ms >= 10_000.0 { format!("{:.1} s", ms / 1e3) } else { format!("{ms:.0} ms") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_record_is_known_by_its_tag_and_number_and_one_flipped_bit_is_seen() {
        let whole = value("t", 17);
        assert_eq!(read("t", whole.as_bytes()), Found::Whole(17));
        assert_eq!(read("other", whole.as_bytes()), Found::Foreign);
        assert_eq!(read("t", b"an order"), Found::Foreign);
        let after_tag = format!("{MARK} t ").len();
        for at in after_tag..whole.len() {
            let mut bytes = whole.clone().into_bytes();
            bytes[at] ^= 1;
            assert_eq!(read("t", &bytes), Found::Damaged, "byte {at}");
        }
        assert_eq!(read("t", &whole.as_bytes()[..whole.len() - 1]), Found::Damaged);
        assert_ne!(value("t", 1), value("t", 2));
    }

    #[test]
    fn what_is_lost_comes_twice_or_was_never_written_is_counted_apart() {
        let mut ledger = Ledger::default();
        for at in 0..5 {
            let number = ledger.send(ms(at * 10));
            ledger.acknowledge(number);
        }
        ledger.see(Found::Whole(0), ms(5));
        ledger.see(Found::Whole(1), ms(30));
        ledger.see(Found::Whole(1), ms(40));
        ledger.see(Found::Damaged, ms(40));
        ledger.see(Found::Foreign, ms(40));
        ledger.see(Found::Whole(99), ms(40));
        let lost = ledger.send(ms(50));
        ledger.fail(lost, "time is up");
        let told = ledger.summary(ms(2_020));
        assert_eq!((told.sent, told.acknowledged, told.received, told.missing), (6, 5, 2, 3));
        assert_eq!((told.unwritten, told.duplicates, told.damaged), (1, 1, 1));
        assert_eq!((told.p50_ms, told.max_ms, told.waits_ms), (Some(5.0), Some(20.0), 2_000.0));
        let fault = told.fault(None).unwrap();
        assert_eq!(
            fault,
            "3 of 6 records lost; 1 of 6 records not written; 1 of 6 records came back damaged; time is up"
        );
        assert!(!ledger.is_settled());
        (2..5).for_each(|number| ledger.see(Found::Whole(number), ms(60)));
        assert!(ledger.is_settled());
    }

    #[test]
    fn percentiles_are_of_the_nearest_rank_and_a_limit_is_held_against_the_slowest() {
        let mut ledger = Ledger::default();
        for took in 1..=100 {
            let number = ledger.send(ms(0));
            ledger.see(Found::Whole(number), ms(took));
        }
        let told = ledger.summary(ms(1_000));
        assert_eq!((told.p50_ms, told.p99_ms, told.max_ms), (Some(50.0), Some(99.0), Some(100.0)));
        assert_eq!(told.fault(None), None);
        assert_eq!(told.fault(Some(100)), None);
        assert_eq!(told.fault(Some(99)).unwrap(), "the slowest took 100 ms, more than 99 ms");
        assert_eq!(told.line(), "100 sent · 100 read · latency p50 50 ms, p99 99 ms, max 100 ms");
        assert_eq!(Ledger::default().summary(ms(1)).fault(None).unwrap(), "no record was written");
    }
}
