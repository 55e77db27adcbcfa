//! A voter that lies, with its own key: what a real mind sends and receives, bent on the way.
//!
//! Which lies it tells are its [`Habits`]: one drill wants one kind of them, a soak wants all.
//!
//! It shows two logs and signs both, makes certificates of whatever others have signed and shows them to whom it likes,
//! votes for everybody, says nothing of its lock or lies about it, repeats what it said before, keeps silent, and as the
//! leader throws out whom nobody has ordered to go. What it
//! does not do: guess other keys, or flood. Its mind is an honest one and hears only what was really said.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hms_protocol::ballot::Ballot;
use hms_protocol::certificate::{Attestation, Certificate, Mark, Phase, Statement};
use hms_protocol::codec;
use hms_protocol::digest::Hash;
use hms_protocol::frame::Frame;
use hms_protocol::id::{Epoch, Index, MeshId, NodeId, Term};
use hms_protocol::keyring::SecretKey;
use hms_protocol::membership::raft_id;
use hms_protocol::trust::{Trust, VoterSet};

use super::Dice;
use super::coup::{Coups, Plot};
use super::letter::{Letter, kind};

/// Words, certificates and messages that it keeps of each kind.
const KEPT_MAX: usize = 40;

/// How often it tells which lies, in thousandths of the occasions.
#[derive(Clone, Copy, Debug, Default)]
pub struct Habits {
    /// Begins, or stops, to deceive whom it speaks to: shows it another log.
    pub deceives: u32,
    /// Changes the words of a frame, or does not send it.
    pub distorts: u32,
    /// Says something that nobody has asked for.
    pub digresses: u32,
    /// Says again what it has said; else shows certificates and locks that it does not hold. Of the digressions.
    pub repeats: u32,
    /// Votes for whoever asks.
    pub votes: u32,
    /// Signs what others have signed.
    pub notarises: bool,
    /// Begins a coup with a batch that nobody has seen.
    pub usurps: u32,
}

impl Habits {
    /// Every lie, now and then.
    pub const ALL: Self = Self {
        deceives: 20,
        distorts: 300,
        digresses: 60,
        repeats: 300,
        votes: 600,
        notarises: true,
        usurps: 250,
    };

    /// It has the key of another voter, too, and a plan: everything is for the one that it deceives.
    pub const CONSPIRING: Self = Self {
        deceives: 0,
        digresses: 500,
        usurps: 0,
        ..Self::ALL
    };

    /// As the leader it shows two logs, and nothing else.
    pub const TWO_LOGS: Self = Self {
        deceives: 0,
        distorts: 0,
        digresses: 0,
        repeats: 0,
        votes: 0,
        notarises: false,
        usurps: 0,
    };

    /// It votes for everybody, and nothing else.
    pub const VOTES: Self = Self {
        votes: 1_000,
        ..Self::TWO_LOGS
    };

    /// As the leader it makes coups, and nothing else.
    pub const COUPS: Self = Self {
        usurps: 1_000,
        ..Self::TWO_LOGS
    };
}

/// A voter that lies.
#[derive(Debug)]
pub struct Liar {
    node: NodeId,
    key: Arc<SecretKey>,
    /// The key of another voter, which is one more than a mesh of four can stand.
    stolen: Option<Arc<SecretKey>>,
    mesh: MeshId,
    dice: Dice,
    habits: Habits,
    /// The newest voters that others have signed for.
    epoch: Epoch,
    /// Who is shown the other log.
    deceived: BTreeSet<NodeId>,
    /// What the other log holds: the chain hash of an entry, and the batch in it.
    shadow: BTreeMap<(u64, u64), Hash>,
    /// A batch to put in the place of others.
    decoy: Option<Vec<u8>>,
    words: BTreeMap<Statement, BTreeMap<NodeId, Attestation>>,
    certificates: Vec<Certificate>,
    sent: Vec<Vec<u8>>,
    /// Who votes, as far as its mind knows.
    voters: BTreeSet<NodeId>,
    /// Changes of voters that nobody has ordered.
    pub coups: Coups,
    /// Orders that nobody has given, to put into the log: encoded batches.
    forgeries: Vec<Vec<u8>>,
    /// How many lies it has told.
    pub told: u64,
}

