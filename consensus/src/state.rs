//! The replicated state: what every voter holds alike, and the only function that changes it.
//!
//! [`State::apply`] takes a committed batch and decides each command in turn; a command that cannot be is refused and
//! leaves no trace. The result depends on the state and the batch alone: ordered maps, no floating point, ties by id, time
//! only from the batch's stamp, which never moves the ledger's clock back. Two replicas that applied the same entries have
//! the same [`State::digest`].
//!
//! Nothing slow happens here: no command costs more than the records that it touches, a few signatures, and a few
//! look-ups.

pub mod apply;
pub mod authority;
pub mod authors;
pub mod capability;
pub mod checkpoint;
pub mod codec;
pub mod command;
pub mod crew;
pub mod event;
pub mod evidence;
pub mod ledger;
pub mod lineage;
mod recovery;
mod redaction;
pub mod roster;
pub mod seating;
pub mod services;
pub mod snapshot;
pub mod table;
#[cfg(test)]
pub(crate) mod trial;
pub mod waiting;

use hms_protocol::agent::AgentStanding;
use hms_protocol::codec::encode;
use hms_protocol::digest::{Domain, Hash, hash_fields};
use hms_protocol::genesis::{Genesis, mesh_of};
use hms_protocol::id::{AgentId, Index, MeshId, NodeId, Position, TaskId};
use hms_protocol::keyring::PublicKey;
use hms_protocol::limits;
use hms_protocol::member::{Member, Role, Seat};
use hms_protocol::order::Order;
use hms_protocol::peer::Run;
use hms_protocol::refusal::Refusal;
use hms_protocol::time::Moment;

use self::authority::Authority;
use self::command::Batch;
use self::crew::Crew;
use self::event::Event;
use self::evidence::Archive;
use self::ledger::Ledger;
use self::roster::Roster;
use self::services::{Field, Services};
use crate::raft::MembershipChange;

/// The operator of nobody's state: no point of the curve, so it has signed nothing.
const NOBODY: PublicKey = PublicKey::from_bytes([0; 32]);

/// Everything that the voters agree on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    charter: Charter,
    now: Moment,
    applied: Index,
    roster: Roster,
    ledger: Ledger,
    services: Services,
    archive: Archive,
    authority: Authority,
    // Follows from roster and ledger: no part of the digest.
    crew: Crew,
}

/// What was settled when the mesh was founded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charter {
    /// The mesh.
    pub mesh: MeshId,
    /// The encoded genesis, of which the mesh is the digest: whoever checks a receipt needs it. Empty while the state is
    /// nobody's.
    pub genesis: Vec<u8>,
    /// How many voters the mesh wants.
    pub voters_wanted: u32,
    /// How long a voter may be lost before a spare takes its place, in milliseconds; 0 for ever.
    pub replace_voter_after_ms: u64,
}

impl Charter {
    /// What a genesis settles.
    pub fn of(genesis: &Genesis) -> Self {
        let bytes = encode(genesis);
        let founding = genesis.founding();
        Self {
            mesh: mesh_of(&bytes),
            genesis: bytes,
            voters_wanted: founding.voters_wanted,
            replace_voter_after_ms: founding.replace_voter_after_ms,
        }
    }

    /// What is settled while the state is nobody's.
    pub fn blank() -> Self {
        Self {
            mesh: MeshId::from_bytes([0; 32]),
            genesis: Vec::new(),
            voters_wanted: 0,
            replace_voter_after_ms: 0,
        }
    }
}

/// What became of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// One for each command, in order.
    pub outcomes: Vec<Result<Change, Refusal>>,
    /// What has changed, in order, with the command that caused it.
    pub events: Vec<(Position, Event)>,
}

/// What a command that was not refused has done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The node is a member, as this.
    Admitted(Member),
    /// What became of each certificate of an enrolment: the agent's standing, or why it was refused.
    Enrolled(Vec<(AgentId, Result<AgentStanding, Refusal>)>),
    /// The task is in the ledger.
    Submitted {
        /// Its id; an earlier one if the idempotency key was known.
        task: TaskId,
        /// False if the task was there already.
        fresh: bool,
    },
    /// The order counts.
    Ordered(Order),
    /// The task is given up.
    Cancelled(TaskId),
    /// The report or verdict counts: its node need not repeat it.
    Taken(Run),
    /// The service is declared.
    Declared {
        /// Its revision.
        revision: u64,
        /// False if the declaration was there already, unchanged.
        changed: bool,
    },
    /// The service is forgotten.
    Withdrawn,
    /// Done, or there was nothing to do any more.
    Done,
}

