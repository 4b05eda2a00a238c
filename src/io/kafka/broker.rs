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
    connection::{Answer, Connection, RequestCounts, Standing},
    desk::Desk,
    failure::CallError,
};
use crate::{
    domain::{
        broker::{Contact, Features},
        certificate::Certificate,
        ids::BrokerId,
        installation::PodPort,
    },
    io::dial::{
        DialError, Transport,
        layers::{FRESH, JUST_NOW, Layers, Prepared, Route},
        sasl::{self, LoginError},
    },
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

/// Pause after a login was refused: another one would be too, and many of them lock users out.
const REFUSED_PAUSE: Duration = Duration::from_secs(60);

/// How often Secrets are looked at meanwhile.
const LOOK_AGAIN_EVERY: Duration = Duration::from_secs(5);

/// The part of a session after which the next one is begun.
const RENEW_AT: f64 = 0.75;

/// Sessions are not renewed faster, however short a broker says that they are.
const FASTEST_RENEWAL: Duration = Duration::from_secs(1);

/// A connection that held this long was a good one: the next pause is short again.
const GOOD_AFTER: Duration = Duration::from_secs(10);

/// How often contacts are looked at for repetition.
const REPORT_EVERY: Duration = Duration::from_secs(1);

/// What every link needs.
#[derive(Clone)]
pub struct LinkSetup {
    /// Who opens streams.
    pub transport: Arc<dyn Transport>,
    /// What encrypts them and logs in.
    pub layers: Arc<Layers>,
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
    /// Certificates that the last dial met; `None` before one came to an end.
    certificates: Option<Vec<Certificate>>,
}

/// A connection, and when its session ends.
struct Reached {
    connection: Arc<Connection>,
    ends: Option<Instant>,
}

/// Why there is none, and which versions of which Secrets were used.
#[derive(Debug, Clone)]
struct Failed {
    why: CallError,
    version: Option<String>,
}

/// Whether a broker that does not answer a new connection is told to be silent: not while another one serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Loudness {
    Told,
    Quiet,
}

/// A standing link to one broker's pod. Ends when dropped.
pub struct Link {
    to: PodPort,
    broker: watch::Sender<Option<BrokerId>>,
    route: watch::Sender<Route>,
    state: watch::Sender<State>,
    /// The stream at hand leads nowhere.
    redial: Notify,
    /// Somebody wants to know now: do not sit out the pause.
    retry: Notify,
    /// It may go better now; not worth a refused login, though.
    nudge: Notify,
}

/// Keeps a link going.
pub struct LinkHandle {
    /// The link.
    pub link: Arc<Link>,
    _tasks: DropGuard,
}

