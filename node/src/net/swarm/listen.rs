//! Where the node listens.

use std::collections::HashMap;
use std::io;
use std::time::Duration;

use futures::StreamExt as _;
use libp2p::Multiaddr;
use libp2p::core::transport::{ListenerId, TransportError};
use libp2p::swarm::SwarmEvent;

use super::super::carrier::Probe;
use super::super::settings::{parse_address, without_peer};
use super::super::{NetError, calls};
use super::Exchange;

/// How long every listener has to come up.
const LISTEN_WITHIN: Duration = Duration::from_secs(5);

impl Exchange {
    /// Listens everywhere, and returns when every listener has said where.
    pub(super) async fn listen(&mut self, listen: &[String], probe: Probe) -> Result<(), NetError> {
        let mut waiting = HashMap::new();
        for text in listen {
            let bad = |reason| NetError::BadAddress {
                address: text.clone(),
                reason,
            };
            let address = parse_address(text).map_err(bad)?;
            probe(&address).map_err(|source| refused(text, source))?;
            let listener = self.swarm.listen_on(address).map_err(|error| match error {
                TransportError::Other(source) => refused(text, source),
                TransportError::MultiaddrNotSupported(_) => {
                    bad("no transport of this node takes it".to_owned())
                }
            })?;
            waiting.insert(listener, text.clone());
        }
        match tokio::time::timeout(LISTEN_WITHIN, self.come_up(&mut waiting)).await {
            Ok(up) => up,
            Err(_) => Err(NetError::SlowListener {
                address: waiting.into_values().next().unwrap_or_default(),
                within_ms: calls::millis(LISTEN_WITHIN),
            }),
        }
    }

    async fn come_up(&mut self, waiting: &mut HashMap<ListenerId, String>) -> Result<(), NetError> {
        while !waiting.is_empty() {
            let mut event = self.swarm.select_next_some().await;
            if let SwarmEvent::NewListenAddr { listener_id, .. } = &event {
                waiting.remove(listener_id);
            }
            if let SwarmEvent::ListenerClosed {
                listener_id,
                reason,
                ..
            } = &mut event
                && let Some(address) = waiting.get(listener_id)
            {
                let reason = std::mem::replace(reason, Ok(()));
                return Err(refused(address, reason.err().unwrap_or_else(closed)));
            }
            self.observe(event);
        }
        Ok(())
    }

    /// Notes an address, for whoever asks and whoever is told.
    pub(super) fn listens(&mut self, address: &Multiaddr) {
        let address = without_peer(address).to_string();
        self.news.listening(address.clone());
        self.addresses.send_if_modified(|known| {
            let is_new = !known.contains(&address);
            if is_new {
                known.push(address);
            }
            is_new
        });
    }

    /// Forgets addresses.
    pub(super) fn listens_no_more(&mut self, addresses: &[Multiaddr]) {
        let gone: Vec<_> = addresses
            .iter()
            .map(|address| without_peer(address).to_string())
            .collect();
        self.addresses
            .send_modify(|known| known.retain(|address| !gone.contains(address)));
    }
}

fn refused(address: &str, source: io::Error) -> NetError {
    let address = address.to_owned();
    if source.kind() == io::ErrorKind::AddrInUse {
        NetError::PortInUse { address }
    } else {
        NetError::CannotListen { address, source }
    }
}

fn closed() -> io::Error {
    io::Error::other("the listener closed without a reason")
}
