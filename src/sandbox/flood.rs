//! Containers that write as fast as a broken one can: a steady stream of lines of 200 bytes, numbered, one in a
//! thousand an error. Written while a script's flood lasts, which is for ever.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};

use super::logs::Logs;
use crate::clock::Clock;

/// How often what is due is written.
const EVERY: Duration = Duration::from_millis(5);
/// Bytes of a line with the moment that the node writes before it, and its end.
const LINE: u64 = 200;
/// Bytes of that moment, a blank and the end.
const BESIDE: usize = 32;
/// Lines written at once at most: what is late is not made up for, as no disk would.
const BURST: u64 = 50_000;

/// A container that floods its log.
#[derive(Debug)]
pub struct Flood {
    pod: String,
    lines_per_s: u64,
    since: DateTime<Utc>,
    written: u64,
}

impl Flood {
    /// A flood of so many megabytes a second that begins now.
    pub fn new(pod: String, megabytes: u32, now: DateTime<Utc>) -> Self {
        Self { pod, lines_per_s: u64::from(megabytes) * 1_000_000 / LINE, since: now, written: 0 }
    }

    /// Writes what is due.
    fn pour(&mut self, logs: &Logs, now: DateTime<Utc>) {
        let micros = (now - self.since).num_microseconds().unwrap_or_default().max(0).cast_unsigned();
        let due = micros.saturating_mul(self.lines_per_s) / 1_000_000;
        self.written = self.written.max(due.saturating_sub(BURST));
        let head = now.format("[%Y-%m-%d %H:%M:%S,%3f]").to_string();
        let filler = "x".repeat(LINE as usize);
        let line = |number: u64| {
            let level = if number.is_multiple_of(1_000) { "ERROR" } else { "INFO" };
            let mut text = format!("{head} {level} [Flood] line {number:012} ");
            let missing = (LINE as usize - BESIDE).saturating_sub(text.len());
            text.push_str(&filler[..missing]);
            text
        };
        logs.write_all(&self.pod, now, (self.written..due).map(line));
        self.written = due;
    }
}

/// Writes as long as it is polled; waits until there is a flood.
pub async fn run(logs: Arc<Logs>, clock: Clock) {
    let mut floods: Vec<Flood> = Vec::new();
    loop {
        if floods.is_empty() {
            logs.flooded().await;
        } else {
            tokio::time::sleep(EVERY).await;
        }
        floods.extend(logs.take_floods());
        let now = clock.now();
        for flood in &mut floods {
            flood.pour(&logs, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;

    #[test]
    fn a_flood_writes_its_bytes_a_second_in_numbered_lines() {
        let (logs, start) = (Logs::default(), DateTime::UNIX_EPOCH);
        let mut flood = Flood::new("kafka-0".into(), 1, start);
        for step in 1..=100 {
            flood.pour(&logs, start + TimeDelta::milliseconds(step * 5));
        }
        let lines = logs.read("kafka-0", false, 0).unwrap();
        assert_eq!(lines.last().unwrap().number, 2_499, "half a second of 5,000 lines a second");
        assert!(lines.last().unwrap().text.contains("line 000000002499 "));
        assert!(lines.iter().all(|line| line.text.len() + BESIDE == LINE as usize));
        assert_eq!(lines.iter().filter(|line| line.text.contains("ERROR")).count(), 3);
    }
}
