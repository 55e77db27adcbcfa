//! The adversary: it stands between the mind of a node and the mesh, and does what a drill tells it.
//!
//! Pure: it is told the time and what the mind says and hears, and gives what is said and heard instead. Chance comes
//! from its seed. What it does is noted in its journal, so that a report can say when the first lie was told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hms_protocol::heartbeat::Heartbeat;
use hms_protocol::id::{Index, MeshId, NodeId, Term};
use hms_protocol::keyring::SecretKey;
use hms_protocol::peer::PeerMessage;

use super::liar::{Habits, Liar};
use super::trigger::Occasion;
use super::{Attack, Dice, Trigger, words};

/// Messages that it remembers for each peer, to say them again.
const REMEMBERED_MAX: usize = 64;

/// Entries of its journal that are kept until they are taken. Further ones are counted, not kept.
const JOURNAL_MAX: usize = 1_024;

/// What it has to do its work with.
#[derive(Clone, Debug)]
pub struct Arms {
    /// Its own key.
    pub key: Arc<SecretKey>,
    /// Its mesh.
    pub mesh: MeshId,
    /// Orders that nobody has given, as encoded batches.
    pub forgeries: Vec<Vec<u8>>,
}

/// What it is to do, with names resolved.
#[derive(Clone, Debug)]
pub struct Misdeed {
    /// What.
    pub attack: Attack,
    /// When.
    pub when: Trigger,
    /// Toward whom only; empty for everybody.
    pub toward: BTreeSet<NodeId>,
}

impl Misdeed {
    /// This, all the time, toward everybody.
    pub fn always(attack: Attack) -> Self {
        Self {
            attack,
            when: Trigger::default(),
            toward: BTreeSet::new(),
        }
    }
}

/// How things stand with the node while it does it.
#[derive(Clone, Debug)]
pub struct Scene {
    /// Time, in milliseconds of the world.
    pub now_ms: u64,
    /// Who votes, as far as the mind knows.
    pub voters: BTreeSet<NodeId>,
    /// How far it has applied the log.
    pub applied: Index,
    /// Its term.
    pub term: Term,
    /// Whether it leads.
    pub leads: bool,
}

/// Something that is said instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parcel {
    /// How much later, in milliseconds.
    pub after_ms: u64,
    /// To whom.
    pub to: NodeId,
    /// What.
    pub message: PeerMessage,
}

/// Something that was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Injection {
    /// When, in milliseconds of the world.
    pub at_ms: u64,
    /// What.
    pub attack: Attack,
    /// To whom, if to somebody.
    pub to: Option<NodeId>,
}

/// An adversary. It does nothing before [`Adversary::begin`].
#[derive(Debug)]
pub struct Adversary {
    arms: Arms,
    me: NodeId,
    dice: Dice,
    /// Each with the liar that carries it out, where there is one.
    misdeeds: Vec<(Misdeed, Option<Liar>)>,
    began_ms: Option<u64>,
    ended: bool,
    remembered: BTreeMap<NodeId, Vec<PeerMessage>>,
    frozen: Option<Heartbeat>,
    journal: Vec<Injection>,
    /// How often it has done something.
    told: u64,
}

impl Adversary {
    /// An adversary with something to do.
    pub fn new(arms: Arms, seed: u64, misdeeds: Vec<Misdeed>) -> Self {
        let me = arms.key.public().into();
        let misdeeds = misdeeds
            .into_iter()
            .enumerate()
            .map(|(number, misdeed)| {
                let dice = Dice::new(seed, &format!("lies {number}"));
                let liar = liar(&arms, dice, &misdeed);
                (misdeed, liar)
            })
            .collect();
        Self {
            dice: Dice::new(seed, "adversary"),
            arms,
            me,
            misdeeds,
            began_ms: None,
            ended: false,
            remembered: BTreeMap::new(),
            frozen: None,
            journal: Vec::new(),
            told: 0,
        }
    }

    /// One that has the key of another voter as well, and shows another log to a third: more than a mesh of four can stand.
    pub fn conspiring(arms: Arms, seed: u64, stolen: Arc<SecretKey>, deceived: NodeId) -> Self {
        let mut adversary = Self::new(arms, seed, vec![Misdeed::always(Attack::Lie)]);
        for (_, liar) in &mut adversary.misdeeds {
            *liar = liar
                .take()
                .map(|liar| liar.with_stolen(Arc::clone(&stolen), deceived));
        }
        adversary
    }

