//! A task's life as the plan's protocol tells it: a status with its history, and a stream of events.

use std::sync::Arc;

use futures::stream::{self, Stream, StreamExt as _};
use hms_proto::agent::agent_event::Payload;
use hms_proto::agent::proof_result::Status as ProofStatus;
use hms_proto::agent::{self, TaskStatusUpdate};
use hms_proto::v1::{WatchTaskReply, watch_task_reply};
use hms_protocol::codec::{self, Wire as _, field};
use hms_protocol::id::{AgentId, Cursor, TaskId};
use hms_protocol::proof::Claim;
use hms_protocol::refusal::Refusal;
use hms_protocol::task::{Attempt, Outcome, Task, TaskState, Transition};
use hms_protocol::time::Moment;
use tokio::time::Instant;

use super::Hall;
use super::asker::Asker;
use super::call::{Watch, cursor};
use super::failure::Failure;
use super::plan::THEOREM_LABEL;
use super::rpc::pick;
use super::step::steps_after;
use crate::limits::CALL_WITHIN;

/// How the offer of a proof database begins, in front of its digest.
const BASE_OFFER: &str = "base=";

impl Hall {
    /// The life of the task that `watch` names, as events in order: submitted, one update per step, the result.
    pub(super) fn life_of(
        self: Arc<Self>,
        watch: Watch,
        asker: Asker,
        deadline: Option<Instant>,
    ) -> impl Stream<Item = Result<agent::AgentEvent, Failure>> + Send + use<> {
        let begin = async move {
            let Watch::Task { task, .. } = watch else {
                return Err(Failure::malformed("only a task has a life"));
            };
            let patience = deadline.unwrap_or_else(|| crate::clock::instant() + CALL_WITHIN);
            let submitted = self.find_task(task, asker.clone(), patience).await?;
            let mut last = None;
            let replies = self.follow(watch, asker, deadline);
            Ok(replies.flat_map(move |reply| {
                let events = reply
                    .and_then(pick::<WatchTaskReply>)
                    .and_then(|reply| events_of(reply, &submitted, &mut last));
                stream::iter(match events {
                    Ok(events) => events.into_iter().map(Ok).collect::<Vec<_>>(),
                    Err(failure) => vec![Err(failure)],
                })
            }))
        };
        stream::once(begin).flat_map(|begun| match begun {
            Ok(events) => events.left_stream(),
            Err(failure) => stream::iter([Err(failure)]).right_stream(),
        })
    }
}

/// The events that a reply stands for. `last` is the cursor of the step before.
fn events_of(
    reply: WatchTaskReply,
    submitted: &Task,
    last: &mut Option<Cursor>,
) -> Result<Vec<agent::AgentEvent>, Failure> {
    let what = reply
        .what
        .ok_or_else(|| Failure::malformed("the leader sent an empty step"))?;
    match what {
        watch_task_reply::What::Step(step) => {
            let at = field::required("step.cursor", step.cursor).map_err(Refusal::from)?;
            let at = cursor(at).map_err(Refusal::from)?;
            let transition: Transition =
                field::part("step.transition", step.transition).map_err(Refusal::from)?;
            *last = Some(at);
            let agent = AgentId::from_slice(&step.agent);
            let payload = if transition.state == TaskState::Submitted {
                let task = Some(agent_task(submitted, None));
                Payload::TaskSubmitted(agent::TaskSubmitted { task })
            } else {
                Payload::TaskStatusUpdate(update(submitted.id, &transition, step.attempt, agent))
            };
            Ok(vec![event(at, transition.at, payload)])
        }
        watch_task_reply::What::Done(task) => {
            let task = Task::from_wire(task).map_err(Refusal::from)?;
            let ended = task
                .history
                .last()
                .map_or(Moment::default(), |step| step.at);
            let before = last.unwrap_or_default();
            let at = Cursor {
                part: before.part.saturating_add(1),
                ..before
            };
            Ok(vec![event(at, ended, Payload::ProofResult(result(&task)))])
        }
    }
}

fn event(at: Cursor, when: Moment, payload: Payload) -> agent::AgentEvent {
    let (event_id, timestamp) = (at.to_string(), Some(timestamp(when)));
    agent::AgentEvent {
        event_id,
        timestamp,
        payload: Some(payload),
    }
}

/// Where a task stands, with its history and its result.
pub(super) fn task_status(task: &Task) -> agent::TaskStatusResponse {
    let holder = task
        .attempts
        .last()
        .filter(|attempt| attempt.ended.is_none());
    let steps = steps_after(task, None);
    let history = steps.iter().map(|step| {
        let number = step.attempt.map_or(0, |attempt| attempt.number);
        update(
            task.id,
            step.transition,
            number,
            step.attempt.map(|attempt| attempt.agent),
        )
    });
    agent::TaskStatusResponse {
        task_id: task.id.to_string(),
        status: status(&task.state).into(),
        history: history.collect(),
        result: Some(result(task)),
        task: Some(agent_task(task, holder)),
    }
}

