//! This voter's copy of what the log has made: the state, where it stands, and when it is next written down.
//!
//! It applies what is committed, in order, and nothing else. It does not know whether this node leads.

use hms_protocol::codec::{self, CodecError};
use hms_protocol::digest::Hash;
use hms_protocol::id::{Index, Position, Term};
use hms_protocol::peer::PeerMessage;
use hms_protocol::refusal::Refusal;

use crate::birth::CheckpointPace;
use crate::effect::Notice;
use crate::raft::{Anchor, Committed, Driver, Members, Point};
use crate::state::checkpoint::{Checkpoint, CheckpointError};
use crate::state::command::{Batch, Command};
use crate::state::{Change, State};
use crate::supervisor::audit::Stand;

/// The state and where it stands.
#[derive(Debug)]
pub struct Replica {
    state: State,
    term: Term,
    index: Index,
    chain: Hash,
    pace: CheckpointPace,
    /// Entries and bytes applied since the last checkpoint was begun.
    entries: u64,
    bytes: usize,
    /// Whether a checkpoint is being written: there is at most one.
    writing: bool,
}

/// What one entry has brought about.
#[derive(Debug)]
pub struct Outcome {
    /// The entry.
    pub term: Term,
    /// Its index.
    pub index: Index,
    /// The commands and what became of each.
    pub decided: Vec<(Command, Result<Change, Refusal>)>,
    /// What has changed, for whoever watches.
    pub notices: Vec<Notice>,
}

impl Replica {
    /// A replica that has not seen anything yet. Only a checkpoint makes it more.
    pub fn blank(pace: CheckpointPace) -> Self {
        Self {
            state: State::blank(),
            term: Term::default(),
            index: Index::default(),
            chain: Hash::default(),
            pace,
            entries: 0,
            bytes: 0,
            writing: false,
        }
    }

    /// Replaces everything with a checkpoint.
    pub fn install(&mut self, bytes: &[u8]) -> Result<(), CheckpointError> {
        let checkpoint = Checkpoint::decode(bytes)?;
        *self = Self {
            state: checkpoint.state,
            term: checkpoint.term,
            index: checkpoint.index,
            chain: checkpoint.chain,
            writing: self.writing,
            ..Self::blank(self.pace)
        };
        Ok(())
    }

    /// Applies the next committed entry.
    pub fn apply(&mut self, committed: Committed) -> Result<Outcome, CodecError> {
        let (term, index, chain) = (committed.term(), committed.index(), committed.chain());
        assert_eq!(
            index,
            self.index.next(),
            "an entry was skipped or applied twice"
        );
        let (mut decided, mut events) = (Vec::new(), Vec::new());
        match committed {
            Committed::Batch { data, .. } => {
                let batch = codec::decode::<Batch>(&data)?;
                let applied = self.state.apply(index, &batch);
                decided = batch.commands.into_iter().zip(applied.outcomes).collect();
                events = applied.events;
                self.bytes += data.len();
            }
            Committed::Membership { node, change, .. } => {
                events = self.state.apply_membership(index, node, change);
            }
            Committed::Empty { .. } => self.state.pass(index),
        }
        (self.term, self.index, self.chain) = (term, index, chain);
        self.entries += 1;
        let at = self.state.now();
        let notice = |(position, event): (Position, _)| Notice {
            position,
            at,
            event,
        };
        Ok(Outcome {
            term,
            index,
            decided,
            notices: events.into_iter().map(notice).collect(),
        })
    }

    /// A checkpoint, if enough has been applied since the last one or one is `wanted`, and none is being written.
    pub fn checkpoint(&mut self, driver: &Driver, wanted: bool) -> Option<Checkpoint> {
        let due = self.pace.entries <= self.entries || self.pace.bytes <= self.bytes;
        if self.writing || !(due || wanted) {
            return None;
        }
        let checkpoint = self.draw(driver)?;
        self.writing = true;
        self.entries = 0;
        self.bytes = 0;
        Some(checkpoint)
    }

    /// The state as a checkpoint, if exactly the entry that made it is certified.
    pub fn draw(&self, driver: &Driver) -> Option<Checkpoint> {
        let members = driver.members();
        let certificate = driver.certificate_at(self.index)?;
        Some(Checkpoint {
            index: self.index,
            term: self.term,
            chain: self.chain,
            voters: members.voters(),
            learners: members.learners(),
            epoch: members.epoch(),
            trust: members.trust(),
            handovers: driver.handovers(),
            certificate: Some(certificate),
            state: self.state.clone(),
        })
    }

    /// The checkpoint is written: the next one may begin.
    pub fn checkpointed(&mut self) {
        self.writing = false;
    }

    /// The state.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The newest entry applied.
    pub fn index(&self) -> Index {
        self.index
    }

    /// The chain hash there.
    pub fn chain(&self) -> Hash {
        self.chain
    }

    /// What other replicas must have at this index.
    pub fn stand(&self) -> Stand {
        Stand {
            state: self.state.digest(),
            chain: self.chain,
        }
    }

    /// The stand, as it is told to other voters.
    pub fn digest_message(&self) -> PeerMessage {
        PeerMessage::Digest {
            index: self.index,
            state: self.state.digest(),
            chain: self.chain,
        }
    }
}

/// What a checkpoint stands for, for Raft; `None` if the bytes are not one.
pub fn read_anchor(bytes: &[u8]) -> Option<Anchor> {
    let checkpoint = Checkpoint::decode(bytes).ok()?;
    let point = Point {
        index: checkpoint.index,
        term: checkpoint.term,
        chain: checkpoint.chain,
    };
    let (voters, learners) = (&checkpoint.voters, &checkpoint.learners);
    let members = Members::new(checkpoint.trust, checkpoint.epoch, voters, learners)?;
    checkpoint.lineage().ok()?;
    Some(Anchor {
        mesh: checkpoint.state.mesh(),
        point,
        members,
        handovers: checkpoint.handovers,
        certificate: checkpoint.certificate,
    })
}
