//! Tasks on the wire: specifications, reports, and the ledger's records of them.

use hms_proto::v1;

use super::{CodecError, Wire, WireEnum, field};
use crate::id::{Incarnation, Index, Position};
use crate::limits;
use crate::task::{
    Attempt, AttemptEnd, Blockage, Outcome, Report, Task, TaskKind, TaskResult, TaskSpec,
    TaskState, Transition,
};
use crate::time::Moment;
use crate::wire_enum;

wire_enum!(TaskKind, v1::TaskKind, { Work, Proof });
wire_enum!(AttemptEnd, v1::AttemptEnd, { Reported, NodeLost, AgentLost, LeaseExpired, Withdrawn });
wire_enum!(Outcome, v1::Outcome, { Success, Failure, Timeout, Cancelled, Unavailable });

impl Wire for TaskSpec {
    type Message = v1::TaskSpec;
    const NAME: &'static str = "task specification";

    fn to_wire(&self) -> v1::TaskSpec {
        v1::TaskSpec {
            kind: self.kind.to_number(),
            skill: self.skill.to_string(),
            input: self.input.clone(),
            deadline_ms: self.deadline.0,
            attempt_ms: self.attempt_ms,
            attempts_max: self.attempts_max,
            priority: self.priority.into(),
            idempotency_key: self.idempotency_key.clone(),
            needs: self.needs.iter().cloned().collect(),
            labels: self.labels.clone(),
            verification: self.verification.to_number(),
        }
    }

    fn from_wire(message: v1::TaskSpec) -> Result<Self, CodecError> {
        let (count, length) = (limits::LABELS_MAX, limits::LABEL_BYTES_MAX);
        let key = message.idempotency_key.map(|key| {
            field::text(
                "task.idempotency_key",
                key,
                limits::IDEMPOTENCY_KEY_BYTES_MAX,
            )
        });
        Ok(Self {
            kind: TaskKind::from_number("task.kind", message.kind)?,
            skill: field::name("task.skill", &message.skill)?,
            input: field::bytes("task.input", message.input, limits::TASK_INPUT_BYTES_MAX)?,
            deadline: Moment(message.deadline_ms),
            attempt_ms: message.attempt_ms,
            attempts_max: message.attempts_max,
            priority: field::small("task.priority", message.priority)?,
            idempotency_key: key.transpose()?,
            needs: field::texts("task.needs", message.needs, count, length)?,
            labels: field::labels("task.labels", message.labels, count, length)?,
            verification: WireEnum::from_number("task.verification", message.verification)?,
        })
    }
}

impl Wire for Blockage {
    type Message = v1::Blockage;
    const NAME: &'static str = "blockage";

    fn to_wire(&self) -> v1::Blockage {
        use v1::blockage::Reason;
        let (reason, need) = match self {
            Self::NoSkill => (Reason::NoSkill, String::new()),
            Self::NoOffer(need) => (Reason::NoOffer, need.clone()),
            Self::NobodyPresent => (Reason::NobodyPresent, String::new()),
            Self::NoVerifier => (Reason::NoVerifier, String::new()),
        };
        v1::Blockage {
            reason: reason.into(),
            need,
        }
    }

    fn from_wire(message: v1::Blockage) -> Result<Self, CodecError> {
        use v1::blockage::Reason;
        let reason = Reason::try_from(message.reason);
        if reason != Ok(Reason::NoOffer) && !message.need.is_empty() {
            return Err(CodecError::Contradiction {
                field: "blockage.need",
                reason: "only a missing offer names a need",
            });
        }
        match reason {
            Ok(Reason::NoSkill) => Ok(Self::NoSkill),
            Ok(Reason::NoOffer) => Ok(Self::NoOffer(field::text(
                "blockage.need",
                message.need,
                limits::LABEL_BYTES_MAX,
            )?)),
            Ok(Reason::NobodyPresent) => Ok(Self::NobodyPresent),
            Ok(Reason::NoVerifier) => Ok(Self::NoVerifier),
            Ok(Reason::Unspecified) | Err(_) => Err(CodecError::UnknownValue {
                field: "blockage.reason",
                value: message.reason,
            }),
        }
    }
}

