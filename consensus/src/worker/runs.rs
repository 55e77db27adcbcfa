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
    LEASE_SLACK_MS, PETITIONS_PER_NODE_MAX, REPEAT_EVERY_MS, REPEATS_TO_LEADER,
    REPORTS_PER_ROUND_MAX, RUNNING_AFTER_MS, RUNNING_EVERY_MS, RUNS_MAX, RUNS_REMEMBERED_MAX,
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
    /// When it must have stopped, in the ledger's time.
    stop_at: Moment,
    /// When the leader is next told that it runs.
    confirm_at: Moment,
}

#[derive(Debug)]
struct Untaken {
    sealed: Sealed,
    repeat_at: Moment,
    /// How often the leader was told again.
    repeats: u32,
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
            stop_at: order.lease_until.plus_ms(LEASE_SLACK_MS),
            confirm_at: now.plus_ms(RUNNING_AFTER_MS),
        };
        self.under_way.insert(order.run, run);
        outbox.push(Effect::Start(order));
    }

    /// Takes an agent's sealed report or verdict, and gives what the leader is to be told of it. Nothing if the run was
    /// stopped meanwhile: then nobody waits for its report.
    pub fn end(&mut self, run: Run, sealed: Sealed, now: Moment) -> Option<PeerMessage> {
        self.under_way.remove(&run)?;
        self.remember(run);
        let message = report_message(&sealed);
        let repeat_at = now.plus_ms(REPEAT_EVERY_MS);
        let untaken = Untaken {
            sealed,
            repeat_at,
            repeats: 0,
        };
        self.untaken.insert(run, untaken);
        Some(message)
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

    /// Stops every run whose time is `over`. Their attempts may be dispatched here again.
    pub fn fence_off(&mut self, over: impl Fn(Moment) -> bool, outbox: &mut Outbox) {
        self.under_way.retain(|run, at_work| {
            let ended = over(at_work.stop_at);
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

    /// Says again what is due: reports that are not taken, and runs that go on. Gives some of the reports that the leader
    /// leaves lying: every voter is to be told.
    pub fn repeat(&mut self, leader: NodeId, now: Moment, outbox: &mut Outbox) -> Vec<PeerMessage> {
        let due = self
            .untaken
            .values_mut()
            .filter(|report| report.repeat_at <= now);
        let mut lying = Vec::new();
        for report in due.take(REPORTS_PER_ROUND_MAX) {
            report.repeat_at = now.plus_ms(REPEAT_EVERY_MS);
            report.repeats += 1;
            outbox.send(leader, report_message(&report.sealed));
            if REPEATS_TO_LEADER < report.repeats && lying.len() < PETITIONS_PER_NODE_MAX as usize {
                lying.push(report_message(&report.sealed));
            }
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
        lying
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

    /// When a run must have stopped, in the ledger's time; `None` if it is not under way.
    pub fn stop_at(&self, run: Run) -> Option<Moment> {
        self.under_way.get(&run).map(|at_work| at_work.stop_at)
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

#[cfg(test)]
mod tests {
    use hms_protocol::codec::envelope;
    use hms_protocol::digest::Hash;
    use hms_protocol::envelope::{Audience, Header, Sender};
    use hms_protocol::id::{Incarnation, MeshId, Sequence, TaskId};
    use hms_protocol::keyring::SecretKey;

    use super::*;

    const LEADER: NodeId = NodeId::from_bytes([9; 32]);
    const VOTER: NodeId = NodeId::from_bytes([8; 32]);
    const AGENT: AgentId = AgentId::from_bytes([5; 16]);
    const RUN: Run = Run::Attempt {
        task: TaskId::from_bytes([7; 16]),
        attempt: 1,
    };

    fn order() -> Dispatch {
        Dispatch {
            run: RUN,
            agent: AGENT,
            incarnation: Incarnation(1),
            as_of: Sequence(1),
            skill: "echo".parse().unwrap(),
            input: Vec::new(),
            report: None,
            limit_ms: 5_000,
            lease_until: Moment(5_000),
            warrant: Vec::new(),
        }
    }

    fn sealed() -> Sealed {
        let header = Header {
            mesh: MeshId::from_bytes([3; 32]),
            sender: Sender::Agent(AGENT),
            audience: Audience::Ledger,
            incarnation: Incarnation(1),
            sequence: Sequence(1),
            issued_at: Moment(0),
            expires_at: Moment(0),
            kind: BodyKind::Report,
            body_hash: Hash::default(),
        };
        envelope::seal(header, Vec::new(), &SecretKey::from_seed(&[1; 32]))
    }

    /// What happens, and what is ordered or said because of it, in a word each.
    enum Happening {
        Ordered,
        Ended,
        Taken,
        Withdrawn,
        Fenced,
        Dismissed,
        Passed(u64),
    }
    use Happening::{Dismissed, Ended, Fenced, Ordered, Passed, Taken, Withdrawn};

    fn check(story: &[(Happening, &[&str])]) {
        let mut runs = Runs::default();
        let mut now = Moment(0);
        for (number, (happening, expected)) in story.iter().enumerate() {
            let mut outbox = Outbox::new(NodeId::from_bytes([1; 32]));
            match happening {
                Ordered => runs.start(LEADER, order(), now, &mut outbox),
                Ended => {
                    if let Some(message) = runs.end(RUN, sealed(), now) {
                        outbox.send(LEADER, message);
                    }
                }
                Taken => runs.taken(RUN),
                Withdrawn => runs.withdraw(RUN, &mut outbox),
                Fenced => runs.fence_off(|_| true, &mut outbox),
                Dismissed => runs.dismiss(AGENT),
                Passed(ms) => now = now.plus_ms(*ms),
            }
            for report in runs.repeat(LEADER, now, &mut outbox) {
                outbox.send(VOTER, report);
            }
            let mut effects = Vec::new();
            outbox.deliver(&mut effects);
            let found: Vec<&str> = effects.iter().map(word).collect();
            assert_eq!(found, *expected, "line {number}");
        }
    }

    fn word(effect: &Effect) -> &'static str {
        let said = |wanted: fn(&PeerMessage) -> bool| matches!(effect, Effect::Send { message, .. } if wanted(message));
        if matches!(effect, Effect::Start(_)) {
            "start"
        } else if matches!(effect, Effect::Stop(_)) {
            "stop"
        } else if said(|message| matches!(message, PeerMessage::Report(_))) {
            "report"
        } else if said(|message| matches!(message, PeerMessage::Started { .. })) {
            "started"
        } else {
            "something else"
        }
    }

    #[test]
    fn a_run_starts_once_however_often_it_is_ordered() {
        check(&[(Ordered, &["start"]), (Ordered, &[]), (Ended, &["report"])]);
    }

    #[test]
    fn a_report_is_repeated_each_second_until_it_is_taken() {
        check(&[
            (Ordered, &["start"]),
            (Ended, &["report"]),
            (Passed(999), &[]),
            (Passed(1), &["report"]),
            (Taken, &[]),
            (Passed(5_000), &[]),
        ]);
    }

    #[test]
    fn a_report_that_the_leader_leaves_lying_is_told_to_every_voter() {
        check(&[
            (Ordered, &["start"]),
            (Ended, &["report"]),
            (Passed(1_000), &["report"]),
            (Passed(1_000), &["report"]),
            (Passed(1_000), &["report", "report"]),
            (Passed(1_000), &["report", "report"]),
            (Taken, &[]),
            (Passed(1_000), &[]),
        ]);
    }

    #[test]
    fn a_run_that_ended_is_answered_from_memory_and_never_started_again() {
        check(&[
            (Ordered, &["start"]),
            (Ended, &["report"]),
            (Ordered, &["report"]),
            (Taken, &[]),
            (Ordered, &[]),
        ]);
    }

    #[test]
    fn a_long_run_says_so_now_and_then() {
        check(&[
            (Ordered, &["start"]),
            (Passed(RUNNING_AFTER_MS), &["started"]),
            (Passed(RUNNING_EVERY_MS - 1), &[]),
            (Passed(1), &["started"]),
        ]);
    }

    #[test]
    fn a_withdrawn_run_stops_and_its_report_is_not_wanted() {
        check(&[
            (Ordered, &["start"]),
            (Withdrawn, &["stop"]),
            (Ended, &[]),
            (Ordered, &[]),
        ]);
    }

    #[test]
    fn a_fenced_run_stops_and_may_be_ordered_again() {
        check(&[
            (Ordered, &["start"]),
            (Fenced, &["stop"]),
            (Ended, &[]),
            (Ordered, &["start"]),
        ]);
    }

    #[test]
    fn the_runs_of_an_agent_that_is_gone_are_forgotten() {
        check(&[(Ordered, &["start"]), (Dismissed, &[]), (Ended, &[])]);
    }
}
