//! BYZ-3, MSH-9: four voters of which one lies with its own key, in every way that the commit rule names: it sends two logs,
//! signs both, makes certificates of what others sign and shows them to whom it likes, votes for everybody, says nothing of
//! its lock, repeats and withholds. Honest voters agree, keep what was acknowledged, and are never convicted.

use std::collections::{BTreeMap, BTreeSet};

use hms_protocol::ballot::Ballot;
use hms_protocol::certificate::{Attestation, Certificate, Phase, Statement};
use hms_protocol::chain;
use hms_protocol::codec;
use hms_protocol::digest::Hash;
use hms_protocol::frame::Frame;
use hms_protocol::id::{Index, NodeId, Term};
use prost_raft::Message as _;
use raft::eraftpb::{Message, MessageType};

use super::chaos::Dice;
use super::mesh::{Mesh, node, seat};
use crate::raft::log::kind;
use crate::raft::raft_id;

const SEEDS: u64 = 60;
const STEPS: usize = 6_000;
const VOTERS: u8 = 4;

/// What the liar keeps beside its honest half.
struct Liar {
    id: NodeId,
    /// Who is shown the other log.
    deceived: BTreeSet<NodeId>,
    /// The chain of the other log.
    shadow: BTreeMap<Index, Hash>,
    /// What honest voters have signed, by statement.
    words: BTreeMap<Statement, Vec<Attestation>>,
    certificates: Vec<Certificate>,
    sent: Vec<(NodeId, Vec<u8>)>,
}

impl Liar {
    fn new(id: NodeId) -> Self {
        Self {
            id,
            deceived: BTreeSet::new(),
            shadow: BTreeMap::new(),
            words: BTreeMap::new(),
            certificates: Vec::new(),
            sent: Vec::new(),
        }
    }

    /// Looks at a frame that it gets; answers to it that its honest half would not give.
    fn overhear(&mut self, mesh: &Mesh, from: NodeId, bytes: &[u8], dice: &mut Dice) -> Vec<Frame> {
        let frame: Frame = codec::decode(bytes).unwrap();
        for attestation in frame.attestations {
            let words = self.words.entry(attestation.statement).or_default();
            words.push(attestation);
            self.notarise(mesh, attestation.statement);
        }
        self.certificates.extend(frame.certificates);
        let keep = self.certificates.len().saturating_sub(40);
        self.certificates.drain(..keep);
        let Ok(message) = Message::decode(frame.message.as_slice()) else {
            return Vec::new();
        };
        let kind = MessageType::from_i32(message.msg_type);
        let votes = matches!(
            kind,
            Some(MessageType::MsgRequestVote | MessageType::MsgRequestPreVote)
        );
        if votes && dice.roll(3) != 0 {
            return vec![self.vote(mesh, from, &message, dice)];
        }
        Vec::new()
    }

    /// Makes a certificate of what two honest voters have signed and it signs itself.
    fn notarise(&mut self, mesh: &Mesh, statement: Statement) {
        let Some(set) = mesh.live[&self.id].driver.vouch.voters() else {
            return;
        };
        let own = statement.attest(&seat(self.id).key);
        let words = self.words[&statement].iter().chain([&own]);
        if let Some(certificate) = Certificate::gather(&set, statement, words) {
            self.certificates.push(certificate);
        }
    }

    /// A vote for whoever asks, whatever it has signed before.
    fn vote(&self, mesh: &Mesh, candidate: NodeId, asked: &Message, dice: &mut Dice) -> Frame {
        let epoch = mesh.live[&self.id].driver.members().epoch();
        let known = self
            .certificates
            .get(dice.roll(self.certificates.len().max(1)));
        let shown = known.map(|it| it.statement.mark());
        let ballot = Ballot {
            group: seat(self.id).group,
            epoch,
            term: Term(asked.term),
            candidate,
            shown: shown.filter(|_| dice.roll(2) == 0),
            lock: None,
        };
        let pre = asked.msg_type == i32::from(MessageType::MsgRequestPreVote);
        let answer = if pre {
            MessageType::MsgRequestPreVoteResponse
        } else {
            MessageType::MsgRequestVoteResponse
        };
        let message = Message {
            msg_type: answer.into(),
            from: raft_id(self.id),
            to: raft_id(candidate),
            term: asked.term,
            ..Message::default()
        };
        Frame {
            message: message.encode_to_vec(),
            vote: Some(ballot.cast(&seat(self.id).key)),
            ..Frame::default()
        }
    }

