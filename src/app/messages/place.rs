//! What keys do in the message view: open it, begin elsewhere, take another partition, look at a record.

use super::{body, view::MessageView};
use crate::{
    app::{
        App, Effect, Overlay, Place, Tab,
        commands::{Command, CommandId},
        form::Form,
        keys::Key,
        lists::ListId,
    },
    domain::{
        access::Purpose,
        record::{ReadEvent, Start},
    },
};

/// Why records cannot be read, if they cannot.
pub fn needs_topic(app: &App) -> Option<&'static str> {
    app.topic_here().is_none().then_some("no topic is selected")
}

impl App {
    /// The topic that is open, selected, or whose messages are read.
    pub fn topic_here(&self) -> Option<String> {
        match (&self.place, self.list()) {
            (Place::Topic(topic), _) => Some(topic.clone()),
            (Place::Messages(_), _) => Some(self.messages.topic.clone()),
            (_, Some(ListId::Topics)) => self.selected().map(str::to_owned),
            _ => None,
        }
    }

    /// Opens the message view of the topic that is selected.
    pub(in crate::app) fn open_messages(&mut self) -> Vec<Effect> {
        let Some(topic) = self.topic_here() else { return Vec::new() };
        self.overlay = None;
        if !matches!(self.place, Place::Messages(_)) {
            let before = std::mem::replace(&mut self.place, Place::Tab(Tab::Topics));
            self.place = Place::Messages(Box::new(before));
        }
        self.messages = MessageView::of(&topic);
        self.read_messages()
    }

    /// Reads anew, from where the view says.
    pub(in crate::app) fn read_messages(&mut self) -> Vec<Effect> {
        self.messages = self.messages.anew();
        match self.routes_for(Purpose::Read) {
            Some(Ok(book)) => {
                let query = self.messages.query();
                // What is looked at live stays live; what was written before is read whole.
                let live = matches!(query.start, Start::End | Start::Last(_));
                vec![Effect::ReadMessages { book, query, live }]
            }
            Some(Err(closed)) => {
                self.messages.closed = Some(closed.what);
                vec![Effect::StopMessages]
            }
            None => Vec::new(),
        }
    }

    /// Leaves the message view.
    pub(in crate::app) fn leave_messages(&mut self, before: Place) -> Vec<Effect> {
        self.place = before;
        self.messages = MessageView::default();
        self.dirty.shown = true;
        vec![Effect::StopMessages]
    }

    /// Partitions of the view whose leader does not answer, or that have none: nothing of them can come.
    pub fn unread_partitions(&self) -> Vec<i32> {
        let Some(reading) = self.reading() else { return Vec::new() };
        let Some(topic) = reading.kafka().and_then(|kafka| kafka.topics.get(&self.messages.topic)) else {
            return Vec::new();
        };
        let silent = reading.silent();
        let is_read = |index: i32| self.messages.positions.contains_key(&index);
        let mute = topic.partitions.iter().filter(|p| p.leader.is_none_or(|leader| silent.contains(&leader)));
        mute.map(|p| p.index).filter(|index| is_read(*index)).collect()
    }

    /// Ends reading once another place was gone to, as by the key of a tab.
    pub(in crate::app) fn left_messages(&mut self) -> Option<Effect> {
        let here = |place: &Place| matches!(place, Place::Messages(_));
        if self.messages.topic.is_empty() || here(&self.place) || self.before_logs.as_ref().is_some_and(here) {
            return None;
        }
        self.messages = MessageView::default();
        Some(Effect::StopMessages)
    }

    /// The record that is open or under the cursor: what it is, and its value.
    pub(in crate::app) fn record_as_text(&self) -> Option<(String, String)> {
        let view = &self.messages;
        let record = view.opened.as_deref().filter(|_| self.overlay.is_some()).or_else(|| view.selected())?;
        let lines = body::page(record.value.as_ref(), view.form, usize::MAX - 1);
        Some((format!("the value of {}@{}", record.partition, record.offset), lines.join("\n")))
    }

    /// Takes what reading tells.
    pub(in crate::app) fn took_messages(&mut self, events: Vec<ReadEvent>, dropped: u64) {
        for event in events {
            self.messages.take(event, self.now);
        }
        self.messages.dropped = dropped;
        self.redraw |= matches!(self.place, Place::Messages(_)) && !self.paused;
    }

    /// Runs a command of the message view.
    pub(in crate::app) fn message_command(&mut self, command: CommandId) -> Vec<Effect> {
        match command {
            CommandId::MessageFollow => {
                let is_live = matches!(self.messages.start, Start::End | Start::Last(_));
                if is_live && self.messages.over.is_none() {
                    self.messages.at = None;
                } else {
                    let fresh = MessageView::of(&self.messages.topic);
                    (self.messages.start, self.messages.start_text) = (fresh.start, fresh.start_text);
                    return self.read_messages();
                }
            }
            CommandId::MessageForm => self.messages.form = self.messages.form.next(),
            CommandId::MessageFold => self.messages.fold(),
            CommandId::MessageFrom => {
                self.overlay = Some(Overlay::From(Form::new(&self.messages.start_text)));
            }
            CommandId::MessagePartition => {
                let count = self.partitions_of(&self.messages.topic);
                self.messages.partition = match self.messages.partition {
                    None => Some(0),
                    Some(n) if n + 1 < count => Some(n + 1),
                    Some(_) => None,
                };
                return self.read_messages();
            }
            _ => {}
        }
        Vec::new()
    }

    fn partitions_of(&self, topic: &str) -> i32 {
        let known = self.reading().and_then(|r| r.kafka()?.topics.get(topic).map(|t| t.partitions.len()));
        i32::try_from(known.unwrap_or(1)).unwrap_or(1)
    }

    /// Opens the record under the cursor in full.
    pub(in crate::app) fn open_record(&mut self) {
        if self.messages.open() {
            self.read_page(Overlay::Detail);
        }
    }

    /// Takes a key while the place to begin at is typed.
    pub(in crate::app) fn place_key(&mut self, mut form: Form, key: Key, command: Option<&Command>) -> Vec<Effect> {
        match command.map(|c| c.id) {
            Some(CommandId::Back) => return Vec::new(),
            Some(CommandId::Open) => match Start::parse(form.text(), self.now) {
                Ok(start) => {
                    self.messages.start = start;
                    form.text().trim().clone_into(&mut self.messages.start_text);
                    return self.read_messages();
                }
                Err(why) => self.notice = Some(why),
            },
            _ => form.key(key),
        }
        self.overlay = Some(Overlay::From(form));
        Vec::new()
    }
}
