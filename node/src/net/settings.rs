//! What the network is told to be, and what an address looks like.

use hms_protocol::limits::ADDRESS_BYTES_MAX;
use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId};
use zeroize::Zeroizing;

use super::carrier::Carrier;

/// What the network is told to be.
#[derive(Debug)]
pub struct NetSettings {
    /// The node's secret key. The peer id derives from its public half.
    pub seed: Zeroizing<[u8; 32]>,
    /// libp2p multiaddresses to listen on; port 0 takes a free one.
    pub listen: Vec<String>,
    /// Whether to look for nodes by mDNS, and to be found.
    pub mdns: bool,
    /// Where bytes come from.
    pub carrier: Carrier,
}

impl NetSettings {
    /// Listens on loopback, TCP and QUIC, on free ports; no mDNS.
    pub fn on_loopback(seed: [u8; 32]) -> Self {
        let listen = ["/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/udp/0/quic-v1"];
        Self {
            seed: Zeroizing::new(seed),
            listen: listen.map(str::to_owned).to_vec(),
            mdns: false,
            carrier: Carrier::sockets(),
        }
    }
}

/// Whether a text is an address that this network can listen on or dial; if not, why not.
pub fn check_address(text: &str) -> Result<(), String> {
    parse_address(text).map(|_| ())
}

/// Whether an address is one that only this host reaches, and that mDNS therefore passes over.
pub fn is_loopback(text: &str) -> bool {
    let place = parse_address(text).ok().and_then(|address| {
        let place = address.iter().next();
        place.map(Protocol::acquire)
    });
    match place {
        Some(Protocol::Ip4(ip)) => ip.is_loopback(),
        Some(Protocol::Ip6(ip)) => ip.is_loopback(),
        Some(_) | None => false,
    }
}

/// Reads an address: an IP, a TCP port or a UDP port with QUIC, and perhaps a peer id.
pub(super) fn parse_address(text: &str) -> Result<Multiaddr, String> {
    if ADDRESS_BYTES_MAX < text.len() {
        return Err(format!(
            "it has {} bytes: at most {ADDRESS_BYTES_MAX} are allowed",
            text.len()
        ));
    }
    let address: Multiaddr = text
        .parse()
        .map_err(|error| format!("it is not a multiaddress: {error}"))?;
    let mut parts = address.iter();
    let place = (parts.next(), parts.next());
    let carrier = match place {
        (Some(Protocol::Ip4(_) | Protocol::Ip6(_)), Some(Protocol::Tcp(_))) => Ok(()),
        (Some(Protocol::Ip4(_) | Protocol::Ip6(_)), Some(Protocol::Udp(_)))
            if parts.next() == Some(Protocol::QuicV1) =>
        {
            Ok(())
        }
        (Some(_) | None, Some(_) | None) => {
            Err("it is neither /ip4/…/tcp/… nor /ip4/…/udp/…/quic-v1 (or the same with ip6)")
        }
    };
    carrier?;
    match (parts.next(), parts.next()) {
        (None | Some(Protocol::P2p(_)), None) => Ok(address),
        (Some(_) | None, Some(_) | None) => Err("only /p2p/<peer id> may follow".to_owned()),
    }
}

/// Whether connections by this address are TCP: preferred, because its streams are the faster ones on one host.
pub(super) fn is_tcp(address: &Multiaddr) -> bool {
    address.iter().any(|part| matches!(part, Protocol::Tcp(_)))
}

/// The peer that an address names, if it does.
pub(super) fn peer_in(address: &Multiaddr) -> Option<PeerId> {
    address.iter().find_map(|part| {
        if let Protocol::P2p(peer) = part {
            Some(peer)
        } else {
            None
        }
    })
}

/// The address without the peer id.
pub(super) fn without_peer(address: &Multiaddr) -> Multiaddr {
    address
        .iter()
        .filter(|part| !matches!(part, Protocol::P2p(_)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_tcp_or_quic_on_an_ip_and_perhaps_name_a_peer() {
        let peer = "12D3KooWQYhTNQdmr3ArTeUHRYzFg94BKyTkoWBDWez9kSCVe2Xo";
        for good in ["/ip4/127.0.0.1/tcp/0", "/ip6/::1/udp/1/quic-v1"] {
            assert_eq!(check_address(good), Ok(()));
            assert_eq!(check_address(&format!("{good}/p2p/{peer}")), Ok(()));
        }
    }

    #[test]
    fn other_addresses_are_refused_with_a_reason() {
        let long = format!("/ip4/127.0.0.1/tcp/1/{}", "x".repeat(300));
        for (bad, reason) in [
            ("tcp://1.2.3.4", "not a multiaddress"),
            ("", "neither"),
            ("/ip4/127.0.0.1", "neither"),
            ("/ip4/127.0.0.1/udp/1", "neither"),
            ("/dns4/localhost/tcp/1", "neither"),
            ("/ip4/127.0.0.1/tcp/1/ws", "may follow"),
            (&long, "bytes"),
        ] {
            let text = check_address(bad).unwrap_err();
            assert!(text.contains(reason), "{bad}: {text}");
        }
    }
}
