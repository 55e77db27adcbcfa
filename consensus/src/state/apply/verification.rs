//! Results are checked by others: verifiers are drawn, judge, and are counted.

use std::collections::{BTreeMap, BTreeSet};

use hms_protocol::agent::AgentStanding;
use hms_protocol::codec::envelope::Content;
use hms_protocol::envelope::{BodyKind, Sealed, Sender};
use hms_protocol::evidence::{AgentEvidence, Exhibit, Guilty};
use hms_protocol::id::{AgentId, NodeId, TaskId};
use hms_protocol::limits;
use hms_protocol::peer::Run;
use hms_protocol::refusal::Refusal;
use hms_protocol::task::{Attempt, AttemptEnd, Report, Task, TaskState};
use hms_protocol::verdict::{Finding, Round, Verdict};

use super::Turn;
use super::attempts::end_attempt;
use crate::state::Change;
use crate::state::crew::LOAD_FULL;
use crate::state::event::Event;
use crate::state::ledger::{Case, Step};
use crate::state::waiting::Demand;
use crate::verdicts::draw::draw;
use crate::verdicts::tally::{Tally, tally};

impl Turn<'_> {
    /// A result is in that must be checked: draws who checks it.
    pub(super) fn verify(&mut self, report: Report, sealed: &Sealed) -> Result<(), Refusal> {
        let now = self.state.now;
        let task = report.task;
        let record = self.state.ledger.known(task)?;
        let Some(attempt) = record.attempts.last() else {
            return Err(Refusal::UnknownTask { task });
        };
        let round = self.draw_round(record, attempt, 1);
        let run = Run::Attempt {
            task,
            attempt: report.attempt,
        };
        let case = Case {
            task,
            report_digest: report.digest(),
            report: sealed.clone(),
            verdicts: Vec::new(),
        };
        let note = format!("{} drawn to check it", count(round.drawn.len(), "verifier"));
        self.advance(task, (Step::Verify, note), Some(run), |task| {
            end_attempt(task, (now, AttemptEnd::Reported));
            task.result = Some(report);
            task.round = Some(round);
        })?;
        self.state.ledger.open_case(case);
        self.tell(Event::Drawn { task, round: 1 });
        Ok(())
    }

    /// Draws the verifiers of a round: one agent each on nodes ranked by hash, the least loaded of its node, never on the
    /// node of the agent that is judged as long as there are others. Nodes that have nobody free come last: their check
    /// would wait longer than the round.
    fn draw_round(&self, task: &Task, attempt: &Attempt, number: u32) -> Round {
        let mut round = Round {
            number,
            drawn_at: self.state.now,
            drawn: Vec::new(),
            verdicts: Vec::new(),
        };
        let Some(demand) = Demand::of(&task.spec).verifying() else {
            return round;
        };
        let mut nodes: BTreeSet<NodeId> = self.state.crew.nodes_capable(&demand);
        nodes.retain(|node| self.state.roster.takes_work(*node));
        let most = limits::VERIFIERS_MAX;
        let idlest = |node, wanted| self.state.crew.idlest(&demand, node, attempt.agent, wanted);
        if nodes.len() == 1 && nodes.contains(&attempt.node) {
            let agents = idlest(attempt.node, most).into_iter();
            round
                .drawn
                .extend(agents.map(|(_, agent)| (agent, attempt.node)));
            return round;
        }
        nodes.remove(&attempt.node);
        let (mut free, mut busy) = (BTreeMap::new(), BTreeMap::new());
        for node in nodes {
            for (load, agent) in idlest(node, 1) {
                let place = if load < LOAD_FULL {
                    &mut free
                } else {
                    &mut busy
                };
                place.insert(node, agent);
            }
        }
        let (attempt, number) = (attempt.number.to_le_bytes(), number.to_le_bytes());
        let subject: [&[u8]; 4] = [b"verify", task.id.as_bytes(), &attempt, &number];
        for nodes in [free, busy] {
            let vacant = most - round.drawn.len();
            let drawn = draw(&subject, nodes.keys().copied(), vacant);
            let agents = drawn
                .into_iter()
                .filter_map(|node| Some((*nodes.get(&node)?, node)));
            round.drawn.extend(agents);
        }
        round
    }

    /// A verifier judges. Its first verdict of a round counts.
    pub(super) fn judge(&mut self, sealed: &Sealed) -> Result<Change, Refusal> {
        let (verifier, content) = self.open(sealed, BodyKind::Verdict)?;
        let Content::Verdict(verdict) = content else {
            return Err(Refusal::Invalid {
                field: "verdict",
                reason: "it is something else".to_owned(),
            });
        };
        let (task, run) = (verdict.task, run_of(&verdict));
        let record = self.state.ledger.known(task)?;
        let round = self.check_verdict(record, &verdict, verifier)?;
        if round.verdicts.iter().any(|said| said.verifier == verifier) {
            return Ok(Change::Taken(run));
        }
        let mut round = round.clone();
        let attempt = verdict.attempt;
        round.verdicts.push(verdict);
        let counted = tally(&round, self.absent(&round));
        self.state.ledger.add_verdict(task, sealed.clone());
        match counted {
            Tally::Undecided => self.amend(task, Some(run), |task| task.round = Some(round)),
            Tally::Undecidable => self.next_round(task, round, Some(run))?,
            Tally::Accepted => {
                let note = format!(
                    "accepted by {}",
                    said(&round, |said| *said == Finding::Accepted)
                );
                let next = (Step::Accept, note);
                self.advance(task, next, Some(run), |task| task.round = Some(round))?;
            }
            Tally::Rejected => self.convict((task, attempt), round, run)?,
        }
        Ok(Change::Taken(run))
    }

    /// Refuses a verdict of another result, another round, or of somebody who was not drawn.
    fn check_verdict<'task>(
        &self,
        task: &'task Task,
        verdict: &Verdict,
        verifier: AgentId,
    ) -> Result<&'task Round, Refusal> {
        let current = task.attempts.last().map_or(0, |attempt| attempt.number);
        let stale = Refusal::StaleAttempt {
            task: task.id,
            attempt: verdict.attempt,
            current,
        };
        let round = match &task.round {
            Some(round) if task.state == TaskState::Verifying => round,
            Some(_) | None => return Err(stale),
        };
        if verdict.attempt != current || verdict.round != round.number {
            return Err(stale);
        }
        let unfit = |reason| Refusal::Unfit {
            agent: verifier,
            reason,
        };
        if !round.drawn.iter().any(|(drawn, _)| *drawn == verifier) {
            return Err(unfit("it was not drawn to judge"));
        }
        let known = self.state.roster.enrolled(verifier)?;
        if known.standing != AgentStanding::Ready {
            return Err(unfit("it is not in service"));
        }
        self.state.roster.check_standing(known.certificate.node)?;
        let case = self.state.ledger.case(task.id);
        if case.is_none_or(|case| case.report_digest != verdict.report_digest) {
            return Err(Refusal::Invalid {
                field: "verdict.report_digest",
                reason: "it names another report".to_owned(),
            });
        }
        Ok(round)
    }

    /// How many of those drawn have said nothing and cannot any more.
    fn absent(&self, round: &Round) -> usize {
        let silent = round.drawn.iter().filter(|(agent, _)| {
            round
                .verdicts
                .iter()
                .all(|verdict| verdict.verifier != *agent)
        });
        let gone = silent.filter(|(agent, node)| {
            let agent = self.state.roster.agent(*agent);
            !self.state.roster.is_present(*node)
                || agent.is_none_or(|agent| agent.standing != AgentStanding::Ready)
        });
        gone.count()
    }

    /// A round has run out of time.
    pub(super) fn redraw(&mut self, task: TaskId, number: u32) -> Result<Change, Refusal> {
        let record = self.state.ledger.known(task)?;
        let round = match &record.round {
            Some(round) if record.state == TaskState::Verifying && round.number == number => round,
            Some(_) | None => return Ok(Change::Done),
        };
        let due = round.drawn_at.plus_ms(limits::VERIFY_ROUND_MS);
        let early_ms = due.since_ms(self.state.now);
        if 0 < early_ms {
            return Err(Refusal::Invalid {
                field: "round",
                reason: format!("it has another {early_ms} ms"),
            });
        }
        let round = round.clone();
        self.next_round(task, round, None)?;
        Ok(Change::Done)
    }

    /// A verifier's node is lost or has begun a new life, or the verifier itself is gone. If the round can still decide,
    /// whoever leads dispatches its checks again; if not, it is drawn again.
    pub(super) fn miss_check(&mut self, task: TaskId, number: u32) {
        let record = self.state.ledger.task(task);
        let round = record.and_then(|task| task.round.as_ref());
        let Some(round) = round.filter(|round| round.number == number) else {
            return;
        };
        match tally(round, self.absent(round)) {
            Tally::Undecidable => {
                let round = round.clone();
                let moved = self.next_round(task, round, None);
                debug_assert!(moved.is_ok(), "a round can always be followed: {moved:?}");
            }
            Tally::Undecided | Tally::Accepted | Tally::Rejected => {
                self.tell(Event::Drawn {
                    task,
                    round: number,
                });
            }
        }
    }

    /// Draws again, or sets the task aside when that was tried often enough.
    fn next_round(&mut self, task: TaskId, round: Round, over: Option<Run>) -> Result<(), Refusal> {
        let number = round.number + 1;
        if limits::VERIFY_ROUNDS_MAX < number {
            let note = format!(
                "{} of verifiers could not decide",
                count(round.number as usize, "round")
            );
            let next = (Step::Quarantine, note);
            return self.advance(task, next, over, |task| task.round = Some(round));
        }
        let record = self.state.ledger.known(task)?;
        let Some(attempt) = record.attempts.last() else {
            return Err(Refusal::UnknownTask { task });
        };
        let next = self.draw_round(record, attempt, number);
        self.amend(task, over, |task| task.round = Some(next));
        self.tell(Event::Drawn {
            task,
            round: number,
        });
        Ok(())
    }

    /// The kernel of a majority refuses the result: the task fails, and the agent that claimed success is set aside.
    fn convict(
        &mut self,
        (task, attempt): (TaskId, u32),
        round: Round,
        over: Run,
    ) -> Result<(), Refusal> {
        let record = self.state.ledger.known(task)?;
        let Some(agent) = record.result.as_ref().map(|report| report.agent) else {
            return Err(Refusal::UnknownTask { task });
        };
        let case = self.state.ledger.case(task).cloned();
        let reason = round
            .verdicts
            .iter()
            .find_map(|verdict| match &verdict.finding {
                Finding::Rejected(reason) => Some(reason.clone()),
                Finding::Accepted | Finding::Unavailable(_) => None,
            });
        let refused = said(&round, |said| matches!(said, Finding::Rejected(_)));
        let note = format!("rejected by {refused}: {}", reason.unwrap_or_default());
        let next = (Step::Reject, hms_protocol::text::cut(note, NOTE_BYTES_MAX));
        self.advance(task, next, Some(over), |task| task.round = Some(round))?;
        let Some(node) = self
            .state
            .roster
            .agent(agent)
            .map(|agent| agent.certificate.node)
        else {
            return Ok(());
        };
        if let Some(case) = case {
            let guilty = Guilty::Agent {
                agent,
                node,
                task,
                attempt,
            };
            self.keep_evidence(guilty, Exhibit::Agent(Box::new(self.agent_evidence(case))));
        }
        self.dismiss(agent, AgentStanding::Quarantined);
        self.tell(Event::Convicted { agent, task });
        self.tell(Event::AgentsChanged {
            node,
            agents: vec![agent],
        });
        self.redraw_services(node);
        Ok(())
    }

    /// What convicts an agent, with the certificates that the roster still has of those who sealed it.
    fn agent_evidence(&self, case: Case) -> AgentEvidence {
        let sealed = std::iter::once(&case.report).chain(&case.verdicts);
        let sealers: BTreeSet<AgentId> = sealed.filter_map(sealer).collect();
        let known = sealers
            .iter()
            .filter_map(|agent| self.state.roster.agent(*agent));
        AgentEvidence {
            agents: known.map(|agent| agent.certificate.clone()).collect(),
            report: case.report,
            verdicts: case.verdicts,
        }
    }
}

/// The agent that an envelope names.
fn sealer(sealed: &Sealed) -> Option<AgentId> {
    match sealed.claimed().sender {
        Sender::Agent(agent) => Some(agent),
        Sender::Node(_) => None,
    }
}

/// Bytes of a note that quotes a verifier. The rest is cut: the sealed verdict has all of it.
const NOTE_BYTES_MAX: usize = 512;

fn run_of(verdict: &Verdict) -> Run {
    Run::Check {
        task: verdict.task,
        attempt: verdict.attempt,
        round: verdict.round,
        verifier: verdict.verifier,
    }
}

fn said(round: &Round, which: impl Fn(&Finding) -> bool) -> String {
    let agreed = round
        .verdicts
        .iter()
        .filter(|verdict| which(&verdict.finding))
        .count();
    format!("{agreed} of {}", count(round.drawn.len(), "verifier"))
}

fn count(number: usize, noun: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{ending}")
}
