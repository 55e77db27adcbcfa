//! A small ledger to take receipts from: founded, joined by voters, filled with batches, certified where a test says so.

use std::collections::{BTreeMap, BTreeSet};

use hms_proto::v1;
use hms_protocol::agent::{AgentCertificate, AgentDraft};
use hms_protocol::certificate::{Certificate, Phase, Statement};
use hms_protocol::chain::{self, EntryKind};
use hms_protocol::codec;
use hms_protocol::digest::Hash;
use hms_protocol::genesis::Founding;
use hms_protocol::id::{AgentId, Epoch, Index, NodeId, Term};
use hms_protocol::keyring::SecretKey;
use hms_protocol::membership::{Becomes, MemberChange};
use hms_protocol::receipt::{
    Handover, KeptEntry, Origin, Records, ShownEntry, ShownField, Stretch,
};
use hms_protocol::time::Moment;
use hms_protocol::tree::{self, TreePath};
use hms_protocol::trust::{Trust, VoterSet};
use prost::Message as _;

pub(crate) const TERM: Term = Term(3);
pub(crate) const STAMP: Moment = Moment(1_700_000_000_000);

/// The key of a node.
pub(crate) fn key(number: u8) -> SecretKey {
    SecretKey::from_seed(&[number; 32])
}

pub(crate) fn node(number: u8) -> NodeId {
    key(number).public().into()
}

/// The key of an agent.
pub(crate) fn agent_key(number: u8) -> SecretKey {
    SecretKey::from_seed(&[100 + number; 32])
}

pub(crate) fn agent(number: u8) -> AgentId {
    AgentId::from_bytes([number; 16])
}

/// The key of the operator.
pub(crate) fn operator() -> SecretKey {
    SecretKey::from_seed(&[200; 32])
}

/// The genesis of a mesh that node 1 founds.
pub(crate) fn genesis(trust: Trust, salt: u8) -> Vec<u8> {
    let founding = Founding {
        operator: operator().public(),
        founder: node(1),
        name: "n1".parse().expect("it is a name"),
        voters_wanted: 3,
        replace_voter_after_ms: 0,
        trust,
        founded_at: STAMP,
        salt: [salt; 32],
    };
    codec::encode(
        &founding
            .sign(&operator())
            .expect("it is the operator's key"),
    )
}

/// A ledger, and whatever its voters keep.
pub(crate) struct Ledger {
    pub(crate) origin: Origin,
    pub(crate) voters: VoterSet,
    pub(crate) numbers: BTreeSet<u8>,
    pub(crate) entries: BTreeMap<Index, KeptEntry>,
    pub(crate) certificates: BTreeMap<Index, Certificate>,
    pub(crate) handovers: Vec<Handover>,
    pub(crate) agents: BTreeMap<AgentId, AgentCertificate>,
}

impl Ledger {
    /// A mesh of its founder alone.
    pub(crate) fn found(trust: Trust) -> Self {
        let origin = codec::origin::read(&genesis(trust, 7)).expect("it is well formed");
        let founder = BTreeSet::from([origin.founder]);
        Self {
            origin,
            voters: VoterSet::new(origin.mesh, Epoch(1), trust, founder).expect("there is one"),
            numbers: BTreeSet::from([1]),
            entries: BTreeMap::new(),
            certificates: BTreeMap::new(),
            handovers: Vec::new(),
            agents: BTreeMap::new(),
        }
    }

    /// A mesh of so many voters, each of which was a learner first.
    pub(crate) fn of(trust: Trust, voters: u8) -> Self {
        let mut ledger = Self::found(trust);
        for number in 2..=voters {
            ledger.change(number, Becomes::Learner);
            ledger.append(EntryKind::Empty, Vec::new());
            ledger.hand_over(number, Becomes::Voter);
        }
        ledger
    }

    pub(crate) fn last(&self) -> Index {
        let last = self.entries.last_key_value();
        last.map_or(Index(1), |(index, _)| *index)
    }

    fn chain(&self) -> Hash {
        let last = self.entries.last_key_value();
        last.map_or(
            Hash::from_bytes(*self.origin.mesh.as_bytes()),
            |(_, entry)| entry.chain,
        )
    }

    pub(crate) fn append(&mut self, kind: EntryKind, data: Vec<u8>) -> Index {
        let index = self.last().next();
        let chain = chain::link(self.chain(), TERM, index, kind, &data);
        let entry = KeptEntry {
            kind,
            term: TERM,
            data,
            chain,
        };
        self.entries.insert(index, entry);
        index
    }