impl State {
    /// The state that a mesh begins with: its founder, the first voter, and nothing else. Where the founder listens it says
    /// when it lives.
    pub fn genesis(genesis: &Genesis) -> Self {
        let founding = genesis.founding();
        let mut state = Self::empty(Charter::of(genesis), founding.operator);
        let (founder, name) = (founding.founder, founding.name.clone());
        let member = Member {
            votes: true,
            seat: Seat::Voter,
            ..Member::new(founder, name, Role::Voter, founding.founded_at)
        };
        state.now = founding.founded_at;
        state.applied = GENESIS_INDEX;
        state.roster.put_member(member, true);
        state
    }

    /// The state of nobody: what a voter has until it is brought up by a checkpoint.
    pub fn blank() -> Self {
        Self::empty(Charter::blank(), NOBODY)
    }

    fn empty(charter: Charter, operator: PublicKey) -> Self {
        Self {
            charter,
            now: Moment(0),
            applied: Index(0),
            roster: Roster::default(),
            ledger: Ledger::default(),
            services: Services::default(),
            archive: Archive::default(),
            authority: Authority::new(operator),
            crew: Crew::default(),
        }
    }

    /// Applies a committed batch. Entries are applied once each, in order.
    pub fn apply(&mut self, index: Index, batch: &Batch) -> Applied {
        self.proceed(index);
        self.now = self.now.max(batch.stamped_at);
        apply::apply(self, index, batch)
    }

    /// Takes note of a committed change of Raft's members: whether the node receives the log from now on, and whether its
    /// vote counts.
    pub fn apply_membership(
        &mut self,
        index: Index,
        node: NodeId,
        change: MembershipChange,
    ) -> Vec<(Position, Event)> {
        self.proceed(index);
        let votes = change == MembershipChange::Voter;
        let listens = change == MembershipChange::Learner;
        let is_news = |member: &&Member| (member.votes, member.listens) != (votes, listens);
        let Some(member) = self.roster.member(node).filter(is_news) else {
            return Vec::new();
        };
        let member = Member {
            votes,
            listens,
            ..member.clone()
        };
        self.roster.put_member(member, true);
        let position = Position { index, offset: 0 };
        vec![(position, Event::RosterChanged)]
    }

    /// Takes note of a committed entry that says nothing, such as a new leader's first.
    pub fn pass(&mut self, index: Index) {
        self.proceed(index);
    }

    fn proceed(&mut self, index: Index) {
        assert!(
            self.applied < index,
            "entry {index} comes after {}",
            self.applied
        );
        self.applied = index;
    }

    /// Digest of the whole state. Costs the same whatever the state holds.
    pub fn digest(&self) -> Hash {
        let [members, agents] = self.roster.digests();
        let [tasks, cases] = self.ledger.digests();
        let digests = [
            members,
            agents,
            tasks,
            cases,
            self.services.digest(),
            self.archive.digest(),
            self.authority.digest(),
        ];
        let numbers = [
            self.now.0,
            self.applied.0,
            self.roster.revision(),
            self.services.revision(),
            self.archive.newest(),
        ]
        .map(u64::to_le_bytes);
        let mut fields: Vec<&[u8]> = vec![b"state", self.charter.mesh.as_bytes()];
        fields.push(self.authority.operator().as_bytes());
        fields.extend(digests.iter().map(|digest| &digest.as_bytes()[..]));
        fields.extend(numbers.iter().map(|number| &number[..]));
        hash_fields(Domain::StateRecord, &fields)
    }

    /// What was settled when the mesh was founded.
    pub fn charter(&self) -> &Charter {
        &self.charter
    }

    /// The mesh.
    pub fn mesh(&self) -> MeshId {
        self.charter.mesh
    }

    /// The ledger's time: the latest stamp applied.
    pub fn now(&self) -> Moment {
        self.now
    }

    /// The newest entry applied.
    pub fn applied(&self) -> Index {
        self.applied
    }

    /// Members and agents.
    pub fn roster(&self) -> &Roster {
        &self.roster
    }

    /// Tasks.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Services.
    pub fn services(&self) -> &Services {
        &self.services
    }

    /// Evidence.
    pub fn archive(&self) -> &Archive {
        &self.archive
    }

    /// The operator.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// Who can do what, and how busy each is.
    pub fn crew(&self) -> &Crew {
        &self.crew
    }

    /// The services, to be changed, and what a draw of probers looks at.
    fn services_and_field(&mut self) -> (&mut Services, Field<'_>) {
        let field = Field {
            roster: &self.roster,
            crew: &self.crew,
        };
        (&mut self.services, field)
    }
}

/// The log entry that a genesis stands for: the log proper begins after it.
pub const GENESIS_INDEX: Index = Index(1);

const _: () = assert!(limits::BATCH_COMMANDS_MAX <= u32::MAX as usize);
