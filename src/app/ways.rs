//! Ways into the chosen installation: which are known, which one is gone and why, and choosing another one.
//!
//! A choice holds until kafdeck ends; consent to borrow somebody's credential is never written down. What is
//! chosen from is `discover`'s part; `view::ways` draws the rows.

use std::sync::Arc;

use crate::{
    discover::{
        Choice,
        choice::{Closed, asks, short, whose},
        choose,
    },
    domain::{
        access::{Keep, Login, Owner, Purpose, Way, Wish},
        freshness::{Asked, FailureKind, Freshness, Source, SourceFailure, SourceState},
        ids::InstallationId,
        installation::{AddressBook, Installation},
    },
    facts::{Body, Fact},
};

use super::{
    App, Effect, Overlay,
    commands::{self, Command, CommandId},
};

/// One way, or a listener that none leads through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WayRow {
    /// The listener.
    pub listener: String,
    /// The port that brokers listen on.
    pub port: u16,
    /// In Kafka's words.
    pub protocol: String,
    /// As whom one logs in, as one types it; empty where nobody asks.
    pub user: String,
    /// How one logs in.
    pub how: String,
    /// Whose credential that is.
    pub whose: String,
    /// What using it would take.
    pub state: WayState,
    /// The way; none leads through a listener of which too little is known.
    pub way: Option<Way>,
}

/// What using a way would take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WayState {
    /// It is gone now, for this reason.
    InUse(&'static str),
    /// It may be taken.
    Free,
    /// It may be taken, by somebody who consents to borrowing a credential.
    Asks,
    /// It cannot be gone, for this reason.
    Cannot(String),
}

impl App {
    /// What somebody wants of the way into an installation: chosen here, else what the command line says.
    pub fn wish(&self, of: &InstallationId) -> &Wish {
        self.wishes.get(of).unwrap_or(&self.asked_for)
    }

    /// Says what the command line wants of ways in.
    pub fn ask_for(&mut self, wish: Wish) {
        *self.asked_for = wish;
        self.enter();
    }

    /// What the command line wants of ways in.
    pub fn wish_of_command_line(&self) -> &Wish {
        &self.asked_for
    }

    /// True once it is known which users there are to log in as.
    pub fn knows_users(&self) -> bool {
        let of_interest = self.entered().map_or(self.found.as_slice(), std::slice::from_ref);
        self.has_looked() && !of_interest.iter().any(|found| self.is_unread(&found.installation))
    }

    /// True for a user whose credential is in the cluster.
    pub fn is_known(&self, user: &str) -> bool {
        let of_interest = self.entered().map_or(self.found.as_slice(), std::slice::from_ref);
        of_interest.iter().any(|found| found.installation.ways.iter().any(|way| way.is_of(user)))
    }

    /// Which way into the chosen installation is gone, or why none is.
    pub fn choice(&self) -> Option<&Choice> {
        Some(&self.found.iter().find(|f| Some(&f.installation.id) == self.chosen.as_ref())?.choice)
    }

    /// As whom brokers are asked, where that takes somebody else's credential: `orders-app (application)`.
    pub fn borrowed(&self) -> Option<String> {
        let way = self.choice()?.way().filter(|way| !way.owner.is_unasked())?;
        Some(format!("{} ({})", short(way.user()?), way.owner.word()))
    }

    /// The installation whose ways are looked at.
    fn entered(&self) -> Option<&super::Found> {
        self.found.iter().find(|f| Some(&f.installation.id) == self.chosen.as_ref())
    }

    /// Chooses the way into an installation anew.
    pub(super) fn chosen_way(&self, of: &Installation) -> Choice {
        choose(of, Purpose::Observe, self.wish(&of.id))
    }

    /// The routes to the chosen installation's brokers for a purpose, with the way that is gone for it; or why none
    /// is. `None` before an installation is chosen.
    pub fn routes_for(&self, purpose: Purpose) -> Option<Result<Arc<AddressBook>, Closed>> {
        let found = self.entered()?;
        let choice = choose(&found.installation, purpose, self.wish(&found.installation.id));
        if let Choice::Closed(closed) = choice {
            return Some(Err(closed));
        }
        let mut book = Arc::clone(&found.book);
        if book.way.as_ref() != choice.dialled() {
            Arc::make_mut(&mut book).way = choice.dialled().cloned();
        }
        Some(Ok(book))
    }

