//! The console: keys in, frames out, around a session.
//!
//! It moves things between the session and the terminal and decides nothing. `keyboard` reads, `decoder`
//! understands, `jobs` stops and goes on as the shell wants it. Called by `cmd` alone.

mod decoder;
mod jobs;
mod keyboard;

use std::{fmt::Display, time::Duration};

use chrono::TimeDelta;
use crossterm::event::{Event, MouseEventKind};
use ratatui::{Terminal, backend::CrosstermBackend, buffer::Buffer};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    app::{Msg, guard::Guard, keys::Key, sight::Sight},
    errors::{Failure, FailureKind},
    plan::run::Run,
    view::{self, Look},
};

use self::{decoder::Decoder, jobs::Jobs, keyboard::Keyboard};
use super::{
    clipboard::{self, Between},
    session::{Session, Wish},
    terminal::{self, FrameBuffer, FrameWriter},
};

/// The least time between two frames, unless somebody typed: that is answered at once.
const FRAME: Duration = Duration::from_millis(33);
/// Lines that one notch of a wheel moves.
const WHEEL: i32 = 3;
/// The exit code of a terminal that hung up.
const HUNG_UP: i32 = 129;

/// The screen: what was drawn last, and who writes it.
struct Screen {
    terminal: Terminal<CrosstermBackend<FrameBuffer>>,
    bytes: FrameBuffer,
    writer: FrameWriter,
    last: Buffer,
    look: Look,
    next_frame: Instant,
    wanted: bool,
    /// What is no frame and waits for its turn.
    beside: Option<Vec<u8>>,
}

impl Screen {
    fn new(look: Look) -> Result<Self, Failure> {
        let bytes = FrameBuffer::default();
        let terminal = Terminal::new(CrosstermBackend::new(bytes.clone())).map_err(no_terminal)?;
        Ok(Self {
            terminal,
            bytes,
            writer: FrameWriter::start(),
            last: Buffer::default(),
            look,
            next_frame: Instant::now(),
            wanted: true,
            beside: None,
        })
    }

    /// Draws, and writes only when a cell changed.
    fn draw(&mut self, session: &mut Session) -> Result<(), Failure> {
        self.wanted = false;
        self.next_frame = Instant::now() + FRAME;
        let (app, look) = (&session.app, &self.look);
        let mut sight = Sight::default();
        let frame = self.terminal.draw(|frame| sight = view::render(app, look, frame)).map_err(no_terminal)?;
        let changed = *frame.buffer != self.last;
        if changed {
            self.last = frame.buffer.clone();
        }
        let bytes = self.bytes.take();
        if changed {
            self.writer.write(&bytes);
        }
        // Nothing is wanted by an App that is told what was seen of it.
        session.tell(Msg::Drawn(sight));
        Ok(())
    }

    /// Forgets what is on the terminal, so that the next frame is painted in full.
    fn repaint(&mut self) -> Result<(), Failure> {
        self.terminal = Terminal::new(CrosstermBackend::new(self.bytes.clone())).map_err(no_terminal)?;
        // The one before shows the cursor as it goes.
        drop(self.bytes.take());
        self.last = Buffer::default();
        self.wanted = true;
        Ok(())
    }

    /// Writes what is no frame, once the frame under way is written.
    fn write_beside(&mut self) {
        if !self.writer.is_busy()
            && let Some(bytes) = self.beside.take()
        {
            self.writer.write_between(bytes);
        }
    }

    fn may_draw(&self) -> bool {
        self.wanted && !self.writer.is_busy()
    }
}

fn no_terminal(error: impl Display) -> Failure {
    Failure::new(FailureKind::Usage, "The console needs a terminal.")
        .why(error)
        .hint("run it in a terminal, or use a command such as `kafdeck status`")
}

