//! A ledger goes on without the voters that it had: what one of them holds becomes the ledger of a mesh in which it votes
//! alone, by the operator's order.
//!
//! The node is stopped. [`Salvage::survey`] believes of what it holds as much as the node itself would at its start, and
//! says where that ends; [`Salvage::recover`] takes the operator's order and gives what is to be written. The order becomes
//! the next entry: it stands in the audit log, and whoever has the genesis follows it. A snapshot is a ledger, too: restored
//! on a new machine it goes on in the same way.
//!
//! It reads no disk and signs nothing but the node's own word that it took over.

use std::collections::BTreeSet;
use std::sync::Arc;

use hms_protocol::certificate::{Certificate, Phase, Statement};
use hms_protocol::codec::{self, CodecError};
use hms_protocol::digest::Hash;
use hms_protocol::id::{Epoch, Incarnation, Index, MeshId, NodeId, NodeName, Term};
use hms_protocol::keyring::SecretKey;
use hms_protocol::order::{Order, OrderRefusal, Recover, SignedOrder};
use hms_protocol::receipt::{Cause, Handover, Stretch};
use hms_protocol::recovery::Recovery;
use hms_protocol::refusal::Refusal;
use hms_protocol::trust::{Trust, VoterSet};

use crate::birth::CheckpointPace;
use crate::effect::Recovered;
use crate::raft::{Driver, Holding, Point, RaftSettings, RestoreError, Seat, graft};
use crate::state::State;
use crate::state::checkpoint::Checkpoint;
use crate::supervisor::replica::{Replica, read_anchor};

/// What a stopped voter holds, applied to the last entry.
#[derive(Debug)]
pub struct Salvage {
    key: Arc<SecretKey>,
    state: State,
    last: Point,
    certified: Index,
    term: Term,
    trust: Trust,
    voters: Vec<NodeId>,
    handovers: Vec<Handover>,
}

/// A ledger that goes on: what is to be written, as a whole.
#[derive(Debug)]
pub struct Revival {
    /// Where it begins: the state after the recovery.
    pub checkpoint: Checkpoint,
    /// The entry of the recovery, as a log row.
    pub row: Vec<u8>,
    /// The certificate of that entry, encoded.
    pub certificate: Vec<u8>,
    /// The voter's hard state.
    pub hard_state: Vec<u8>,
}

/// Why a ledger does not go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SalvageError {
    /// Nothing is held.
    #[error("the node holds no ledger")]
    Nothing,
    /// What is held is damaged.
    #[error(transparent)]
    Damaged(#[from] RestoreError),
    /// An entry cannot be applied.
    #[error("entry {index} cannot be read: {source}")]
    Unreadable {
        /// Which.
        index: Index,
        /// What is wrong with it.
        #[source]
        source: CodecError,
    },
    /// The operator has not ordered this.
    #[error(transparent)]
    Order(#[from] OrderRefusal),
    /// The operator has ordered a recovery, but of another node or from another entry.
    #[error("the order is for another node, or for a ledger that ends elsewhere")]
    OtherPlace,
    /// The node cannot be the one that goes on.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

impl SalvageError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Nothing => "HMS-SALVAGE-NOTHING",
            Self::Damaged(error) => error.code(),
            Self::Unreadable { .. } => "HMS-SALVAGE-UNREADABLE",
            Self::Order(refusal) => refusal.code(),
            Self::OtherPlace => "HMS-SALVAGE-OTHER-PLACE",
            Self::Refused(refusal) => refusal.code(),
        }
    }

    /// What the operator can do.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Nothing => {
                "a worker holds no ledger: name the data directory of a voter or a spare"
            }
            Self::Damaged(_) | Self::Unreadable { .. } => {
                "recover from another voter that is left, or restore a snapshot"
            }
            Self::Order(refusal) => refusal.hint(),
            Self::OtherPlace => "look at what the node holds now, and sign the order anew",
            Self::Refused(refusal) => refusal.hint(),
        }
    }
}

