//! Evidence as it is handed on, and whom it convicts.
//!
//! An exhibit needs nothing else to be checked but the id of its mesh, which whoever has the genesis computes.

use super::{AgentEvidence, EvidenceRefusal, VoterEvidence};
use crate::id::{AgentId, MeshId, NodeId, TaskId};

/// What convicts somebody. Not yet checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exhibit {
    /// A voter.
    Voter(Box<VoterEvidence>),
    /// An agent.
    Agent(Box<AgentEvidence>),
}

/// Who is convicted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guilty {
    /// A node.
    Node(NodeId),
    /// An agent.
    Agent {
        /// Which.
        agent: AgentId,
        /// The node that certified it.
        node: NodeId,
        /// The task with which it was caught.
        task: TaskId,
        /// In which attempt.
        attempt: u32,
    },
}

impl Exhibit {
    /// What it shows if it is good, as a sentence's end for people.
    pub const fn describe(&self) -> &'static str {
        match self {
            Self::Voter(evidence) => evidence.describe(),
            Self::Agent(_) => "reported a result that verifiers refused",
        }
    }

    /// Checks it and names the guilty one. Reads nothing but its arguments.
    ///
    /// ```
    /// use hms_protocol::certificate::{Phase, Statement};
    /// use hms_protocol::digest::Hash;
    /// use hms_protocol::evidence::{Exhibit, Guilty, VoterEvidence};
    /// use hms_protocol::id::{Epoch, Index, MeshId, Term};
    /// use hms_protocol::keyring::SecretKey;
    ///
    /// let (mesh, key) = (MeshId::from_bytes([9; 32]), SecretKey::from_seed(&[1; 32]));
    /// let attest = |hash: u8| {
    ///     let statement = Statement {
    ///         group: mesh,
    ///         epoch: Epoch(1),
    ///         phase: Phase::Held,
    ///         term: Term(3),
    ///         index: Index(7),
    ///         hash: Hash::from_bytes([hash; 32]),
    ///     };
    ///     statement.attest(&key)
    /// };
    /// let (first, second) = (attest(1), attest(2));
    /// let exhibit = Exhibit::Voter(Box::new(VoterEvidence::TwoAttestations { first, second }));
    /// assert_eq!(exhibit.verify(mesh), Ok(Guilty::Node(key.public().into())));
    /// assert!(exhibit.verify(MeshId::from_bytes([8; 32])).is_err());
    /// ```
    pub fn verify(&self, mesh: MeshId) -> Result<Guilty, EvidenceRefusal> {
        match self {
            Self::Voter(evidence) => evidence.verify(mesh).map(Guilty::Node),
            Self::Agent(evidence) => evidence.verify(mesh),
        }
    }
}