impl Wire for TaskState {
    type Message = v1::TaskState;
    const NAME: &'static str = "task state";

    fn to_wire(&self) -> v1::TaskState {
        use v1::task_state::Stage;
        let (stage, blockage) = match self {
            Self::Submitted => (Stage::Submitted, None),
            Self::Queued => (Stage::Queued, None),
            Self::Blocked(blockage) => (Stage::Blocked, Some(blockage.to_wire())),
            Self::Assigned => (Stage::Assigned, None),
            Self::Running => (Stage::Running, None),
            Self::Verifying => (Stage::Verifying, None),
            Self::AwaitingApproval => (Stage::AwaitingApproval, None),
            Self::Succeeded => (Stage::Succeeded, None),
            Self::Failed => (Stage::Failed, None),
            Self::TimedOut => (Stage::TimedOut, None),
            Self::Cancelled => (Stage::Cancelled, None),
            Self::Quarantined => (Stage::Quarantined, None),
        };
        v1::TaskState {
            stage: stage.into(),
            blockage,
        }
    }

    fn from_wire(message: v1::TaskState) -> Result<Self, CodecError> {
        use v1::task_state::Stage;
        let stage = Stage::try_from(message.stage);
        if stage != Ok(Stage::Blocked) && message.blockage.is_some() {
            return Err(CodecError::Contradiction {
                field: "task_state.blockage",
                reason: "only a blocked task has one",
            });
        }
        match stage {
            Ok(Stage::Submitted) => Ok(Self::Submitted),
            Ok(Stage::Queued) => Ok(Self::Queued),
            Ok(Stage::Blocked) => {
                field::part("task_state.blockage", message.blockage).map(Self::Blocked)
            }
            Ok(Stage::Assigned) => Ok(Self::Assigned),
            Ok(Stage::Running) => Ok(Self::Running),
            Ok(Stage::Verifying) => Ok(Self::Verifying),
            Ok(Stage::AwaitingApproval) => Ok(Self::AwaitingApproval),
            Ok(Stage::Succeeded) => Ok(Self::Succeeded),
            Ok(Stage::Failed) => Ok(Self::Failed),
            Ok(Stage::TimedOut) => Ok(Self::TimedOut),
            Ok(Stage::Cancelled) => Ok(Self::Cancelled),
            Ok(Stage::Quarantined) => Ok(Self::Quarantined),
            Ok(Stage::Unspecified) | Err(_) => Err(CodecError::UnknownValue {
                field: "task_state.stage",
                value: message.stage,
            }),
        }
    }
}

impl Wire for Attempt {
    type Message = v1::Attempt;
    const NAME: &'static str = "attempt";

    fn to_wire(&self) -> v1::Attempt {
        v1::Attempt {
            number: self.number,
            agent: self.agent.as_bytes().to_vec(),
            node: self.node.as_bytes().to_vec(),
            incarnation: self.incarnation.0,
            assigned_at_ms: self.assigned_at.0,
            lease_until_ms: self.lease_until.0,
            ended: self.ended.map(|(at, how)| v1::AttemptEnded {
                at_ms: at.0,
                how: how.to_number(),
            }),
        }
    }

    fn from_wire(message: v1::Attempt) -> Result<Self, CodecError> {
        let ended = match message.ended {
            Some(ended) => Some((
                Moment(ended.at_ms),
                AttemptEnd::from_number("attempt.ended.how", ended.how)?,
            )),
            None => None,
        };
        Ok(Self {
            number: message.number,
            agent: field::agent_id("attempt.agent", &message.agent)?,
            node: field::node_id("attempt.node", &message.node)?,
            incarnation: Incarnation(message.incarnation),
            assigned_at: Moment(message.assigned_at_ms),
            lease_until: Moment(message.lease_until_ms),
            ended,
        })
    }
}

impl Wire for TaskResult {
    type Message = v1::TaskResult;
    const NAME: &'static str = "task result";

