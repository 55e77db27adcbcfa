//! Which connection leads to whom, and where streams go that arrive.

use std::collections::HashMap;
use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use libp2p::core::Endpoint;
use libp2p::core::transport::PortUse;
use libp2p::swarm::{
    ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler, THandlerInEvent,
    THandlerOutEvent, ToSwarm,
};
use libp2p::{Multiaddr, PeerId, Stream, StreamProtocol};
use tokio::sync::{mpsc, oneshot};

use super::porter::Porter;
use crate::limits::{ARRIVALS_CAPACITY, WISHES_CAPACITY};

/// Streams that arrive for one protocol, each with the peer that opened it.
pub(in super::super) type Arrivals = mpsc::Receiver<(PeerId, Stream)>;

/// Why a stream is not opened.
#[derive(Debug, thiserror::Error)]
pub(in super::super) enum NotOpened {
    /// There is no connection.
    #[error("not connected")]
    NotConnected,
    /// The peer does not speak the protocol.
    #[error("the peer does not speak the protocol")]
    Unknown,
    /// The connection failed.
    #[error("the connection failed")]
    Io(#[source] io::Error),
}

/// The wish for a stream.
pub(super) struct Wish {
    pub(super) protocol: StreamProtocol,
    pub(super) answer: oneshot::Sender<Result<Stream, NotOpened>>,
}

/// Where streams of each protocol go.
pub(super) type Acceptors = Arc<Vec<(StreamProtocol, mpsc::Sender<(PeerId, Stream)>)>>;

/// The way to one connection.
struct Line {
    connection: ConnectionId,
    wishes: mpsc::Sender<Wish>,
}

/// Every connection by its peer, oldest first. Held for the time of one look-up, never across an await.
type Lines = Arc<Mutex<HashMap<PeerId, Vec<Line>>>>;

/// Opens streams on connections that are there; never dials.
#[derive(Clone)]
pub(in super::super) struct Opener {
    lines: Lines,
}

impl Opener {
    /// Opens a stream on the newest connection to a peer.
    pub(in super::super) async fn open(
        &self,
        peer: PeerId,
        protocol: StreamProtocol,
    ) -> Result<Stream, NotOpened> {
        let newest = lock(&self.lines).get(&peer).and_then(|lines| {
            let alive = lines.iter().rev().find(|line| !line.wishes.is_closed());
            alive.map(|line| line.wishes.clone())
        });
        let wishes = newest.ok_or(NotOpened::NotConnected)?;
        let (answer, opened) = oneshot::channel();
        let wish = Wish { protocol, answer };
        wishes
            .send(wish)
            .await
            .map_err(|_| NotOpened::NotConnected)?;
        opened.await.map_err(|_| NotOpened::NotConnected)?
    }
}

/// The behaviour that opens and accepts streams.
pub(in super::super) struct Switchboard {
    lines: Lines,
    acceptors: Acceptors,
}

impl Switchboard {
    /// A switchboard for some protocols, and where their streams arrive.
    pub(in super::super) fn new<const N: usize>(
        protocols: [StreamProtocol; N],
    ) -> (Self, [Arrivals; N]) {
        let mut acceptors = Vec::new();
        let arrivals = protocols.map(|protocol| {
            let (acceptor, arrivals) = mpsc::channel(ARRIVALS_CAPACITY);
            acceptors.push((protocol, acceptor));
            arrivals
        });
        (
            Self {
                lines: Lines::default(),
                acceptors: Arc::new(acceptors),
            },
            arrivals,
        )
    }

    /// What opens streams.
    pub(in super::super) fn opener(&self) -> Opener {
        Opener {
            lines: self.lines.clone(),
        }
    }

    fn lay_line(&self, peer: PeerId, connection: ConnectionId) -> Porter {
        let (wishes, waiting) = mpsc::channel(WISHES_CAPACITY);
        let mut lines = lock(&self.lines);
        let lines = lines.entry(peer).or_default();
        // A connection may have been denied by another behaviour after its line was laid.
        lines.retain(|line| !line.wishes.is_closed());
        lines.push(Line { connection, wishes });
        Porter::new(peer, waiting, self.acceptors.clone())
    }
}

fn lock(lines: &Lines) -> MutexGuard<'_, HashMap<PeerId, Vec<Line>>> {
    lines.lock().unwrap_or_else(PoisonError::into_inner)
}

impl NetworkBehaviour for Switchboard {
    type ConnectionHandler = Porter;
    type ToSwarm = Infallible;

    fn handle_established_inbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(self.lay_line(peer, connection))
    }

    fn handle_established_outbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(self.lay_line(peer, connection))
    }

    fn on_swarm_event(&mut self, event: FromSwarm) {
        let FromSwarm::ConnectionClosed(closed) = event else {
            return;
        };
        let mut lines = lock(&self.lines);
        if let Some(of_peer) = lines.get_mut(&closed.peer_id) {
            of_peer.retain(|line| line.connection != closed.connection_id);
            if of_peer.is_empty() {
                lines.remove(&closed.peer_id);
            }
        }
    }

    fn on_connection_handler_event(
        &mut self,
        _: PeerId,
        _: ConnectionId,
        never: THandlerOutEvent<Self>,
    ) {
        match never {}
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Infallible, THandlerInEvent<Self>>> {
        Poll::Pending
    }
}
