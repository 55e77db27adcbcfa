//! What a leader wants in the log is judged before it comes in: a change of members that the ledger does not call for, and a
//! command that is not its author's, come into no honest log, and so are attested by nobody honest.
//!
//! What the ledger calls for, and whose keys are whose, only its state knows: a [`Jury`]. A batch in whose authors it believes
//! is taken at once. An append is taken up to anything else; that becomes a [`Question`], which can be answered once everything before
//! it is applied, and then the leader is asked to send it again. What a quorum has certified was judged by others, and is
//! taken at once. A leader that wants what must not be loses this node: it leaves the term.
//!
//! What is in the log was judged when it came, so nothing needs to be remembered for a restart.

use hms_protocol::certificate::Certificate;
use hms_protocol::chain::EntryKind;
use hms_protocol::digest::Hash;
use hms_protocol::id::{Index, NodeId};
use hms_protocol::limits::CLOCK_SKEW_MS_MAX;
use hms_protocol::time::Moment;
use raft::eraftpb::{Entry, Message, MessageType};

use super::driver::Driver;
use super::log::kind;
use super::members::{MembershipChange, read_conf_change};
use super::refusal::RaftRefusal;
use super::suffix::link;

/// The state of the ledger, asked about what may come next. Raft does not look inside what it carries.
pub trait Jury {
    /// Reads a batch of commands; `None` unless it can be read, and is written in no other way.
    fn read(&self, batch: &[u8]) -> Option<Reading>;

    /// Why the ledger does not call for a change of members, if it does not.
    fn objection(&self, node: NodeId, change: MembershipChange) -> Option<&'static str>;
}

/// What a batch says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// When its leader proposed it.
    pub stamped_at: Moment,
    /// Why one of its commands is not its author's, as far as this state knows the keys.
    pub doubt: Option<&'static str>,
}