    fn to_wire(&self) -> v1::TaskResult {
        v1::TaskResult {
            outcome: self.outcome.to_number(),
            output: self.output.clone(),
            stdout: self.stdout.clone(),
            stderr: self.stderr.clone(),
            trace: self.trace.clone(),
            duration_ms: self.duration_ms,
        }
    }

    fn from_wire(message: v1::TaskResult) -> Result<Self, CodecError> {
        let (output_max, text_max) = (limits::TASK_OUTPUT_BYTES_MAX, limits::RESULT_TEXT_BYTES_MAX);
        Ok(Self {
            outcome: Outcome::from_number("result.outcome", message.outcome)?,
            output: field::bytes("result.output", message.output, output_max)?,
            stdout: field::text("result.stdout", message.stdout, text_max)?,
            stderr: field::text("result.stderr", message.stderr, text_max)?,
            trace: field::text("result.trace", message.trace, text_max)?,
            duration_ms: message.duration_ms,
        })
    }
}

impl Wire for Report {
    type Message = v1::Report;
    const NAME: &'static str = "report";

    fn to_wire(&self) -> v1::Report {
        v1::Report {
            task: self.task.as_bytes().to_vec(),
            attempt: self.attempt,
            agent: self.agent.as_bytes().to_vec(),
            result: Some(self.result.to_wire()),
        }
    }

    fn from_wire(message: v1::Report) -> Result<Self, CodecError> {
        Ok(Self {
            task: field::task_id("report.task", &message.task)?,
            attempt: message.attempt,
            agent: field::agent_id("report.agent", &message.agent)?,
            result: field::part("report.result", message.result)?,
        })
    }
}

impl Wire for Position {
    type Message = v1::Position;
    const NAME: &'static str = "position";

    fn to_wire(&self) -> v1::Position {
        v1::Position {
            index: self.index.0,
            offset: self.offset,
        }
    }

    fn from_wire(message: v1::Position) -> Result<Self, CodecError> {
        Ok(Self {
            index: Index(message.index),
            offset: message.offset,
        })
    }
}

impl Wire for Transition {
    type Message = v1::Transition;
    const NAME: &'static str = "transition";

    fn to_wire(&self) -> v1::Transition {
        v1::Transition {
            position: Some(self.position.to_wire()),
            at_ms: self.at.0,
            state: Some(self.state.to_wire()),
            note: self.note.clone(),
        }
    }

    fn from_wire(message: v1::Transition) -> Result<Self, CodecError> {
        Ok(Self {
            position: field::part("transition.position", message.position)?,
            at: Moment(message.at_ms),
            state: field::part("transition.state", message.state)?,
            note: message.note,
        })
    }
}

impl Wire for Task {
    type Message = v1::Task;
    const NAME: &'static str = "task";

    fn to_wire(&self) -> v1::Task {
        v1::Task {
            id: self.id.as_bytes().to_vec(),
            spec: Some(self.spec.to_wire()),
            input_digest: self.input_digest.as_bytes().to_vec(),
            via: self.via.as_bytes().to_vec(),
            state: Some(self.state.to_wire()),
            attempts: self.attempts.iter().map(Wire::to_wire).collect(),
            result: self.result.as_ref().map(Wire::to_wire),
            round: self.round.as_ref().map(Wire::to_wire),
            history: self.history.iter().map(Wire::to_wire).collect(),
        }
    }

    fn from_wire(message: v1::Task) -> Result<Self, CodecError> {
        Ok(Self {
            id: field::task_id("task.id", &message.id)?,
            spec: field::part("task.spec", message.spec)?,
            input_digest: field::hash("task.input_digest", &message.input_digest)?,
            via: field::node_id("task.via", &message.via)?,
            state: field::part("task.state", message.state)?,
            attempts: field::parts("task.attempts", message.attempts, field::UNBOUNDED)?,
            result: message.result.map(Wire::from_wire).transpose()?,
            round: message.round.map(Wire::from_wire).transpose()?,
            history: field::parts("task.history", message.history, field::UNBOUNDED)?,
        })
    }
}