    /// What becomes of a frame that its honest half sends.
    fn bend(&mut self, to: NodeId, bytes: &[u8], dice: &mut Dice) -> Option<Vec<u8>> {
        let mut frame: Frame = codec::decode(bytes).unwrap();
        if let Ok(mut message) = Message::decode(frame.message.as_slice())
            && !frame.message.is_empty()
        {
            if message.msg_type == i32::from(MessageType::MsgAppend) && self.deceived.contains(&to)
            {
                self.deceive(&mut message, &mut frame);
            }
            frame.message = message.encode_to_vec();
        }
        match dice.roll(12) {
            0 => return None,
            1 => frame.certificates.clear(),
            2 => frame.mandate = None,
            3 => frame.certified = Index(0),
            4 => {
                let words = self.words.keys().copied().collect::<Vec<_>>();
                let any = words.get(dice.roll(words.len().max(1)));
                let signed = any.map(|it| it.attest(&seat(self.id).key));
                frame.attestations = signed.into_iter().collect();
            }
            5 => {
                let any = self
                    .certificates
                    .get(dice.roll(self.certificates.len().max(1)));
                frame.certificates = any.cloned().into_iter().collect();
            }
            _ => {}
        }
        let bytes = codec::encode(&frame);
        self.sent.push((to, bytes.clone()));
        let keep = self.sent.len().saturating_sub(100);
        self.sent.drain(..keep);
        Some(bytes)
    }

    /// Another log for whom it deceives, with a chain that fits.
    fn deceive(&mut self, message: &mut Message, frame: &mut Frame) {
        let before = self.shadow.get(&Index(message.index)).copied();
        let mut chain_hash = before.or(frame.before).unwrap_or_default();
        frame.before = Some(chain_hash);
        for entry in &mut message.entries {
            if !entry.data.is_empty() && entry.entry_type == 0 && !entry.data.ends_with(b"?") {
                entry.data.push(b'?');
            }
            let (term, index) = (Term(entry.term), Index(entry.index));
            chain_hash = chain::link(
                chain_hash,
                term,
                index,
                kind(entry, &entry.data),
                &entry.data,
            );
            self.shadow.insert(index, chain_hash);
        }
    }

    /// Something that it says out of the blue.
    fn say(&self, dice: &mut Dice) -> Option<Vec<u8>> {
        if dice.roll(2) == 0 {
            let any = self.sent.get(dice.roll(self.sent.len().max(1)));
            return any.map(|(_, bytes)| bytes.clone());
        }
        let certificate = self
            .certificates
            .get(dice.roll(self.certificates.len().max(1)))?;
        let mut attestations = vec![certificate.statement.attest(&seat(self.id).key)];
        let other = Statement {
            phase: Phase::Locked,
            ..certificate.statement
        };
        attestations.push(other.attest(&seat(self.id).key));
        Some(codec::encode(&Frame {
            certificates: vec![certificate.clone()],
            attestations,
            ..Frame::default()
        }))
    }
}

struct Plot {
    mesh: Mesh,
    dice: Dice,
    liar: Liar,
    proposed: usize,
    acknowledged: BTreeMap<Index, Vec<u8>>,
}

impl Plot {
    fn new(seed: u64) -> Self {
        let mut mesh = Mesh::new(VOTERS);
        let liar = node(VOTERS);
        mesh.liar = Some(liar);
        mesh.elect();
        mesh.prompt = false;
        Self {
            mesh,
            dice: Dice(seed),
            liar: Liar::new(liar),
            proposed: 0,
            acknowledged: BTreeMap::new(),
        }
    }

