//! Finding the one who can answer: this node's mind if it leads, else the leader's gateway, else whoever leads next.
//!
//! A call is repeated only when its failure is passing, and always with the same ids, so that what was done once is not
//! done twice. A call that another node has passed on is never passed on again: the first gateway does the looking.

use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hms_consensus::effect::{Answer, Staleness};
use hms_consensus::input::{Input, Request};
use hms_consensus::turns::{Caller, Manner, Wish};
use hms_proto::v1::{self as wire, call, reply};
use hms_protocol::id::NodeId;
use hms_protocol::refusal::Refusal;
use tokio::time::{Instant, sleep, timeout_at};

use super::asker::{Asker, encode_call, purpose_of};
use super::call::{Ask, read};
use super::desk::millis_since;
use super::failure::Failure;
use super::pace::Visitor;
use super::{Hall, reply as answer};
use crate::limits::{
    GLANCE_AFTER, PETITION_AFTER, PETITION_PRESSING_AFTER, RETRY_AFTER, RETRY_SPREAD,
};

/// A call with one answer, on its way to whoever can give it.
#[derive(Clone, Debug)]
pub(super) struct Errand {
    /// For whom it is made.
    pub(super) asker: Asker,
    /// The call as it travels.
    ask: call::Ask,
    /// The call as the mind understands it.
    request: Request,
    /// When the caller stops waiting.
    pub(super) deadline: Instant,
}

/// What is known so far of a call that has not succeeded yet.
#[derive(Debug, Default)]
struct Trail {
    /// Where the last node pointed to.
    pointed_to: Option<NodeId>,
    /// Why the last try failed.
    last: Option<Failure>,
    /// Whether some try may have taken effect.
    uncertain: bool,
}

impl Errand {
    /// Checks a call that has one answer.
    pub(super) fn new(asker: Asker, ask: call::Ask, deadline: Instant) -> Result<Self, Failure> {
        match read(ask.clone())? {
            Ask::Once(request) => Ok(Self {
                asker,
                ask,
                request: *request,
                deadline,
            }),
            Ask::Watch(_) => Err(Failure::malformed("a watch has more than one answer")),
            Ask::Weigh(_) => Err(Failure::malformed("only the agent's own node can tell")),
        }
    }

    /// The call as it travels to another node, which must not pass it on.
    fn encode(&self, left: Duration) -> Bytes {
        encode_call(self.asker.clone(), left, self.ask.clone())
    }

    /// The turn that it wants, having come in by `node`.
    fn wish(&self, node: NodeId) -> Wish {
        let Visitor { client, manner } = self.asker.visitor;
        Wish {
            caller: Caller { node, client },
            manner,
            purpose: purpose_of(&self.request),
            bytes: self.ask.encoded_len(),
        }
    }
}

/// How a call came out well.
#[derive(Debug)]
pub(super) struct Settled {
    /// What to tell the caller.
    pub(super) reply: reply::Reply,
    /// Why it may be out of date; `None` when it is what the leader has.
    pub(super) stale: Option<Staleness>,
}

impl Hall {
    /// Brings an errand to an end: an answer, a failure that will not pass, or the caller's deadline.
    pub(super) async fn settle(self: &Arc<Self>, errand: &Errand) -> Result<reply::Reply, Failure> {
        self.conclude(errand).await.map(|settled| settled.reply)
    }