    /// A batch as leaders write it.
    pub(crate) fn batch(&mut self, decisions: &[v1::command::Decide]) -> Index {
        let commands = decisions.iter().map(|decide| v1::Command {
            decide: Some(decide.clone()),
        });
        let batch = v1::Batch {
            version: 1,
            stamped_at_ms: STAMP.0 + self.last().0,
            commands: commands.collect(),
        };
        self.append(EntryKind::Batch, batch.encode_to_vec())
    }

    /// A batch that is certified at once.
    pub(crate) fn certified(&mut self, decisions: &[v1::command::Decide]) -> Index {
        let index = self.batch(decisions);
        self.certify();
        index
    }

    fn change(&mut self, number: u8, becomes: Becomes) -> Index {
        let node = node(number);
        let data = codec::encode(&MemberChange { node, becomes });
        self.append(EntryKind::Membership, data)
    }

    /// What the voters certify finally of the newest entry.
    pub(crate) fn statement(&self) -> Statement {
        let phase = if self.voters.needs_locks() {
            Phase::Locked
        } else {
            Phase::Held
        };
        Statement {
            group: self.origin.mesh,
            epoch: self.voters.epoch(),
            phase,
            term: TERM,
            index: self.last(),
            hash: self.chain(),
        }
    }

    /// The first voters that make a quorum certify the newest entry.
    pub(crate) fn certify(&mut self) -> Index {
        let statement = self.statement();
        let quorum = self.numbers.iter().take(self.voters.quorum());
        let signed: Vec<_> = quorum.map(|it| statement.attest(&key(*it))).collect();
        let certificate =
            Certificate::gather(&self.voters, statement, &signed).expect("they are a quorum");
        self.certificates.insert(statement.index, certificate);
        statement.index
    }

    /// A change of voters, certified by those before it.
    pub(crate) fn hand_over(&mut self, number: u8, becomes: Becomes) {
        let index = self.change(number, becomes);
        self.certify();
        let before = self.voters.epoch();
        let handover = Handover::build(index, before, &self.records()).expect("it is certified");
        self.handovers.push(handover);
        match becomes {
            Becomes::Voter => self.numbers.insert(number),
            Becomes::Removed | Becomes::Learner => self.numbers.remove(&number),
        };
        let voters = self.numbers.iter().map(|number| node(*number)).collect();
        let (epoch, trust) = (Epoch(index.0), self.origin.trust);
        self.voters = VoterSet::new(self.origin.mesh, epoch, trust, voters).expect("they are few");
    }

    /// A node certifies an agent, both of this number.
    pub(crate) fn enrol(&mut self, number: u8) {
        let draft = AgentDraft {
            agent: agent(number),
            key: agent_key(number).public(),
            skills: BTreeSet::from(["echo".parse().expect("a name")]),
            offers: BTreeSet::new(),
            slots: 4,
            issued_at: STAMP,
        };
        let certificate = draft.sign(self.origin.mesh, &key(number));
        self.agents.insert(agent(number), certificate);
    }

    pub(crate) fn records(&self) -> Records<'_> {
        Records {
            mesh: self.origin.mesh,
            entries: &self.entries,
            certificates: &self.certificates,
            handovers: &self.handovers,
            agents: self.agents.iter().map(|(agent, it)| (*agent, it)).collect(),
        }
    }

    /// An entry with its own certificate and these of its commands, whatever they are about.
    pub(crate) fn show(&self, index: Index, offsets: &[u32]) -> ShownEntry {
        let entry = &self.entries[&index];
        let fields: Vec<_> = codec::shape::fields(&entry.data).collect();
        let leaves: Vec<Hash> = fields.iter().map(|it| tree::leaf(it.whole)).collect();
        let show = |place: u32| ShownField {
            field: fields[place as usize].whole.to_vec(),
            path: TreePath::to(&leaves, place).expect("it is there"),
        };
        ShownEntry {
            stretch: Stretch {
                before: self.entries[&Index(index.0 - 1)].chain,
                term: entry.term,
                index,
                links: Vec::new(),
                certificate: self.certificates[&index].clone(),
            },
            version: show(0),
            stamp: show(1),
            commands: offsets.iter().map(|offset| show(offset + 2)).collect(),
        }
    }
}
