//! Lists: order, filter and selection, the same for every kind of row.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::{
    columns::{Row, SortKey},
    filter::Filter,
};
use crate::{
    domain::{config::Config, finding::Finding, group::GroupPartition, timeline::Entry},
    world::{
        alerts::AlertRow,
        brokers::BrokerRow,
        connect::ConnectorRow,
        groups::GroupRow,
        storage::ClaimRow,
        topics::{PartitionRow, TopicRow},
        users::UserRow,
    },
};

/// Every list there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ListId {
    /// Findings.
    Findings,
    /// Brokers.
    Brokers,
    /// Claims.
    Storage,
    /// Topics.
    Topics,
    /// Partitions of the open topic.
    Partitions,
    /// Groups.
    Groups,
    /// Partitions of the open group.
    GroupPartitions,
    /// Alert rules.
    Alerts,
    /// Configs of a broker or a topic.
    Configs,
    /// Connectors.
    Connect,
    /// Users.
    Users,
    /// What changed.
    Timeline,
}

/// State of one list. Selection is by id: rows move, the cursor does not jump.
#[derive(Debug, Clone, Default)]
pub struct ListState {
    /// Id of the selected row.
    pub selected: Option<String>,
    /// Its place, for when the row goes away.
    at: usize,
    /// A key was pressed while this list had the focus: from then on the cursor stays on its row. Before, it is on
    /// the first, whichever that turns out to be.
    pub held: bool,
    /// What the user filters by.
    pub filter: String,
    /// The same, read; with the text it was read from.
    read: Option<(String, Filter)>,
    /// What of the filter cannot be understood, in words.
    pub problems: Vec<String>,
    /// Column and whether it is reversed, once the user chose one.
    pub sort: Option<(usize, bool)>,
    /// Rows that pass the filter, in order: indices into the unsorted rows.
    pub order: Vec<usize>,
}

/// Titles of a list's columns.
pub fn titles(id: ListId) -> Vec<&'static str> {
    fn of<R: Row>() -> Vec<&'static str> {
        R::COLUMNS.iter().map(|column| column.title).collect()
    }
    match id {
        ListId::Findings => of::<Finding>(),
        ListId::Brokers => of::<BrokerRow>(),
        ListId::Storage => of::<ClaimRow>(),
        ListId::Topics => of::<TopicRow>(),
        ListId::Partitions => of::<PartitionRow>(),
        ListId::Groups => of::<GroupRow>(),
        ListId::GroupPartitions => of::<GroupPartition>(),
        ListId::Alerts => of::<AlertRow>(),
        ListId::Configs => of::<Config>(),
        ListId::Connect => of::<ConnectorRow>(),
        ListId::Users => of::<UserRow>(),
        ListId::Timeline => of::<Entry>(),
    }
}

/// All lists' states.
pub type Lists = BTreeMap<ListId, ListState>;

impl ListState {
    /// Sorts and filters rows anew and finds the selected one again.
    pub fn arrange<R: Row>(&mut self, rows: &[R], now: DateTime<Utc>) {
        let mut order = self.passing(rows, now);
        match self.sort.and_then(|(column, reverse)| Some((R::COLUMNS.get(column)?, reverse))) {
            Some((column, reverse)) => {
                let keys: Vec<_> = rows.iter().map(column.key).collect();
                order.sort_by(|a, b| keys[*a].compare(&keys[*b], reverse));
            }
            None => order.sort_by_key(|i| rows[*i].urgency()),
        }
        self.order = order;
        let found = self.selected.as_ref().filter(|_| self.held).and_then(|id| {
            let is_it = |i: &usize| rows[*i].id() == *id;
            // It has hardly ever moved, and there may be thousands of rows.
            let stays = self.order.get(self.at).is_some_and(is_it).then_some(self.at);
            stays.or_else(|| self.order.iter().position(is_it))
        });
        self.select_at(found.unwrap_or(self.at), rows);
    }

    /// Indices of the rows that pass the filter. Terms that these rows cannot answer are left out.
    fn passing<R: Row>(&mut self, rows: &[R], now: DateTime<Utc>) -> Vec<usize> {
        let titles: Vec<&str> = R::COLUMNS.iter().map(|c| c.title).collect();
        if self.read.as_ref().is_none_or(|(text, _)| *text != self.filter) {
            self.read = Some((self.filter.clone(), Filter::parse(&self.filter, &titles)));
        }
        let Some((_, filter)) = self.read.as_ref().filter(|(text, _)| !text.is_empty()) else {
            self.problems.clear();
            return (0..rows.len()).collect();
        };
        let mut filter = filter.clone();
        let known = |column: usize| rows.iter().map(R::COLUMNS[column].key).find(|key| *key != SortKey::Unknown);
        filter.check(&titles, known);
        filter.problems().clone_into(&mut self.problems);
        let passes = |row: &R| {
            let cell = |column: usize| (R::COLUMNS[column].cell)(row, now).text;
            filter.passes(titles.len(), cell, |column| (R::COLUMNS[column].key)(row), now)
        };
        (0..rows.len()).filter(|i| passes(&rows[*i])).collect()
    }

