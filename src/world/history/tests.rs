//! How groups get on, told pass by pass.

use super::*;
use crate::domain::{
    config::{ConfigEntry, ConfigSource},
    group::Committed,
    topic::TopicConfig,
};

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000 + seconds, 0).unwrap()
}

/// One topic, and what is known of it.
struct House {
    history: History,
    known: bool,
    config: Option<TopicConfig>,
}

impl House {
    fn new() -> Self {
        Self { history: History::default(), known: true, config: None }
    }

    fn kept(settings: &[(&str, &str)]) -> Self {
        let entry = |(name, value): &(&str, &str)| ConfigEntry {
            name: (*name).into(),
            value: Some((*value).into()),
            hidden: false,
            source: ConfigSource::DynamicTopic,
        };
        let config = TopicConfig { entries: settings.iter().map(entry).collect(), ..TopicConfig::default() };
        Self { config: Some(config), ..Self::new() }
    }

    /// A pass: what the group has committed of partitions 0, 1…, then where they end.
    fn pass(&mut self, seconds: i64, offsets: &[i64], ends: &[i64]) {
        self.commit("app", seconds, offsets);
        self.end(seconds, ends);
    }

    fn commit(&mut self, group: &str, seconds: i64, offsets: &[i64]) {
        let commit = |(partition, offset): (usize, &i64)| Committed {
            topic: "orders".into(),
            partition: i32::try_from(partition).unwrap(),
            offset: *offset,
        };
        let commits = offsets.iter().enumerate().map(commit).collect();
        let commits = Commits { group: group.into(), error: None, commits };
        let about = About { known: self.known, config: self.config.as_ref(), ends: None };
        self.history.committed(&commits, at(seconds), |_| about);
    }

    fn end(&mut self, seconds: i64, ends: &[i64]) {
        let end = |(partition, offset): (usize, &i64)| EndOffset {
            topic: "orders".into(),
            partition: i32::try_from(partition).unwrap(),
            offset: *offset,
        };
        let ends: Vec<EndOffset> = ends.iter().enumerate().map(end).collect();
        self.history.ended(&ends, at(seconds));
    }

    fn figures(&self) -> &Figures {
        self.history.figures("app").unwrap()
    }

    /// Seconds, and whether they may be more.
    fn time(&self) -> Option<(i64, bool)> {
        self.figures().lag_time.map(|time| (time.seconds, time.at_least))
    }
}

#[test]
fn lag_time_is_since_the_end_of_the_log_passed_what_is_committed() {
    let mut house = House::new();
    for step in 0..10 {
        house.pass(step * 5, &[100], &[100 + step * 50]);
    }
    assert_eq!(house.figures().lag, Some(450));
    assert_eq!(house.time(), Some((45, false)));
    house.pass(50, &[350], &[600]);
    assert_eq!(house.time(), Some((25, false)), "350 was written at 25");
    house.pass(55, &[650], &[650]);
    assert_eq!(house.time(), Some((0, false)));
}

#[test]
fn of_what_was_written_before_anybody_looked_there_is_a_lower_bound_and_at_first_nothing() {
    let mut house = House::new();
    house.pass(0, &[10], &[100]);
    assert_eq!((house.figures().lag, house.time()), (Some(90), None));
    house.pass(60, &[10], &[100]);
    assert_eq!(house.time(), Some((60, true)));
    house.pass(65, &[100], &[100]);
    assert_eq!(house.time(), Some((0, false)));
}

#[test]
fn the_worst_partition_counts_and_an_end_that_is_not_told_makes_it_a_lower_bound() {
    let mut house = House::new();
    house.pass(0, &[10, 10, 10], &[10, 10]);
    assert_eq!((house.figures().lag, house.figures().lag_incomplete, house.time()), (Some(0), true, None));
    house.pass(5, &[10, 10, 10], &[10, 30]);
    house.pass(20, &[10, 10, 10], &[10, 60]);
    assert_eq!(house.time(), Some((20, true)));
    house.end(20, &[10, 60, 10]);
    assert_eq!((house.figures().lag_incomplete, house.time()), (false, Some((20, false))));
}

#[test]
fn a_commit_beyond_the_end_and_a_log_that_begins_anew_make_no_absurd_figure() {
    let mut house = House::new();
    house.pass(0, &[500], &[500]);
    house.pass(5, &[500], &[900]);
    // The topic was made anew.
    house.pass(10, &[500], &[3]);
    assert_eq!((house.figures().lag, house.time()), (Some(0), None));
    assert_eq!((house.figures().rate_in, house.figures().rewound), (None, false));
    house.pass(15, &[0], &[8]);
    house.pass(20, &[0], &[13]);
    assert_eq!(house.figures().rate_in, Some(1.0));
    assert!(!house.figures().rewound, "it reads another log");
}

