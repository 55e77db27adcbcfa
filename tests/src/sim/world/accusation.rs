//! A node whose key has signed two contradicting words, and somebody who shows them.

use hms_consensus::input::Input;
use hms_protocol::certificate::{Phase, Statement};
use hms_protocol::digest::Hash;
use hms_protocol::evidence::VoterEvidence;
use hms_protocol::id::{Epoch, Index, Term};
use hms_protocol::peer::PeerMessage;

use super::{Event, World};
use crate::sim::host::HostId;

impl World {
    /// Lets a host's key sign two logs for one term and index, and shows both to another host. From now on the guilty one
    /// may be convicted.
    pub(crate) fn accuse(&mut self, liar: HostId, to: HostId) {
        let guilty = &self.hosts[liar.0];
        let word = |hash: u8| {
            let statement = Statement {
                group: self.mesh,
                epoch: Epoch(1),
                phase: Phase::Held,
                term: Term(1),
                index: Index(2),
                hash: Hash::from_bytes([hash; 32]),
            };
            statement.attest(&guilty.key)
        };
        let (first, second) = (word(1), word(2));
        let (from, node) = (self.hosts[to.0].node, guilty.node);
        self.oracle.liars.insert(node);
        let evidence = VoterEvidence::TwoAttestations { first, second };
        let message = PeerMessage::Evidence(Box::new(evidence));
        let input = Input::Received { from, message };
        self.plan(1, to, Event::Input(Box::new(input)));
    }
}