    fn step(&mut self) {
        let id = node(1 + u8::try_from(self.dice.roll(usize::from(VOTERS))).unwrap());
        let alive = self.mesh.live.contains_key(&id);
        match self.dice.roll(100) {
            0..25 if alive => self.mesh.live.get_mut(&id).unwrap().driver.tick(),
            25..70 => self.pass_message(),
            70..82 if alive => {
                let writes = 1 + self.dice.roll(3);
                self.mesh.persist(id, writes);
            }
            82..88 if alive => {
                let data = format!("batch {}", self.proposed).into_bytes();
                let live = self.mesh.live.get_mut(&id).unwrap();
                self.proposed += usize::from(live.driver.propose(data).is_ok());
            }
            88 if alive && id != self.liar.id && 3 < self.mesh.live.len() => self.mesh.crash(id),
            89..93 if !alive => self.mesh.start(id),
            93 => drop(self.mesh.cut.insert(id)),
            94..96 => self.mesh.cut.clear(),
            96 => {
                let toggled = self.liar.deceived.remove(&id) || self.liar.deceived.insert(id);
                assert!(toggled);
            }
            97.. => {
                if let Some(bytes) = self.liar.say(&mut self.dice) {
                    self.mesh.deliver(self.liar.id, id, &bytes);
                }
            }
            _ => {}
        }
        if self.mesh.live.contains_key(&id) {
            self.mesh.settle_one(id);
            self.note(id);
        }
    }

    fn pass_message(&mut self) {
        if self.mesh.wire.is_empty() {
            return;
        }
        let place = self.dice.roll(self.mesh.wire.len().min(20));
        let (from, to, bytes) = self.mesh.wire.remove(place).unwrap();
        self.mesh.wire.truncate(400);
        if self.dice.roll(25) == 0 {
            return;
        }
        if to == self.liar.id {
            for frame in self.liar.overhear(&self.mesh, from, &bytes, &mut self.dice) {
                self.mesh.deliver(to, from, &codec::encode(&frame));
            }
        }
        if from == self.liar.id {
            if let Some(bent) = self.liar.bend(to, &bytes, &mut self.dice) {
                self.mesh.deliver(from, to, &bent);
            }
        } else {
            self.mesh.deliver(from, to, &bytes);
        }
        if self.mesh.live.contains_key(&to) {
            self.mesh.settle_one(to);
        }
    }

    /// What an honest leader has applied is acknowledged to its clients.
    fn note(&mut self, id: NodeId) {
        let live = &self.mesh.live[&id];
        if id != self.liar.id
            && live.driver.leads()
            && let Some(batch) = live.applied.batches.last()
        {
            self.acknowledged
                .insert(live.applied.point.index, batch.clone());
        }
    }

    /// The liar is itself again: everything comes right.
    fn heal(&mut self) {
        self.mesh.prompt = true;
        self.mesh.cut.clear();
        for number in 1..=VOTERS {
            if !self.mesh.live.contains_key(&node(number)) {
                self.mesh.start(node(number));
            }
        }
        let leader = self.mesh.elect();
        self.mesh.propose(leader, "the end");
        self.mesh.run(300);
        self.mesh.check_agreed("the end");
        let kept = &self.mesh.live[&leader].applied.batches;
        for batch in self.acknowledged.values() {
            assert!(kept.contains(batch), "an acknowledged batch is gone");
        }
    }
}

/// What came of a plot.
struct Outcome {
    acknowledged: usize,
    convicted: bool,
}

fn play(seed: u64) -> Outcome {
    let mut plot = Plot::new(seed);
    for _ in 0..STEPS {
        plot.step();
    }
    plot.heal();
    let honest = plot.mesh.live.iter().filter(|(id, _)| **id != plot.liar.id);
    let evidence: Vec<_> = honest.flat_map(|(_, live)| live.evidence.iter()).collect();
    for proof in &evidence {
        let guilty = proof.verify(seat(plot.liar.id).group);
        assert_eq!(guilty, Ok(plot.liar.id), "seed {seed}: {proof:?}");
    }
    Outcome {
        acknowledged: plot.acknowledged.len(),
        convicted: !evidence.is_empty(),
    }
}

#[test]
fn one_liar_of_four_breaks_no_promise_and_convicts_itself() {
    let outcomes: Vec<Outcome> = (0..SEEDS).map(play).collect();
    let acknowledged: usize = outcomes.iter().map(|it| it.acknowledged).sum();
    let convicted = outcomes.iter().filter(|it| it.convicted).count();
    assert!(
        5 * outcomes.len() < acknowledged && outcomes.len() / 4 < convicted,
        "{acknowledged} batches were acknowledged, {convicted} plots uncovered"
    );
}