#[test]
fn a_deleted_topic_has_no_lag_and_is_forgotten_with_its_groups() {
    let mut house = House::new();
    house.pass(0, &[5], &[10]);
    house.pass(30, &[5], &[10]);
    house.history.told(at(31), |_| About { known: false, config: None, ends: None });
    assert_eq!((house.figures().lag, house.figures().lag_incomplete), (None, false));
    assert_eq!(house.time(), Some((0, false)), "nothing waits there any more");
    house.history.keep(|_| false);
    assert!(house.history.places.is_empty() && house.history.groups.is_empty());
    assert_eq!(house.history.free.len(), house.history.logs.len());
}

#[test]
fn places_are_shared_and_given_back_one_by_one() {
    let mut house = House::new();
    house.pass(0, &[1, 2], &[10, 10]);
    house.commit("other", 1, &[4]);
    assert_eq!(house.history.logs.len(), 2);
    house.commit("app", 5, &[1]);
    assert_eq!((house.history.free.len(), house.history.places["orders"].len()), (1, 1));
    house.commit("third", 6, &[0, 0]);
    assert_eq!(house.history.logs.len(), 2, "the place is taken again");
    assert_eq!(house.history.lag_time("orders", 1, 0), None, "and knows nothing of the one before");
}

#[test]
fn rates_are_those_of_the_last_minute_and_need_two_samples() {
    let mut house = House::new();
    house.pass(0, &[0, 0], &[100, 100]);
    assert_eq!((house.figures().rate_in, house.figures().rate_out), (None, None));
    for step in 1..=20 {
        house.pass(step * 5, &[step * 50, step * 50], &[100 + step * 25, 100]);
    }
    assert_eq!((house.figures().rate_in, house.figures().rate_out), (Some(5.0), Some(20.0)));
    // One more partition is no burst.
    house.pass(105, &[1050, 1050, 9_000], &[650, 100, 9_100]);
    assert_eq!((house.figures().rate_in, house.figures().rate_out), (None, None));
}

#[test]
fn a_trend_is_the_lag_of_whole_passes() {
    let mut house = House::new();
    for step in 0..24 {
        house.pass(step * 5, &[0], &[step * 10]);
    }
    let trend: Vec<i64> = house.figures().trend.iter().flatten().copied().collect();
    assert_eq!(trend.len(), TREND, "{:?}", house.figures().trend);
    assert!(trend.is_sorted() && trend[TREND - 1] == 230, "{trend:?}");
}

#[test]
fn a_commit_that_went_back_is_rewound_until_it_is_where_it_was() {
    let mut house = House::new();
    house.pass(0, &[80], &[100]);
    house.pass(5, &[20], &[100]);
    assert!(house.figures().rewound);
    assert_eq!(house.figures().rate_out, None, "that is no reading");
    house.pass(10, &[60], &[100]);
    assert!(house.figures().rewound);
    house.pass(15, &[80], &[100]);
    assert!(!house.figures().rewound);
}

#[test]
fn a_partition_is_stuck_when_its_commit_stays_although_records_wait() {
    let mut house = House::new();
    for step in 0..=20 {
        let seconds = step * 5;
        // The first reads, the second does not, the third has nothing to read, the fourth waits before a mark.
        house.pass(seconds, &[seconds, 7, 50, 9], &[seconds + 5, 7 + seconds, 50, 10]);
        let figures = house.figures();
        assert!(figures.moves);
        assert_eq!(figures.stuck, usize::from(seconds >= 90), "after {seconds} s");
    }
    let mut still = House::new();
    for step in 0..=20 {
        still.pass(step * 5, &[7], &[7 + step * 5]);
    }
    assert_eq!((still.figures().stuck, still.figures().moves), (1, false));
}

#[test]
fn retention_is_used_up_by_the_age_of_what_is_unread() {
    let hour = [("cleanup.policy", "delete"), ("retention.ms", "100000"), ("retention.bytes", "-1")];
    let used = |settings: &[(&str, &str)]| {
        let mut house = House::kept(settings);
        for step in 0..=10 {
            house.pass(step * 5, &[100], &[100 + step]);
        }
        house.figures().retention.map(|used| (used.percent, used.at_least))
    };
    assert_eq!(used(&hour), Some((50, false)));
    assert_eq!(used(&[hour[0], ("retention.ms", "10000"), hour[2]]), Some((100, false)), "never more than all of it");
    assert_eq!(used(&[hour[0], hour[1], ("retention.bytes", "1048576")]), Some((50, true)));
    assert_eq!(used(&[hour[0], ("retention.ms", "-1"), hour[2]]), Some((0, false)));
    assert_eq!(used(&[hour[0], ("retention.ms", "-1"), ("retention.bytes", "1048576")]), None);
    assert_eq!(used(&[("cleanup.policy", "compact"), hour[1], hour[2]]), Some((0, false)));
    assert_eq!(used(&[hour[1]]), None, "nobody told what is done with old records");
}