impl Salvage {
    /// Checks and applies everything that a voter of this mesh holds.
    pub fn survey(
        key: Arc<SecretKey>,
        mesh: MeshId,
        recovered: Recovered,
    ) -> Result<Self, SalvageError> {
        let seat = Seat {
            key: Arc::clone(&key),
            group: mesh,
        };
        let (driver, restored) =
            Driver::restore(seat, RaftSettings::default(), recovered, read_anchor)?;
        let (_, bytes) = restored.checkpoint.ok_or(SalvageError::Nothing)?;
        let mut replica = Replica::blank(CheckpointPace::default());
        let length = bytes.len();
        let damaged = RestoreError::CheckpointDamaged { bytes: length };
        replica.install(&bytes).map_err(|_| damaged)?;
        let Holding {
            entries,
            last,
            certified,
            term,
            members,
            handovers,
        } = driver.salvage();
        for entry in entries {
            let index = entry.index();
            let applied = replica.apply(entry);
            applied.map_err(|source| SalvageError::Unreadable { index, source })?;
        }
        Ok(Self {
            key,
            state: replica.state().clone(),
            last,
            certified,
            term,
            trust: members.trust(),
            voters: members.voters(),
            handovers,
        })
    }

    /// The node that holds it.
    pub fn node(&self) -> NodeId {
        self.key.public().into()
    }

    /// The state after the last entry that is held.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The last entry that is held, and how far the ledger is certified.
    pub fn reach(&self) -> (Index, Index) {
        (self.last.index, self.certified)
    }

    /// The chain hash of the last entry that is held.
    pub fn chain(&self) -> Hash {
        self.last.chain
    }

    /// Who voted.
    pub fn voters(&self) -> &[NodeId] {
        &self.voters
    }

    /// What the operator has to order for this node to go on alone.
    pub fn wanted(&self) -> Recover {
        Recover {
            survivor: self.node(),
            index: self.last.index.next(),
            before: self.last.chain,
        }
    }

    /// In which life the node was last heard: the next one has a higher number.
    pub fn incarnation(&self) -> Incarnation {
        let member = self.state.roster().member(self.node());
        member.map_or(Incarnation(0), |member| member.incarnation)
    }

    /// Goes on by the operator's order. A node that is no member yet becomes one, under this name.
    pub fn recover(self, order: SignedOrder, name: NodeName) -> Result<Revival, SalvageError> {
        let wanted = self.wanted();
        let draft = order.read(self.state.authority().operator(), self.state.mesh())?;
        if draft.order != Order::Recover(wanted) {
            return Err(SalvageError::OtherPlace);
        }
        let recovery = Recovery {
            order,
            rotations: self.state.authority().rotations().to_vec(),
            name,
        };
        let change = codec::encode(&recovery);
        let entry = graft(self.last, self.term, change.clone());
        let mut state = self.state;
        state.recover(wanted, draft.issued_at, &recovery.name)?;
        let certificate = certify(&self.key, (state.mesh(), self.trust), entry.point);
        let stretch = Stretch {
            before: self.last.chain,
            term: entry.point.term,
            index: entry.point.index,
            links: Vec::new(),
            certificate: certificate.clone(),
        };
        let cause = Cause::Operator;
        let mut handovers = self.handovers;
        handovers.push(Handover {
            stretch,
            cause,
            change,
        });
        Ok(Revival {
            row: entry.row,
            certificate: codec::encode(&certificate),
            hard_state: entry.hard_state,
            checkpoint: Checkpoint {
                index: entry.point.index,
                term: entry.point.term,
                chain: entry.point.chain,
                voters: vec![wanted.survivor],
                learners: Vec::new(),
                epoch: Epoch(entry.point.index.0),
                trust: self.trust,
                handovers,
                certificate: Some(certificate),
                state,
            },
        })
    }
}

/// The word of the one voter that there is on the entry that made it so.
fn certify(key: &SecretKey, (group, trust): (MeshId, Trust), at: Point) -> Certificate {
    let epoch = Epoch(at.index.0);
    let alone = BTreeSet::from([key.public().into()]);
    let set = VoterSet::new(group, epoch, trust, alone);
    let set = set.expect("one voter is neither too few nor too many");
    let statement = Statement {
        group,
        epoch,
        phase: Phase::Held,
        term: at.term,
        index: at.index,
        hash: at.chain,
    };
    let word = statement.attest(key);
    Certificate::gather(&set, statement, [&word]).expect("one is a quorum of one")
}
