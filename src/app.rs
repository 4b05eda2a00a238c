//! The App: one value that owns everything that is known and everything about the screen.
//!
//! `update` takes a message and the time and answers with effects, which are data that `cmd` carries out
//! through `io`. It is pure: no async, no clock, no socket. The console and the command line drive the
//! same App; the command line just never sends keys.

pub mod acting;
pub mod certificates;
pub mod columns;
pub mod commands;
pub mod config_page;
pub mod copied;
pub mod detail;
pub mod fields;
mod filter;
pub mod form;
mod found;
pub mod guard;
pub mod input;
pub mod keys;
mod known;
pub mod lists;
pub mod logs;
pub mod messages;
pub mod object_page;
mod observing;
pub mod palette;
pub mod picker;
mod place;
pub mod shown;
pub mod sight;
pub mod sources;
mod tab;
pub mod terms;
pub mod timeline;
pub mod users;
pub mod ways;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use chrono::{DateTime, Utc};

use crate::{
    config::keymap::Keymap,
    discover::{self, Choice},
    domain::{
        access::Wish,
        config::{Config, ConfigInquiry},
        connect::ConnectCluster,
        freshness::{Depth, SourceFailure},
        ids::{InstallationId, ObjectKey},
        installation::AddressBook,
        lag::Unread,
        log::LogNews,
        metrics::Exporter,
        object::Inquiry,
        record::{Query, ReadEvent},
    },
    facts::Fact,
    plan::errand::{Errand, Report, Unfinished},
    world::{Dirty, World, census::Census},
};

pub use self::{
    found::Found,
    place::{Overlay, Place},
    tab::Tab,
};

use self::{
    acting::Acting,
    columns::Row,
    config_page::ConfigPage,
    guard::Guard,
    keys::Key,
    lists::{ListId, Lists},
    logs::{LogTarget, LogView, LogsAsked},
    messages::view::MessageView,
    object_page::Told,
    picker::Judged,
    shown::{Opened, Shown},
    sight::Sight,
};

/// A message to the App.
#[derive(Debug)]
pub enum Msg {
    /// Sources said something.
    Facts(Vec<Fact>),
    /// A key was pressed.
    Key(Key),
    /// Text was pasted.
    Paste(String),
    /// The wheel of a mouse was turned by so many lines; negative is up.
    Wheel(i32),
    /// A frame was drawn, and showed this much.
    Drawn(Sight),
    /// The terminal has a new size: columns and rows.
    Resize(u16, u16),
    /// One of the logs that are followed brought something: its place among them, and what.
    Log(usize, LogNews),
    /// There is time to search further through the log lines that are kept.
    Scan,
    /// Log lines were saved, or were not: in words.
    Saved(String),
    /// Records were read; so many were let go since reading began.
    Messages { events: Vec<ReadEvent>, dropped: u64 },
    /// An object answered, or did not.
    Read {
        /// The number of the question.
        id: u64,
        /// The answer.
        answer: Result<Told, SourceFailure>,
    },
    /// A broker told configs, or did not.
    Configs {
        /// The number of the question.
        id: u64,
        /// The answer.
        answer: Result<Vec<Config>, SourceFailure>,
    },
    /// Something came of an errand.
    Report(Box<Report>),
    /// A second has passed: ages, and what silence means by now.
    Tick,
}