#[test]
fn a_large_installation_fits() {
    let mut history = History::default();
    let about = About { known: true, config: None, ends: None };
    for topic in 0..100 {
        let commit = |partition| Committed { topic: format!("topic-{topic}"), partition, offset: 0 };
        let commits = Commits { group: format!("g{topic}"), error: None, commits: (0..40).map(commit).collect() };
        history.committed(&commits, at(0), |_| about);
    }
    for step in 0..100 {
        for topic in 0..100 {
            let end = |partition| EndOffset { topic: format!("topic-{topic}"), partition, offset: step * 7 };
            history.ended(&(0..40).map(end).collect::<Vec<_>>(), at(step * 5));
        }
    }
    let bytes: usize = history.logs.iter().map(|log| size_of::<Log>() + log.ends.bytes()).sum();
    assert!(bytes / history.logs.len() * 39_000 < 15 << 20, "{} a partition", bytes / history.logs.len());
}

/// What was asked of a house, as offsets.
fn asked(house: &mut House, seconds: i64) -> Vec<i64> {
    house.history.ask(at(seconds)).into_iter().map(|unread| unread.offset).collect()
}

fn record(offset: i64, timestamp: i64, log_start: Option<i64>) -> RecordTime {
    RecordTime { of: Unread { topic: "orders".into(), partition: 0, offset }, timestamp, log_start }
}

#[test]
fn a_record_says_how_old_a_lag_is_that_nobody_saw_begin() {
    let mut house = House::new();
    house.pass(0, &[10], &[100]);
    assert_eq!(asked(&mut house, 0), [10]);
    assert!(house.history.awaits_records(at(1)) && !house.history.awaits_records(at(2)));
    house.history.written(&[record(10, at(-600).timestamp_millis(), Some(0))], at(0));
    assert!(!house.history.awaits_records(at(1)));
    assert_eq!(house.time(), Some((600, false)));
    assert_eq!(house.figures().lag_time.unwrap().source, LagTimeSource::Record);
    house.pass(5, &[10], &[100]);
    assert_eq!((house.time(), asked(&mut house, 5)), (Some((605, false)), Vec::<i64>::new()));
    // Between the record and where the log ended when we looked first.
    house.pass(10, &[55], &[100]);
    assert_eq!(house.time(), Some((310, false)));
    assert!(asked(&mut house, 10).is_empty(), "not so soon again");
    house.pass(65, &[55], &[100]);
    assert_eq!(asked(&mut house, 65), [55], "the way was long");
    house.pass(70, &[100], &[110]);
    assert_eq!(house.figures().lag_time.unwrap().source, LagTimeSource::History);
}

#[test]
fn a_record_without_a_time_or_from_a_wrong_clock_makes_nothing_known() {
    for wrong in [-1, 0, at(3_600).timestamp_millis(), i64::MAX] {
        let mut house = House::new();
        house.pass(0, &[10], &[100]);
        assert_eq!(asked(&mut house, 0), [10]);
        house.history.written(&[record(10, wrong, None)], at(1));
        assert_eq!(house.time(), None, "{wrong}");
        house.pass(70, &[10], &[100]);
        assert_eq!((house.time(), asked(&mut house, 70)), (Some((70, true)), Vec::<i64>::new()), "{wrong}");
    }
    let mut ahead = House::new();
    ahead.pass(0, &[10], &[100]);
    ahead.history.written(&[record(10, at(8).timestamp_millis(), None)], at(1));
    ahead.pass(20, &[10], &[100]);
    assert_eq!(ahead.time(), Some((20, false)), "it was there when we looked first");
}

#[test]
fn what_the_log_does_not_keep_any_more_has_used_up_all_of_the_retention() {
    let mut house = House::new();
    house.pass(0, &[10], &[100]);
    house.history.written(&[record(10, -1, Some(40))], at(0));
    assert_eq!(house.figures().retention.map(|used| used.percent), Some(100));
}

#[test]
fn few_records_are_asked_for_and_only_where_nobody_knows_better() {
    let mut house = House::new();
    let ends = [100; 60];
    for group in 0..40 {
        house.commit(&format!("g{group}"), 0, &[group; 60]);
    }
    house.end(0, &ends);
    assert!(house.history.ask(at(0)).len() <= ASKED);
    assert!(asked(&mut house, 1).is_empty(), "once a pass");
    let mut clear = House::new();
    clear.pass(0, &[100], &[100]);
    clear.pass(5, &[100], &[150]);
    assert!(asked(&mut clear, 5).is_empty(), "we saw it begin");
}

#[test]
fn who_is_behind_a_record_that_is_known_has_its_own_asked_for_in_the_next_pass() {
    let mut house = House::new();
    house.pass(0, &[50], &[100]);
    assert_eq!(asked(&mut house, 0), [50]);
    house.history.written(&[record(50, at(-600).timestamp_millis(), None)], at(0));
    house.commit("slower", 5, &[20]);
    house.pass(5, &[50], &[110]);
    assert_eq!(asked(&mut house, 5), [20]);
    house.history.written(&[record(20, at(-900).timestamp_millis(), None)], at(5));
    house.pass(10, &[60], &[120]);
    assert!(asked(&mut house, 10).is_empty(), "the one before it is known");
}
