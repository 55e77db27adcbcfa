//! The mesh that the tests play with: drivers, disks and links, and what must hold at every step.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use hms_protocol::certificate::{Certificate, Statement};
use hms_protocol::codec;
use hms_protocol::digest::Hash;
use hms_protocol::evidence::VoterEvidence;
use hms_protocol::frame::{Chunk, Frame};
use hms_protocol::id::{Index, MeshId, NodeId, Term};
use hms_protocol::keyring::SecretKey;
use hms_protocol::trust::Trust;
use prost_raft::Message as _;
use raft::eraftpb::Message;

use super::disk::{Applied, Disk, Peers, founded, read_anchor};
use crate::effect::LogWrite;
use crate::raft::{
    Committed, Driver, MembershipChange, Progress, RaftRefusal, RaftSettings, Seat, transfer,
};

fn key(number: u8) -> SecretKey {
    SecretKey::from_seed(&[number; 32])
}

pub(super) fn node(number: u8) -> NodeId {
    key(number).public().into()
}

/// The seat of one of the nodes.
pub(super) fn seat(id: NodeId) -> Seat {
    let number = (0..=u8::MAX).find(|number| node(*number) == id);
    Seat {
        key: Arc::new(key(number.unwrap())),
        group: MeshId::from_bytes([1; 32]),
    }
}

/// A message of Raft as it travels, without words. A snapshot's bytes go beside it, in one chunk.
pub(super) fn frame(message: &Message) -> Vec<u8> {
    let mut message = message.clone();
    let snapshot = message.snapshot.as_mut();
    let bytes = snapshot.map(|snapshot| std::mem::take(&mut snapshot.data));
    let chunk = bytes.filter(|bytes| !bytes.is_empty()).map(|bytes| Chunk {
        digest: transfer::digest(&bytes),
        total: bytes.len() as u64,
        offset: 0,
        bytes,
    });
    codec::encode(&Frame {
        message: message.encode_to_vec(),
        chunk,
        ..Frame::default()
    })
}

/// Bytes of a chunk: small enough that every checkpoint of these tests takes several.
pub(super) const CHUNK_BYTES: usize = 256;

/// A running node.
pub(super) struct Live {
    pub(super) driver: Driver,
    pub(super) applied: Applied,
    pub(super) reads: Vec<(u64, Index)>,
    pub(super) reads_lost: Vec<u64>,
    pub(super) installs: usize,
    pub(super) certificates: Vec<Certificate>,
    pub(super) evidence: Vec<VoterEvidence>,
    // What it has attested in this life.
    words: Vec<Statement>,
    // Writes that are ordered and not on disk.
    queue: VecDeque<LogWrite>,
}

pub(super) struct Mesh {
    pub(super) live: BTreeMap<NodeId, Live>,
    pub(super) disks: BTreeMap<NodeId, Disk>,
    pub(super) wire: VecDeque<(NodeId, NodeId, Vec<u8>)>,
    pub(super) cut: BTreeSet<NodeId>,
    pub(super) refusals: Vec<RaftRefusal>,
    /// Whether writes reach the disk at once.
    pub(super) prompt: bool,
    /// Whether a peer that wants a checkpoint gets one.
    pub(super) checkpoints: bool,
    /// Whether replicas are expected to agree: not so when peers lie.
    pub(super) believes: bool,
    /// A voter that lies. Nothing is expected of it.
    pub(super) liar: Option<NodeId>,
    pub(super) settings: RaftSettings,
    /// What everybody's ledger says of what leaders want.
    pub(super) jury: Peers,
    // What must hold: one entry per index, one leader per term.
    ledger: BTreeMap<Index, Committed>,
    certified: BTreeMap<Index, Hash>,
    leaders: BTreeMap<Term, NodeId>,
}

impl Mesh {
    /// A mesh of these voters, none of which has ever run.
    pub(super) fn new(count: u8) -> Self {
        Self::founded(count, Trust::Byzantine)
    }

    /// A mesh of these voters, who may do so much.
    pub(super) fn founded(count: u8, trust: Trust) -> Self {
        let mut mesh = Self {
            live: BTreeMap::new(),
            disks: BTreeMap::new(),
            wire: VecDeque::new(),
            cut: BTreeSet::new(),
            refusals: Vec::new(),
            prompt: true,
            checkpoints: true,
            believes: true,
            liar: None,
            settings: RaftSettings {
                chunk_bytes: CHUNK_BYTES,
                ..RaftSettings::default()
            },
            jury: Peers {
                objection: |_, _| None,
                doubt: None,
            },
            ledger: BTreeMap::new(),
            certified: BTreeMap::new(),
            leaders: BTreeMap::new(),
        };
        let voters: Vec<NodeId> = (1..=count).map(node).collect();
        for voter in &voters {
            let disk = Disk {
                checkpoint: Some(founded(&voters, trust)),
                ..Disk::default()
            };
            mesh.disks.insert(*voter, disk);
            mesh.start(*voter);
        }
        mesh
    }