/// What the App wants done outside.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Observe these brokers as far as this, or go on so with this address book.
    Observe(InstallationId, Arc<AddressBook>, Depth),
    /// Stop observing the brokers of an installation.
    StopObserving(InstallationId),
    /// Read volume statistics from these nodes' kubelets, where that is allowed; none stops it.
    ReadVolumes(BTreeSet<String>),
    /// Read these ConfigMaps, from which brokers take their configuration; none stops it.
    ReadConfigs(BTreeSet<ObjectKey>),
    /// Ask the workers of these Connects, for this installation; none stops it.
    AskWorkers(InstallationId, Vec<ConnectCluster>),
    /// Ask these brokers of this installation for their own metrics; none stops it.
    AskExporters(InstallationId, Vec<Exporter>),
    /// Read what Helm keeps of these releases, where that is allowed; none stops it.
    ReadReleases(BTreeSet<ObjectKey>),
    /// Ask what may be done in this namespace, and go on asking; none stops it.
    AskRights(Option<String>),
    /// Remember that this installation was chosen in this context.
    Remember {
        /// The kubeconfig context.
        context: String,
        /// The installation.
        installation: InstallationId,
    },
    /// Follow these logs instead of those before.
    FollowLogs(LogsAsked),
    /// Write log lines into a new file.
    SaveLogs {
        /// Its path as it was typed.
        path: String,
        /// How many lines they are.
        lines: usize,
        /// The lines.
        text: String,
    },
    /// Stop following logs.
    StopLogs,
    /// Read these records along these routes instead of those before; what is `live` is let go rather than waited for.
    ReadMessages { book: Arc<AddressBook>, query: Query, live: bool },
    /// Stop reading records.
    StopMessages,
    /// Read an object, or its events. It replaces the question before it.
    Read(Inquiry),
    /// Ask when these records of an installation were written.
    LookAtRecords(InstallationId, Vec<Unread>),
    /// Ask for all configs of a broker or a topic of an installation.
    AskConfigs(InstallationId, ConfigInquiry),
    /// Run an errand of an action.
    Act(Box<Errand>),
    /// Watch the events of this namespace instead of those before, or of none.
    WatchEvents(Option<String>),
    /// Ask every source again, now.
    Refresh,
    /// Ask the terminal to keep this text for pasting.
    Copy(String),
    /// Hand the terminal back to the shell until it comes back.
    Suspend,
    /// Leave.
    Leave,
}

/// Panes of the Overview, in the order in which the focus moves.
pub const PANES: [ListId; 6] =
    [ListId::Findings, ListId::Brokers, ListId::Storage, ListId::Topics, ListId::Groups, ListId::Alerts];

/// Everything: what is known, and how it is looked at.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is about something else")]
pub struct App {
    /// The time of the last message.
    pub now: DateTime<Utc>,
    /// When it was started.
    pub started_at: DateTime<Utc>,
    /// What is known.
    pub world: World,
    /// Installations found.
    pub found: Vec<Found>,
    /// The one that is shown.
    pub chosen: Option<InstallationId>,
    /// The one that was asked for.
    wanted: Option<InstallationId>,
    /// What was chosen last in each context, for the picker to begin with.
    pub remembered: BTreeMap<String, InstallationId>,
    /// What can be shown of it.
    pub shown: Option<Shown>,
    /// The census of its partitions that was taken last.
    census: Option<(InstallationId, Arc<Census>)>,
    /// The middle of the screen.
    pub place: Place,
    /// The pane of the Overview that has the focus.
    pub pane: ListId,
    /// What lies over the screen.
    pub overlay: Option<Overlay>,
    /// Ignores keys that a dialog which acts gets too early.
    pub guard: Guard,
    /// What was chosen in the palette, oldest first.
    chosen_before: Vec<String>,
    /// Lines of the open page that are above the screen.
    pub page_at: usize,
    /// Configs of a broker or a topic, while they are open.
    pub config_page: Option<ConfigPage>,
    /// Questions about objects and configs that were asked so far.
    inquiries: u64,
    /// What the last frame showed.
    sight: Sight,
    /// All lists' states.
    pub lists: Lists,
    /// The log view.
    pub logs: LogView,
    /// The message view.
    pub messages: MessageView,
    /// Where the log view was opened from.
    before_logs: Option<Place>,
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
    /// The screen stands still.
    pub paused: bool,
    /// One line for the footer, until the next key.
    pub notice: Option<String>,
    /// Which keys run which command.
    pub keymap: Keymap,
    /// Keys of a sequence that is not complete.
    pub pending: Vec<Key>,
    /// When ctrl-c was pressed, to leave on the second one.
    interrupted_at: Option<DateTime<Utc>>,
    /// Whose brokers are asked, along which routes and how much.
    observed: BTreeMap<InstallationId, (Arc<AddressBook>, Depth)>,
    /// A frame was drawn: somebody looks at the screen.
    is_seen: bool,
    /// The timeline is asked for, whether somebody looks at the screen or not.
    follows_events: bool,
    read_aside: observing::Aside,
    judged: BTreeMap<InstallationId, Judged>,
    /// Installations of which something was told since verdicts were given.
    told: BTreeSet<InstallationId>,
    /// The action under way.
    pub acting: Option<Box<Acting>>,
    /// Why nothing may be changed, where that is so.
    pub read_only: Option<String>,
    /// Runs that stopped before their end, as the journal tells.
    pub unfinished: Vec<Unfinished>,
    /// True while leaving waits for the run.
    leaving: bool,
    /// What the command line wants of ways in.
    asked_for: Box<Wish>,
    /// What was chosen here.
    wishes: BTreeMap<InstallationId, Wish>,
    /// Installations whose brokers are not asked, and why.
    stayed_out: BTreeMap<InstallationId, SourceFailure>,
    dirty: Dirty,
    redraw: bool,
}