    /// The way that is gone for a purpose, in words: `as orders-app (application) over listener tls, SASL_SSL`.
    pub fn way_for(&self, purpose: Purpose) -> Option<String> {
        let found = self.entered()?;
        match choose(&found.installation, purpose, self.wish(&found.installation.id)) {
            Choice::Open => Some("without a login, on the brokers' own port".to_owned()),
            Choice::Taken { way, .. } => {
                let who = match way.user() {
                    Some(user) => format!("as {} ({})", short(user), way.owner.word()),
                    None => "without a login".to_owned(),
                };
                Some(format!("{who} over listener {}, {}", way.listener, way.protocol()))
            }
            Choice::Closed(_) => None,
        }
    }

    /// Every way into the chosen installation, the least privileged first, and listeners that none leads through.
    pub fn ways_in(&self) -> Vec<WayRow> {
        let Some(found) = self.entered() else { return Vec::new() };
        let of = &found.installation;
        let taken = found.choice.way();
        let mut ways: Vec<&Way> = of.ways.iter().collect();
        // What was given by hand is a way that the installation does not know of.
        let given = choose(of, Purpose::Observe, &self.asked_for);
        let given = given.way().filter(|way| way.owner == Owner::Given);
        let more = [given, taken].into_iter().flatten();
        for way in more {
            if !ways.contains(&way) {
                let at = ways.iter().position(|known| known.owner > way.owner).unwrap_or(ways.len());
                ways.insert(at, way);
            }
        }
        let row = |way: &&Way| self.row(of, way, taken == Some(*way));
        let mut rows: Vec<WayRow> = ways.iter().map(row).collect();
        for listener in &of.listeners {
            if ways.iter().all(|way| way.listener != listener.name) {
                let what = asks(listener).map_or_else(
                    || "nothing tells what it asks for".to_owned(),
                    |what| format!("it asks for {what}, and nobody is known who has one"),
                );
                rows.push(WayRow {
                    listener: listener.name.clone(),
                    port: listener.port,
                    protocol: listener.protocol.clone().unwrap_or_else(|| "?".to_owned()),
                    user: String::new(),
                    how: String::new(),
                    whose: String::new(),
                    state: WayState::Cannot(what),
                    way: None,
                });
            }
        }
        rows
    }

    fn row(&self, of: &Installation, way: &Way, in_use: bool) -> WayRow {
        let state = if in_use {
            WayState::InUse(self.why(of, way))
        } else if way.owner.is_unasked() {
            WayState::Free
        } else {
            WayState::Asks
        };
        WayRow {
            listener: way.listener.clone(),
            port: way.port,
            protocol: way.protocol().to_owned(),
            user: way.user().map(short).unwrap_or_default(),
            how: way.login.as_ref().map(Login::how).unwrap_or_default(),
            whose: whose(of.flavour, way),
            state,
            way: Some(way.clone()),
        }
    }

