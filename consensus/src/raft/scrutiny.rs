//! Changes of members are judged before they come into the log: only what the ledger calls for is taken, and so attested.
//!
//! What the ledger calls for is not known here. An append is taken up to a change that nobody has judged; the change becomes
//! a [`Question`], which can be answered once everything before it is applied, and then the leader is asked to send it again.
//! What a quorum has certified was judged by others, and is taken at once. A leader that wants a change for which the
//! ledger does not call loses this node: it leaves the term.
//!
//! A change that is in the log was judged when it came, so nothing needs to be remembered for a restart.

use hms_protocol::certificate::Certificate;
use hms_protocol::chain::EntryKind;
use hms_protocol::digest::Hash;
use hms_protocol::id::{Index, NodeId};
use raft::eraftpb::{Entry, Message, MessageType};

use super::driver::Driver;
use super::log::kind;
use super::members::{MembershipChange, read_conf_change};
use super::refusal::RaftRefusal;
use super::suffix::link;

/// A change of members that a leader wants in this log: does the ledger call for it there?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    /// Where it would stand. The answer follows from the entries before it.
    pub index: Index,
    /// The chain hash of those.
    pub before: Hash,
    /// Whom it is about.
    pub node: NodeId,
    /// What is to become of it.
    pub change: MembershipChange,
}

/// What this node thinks of the changes that leaders want. One at a time is under way, so the newest of each is enough: what
/// was forgotten is asked again.
#[derive(Debug, Default)]
pub(super) struct Scrutiny {
    /// What is to be judged, and the term in which it was asked.
    asked: Option<(Question, u64)>,
    judged: Option<(Question, Option<&'static str>)>,
}

impl Driver {
    /// Takes from an append what this node may not take yet: a change of members that was not judged, and what follows it.
    /// One for which the ledger does not call is refused.
    pub(super) fn screen(
        &mut self,
        message: &mut Message,
        certificates: &[Certificate],
    ) -> Result<(), RaftRefusal> {
        let changes = message.entries.iter().any(is_change);
        if !changes || message.term < self.node.raft.term {
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
        for place in 0..message.entries.len() {
            let rest = &message.entries[place..];
            let question = self.question_of(before, &rest[0]);
            before = link(before, &rest[0]);
            let Some(question) = question else { continue };
            match self
                .scrutiny
                .judged
                .filter(|(judged, _)| *judged == question)
            {
                Some((_, None)) => {}
                Some((_, Some(reason))) => return Err(self.object(message.term, question, reason)),
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

    /// What an entry asks, if it is a change of members that is not in this log.
    fn question_of(&self, before: Hash, entry: &Entry) -> Option<Question> {
        if !is_change(entry) {
            return None;
        }
        let index = Index(entry.index);
        let known = self.node.store().point(index);
        let is_known = known.is_some_and(|point| point.chain == link(before, entry));
        let (node, change) = read_conf_change(&entry.data).filter(|_| !is_known)?;
        Some(Question {
            index,
            before,
            node,
            change,
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

    /// A change of members that waits for its verdict, once everything before it was handed out: to be judged by the state
    /// that has applied exactly that.
    pub fn question(&self) -> Option<Question> {
        let (question, _) = self.scrutiny.asked?;
        let point = self.node.store().point(self.committed())?;
        let joins = (point.index.next(), point.chain) == (question.index, question.before);
        joins.then_some(question)
    }

    /// Takes the verdict on a [`question`](Driver::question): why the ledger does not call for the change, if it does not.
    pub fn rule_on(&mut self, question: Question, objection: Option<&'static str>) {
        let asked = self.scrutiny.asked.take();
        let impossible = self.members.objection(question.node, question.change);
        let objection = impossible.or(objection);
        self.scrutiny.judged = Some((question, objection));
        let Some(reason) = objection else {
            return self.ask_for(question);
        };
        let Question {
            index,
            node,
            change,
            ..
        } = question;
        let leader = self.leader();
        tracing::warn!(
            ?leader, %index, %node, ?change, reason,
            "a change of members is not taken: the ledger does not call for it"
        );
        if let Some((_, term)) = asked {
            self.object(term, question, reason);
        }
    }

    /// Gives up the leader of a term that wants such a change.
    fn object(&mut self, term: u64, question: Question, reason: &'static str) -> RaftRefusal {
        if term == self.node.raft.term && !self.leads() {
            self.leave_term();
        }
        let Question { index, node, .. } = question;
        RaftRefusal::UncalledChange {
            index,
            node,
            reason,
        }
    }

    /// Asks the leader for a change that was left out of its append, as Raft does for entries that are missing.
    fn ask_for(&mut self, question: Question) {
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

fn is_change(entry: &Entry) -> bool {
    kind(entry, &entry.data) == EntryKind::Membership
}