impl Liar {
    /// A liar with this key. `forgeries` are encoded batches with orders that nobody has given.
    pub fn new(
        key: Arc<SecretKey>,
        mesh: MeshId,
        dice: Dice,
        habits: Habits,
        forgeries: Vec<Vec<u8>>,
    ) -> Self {
        Self {
            node: key.public().into(),
            key,
            stolen: None,
            mesh,
            dice,
            habits,
            forgeries,
            epoch: Epoch(0),
            deceived: BTreeSet::new(),
            shadow: BTreeMap::new(),
            decoy: None,
            words: BTreeMap::new(),
            certificates: Vec::new(),
            sent: Vec::new(),
            voters: BTreeSet::new(),
            coups: Coups::default(),
            told: 0,
        }
    }

    /// The same with the key of another voter, and with a plan: it deceives this one.
    #[must_use]
    pub fn with_stolen(self, key: Arc<SecretKey>, deceived: NodeId) -> Self {
        Self {
            stolen: Some(key),
            habits: Habits::CONSPIRING,
            ..self.deceiving([deceived].into())
        }
    }

    /// The same, which begins by deceiving these.
    #[must_use]
    pub fn deceiving(self, deceived: BTreeSet<NodeId>) -> Self {
        Self { deceived, ..self }
    }

    /// Looks at a frame from somebody to it. Gives what it answers to that, beside what its mind does.
    pub fn overhear(
        &mut self,
        from: NodeId,
        bytes: &[u8],
        voters: &BTreeSet<NodeId>,
    ) -> Vec<Vec<u8>> {
        let Ok(frame) = codec::decode::<Frame>(bytes) else {
            return Vec::new();
        };
        self.voters.clone_from(voters);
        let notarises = self.habits.notarises;
        for attestation in frame.attestations.into_iter().filter(|_| notarises) {
            self.notarise(attestation, voters);
        }
        self.certificates.extend(frame.certificates);
        forget(&mut self.certificates);
        let Some(letter) = Letter::read(&frame.message) else {
            return Vec::new();
        };
        let batches = letter.entries.iter().filter(|item| item.is_batch());
        self.decoy = batches
            .map(|item| item.data.clone())
            .next()
            .or(self.decoy.take());
        let asked = matches!(letter.kind, kind::VOTE | kind::PRE_VOTE);
        if asked && self.dice.chance(self.habits.votes) {
            vec![self.vote(from, &letter)]
        } else {
            Vec::new()
        }
    }

    /// Signs what another has signed, and makes a certificate when that is enough.
    fn notarise(&mut self, attestation: Attestation, voters: &BTreeSet<NodeId>) {
        let statement = attestation.statement;
        self.epoch = self.epoch.max(statement.epoch);
        let set = VoterSet::new(self.mesh, statement.epoch, Trust::Byzantine, voters.clone());
        let words = self.words.entry(statement).or_default();
        words.insert(attestation.voter, attestation);
        for key in [Some(&self.key), self.stolen.as_ref()]
            .into_iter()
            .flatten()
        {
            words.insert(key.public().into(), statement.attest(key));
        }
        let gathered = set
            .ok()
            .and_then(|set| Certificate::gather(&set, statement, words.values()));
        self.certificates.extend(gathered);
        while KEPT_MAX < self.words.len() {
            self.words.pop_first();
        }
    }

    /// A vote for whoever asks, whatever it has signed before.
    fn vote(&mut self, candidate: NodeId, asked: &Letter) -> Vec<u8> {
        self.told += 1;
        let shown = self.any_mark().filter(|_| self.told.is_multiple_of(2));
        let ballot = Ballot {
            group: self.mesh,
            epoch: self.epoch,
            term: Term(asked.term),
            candidate,
            shown,
            lock: None,
        };
        let answer = if asked.kind == kind::PRE_VOTE {
            kind::PRE_VOTE_ANSWER
        } else {
            kind::VOTE_ANSWER
        };
        let letter = Letter {
            kind: answer,
            from: raft_id(self.node),
            to: raft_id(candidate),
            term: asked.term,
            ..Letter::default()
        };
        codec::encode(&Frame {
            message: letter.write(),
            vote: Some(ballot.cast(&self.key)),
            ..Frame::default()
        })
    }

    fn any_mark(&mut self) -> Option<Mark> {
        self.any_certificate().map(|it| it.statement.mark())
    }

    fn any_certificate(&mut self) -> Option<Certificate> {
        let count = self.certificates.len();
        (0 < count).then(|| self.certificates[self.dice.below(count)].clone())
    }