    /// Why the way that is gone is the one.
    fn why(&self, of: &Installation, way: &Way) -> &'static str {
        if self.wishes.contains_key(&of.id) {
            "chosen here"
        } else if way.owner == Owner::Given {
            "given"
        } else if *self.asked_for != Wish::default() {
            "asked for"
        } else {
            "needs the least"
        }
    }

    /// The way in one line: what is gone, as whom and why; or why none is. `None` before an installation is chosen.
    pub fn way_in_words(&self) -> Option<String> {
        let found = self.entered()?;
        Some(match &found.choice {
            Choice::Open => "the brokers' own port; nothing declares what it asks for".to_owned(),
            Choice::Taken { way, .. } => {
                let whose = if way.login.is_some() {
                    format!(", {}", whose(found.installation.flavour, way))
                } else {
                    String::new()
                };
                format!("{way}{whose} ({})", self.why(&found.installation, way))
            }
            Choice::Closed(closed) => format!("none: {}", closed.what),
        })
    }

    /// The Helm release that the installation came with, in one line.
    pub fn release_in_words(&self) -> Option<String> {
        let helm = self.entered()?.installation.helm.as_ref()?;
        let mut words = vec![helm.name.clone()];
        words.extend(helm.chart.as_ref().map(|chart| format!("chart {chart}")));
        if let Some(kept) = &helm.kept {
            words.extend(kept.revision.map(|revision| format!("revision {revision}")));
            words.extend(kept.app_version.as_ref().map(|version| format!("made for Kafka {version}")));
            words.extend(kept.client_protocol.as_ref().map(|protocol| format!("clients by {protocol}")));
            words.extend(kept.problem.clone());
        }
        Some(words.join(", "))
    }

    /// Why what brokers say is not known while no way is gone, and what can be done.
    fn closed(&self, of: &Installation, choice: &Choice) -> Option<SourceFailure> {
        let closed = choice.closed()?;
        let key = self.key_of_ways();
        let choosing =
            key.map(|key| format!("Press {key} in the console to choose")).filter(|_| !of.listeners.is_empty());
        let as_user = closed.users.first().map(|user| format!("use --as {user}"));
        let or = "give credentials with --command-config FILE, or with --as USER and --password-file PATH";
        if self.wish(&of.id).listener.is_some() && closed.users.is_empty() && !of.listeners.is_empty() {
            let names: Vec<&str> = of.listeners.iter().map(|listener| listener.name.as_str()).collect();
            let hint = format!("Take one of its listeners ({}), or {or}.", names.join(", "));
            return Some(failed(closed.what.as_str(), hint));
        }
        let hint = match (choosing, as_user) {
            (Some(choosing), Some(user)) => format!("{choosing}, {user}, or {or}."),
            (None, Some(user)) => format!("To borrow one, {user}; or {or}."),
            _ => format!("To log in, {or}."),
        };
        Some(failed(&closed.what, hint))
    }

    /// The key that shows the ways in.
    pub fn key_of_ways(&self) -> Option<String> {
        Some(self.keys_of(commands::by_name("ways")?).first()?.first()?.to_string())
    }

    /// Tells the world that an installation's brokers are not asked, as long as no way to them is gone. True when that
    /// is so.
    pub(super) fn stays_out(&mut self, id: &InstallationId) -> bool {
        let found = self.found.iter().find(|f| f.installation.id == *id);
        let told = found.and_then(|found| self.closed(&found.installation, &found.choice));
        if told.as_ref() == self.stayed_out.get(id) {
            return told.is_some();
        }
        if self.stayed_out.remove(id).is_some() {
            self.world.forget(id);
        }
        let Some(failure) = told else { return false };
        let source = Source::Kafka { installation: id.clone(), what: Asked::Metadata, broker: None };
        self.world.apply(Fact { source, seen_at: self.now, body: Body::Failed(failure.clone()) });
        self.stayed_out.insert(id.clone(), failure);
        self.told.insert(id.clone());
        true
    }

    /// The user who may not see everything, where brokers have refused something: they list only what it may
    /// describe, and do not say what they leave out.
    pub fn sees_part(&self) -> Option<String> {
        let user = self.choice()?.way()?.user().map(short)?;
        let reading = self.reading()?;
        let is_refused = |source: &Source| self.world.sources.failure_kind(source) == Some(FailureKind::Forbidden);
        let of_kafka = reading.sources().into_iter().filter(|(source, _)| matches!(source, Source::Kafka { .. }));
        of_kafka.map(|(source, _)| source).any(|source| is_refused(&source)).then_some(user)
    }

    /// How what the way leads to answers.
    pub fn behind_the_way(&self) -> Option<Freshness> {
        let fresh = self.reading()?.asked(Asked::Metadata);
        (fresh.state != SourceState::Live).then_some(fresh)
    }

    /// Takes a row of the ways in, or asks before it is taken.
    pub(super) fn ways_key(&mut self, at: usize, command: Option<&Command>) -> Vec<Effect> {
        let rows = self.ways_in();
        match command.map(|c| c.id) {
            Some(CommandId::Back) => return Vec::new(),
            Some(CommandId::Open) => {
                let Some(row) = rows.get(at) else { return Vec::new() };
                match (&row.state, &row.way) {
                    (WayState::Asks, Some(way)) => {
                        self.overlay = Some(Overlay::Borrow(Box::new(way.clone())));
                        return Vec::new();
                    }
                    (WayState::Free, Some(way)) => {
                        let way = way.clone();
                        self.take_way(&way);
                        return Vec::new();
                    }
                    (WayState::Cannot(why), _) => self.notice = Some(format!("{}: {why}", row.listener)),
                    _ => self.notice = Some("this way is in use already".to_owned()),
                }
                self.overlay = Some(Overlay::Ways(at));
            }
            _ => self.overlay = Some(Overlay::Ways(super::input::moved(at, rows.len(), command))),
        }
        Vec::new()
    }

    /// Only a clear yes borrows a credential.
    pub(super) fn borrow_key(&mut self, way: &Way, command: Option<&Command>) -> Vec<Effect> {
        if command.is_some_and(|c| c.id == CommandId::Open) {
            self.take_way(way);
        } else {
            self.overlay = Some(Overlay::Ways(self.row_of_the_way()));
        }
        Vec::new()
    }

    /// The row that the page of ways begins with.
    pub(super) fn row_of_the_way(&self) -> usize {
        self.ways_in().iter().position(|row| matches!(row.state, WayState::InUse(_))).unwrap_or(0)
    }

    /// Goes this way into the chosen installation from now on.
    fn take_way(&mut self, way: &Way) {
        let Some(id) = self.chosen.clone() else { return };
        let handed = self.asked_for.handed.clone().filter(|_| way.owner == Owner::Given);
        let user = way.user().map(str::to_owned).filter(|_| handed.is_none());
        self.wishes.insert(id, Wish { listener: Some(way.listener.clone()), user, handed });
        self.enter();
        self.notice = Some(format!("asking brokers through the {way}"));
    }

    /// Chooses anew for every installation.
    fn enter(&mut self) {
        let choices: Vec<Choice> = self.found.iter().map(|found| self.chosen_way(&found.installation)).collect();
        for (found, choice) in self.found.iter_mut().zip(choices) {
            found.take(choice);
        }
        self.dirty.shown = true;
    }

    /// What is asked before a credential is borrowed.
    pub fn borrowing(&self, way: &Way) -> (String, String) {
        let user = way.user().map(short).unwrap_or_default();
        let keep = way.login.as_ref().map(|login| login.keep().to_string()).unwrap_or_default();
        let is_strimzi_own = matches!(way.login.as_ref().map(Login::keep), Some(Keep::Secret(_)));
        if way.owner == Owner::Administrator {
            let title = format!("Log in as {user}, an administrator?");
            let own = if is_strimzi_own { format!("Its credential is in {keep}. ") } else { String::new() };
            return (
                title,
                format!("{own}It may do everything. That it is used is said in the header for as long as it is."),
            );
        }
        let title = format!("Log in as {user}, which belongs to another application?");
        (title, format!("Its quota and its name in the brokers' logs are used. Its credential is in {keep}."))
    }
}

