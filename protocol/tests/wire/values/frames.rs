//! Arbitrary frames: what voters say to each other, with every field that a frame can have.

use hms_protocol::ballot::{Ballot, Mandate, Release, Vote};
use hms_protocol::certificate::{Certificate, Mark};
use hms_protocol::chain::EntryKind;
use hms_protocol::frame::{Arrival, Chunk, Frame};
use hms_protocol::id::Epoch;
use hms_protocol::keyring::Signature;
use hms_protocol::receipt::{Cause, Handover, Link, Stretch};
use proptest::collection::vec;
use proptest::prelude::*;

use super::messages::word;
use super::{FEW, bytes, hash, index, maybe, mesh_id, node_id, term, text};

fn certificate() -> impl Strategy<Value = Certificate> {
    word().prop_map(|word| Certificate {
        statement: word.statement,
        signers: vec![(word.voter, word.signature)],
    })
}

prop_compose! {
    fn mark()(term in term(), index in index(), hash in hash()) -> Mark {
        Mark { term, index, hash }
    }
}

prop_compose! {
    fn vote()(
        group in mesh_id(), epoch: u64, term in term(), candidate in node_id(),
        (shown, lock) in (maybe(mark()), maybe(mark())), voter in node_id(), signature: [u8; 64],
    ) -> Vote {
        let epoch = Epoch(epoch);
        let ballot = Ballot { group, epoch, term, candidate, shown, lock };
        Vote { ballot, voter, signature: Signature::from_bytes(signature) }
    }
}

prop_compose! {
    fn release()(
        group in mesh_id(), epoch: u64, term in term(), candidate in node_id(), signature: [u8; 64],
    ) -> Release {
        let signature = Signature::from_bytes(signature);
        Release { group, epoch: Epoch(epoch), term, candidate, signature }
    }
}

fn link() -> impl Strategy<Value = Link> {
    (term(), hash()).prop_map(|(term, digest)| Link {
        term,
        kind: EntryKind::Batch,
        digest,
    })
}

prop_compose! {
    fn handover()(
        before in hash(), (term, index) in (term(), index()), links in vec(link(), FEW),
        certificate in certificate(), change in bytes(), recovery in any::<bool>(),
    ) -> Handover {
        let cause = if recovery { Cause::Operator } else { Cause::Voters };
        Handover { stretch: Stretch { before, term, index, links, certificate }, cause, change }
    }
}

prop_compose! {
    fn chunk()(digest in hash(), (total, offset) in any::<(u64, u64)>(), bytes in bytes()) -> Chunk {
        Chunk { digest, total, offset, bytes }
    }
}

prop_compose! {
    fn arrival()(
        term in term(), digest in hash(), arrived: u64, refused in text(),
    ) -> Arrival {
        let refused = Some(refused).filter(|code| !code.is_empty());
        Arrival { term, digest, arrived, refused }
    }
}

prop_compose! {
    pub(crate) fn frame()(
        (message, certified) in (bytes(), index()),
        (attestations, certificates) in (vec(word(), FEW), vec(certificate(), FEW)),
        (vote, mandate) in (maybe(vote()), maybe(vec(vote(), FEW))),
        before in maybe(hash()), handovers in vec(handover(), FEW),
        (chunk, arrival, release) in (maybe(chunk()), maybe(arrival()), maybe(release())),
    ) -> Frame {
        Frame {
            message, certified, attestations, certificates, vote, before, handovers, chunk, arrival,
            release,
            mandate: mandate.map(|votes| Mandate { votes }),
        }
    }
}
