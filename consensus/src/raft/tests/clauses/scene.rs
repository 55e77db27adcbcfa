//! What the scripts of the clauses play on: a mesh whose nodes can be told things in each other's name, under keys that the
//! test has all of.
//!
//! What a node answers to something that was only said in another's name is told and reaches nobody: what follows is the
//! script's to say. Evidence is not told, because here every key signs whatever a script wants.

use std::error::Error;

use hms_protocol::ballot::Ballot;
use hms_protocol::certificate::{Phase, Statement};
use hms_protocol::codec;
use hms_protocol::frame::Frame;
use hms_protocol::id::{Index, NodeId, Term};
use prost_raft::Message as _;
use raft::eraftpb::{Message, MessageType};

use super::super::mesh::{Mesh, node, seat};
use super::papers::Papers;
use super::telling::{Telling, is_of_lock};
use super::verbs::Item;
use crate::raft::{Driver, RaftRefusal, raft_id};

/// Ticks in which somebody who is alone in counting them is elected.
const ELECTION_TICKS_MAX: usize = 100;

/// A mesh, what was signed for it, and what is to be told of it.
pub(super) struct Scene {
    pub(super) mesh: Mesh,
    pub(super) papers: Papers,
    /// Whether the network loses every word of a lock.
    pub(super) loses_locks: bool,
    telling: Telling,
}

/// In whose name something is said, to whom, and in which term.
#[derive(Clone, Copy, Debug)]
pub(super) struct Address {
    pub(super) from: NodeId,
    pub(super) to: NodeId,
    pub(super) term: u64,
}

impl Scene {
    /// A mesh of so many voters, of whom the first leads and everybody knows it.
    pub(super) fn new(count: u8) -> Self {
        let mut scene = Self {
            mesh: Mesh::new(count),
            papers: Papers::default(),
            loses_locks: false,
            telling: Telling::default(),
        };
        let first = node(1);
        for _ in 0..ELECTION_TICKS_MAX {
            scene.driver(first).tick();
            scene.calm();
            let driver = scene.driver(first);
            if driver.leads() && driver.committed() == driver.last() {
                scene.telling.forget();
                return scene;
            }
        }
        unreachable!("nobody else is a candidate");
    }

    pub(super) fn driver(&mut self, id: NodeId) -> &mut Driver {
        let live = self.mesh.live.get_mut(&id);
        &mut live.expect("it was started").driver
    }

    /// What has happened since the last time.
    pub(super) fn tell(&mut self) -> String {
        while self.settle_once() {}
        for (from, to, bytes) in std::mem::take(&mut self.mesh.wire) {
            self.telling.hear((from, to), &read(&bytes));
        }
        self.telling.finish(&self.mesh)
    }

    /// Lets everything take its course.
    pub(super) fn calm(&mut self) {
        loop {
            let moved = self.settle_once();
            let frames = std::mem::take(&mut self.mesh.wire);
            if frames.is_empty() && !moved {
                return;
            }
            for (from, to, bytes) in frames {
                let frame = read(&bytes);
                self.telling.hear((from, to), &frame);
                let is_lost = self.loses_locks && is_of_lock(&frame);
                let is_cut = [from, to].iter().any(|id| self.mesh.cut.contains(id));
                if !is_lost && !is_cut {
                    self.deliver(from, to, &bytes);
                }
            }
        }
    }

    pub(super) fn run(&mut self, ticks: usize) {
        for _ in 0..ticks {
            for live in self.mesh.live.values_mut() {
                live.driver.tick();
            }
            self.calm();
        }
    }

    /// Lets a node propose something, and that take its course.
    pub(super) fn propose(
        &mut self,
        id: NodeId,
        proposal: impl FnOnce(&mut Driver) -> Result<(), RaftRefusal>,
    ) {
        if let Err(refusal) = proposal(self.driver(id)) {
            self.telling.refuse(id, &refusal);
        }
        self.calm();
    }