/// That no way is gone, as a failure of what brokers would tell.
fn failed(what: &str, hint: String) -> SourceFailure {
    SourceFailure { kind: FailureKind::Auth, what: format!("Brokers are not asked: {what}."), hint: Some(hint) }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use chrono::{DateTime, TimeDelta, Utc};

    use super::*;
    use crate::{
        app::{Found, Msg, keys::Key},
        domain::{
            access::{Handed, Mechanism, SecretKey},
            freshness::Kind,
            installation::{AddressBook, Flavour, Listener},
        },
        facts::Body,
    };

    const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

    fn id() -> InstallationId {
        InstallationId::new("m", "k")
    }

    fn way(user: &str, owner: Owner) -> Way {
        let password = SecretKey { namespace: "shop".into(), name: user.into(), key: "password".into() }.into();
        let login = Login::Sasl { mechanism: Mechanism::ScramSha512, user: user.into(), password, nth: None };
        Way { listener: "tls".into(), port: 9093, encryption: None, login: Some(login), owner }
    }

    /// An App that has found one installation with these ways in, and a listener for certificates.
    fn app(ways: Vec<Way>) -> App {
        let listener = |name: &str, protocol: &str, how: &str| Listener {
            name: name.into(),
            port: 9093,
            protocol: Some(protocol.into()),
            authentication: Some(how.into()),
            internal: true,
        };
        let listeners = vec![listener("tls", "SASL_SSL", "scram-sha-512"), listener("mutual", "SSL", "tls")];
        let installation =
            Installation { id: id(), flavour: Flavour::Strimzi, listeners, ways, ..Installation::default() };
        let mut app = App::new(None, (80, 24), NOW);
        app.chosen = Some(id());
        app.found = vec![Found { installation, book: Arc::new(AddressBook::default()), choice: Choice::Open }];
        for kind in [Kind::Kafkas, Kind::Users] {
            app.world.apply(Fact::watched(kind, NOW, Body::Listed(Vec::new())));
        }
        app.ask_for(Wish::default());
        app
    }

    /// Presses keys, each a second after the one before, so that no dialog takes one for too early.
    fn press(app: &mut App, keys: &[Key]) -> Vec<Effect> {
        let mut effects = Vec::new();
        for key in keys {
            effects.extend(app.update(Msg::Key(*key), app.now + TimeDelta::seconds(1)));
        }
        effects
    }

    fn observed(effects: &[Effect]) -> Vec<Option<String>> {
        let of = |effect: &Effect| match effect {
            Effect::Observe(_, book, _) => Some(book.way.as_ref().and_then(|way| way.user().map(str::to_owned))),
            _ => None,
        };
        effects.iter().filter_map(of).collect()
    }

    #[test]
    fn brokers_are_not_asked_before_somebody_says_as_whom_and_what_they_would_tell_is_blind_meanwhile() {
        let mut app = app(vec![way("orders-app", Owner::Application)]);
        let effects = app.update(Msg::Tick, NOW);
        assert_eq!(observed(&effects), Vec::<Option<String>>::new());
        let blind = app.reading().unwrap().asked(Asked::Metadata);
        assert_eq!(blind.state, SourceState::Blind);
        let why = blind.why.unwrap_or_default();
        assert!(why.contains("known users: orders-app (application, KafkaUser shop/orders-app)"), "{why}");
        let hint = blind.hint.unwrap_or_default();
        assert!(hint.starts_with("Press K in the console to choose, use --as orders-app, or give"), "{hint}");
        // Any key but yes goes back to the ways, and nothing is borrowed.
        let effects = press(&mut app, &[Key::Char('K'), Key::Enter, Key::Enter]);
        assert!(matches!(app.overlay, Some(Overlay::Ways(0))), "{:?}", app.overlay);
        assert_eq!((observed(&effects), app.borrowed()), (Vec::new(), None));
        let effects = press(&mut app, &[Key::Enter, Key::Char('y')]);
        assert_eq!(observed(&effects), [Some("orders-app".to_owned())]);
        assert_eq!(app.borrowed().as_deref(), Some("orders-app (application)"));
        let why = app.reading().unwrap().asked(Asked::Metadata).why.unwrap_or_default();
        assert!(!why.contains("not asked"), "what was said of the closed door is over: {why}");
    }

    #[test]
    fn a_key_that_comes_too_early_borrows_nothing() {
        let mut app = app(vec![way("root", Owner::Administrator)]);
        press(&mut app, &[Key::Char('K'), Key::Enter]);
        app.update(Msg::Key(Key::Char('y')), app.now);
        assert!(matches!(app.overlay, Some(Overlay::Borrow(_))) && app.borrowed().is_none());
    }

    #[test]
    fn every_way_is_listed_the_least_privileged_first_with_what_it_would_take() {
        let ways = vec![
            way("console", Owner::Console),
            way("orders-app", Owner::Application),
            way("root", Owner::Administrator),
        ];
        let mut app = app(ways);
        let states: Vec<(String, WayState)> = app.ways_in().into_iter().map(|row| (row.user, row.state)).collect();
        let cannot = "it asks for a client certificate, and nobody is known who has one";
        let wanted = [
            ("console", WayState::InUse("needs the least")),
            ("orders-app", WayState::Asks),
            ("root", WayState::Asks),
            ("", WayState::Cannot(cannot.to_owned())),
        ];
        assert_eq!(states, wanted.map(|(user, state)| (user.to_owned(), state)));
        // One that was given by hand comes before a console's, and can be come back to.
        let password = Some(("me".to_owned(), Keep::Given("the password that was typed".into())));
        let handed = Handed { from: "--as me".into(), password, ..Handed::default() };
        app.ask_for(Wish { handed: Some(handed), ..Wish::default() });
        assert_eq!(app.ways_in()[0].state, WayState::InUse("given"));
        let effects = press(&mut app, &[Key::Char('K'), Key::Down, Key::Enter]);
        assert_eq!(observed(&effects).last(), Some(&Some("console".to_owned())));
        assert_eq!(app.ways_in()[0].state, WayState::Free);
        let effects = press(&mut app, &[Key::Char('K'), Key::Up, Key::Enter]);
        assert_eq!(observed(&effects), [Some("me".to_owned())]);
        press(&mut app, &[Key::Char('K'), Key::Char('j'), Key::Char('j'), Key::Char('j'), Key::Char('j'), Key::Enter]);
        assert_eq!(app.notice.as_deref(), Some(format!("mutual: {cannot}").as_str()));
    }
}
