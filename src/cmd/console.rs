//! The console: keys in, frames out, around a session.

use std::time::Duration;

use crossterm::event::{Event, EventStream};
use futures::StreamExt;
use ratatui::{Terminal, backend::CrosstermBackend, buffer::Buffer};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    app::{Msg, keys::Key, sight::Sight},
    errors::{Failure, FailureKind},
    view::{self, Look},
};

use super::{
    session::{Session, Wish},
    terminal::{self, FrameBuffer, FrameWriter},
};

/// The least time between two frames.
const FRAME: Duration = Duration::from_millis(33);

/// The screen: what was drawn last, and who writes it.
struct Screen {
    terminal: Terminal<CrosstermBackend<FrameBuffer>>,
    bytes: FrameBuffer,
    writer: FrameWriter,
    last: Buffer,
    look: Look,
    next_frame: Instant,
    wanted: bool,
}

impl Screen {
    fn new(look: Look) -> Result<Self, Failure> {
        let bytes = FrameBuffer::default();
        let terminal = Terminal::new(CrosstermBackend::new(bytes.clone())).map_err(|e| no_terminal(&e))?;
        Ok(Self {
            terminal,
            bytes,
            writer: FrameWriter::start(),
            last: Buffer::default(),
            look,
            next_frame: Instant::now(),
            wanted: true,
        })
    }

    /// Draws, and writes only when a cell changed.
    fn draw(&mut self, session: &mut Session) -> Result<(), Failure> {
        self.wanted = false;
        self.next_frame = Instant::now() + FRAME;
        let (app, look) = (&session.app, &self.look);
        let mut sight = Sight::default();
        let frame = self.terminal.draw(|frame| sight = view::render(app, look, frame)).map_err(|e| no_terminal(&e))?;
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
        self.terminal = Terminal::new(CrosstermBackend::new(self.bytes.clone())).map_err(|e| no_terminal(&e))?;
        self.last = Buffer::default();
        self.wanted = true;
        Ok(())
    }

    fn may_draw(&self) -> bool {
        self.wanted && !self.writer.is_busy()
    }
}

fn no_terminal(error: &std::io::Error) -> Failure {
    Failure::new(FailureKind::Usage, "The console needs a terminal.")
        .why(error)
        .hint("run it in a terminal, or use a command such as `kafdeck status`")
}

/// Runs the console until its user leaves.
pub async fn run(mut session: Session, look: Look) -> Result<(), Failure> {
    // Colours are ours to leave out: crossterm's own NO_COLOR handling also drops reverse video.
    crossterm::style::force_color_output(true);
    terminal::take().map_err(|e| no_terminal(&e))?;
    terminal::watch_for_hangup();
    let cancel = CancellationToken::new();
    let _ends_the_signal_tasks = cancel.clone().drop_guard();
    terminal::leave_on_signals(&cancel);
    let result = run_loop(&mut session, look).await;
    terminal::restore();
    result
}

async fn run_loop(session: &mut Session, look: Look) -> Result<(), Failure> {
    let mut screen = Screen::new(look)?;
    screen.draw(session)?;
    let mut keys = EventStream::new();
    loop {
        let wishes = tokio::select! {
            biased;
            event = keys.next() => match event {
                Some(Ok(event)) => key_pressed(session, &event),
                Some(Err(error)) => return Err(no_terminal(&error)),
                None => return Ok(()),
            },
            () = screen.writer.idle() => Vec::new(),
            stepped = session.step() => stepped?,
            () = tokio::time::sleep_until(screen.next_frame), if screen.may_draw() => {
                screen.draw(session)?;
                Vec::new()
            }
        };
        screen.wanted |= session.app.take_redraw();
        if wishes.contains(&Wish::Leave) {
            return Ok(());
        }
        if wishes.contains(&Wish::Suspend) {
            drop(keys);
            suspend()?;
            keys = EventStream::new();
            screen.repaint()?;
        }
    }
}

fn key_pressed(session: &mut Session, event: &Event) -> Vec<Wish> {
    match event {
        Event::Key(key) => Key::from_event(key).flat_map(|key| session.tell(Msg::Key(key))).collect(),
        Event::Paste(text) => session.tell(Msg::Paste(text.clone())),
        Event::Resize(columns, rows) => session.tell(Msg::Resize(*columns, *rows)),
        _ => Vec::new(),
    }
}

/// Gives the terminal back, stops the process, and takes the terminal again when it goes on.
fn suspend() -> Result<(), Failure> {
    terminal::restore();
    let stopped = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::STOP);
    terminal::take().map_err(|e| no_terminal(&e))?;
    stopped.map_err(|e| no_terminal(&e.into()))
}