impl App {
    /// An App that knows nothing yet and will choose `wanted`, or the only installation it finds.
    pub fn new(wanted: Option<InstallationId>, size: (u16, u16), now: DateTime<Utc>) -> Self {
        Self {
            now,
            started_at: now,
            world: World::default(),
            found: Vec::new(),
            chosen: None,
            wanted,
            remembered: BTreeMap::new(),
            shown: None,
            census: None,
            place: Place::Tab(Tab::Overview),
            pane: ListId::Findings,
            overlay: None,
            guard: Guard::default(),
            chosen_before: Vec::new(),
            page_at: 0,
            config_page: None,
            inquiries: 0,
            sight: Sight::default(),
            lists: Lists::new(),
            logs: LogView::default(),
            messages: MessageView::default(),
            before_logs: None,
            size,
            paused: false,
            notice: None,
            keymap: commands::keymap("default"),
            pending: Vec::new(),
            interrupted_at: None,
            observed: BTreeMap::new(),
            is_seen: false,
            follows_events: false,
            read_aside: observing::Aside::default(),
            judged: BTreeMap::new(),
            told: BTreeSet::new(),
            acting: None,
            read_only: None,
            unfinished: Vec::new(),
            leaving: false,
            asked_for: Box::default(),
            wishes: BTreeMap::new(),
            stayed_out: BTreeMap::new(),
            dirty: Dirty::default(),
            redraw: true,
        }
    }

    /// Takes a message at a moment and says what is to be done outside.
    pub fn update(&mut self, msg: Msg, now: DateTime<Utc>) -> Vec<Effect> {
        self.now = now;
        let mut effects = Vec::new();
        match msg {
            Msg::Facts(facts) => {
                for fact in facts {
                    self.hear(&fact);
                    self.dirty.merge(self.world.apply(fact));
                }
                effects.extend(self.settle());
                effects.extend(self.look_at_run());
                effects.extend(self.look_at_records());
            }
            Msg::Key(key) => {
                self.redraw = true;
                self.notice = None;
                self.guard.calm();
                let before = self.picked();
                effects.extend(self.key(key));
                effects.extend(self.left_messages());
                // Who is observed for the picker depends on whether it is open, and where its cursor is.
                self.dirty.shown |= before != self.picked();
                if let Some(id) = self.list() {
                    self.lists.entry(id).or_default().held = true;
                }
                effects.extend(self.settle());
            }
            Msg::Paste(text) => {
                self.redraw = true;
                self.paste(&text);
                self.arrange();
            }
            Msg::Wheel(by) => {
                self.redraw = true;
                self.wheel(by);
                self.arrange();
            }
            Msg::Drawn(sight) => {
                self.saw(sight);
                if !std::mem::replace(&mut self.is_seen, true) {
                    self.dirty.shown |= self.picked().is_some();
                    effects.extend(self.settle());
                }
            }
            Msg::Resize(columns, rows) => {
                self.size = (columns, rows);
                self.redraw = true;
            }
            Msg::Log(source, news) => self.hear_log(source, news),
            Msg::Scan => self.scan_logs(),
            Msg::Saved(what) => self.saved(what),
            Msg::Messages { events, dropped } => self.took_messages(events, dropped),
            Msg::Read { id, answer } => self.answered(id, answer),
            Msg::Configs { id, answer } => {
                self.took_configs(id, answer);
                effects.extend(self.settle());
            }
            Msg::Report(report) => effects.extend(self.reported(*report)),
            Msg::Tick => {
                self.redraw |= self.guard.calm();
                self.dirty.shown = true;
                effects.extend(self.settle());
                effects.extend(self.look_at_run());
            }
        }
        self.guard.watch(self.overlay.as_ref(), now);
        effects
    }