    /// The same, and says whether the answer is of the past.
    pub(super) async fn conclude(self: &Arc<Self>, errand: &Errand) -> Result<Settled, Failure> {
        let started = crate::clock::instant();
        let mut trail = Trail::default();
        loop {
            let leader = match trail.pointed_to.take() {
                Some(leader) => Some(leader),
                None => self.compass.leader(glance_at(errand)).await,
            };
            let tried = match leader {
                Some(leader) => self.try_at(leader, errand).await.map(current),
                None => self.try_without(errand).await,
            };
            let failure = match tried {
                Ok(settled) => return Ok(settled),
                Err(failure) => failure,
            };
            if let Some(reply) = settled_before(&errand.request, &failure, trail.uncertain) {
                return Ok(current(reply));
            }
            if !failure.is_passing() {
                return Err(failure);
            }
            let request = &errand.asker.request_id;
            tracing::debug!(%request, ?leader, code = failure.code(), "trying again");
            // The next look would come too late for the caller to hear what is missing.
            let hopeless = failure.code() == "HMS-NO-QUORUM" && is_late(errand);
            trail.note(leader.unwrap_or(self.me()), failure);
            if hopeless {
                return Err(self.give_up(trail, started));
            }
            if timeout_at(errand.deadline, pause()).await.is_err() {
                return Err(self.give_up(trail, started));
            }
        }
    }

    /// One try where nobody is known to lead: what this node knows itself, or why nothing can be decided.
    async fn try_without(&self, errand: &Errand) -> Result<Settled, Failure> {
        let request = if let Request::Read(question) = &errand.request {
            Request::Glance(question.clone())
        } else {
            errand.request.clone()
        };
        let answer = self.desk.ask(request, errand.deadline).await?;
        let (stale, answer) = if let Answer::Stale { staleness, answer } = answer {
            (Some(staleness), *answer)
        } else {
            (None, answer)
        };
        let reply = self.put(answer, errand).await?;
        Ok(Settled { reply, stale })
    }

    /// An answer of the mind as a reply. What it only outlines is looked up.
    async fn put(&self, answer: Answer, errand: &Errand) -> Result<reply::Reply, Failure> {
        if let Answer::Outline(outline) = answer {
            return self.receipt(*outline, errand.deadline).await;
        }
        Ok(answer::write(answer, &errand.request, self.profile.mesh))
    }

    /// Answers an errand that came in by a node, when its turn has come: here or not at all.
    pub(super) async fn answer_here(
        &self,
        by: NodeId,
        errand: &Errand,
    ) -> Result<reply::Reply, Failure> {
        let turn = self.entrance.take(errand.wish(by), errand.deadline).await?;
        let answer = self
            .desk
            .ask(errand.request.clone(), errand.deadline)
            .await?;
        turn.answered();
        let mut reply = self.put(answer, errand).await?;
        drop(turn);
        if let reply::Reply::GetAgent(reply) = &mut reply {
            self.add_memory(reply, errand).await;
        }
        Ok(reply)
    }

    /// One try, at the node that is believed to lead. Ends early when somebody else turns out to lead.
    async fn try_at(&self, leader: NodeId, errand: &Errand) -> Result<reply::Reply, Failure> {
        if leader == self.me() {
            return self.answer_here(leader, errand).await;
        }
        let started = crate::clock::instant();
        tokio::select! {
            outcome = self.call_once(leader, errand) => outcome,
            never = self.petition(errand) => match never {},
            () = self.compass.somebody_else(leader) => Err(Refusal::OutcomeUnknown.into()),
            () = tokio::time::sleep_until(errand.deadline) => {
                Err(match self.compass.heading().leader {
                    Some(_) => Failure::too_slow("the leader's answer", millis_since(started)),
                    None => Failure::leaderless(millis_since(started), self.roster.voters()),
                })
            }
        }
    }

    /// Tells the voters, when the leader takes long with what should be in the ledger by then. Whoever presses may have to
    /// wait for its turn, and is not told of as soon: a flood would be let in by its petitions.
    async fn petition(&self, errand: &Errand) -> Infallible {
        let after = match errand.asker.visitor.manner {
            Manner::Pausing => PETITION_AFTER,
            Manner::Pressing => {
                let left = errand
                    .deadline
                    .saturating_duration_since(crate::clock::instant());
                PETITION_PRESSING_AFTER
                    .min(left * 4 / 5)
                    .max(PETITION_AFTER)
            }
        };
        sleep(after).await;
        self.desk.tell(Input::Unanswered(errand.request.clone()));
        pending().await
    }

