//! What this node's agents are running, and the reports that the leader has not taken yet.
//!
//! A run is started once, however often its dispatch arrives, and its report is repeated until the leader says that it
//! is taken. A run that was fenced off may be started again by a fresh dispatch; one that ended or was withdrawn may not.
//!
//! It does not decide whether leases hold: that is the fence.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use hms_protocol::envelope::{BodyKind, Sealed};
use hms_protocol::id::{AgentId, NodeId};
use hms_protocol::peer::{Dispatch, PeerMessage, Run};
use hms_protocol::time::Moment;

use crate::effect::Effect;
use crate::limits::{
    REPEAT_EVERY_MS, REPORTS_PER_ROUND_MAX, RUNNING_AFTER_MS, RUNNING_EVERY_MS, RUNS_MAX,
    RUNS_REMEMBERED_MAX,
};
use crate::outbox::Outbox;

/// Runs under way, and runs that ended.
#[derive(Debug, Default)]
pub struct Runs {
    under_way: BTreeMap<Run, UnderWay>,
    /// Sealed reports and verdicts, until the leader has taken them.
    untaken: BTreeMap<Run, Untaken>,
    /// Runs that must not start again, oldest first; the set holds the same ones.
    over: VecDeque<Run>,
    over_set: BTreeSet<Run>,
}

/// A run that an agent is at.
#[derive(Debug)]
struct UnderWay {
    agent: AgentId,
    lease_until: Moment,
    /// When the leader is next told that it runs.
    confirm_at: Moment,
}

#[derive(Debug)]
struct Untaken {
    sealed: Sealed,
    repeat_at: Moment,
}

impl Runs {
    /// Follows an order to run something; the caller has checked that the order is fresh and meant for this life.
    pub fn start(&mut self, from: NodeId, order: Dispatch, now: Moment, outbox: &mut Outbox) {
        if let Some(ended) = self.untaken.get(&order.run) {
            outbox.send(from, report_message(&ended.sealed));
            return;
        }
        let known = self.under_way.contains_key(&order.run) || self.over_set.contains(&order.run);
        if known || self.under_way.len() + self.untaken.len() >= RUNS_MAX {
            return;
        }
        let run = UnderWay {
            agent: order.agent,
            lease_until: order.lease_until,
            confirm_at: now.plus_ms(RUNNING_AFTER_MS),
        };
        self.under_way.insert(order.run, run);
        outbox.push(Effect::Start(order));
    }

    /// Takes an agent's sealed report or verdict, and says it to the leader.
    pub fn end(
        &mut self,
        (run, sealed): (Run, Sealed),
        now: Moment,
        leader: Option<NodeId>,
        outbox: &mut Outbox,
    ) {
        // A run that was stopped meanwhile has nobody waiting for its report.
        if self.under_way.remove(&run).is_none() {
            return;
        }
        self.remember(run);
        if let Some(leader) = leader {
            outbox.send(leader, report_message(&sealed));
        }
        let repeat_at = now.plus_ms(REPEAT_EVERY_MS);
        self.untaken.insert(run, Untaken { sealed, repeat_at });
    }

    /// Stops a run for good, if it is under way, and forgets its report.
    pub fn withdraw(&mut self, run: Run, outbox: &mut Outbox) {
        self.untaken.remove(&run);
        self.remember(run);
        if self.under_way.remove(&run).is_some() {
            outbox.push(Effect::Stop(run));
        }
    }

    /// Forgets a report: the ledger has it, or never will.
    pub fn taken(&mut self, run: Run) {
        self.untaken.remove(&run);
    }

    /// Stops every run whose lease is `over`. Their attempts may be dispatched here again.
    pub fn fence_off(&mut self, over: impl Fn(Moment) -> bool, outbox: &mut Outbox) {
        self.under_way.retain(|run, at_work| {
            let ended = over(at_work.lease_until);
            if ended {
                outbox.push(Effect::Stop(*run));
            }
            !ended
        });
    }

    /// Forgets the runs of an agent that is gone.
    pub fn dismiss(&mut self, agent: AgentId) {
        self.under_way.retain(|_, run| run.agent != agent);
    }

    /// Makes everything due at once: there is a new leader.
    pub fn hasten(&mut self, now: Moment) {
        for report in self.untaken.values_mut() {
            report.repeat_at = now;
        }
        for run in self.under_way.values_mut() {
            run.confirm_at = run.confirm_at.min(now.plus_ms(RUNNING_AFTER_MS));
        }
    }

    /// Says again what is due: reports that are not taken, and runs that go on.
    pub fn repeat(&mut self, leader: NodeId, now: Moment, outbox: &mut Outbox) {
        let due = self
            .untaken
            .values_mut()
            .filter(|report| report.repeat_at <= now);
        for report in due.take(REPORTS_PER_ROUND_MAX) {
            report.repeat_at = now.plus_ms(REPEAT_EVERY_MS);
            outbox.send(leader, report_message(&report.sealed));
        }
        let due = self
            .under_way
            .iter_mut()
            .filter(|(_, run)| run.confirm_at <= now);
        for (run, at_work) in due {
            at_work.confirm_at = now.plus_ms(RUNNING_EVERY_MS);
            let (run, agent) = (*run, at_work.agent);
            outbox.send(leader, PeerMessage::Started { run, agent });
        }
    }

    fn remember(&mut self, run: Run) {
        if !self.over_set.insert(run) {
            return;
        }
        self.over.push_back(run);
        if self.over.len() > RUNS_REMEMBERED_MAX
            && let Some(oldest) = self.over.pop_front()
        {
            self.over_set.remove(&oldest);
        }
        assert_eq!(self.over.len(), self.over_set.len());
    }

    /// Runs under way and who is at them, in order.
    pub fn under_way(&self) -> impl Iterator<Item = (Run, AgentId)> {
        self.under_way
            .iter()
            .map(|(run, at_work)| (*run, at_work.agent))
    }

    /// How many runs are under way.
    pub fn count(&self) -> usize {
        self.under_way.len()
    }
}

fn report_message(sealed: &Sealed) -> PeerMessage {
    if sealed.claimed().kind == BodyKind::Verdict {
        PeerMessage::Verdict(sealed.clone())
    } else {
        PeerMessage::Report(sealed.clone())
    }
}
