//! A standing link to one broker's pod: it dials, dials again, and says how the broker behaves.
//!
//! It does not know what is asked. While a broker is silent its link refuses questions at once instead of
//! letting them pile up; the questions that it already has are the probe, and a late answer opens it again.

use std::{
    hash::{BuildHasher, RandomState},
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::{Notify, watch},
    time::{Instant, sleep, sleep_until, timeout},
};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    connection::{Answer, Connection, RequestCounts},
    desk::Desk,
    failure::CallError,
};
use crate::{
    domain::{
        broker::{Contact, Features},
        ids::BrokerId,
        installation::PodPort,
    },
    io::dial::{DialError, Transport},
    task,
    wire::requests::Ask,
};

/// A request that is unanswered for this long makes a broker silent.
pub const SILENT_AFTER: Duration = Duration::from_secs(2);

/// How long a caller waits for an answer.
pub const CALL_DEADLINE: Duration = Duration::from_secs(5);

/// How long a dial may take, and the first answer on a new stream: a frozen broker thaws on the stream it has.
const OPEN_DEADLINE: Duration = Duration::from_secs(10);

/// A connection that is silent for this long is replaced: it may be the stream that is dead, not the broker.
const HANG_UP_AFTER: Duration = Duration::from_secs(10);

/// Pause after the first failed dial, and the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// A connection that held this long was a good one: the next pause is short again.
const GOOD_AFTER: Duration = Duration::from_secs(10);

/// How often contacts are looked at for repetition.
const REPORT_EVERY: Duration = Duration::from_secs(1);

/// What every link needs.
#[derive(Clone)]
pub struct LinkSetup {
    /// Who opens streams.
    pub transport: Arc<dyn Transport>,
    /// Where contacts are told.
    pub desk: Arc<Desk>,
    /// Where requests are counted.
    pub counts: Arc<RequestCounts>,
    /// Told when a broker falls silent.
    pub on_silence: Arc<Notify>,
    /// Counted up when any link changes.
    pub changed: watch::Sender<u64>,
}

/// How a link stands.
#[derive(Debug, Clone, Default)]
struct State {
    connection: Option<Arc<Connection>>,
    /// A question is unanswered for too long: nothing more is asked.
    silent: bool,
    /// Why there is no connection; `None` while the first dial, or a first one after a good connection, runs.
    failure: Option<CallError>,
    contact: Option<Contact>,
    features: Option<Features>,
}

/// A standing link to one broker's pod. Ends when dropped.
pub struct Link {
    to: PodPort,
    broker: watch::Sender<Option<BrokerId>>,
    state: watch::Sender<State>,
    /// The stream at hand leads nowhere.
    redial: Notify,
    /// Somebody wants to know now: do not sit out the pause.
    retry: Notify,
}

/// Keeps a link going.
pub struct LinkHandle {
    /// The link.
    pub link: Arc<Link>,
    _tasks: DropGuard,
}

impl Link {
    /// Starts dialling.
    pub fn start(to: PodPort, setup: LinkSetup, cancel: &CancellationToken) -> LinkHandle {
        let cancel = cancel.child_token();
        let link = Arc::new(Self {
            to,
            broker: watch::Sender::default(),
            state: watch::Sender::default(),
            redial: Notify::new(),
            retry: Notify::new(),
        });
        task::spawn("kafka contact", &cancel, Arc::clone(&link).report(Arc::clone(&setup.desk)));
        task::spawn("kafka link", &cancel, Arc::clone(&link).run(setup));
        LinkHandle { link, _tasks: cancel.drop_guard() }
    }

    /// Where it leads.
    pub fn to(&self) -> &PodPort {
        &self.to
    }

    /// Which broker it leads to, as far as is known.
    pub fn broker(&self) -> Option<BrokerId> {
        *self.broker.borrow()
    }

    /// Says which broker it leads to; `None` when another link does.
    pub fn bind(&self, broker: Option<BrokerId>) {
        self.broker.send_if_modified(|b| std::mem::replace(b, broker) != broker);
    }