fn update(
    task: TaskId,
    step: &Transition,
    attempt: u32,
    agent: Option<AgentId>,
) -> TaskStatusUpdate {
    TaskStatusUpdate {
        task_id: task.to_string(),
        status: status(&step.state).into(),
        agent_id: agent.map_or_else(String::new, |agent| agent.to_string()),
        attempt,
        reason: step.note.clone(),
        timestamp: Some(timestamp(step.at)),
    }
}

/// The result of a task, `UNKNOWN` while there is none.
fn result(task: &Task) -> agent::ProofResult {
    let reported = task.result.as_ref().map(|report| &report.result);
    let timed_out = reported.is_some_and(|result| result.outcome == Outcome::Timeout);
    let status = match &task.state {
        TaskState::Succeeded => ProofStatus::Success,
        TaskState::Failed if timed_out => ProofStatus::Timeout,
        TaskState::Failed | TaskState::Quarantined => ProofStatus::Failure,
        TaskState::TimedOut => ProofStatus::Timeout,
        TaskState::Cancelled => ProofStatus::Cancelled,
        TaskState::Submitted
        | TaskState::Queued
        | TaskState::Blocked(_)
        | TaskState::Assigned
        | TaskState::Running
        | TaskState::Verifying
        | TaskState::AwaitingApproval => ProofStatus::Unknown,
    };
    let mut proof = agent::ProofResult {
        task_id: task.id.to_string(),
        theorem_id: theorem(task),
        status: status.into(),
        ..agent::ProofResult::default()
    };
    if let Some(result) = reported {
        proof.lean_proof_term.clone_from(&result.output);
        proof.stdout.clone_from(&result.stdout);
        proof.stderr.clone_from(&result.stderr);
        proof.chain_of_thought.clone_from(&result.trace);
        #[expect(clippy::cast_precision_loss, reason = "a duration for people")]
        let duration_ms = result.duration_ms as f64;
        proof.duration_sec = duration_ms / 1_000.0;
    }
    proof
}

/// The task as it was asked, with the agent that holds it.
fn agent_task(task: &Task, holder: Option<&Attempt>) -> agent::AgentTask {
    let mut metadata = task.spec.labels.clone();
    metadata.insert("skill".to_owned(), task.spec.skill.to_string());
    metadata.insert("deadline_ms".to_owned(), task.spec.deadline.to_string());
    let bases = task
        .spec
        .needs
        .iter()
        .filter_map(|need| need.strip_prefix(BASE_OFFER));
    let claim = codec::decode::<Claim>(&task.spec.input).ok();
    let asked = claim.map_or_else(
        || task.spec.input.clone(),
        |claim| claim.submission.into_bytes(),
    );
    agent::AgentTask {
        task_id: task.id.to_string(),
        theorem_id: theorem(task),
        lean_expr: asked,
        axiom_deps: bases.map(ToOwned::to_owned).collect(),
        assigned_agent_id: holder.map_or_else(String::new, |attempt| attempt.agent.to_string()),
        metadata,
    }
}

fn theorem(task: &Task) -> String {
    task.spec
        .labels
        .get(THEOREM_LABEL)
        .cloned()
        .unwrap_or_default()
}

const fn status(state: &TaskState) -> agent::TaskStatus {
    match state {
        TaskState::Submitted => agent::TaskStatus::Submitted,
        TaskState::Queued => agent::TaskStatus::Queued,
        TaskState::Blocked(_) => agent::TaskStatus::Blocked,
        TaskState::Assigned => agent::TaskStatus::Assigned,
        TaskState::Running => agent::TaskStatus::Running,
        TaskState::Verifying => agent::TaskStatus::Verifying,
        TaskState::AwaitingApproval => agent::TaskStatus::AwaitingApproval,
        TaskState::Succeeded => agent::TaskStatus::Succeeded,
        TaskState::Failed => agent::TaskStatus::Failed,
        TaskState::TimedOut => agent::TaskStatus::TimedOut,
        TaskState::Cancelled => agent::TaskStatus::Cancelled,
        TaskState::Quarantined => agent::TaskStatus::Quarantined,
    }
}

fn timestamp(moment: Moment) -> prost_types::Timestamp {
    prost_types::Timestamp {
        seconds: i64::try_from(moment.0 / 1_000).unwrap_or(i64::MAX),
        nanos: i32::try_from(moment.0 % 1_000).unwrap_or(0) * 1_000_000,
    }
}
