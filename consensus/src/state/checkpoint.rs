//! The state at one index, as it is stored and as it brings up a peer.
//!
//! What is read back must have the version, the checksum and the state digest that were written; anything else is an error
//! and nothing of it is used. Reading builds every index anew.

use hms_protocol::agent::Agent;
use hms_protocol::certificate::Certificate;
use hms_protocol::codec::CodecError;
use hms_protocol::digest::{Domain, Hash, hash_fields};
use hms_protocol::genesis::Genesis;
use hms_protocol::id::{Epoch, Index, NodeId, Term};
use hms_protocol::member::Member;
use hms_protocol::receipt::Handover;
use hms_protocol::service::Service;
use hms_protocol::task::Task;
use hms_protocol::trust::Trust;

use super::authority::SpentPermit;
use super::evidence::Evidence;
use super::ledger::{Case, held};
use super::{GENESIS_INDEX, State};

/// The layout that this version writes and reads.
pub const CHECKPOINT_VERSION: u32 = 6;

/// The term of the entry that a genesis stands for.
pub const GENESIS_TERM: Term = Term(1);

/// The state at one index, and what Raft must know of the entry there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The last entry that it covers.
    pub index: Index,
    /// The term of that entry.
    pub term: Term,
    /// The chain hash of that entry.
    pub chain: Hash,
    /// Who votes at that entry.
    pub voters: Vec<NodeId>,
    /// Who listens at that entry.
    pub learners: Vec<NodeId>,
    /// The index of the entry that made these the voters.
    pub epoch: Epoch,
    /// What the voters may do besides stopping.
    pub trust: Trust,
    /// What ended the epochs before, in order.
    pub handovers: Vec<Handover>,
    /// The certificate of that entry; a genesis has none.
    pub certificate: Option<Certificate>,
    /// The state after that entry.
    pub state: State,
}

/// Why bytes are not a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// The bytes are not a checkpoint at all.
    #[error("the checkpoint is malformed: {0}")]
    Malformed(#[source] CodecError),
    /// The layout is of another version.
    #[error("the checkpoint has version {found}: this node reads {spoken}")]
    UnknownVersion {
        /// The version found.
        found: u32,
        /// The version read here.
        spoken: u32,
    },
    /// The bytes changed since they were written.
    #[error("the checkpoint is corrupt: its checksum is {found:?} instead of {written:?}")]
    Corrupt {
        /// The checksum of the bytes.
        found: Hash,
        /// The checksum that was written with them.
        written: Hash,
    },
    /// The records do not add up to the state that was written.
    #[error("the checkpoint's state has digest {found:?} instead of {written:?}")]
    OtherState {
        /// The digest of what was read.
        found: Hash,
        /// The digest that was written.
        written: Hash,
    },
}

impl From<CodecError> for CheckpointError {
    fn from(error: CodecError) -> Self {
        Self::Malformed(error)
    }
}

impl Checkpoint {
    /// The first checkpoint of a mesh: its founder alone, who votes.
    pub fn genesis(genesis: &Genesis) -> Self {
        let state = State::genesis(genesis);
        Self {
            index: GENESIS_INDEX,
            term: GENESIS_TERM,
            chain: Hash::from_bytes(*state.mesh().as_bytes()),
            voters: vec![genesis.founding().founder],
            learners: Vec::new(),
            epoch: Epoch(GENESIS_INDEX.0),
            trust: genesis.founding().trust,
            handovers: Vec::new(),
            certificate: None,
            state,
        }
    }
}

/// What a checkpoint says beside the state: enough for Raft, and read without building the state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The last entry that it covers.
    pub index: Index,
    /// The term of that entry.
    pub term: Term,
    /// The chain hash of that entry.
    pub chain: Hash,
    /// Who votes at that entry.
    pub voters: Vec<NodeId>,
    /// Who listens at that entry.
    pub learners: Vec<NodeId>,
    /// The index of the entry that made these the voters.
    pub epoch: Epoch,
    /// What the voters may do besides stopping.
    pub trust: Trust,
    /// What ended the epochs before, in order.
    pub handovers: Vec<Handover>,
    /// The certificate of that entry; a genesis has none.
    pub certificate: Option<Certificate>,
}

fn contradiction(field: &'static str, reason: &'static str) -> CodecError {
    CodecError::Contradiction { field, reason }
}

impl State {
    /// Takes a member from a checkpoint.
    pub(super) fn restore_member(&mut self, member: Member) -> Result<(), CodecError> {
        let namesake = self.roster.named(&member.name).is_some();
        if namesake || self.roster.member(member.id).is_some() {
            return Err(contradiction(
                "state.members",
                "a name or an id is there twice",
            ));
        }
        self.roster.put_member(member, false);
        Ok(())
    }

    /// Takes an agent from a checkpoint, after its node.
    pub(super) fn restore_agent(&mut self, agent: Agent) -> Result<(), CodecError> {
        let certificate = &agent.certificate;
        if self.roster.member(certificate.node).is_none() {
            return Err(contradiction(
                "state.agents",
                "an agent belongs to no member",
            ));
        }
        if self.roster.agent(certificate.agent).is_some() {
            return Err(contradiction("state.agents", "an agent is there twice"));
        }
        self.roster
            .put_agent(agent.clone())
            .map_err(|_| contradiction("state.agents", "a node has too many agents"))?;
        self.crew.enlist(&agent);
        Ok(())
    }

    /// Takes a task from a checkpoint, after the agents that work on it.
    pub(super) fn restore_task(&mut self, task: Task) -> Result<(), CodecError> {
        if task.history.is_empty() {
            return Err(contradiction("state.tasks", "a task has no history"));
        }
        if hash_fields(Domain::TaskInput, &[&task.spec.input]) != task.input_digest {
            return Err(contradiction("state.tasks", "an input is not its digest's"));
        }
        if self.ledger.task(task.id).is_some() {
            return Err(contradiction("state.tasks", "a task is there twice"));
        }
        for (node, agent, run) in held(&task) {
            self.crew.take(node, agent, run);
        }
        self.ledger.insert(task);
        Ok(())
    }

    /// Takes a result under verification from a checkpoint.
    pub(super) fn restore_case(&mut self, case: Case) -> Result<(), CodecError> {
        if self.ledger.case(case.task).is_some() {
            return Err(contradiction("state.cases", "a case is there twice"));
        }
        self.ledger.open_case(case);
        Ok(())
    }

    /// Takes a service from a checkpoint.
    pub(super) fn restore_service(&mut self, service: Service) -> Result<(), CodecError> {
        if self.services.service(&service.spec.name).is_some() {
            return Err(contradiction("state.services", "a service is there twice"));
        }
        self.services.restore(service);
        Ok(())
    }

    /// Takes a permit that was used from a checkpoint.
    pub(super) fn restore_permit(&mut self, spent: SpentPermit) -> Result<(), CodecError> {
        if self.authority.restore(spent) {
            return Ok(());
        }
        Err(contradiction(
            "state.permits",
            "a permit is there twice, or there are too many",
        ))
    }

    /// Takes a piece of evidence from a checkpoint.
    pub(super) fn restore_evidence(&mut self, evidence: Evidence) -> Result<(), CodecError> {
        if self.archive.piece(evidence.number).is_some() {
            return Err(contradiction("state.evidence", "a piece is there twice"));
        }
        self.archive.restore(evidence);
        Ok(())
    }
}
