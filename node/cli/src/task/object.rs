//! Tasks as objects, for programs.

use hms_client::domain::task::{Attempt, Task, TaskResult};
use hms_client::domain::verdict::Verdict;
use serde_json::{Value, json};

use super::words::blocked;
use crate::session::Names;

/// A task in a list, for programs.
pub(super) fn brief_json(task: &Task) -> Value {
    let spec = &task.spec;
    json!({
        "task": task.id.to_string(),
        "skill": spec.skill.as_str(),
        "state": task.state.name(),
        "blocked": blocked(task),
        "via": task.via.to_string(),
        "priority": spec.priority,
        "deadline_ms": spec.deadline.0,
        "attempt_ms": spec.attempt_ms,
        "attempts_max": spec.attempts_max,
        "attempts": task.attempts.iter().map(attempt_json).collect::<Vec<_>>(),
        "idempotency_key": spec.idempotency_key,
        "needs": spec.needs,
        "labels": spec.labels,
        "submitted_at_ms": task.history.first().map(|step| step.at.0),
        "changed_at_ms": task.history.last().map(|step| step.at.0),
        "outcome": task.result.as_ref().map(|report| report.result.outcome.name()),
    })
}

/// A task in full, for programs.
pub(super) fn full_json(task: &Task, names: &Names) -> Value {
    let mut object = brief_json(task);
    object["via_name"] = json!(names.of(task.via));
    object["input_digest"] = json!(task.input_digest.to_string());
    object["input_bytes"] = json!(task.spec.input.len());
    object["verdicts"] = task
        .round
        .iter()
        .flat_map(|round| &round.verdicts)
        .map(verdict_json)
        .collect();
    object["history"] = task
        .history
        .iter()
        .map(|step| {
            json!({
                "position": step.position.to_string(),
                "at_ms": step.at.0,
                "state": step.state.name(),
                "why": step.note,
            })
        })
        .collect();
    object["result"] = task
        .result
        .as_ref()
        .map_or(Value::Null, |report| result_json(&report.result));
    object
}

fn attempt_json(attempt: &Attempt) -> Value {
    json!({
        "number": attempt.number,
        "agent": attempt.agent.to_string(),
        "node": attempt.node.to_string(),
        "assigned_at_ms": attempt.assigned_at.0,
        "ended_at_ms": attempt.ended.map(|(at, _)| at.0),
        "end": attempt.ended.map(|(_, how)| how.name()),
    })
}

fn verdict_json(verdict: &Verdict) -> Value {
    json!({
        "verifier": verdict.verifier.to_string(),
        "attempt": verdict.attempt,
        "round": verdict.round,
        "finding": verdict.finding.to_string(),
    })
}

/// A result, for programs. The output is text if it is text, and hexadecimal digits beside it in any case.
pub(crate) fn result_json(result: &TaskResult) -> Value {
    json!({
        "outcome": result.outcome.name(),
        "output": std::str::from_utf8(&result.output).ok(),
        "output_hex": hex::encode(&result.output),
        "stdout": result.stdout,
        "stderr": result.stderr,
        "trace": result.trace,
        "duration_ms": result.duration_ms,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::example::task;

    #[test]
    fn a_program_gets_the_output_as_text_and_as_digits() {
        let json = full_json(&task(), &Names::default());
        assert_eq!(json["result"]["output"], "hello");
        assert_eq!(json["result"]["output_hex"], "68656c6c6f");
        assert_eq!(json["attempts"][0]["end"], "reported");
        assert_eq!(json["history"][2]["state"], "succeeded");
    }

    #[test]
    fn binary_output_is_only_digits() {
        let mut binary = task().result.unwrap().result;
        binary.output = vec![0, 159];
        let json = result_json(&binary);
        assert_eq!(
            (&json["output"], &json["output_hex"]),
            (&Value::Null, &json!("009f"))
        );
    }
}