impl Link {
    /// Starts dialling.
    pub fn start(to: PodPort, route: Route, setup: LinkSetup, cancel: &CancellationToken) -> LinkHandle {
        let cancel = cancel.child_token();
        let link = Arc::new(Self {
            to,
            broker: watch::Sender::default(),
            route: watch::Sender::new(route),
            state: watch::Sender::default(),
            redial: Notify::new(),
            retry: Notify::new(),
            nudge: Notify::new(),
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

    /// Dials at once if it is waiting to, unless the last login was refused.
    pub fn nudge(&self) {
        self.nudge.notify_waiters();
    }

    /// Says how it is dialled; a stream that went another way is given up, one under other names is kept.
    pub fn guide(&self, route: &Route) {
        let other_way = self.route.borrow().way != route.way;
        self.route.send_if_modified(|known| {
            let other = known != route;
            if other {
                known.clone_from(route);
            }
            other
        });
        if other_way {
            self.redial();
        }
    }

    /// True while a question is unanswered for too long.
    pub fn is_silent(&self) -> bool {
        self.state.borrow().silent
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

    /// What the broker said of itself when it was dialled last.
    pub fn features(&self) -> Option<Features> {
        self.state.borrow().features.clone()
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
            let failed = match self.reach(&setup, Loudness::Told).await {
                Ok(reached) => {
                    let first = Arc::clone(&reached.connection);
                    let why = self.tend(&setup, reached).await;
                    self.ended(&setup, &why);
                    self.wants_login(&setup, &first).await
                }
                Err(why) => Some(why),
            };
            if let Some(why) = failed.clone() {
                self.not_connected(&setup, why.why);
            }
            if asked.elapsed() > GOOD_AFTER {
                pause = FIRST_PAUSE;
            }
            self.sit_out(&setup, failed.as_ref(), pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Waits until it is worth dialling again.
    async fn sit_out(&self, setup: &LinkSetup, failed: Option<&Failed>, pause: Duration) {
        let Some(failed) = failed.filter(|failed| failed.why.is_about_secrets()) else {
            tokio::select! {
                () = sleep(jittered(pause)) => {}
                () = self.retry.notified() => {}
                () = self.nudge.notified() => {}
                () = self.redial.notified() => {}
            }
            return;
        };
        let longest = if failed.why.is_about_login() { REFUSED_PAUSE } else { LONGEST_PAUSE };
        tokio::select! {
            () = sleep(jittered(longest)) => {}
            () = self.retry.notified() => {}
            () = self.redial.notified() => {}
            () = self.rotated(setup, failed.version.as_deref()) => {}
        }
    }

    /// Waits until a Secret that was used holds something else.
    async fn rotated(&self, setup: &LinkSetup, version: Option<&str>) {
        let Some(version) = version else { return std::future::pending().await };
        loop {
            sleep(LOOK_AGAIN_EVERY).await;
            let route = self.route.borrow().clone();
            if setup.layers.changed(&route, version).await {
                return;
            }
        }
    }

    /// Goes the way to a connection; once more at once when a Secret has changed since it was read.
    async fn reach(&self, setup: &LinkSetup, loudness: Loudness) -> Result<Reached, Failed> {
        let route = self.route.borrow().clone();
        let mut age = if self.distrusts_secrets() { JUST_NOW } else { FRESH };
        loop {
            let prepared = setup.layers.prepare(&route, age).await;
            let prepared = prepared.map_err(|e| Failed { why: e.at(&self.to).into(), version: None })?;
            let reached = self.connect(setup, &prepared, loudness).await;
            let met = Some(prepared.certificates());
            self.state.send_if_modified(|s| {
                s.certificates != met && {
                    s.certificates = met;
                    true
                }
            });
            match reached {
                Ok(reached) => return Ok(reached),
                Err(why) => {
                    let old = age == FRESH && why.is_about_secrets();
                    if !(old && setup.layers.changed(&route, prepared.version()).await) {
                        return Err(Failed { why, version: Some(prepared.version().to_owned()) });
                    }
                    age = JUST_NOW;
                }
            }
        }
    }

    /// The last dial failed over what stands in Secrets.
    fn distrusts_secrets(&self) -> bool {
        self.state.borrow().failure.as_ref().is_some_and(CallError::is_about_secrets)
    }

    /// Opens a stream, secures it and asks for versions.
    async fn connect(&self, setup: &LinkSetup, prepared: &Prepared, loudness: Loudness) -> Result<Reached, CallError> {
        let dial = setup.transport.open(&self.to);
        let stream = timeout(OPEN_DEADLINE, dial).await.map_err(|_| DialError::Timeout { to: self.to.clone() })??;
        let asked = Instant::now();
        let mut open = std::pin::pin!(async {
            let secured = timeout(OPEN_DEADLINE, setup.layers.secure(stream, prepared)).await;
            let secured = secured.map_err(|_| CallError::Timeout { after: OPEN_DEADLINE })?;
            let secured = secured.map_err(|e| e.at(&self.to))?;
            let counts = Arc::clone(&setup.counts);
            let connection = Connection::open(secured.stream, OPEN_DEADLINE, CALL_DEADLINE, counts).await;
            let connection = connection.map_err(|why| match why {
                CallError::Tls(why) => DialError::Tls { to: self.to.clone(), why }.into(),
                other => other,
            })?;
            Ok(Reached { connection: Arc::new(connection), ends: secured.ends })
        });
        if let Ok(opened) = timeout(SILENT_AFTER, &mut open).await {
            return opened;
        }
        if loudness == Loudness::Told {
            self.falls_silent(setup, asked);
        }
        open.await
    }

    /// The next connection of a session that ends (KIP-368), made while the old one still serves.
    async fn renewed(&self, setup: &LinkSetup, ends: Option<Instant>) -> Reached {
        let Some(ends) = ends else { return std::future::pending().await };
        let lasts = ends.saturating_duration_since(Instant::now());
        sleep(jittered(lasts.mul_f64(RENEW_AT)).max(FASTEST_RENEWAL)).await;
        let mut pause = FIRST_PAUSE;
        loop {
            match self.reach(setup, Loudness::Quiet).await {
                Ok(reached) => return reached,
                Err(failed) => {
                    let pause = if failed.why.is_about_login() { REFUSED_PAUSE } else { pause };
                    tokio::select! {
                        () = sleep(jittered(pause)) => {}
                        () = self.rotated(setup, failed.version.as_deref()) => {}
                    }
                }
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Why a broker hangs up on the first question: it answers for versions without a login, and nothing else.
    async fn wants_login(&self, setup: &LinkSetup, first: &Connection) -> Option<Failed> {
        let route = self.route.borrow().clone();
        if route.logs_in() || first.standing().borrow().answered > 1 {
            return None;
        }
        let look = async {
            let prepared = setup.layers.prepare(&route, FRESH).await.ok()?;
            let stream = setup.transport.open(&self.to).await.ok()?;
            sasl::offers(setup.layers.secure(stream, &prepared).await.ok()?.stream).await
        };
        let offers = timeout(SILENT_AFTER, look).await.ok()??;
        let why = Box::new(LoginError::Asked { offers });
        Some(Failed { why: DialError::Login { to: self.to.clone(), why }.into(), version: None })
    }

    /// Watches over a connection until it ends or leads nowhere; says why.
    async fn tend(&self, setup: &LinkSetup, reached: Reached) -> CallError {
        let mut renewal = std::pin::pin!(self.renewed(setup, reached.ends));
        let mut standing = self.take(setup, reached.connection);
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
                next = &mut renewal => {
                    renewal.set(self.renewed(setup, next.ends));
                    // Whoever still waits for an answer on the old one keeps it until then.
                    standing = self.take(setup, next.connection);
                }
                () = self.redial.notified() => return CallError::Closed { why: "its pod was replaced".to_owned() },
            }
        }
    }

    /// Takes a connection for the questions to come.
    fn take(&self, setup: &LinkSetup, connection: Arc<Connection>) -> watch::Receiver<Standing> {
        let standing = connection.standing();
        self.update(setup, |s| {
            s.features = Some(connection.features().clone());
            s.connection = Some(connection);
            s.failure = None;
        });
        standing
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
            CallError::Dial(
                DialError::Forbidden { .. } | DialError::ApiUnreachable { .. } | DialError::Secret { .. },
            ) => None,
            // So are trust and credentials that are not this broker's.
            CallError::Dial(DialError::Tls { why, .. }) if why.is_ours() => None,
            CallError::Dial(DialError::Login { why, .. }) if why.is_ours() => None,
            CallError::Dial(DialError::Login { why, .. }) => Some(Contact::Refused { why: why.to_string() }),
            CallError::Dial(DialError::Tls { why, .. }) => Some(Contact::Refused { why: why.to_string() }),
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

    /// Tells contacts, certificates and features, once it is known whose they are.
    async fn report(self: Arc<Self>, desk: Arc<Desk>) {
        let mut state = self.state.subscribe();
        let mut broker = self.broker.subscribe();
        let mut told = None;
        loop {
            let id = *broker.borrow_and_update();
            let (contact, features, certificates) = {
                let state = state.borrow_and_update();
                (state.contact.clone(), state.features.clone(), state.certificates.clone())
            };
            if let Some(id) = id {
                // First: whoever waits for a contact has the certificates, too.
                if let Some(certificates) = certificates {
                    desk.certificates(id, certificates).await;
                }
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
