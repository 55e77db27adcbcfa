//! What a node says that no mind would: garbage, at a rate.

use bytes::Bytes;
use hms_consensus::input::TICK_MS;
use hms_node::net::Topic;
use hms_node::perform::Hands;
use hms_protocol::codec;
use hms_protocol::envelope::{Audience, BodyKind};
use hms_testnet::attack::Attack;

use crate::corruption::Corruption;

/// A maker of noise.
#[derive(Debug, Default)]
pub(crate) struct Noise {
    made: u64,
}

impl Noise {
    /// Makes as much as is due in one tick: bytes that are no envelope, and envelopes whose signature is none, to everybody
    /// and to each.
    pub(crate) fn make(&mut self, corruption: &Corruption, hands: &Hands) {
        let wanted = corruption.wants(|attack| matches!(attack, Attack::Garbage { .. }));
        let Some(attack @ Attack::Garbage { per_second }) = wanted else {
            return;
        };
        let links = hands.net.links();
        if links.is_empty() {
            return;
        }
        let due = u64::from(per_second) * TICK_MS / 1_000;
        for _ in 0..due.max(1) {
            if !corruption.does(attack) {
                return;
            }
            self.made += 1;
            let frame = self.frame(hands);
            if self.made.is_multiple_of(2) {
                // Whatever is refused here never leaves the node.
                let _ = hands.net.publish(Topic::Events, frame);
            } else {
                let place = usize::try_from(self.made / 2).unwrap_or_default() % links.len();
                let _ = hands.net.send(links[place].node, frame);
            }
        }
    }

    fn frame(&self, hands: &Hands) -> Bytes {
        let number = self.made.to_le_bytes();
        if self.made % 4 < 2 {
            return Bytes::copy_from_slice(&[&b"garbage "[..], &number].concat());
        }
        let sealed = hands
            .seal
            .seal(Audience::Mesh, BodyKind::Heartbeat, number.to_vec());
        let mut bytes = codec::envelope::encode(&sealed);
        if let Some(last) = bytes.last_mut() {
            *last ^= 1;
        }
        Bytes::from(bytes)
    }
}
