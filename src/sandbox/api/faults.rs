//! What can be wrong with the API server as a whole, and the gate that all its bytes pass.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use futures::future::BoxFuture;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::watch,
};

/// What is wrong. It may be changed while the server runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults {
    /// It takes connections and neither reads nor writes a byte, on old ones too.
    pub pause: bool,
    /// It takes no new connections.
    pub refuse: bool,
    /// It answers every new request with this code; watches that are open go on.
    pub fail: Option<u16>,
    /// It takes this long before it answers a request.
    pub latency: Duration,
}

/// A stream that stands still while the server is paused.
pub struct Gated<S> {
    stream: S,
    faults: watch::Receiver<Faults>,
    reading: Option<BoxFuture<'static, ()>>,
    writing: Option<BoxFuture<'static, ()>>,
}

impl<S> Gated<S> {
    /// A stream behind the gate.
    pub fn new(stream: S, faults: watch::Receiver<Faults>) -> Self {
        Self { stream, faults, reading: None, writing: None }
    }
}

/// Ready while the gate is open; else woken when it opens.
fn open(
    faults: &watch::Receiver<Faults>,
    waiting: &mut Option<BoxFuture<'static, ()>>,
    context: &mut Context<'_>,
) -> Poll<()> {
    if !faults.borrow().pause {
        *waiting = None;
        return Poll::Ready(());
    }
    let opened = waiting.get_or_insert_with(|| {
        let mut faults = faults.clone();
        Box::pin(async move {
            // Without a server there is no gate.
            let _ = faults.wait_for(|faults| !faults.pause).await;
        })
    });
    ready!(opened.as_mut().poll(context));
    *waiting = None;
    Poll::Ready(())
}

impl<S: AsyncRead + Unpin> AsyncRead for Gated<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        ready!(open(&this.faults, &mut this.reading, cx));
        Pin::new(&mut this.stream).poll_read(cx, into)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Gated<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        ready!(open(&this.faults, &mut this.writing, cx));
        Pin::new(&mut this.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        ready!(open(&this.faults, &mut this.writing, cx));
        Pin::new(&mut this.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        ready!(open(&this.faults, &mut this.writing, cx));
        Pin::new(&mut this.stream).poll_shutdown(cx)
    }
}