    /// What becomes of a frame that its mind sends: another one, or none; and what it says besides.
    pub fn bend(&mut self, to: NodeId, bytes: &[u8]) -> Vec<Vec<u8>> {
        let Ok(mut frame) = codec::decode::<Frame>(bytes) else {
            return vec![bytes.to_vec()];
        };
        let whims = self.dice.chance(self.habits.deceives);
        if whims && !self.deceived.remove(&to) {
            self.deceived.insert(to);
        }
        let letter = Letter::read(&frame.message);
        let usurps = letter.as_ref().is_some_and(|letter| self.usurps(letter));
        if usurps || self.deceived.contains(&to) {
            if let Some(mut letter) = letter.filter(|letter| letter.kind == kind::APPEND) {
                self.deceive(&mut letter, &mut frame);
                frame.message = letter.write();
            }
            // What others have certified would give it away.
            let newest = self.certificates.iter().rev();
            let fitting =
                newest.filter(|it| self.shadow.values().any(|hash| *hash == it.statement.hash));
            frame.certificates = fitting.take(4).cloned().collect();
        }
        let silent = !self.distort(&mut frame);
        let bent = codec::encode(&frame);
        let mut said = self.aside();
        if !silent {
            self.sent.push(bent.clone());
            forget(&mut self.sent);
            said.push(bent);
        }
        said
    }

    /// Whether a coup is under way in the term of a letter.
    fn usurps(&mut self, letter: &Letter) -> bool {
        let mut plot = Plot {
            me: self.node,
            mesh: self.mesh,
            voters: &self.voters,
            dice: &mut self.dice,
            begins: self.habits.usurps,
            forgeries: &self.forgeries,
        };
        self.coups.watch(letter, &mut plot)
    }

    /// Changes the words of a frame; `false` when it is better not sent.
    fn distort(&mut self, frame: &mut Frame) -> bool {
        if !self.dice.chance(self.habits.distorts) {
            return true;
        }
        match self.dice.below(6) {
            0 => return false,
            1 => frame.certificates.clear(),
            2 => frame.mandate = None,
            3 => frame.certified = Index(0),
            4 => frame.certificates = self.any_certificate().into_iter().collect(),
            _ => {
                let certificate = self.any_certificate();
                let signed = certificate.map(|it| it.statement.attest(&self.key));
                frame.attestations = signed.into_iter().collect();
            }
        }
        self.told += 1;
        true
    }

    /// Shows another log, with a chain that fits, to whom it deceives.
    fn deceive(&mut self, letter: &mut Letter, frame: &mut Frame) {
        let other = self.shadow.get(&(letter.term, letter.index)).copied();
        let Some(mut chain) = other.or(frame.before) else {
            return;
        };
        frame.before = Some(chain);
        let mut batches = letter.entries.iter().filter(|item| item.is_batch());
        let own = || batches.next().map(|item| item.data.clone());
        self.decoy = self.decoy.take().or_else(own);
        let usurps = self.coups.is_under_way(letter.term);
        for item in &mut letter.entries {
            if usurps {
                self.told += u64::from(self.coups.strike(letter.term, item));
            } else if let Some(decoy) = self.decoy.as_ref().filter(|_| item.is_batch()) {
                self.told += u64::from(item.data != *decoy);
                item.data.clone_from(decoy);
            }
            chain = item.link(chain);
            self.shadow.insert((letter.term, item.index), chain);
        }
        while 20 * KEPT_MAX < self.shadow.len() {
            self.shadow.pop_first();
        }
    }

    /// Something that nobody has asked for: what it said before, or a certificate and locks that it does not hold.
    fn aside(&mut self) -> Vec<Vec<u8>> {
        if !self.dice.chance(self.habits.digresses) {
            return Vec::new();
        }
        self.told += 1;
        if self.dice.chance(self.habits.repeats) && !self.sent.is_empty() {
            let place = self.dice.below(self.sent.len());
            return vec![self.sent[place].clone()];
        }
        let Some(certificate) = self.any_certificate() else {
            return Vec::new();
        };
        let lock = Statement {
            phase: Phase::Locked,
            ..certificate.statement
        };
        let words = Frame {
            attestations: vec![lock.attest(&self.key)],
            certificates: vec![certificate],
            ..Frame::default()
        };
        vec![codec::encode(&words)]
    }
}

/// Keeps the newest.
fn forget<T>(kept: &mut Vec<T>) {
    let surplus = kept.len().saturating_sub(KEPT_MAX);
    kept.drain(..surplus);
}
