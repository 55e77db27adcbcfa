//! What the tests of the clauses play on: a voter that is told things by whoever leads, under keys that the test has all of.

use hms_protocol::ballot::{Ballot, Mandate};
use hms_protocol::certificate::{Attestation, Certificate, Mark, Phase, Statement};
use hms_protocol::codec;
use hms_protocol::digest::Hash;
use hms_protocol::frame::Frame;
use hms_protocol::id::{Index, NodeId, Term};
use prost_raft::Message as _;
use raft::eraftpb::{Entry, Message, MessageType};

use super::mesh::{Mesh, node, seat};
use crate::raft::row::Row;
use crate::raft::{RaftRefusal, raft_id};

/// A mesh with a leader, and a voter to whom things are said.
pub(super) struct Scene {
    pub(super) mesh: Mesh,
    pub(super) leader: NodeId,
    pub(super) voter: NodeId,
    /// The last entry that everybody has applied.
    pub(super) base: Index,
}

impl Scene {
    pub(super) fn new() -> Self {
        let mut mesh = Mesh::new(4);
        let leader = mesh.elect();
        mesh.run(10);
        let voter = mesh.others(leader)[0];
        let base = mesh.live[&voter].driver.committed();
        Self {
            mesh,
            leader,
            voter,
            base,
        }
    }

    /// Two entries on which everybody is locked and of which nothing is final: no word of a lock arrives.
    pub(super) fn locked() -> Self {
        let mut scene = Self::new();
        for data in ["a", "b"] {
            let driver = &mut scene.mesh.live.get_mut(&scene.leader).unwrap().driver;
            driver.propose(data.as_bytes().to_vec()).unwrap();
            scene.calm_without(|frame| words(frame, Phase::Locked).next().is_some());
        }
        let lock = scene.lock().expect("it is locked");
        assert_eq!(lock.index.0, scene.base.0 + 2);
        scene
    }

    /// Lets everything take its course, but for frames of a kind.
    pub(super) fn calm_without(&mut self, lost: impl Fn(&Frame) -> bool) {
        loop {
            let moved = self.mesh.settle();
            let messages = std::mem::take(&mut self.mesh.wire);
            if messages.is_empty() && !moved {
                return;
            }
            for (from, to, bytes) in messages {
                if !lost(&codec::decode(&bytes).unwrap()) {
                    self.mesh.deliver(from, to, &bytes);
                }
            }
        }
    }

    pub(super) fn term(&self) -> u64 {
        self.mesh.live[&self.voter].driver.term().0
    }

    pub(super) fn last(&self) -> Index {
        self.mesh.live[&self.voter].driver.last()
    }

    pub(super) fn lock(&self) -> Option<Mark> {
        self.mesh.live[&self.voter].driver.vouch.lock_mark()
    }

    /// What a quorum of keys signs of the voter's log, changed.
    pub(super) fn certificate(&self, change: impl FnOnce(&mut Statement)) -> Certificate {
        let driver = &self.mesh.live[&self.voter].driver;
        let point = driver.point(driver.last()).unwrap();
        let mut statement = Statement {
            group: seat(self.voter).group,
            epoch: driver.members().epoch(),
            phase: Phase::Held,
            term: driver.term(),
            index: point.index,
            hash: point.chain,
        };
        change(&mut statement);
        let set = driver.vouch.voters().unwrap();
        let signed = (1..=4).map(|number| statement.attest(&seat(node(number)).key));
        let signed: Vec<Attestation> = signed.collect();
        Certificate::gather(&set, statement, &signed).unwrap()
    }

    pub(super) fn mandate(&self, term: u64, leader: NodeId, count: u8) -> Mandate {
        let ballot = Ballot {
            group: seat(leader).group,
            epoch: self.mesh.live[&self.voter].driver.members().epoch(),
            term: Term(term),
            candidate: leader,
            shown: None,
            lock: None,
        };
        let votes = (1..=count).map(|number| ballot.cast(&seat(node(number)).key));
        let mut votes: Vec<_> = votes.collect();
        votes.sort_by_key(|vote| vote.voter);
        Mandate { votes }
    }

