//! What is spoken on every connection: gossip, pings, streams; and how many connections there may be.

use std::time::Duration;

use hms_protocol::limits::MEMBERS_MAX;
use libp2p::connection_limits::{self, ConnectionLimits};
use libp2p::swarm::NetworkBehaviour;
use libp2p::swarm::behaviour::toggle::Toggle;
use libp2p::{PeerId, mdns, ping};

use super::NetError;
use super::streams::Switchboard;
use super::topics::{Gossipsub, gossipsub};
use crate::limits::STRANGERS_MAX;

/// How often a connection is pinged. The answers are signs of life; who decides about silence is `peers`.
const PING_EVERY: Duration = Duration::from_secs(1);

/// How long one ping may take. Longer than the silence that ends a connection, so that there is one judge of silence.
const PING_WITHIN: Duration = Duration::from_secs(20);

/// Connections that one node may have: both sides may dial at once, and a restarted peer may come before its old
/// connections have gone. A further one is denied.
const CONNECTIONS_PER_NODE_MAX: u32 = 4;

/// Connections that may be in their handshake. A further one is denied; its dialler tries again.
const HANDSHAKES_MAX: u32 = 256;

/// Everything that is spoken.
#[derive(NetworkBehaviour)]
pub(super) struct Behaviour {
    // First: it denies before others keep state.
    limits: connection_limits::Behaviour,
    pub(super) gossip: Gossipsub,
    pub(super) ping: ping::Behaviour,
    pub(super) streams: Switchboard,
    pub(super) mdns: Toggle<mdns::tokio::Behaviour>,
}

impl Behaviour {
    /// Everything, with no topic and no connection yet.
    pub(super) fn new(me: PeerId, with_mdns: bool, streams: Switchboard) -> Result<Self, NetError> {
        let mdns = if with_mdns {
            let mdns = mdns::tokio::Behaviour::new(mdns::Config::default(), me);
            Some(mdns.map_err(NetError::Mdns)?)
        } else {
            None
        };
        let pings = ping::Config::new()
            .with_interval(PING_EVERY)
            .with_timeout(PING_WITHIN);
        Ok(Self {
            limits: connection_limits::Behaviour::new(limits()),
            gossip: gossipsub(),
            ping: ping::Behaviour::new(pings),
            streams,
            mdns: mdns.into(),
        })
    }
}

fn limits() -> ConnectionLimits {
    let nodes = u32::try_from(MEMBERS_MAX + 2 * STRANGERS_MAX).unwrap_or(u32::MAX);
    ConnectionLimits::default()
        .with_max_pending_incoming(Some(HANDSHAKES_MAX))
        .with_max_established_per_peer(Some(CONNECTIONS_PER_NODE_MAX))
        .with_max_established(Some(nodes.saturating_mul(CONNECTIONS_PER_NODE_MAX)))
}