    /// Moves to a place in the order; the row there is selected when the list is next arranged.
    pub fn go_to(&mut self, at: usize) {
        self.at = at;
        (self.selected, self.held) = (None, true);
    }

    /// Selects the row at a place in the order, or the nearest there is.
    pub fn select_at<R: Row>(&mut self, at: usize, rows: &[R]) {
        self.at = at.min(self.order.len().saturating_sub(1));
        self.selected = self.order.get(self.at).map(|i| rows[*i].id());
    }

    /// Place of the selected row in the order.
    pub fn position(&self) -> usize {
        self.at
    }

    /// First visible row for a pane of `height` rows, so that the selected one is in sight.
    pub fn offset(&self, height: usize) -> usize {
        let last = self.order.len().saturating_sub(height);
        (self.at + 1).saturating_sub(height).max(self.at.saturating_sub(height / 2)).min(last)
    }

    /// Goes on to the next column to sort by; after the last one back to the rows' own order.
    pub fn sort_by_next(&mut self, columns: usize) {
        self.sort = match self.sort {
            None => Some((0, false)),
            Some((column, _)) if column + 1 < columns => Some((column + 1, false)),
            Some(_) => None,
        };
    }

    /// Reverses the order of the chosen column.
    pub fn reverse(&mut self) {
        self.sort = Some(self.sort.map_or((0, true), |(column, reverse)| (column, !reverse)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{domain::topic::Health, world::topics::TopicRow};

    fn topics(names: &[&str]) -> Vec<TopicRow> {
        let row = |name: &&str| TopicRow {
            name: (*name).to_owned(),
            partitions: 1,
            replication_factor: 1,
            min_isr: Some(1),
            config_overrides: Some(0),
            config_overrides_incomplete: false,
            under_replicated: 0,
            offline: 0,
            under_min_isr: 0,
            at_min_isr: 0,
            reassigning: None,
            size_bytes: None,
            owner: None,
            error: None,
            worst: Health::InSync,
        };
        names.iter().map(row).collect()
    }

    fn shown(list: &ListState, rows: &[TopicRow]) -> Vec<String> {
        list.order.iter().map(|i| rows[*i].name.clone()).collect()
    }

    #[test]
    fn until_somebody_has_been_there_the_cursor_is_on_the_first_row() {
        let now = DateTime::UNIX_EPOCH;
        let mut list = ListState::default();
        list.arrange(&topics(&["b"]), now);
        list.arrange(&topics(&["a", "b"]), now);
        assert_eq!(list.selected.as_deref(), Some("a"));
    }

    #[test]
    fn the_cursor_stays_on_its_row_when_rows_come_before_it() {
        let now = DateTime::UNIX_EPOCH;
        let mut list = ListState { held: true, ..ListState::default() };
        let before = topics(&["b", "c"]);
        list.arrange(&before, now);
        list.select_at(1, &before);
        let after = topics(&["a", "b", "c"]);
        list.arrange(&after, now);
        assert_eq!(list.selected.as_deref(), Some("c"));
        let without = topics(&["a", "b"]);
        list.arrange(&without, now);
        assert_eq!(list.selected.as_deref(), Some("b"), "a row that went away leaves the cursor where it was");
    }

    #[test]
    fn a_filter_takes_words_and_leaves_out_words() {
        let rows = topics(&["orders", "orders-dlq", "payments"]);
        let mut list = ListState { filter: "ORDERS !dlq".into(), ..ListState::default() };
        list.arrange(&rows, DateTime::UNIX_EPOCH);
        assert_eq!(shown(&list, &rows), ["orders"]);
    }

    #[test]
    fn the_worst_rows_come_first_until_a_column_is_chosen() {
        let mut rows = topics(&["a", "b"]);
        rows[1].worst = Health::Offline;
        let mut list = ListState::default();
        list.arrange(&rows, DateTime::UNIX_EPOCH);
        assert_eq!(shown(&list, &rows), ["b", "a"]);
        list.sort_by_next(10);
        list.arrange(&rows, DateTime::UNIX_EPOCH);
        assert_eq!(shown(&list, &rows), ["a", "b"]);
        list.reverse();
        list.arrange(&rows, DateTime::UNIX_EPOCH);
        assert_eq!(shown(&list, &rows), ["b", "a"]);
    }

    #[test]
    fn the_selected_row_is_always_in_sight() {
        let names: Vec<String> = (0..100).map(|i| format!("{i:03}")).collect();
        let rows = topics(&names.iter().map(String::as_str).collect::<Vec<_>>());
        let mut list = ListState::default();
        list.arrange(&rows, DateTime::UNIX_EPOCH);
        for at in [0, 5, 50, 99] {
            list.select_at(at, &rows);
            let offset = list.offset(10);
            assert!((offset..offset + 10).contains(&at), "{at} is not between {offset} and {}", offset + 10);
        }
    }
}
