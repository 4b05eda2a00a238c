//! The grammar of filters, and what hostile input does to it.

use chrono::{DateTime, TimeDelta, Utc};

use super::{super::columns::SortKey, Filter};

const TITLES: [&str; 8] = ["GROUP", "STATE", "STARTED", "LAG", "SIZE", "%", "AGE", "END OFFSET"];

fn now() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000)
}

/// One row: its texts and its values.
fn row(column: usize) -> (String, SortKey) {
    let age = -(now() - TimeDelta::seconds(240)).timestamp_millis();
    match column {
        0 => ("orders-app".into(), SortKey::Text("orders-app".into())),
        1 => ("● Stable".into(), SortKey::Text("Stable".into())),
        2 => ("two words".into(), SortKey::Rank(3)),
        3 => ("12.4k".into(), SortKey::Number(12_400)),
        4 => ("512 MiB".into(), SortKey::Bytes(512 << 20)),
        5 => ("71%".into(), SortKey::Percent(71)),
        6 => ("4m".into(), SortKey::Time(age)),
        _ => ("?".into(), SortKey::Unknown),
    }
}

fn read(text: &str) -> Filter {
    let mut filter = Filter::parse(text, &TITLES);
    filter.check(&TITLES, |column| Some(row(column).1).filter(|key| *key != SortKey::Unknown));
    filter
}

#[track_caller]
fn passes(text: &str) -> bool {
    let filter = read(text);
    assert_eq!(filter.problems(), Vec::<String>::new(), "{text}");
    filter.passes(TITLES.len(), |c| row(c).0, |c| row(c).1, now())
}

#[track_caller]
fn problem(text: &str) -> String {
    let filter = read(text);
    assert!(filter.passes(TITLES.len(), |c| row(c).0, |c| row(c).1, now()), "{text} must be left out");
    assert_eq!(filter.problems().len(), 1, "{text}: {:?}", filter.problems());
    filter.problems()[0].clone()
}

#[test]
fn every_term_must_hold() {
    assert!(passes("orders STABLE"));
    assert!(!passes("orders payments"));
    assert!(passes("orders !payments") && !passes("!orders"));
    assert!(passes("") && passes("   ") && passes("!"));
}

#[test]
fn quotes_keep_blanks_and_make_words_of_what_looks_like_more() {
    assert!(passes("\"two words\"") && !passes("\"words two\"") && !passes("!\"two words\""));
    assert!(passes("started:\"two w\""));
    assert!(!passes("\"lag>1\"") && !passes("\"http://x\""));
    assert!(passes("\"two w"), "a quote that is not closed yet reaches to the end");
    assert!(!passes("\"!orders\""));
}

#[test]
fn a_column_is_matched_by_a_pattern_or_by_its_whole_text() {
    assert!(passes("group:^orders-") && !passes("group:^app") && passes("!group:^app"));
    assert!(passes("state=stable") && !passes("state=stab") && passes("state!=empty") && !passes("!state=stable"));
    assert!(passes("group:"), "nothing is asked for yet");
}

#[test]
fn columns_are_found_by_the_beginning_of_their_names_in_any_case() {
    assert!(passes("L>1000") && passes("gr:orders") && passes("LAG>1000"));
    assert!(!passes("end-offset>1") && !passes("endoff>1") && !passes("end>1"), "unknown cells match no comparison");
    assert_eq!(problem("sta:x"), "column sta is state or started");
}

#[test]
fn values_are_compared_in_their_own_units() {
    assert!(
        passes("lag>12k") && !passes("lag>12.5k") && passes("lag>=12400 lag<=12400 lag=12400") && !passes("lag!=12400")
    );
    assert!(
        passes("size=512Mi")
            && passes("size>0.4G")
            && passes("size<1.5G")
            && passes("size=512MiB")
            && passes("size>500MB")
    );
    assert!(passes("%>70%") && passes("%>70") && !passes("%>=71.5%"));
    assert!(passes("age<5m") && passes("age>=4m") && passes("age<1d age<2h age>42s") && !passes("age>4m12s"));
    assert!(passes("!lag>20k") && !passes("!lag>1"));
}

#[test]
fn what_is_unknown_never_matches_a_comparison_whichever_way() {
    for text in ["end<1", "end>=0", "end=0", "end!=0", "!end>1", "!end!=1"] {
        assert!(!passes(text), "{text}");
    }
}

#[test]
fn a_term_that_cannot_be_understood_is_left_out_and_said_with_the_reason() {
    let said = problem("lagg>3");
    assert!(said.starts_with("no column lagg: did you mean lag? there are group, state, started, lag,"), "{said}");
    assert!(problem("http://x").starts_with("no column http: there are group"));
    assert_eq!(problem("lag>5m"), "lag>5m: lag is a count: 1000, 12k, 3M");
    assert_eq!(problem("age<5"), "age<5: age needs a unit of time: 42s, 3m, 2h, 1d");
    assert_eq!(problem("state>5"), "state>5: state has no number: use : and a pattern");
    assert_eq!(problem("started>5"), "started>5: started has no number: use : and a pattern");
    assert_eq!(problem("lag>many"), "lag>many: many is no number, size, percentage or time");
    assert_eq!(problem("lag>"), "lag>: nothing to compare with yet");
    assert!(problem("group:(").starts_with("group:(: no pattern: "));
    assert_eq!(read("lagg>3 orders !x").problems().len(), 1, "the others still count");
}

#[test]
fn hostile_input_costs_little_and_breaks_nothing() {
    for text in ["group:(((((a{1000}){1000}){1000}){1000}){1000})", "group:\\p{L}{900}{900}"] {
        assert!(problem(text).contains("pattern"), "{text}");
    }
    assert!(problem(&format!("group:{}", "a".repeat(100_000))).contains("too long"));
    for text in [
        "!!",
        "!!x",
        ":",
        "=",
        ">",
        "!=",
        "!=x",
        "<=>",
        "\"",
        "!\"",
        "\"\"",
        "a\"b c\"d",
        "::::",
        "%%>1",
        "é>1",
        "lag>1e999",
        "lag>-",
        "lag>--1",
        "lag>.",
        "age<5m5",
        "age<m",
        "日本:x",
        "!\u{0}",
        "lag!",
        "lag!=",
        "a!>b",
    ] {
        let filter = read(text);
        let _ = filter.passes(TITLES.len(), |c| row(c).0, |c| row(c).1, now());
    }
    let many = "x ".repeat(100_000);
    assert!(read(&many).terms.len() <= super::TERMS);
}