    /// Starts a node from its disk; one without a disk has never been brought up.
    pub(super) fn start(&mut self, id: NodeId) {
        let disk = self.disks.entry(id).or_default().recovered();
        let (driver, restored) =
            Driver::restore(seat(id), self.settings, disk, read_anchor).unwrap();
        let bytes = restored.checkpoint.map(|(_, bytes)| bytes);
        let state = bytes.and_then(|bytes| Applied::decode(&bytes));
        let live = Live {
            driver,
            applied: state.map(|(applied, _)| applied).unwrap_or_default(),
            reads: Vec::new(),
            reads_lost: Vec::new(),
            installs: 0,
            certificates: Vec::new(),
            words: Vec::new(),
            evidence: Vec::new(),
            queue: VecDeque::new(),
        };
        self.live.insert(id, live);
    }

    /// Stops a node as a power cut does: what is not on disk is gone.
    pub(super) fn crash(&mut self, id: NodeId) {
        self.live.remove(&id);
    }

    pub(super) fn get(&mut self, number: u8) -> &mut Live {
        self.live.get_mut(&node(number)).unwrap()
    }

    /// Lets every node do what follows from what it knows. Returns whether anything did.
    pub(super) fn settle(&mut self) -> bool {
        let ids: Vec<NodeId> = self.live.keys().copied().collect();
        let mut moved = false;
        for id in ids {
            while self.settle_one(id) {
                moved = true;
            }
            if self.prompt {
                moved |= self.persist(id, usize::MAX);
            }
        }
        moved
    }

    pub(super) fn settle_one(&mut self, id: NodeId) -> bool {
        let live = self.live.get_mut(&id).unwrap();
        live.driver.rule(live.applied.point.index, &self.jury);
        let progress = live.driver.settle();
        if progress.is_empty() {
            return false;
        }
        self.take(id, progress);
        self.check_leader(id);
        true
    }

    fn take(&mut self, id: NodeId, progress: Progress) {
        let live = self.live.get_mut(&id).unwrap();
        let trusted = self.believes && self.liar != Some(id);
        for (to, bytes) in progress.sends {
            assert_ne!(to, id, "nobody writes to himself");
            let frame: Frame = codec::decode(&bytes).unwrap();
            live.words
                .extend(frame.attestations.iter().map(|it| it.statement));
            self.wire.push_back((id, to, bytes));
        }
        live.queue.extend(progress.writes);
        if let Some((index, bytes)) = progress.install {
            let (applied, _) = Applied::decode(&bytes).unwrap();
            assert_eq!(applied.point.index, index);
            assert!(live.applied.point.index < index, "a checkpoint brings news");
            live.applied = applied;
            live.installs += 1;
        }
        let seen = live.certificates.last().map(|it| it.statement.index.next());
        let kept = live.driver.certificates_from(seen.unwrap_or_default());
        for certificate in kept {
            let Statement { index, hash, .. } = certificate.statement;
            let known = if trusted {
                *self.certified.entry(index).or_insert(hash)
            } else {
                hash
            };
            assert!(known == hash, "entry {index} has two certificates");
            live.certificates.push(certificate);
        }
        live.evidence.extend(progress.evidence);
        for committed in progress.committed {
            live.applied.apply(&committed);
            if !trusted {
                continue;
            }
            let index = committed.index();
            if let Committed::Membership { term, change, .. } = committed
                && change == MembershipChange::Voter
            {
                let beyond = live
                    .words
                    .iter()
                    .find(|it| it.term == term && it.epoch.0 < index.0 && index < it.index);
                assert_eq!(beyond, None, "a voter before {index} attests beyond it");
            }
            let known = self
                .ledger
                .entry(index)
                .or_insert_with(|| committed.clone());
            let under = self.certified.range(index..).next();
            assert!(under.is_some(), "entry {index} is under no certificate");
            assert!(
                *known == committed,
                "entry {index} differs between replicas"
            );
        }
        let newest = live.driver.handovers().last().map(|it| it.stretch.index.0);
        let epoch = live.driver.members().epoch().0;
        assert!(
            newest.unwrap_or(epoch.min(1)) == epoch,
            "epoch {epoch} has no handover"
        );
        live.reads.extend(progress.reads);
        live.reads_lost.extend(progress.reads_lost);
        if progress.checkpoint_wanted && self.checkpoints {
            self.checkpoint(id);
        }
    }

