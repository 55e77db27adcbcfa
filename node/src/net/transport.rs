//! The transport: noise and yamux over TCP or what else carries bytes, and QUIC; all prove the peer's key and encrypt
//! everything.
//!
//! Closing a connection never takes long: a stopped peer whose buffers are full would otherwise keep a dead connection
//! in the table until the kernel gives up, a quarter of an hour later.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::Either;
use futures::{AsyncRead, AsyncWrite};
use libp2p::core::muxing::{StreamMuxer, StreamMuxerBox, StreamMuxerEvent};
use libp2p::core::transport::{Boxed, OrTransport};
use libp2p::core::upgrade::Version;
use libp2p::identity::Keypair;
use libp2p::{PeerId, Transport, noise, quic, tcp, yamux};
use tokio::time::Sleep;

/// How long a connection may take to come up, handshakes included.
const CONNECT_WITHIN: Duration = Duration::from_secs(3);

/// How long a connection may take to close in good order; then it is simply dropped.
const CLOSE_WITHIN: Duration = Duration::from_millis(500);

/// Streams that a peer may have open: its calls, its direct stream, gossip, ping.
const STREAMS_MAX: u32 = 2_048;

/// TCP or QUIC under one key, on sockets of this machine.
pub(super) fn on_sockets(key: &Keypair) -> Boxed<(PeerId, StreamMuxerBox)> {
    let tcp = tcp::tokio::Transport::new(tcp::Config::new().nodelay(true));
    let tcp = secure(tcp, key);

    let mut settings = quic::Config::new(key);
    settings.handshake_timeout = CONNECT_WITHIN;
    settings.max_concurrent_stream_limit = STREAMS_MAX;
    let quic = quic::tokio::Transport::new(settings)
        .map(|(peer, muxer), _| (peer, StreamMuxerBox::new(Prompt::new(muxer))));

    OrTransport::new(tcp, quic)
        .map(|either, _| match either {
            Either::Left(output) | Either::Right(output) => output,
        })
        .boxed()
}

/// Noise and yamux, under one key, over whatever carries bytes in order.
pub(super) fn secure<T>(
    carrier: T,
    key: &Keypair,
) -> impl Transport<
    Output = (PeerId, StreamMuxerBox),
    Error: Send + Sync,
    Dial: Send,
    ListenerUpgrade: Send,
> + Send
+ Unpin
+ use<T>
where
    T: Transport<Dial: Send, ListenerUpgrade: Send, Error: Send + Sync>,
    T: Send + Unpin + 'static,
    T::Output: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let mut streams = yamux::Config::default();
    streams.set_max_num_streams(STREAMS_MAX as usize);
    let noise = noise::Config::new(key).expect("an Ed25519 key signs noise's static key");
    carrier
        .upgrade(Version::V1)
        .authenticate(noise)
        .multiplex(streams)
        .timeout(CONNECT_WITHIN)
        .map(|(peer, muxer), _| (peer, StreamMuxerBox::new(Prompt::new(muxer))))
}

/// A connection that closes promptly.
struct Prompt<M> {
    inner: Pin<Box<M>>,
    closing: Option<Pin<Box<Sleep>>>,
}

impl<M> Prompt<M> {
    fn new(inner: M) -> Self {
        Self {
            inner: Box::pin(inner),
            closing: None,
        }
    }
}

impl<M> StreamMuxer for Prompt<M>
where
    M: StreamMuxer,
    M::Error: Send + Sync + 'static,
{
    type Substream = M::Substream;
    type Error = io::Error;

    fn poll_inbound(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Result<Self::Substream, io::Error>> {
        self.inner
            .as_mut()
            .poll_inbound(context)
            .map_err(io::Error::other)
    }

    fn poll_outbound(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Result<Self::Substream, io::Error>> {
        self.inner
            .as_mut()
            .poll_outbound(context)
            .map_err(io::Error::other)
    }

    fn poll_close(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), io::Error>> {
        if let Poll::Ready(closed) = self.inner.as_mut().poll_close(context) {
            return Poll::Ready(closed.map_err(io::Error::other));
        }
        let closing = self
            .closing
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(CLOSE_WITHIN)));
        closing.as_mut().poll(context).map(Ok)
    }

    fn poll(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Result<StreamMuxerEvent, io::Error>> {
        self.inner.as_mut().poll(context).map_err(io::Error::other)
    }
}