    /// Puts on a node's disk what it has ordered, and tells what that is.
    pub(super) fn persist(&mut self, id: NodeId) {
        while self.settle_once() {}
        for write in self.mesh.ordered(id) {
            self.telling.note_write(id, write);
        }
        self.mesh.persist(id, usize::MAX);
    }

    pub(super) fn restart(&mut self, id: NodeId) {
        self.mesh.crash(id);
        self.mesh.start(id);
    }

    /// Says something to a node in somebody's name.
    pub(super) fn say(
        &mut self,
        Address { from, to, term }: Address,
        kind: MessageType,
        fill: impl FnOnce(&mut Message, &mut Frame),
    ) {
        let mut message = Message {
            msg_type: kind.into(),
            from: raft_id(from),
            to: raft_id(to),
            term,
            ..Message::default()
        };
        let mut frame = Frame::default();
        fill(&mut message, &mut frame);
        frame.message = message.encode_to_vec();
        self.deliver(from, to, &codec::encode(&frame));
    }

    /// Sends a node entries after one of its own, as the leader of a term. Of the frame, only what proves something is taken.
    pub(super) fn append(
        &mut self,
        address: Address,
        (after, items): (u64, &[Item]),
        proofs: Frame,
    ) -> Result<(), Box<dyn Error>> {
        let before = self.driver(address.to).point(Index(after));
        let before = before.ok_or("it has no such entry")?;
        let entries = Item::place(items, after, address.term);
        self.telling.learn(before.chain, &entries);
        self.say(address, MessageType::MsgAppend, |message, frame| {
            (message.index, message.log_term) = (after, before.term.0);
            message.entries = entries;
            *frame = proofs;
            frame.before = Some(before.chain);
        });
        Ok(())
    }

    /// Asks a node for its vote.
    pub(super) fn ask(&mut self, address: Address, proofs: Frame) {
        let driver = self.driver(address.to);
        let last = driver.last();
        // It would hold to a leader that it has heard for an election timeout.
        let term = driver.node.raft.term;
        driver.node.raft.become_follower(term, raft::INVALID_ID);
        self.say(address, MessageType::MsgRequestVote, |message, frame| {
            (message.index, message.log_term) = (last.0 + 5, address.term - 1);
            *frame = proofs;
        });
    }

    /// Delivers a frame, if the node runs.
    pub(super) fn deliver(&mut self, from: NodeId, to: NodeId, bytes: &[u8]) {
        let Some(live) = self.mesh.live.get_mut(&to) else {
            return;
        };
        if let Err(refusal) = live.driver.receive(from, bytes, &self.mesh.jury) {
            self.telling.refuse(to, &refusal);
        }
    }

    /// What can be certified of a node's log up to an index, or to its end, with some entries after it.
    pub(super) fn statement(
        &mut self,
        of: NodeId,
        up_to: Option<u64>,
        (items, term): (&[Item], Option<u64>),
    ) -> Result<Statement, Box<dyn Error>> {
        let driver = self.driver(of);
        let point = driver.point(up_to.map_or(driver.last(), Index));
        let point = point.ok_or("it has no such entry")?;
        let (epoch, term) = (driver.members().epoch(), term.map_or(driver.term(), Term));
        let entries = Item::place(items, point.index.0, term.0);
        Ok(Statement {
            group: seat(of).group,
            epoch,
            phase: Phase::Held,
            term,
            index: Index(point.index.0 + entries.len() as u64),
            hash: self.telling.learn(point.chain, &entries),
        })
    }

    /// A vote for a candidate who has shown nothing.
    pub(super) fn ballot(&self, candidate: NodeId, term: u64) -> Ballot {
        let driver = &self.mesh.live[&candidate].driver;
        Ballot {
            group: seat(candidate).group,
            epoch: driver.members().epoch(),
            term: Term(term),
            candidate,
            shown: None,
            lock: None,
        }
    }

    fn settle_once(&mut self) -> bool {
        let moved = self.mesh.settle();
        self.telling.learn_logs(&self.mesh);
        moved
    }
}

fn read(bytes: &[u8]) -> Frame {
    codec::decode(bytes).expect("drivers write what they can read")
}