    /// The attacks begin now.
    pub fn begin(&mut self, now_ms: u64) {
        self.began_ms.get_or_insert(now_ms);
    }

    /// The attacks are over.
    pub fn end(&mut self) {
        self.ended = true;
    }

    /// Whether it has not begun.
    pub fn waits(&self) -> bool {
        self.began_ms.is_none()
    }

    /// Everything that it is to do at some time.
    pub fn attacks(&self) -> impl Iterator<Item = Attack> {
        self.misdeeds.iter().map(|(misdeed, _)| misdeed.attack)
    }

    /// Whether it is to do something of this kind at some time.
    pub fn is_to(&self, attack: Attack) -> bool {
        self.misdeeds
            .iter()
            .any(|(misdeed, _)| misdeed.attack == attack)
    }

    /// How often it has done something.
    pub fn told(&self) -> u64 {
        let liars = self.misdeeds.iter().filter_map(|(_, liar)| liar.as_ref());
        self.told + liars.map(|liar| liar.told).sum::<u64>()
    }

    /// Changes of voters and orders that it wanted and nobody has ordered.
    pub fn coups(&self) -> u64 {
        let liars = self.misdeeds.iter().filter_map(|(_, liar)| liar.as_ref());
        liars.map(|liar| liar.coups.count).sum()
    }

    /// What it has done since this was asked last.
    pub fn take_journal(&mut self) -> Vec<Injection> {
        std::mem::take(&mut self.journal)
    }

    /// What is said instead of a message.
    pub fn say(&mut self, scene: &Scene, to: NodeId, message: PeerMessage) -> Vec<Parcel> {
        let told = self.told();
        let mut parcels = vec![Parcel {
            after_ms: 0,
            to,
            message: message.clone(),
        }];
        for number in 0..self.misdeeds.len() {
            if !self.is_due(number, scene, Some(to)) {
                continue;
            }
            let mut twisted = Vec::new();
            for parcel in parcels {
                self.twist(number, scene, parcel, &mut twisted);
            }
            parcels = twisted;
            self.note_if_told(told, number, scene, Some(to));
        }
        self.remember(to, message);
        parcels
    }

    /// Whether the mind hears a message, and what is answered besides.
    pub fn hear(
        &mut self,
        scene: &Scene,
        from: NodeId,
        message: &PeerMessage,
    ) -> (bool, Vec<Parcel>) {
        let (mut heard, mut answers) = (true, Vec::new());
        for number in 0..self.misdeeds.len() {
            let told = self.told();
            let due = self.is_due(number, scene, Some(from));
            if let (_, Some(liar)) = &mut self.misdeeds[number]
                && let PeerMessage::Raft(frame) = message
            {
                // It listens all the time; it answers when it is time.
                let said = liar.overhear(from, frame, &scene.voters);
                answers.extend(said.into_iter().filter(|_| due).map(|frame| Parcel {
                    after_ms: 0,
                    to: from,
                    message: PeerMessage::Raft(frame),
                }));
            }
            let attack = self.misdeeds[number].0.attack;
            if due && attack.ignores(message) {
                heard = false;
                self.told += 1;
            }
            if due {
                self.note_if_told(told, number, scene, Some(from));
            }
        }
        (heard, answers)
    }

    /// What the node's heartbeat is instead; `None` if it does not beat.
    pub fn beat(&mut self, scene: &Scene, beat: Heartbeat) -> Option<Heartbeat> {
        let mut shown = Some(beat.clone());
        for number in 0..self.misdeeds.len() {
            if !self.is_due(number, scene, None) {
                continue;
            }
            let told = self.told();
            let misdeed = &self.misdeeds[number].0;
            if misdeed.attack == Attack::FreezeBeats {
                self.told += 1;
                shown = Some(self.frozen.get_or_insert_with(|| beat.clone()).clone());
            } else if misdeed.attack == Attack::Mute && misdeed.toward.is_empty() {
                self.told += 1;
                shown = None;
            }
            self.note_if_told(told, number, scene, None);
        }
        shown
    }

    /// Whether a misdeed of this kind is due: for those that are carried out beside the traffic.
    pub fn does(&mut self, scene: &Scene, attack: Attack) -> bool {
        let number = self
            .misdeeds
            .iter()
            .position(|(misdeed, _)| misdeed.attack == attack);
        let Some(number) = number.filter(|number| self.is_due(*number, scene, None)) else {
            return false;
        };
        let told = self.told();
        self.told += 1;
        self.note_if_told(told, number, scene, None);
        true
    }