/// Runs the console until its user leaves; `mouse` is whether it takes the wheel from the terminal.
pub async fn run(session: Session, look: Look, mouse: bool) -> Result<(), Failure> {
    if std::env::var("TERM").is_ok_and(|term| term == "dumb") {
        return Err(no_terminal("TERM is \"dumb\": this terminal cannot move its cursor"));
    }
    // Colours are ours to leave out: crossterm's own NO_COLOR handling also drops reverse video.
    crossterm::style::force_color_output(true);
    let mut jobs = Jobs::new().map_err(no_terminal)?;
    jobs.wait_for_foreground().await?;
    terminal::take(mouse).map_err(no_terminal)?;
    terminal::watch_for_hangup();
    let cancel = CancellationToken::new();
    let _ends_the_signal_tasks = cancel.clone().drop_guard();
    terminal::leave_on_signals(&cancel);
    let result = match Console::new(session, look, mouse, jobs) {
        // On the heap: it holds the whole session.
        Ok(mut console) => Box::pin(async move { console.run().await }).await,
        Err(failure) => Err(failure),
    };
    terminal::restore();
    result
}

/// How long keys wait, which depends on how far away the terminal is.
#[derive(Debug, Clone, Copy)]
struct Patience {
    /// For what may follow an Esc.
    esc: Duration,
    /// In a dialog that has just opened.
    dialog: TimeDelta,
}

impl Patience {
    fn of_this_line() -> Self {
        let far = std::env::var_os("SSH_CONNECTION").is_some_and(|value| !value.is_empty());
        let (esc, dialog) = if far { (100, 400) } else { (25, 150) };
        Self { esc: Duration::from_millis(esc), dialog: TimeDelta::milliseconds(dialog) }
    }
}

/// What the loop was woken by.
enum Woken {
    /// Keys, or text; or nothing after all.
    Events(Vec<Event>),
    /// The terminal has another size.
    Resized,
    /// The session went on, and wishes this.
    Wishes(Vec<Wish>),
    /// It is time for a frame.
    Frame,
    /// Something was written, or dropped because the terminal is not ours.
    Written(bool),
    /// We shall stop.
    Stop,
    /// We were stopped and go on.
    Continued,
    /// The process is to end, or nobody will ever type again.
    Departing,
}

struct Console {
    session: Session,
    screen: Screen,
    keyboard: Keyboard,
    decoder: Decoder,
    jobs: Jobs,
    between: Between,
    mouse: bool,
    patience: Patience,
    /// The terminal is gone, or going: what is under way is ended, and nothing drawn.
    departs: bool,
}

impl Console {
    fn new(mut session: Session, look: Look, mouse: bool, jobs: Jobs) -> Result<Self, Failure> {
        let patience = Patience::of_this_line();
        session.app.guard = Guard::new(patience.dialog);
        Ok(Self {
            session,
            screen: Screen::new(look)?,
            keyboard: Keyboard::start().map_err(no_terminal)?,
            decoder: Decoder::new(patience.esc),
            jobs,
            between: Between::of(|name| std::env::var(name).ok()),
            mouse,
            patience,
            departs: false,
        })
    }

    async fn run(&mut self) -> Result<(), Failure> {
        self.screen.draw(&mut self.session)?;
        loop {
            let mut wishes = Vec::new();
            match self.woken().await? {
                Woken::Events(events) => {
                    wishes = events.iter().flat_map(|event| told(&mut self.session, event)).collect();
                    self.screen.next_frame = Instant::now();
                }
                Woken::Resized => self.take_size(),
                Woken::Wishes(new) => wishes = new,
                Woken::Frame => self.screen.draw(&mut self.session)?,
                Woken::Written(true) => {}
                Woken::Stop => wishes = vec![Wish::Suspend],
                Woken::Written(false) | Woken::Continued => self.go_on().await?,
                Woken::Departing => self.depart(),
            }
            terminal::hold(self.session.app.the_run().is_some_and(Run::is_under_way));
            self.screen.wanted |= self.session.app.take_redraw();
            for wish in wishes {
                match wish {
                    Wish::Leave => return Ok(()),
                    Wish::Suspend => self.suspend().await?,
                    Wish::Copy(text) => self.screen.beside = Some(clipboard::request(&text, self.between)),
                }
            }
            self.screen.write_beside();
        }
    }

