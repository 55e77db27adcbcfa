//! Hashes, one domain per purpose, so that bytes hashed for one purpose never stand for another.
//!
//! BLAKE3 in its key-derivation mode: the domain is the context string, as the BLAKE3 paper (section 2.3) asks.

use std::fmt;
use std::sync::OnceLock;

use blake3::hazmat::{ContextKey, HasherExt as _, hash_derive_key_context};

/// A 32-byte BLAKE3 digest.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash([u8; 32]);

impl Hash {
    /// Wraps a digest that was computed elsewhere.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Reads a digest from a wire field; `None` when the length is wrong.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Reads a digest from 64 hexadecimal digits.
    pub fn from_hex(text: &str) -> Option<Self> {
        Self::from_slice(&hex::decode(text).ok()?)
    }

    /// The raw bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The first eight hexadecimal digits, for people.
    pub fn short(&self) -> String {
        hex::encode(&self.0[..4])
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Hash({})", self.short())
    }
}

/// What a digest or a signature is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Domain {
    /// The body of an envelope.
    EnvelopeBody,
    /// The header of an envelope: what a sender signs.
    Envelope,
    /// What a node signs to vouch for an agent.
    AgentCertificate,
    /// One link of the ledger's chain.
    Chain,
    /// What one log entry carries, as its link in the chain names it.
    EntryData,
    /// A log row on disk.
    LogRow,
    /// A node, as Raft's 64-bit ids name it.
    RaftId,
    /// One record of the replicated state.
    StateRecord,
    /// A checkpoint's content: its checksum.
    Checkpoint,
    /// A checkpoint as it travels to a peer, in chunks.
    Snapshot,
    /// A task's input.
    TaskInput,
    /// A sealed report, as verdicts name it.
    Report,
    /// A draw: who verifies, who probes.
    Draw,
    /// A genesis, whose digest is the mesh's id.
    Genesis,
    /// What the operator signs of a genesis.
    GenesisTerms,
    /// A join token: what the operator signs.
    JoinToken,
    /// A node's id, signed with the key of a join token.
    JoinProof,
    /// An order of the operator.
    Order,
    /// The word of a key that becomes the operator's.
    OrderConsent,
    /// A proof database.
    ProofBase,
    /// What a node is to probe.
    WatchList,
    /// A gossip message, as the network's de-duplication names it.
    Gossip,
    /// What a voter attests of its log.
    Attestation,
    /// What a voter's vote says.
    Vote,
    /// A leaf of a tree of hashes.
    TreeLeaf,
    /// An inner node of a tree of hashes.
    TreeNode,
    /// A tree of hashes: its size, and its top.
    TreeRoot,
    /// What a node remembers of itself: the checksum of its facts.
    Facts,
    /// The report of a drill.
    DrillReport,
    /// What a petition is for.
    Petition,
    /// A leader's word that another voter may stand for election.
    Release,
}

impl Domain {
    /// The context string. Stable for ever: changing one changes every digest of that purpose.
    pub const fn context(self) -> &'static str {
        match self {
            Self::EnvelopeBody => "hms/envelope-body/v1",
            Self::Envelope => "hms/envelope/v1",
            Self::AgentCertificate => "hms/agent-certificate/v1",
            Self::Chain => "hms/chain/v1",
            Self::EntryData => "hms/entry-data/v1",
            Self::LogRow => "hms/log-row/v1",
            Self::RaftId => "hms/raft-id/v1",
            Self::StateRecord => "hms/state-record/v1",
            Self::Checkpoint => "hms/checkpoint/v1",
            Self::Snapshot => "hms/snapshot/v1",
            Self::TaskInput => "hms/task-input/v1",
            Self::Report => "hms/report/v1",
            Self::Draw => "hms/draw/v1",
            Self::Genesis => "hms/genesis/v1",
            Self::GenesisTerms => "hms/genesis-terms/v1",
            Self::JoinToken => "hms/join-token/v1",
            Self::JoinProof => "hms/join-proof/v1",
            Self::Order => "hms/order/v1",
            Self::OrderConsent => "hms/order-consent/v1",
            Self::ProofBase => "hms/proof-base/v1",
            Self::WatchList => "hms/watch-list/v1",
            Self::Gossip => "hms/gossip/v1",
            Self::Attestation => "hms/attestation/v1",
            Self::Vote => "hms/vote/v1",
            Self::TreeLeaf => "hms/tree-leaf/v1",
            Self::TreeNode => "hms/tree-node/v1",
            Self::TreeRoot => "hms/tree-root/v1",
            Self::Facts => "hms/facts/v1",
            Self::DrillReport => "hms/drill-report/v1",
            Self::Petition => "hms/petition/v1",
            Self::Release => "hms/release/v1",
        }
    }
}

/// Domains whose keys are kept. Those beyond it work all the same, and slower.
const DOMAINS_KEPT: usize = 64;

/// Hashes a sequence of fields. Each field is preceded by its length (8 bytes, little-endian), so that no two different
/// sequences give the same bytes.
pub fn hash_fields(domain: Domain, fields: &[&[u8]]) -> Hash {
    let mut hasher = blake3::Hasher::new_from_context_key(&context_key(domain));
    for field in fields {
        hasher.update(&(field.len() as u64).to_le_bytes());
        hasher.update(field);
    }
    Hash(*hasher.finalize().as_bytes())
}

/// The key into which BLAKE3 turns a domain's context string, computed once: a tree of small leaves would otherwise spend
/// half of its time on it.
fn context_key(domain: Domain) -> ContextKey {
    static KEYS: [OnceLock<ContextKey>; DOMAINS_KEPT] = [const { OnceLock::new() }; DOMAINS_KEPT];
    let compute = || hash_derive_key_context(domain.context());
    match KEYS.get(domain as usize) {
        Some(key) => *key.get_or_init(compute),
        None => compute(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_cannot_be_shifted_into_each_other() {
        let one = hash_fields(Domain::Draw, &[b"ab", b"c"]);
        let other = hash_fields(Domain::Draw, &[b"a", b"bc"]);
        assert_ne!(one, other);
    }

    #[test]
    fn the_same_bytes_differ_between_domains() {
        assert_ne!(
            hash_fields(Domain::Draw, &[b"x"]),
            hash_fields(Domain::Report, &[b"x"])
        );
    }
}
