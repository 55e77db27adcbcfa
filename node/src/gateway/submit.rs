//! Taking work in: what the client leaves open is settled here, once, so that every try of the call says the same.
//!
//! It checks nothing that the ledger checks again; it only makes the submission whole.

use hms_proto::v1 as wire;
use hms_protocol::id::{AgentId, NodeId, TaskId};
use hms_protocol::time::Moment;
use uuid::{Builder, Uuid};

use crate::limits::{ATTEMPT_MS, ATTEMPTS, TASK_WITHIN_MS};

/// Skills whose results a kernel can check begin so.
const PROVING: &str = "prove.";

/// Makes a submission whole: an id, a deadline, and the defaults for its skill.
pub(super) fn complete(request: wire::SubmitTaskRequest, via: NodeId, now: Moment) -> wire::Submit {
    let wire::SubmitTaskRequest {
        task,
        spec,
        within_ms,
    } = request;
    let task = if task.is_empty() {
        new_task_id(now).as_bytes().to_vec()
    } else {
        task
    };
    let spec = spec.map(|spec| complete_spec(spec, within_ms, now));
    wire::Submit {
        task,
        spec,
        via: via.as_bytes().to_vec(),
    }
}

fn complete_spec(mut spec: wire::TaskSpec, within_ms: u64, now: Moment) -> wire::TaskSpec {
    let proves = spec.skill.starts_with(PROVING);
    if spec.deadline_ms == 0 {
        let within_ms = if within_ms == 0 {
            TASK_WITHIN_MS
        } else {
            within_ms
        };
        spec.deadline_ms = now.plus_ms(within_ms).0;
    }
    if spec.attempt_ms == 0 {
        let left_ms = Moment(spec.deadline_ms).since_ms(now);
        spec.attempt_ms = ATTEMPT_MS.min(left_ms).max(1);
    }
    if spec.attempts_max == 0 {
        spec.attempts_max = ATTEMPTS;
    }
    if spec.kind() == wire::TaskKind::Unspecified {
        let kind = if proves {
            wire::TaskKind::Proof
        } else {
            wire::TaskKind::Work
        };
        spec.set_kind(kind);
    }
    if spec.verification() == wire::Verification::Unspecified {
        let checked = if proves {
            wire::Verification::Kernel
        } else {
            wire::Verification::Reported
        };
        spec.set_verification(checked);
    }
    spec
}

/// An id for a new task. Ids of later tasks are greater, to the millisecond (UUID version 7).
fn new_task_id(now: Moment) -> TaskId {
    let mut random = [0; 10];
    random.copy_from_slice(&Uuid::new_v4().as_bytes()[..10]);
    TaskId::from_bytes(
        *Builder::from_unix_timestamp_millis(now.0, &random)
            .into_uuid()
            .as_bytes(),
    )
}

/// An id for a new agent.
pub(super) fn new_agent_id() -> AgentId {
    AgentId::from_bytes(*Uuid::new_v4().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const VIA: NodeId = NodeId::from_bytes([1; 32]);
    const NOW: Moment = Moment(1_000_000);

    fn spec(skill: &str) -> wire::TaskSpec {
        wire::TaskSpec {
            skill: skill.to_owned(),
            ..wire::TaskSpec::default()
        }
    }

    fn complete_with(spec: wire::TaskSpec, within_ms: u64) -> wire::TaskSpec {
        let request = wire::SubmitTaskRequest {
            task: Vec::new(),
            spec: Some(spec),
            within_ms,
        };
        complete(request, VIA, NOW).spec.unwrap()
    }

    #[test]
    fn a_proof_is_checked_by_a_kernel_and_other_work_is_taken_as_reported() {
        let proof = complete_with(spec("prove.metamath"), 0);
        assert_eq!(proof.verification(), wire::Verification::Kernel);
        assert_eq!(proof.kind(), wire::TaskKind::Proof);
        let work = complete_with(spec("echo"), 0);
        assert_eq!(work.verification(), wire::Verification::Reported);
        assert_eq!(work.deadline_ms, NOW.0 + TASK_WITHIN_MS);
    }

    #[test]
    fn an_attempt_never_outlasts_its_task() {
        assert_eq!(complete_with(spec("echo"), 500).attempt_ms, 500);
        assert_eq!(complete_with(spec("echo"), 0).attempt_ms, ATTEMPT_MS);
        // A deadline in the past is for the ledger to refuse, with its own reason.
        let late = wire::TaskSpec {
            deadline_ms: 1,
            ..spec("echo")
        };
        assert_eq!(
            complete_with(late.clone(), 0),
            wire::TaskSpec {
                attempt_ms: 1,
                ..complete_with(late, 0)
            }
        );
    }

    #[test]
    fn what_the_client_says_stays() {
        let said = wire::TaskSpec {
            deadline_ms: 2_000_000,
            attempt_ms: 7,
            attempts_max: 1,
            kind: wire::TaskKind::Work.into(),
            verification: wire::Verification::Reported.into(),
            ..spec("prove.metamath")
        };
        assert_eq!(complete_with(said.clone(), 9), said);
        let request = wire::SubmitTaskRequest {
            task: vec![7; 16],
            spec: None,
            within_ms: 0,
        };
        assert_eq!(complete(request, VIA, NOW).task, vec![7; 16]);
    }

    #[test]
    fn later_tasks_have_greater_ids() {
        assert!(new_task_id(Moment(1)) < new_task_id(Moment(2)));
        assert_ne!(new_task_id(NOW), new_task_id(NOW));
    }
}