    /// True once after something visible changed.
    pub fn take_redraw(&mut self) -> bool {
        std::mem::take(&mut self.redraw)
    }

    /// Asks for the times of records of which nobody here can say how old they are.
    fn look_at_records(&mut self) -> Option<Effect> {
        let id = self.chosen.clone().filter(|_| !self.paused)?;
        let unread = self.world.kafka.get_mut(&id)?.history.ask(self.now);
        (!unread.is_empty()).then_some(Effect::LookAtRecords(id, unread))
    }

    /// Draws the consequences of what changed: installations, rows, lists, and what is to be observed.
    fn settle(&mut self) -> Vec<Effect> {
        let mut effects = Vec::new();
        if self.dirty.objects {
            self.rediscover();
        }
        if self.dirty.objects || self.dirty.shown {
            // Not only after objects: a list that turns out to be forbidden ends the looking, too.
            self.choose();
            self.chronicle();
            effects.extend(self.observe());
            effects.extend(self.remember_choice());
            if !self.paused {
                self.judge_others();
                self.read();
            }
        }
        self.dirty = Dirty::default();
        effects
    }

    /// Looks for what changed about the chosen installation's objects.
    fn chronicle(&mut self) {
        let found = self.found.iter().find(|found| Some(&found.installation.id) == self.chosen.as_ref());
        if let Some(found) = found
            && (self.dirty.objects || !self.world.is_chronicled(&found.installation.id))
        {
            self.world.chronicle(&found.installation, self.now);
        }
    }

    fn rediscover(&mut self) {
        let objects = discover::Objects::of(&self.world.kube);
        self.found = discover::installations(&objects)
            .into_iter()
            .map(|installation| {
                let book = Arc::new(discover::address_book(&installation, &objects.pods, &objects.services));
                let mut found = Found { book, choice: Choice::Open, installation };
                found.take(self.chosen_way(&found.installation));
                found
            })
            .collect();
    }

    /// Chooses an installation when none is: the wanted one, else the only one; several are asked for.
    fn choose(&mut self) {
        let exists = |id: &InstallationId| self.found.iter().any(|f| f.installation.id == *id);
        if self.chosen.is_some() || !self.has_looked() {
            return;
        }
        self.chosen = match (&self.wanted, self.found.as_slice()) {
            (Some(wanted), _) => exists(wanted).then(|| wanted.clone()),
            (None, [only]) => Some(only.installation.id.clone()),
            (None, _) => None,
        };
        if self.chosen.is_none() && self.wanted.is_none() && self.found.len() > 1 && self.overlay.is_none() {
            self.overlay = Some(Overlay::Installations(self.picked_first()));
            self.redraw = true;
        }
    }

    /// Switches to another installation.
    fn switch(&mut self, id: &InstallationId) {
        self.chosen = Some(id.clone());
        self.shown = None;
        self.census = None;
        self.config_page = None;
        self.place = Place::Tab(Tab::Overview);
        self.lists.clear();
        self.dirty.shown = true;
    }