    /// Says something to the voter in somebody's name.
    pub(super) fn say(
        &mut self,
        from: NodeId,
        (kind, term): (MessageType, u64),
        fill: impl FnOnce(&mut Message, &mut Frame),
    ) -> Result<(), RaftRefusal> {
        let mut message = Message {
            msg_type: kind.into(),
            from: raft_id(from),
            to: raft_id(self.voter),
            term,
            ..Message::default()
        };
        let mut frame = Frame::default();
        fill(&mut message, &mut frame);
        frame.message = message.encode_to_vec();
        let driver = &mut self.mesh.live.get_mut(&self.voter).unwrap().driver;
        let received = driver.receive(from, &codec::encode(&frame));
        self.settle();
        received
    }

    /// Sends the voter entries after an entry of its own, as the leader of a term.
    pub(super) fn append(
        &mut self,
        term: u64,
        after: Index,
        entries: Vec<Entry>,
        certificates: Vec<Certificate>,
    ) -> Result<(), RaftRefusal> {
        let before = self.mesh.live[&self.voter].driver.point(after).unwrap();
        let mandate = self.mandate(term, self.leader, 4);
        let leader = self.leader;
        self.say(leader, (MessageType::MsgAppend, term), |message, frame| {
            (message.index, message.log_term) = (after.0, before.term.0);
            message.entries = entries;
            frame.before = Some(before.chain);
            frame.certificates = certificates;
            frame.mandate = Some(mandate);
        })
    }

    /// Asks the voter for its vote, with a log that is good enough.
    pub(super) fn ask(
        &mut self,
        from: NodeId,
        term: u64,
        shown: Vec<Certificate>,
    ) -> Result<(), RaftRefusal> {
        let last = self.last();
        self.orphan();
        self.say(
            from,
            (MessageType::MsgRequestVote, term),
            |message, frame| {
                (message.index, message.log_term) = (last.0 + 5, term - 1);
                frame.certificates = shown;
            },
        )
    }

    /// Lets the voter forget its leader, to whom it would hold for an election timeout.
    pub(super) fn orphan(&mut self) {
        let raft = &mut self
            .mesh
            .live
            .get_mut(&self.voter)
            .unwrap()
            .driver
            .node
            .raft;
        let term = raft.term;
        raft.become_follower(term, raft::INVALID_ID);
    }

    /// What the voter has said since the last time.
    pub(super) fn said(&mut self) -> Vec<Frame> {
        let voter = self.voter;
        let sent = std::mem::take(&mut self.mesh.wire);
        let own = sent.into_iter().filter(|(from, _, _)| *from == voter);
        own.map(|(_, _, bytes)| codec::decode(&bytes).unwrap())
            .collect()
    }

    pub(super) fn settle(&mut self) {
        while self.mesh.settle() {}
    }

    pub(super) fn restart(&mut self) {
        self.mesh.crash(self.voter);
        self.mesh.start(self.voter);
        self.settle();
    }
}

pub(super) fn words(frame: &Frame, phase: Phase) -> impl Iterator<Item = Statement> {
    let statements = frame.attestations.iter().map(|it| it.statement);
    statements.filter(move |it| it.phase == phase)
}

pub(super) fn held(frames: &[Frame]) -> Vec<Statement> {
    let held = frames.iter().flat_map(|frame| words(frame, Phase::Held));
    held.collect()
}

pub(super) fn code(received: Result<(), RaftRefusal>) -> &'static str {
    received.err().map_or("", |refusal| refusal.code())
}

/// The chain hash that the voter's log would have with these entries after one of its own.
pub(super) fn chain_with(scene: &Scene, after: Index, entries: &[Entry]) -> Hash {
    let before = scene.mesh.live[&scene.voter].driver.point(after).unwrap();
    entries.iter().fold(before.chain, |chain, entry| {
        let (term, index) = (Term(entry.term), Index(entry.index));
        let kind = crate::raft::log::kind(entry, &entry.data);
        Row::forge(chain, kind, term, index, entry.data.clone())
            .0
            .chain
    })
}