    /// Gives up the stream at hand: the pod behind it was replaced.
    pub fn redial(&self) {
        self.redial.notify_one();
    }

    /// Dials at once if it is waiting to.
    pub fn retry(&self) {
        self.retry.notify_waiters();
    }

    /// True when it can be asked; the second is true when it owes an answer for longer than `patience`.
    pub fn readiness(&self, patience: Duration) -> Option<bool> {
        let state = self.state.borrow();
        let connection = state.connection.as_ref().filter(|_| !state.silent)?;
        let oldest = connection.standing().borrow().oldest;
        Some(oldest.is_some_and(|asked| asked.elapsed() > patience))
    }

    /// Why it cannot be asked, once that is known.
    pub fn failure(&self) -> Option<CallError> {
        let state = self.state.borrow();
        if state.silent { Some(CallError::Timeout { after: SILENT_AFTER }) } else { state.failure.clone() }
    }

    /// Asks the broker; waits for a connection that is being made, and not for one that failed.
    pub async fn call<R: Ask>(&self, request: &R) -> Result<Answer<R::Response>, CallError> {
        let mut state = self.state.subscribe();
        let known = state.wait_for(|s| s.connection.is_some() || s.silent || s.failure.is_some());
        let connection = match timeout(CALL_DEADLINE, known).await {
            Ok(Ok(state)) if !state.silent => state.connection.clone(),
            _ => None,
        };
        match connection {
            Some(connection) => connection.call(request).await,
            None => Err(self.failure().unwrap_or(CallError::Timeout { after: CALL_DEADLINE })),
        }
    }

