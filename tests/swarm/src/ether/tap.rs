//! A connection that tells the journal every byte that arrives on it, encrypted as it travelled.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::{AsyncRead, AsyncWrite};

use crate::journal::Journal;

/// A connection and who hears what arrives on it.
pub(crate) struct Tap<S> {
    stream: S,
    ends: (SocketAddr, SocketAddr),
    journal: Journal,
}

impl<S> Tap<S> {
    /// A connection between two ends, the near one first.
    pub(super) fn new(stream: S, ends: (SocketAddr, SocketAddr), journal: Journal) -> Self {
        Self {
            stream,
            ends,
            journal,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Tap<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if let Poll::Ready(Ok(bytes)) = &read {
            self.journal.carried(self.ends, &buffer[..*bytes]);
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Tap<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_close(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_close(context)
    }
}
