//! What certification costs: to attest, to gather, to verify a certificate, and to show one command of a batch.
//!
//! Run with `cargo bench -p hms-protocol --bench certificate`. The meshes are those of three, four and seven voters; the
//! batch is the largest.

use std::collections::BTreeSet;

use divan::{Bencher, black_box};
use hms_protocol::certificate::{Attestation, Certificate, Phase, Statement};
use hms_protocol::digest::Hash;
use hms_protocol::id::{Epoch, Index, MeshId, Term};
use hms_protocol::keyring::SecretKey;
use hms_protocol::limits::BATCH_COMMANDS_MAX;
use hms_protocol::tree::{self, TreePath};
use hms_protocol::trust::{Trust, VoterSet};

const GROUP: MeshId = MeshId::from_bytes([9; 32]);
const VOTERS: [u8; 3] = [3, 4, 7];

fn main() {
    divan::main();
}

fn statement() -> Statement {
    Statement {
        group: GROUP,
        epoch: Epoch(0),
        phase: Phase::Locked,
        term: Term(7),
        index: Index(300),
        hash: Hash::from_bytes([5; 32]),
    }
}

fn key(number: u8) -> SecretKey {
    SecretKey::from_seed(&[number; 32])
}

fn voters(count: u8) -> VoterSet {
    let voters: BTreeSet<_> = (0..count)
        .map(|number| key(number).public().into())
        .collect();
    VoterSet::new(GROUP, Epoch(0), Trust::Byzantine, voters).expect("they are few")
}

/// As many attestations as make a certificate.
fn attestations(set: &VoterSet) -> Vec<Attestation> {
    let quorum = u8::try_from(set.quorum()).expect("they are few");
    (0..quorum)
        .map(|number| statement().attest(&key(number)))
        .collect()
}

#[divan::bench]
fn attest(bencher: Bencher) {
    let key = key(1);
    bencher.bench_local(|| black_box(statement()).attest(&key));
}

#[divan::bench(args = VOTERS)]
fn gather(bencher: Bencher, count: u8) {
    let set = voters(count);
    let attestations = attestations(&set);
    bencher.bench(|| Certificate::gather(&set, statement(), black_box(&attestations)));
}

#[divan::bench(args = VOTERS)]
fn verify(bencher: Bencher, count: u8) {
    let set = voters(count);
    let gathered = Certificate::gather(&set, statement(), &attestations(&set));
    let certificate = gathered.expect("they are a quorum");
    bencher.bench(|| black_box(&certificate).verify(&set));
}

fn leaves() -> Vec<Hash> {
    let members = 0..BATCH_COMMANDS_MAX as u64;
    members
        .map(|number| tree::leaf(&number.to_le_bytes()))
        .collect()
}

#[divan::bench]
fn root_of_a_batch(bencher: Bencher) {
    let leaves = leaves();
    bencher.bench(|| tree::root(black_box(&leaves)));
}

#[divan::bench]
fn follow_a_path(bencher: Bencher) {
    let leaves = leaves();
    let path = TreePath::to(&leaves, 300).expect("there are more");
    let (leaf, root) = (leaves[300], tree::root(&leaves));
    bencher.bench(|| black_box(&path).leads(leaf, root));
}
