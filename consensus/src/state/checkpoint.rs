//! The state at one index, as it is stored and as it brings up a peer.
//!
//! What is read back must have the version, the checksum and the state digest that were written; anything else is an error
//! and nothing of it is used. Reading builds every index anew.

use hms_proto::v1;
use hms_protocol::agent::Agent;
use hms_protocol::codec::{CodecError, Wire, field};
use hms_protocol::digest::{Domain, Hash, hash_fields};
use hms_protocol::id::{Index, NodeId, Term};
use hms_protocol::limits;
use hms_protocol::member::Member;
use hms_protocol::task::Task;
use prost::Message as _;

use super::command::Genesis;
use super::ledger::held;
use super::{GENESIS_INDEX, State};

/// The layout that this version writes and reads.
pub const CHECKPOINT_VERSION: u32 = 1;

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
            voters: vec![genesis.founder.id],
            learners: Vec::new(),
            state,
        }
    }

    /// The bytes to store. Equal checkpoints have equal bytes.
    pub fn encode(&self) -> Vec<u8> {
        let ids = |nodes: &[NodeId]| nodes.iter().map(|node| node.as_bytes().to_vec()).collect();
        let content = v1::CheckpointContent {
            index: self.index.0,
            term: self.term.0,
            chain: self.chain.as_bytes().to_vec(),
            voters: ids(&self.voters),
            learners: ids(&self.learners),
            state: Some(self.state.to_wire()),
            state_digest: self.state.digest().as_bytes().to_vec(),
        }
        .encode_to_vec();
        let checksum = hash_fields(Domain::Checkpoint, &[&content]);
        let frame = v1::Checkpoint {
            version: CHECKPOINT_VERSION,
            content,
            checksum: checksum.as_bytes().to_vec(),
        };
        frame.encode_to_vec()
    }

    /// Reads what [`encode`](Self::encode) wrote.
    pub fn decode(bytes: &[u8]) -> Result<Self, CheckpointError> {
        let content = open(bytes)?;
        let head = Head::read(&content)?;
        let rest = v1::CheckpointContent::decode(&*content).map_err(malformed)?;
        let state: State = field::part("checkpoint.state", rest.state)?;
        let written = field::hash("checkpoint.state_digest", &rest.state_digest)?;
        let found = state.digest();
        if found != written {
            return Err(CheckpointError::OtherState { found, written });
        }
        Ok(Self {
            index: head.index,
            term: head.term,
            chain: head.chain,
            voters: head.voters,
            learners: head.learners,
            state,
        })
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
}

impl Head {
    /// Reads the head of an encoded checkpoint. Version and checksum are checked, the state is not.
    pub fn decode(bytes: &[u8]) -> Result<Self, CheckpointError> {
        Self::read(&open(bytes)?)
    }

    fn read(content: &[u8]) -> Result<Self, CheckpointError> {
        let head = v1::CheckpointHead::decode(content).map_err(malformed)?;
        let ids = |name, nodes| {
            let id = |node: Vec<u8>| field::node_id(name, &node);
            field::list(name, nodes, limits::MEMBERS_MAX, id)
        };
        Ok(Self {
            index: Index(head.index),
            term: Term(head.term),
            chain: field::hash("checkpoint.chain", &head.chain)?,
            voters: ids("checkpoint.voters", head.voters)?,
            learners: ids("checkpoint.learners", head.learners)?,
        })
    }
}

/// Checks the frame and gives its content.
fn open(bytes: &[u8]) -> Result<Vec<u8>, CheckpointError> {
    let frame = v1::Checkpoint::decode(bytes).map_err(malformed)?;
    if frame.version != CHECKPOINT_VERSION {
        return Err(CheckpointError::UnknownVersion {
            found: frame.version,
            spoken: CHECKPOINT_VERSION,
        });
    }
    let written = field::hash("checkpoint.checksum", &frame.checksum)?;
    let found = hash_fields(Domain::Checkpoint, &[&frame.content]);
    if found != written {
        return Err(CheckpointError::Corrupt { found, written });
    }
    Ok(frame.content)
}

fn malformed(error: prost::DecodeError) -> CheckpointError {
    CheckpointError::Malformed(CodecError::Malformed {
        message: "checkpoint",
        reason: error.to_string(),
    })
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
}
