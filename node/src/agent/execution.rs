//! One run of one agent: the skill under its time limit, its output cut to size, its panic caught, its result sealed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hms_protocol::codec;
use hms_protocol::digest::Hash;
use hms_protocol::envelope::{Audience, BodyKind, Header, Sealed, Sender};
use hms_protocol::id::{Incarnation, MeshId, Sequence};
use hms_protocol::limits::{RESULT_TEXT_BYTES_MAX, TASK_OUTPUT_BYTES_MAX, TEXT_BYTES_MAX};
use hms_protocol::peer::{Dispatch, Run};
use hms_protocol::task::{Outcome, Report, TaskResult};
use hms_protocol::text::cut;
use hms_protocol::verdict::{Finding, Verdict};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::registry::Resident;
use super::skill::{Job, Skill, failure};
use crate::clock::{Clock, stopwatch};

/// Where an agent speaks from.
#[derive(Clone, Debug)]
pub struct Voice {
    /// The mesh that it speaks in.
    pub mesh: MeshId,
    /// Which life of the node.
    pub incarnation: Incarnation,
    /// The node's clock.
    pub clock: Clock,
}

/// Runs an order to its end and seals what came of it. `None` when the order was withdrawn.
pub(super) async fn execute(
    dispatch: Dispatch,
    skill: Option<Arc<dyn Skill>>,
    resident: Arc<Resident>,
    voice: Voice,
    cancelled: CancellationToken,
) -> Option<Sealed> {
    let began = stopwatch();
    let limit = Duration::from_millis(dispatch.limit_ms);
    let job = Job {
        run: dispatch.run,
        input: dispatch.input,
        report: dispatch.report,
        limit,
        memory: resident.memory.clone(),
        cancelled: cancelled.clone(),
    };
    let body = match dispatch.run {
        Run::Attempt { task, attempt } => {
            let work = guard_run(skill, job, limit);
            let result = tokio::select! {
                () = cancelled.cancelled() => return None,
                result = work => result,
            };
            let result = TaskResult {
                duration_ms: millis_since(began),
                ..bound(result)
            };
            let agent = resident.certificate.agent;
            Body::Report(Report {
                task,
                attempt,
                agent,
                result,
            })
        }
        Run::Check {
            task,
            attempt,
            round,
            verifier,
        } => {
            let report_digest = job.report.as_ref().map(Report::digest).unwrap_or_default();
            let work = guard_check(skill, job, limit);
            let finding = tokio::select! {
                () = cancelled.cancelled() => return None,
                finding = work => bound_finding(finding),
            };
            Body::Verdict(Verdict {
                task,
                attempt,
                round,
                verifier,
                report_digest,
                finding,
            })
        }
    };
    Some(body.seal(&resident, &voice))
}

/// What an agent says to an order that it has no room for: another may do better.
pub(super) fn refuse(dispatch: &Dispatch, resident: &Resident, voice: &Voice) -> Sealed {
    let reason = "busy: every slot of the agent is taken and its mailbox is full".to_owned();
    let body = match dispatch.run {
        Run::Attempt { task, attempt } => Body::Report(Report {
            task,
            attempt,
            agent: resident.certificate.agent,
            result: failure(Outcome::Unavailable, reason),
        }),
        Run::Check {
            task,
            attempt,
            round,
            verifier,
        } => Body::Verdict(Verdict {
            task,
            attempt,
            round,
            verifier,
            report_digest: dispatch
                .report
                .as_ref()
                .map(Report::digest)
                .unwrap_or_default(),
            finding: Finding::Unavailable(reason),
        }),
    };
    body.seal(resident, voice)
}

enum Body {
    Report(Report),
    Verdict(Verdict),
}

impl Body {
    /// Seals for the ledger, which is read by everybody and at any time: such a message has no number and no end.
    fn seal(self, resident: &Resident, voice: &Voice) -> Sealed {
        let (kind, body) = match self {
            Self::Report(report) => (BodyKind::Report, codec::encode(&report)),
            Self::Verdict(verdict) => (BodyKind::Verdict, codec::encode(&verdict)),
        };
        let now = voice.clock.now();
        let header = Header {
            mesh: voice.mesh,
            sender: Sender::Agent(resident.certificate.agent),
            audience: Audience::Ledger,
            incarnation: voice.incarnation,
            sequence: Sequence(0),
            issued_at: now,
            expires_at: now,
            kind,
            body_hash: Hash::default(),
        };
        codec::envelope::seal(header, body, &resident.key)
    }
}

/// A skill runs in a task of its own, so that its panic is an answer and not the agent's end. Dropping this drops it.
async fn guard_run(skill: Option<Arc<dyn Skill>>, job: Job, limit: Duration) -> TaskResult {
    let Some(skill) = skill else {
        return failure(
            Outcome::Unavailable,
            "this node does not have the skill".to_owned(),
        );
    };
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(async move { skill.run(job).await });
    match timeout(limit, tasks.join_next()).await {
        Ok(Some(Ok(result))) => result,
        Ok(Some(Err(error))) => failure(Outcome::Failure, format!("the skill broke: {error}")),
        Ok(None) => failure(Outcome::Failure, "the skill did not start".to_owned()),
        Err(_) => {
            let reason = format!("cut off after {} ms", limit.as_millis());
            failure(Outcome::Timeout, reason)
        }
    }
}

async fn guard_check(skill: Option<Arc<dyn Skill>>, job: Job, limit: Duration) -> Finding {
    let Some(skill) = skill else {
        return Finding::Unavailable("this node does not have the kernel".to_owned());
    };
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(async move { skill.check(job).await });
    match timeout(limit, tasks.join_next()).await {
        Ok(Some(Ok(finding))) => finding,
        Ok(Some(Err(error))) => Finding::Unavailable(format!("the kernel broke: {error}")),
        Ok(None) => Finding::Unavailable("the kernel did not start".to_owned()),
        Err(_) => Finding::Unavailable(format!("cut off after {} ms", limit.as_millis())),
    }
}

/// Cuts texts, and refuses an output that is too large: half a product is none.
fn bound(mut result: TaskResult) -> TaskResult {
    if TASK_OUTPUT_BYTES_MAX < result.output.len() {
        let reason = format!(
            "the output has {} bytes: at most {TASK_OUTPUT_BYTES_MAX} are allowed",
            result.output.len()
        );
        result = failure(Outcome::Failure, reason);
    }
    for text in [&mut result.stdout, &mut result.stderr, &mut result.trace] {
        *text = cut(std::mem::take(text), RESULT_TEXT_BYTES_MAX);
    }
    result
}

fn bound_finding(finding: Finding) -> Finding {
    match finding {
        Finding::Accepted => Finding::Accepted,
        Finding::Rejected(reason) => Finding::Rejected(cut(reason, TEXT_BYTES_MAX)),
        Finding::Unavailable(reason) => Finding::Unavailable(cut(reason, TEXT_BYTES_MAX)),
    }
}

fn millis_since(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX)
}
