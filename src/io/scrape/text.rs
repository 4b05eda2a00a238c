//! The text format of metrics, read as it arrives: of each line what the table of aliases names is kept, and nothing else.
//!
//! No crate fits: those that there are want the whole text in memory and keep every sample. Here memory is bounded
//! whatever comes: a line that is too long is left out, and of series that are added only hashes are remembered, so
//! that one that comes twice counts once. Types, help, times, exemplars and lines that cannot be read are passed over.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    hash::{DefaultHasher, Hash, Hasher},
    io::{self, Write},
};

use crate::domain::metrics::{ALIASES, Alias, Join, Label, Measured, Scrape};

/// Bytes of a line at most: what we look for has names and labels of a few hundred.
const LONGEST: usize = 4 << 10;
/// Letters of a name at most that is looked up.
const LONGEST_NAME: usize = 128;
/// Bytes of an answer at most, once it is unpacked.
pub const MOST: u64 = 64 << 20;
/// Series of one name that are told apart at most.
const SERIES: usize = 20_000;
/// A name's ending that some exporters add to counters.
const TOTAL: &str = "_total";

/// What has been kept of an answer so far.
pub struct Gathering {
    by_name: HashMap<&'static str, Vec<usize>>,
    is_sidecar: bool,
    line: Vec<u8>,
    /// The line is too long: the rest of it is passed over.
    is_long: bool,
    bytes: u64,
    samples: u64,
    kept: BTreeMap<usize, Kept>,
}

/// What has been kept for one row of the table.
struct Kept {
    value: f64,
    metric: String,
    seen: BTreeSet<u64>,
}

impl Gathering {
    /// Nothing yet; of a sidecar's own process nothing is kept.
    pub fn new(is_sidecar: bool) -> Self {
        let mut by_name: HashMap<&'static str, Vec<usize>> = HashMap::new();
        for (at, alias) in ALIASES.iter().enumerate() {
            for name in alias.names {
                by_name.entry(name).or_default().push(at);
            }
        }
        let (line, kept) = (Vec::new(), BTreeMap::new());
        Self { by_name, is_sidecar, line, is_long: false, bytes: 0, samples: 0, kept }
    }

    /// What is known at the end, and how many lines were samples.
    pub fn finish(mut self) -> (Scrape, u64) {
        self.end_of_line();
        let mut scrape = Scrape::default();
        // In the order of the table, the best name of a figure first.
        for (at, kept) in self.kept {
            let Some(alias) = ALIASES.get(at) else { continue };
            let measured = Measured { value: kept.value * alias.scale, how: alias.how, metric: kept.metric };
            scrape.figures.entry(alias.figure).or_insert(measured);
        }
        (scrape, self.samples)
    }

    fn end_of_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        if !std::mem::take(&mut self.is_long)
            && let Ok(text) = std::str::from_utf8(&line)
            && let Some(sample) = Sample::read(text)
        {
            self.samples += 1;
            self.take(&sample);
        }
        // The same memory for the next line.
        self.line = line;
        self.line.clear();
    }

    fn take(&mut self, sample: &Sample<'_>) {
        if !sample.value.is_finite() || sample.name.len() > LONGEST_NAME {
            return;
        }
        let lower = sample.name.to_ascii_lowercase();
        let bare = || self.by_name.get(lower.strip_suffix(TOTAL)?);
        let rows = self.by_name.get(lower.as_str()).or_else(bare);
        for at in rows.cloned().unwrap_or_default() {
            let Some(alias) = ALIASES.get(at) else { continue };
            if !(alias.of_process && self.is_sidecar) && sample.fits(alias) {
                self.keep(at, alias, sample);
            }
        }
    }

    fn keep(&mut self, at: usize, alias: &Alias, sample: &Sample<'_>) {
        let mut hasher = DefaultHasher::new();
        (sample.name, sample.labels).hash(&mut hasher);
        let series = hasher.finish();
        let Some(kept) = self.kept.get_mut(&at) else {
            self.kept.insert(at, Kept { value: sample.value, metric: sample.name.to_owned(), seen: [series].into() });
            return;
        };
        if kept.seen.len() >= SERIES || !kept.seen.insert(series) {
            return;
        }
        match alias.join {
            Join::Sum => kept.value += sample.value,
            Join::Least => kept.value = kept.value.min(sample.value),
            Join::First => {}
        }
    }
}

impl Write for Gathering {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes += bytes.len() as u64;
        if self.bytes > MOST {
            return Err(io::Error::other(format!("its answer is larger than {} MiB", MOST >> 20)));
        }
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (text, ends) = match part {
                [text @ .., b'\n'] => (text, true),
                text => (text, false),
            };
            if self.line.len() + text.len() > LONGEST {
                self.is_long = true;
                self.line.clear();
            } else if !self.is_long {
                self.line.extend_from_slice(text);
            }
            if ends {
                self.end_of_line();
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// One line that is a sample.
struct Sample<'a> {
    name: &'a str,
    /// What stands in braces.
    labels: &'a str,
    value: f64,
}

impl<'a> Sample<'a> {
    fn read(line: &'a str) -> Option<Self> {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            return None;
        }
        let end = line.find(|c: char| c == '{' || c.is_ascii_whitespace())?;
        let (name, rest) = line.split_at(end);
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
        if name.is_empty() || !name.chars().all(is_name) {
            return None;
        }
        let (labels, rest) = match rest.strip_prefix('{') {
            Some(rest) => {
                let end = end_of_labels(rest)?;
                (&rest[..end], &rest[end + 1..])
            }
            None => ("", rest),
        };
        // A time or an exemplar may follow.
        let value = rest.split_ascii_whitespace().next()?.parse().ok()?;
        Some(Self { name, labels, value })
    }

    /// True when its labels are as an alias wants them.
    fn fits(&self, alias: &Alias) -> bool {
        alias.labels.iter().all(|label| match label {
            Label::Is(key, wanted) => self.label(key).is_some_and(|value| value.eq_ignore_ascii_case(wanted)),
            Label::Any(key) => self.label(key).is_some(),
            Label::None(key) => self.label(key).is_none(),
        })
    }

    /// A label's value as it is written. Values that we look for need no escapes.
    fn label(&self, wanted: &str) -> Option<&'a str> {
        let mut rest = self.labels;
        loop {
            let (key, after) = rest.split_once('=')?;
            let after = after.trim_start().strip_prefix('"')?;
            let end = end_of_quoted(after)?;
            if key.trim_matches([' ', ',', '\t']).eq_ignore_ascii_case(wanted) {
                return Some(&after[..end]);
            }
            rest = &after[end + 1..];
        }
    }
}

/// Where the quotation ends that has begun.
fn end_of_quoted(text: &str) -> Option<usize> {
    let mut is_escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => return Some(at),
            _ => {}
        }
    }
    None
}

/// Where the braces end that have begun; those in quotation marks are values.
fn end_of_labels(text: &str) -> Option<usize> {
    let mut at = 0;
    loop {
        let rest = text.get(at..)?;
        let next = rest.find(['"', '}'])?;
        at += next;
        if text.as_bytes().get(at) == Some(&b'}') {
            return Some(at);
        }
        at += 1;
        at += end_of_quoted(text.get(at..)?)? + 1;
    }
}