    async fn call_once(&self, to: NodeId, errand: &Errand) -> Result<reply::Reply, Failure> {
        let _turn = self
            .exit
            .take(errand.wish(self.me()), errand.deadline)
            .await?;
        let left = errand
            .deadline
            .saturating_duration_since(crate::clock::instant());
        self.call(to, errand.encode(left), left).await?.next().await
    }

    /// What to say at the deadline: the last failure, unless it only says that somebody else should know.
    fn give_up(&self, trail: Trail, started: Instant) -> Failure {
        match trail.last {
            Some(failure) if failure.code() != "HMS-NOT-LEADER" => failure,
            Some(_) | None => Failure::leaderless(millis_since(started), self.roster.voters()),
        }
    }
}

impl Trail {
    fn note(&mut self, asked: NodeId, failure: Failure) {
        self.uncertain |= failure.is_uncertain();
        self.pointed_to = failure.leader().filter(|leader| *leader != asked);
        self.last = Some(failure);
    }
}

fn current(reply: reply::Reply) -> Settled {
    Settled { reply, stale: None }
}

/// When to ask this node what it knows itself: an election is over by then, if there can be one.
fn glance_at(errand: &Errand) -> Instant {
    errand.deadline.min(crate::clock::instant() + GLANCE_AFTER)
}

/// Whether there is no time left to wait for a leader once more.
fn is_late(errand: &Errand) -> bool {
    errand.deadline <= crate::clock::instant() + GLANCE_AFTER
}

/// Whether a refusal shows that what was asked has been done: by an earlier try whose outcome was not known, or, for a
/// cancellation, by anybody.
fn settled_before(request: &Request, failure: &Failure, uncertain: bool) -> Option<reply::Reply> {
    match request {
        Request::Cancel { task } => {
            let cancelled =
                failure.code() == "HMS-WRONG-STATE" && failure.detail("state") == Some("cancelled");
            let task = task.as_bytes().to_vec();
            cancelled.then_some(reply::Reply::Cancel(wire::CancelTaskReply { task }))
        }
        Request::Withdraw { .. } => {
            let gone = uncertain && failure.code() == "HMS-UNKNOWN-SERVICE";
            gone.then_some(reply::Reply::Withdraw(wire::WithdrawServiceReply {}))
        }
        Request::Operate(_) => {
            let counts = uncertain && failure.code() == "HMS-ORDER-REPEATED";
            let position = None;
            counts.then_some(reply::Reply::Operate(wire::OperateReply { position }))
        }
        Request::Admit(_)
        | Request::Submit { .. }
        | Request::Spawn { .. }
        | Request::Stop { .. }
        | Request::Declare(_)
        | Request::Read(_)
        | Request::Glance(_) => None,
    }
}

/// Waits a little before the next try.
pub(super) async fn pause() {
    // A bad draw of randomness only costs the jitter.
    let draw = getrandom::u32().unwrap_or(u32::MAX);
    sleep(RETRY_AFTER + RETRY_SPREAD.mul_f64(f64::from(draw) / f64::from(u32::MAX))).await;
}

#[cfg(test)]
mod tests {
    use hms_protocol::id::TaskId;

    use super::*;

    const TASK: TaskId = TaskId::from_bytes([1; 16]);

    #[test]
    fn cancelling_what_is_cancelled_is_done() {
        let request = Request::Cancel { task: TASK };
        let refused = |state| {
            Failure::from(Refusal::WrongState {
                task: TASK,
                state,
                step: "cancelled",
            })
        };
        assert!(settled_before(&request, &refused("cancelled"), false).is_some());
        assert!(settled_before(&request, &refused("succeeded"), true).is_none());
    }

    #[test]
    fn withdrawing_an_unknown_service_is_done_only_if_an_earlier_try_may_have_done_it() {
        let service = "web".parse().expect("a valid name");
        let request = Request::Withdraw { service };
        let service = "web".parse().expect("a valid name");
        let failure = Failure::from(Refusal::UnknownService { service });
        assert!(settled_before(&request, &failure, true).is_some());
        assert!(settled_before(&request, &failure, false).is_none());
    }
}
