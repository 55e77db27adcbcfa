//! Where bytes come from: sockets of this machine, or connections that somebody else brings.
//!
//! Promises: whatever carries the bytes, the peer proves its key and everything is encrypted on top of it, by the very
//! code that does so over TCP. A carrier therefore chooses nothing but the road: it never sees a plain byte, and it
//! cannot make a peer out of somebody else.
//!
//! It does not open or take connections itself: its transport does.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};

use futures::{AsyncRead, AsyncWrite};
use libp2p::core::muxing::StreamMuxerBox;
use libp2p::core::transport::Boxed;
use libp2p::identity::Keypair;
use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId, Transport};

use super::transport;

/// Connections to known peers, as the swarm takes them.
pub(super) type Secured = Boxed<(PeerId, StreamMuxerBox)>;

/// Where bytes come from. The default is the sockets of this machine.
pub struct Carrier {
    secure: Box<dyn FnOnce(&Keypair) -> Secured + Send>,
    probe: Probe,
}

/// Says whether an address is free to listen on.
pub(super) type Probe = fn(&Multiaddr) -> io::Result<()>;

impl Carrier {
    /// TCP and QUIC on sockets of this machine.
    pub fn sockets() -> Self {
        Self {
            secure: Box::new(transport::on_sockets),
            probe,
        }
    }

    /// Connections that a transport brings, under the same handshake and multiplexing as TCP: those of a simulated
    /// network, for one. The transport judges by itself which addresses it can listen on.
    pub fn over<T>(transport: T) -> Self
    where
        T: Transport<Dial: Send, ListenerUpgrade: Send, Error: Send + Sync>,
        T: Send + Unpin + 'static,
        T::Output: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        Self {
            secure: Box::new(|key| transport::secure(transport, key).boxed()),
            probe: |_| Ok(()),
        }
    }

    /// What asks whether an address is free to listen on.
    pub(super) fn probe(&self) -> Probe {
        self.probe
    }

    /// The carrier's connections, secured by a key.
    pub(super) fn secure(self, key: &Keypair) -> Secured {
        (self.secure)(key)
    }
}

impl Default for Carrier {
    fn default() -> Self {
        Self::sockets()
    }
}

impl fmt::Debug for Carrier {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Carrier").finish_non_exhaustive()
    }
}

/// Binds to a fixed port for a moment. The transport would share a TCP port with any other process of the same user, and
/// connections would then reach either.
fn probe(address: &Multiaddr) -> io::Result<()> {
    let mut parts = address.iter();
    let ip: IpAddr = match parts.next() {
        Some(Protocol::Ip4(ip)) => ip.into(),
        Some(Protocol::Ip6(ip)) => ip.into(),
        Some(_) | None => return Ok(()),
    };
    match parts.next() {
        Some(Protocol::Tcp(port)) if port != 0 => {
            TcpListener::bind(SocketAddr::new(ip, port)).map(|_| ())
        }
        Some(Protocol::Udp(port)) if port != 0 => {
            UdpSocket::bind(SocketAddr::new(ip, port)).map(|_| ())
        }
        Some(_) | None => Ok(()),
    }
}