    /// Makes all rows anew.
    fn read(&mut self) {
        let opened = Opened {
            topic: match &self.place {
                Place::Topic(topic) => Some(topic.clone()),
                _ => None,
            },
            group: match &self.place {
                Place::Group(group) => Some(group.clone()),
                _ => None,
            },
            configs: self.config_page.as_ref().map(|page| (page.configs.clone(), page.freshness())),
            users: self.place == Place::Tab(Tab::Users),
            timeline: self.place == Place::Tab(Tab::Timeline),
        };
        self.census = self.reading().map(|reading| (reading.installation.id.clone(), reading.census()));
        if let Some(reading) = self.reading() {
            self.shown = Some(Shown::read(&reading, &opened, self.shown.as_ref()));
            self.remember_verdict();
        }
        self.redraw = true;
        self.arrange();
    }

    /// Sorts and filters every list anew.
    fn arrange(&mut self) {
        let Some(shown) = &self.shown else { return };
        let now = self.now;
        let mut arrange = Arrange { lists: &mut self.lists, now };
        arrange.list(ListId::Findings, &shown.findings);
        arrange.list(ListId::Brokers, &shown.brokers);
        arrange.list(ListId::Storage, &shown.storage);
        arrange.list(ListId::Topics, &shown.topics);
        arrange.list(ListId::Partitions, &shown.partitions);
        arrange.list(ListId::Groups, &shown.groups);
        arrange.list(ListId::GroupPartitions, &shown.group_partitions);
        arrange.list(ListId::Alerts, &shown.alerts);
        arrange.list(ListId::Configs, &shown.configs);
        arrange.list(ListId::Connect, &shown.connectors);
        arrange.list(ListId::Users, &shown.users);
        arrange.list(ListId::Timeline, &shown.timeline);
    }

    /// The list that has the focus.
    pub fn list(&self) -> Option<ListId> {
        match &self.place {
            Place::Tab(Tab::Overview) => Some(self.pane),
            Place::Tab(tab) => tab.list(),
            Place::Topic(_) => Some(ListId::Partitions),
            Place::Group(_) => Some(ListId::GroupPartitions),
            Place::Configs(_) => Some(ListId::Configs),
            Place::Logs | Place::Messages(_) => None,
        }
    }

    /// Id of the row that is selected in the list that has the focus.
    pub fn selected(&self) -> Option<&str> {
        self.lists.get(&self.list()?)?.selected.as_deref()
    }

    /// Containers whose logs belong to what is selected: a broker's, a claim's, else all brokers'.
    pub fn selected_pods(&self) -> Vec<LogTarget> {
        let Some(shown) = &self.shown else { return Vec::new() };
        if self.list() == Some(ListId::Connect) {
            return self.selected_workers(shown);
        }
        let pod = match self.list() {
            Some(ListId::Brokers) => {
                shown.brokers.iter().find(|b| Some(b.id().as_str()) == self.selected()).map(|b| b.pod.clone())
            }
            Some(ListId::Storage) => {
                shown.storage.iter().find(|c| Some(c.pvc.as_str()) == self.selected()).map(|c| c.pod.clone())
            }
            Some(ListId::Timeline) => self.pod_of_change(shown).map(Some),
            _ => None,
        };
        let brokers = shown.installation.brokers.iter();
        brokers
            .filter(|b| pod.as_ref().is_none_or(|pod| pod.as_deref() == Some(&b.pod.name)))
            .map(|b| LogTarget { pod: b.pod.clone(), container: b.container.clone() })
            .collect()
    }
}

/// Lends `arrange` its two arguments, so that each list is one line there.
struct Arrange<'a> {
    lists: &'a mut Lists,
    now: DateTime<Utc>,
}

impl Arrange<'_> {
    fn list<R: Row>(&mut self, id: ListId, rows: &[R]) {
        self.lists.entry(id).or_default().arrange(rows, self.now);
    }
}
