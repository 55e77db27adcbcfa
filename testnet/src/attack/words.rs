//! What an adversary makes of the content of a message: it signs otherwise, says otherwise, or leaves out.

use std::collections::BTreeSet;

use hms_protocol::certificate::{Attestation, Statement};
use hms_protocol::codec;
use hms_protocol::digest::Hash;
use hms_protocol::evidence::VoterEvidence;
use hms_protocol::frame::Frame;
use hms_protocol::id::{Index, NodeId, Term};
use hms_protocol::keyring::SecretKey;
use hms_protocol::peer::PeerMessage;
use hms_protocol::service::Sight;

use super::letter::{Letter, kind};
use super::{Attack, Dice};

/// Who words it, and by what chance.
pub(super) struct Author<'a> {
    pub(super) me: NodeId,
    pub(super) key: &'a SecretKey,
    pub(super) voters: &'a BTreeSet<NodeId>,
    pub(super) dice: &'a mut Dice,
}

impl Author<'_> {
    /// What is said instead. The message itself, if the attack has nothing to do with it.
    pub(super) fn reword(&mut self, attack: Attack, message: PeerMessage) -> Vec<PeerMessage> {
        let mut message = message;
        if let PeerMessage::Raft(bytes) = &message {
            let Ok(frame) = codec::decode::<Frame>(bytes) else {
                return vec![message];
            };
            return self.reword_frame(attack, frame);
        }
        if attack == Attack::ForgeWarrants
            && let PeerMessage::Dispatch(order) = &mut message
            && let Some(last) = order.warrant.last_mut()
        {
            *last ^= 1;
        }
        if attack == Attack::SlanderServices
            && let PeerMessage::Observed(observation) = &mut message
        {
            observation.sight = Sight::Down;
        }
        vec![message]
    }

    fn reword_frame(&mut self, attack: Attack, mut frame: Frame) -> Vec<PeerMessage> {
        let mut besides = Vec::new();
        if attack == Attack::Equivocate {
            besides = self.contradict(&frame);
        } else if attack == Attack::Withhold {
            frame.attestations.clear();
            frame.vote = None;
        } else if let Attack::InflateTerms { by } = attack {
            inflate(&mut frame, by);
        } else if attack == Attack::Mutate {
            self.mutate(&mut frame);
        } else if attack == Attack::Forge {
            let forged = self.in_the_name_of_others(&frame);
            frame.attestations.extend(forged);
        } else if attack == Attack::Accuse {
            besides = self.accuse(&frame);
        } else if attack == Attack::PoisonSnapshots
            && let Some(chunk) = &mut frame.chunk
            && let Some(first) = chunk.bytes.first_mut()
        {
            *first ^= 1;
        }
        let mut said = vec![PeerMessage::Raft(codec::encode(&frame))];
        said.append(&mut besides);
        said
    }

    /// Words that say of every index that it attests something else.
    fn contradict(&self, frame: &Frame) -> Vec<PeerMessage> {
        let other = |it: &Attestation| Statement {
            hash: Hash::from_bytes(it.statement.hash.as_bytes().map(|byte| !byte)),
            ..it.statement
        };
        let own = frame.attestations.iter().filter(|it| it.voter == self.me);
        let words = Frame {
            attestations: own.map(|it| other(it).attest(self.key)).collect(),
            ..Frame::default()
        };
        if words.attestations.is_empty() {
            return Vec::new();
        }
        vec![PeerMessage::Raft(codec::encode(&words))]
    }

    /// The same words, said by everybody else, under its own signature.
    fn in_the_name_of_others(&self, frame: &Frame) -> Vec<Attestation> {
        let others = self.voters.iter().filter(|it| **it != self.me);
        let words = frame.attestations.first();
        let forged = words.map(|words| {
            others.map(|voter| Attestation {
                voter: *voter,
                ..*words
            })
        });
        forged.into_iter().flatten().collect()
    }

    /// Two words that an honest voter is said to have signed.
    fn accuse(&mut self, frame: &Frame) -> Vec<PeerMessage> {
        let others: Vec<NodeId> = self
            .voters
            .iter()
            .copied()
            .filter(|it| *it != self.me)
            .collect();
        let Some(words) = frame.attestations.first().filter(|_| !others.is_empty()) else {
            return Vec::new();
        };
        let voter = others[self.dice.below(others.len())];
        let said = |hash| Attestation {
            voter,
            ..Statement {
                hash,
                ..words.statement
            }
            .attest(self.key)
        };
        let evidence = VoterEvidence::TwoAttestations {
            first: said(words.statement.hash),
            second: said(Hash::from_bytes(self.dice.bytes())),
        };
        vec![PeerMessage::Evidence(Box::new(evidence))]
    }

    /// One number is off by one.
    fn mutate(&mut self, frame: &mut Frame) {
        let up = self.dice.chance(500);
        let off = |number: u64| {
            if up {
                number.saturating_add(1)
            } else {
                number.saturating_sub(1)
            }
        };
        let Some(mut letter) = Letter::read(&frame.message) else {
            frame.certified = Index(off(frame.certified.0));
            return;
        };
        match self.dice.below(8) {
            0 => letter.term = off(letter.term),
            1 => letter.log_term = off(letter.log_term),
            2 => letter.index = off(letter.index),
            3 => letter.commit = off(letter.commit),
            4 => frame.certified = Index(off(frame.certified.0)),
            5 => {
                for words in &mut frame.attestations {
                    let index = Index(off(words.statement.index.0));
                    *words = Statement {
                        index,
                        ..words.statement
                    }
                    .attest(self.key);
                }
            }
            6 => {
                for words in &mut frame.attestations {
                    let term = Term(off(words.statement.term.0));
                    *words = Statement {
                        term,
                        ..words.statement
                    }
                    .attest(self.key);
                }
            }
            _ => {
                if let Some(item) = letter.entries.first_mut() {
                    item.term = off(item.term);
                }
            }
        }
        frame.message = letter.write();
    }
}

/// Names a term that nobody has: in what a follower answers, and in what a candidate asks.
fn inflate(frame: &mut Frame, by: u64) {
    if let Some(mut letter) =
        Letter::read(&frame.message).filter(|letter| letter.kind != kind::APPEND)
    {
        letter.term = letter.term.saturating_add(by);
        frame.message = letter.write();
    }
}
