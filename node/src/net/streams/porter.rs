//! Carries streams in and out of one connection.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::io;
use std::task::{Context, Poll};

use libp2p::core::upgrade::{InboundUpgrade, ReadyUpgrade, UpgradeInfo};
use libp2p::swarm::handler::{ConnectionEvent, DialUpgradeError, FullyNegotiatedOutbound};
use libp2p::swarm::{
    ConnectionHandler, ConnectionHandlerEvent, StreamUpgradeError, SubstreamProtocol,
};
use libp2p::{PeerId, Stream, StreamProtocol};
use tokio::sync::{mpsc, oneshot};

use super::switchboard::{Acceptors, NotOpened, Wish};
use crate::limits::STREAMS_OPENING_MAX;

/// What an opened stream, or the reason why there is none, is told to.
pub(in super::super) type Answer = oneshot::Sender<Result<Stream, NotOpened>>;

/// The porter of one connection.
pub(in super::super) struct Porter {
    peer: PeerId,
    wishes: mpsc::Receiver<Wish>,
    acceptors: Acceptors,
    opening: usize,
}

impl Porter {
    pub(super) fn new(peer: PeerId, wishes: mpsc::Receiver<Wish>, acceptors: Acceptors) -> Self {
        Self {
            peer,
            wishes,
            acceptors,
            opening: 0,
        }
    }

    fn accept(&self, protocol: &StreamProtocol, stream: Stream) {
        let acceptor = self.acceptors.iter().find(|(known, _)| known == protocol);
        let room = acceptor.and_then(|(_, acceptor)| acceptor.try_reserve().ok());
        if let Some(room) = room {
            room.send((self.peer, stream));
        } else {
            // Its opener sees that it is not taken, and tries again.
            tracing::debug!(peer = %self.peer, %protocol, "a stream too many");
        }
    }

    fn answer(&mut self, answer: Answer, opened: Result<Stream, NotOpened>) {
        self.opening -= 1;
        // Whoever wished may have given up.
        let _ = answer.send(opened);
    }
}

impl ConnectionHandler for Porter {
    type FromBehaviour = Infallible;
    type ToBehaviour = Infallible;
    type InboundProtocol = Offer;
    type OutboundProtocol = ReadyUpgrade<StreamProtocol>;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = Answer;

    fn listen_protocol(&self) -> SubstreamProtocol<Offer> {
        let protocols = self.acceptors.iter().map(|(protocol, _)| protocol.clone());
        SubstreamProtocol::new(
            Offer {
                protocols: protocols.collect(),
            },
            (),
        )
    }

    fn poll(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<ConnectionHandlerEvent<ReadyUpgrade<StreamProtocol>, Answer, Infallible>> {
        if STREAMS_OPENING_MAX <= self.opening {
            // An answer polls again.
            return Poll::Pending;
        }
        match self.wishes.poll_recv(context) {
            Poll::Ready(Some(Wish { protocol, answer })) => {
                self.opening += 1;
                let protocol = SubstreamProtocol::new(ReadyUpgrade::new(protocol), answer);
                Poll::Ready(ConnectionHandlerEvent::OutboundSubstreamRequest { protocol })
            }
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }

    fn on_behaviour_event(&mut self, never: Infallible) {
        match never {}
    }

    fn on_connection_event(
        &mut self,
        event: ConnectionEvent<Offer, ReadyUpgrade<StreamProtocol>, (), Answer>,
    ) {
        match event {
            ConnectionEvent::FullyNegotiatedInbound(inbound) => {
                let (stream, protocol) = inbound.protocol;
                self.accept(&protocol, stream);
            }
            ConnectionEvent::FullyNegotiatedOutbound(outbound) => {
                let FullyNegotiatedOutbound {
                    protocol: stream,
                    info: answer,
                } = outbound;
                self.answer(answer, Ok(stream));
            }
            ConnectionEvent::DialUpgradeError(DialUpgradeError {
                info: answer,
                error,
            }) => {
                let reason = match error {
                    StreamUpgradeError::Timeout => NotOpened::Io(io::ErrorKind::TimedOut.into()),
                    StreamUpgradeError::NegotiationFailed => NotOpened::Unknown,
                    StreamUpgradeError::Io(error) => NotOpened::Io(error),
                    StreamUpgradeError::Apply(never) => match never {},
                };
                self.answer(answer, Err(reason));
            }
            ConnectionEvent::AddressChange(_)
            | ConnectionEvent::ListenUpgradeError(_)
            | ConnectionEvent::LocalProtocolsChange(_)
            | ConnectionEvent::RemoteProtocolsChange(_) => {}
            unknown => tracing::debug!(?unknown, "unknown event"),
        }
    }
}

/// The protocols that this node accepts.
#[derive(Debug)]
pub(in super::super) struct Offer {
    protocols: Vec<StreamProtocol>,
}

impl UpgradeInfo for Offer {
    type Info = StreamProtocol;
    type InfoIter = std::vec::IntoIter<StreamProtocol>;

    fn protocol_info(&self) -> Self::InfoIter {
        self.protocols.clone().into_iter()
    }
}

impl InboundUpgrade<Stream> for Offer {
    type Output = (Stream, StreamProtocol);
    type Error = Infallible;
    type Future = Ready<Result<Self::Output, Infallible>>;

    fn upgrade_inbound(self, stream: Stream, protocol: StreamProtocol) -> Self::Future {
        ready(Ok((stream, protocol)))
    }
}
