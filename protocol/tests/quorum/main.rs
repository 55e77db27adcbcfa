//! What voters sign: certificates, votes and evidence. Each way to be wrong has its own refusal, every flipped bit is
//! refused, another implementation signs the same bytes, and who keeps the rule can never be convicted.

mod certificates;
mod evidence;
mod frames;
mod golden;
mod innocence;
mod tampering;
mod votes;

use std::collections::BTreeSet;

use hms_protocol::ballot::{Ballot, Vote};
use hms_protocol::certificate::{Attestation, Certificate, Mark, Phase, Statement};
use hms_protocol::digest::Hash;
use hms_protocol::id::{Epoch, Index, MeshId, NodeId, Term};
use hms_protocol::keyring::SecretKey;
use hms_protocol::trust::{Trust, VoterSet};

const GROUP: MeshId = MeshId::from_bytes([9; 32]);
const OTHER_GROUP: MeshId = MeshId::from_bytes([8; 32]);

/// The voters are the nodes 1 to 4.
fn key(number: u8) -> SecretKey {
    SecretKey::from_seed(&[number; 32])
}

fn node(number: u8) -> NodeId {
    key(number).public().into()
}

fn voters() -> VoterSet {
    let voters: BTreeSet<NodeId> = (1..=4).map(node).collect();
    VoterSet::new(GROUP, Epoch(2), Trust::Byzantine, voters).expect("four are neither few nor many")
}

fn statement() -> Statement {
    Statement {
        group: GROUP,
        epoch: Epoch(2),
        phase: Phase::Held,
        term: Term(7),
        index: Index(300),
        hash: Hash::from_bytes([5; 32]),
    }
}

fn attest(numbers: &[u8]) -> Vec<Attestation> {
    let attested = numbers
        .iter()
        .map(|number| statement().attest(&key(*number)));
    attested.collect()
}

fn certificate() -> Certificate {
    Certificate::gather(&voters(), statement(), &attest(&[1, 2, 3])).expect("three of four")
}

fn mark(term: u64, index: u64) -> Mark {
    Mark {
        term: Term(term),
        index: Index(index),
        hash: Hash::from_bytes([5; 32]),
    }
}

fn ballot() -> Ballot {
    Ballot {
        group: GROUP,
        epoch: Epoch(2),
        term: Term(8),
        candidate: node(1),
        shown: Some(mark(7, 300)),
        lock: None,
    }
}

fn votes(numbers: &[u8]) -> Vec<Vote> {
    let cast = numbers.iter().map(|number| ballot().cast(&key(*number)));
    cast.collect()
}