    fn check_leader(&mut self, id: NodeId) {
        let driver = &self.live[&id].driver;
        if driver.leads() {
            let leader = *self.leaders.entry(driver.term()).or_insert(id);
            let alone = leader == id || !self.believes || self.liar == Some(id);
            assert!(alone, "term {} has two leaders", driver.term());
        }
    }

    /// The writes of a node that are not on its disk yet.
    pub(super) fn ordered(&self, id: NodeId) -> impl Iterator<Item = &LogWrite> {
        self.live[&id].queue.iter()
    }

    /// Puts the first ordered writes of a node on its disk.
    pub(super) fn persist(&mut self, id: NodeId, count: usize) -> bool {
        let live = self.live.get_mut(&id).unwrap();
        let count = count.min(live.queue.len());
        for write in live.queue.drain(..count) {
            let number = write.number;
            self.disks.get_mut(&id).unwrap().write(write);
            live.driver.persisted(number);
        }
        0 < count
    }

    /// Lets a node write a checkpoint of its state.
    pub(super) fn checkpoint(&mut self, id: NodeId) {
        let live = self.live.get_mut(&id).unwrap();
        let Some(certificate) = live.driver.certificate_at(live.applied.point.index) else {
            return;
        };
        let bytes = live.applied.encode(
            live.driver.members(),
            &live.driver.handovers(),
            Some(&certificate),
        );
        self.disks.get_mut(&id).unwrap().checkpoint = Some(bytes.clone());
        live.driver
            .checkpointed(live.applied.point.index, Arc::from(bytes));
    }

    /// Delivers a message that was taken from the wire.
    pub(super) fn deliver(&mut self, from: NodeId, to: NodeId, bytes: &[u8]) {
        if self.cut.contains(&from) || self.cut.contains(&to) {
            return;
        }
        if let Some(live) = self.live.get_mut(&to)
            && let Err(refusal) = live.driver.receive(from, bytes, &self.jury)
        {
            self.refusals.push(refusal);
        }
    }

    /// Delivers everything until nobody has anything to say.
    pub(super) fn calm(&mut self) {
        loop {
            let moved = self.settle();
            let messages = std::mem::take(&mut self.wire);
            if messages.is_empty() && !moved {
                return;
            }
            for (from, to, bytes) in messages {
                self.deliver(from, to, &bytes);
            }
        }
    }

    /// Lets time pass for everybody, in calm.
    pub(super) fn run(&mut self, ticks: usize) {
        for _ in 0..ticks {
            for live in self.live.values_mut() {
                live.driver.tick();
            }
            self.calm();
        }
    }

    /// Lets time pass until somebody leads whom a quorum follows.
    pub(super) fn elect(&mut self) -> NodeId {
        for _ in 0..200 {
            self.run(1);
            let leads = |live: &&Live| live.driver.leads() && live.driver.room() > 0;
            let reachable = self.live.iter().filter(|(id, _)| !self.cut.contains(*id));
            let newest = reachable
                .filter(|(_, live)| leads(live))
                .max_by_key(|(_, live)| live.driver.term());
            if let Some((id, live)) = newest
                && live.driver.committed() == live.driver.last()
            {
                return *id;
            }
        }
        unreachable!("nobody was elected");
    }

    /// Proposes on a node and lets it take its course.
    pub(super) fn propose(&mut self, id: NodeId, data: &str) -> (Term, Index) {
        let live = self.live.get_mut(&id).unwrap();
        let position = live.driver.propose(data.as_bytes().to_vec()).unwrap();
        self.calm();
        position
    }

    pub(super) fn others(&self, id: NodeId) -> Vec<NodeId> {
        self.live
            .keys()
            .copied()
            .filter(|other| *other != id)
            .collect()
    }

    /// Checks that all live nodes have applied the same, and that it ends with this batch.
    pub(super) fn check_agreed(&self, last: &str) {
        let states: Vec<&Applied> = self.live.values().map(|live| &live.applied).collect();
        for state in &states {
            assert_eq!(*state, states[0]);
        }
        let newest = states[0].batches.last().map(Vec::as_slice);
        assert_eq!(newest, Some(last.as_bytes()));
    }
}