    /// Dials, tends the connection, and dials again, until cancelled.
    async fn run(self: Arc<Self>, setup: LinkSetup) {
        let mut pause = FIRST_PAUSE;
        loop {
            let asked = Instant::now();
            match self.connect(&setup).await {
                Ok(connection) => {
                    let why = self.tend(&setup, Arc::new(connection)).await;
                    self.ended(&setup, &why);
                }
                Err(why) => self.not_connected(&setup, why),
            }
            if asked.elapsed() > GOOD_AFTER {
                pause = FIRST_PAUSE;
            }
            tokio::select! {
                () = sleep(jittered(pause)) => {}
                () = self.retry.notified() => {}
                () = self.redial.notified() => {}
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Dials and asks for versions.
    async fn connect(&self, setup: &LinkSetup) -> Result<Connection, CallError> {
        let dial = setup.transport.open(&self.to);
        let stream = timeout(OPEN_DEADLINE, dial).await.map_err(|_| DialError::Timeout { to: self.to.clone() })??;
        let asked = Instant::now();
        let mut open =
            std::pin::pin!(Connection::open(stream, OPEN_DEADLINE, CALL_DEADLINE, Arc::clone(&setup.counts)));
        if let Ok(opened) = timeout(SILENT_AFTER, &mut open).await {
            return opened;
        }
        self.falls_silent(setup, asked);
        open.await
    }

    /// Watches over a connection until it ends or leads nowhere; says why.
    async fn tend(&self, setup: &LinkSetup, connection: Arc<Connection>) -> CallError {
        let mut standing = connection.standing();
        self.update(setup, |s| {
            s.features = Some(connection.features().clone());
            s.connection = Some(connection);
            s.failure = None;
        });
        loop {
            let now = standing.borrow_and_update().clone();
            if let Some(why) = now.closed {
                return why;
            }
            let waited = now.oldest.map(|asked| (asked, asked.elapsed()));
            let alarm = match waited {
                Some((_, waited)) if waited >= HANG_UP_AFTER => return CallError::Timeout { after: HANG_UP_AFTER },
                Some((asked, waited)) if waited >= SILENT_AFTER => {
                    self.falls_silent(setup, asked);
                    Some(asked + HANG_UP_AFTER)
                }
                Some((asked, _)) => Some(asked + SILENT_AFTER),
                None => None,
            };
            if alarm.is_none() || waited.is_some_and(|(_, waited)| waited < SILENT_AFTER) {
                self.answers(setup);
            }
            let ring = async {
                match alarm {
                    Some(at) => sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                changed = standing.changed() => if changed.is_err() {
                    return CallError::Closed { why: "by us".to_owned() };
                },
                () = ring => {}
                () = self.redial.notified() => return CallError::Closed { why: "its pod was replaced".to_owned() },
            }
        }
    }

    fn update(&self, setup: &LinkSetup, change: impl FnOnce(&mut State)) {
        self.state.send_modify(change);
        setup.changed.send_modify(|n| *n = n.wrapping_add(1));
    }

    /// It owes nothing for too long.
    fn answers(&self, setup: &LinkSetup) {
        let good = |s: &State| !s.silent && s.contact == Some(Contact::Answered);
        if !good(&self.state.borrow()) {
            self.update(setup, |s| {
                s.silent = false;
                s.contact = Some(Contact::Answered);
            });
        }
    }

    /// A question is unanswered for too long; the moment of the first one stays until something is answered.
    fn falls_silent(&self, setup: &LinkSetup, asked: Instant) {
        if self.state.borrow().silent {
            return;
        }
        let asked_at = setup.desk.now() - asked.elapsed();
        self.update(setup, |s| {
            s.silent = true;
            if !matches!(s.contact, Some(Contact::Silent { .. })) {
                s.contact = Some(Contact::Silent { asked_at });
            }
        });
        setup.on_silence.notify_one();
    }

    /// A connection ended. One that hung up between answers says nothing yet: the next dial will. That the
    /// broker answered before is not told any more.
    fn ended(&self, setup: &LinkSetup, why: &CallError) {
        self.update(setup, |s| {
            s.connection = None;
            if let CallError::Garbled { why: what } = why {
                s.contact = Some(Contact::Garbled { why: what.clone() });
                s.failure = Some(why.clone());
                s.silent = false;
            } else if s.contact == Some(Contact::Answered) {
                s.contact = None;
            }
        });
    }

    /// A dial led to nothing.
    fn not_connected(&self, setup: &LinkSetup, why: CallError) {
        let contact = match &why {
            // The way to it is broken, which says nothing about the broker: its last contact only ages.
            CallError::Dial(DialError::Forbidden { .. } | DialError::ApiUnreachable { .. }) => None,
            CallError::Garbled { why } => Some(Contact::Garbled { why: why.clone() }),
            // A port that nobody listens on is forwarded all the same, and closed at the first byte.
            CallError::Closed { why } => {
                Some(Contact::Refused { why: format!("the connection was closed before any answer: {why}") })
            }
            CallError::Timeout { .. } => self.state.borrow().contact.clone(),
            other => Some(Contact::Refused { why: other.to_string() }),
        };
        let still_silent = matches!(why, CallError::Timeout { .. });
        self.update(setup, |s| {
            s.connection = None;
            s.silent = s.silent && still_silent;
            s.contact = contact;
            s.failure = Some(why);
        });
    }

    /// Tells contacts and features, once it is known whose they are.
    async fn report(self: Arc<Self>, desk: Arc<Desk>) {
        let mut state = self.state.subscribe();
        let mut broker = self.broker.subscribe();
        let mut told = None;
        loop {
            let id = *broker.borrow_and_update();
            let (contact, features) = {
                let state = state.borrow_and_update();
                (state.contact.clone(), state.features.clone())
            };
            if let Some(id) = id {
                if let Some(contact) = contact {
                    desk.contact(id, contact).await;
                }
                if let Some(features) = features.filter(|f| told.as_ref() != Some(&(id, f.clone()))) {
                    desk.features(id, features.clone()).await;
                    told = Some((id, features));
                }
            }
            let gone = tokio::select! {
                changed = state.changed() => changed.is_err(),
                changed = broker.changed() => changed.is_err(),
                () = sleep(REPORT_EVERY) => false,
            };
            if gone {
                return;
            }
        }
    }
}

/// A pause between three quarters and all of its length, so that consoles do not dial in step.
fn jittered(pause: Duration) -> Duration {
    let random = RandomState::new().hash_one(0_u8) % 256;
    pause.mul_f64(0.75 + random as f64 / 1024.0)
}
