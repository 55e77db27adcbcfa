//! Checkpoints as bytes: a frame with version and checksum around the state and what Raft must know of it.
//!
//! Nothing of the content is believed before the frame is right, and a content that would swell in memory is refused even
//! then: whoever made the frame may be a liar.

use hms_proto::v1;
use hms_protocol::codec::shape::fields;
use hms_protocol::codec::{CodecError, Wire, WireEnum as _, field};
use hms_protocol::digest::{Domain, hash_fields};
use hms_protocol::id::{Epoch, Index, NodeId, Term};
use hms_protocol::limits;
use hms_protocol::trust::Trust;
use prost::Message as _;

use crate::raft::limits::HANDOVERS_MAX;
use crate::state::State;
use crate::state::checkpoint::{CHECKPOINT_VERSION, Checkpoint, CheckpointError, Head};

/// The numbers of `CheckpointContent`'s fields that are read apart from the head.
const STATE: u32 = 6;
const STATE_DIGEST: u32 = 7;

/// Fields of a checkpoint's content: voters, learners, handovers, and some more.
const CONTENT_FIELDS_MAX: usize = 2 * limits::MEMBERS_MAX + HANDOVERS_MAX + 16;

impl Checkpoint {
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
            epoch: self.epoch.0,
            trust: self.trust.to_number(),
            handovers: self.handovers.iter().map(Wire::to_wire).collect(),
            certificate: self.certificate.as_ref().map(Wire::to_wire),
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
        let state = State::read(only(&content, "checkpoint.state", STATE)?)?;
        let written = only(&content, "checkpoint.state_digest", STATE_DIGEST)?;
        let written = field::hash("checkpoint.state_digest", written)?;
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
            epoch: head.epoch,
            trust: head.trust,
            handovers: head.handovers,
            certificate: head.certificate,
            state,
        })
    }
}

impl Head {
    /// Reads the head of an encoded checkpoint. Version and checksum are checked, the state is not.
    pub fn decode(bytes: &[u8]) -> Result<Self, CheckpointError> {
        Self::read(&open(bytes)?)
    }

    fn read(content: &[u8]) -> Result<Self, CheckpointError> {
        // An id takes two bytes to leave empty and twenty-four in memory.
        field::check_count(
            "checkpoint.content",
            fields(content).count(),
            CONTENT_FIELDS_MAX,
        )?;
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
            epoch: Epoch(head.epoch),
            trust: Trust::from_number("checkpoint.trust", head.trust)?,
            handovers: field::parts("checkpoint.handovers", head.handovers, HANDOVERS_MAX)?,
            certificate: head.certificate.map(Wire::from_wire).transpose()?,
        })
    }
}

/// The content of a field that is there once.
fn only<'a>(
    content: &'a [u8],
    name: &'static str,
    number: u32,
) -> Result<&'a [u8], CheckpointError> {
    let mut found = fields(content).filter(|field| field.number == number);
    let first = found.next().and_then(|field| field.content);
    match found.next() {
        None => Ok(field::required(name, first)?),
        Some(_) => Err(CodecError::Repeated { field: name }.into()),
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