/// What a leader wants in this log: may it be there?
#[derive(Clone, Debug, PartialEq, Eq)]
struct Question {
    /// Where it would stand. The answer follows from the entries before it.
    index: Index,
    /// The chain hash of those.
    before: Hash,
    matter: Matter,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Matter {
    /// Does the ledger call for this change?
    Change(NodeId, MembershipChange),
    /// Are the commands of this batch their authors'?
    Batch(Vec<u8>),
}

/// What this node thinks of what leaders want. The newest of each is enough: what was forgotten is asked again.
#[derive(Debug, Default)]
pub(super) struct Scrutiny {
    /// What is to be judged, and the term in which it was asked.
    asked: Option<(Question, u64)>,
    judged: Option<(Question, Option<&'static str>)>,
}

impl Driver {
    /// Takes from an append what this node may not take yet: what was not judged, and what follows it. What must not be in
    /// the log is refused.
    pub(super) fn screen(
        &mut self,
        message: &mut Message,
        certificates: &[Certificate],
        jury: &dyn Jury,
    ) -> Result<(), RaftRefusal> {
        if message.term < self.node.raft.term {
            return Ok(());
        }
        let doubted = self.read_batches(&message.entries, jury)?;
        if !doubted.contains(&true) {
            return Ok(());
        }
        self.absorb();
        let committed = self.node.raft.raft_log.committed;
        let point = self.node.store().point(Index(message.index));
        let joins =
            point.filter(|point| committed <= message.index && point.term.0 == message.log_term);
        let Some(point) = joins else {
            // Raft takes nothing of it.
            return Ok(());
        };
        let mut before = point.chain;
        for (place, doubted) in doubted.into_iter().enumerate() {
            let rest = &message.entries[place..];
            let question = doubted.then(|| self.question_of(before, &rest[0]));
            before = link(before, &rest[0]);
            let Some(question) = question.flatten() else {
                continue;
            };
            let judged = self.scrutiny.judged.as_ref();
            match judged.filter(|(judged, _)| *judged == question) {
                Some((_, None)) => {}
                Some((_, Some(reason))) => {
                    let reason = *reason;
                    return Err(self.object(message.term, &question, reason));
                }
                None if self.is_vouched_for(question.before, rest, certificates) => {}
                None => {
                    self.scrutiny.asked = Some((question, message.term));
                    message.entries.truncate(place);
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Says of each entry whether it has to be judged. Only what every replica can read comes into the log, and nothing from
    /// the future: what is in it is attested, and applied. A stamp of long ago is harmless: the ledger's time never goes back.
    fn read_batches(&self, entries: &[Entry], jury: &dyn Jury) -> Result<Vec<bool>, RaftRefusal> {
        let latest = self.now.map(|now| now.plus_ms(CLOCK_SKEW_MS_MAX));
        let read = |entry: &Entry| {
            let broken = |reason| {
                let index = Index(entry.index);
                Err(RaftRefusal::BrokenEntries { index, reason })
            };
            match kind(entry, &entry.data) {
                EntryKind::Membership => Ok(true),
                EntryKind::Empty | EntryKind::Recovery => Ok(false),
                EntryKind::Batch => match jury.read(&entry.data) {
                    None => broken("its batch cannot be read"),
                    Some(reading) if latest.is_some_and(|latest| latest < reading.stamped_at) => {
                        broken("its time stamp is ahead of this node's clock")
                    }
                    Some(reading) => Ok(reading.doubt.is_some()),
                },
            }
        };
        entries.iter().map(read).collect()
    }

    /// What an entry asks, if it is not in this log.
    fn question_of(&self, before: Hash, entry: &Entry) -> Option<Question> {
        let index = Index(entry.index);
        let known = self.node.store().point(index);
        if known.is_some_and(|point| point.chain == link(before, entry)) {
            return None;
        }
        let matter = if kind(entry, &entry.data) == EntryKind::Batch {
            Matter::Batch(entry.data.clone())
        } else {
            let (node, change) = read_conf_change(&entry.data)?;
            Matter::Change(node, change)
        };
        Some(Question {
            index,
            before,
            matter,
        })
    }

    /// Whether a quorum has certified a log that contains the first of some entries.
    fn is_vouched_for(&self, before: Hash, entries: &[Entry], brought: &[Certificate]) -> bool {
        let mut chain = before;
        let certificates = brought.iter().chain(self.vouch.early());
        entries.iter().any(|entry| {
            chain = link(chain, entry);
            certificates.clone().any(|it| {
                let statement = it.statement;
                let set = || self.voters_of(statement.epoch);
                (statement.index, statement.hash) == (Index(entry.index), chain)
                    && set().is_some_and(|set| it.verify(&set).is_ok())
            })
        })
    }

    /// Judges what waits for a verdict, if the jury has applied everything before it and nothing more.
    pub fn rule(&mut self, applied: Index, jury: &dyn Jury) {
        let Some((question, term)) = self.scrutiny.asked.take() else {
            return;
        };
        let point = self.node.store().point(self.committed());
        let joins = point.map(|point| (point.index.next(), point.chain));
        if joins != Some((question.index, question.before)) || applied.next() != question.index {
            self.scrutiny.asked = Some((question, term));
            return;
        }
        let objection = match &question.matter {
            Matter::Change(node, change) => {
                let impossible = self.members.objection(*node, *change);
                impossible.or_else(|| jury.objection(*node, *change))
            }
            Matter::Batch(data) => jury.read(data).and_then(|reading| reading.doubt),
        };
        match objection {
            None => self.ask_for(&question),
            Some(reason) => {
                let leader = self.leader();
                let refusal = self.object(term, &question, reason);
                tracing::warn!(?leader, %refusal, "what the leader wants is not taken");
            }
        }
        self.scrutiny.judged = Some((question, objection));
    }

    /// Gives up the leader of a term that wants such a thing.
    fn object(&mut self, term: u64, question: &Question, reason: &'static str) -> RaftRefusal {
        if term == self.node.raft.term && !self.leads() {
            self.leave_term();
        }
        let index = question.index;
        match question.matter {
            Matter::Change(node, _) => RaftRefusal::UncalledChange {
                index,
                node,
                reason,
            },
            Matter::Batch(_) => RaftRefusal::ForgedCommand { index, reason },
        }
    }

    /// Asks the leader for what was left out of its append, as Raft does for entries that are missing.
    fn ask_for(&mut self, question: &Question) {
        let before = Index(question.index.0.saturating_sub(1));
        let point = self.node.store().point(before);
        let term = point.map(|point| point.term).unwrap_or_default();
        let certified = self.vouch.certified();
        let raft = &mut self.node.raft;
        if raft.leader_id == raft::INVALID_ID || raft.leader_id == raft.id {
            return;
        }
        raft.msgs.push(Message {
            msg_type: MessageType::MsgAppendResponse.into(),
            from: raft.id,
            to: raft.leader_id,
            term: raft.term,
            index: question.index.0,
            reject: true,
            reject_hint: before.0,
            log_term: term.0,
            commit: certified.0,
            ..Message::default()
        });
    }
}