    fn is_due(&mut self, number: usize, scene: &Scene, toward: Option<NodeId>) -> bool {
        let Some(began_ms) = self.began_ms.filter(|_| !self.ended) else {
            return false;
        };
        let misdeed = &self.misdeeds[number].0;
        let meant =
            toward.is_none_or(|it| misdeed.toward.is_empty() || misdeed.toward.contains(&it));
        let occasion = Occasion {
            since_ms: scene.now_ms.saturating_sub(began_ms),
            applied: scene.applied,
            term: scene.term,
            leads: scene.leads,
        };
        let share = misdeed.when.permille.filter(|_| meant);
        meant && misdeed.when.fires(&occasion) && share.is_none_or(|share| self.dice.chance(share))
    }

    fn note_if_told(&mut self, before: u64, number: usize, scene: &Scene, to: Option<NodeId>) {
        if before < self.told() && self.journal.len() < JOURNAL_MAX {
            self.journal.push(Injection {
                at_ms: scene.now_ms,
                attack: self.misdeeds[number].0.attack,
                to,
            });
        }
    }

    fn remember(&mut self, to: NodeId, message: PeerMessage) {
        if self
            .misdeeds
            .iter()
            .any(|(misdeed, _)| misdeed.attack == Attack::Replay)
        {
            let remembered = self.remembered.entry(to).or_default();
            remembered.push(message);
            let surplus = remembered.len().saturating_sub(REMEMBERED_MAX);
            remembered.drain(..surplus);
        }
    }

    /// What one misdeed makes of one message.
    fn twist(&mut self, number: usize, scene: &Scene, parcel: Parcel, out: &mut Vec<Parcel>) {
        let to = parcel.to;
        let attack = self.misdeeds[number].0.attack;
        if let (_, Some(liar)) = &mut self.misdeeds[number] {
            let PeerMessage::Raft(frame) = &parcel.message else {
                out.push(parcel);
                return;
            };
            out.extend(liar.bend(to, frame).into_iter().map(|frame| Parcel {
                after_ms: parcel.after_ms,
                to,
                message: PeerMessage::Raft(frame),
            }));
            return;
        }
        if attack == Attack::Mute {
            self.told += 1;
        } else if let Attack::Delay { least_ms, most_ms } = attack {
            self.told += 1;
            let after_ms = parcel.after_ms + self.dice.between(least_ms.min(most_ms), most_ms);
            out.push(Parcel { after_ms, ..parcel });
        } else if attack == Attack::Replay {
            let remembered = self.remembered.get(&to).map_or(&[][..], Vec::as_slice);
            if !remembered.is_empty() {
                let message = remembered[self.dice.below(remembered.len())].clone();
                self.told += 1;
                let parcel = parcel.clone();
                out.push(Parcel { message, ..parcel });
            }
            out.push(parcel);
        } else {
            self.reword(attack, scene, parcel, out);
        }
    }

    /// What one misdeed makes of the content of one message.
    fn reword(&mut self, attack: Attack, scene: &Scene, parcel: Parcel, out: &mut Vec<Parcel>) {
        let mut author = words::Author {
            me: self.me,
            key: &self.arms.key,
            voters: &scene.voters,
            dice: &mut self.dice,
        };
        let reworded = author.reword(attack, parcel.message.clone());
        let changed = reworded.as_slice() != std::slice::from_ref(&parcel.message);
        self.told += u64::from(changed);
        out.extend(reworded.into_iter().map(|message| Parcel {
            message,
            ..parcel.clone()
        }));
    }
}

/// What is carried out by a liar, and with which habits.
const HABITS: [(Attack, Habits); 4] = [
    (Attack::Lie, Habits::ALL),
    (Attack::TwoLogs, Habits::TWO_LOGS),
    (Attack::VoteForAll, Habits::VOTES),
    (Attack::Usurp, Habits::COUPS),
];

/// The liar that carries an attack out, if that is what it takes.
fn liar(arms: &Arms, dice: Dice, misdeed: &Misdeed) -> Option<Liar> {
    let (_, habits) = HABITS
        .iter()
        .find(|(attack, _)| *attack == misdeed.attack)?;
    let (key, forgeries) = (Arc::clone(&arms.key), arms.forgeries.clone());
    let liar = Liar::new(key, arms.mesh, dice, *habits, forgeries);
    Some(liar.deceiving(misdeed.toward.clone()))
}