    /// Waits for what comes next.
    async fn woken(&mut self) -> Result<Woken, Failure> {
        let deadline = self.decoder.deadline();
        let expired = async move {
            match deadline {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        if self.departs {
            return Ok(Woken::Wishes(self.session.step().await?));
        }
        Ok(tokio::select! {
            biased;
            () = terminal::departing() => Woken::Departing,
            _ = self.jobs.stop.recv() => Woken::Stop,
            _ = self.jobs.continued.recv() => Woken::Continued,
            _ = self.jobs.resized.recv() => Woken::Resized,
            piece = self.keyboard.next() => if let Some(piece) = piece {
                Woken::Events(self.decoder.take(&piece, Instant::now()))
            } else {
                terminal::depart(HUNG_UP);
                Woken::Departing
            },
            () = expired => Woken::Events(self.decoder.expire()),
            written = self.screen.writer.idle() => Woken::Written(written),
            // Before the session: however much a cluster tells, what is known by now is shown.
            () = tokio::time::sleep_until(self.screen.next_frame), if self.screen.may_draw() => Woken::Frame,
            wishes = self.session.step() => Woken::Wishes(wishes?),
        })
    }

    /// Ends the run under way before its next step; whoever wants the process to end waits a moment for that.
    fn depart(&mut self) {
        self.departs = true;
        self.screen.wanted = false;
        self.session.drive(|app| app.abort("the terminal went away"));
    }

    /// Gives the terminal back, stops, and takes the terminal again when it goes on.
    async fn suspend(&mut self) -> Result<(), Failure> {
        if !terminal::can_be_continued() {
            self.session.app.notice = Some("not suspended: no shell is there to go on with it".to_owned());
            self.screen.wanted = true;
            return Ok(());
        }
        self.stop_reading().await;
        self.screen.writer.finish().await;
        terminal::restore();
        self.jobs.stop_job().await?;
        self.take_again()
    }

    /// Goes on after a stop that nobody announced: with a terminal that may look like anything, or, in the
    /// background, not at all.
    async fn go_on(&mut self) -> Result<(), Failure> {
        self.stop_reading().await;
        self.screen.writer.finish().await;
        self.jobs.wait_for_foreground().await?;
        // The shell has set the terminal as it likes it; what it was before us is what it will be after us.
        terminal::restore();
        self.take_again()
    }

    async fn stop_reading(&mut self) {
        self.keyboard.stop().await;
        self.decoder = Decoder::new(self.patience.esc);
    }

    fn take_again(&mut self) -> Result<(), Failure> {
        terminal::take(self.mouse).map_err(no_terminal)?;
        self.keyboard = Keyboard::start().map_err(no_terminal)?;
        self.screen.repaint()?;
        self.take_size();
        Ok(())
    }

    /// Tells the session the size the terminal has by now.
    fn take_size(&mut self) {
        if let Ok((columns, rows)) = crossterm::terminal::size() {
            self.session.tell(Msg::Resize(columns, rows));
        }
    }
}

/// Tells the session what was typed, pasted or turned.
fn told(session: &mut Session, event: &Event) -> Vec<Wish> {
    match event {
        Event::Key(key) => Key::from_event(key).flat_map(|key| session.tell(Msg::Key(key))).collect(),
        Event::Paste(text) => session.tell(Msg::Paste(text.clone())),
        Event::Resize(columns, rows) => session.tell(Msg::Resize(*columns, *rows)),
        Event::Mouse(mouse) => match mouse.kind {
            MouseEventKind::ScrollUp => session.tell(Msg::Wheel(-WHEEL)),
            MouseEventKind::ScrollDown => session.tell(Msg::Wheel(WHEEL)),
            _ => Vec::new(),
        },
        Event::FocusGained | Event::FocusLost => Vec::new(),
    }
}
