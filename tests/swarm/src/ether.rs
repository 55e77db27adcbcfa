//! The simulated network as a transport of libp2p: turmoil's TCP, and every byte of it told to the journal.
//!
//! Listens on all addresses of its host, and says the one that others reach. It neither secures nor multiplexes
//! anything: the network room does, as it does over sockets.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::future::{BoxFuture, Ready, ready};
use futures::stream::{self, BoxStream, SelectAll, StreamExt as _};
use libp2p::core::Transport;
use libp2p::core::multiaddr::{Multiaddr, Protocol};
use libp2p::core::transport::{DialOpts, ListenerId, TransportError, TransportEvent};
use tokio_util::compat::{Compat, TokioAsyncReadCompatExt as _};
use turmoil::net::{TcpListener, TcpStream};

use crate::journal::Journal;
use tap::Tap;

mod tap;

/// A connection whose bytes the journal sees.
pub(crate) type Road = Tap<Compat<TcpStream>>;

type Event = TransportEvent<Ready<io::Result<Road>>, io::Error>;

/// The way of one host into the simulated network.
pub(crate) struct Ether {
    ip: IpAddr,
    journal: Journal,
    listeners: SelectAll<BoxStream<'static, Event>>,
}

impl Ether {
    /// The way of the host with this address.
    pub(crate) fn new(ip: IpAddr, journal: Journal) -> Self {
        Self {
            ip,
            journal,
            listeners: SelectAll::new(),
        }
    }
}

impl Transport for Ether {
    type Output = Road;
    type Error = io::Error;
    type ListenerUpgrade = Ready<io::Result<Road>>;
    type Dial = BoxFuture<'static, io::Result<Road>>;

    fn listen_on(
        &mut self,
        id: ListenerId,
        address: Multiaddr,
    ) -> Result<(), TransportError<io::Error>> {
        let at = socket_of(&address)?;
        self.listeners
            .push(listen(id, at, self.ip, self.journal.clone()).boxed());
        Ok(())
    }

    /// Listeners live as long as their host.
    fn remove_listener(&mut self, _: ListenerId) -> bool {
        false
    }

    fn dial(
        &mut self,
        address: Multiaddr,
        _: DialOpts,
    ) -> Result<Self::Dial, TransportError<io::Error>> {
        let to = socket_of(&address)?;
        let journal = self.journal.clone();
        Ok(Box::pin(async move {
            let stream = TcpStream::connect(to).await?;
            tap(stream, journal)
        }))
    }

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Event> {
        match self.listeners.poll_next_unpin(context) {
            Poll::Ready(Some(event)) => Poll::Ready(event),
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }
}

/// Binds, says where, then says who comes; ends with the reason why nobody can come any more.
fn listen(
    id: ListenerId,
    at: SocketAddr,
    reached_at: IpAddr,
    journal: Journal,
) -> impl stream::Stream<Item = Event> {
    let binding = stream::once(TcpListener::bind(at));
    binding.flat_map(move |bound| {
        let listener = match bound {
            Ok(listener) => listener,
            Err(error) => return stream::iter([closed(id, error)]).left_stream(),
        };
        let listen_addr = address_of(SocketAddr::new(reached_at, at.port()));
        let local_addr = listen_addr.clone();
        let journal = journal.clone();
        let arrivals = stream::unfold(listener, move |listener| {
            let (local_addr, journal) = (local_addr.clone(), journal.clone());
            async move {
                let event = match listener.accept().await {
                    Ok((stream, from)) => TransportEvent::Incoming {
                        listener_id: id,
                        upgrade: ready(tap(stream, journal)),
                        local_addr,
                        send_back_addr: address_of(from),
                    },
                    Err(error) => TransportEvent::ListenerError {
                        listener_id: id,
                        error,
                    },
                };
                Some((event, listener))
            }
        });
        let announced = TransportEvent::NewAddress {
            listener_id: id,
            listen_addr,
        };
        stream::iter([announced]).chain(arrivals).right_stream()
    })
}

fn tap(stream: TcpStream, journal: Journal) -> io::Result<Road> {
    let ends = (stream.local_addr()?, stream.peer_addr()?);
    Ok(Tap::new(stream.compat(), ends, journal))
}

fn closed(listener_id: ListenerId, error: io::Error) -> Event {
    TransportEvent::ListenerClosed {
        listener_id,
        reason: Err(error),
    }
}

fn socket_of(address: &Multiaddr) -> Result<SocketAddr, TransportError<io::Error>> {
    let mut parts = address.iter();
    let ip = match parts.next() {
        Some(Protocol::Ip4(ip)) => IpAddr::from(ip),
        Some(Protocol::Ip6(ip)) => IpAddr::from(ip),
        Some(_) | None => return Err(TransportError::MultiaddrNotSupported(address.clone())),
    };
    match parts.next() {
        Some(Protocol::Tcp(port)) => Ok(SocketAddr::new(ip, port)),
        Some(_) | None => Err(TransportError::MultiaddrNotSupported(address.clone())),
    }
}

fn address_of(socket: SocketAddr) -> Multiaddr {
    Multiaddr::from(socket.ip()).with(Protocol::Tcp(socket.port()))
}
