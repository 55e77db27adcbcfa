//! What a task may ask for and what a result may hold, checked once before either enters the ledger.
//!
//! Whether anybody can do what is asked is not decided here.

use super::{TaskResult, TaskSpec};
use crate::limits;
use crate::refusal::{Refusal, check_bytes, check_range};
use crate::time::Moment;
use crate::verdict::{Verification, verifying_skill};

impl TaskSpec {
    /// Checks every bound. `now` is the ledger's time: a deadline must lie after it.
    pub fn check(&self, now: Moment) -> Result<(), Refusal> {
        check_bytes("input", self.input.len(), limits::TASK_INPUT_BYTES_MAX)?;
        if self.deadline <= now {
            return Err(Refusal::DeadlinePassed {
                late_ms: now.since_ms(self.deadline),
            });
        }
        let span_ms = self.deadline.since_ms(now);
        check_range(
            "milliseconds to the deadline",
            span_ms,
            (1, limits::DEADLINE_MS_MAX),
        )?;
        check_range("attempt_ms", self.attempt_ms, (1, limits::ATTEMPT_MS_MAX))?;
        let attempts_high = u64::from(limits::ATTEMPTS_MAX);
        check_range("attempts_max", self.attempts_max.into(), (1, attempts_high))?;
        if let Some(key) = &self.idempotency_key {
            check_text("idempotency_key", key, limits::IDEMPOTENCY_KEY_BYTES_MAX)?;
        }
        let labels_high = limits::LABELS_MAX as u64;
        check_range("number of needs", self.needs.len() as u64, (0, labels_high))?;
        for need in &self.needs {
            check_text("need", need, limits::LABEL_BYTES_MAX)?;
        }
        check_range(
            "number of labels",
            self.labels.len() as u64,
            (0, labels_high),
        )?;
        for (key, value) in &self.labels {
            check_text("label", key, limits::LABEL_BYTES_MAX)?;
            check_bytes("label value", value.len(), limits::LABEL_BYTES_MAX)?;
        }
        self.check_verification()
    }

    /// A proof is always checked by a kernel, and nothing else can be.
    fn check_verification(&self) -> Result<(), Refusal> {
        let proves = self.skill.as_str().starts_with("prove.");
        let reason = match self.verification {
            Verification::Reported if proves => "a proof is checked by a kernel",
            Verification::Kernel if verifying_skill(&self.skill).is_none() => {
                "no kernel checks the results of this skill"
            }
            Verification::Reported | Verification::Kernel => return Ok(()),
        };
        Err(Refusal::Invalid {
            field: "verification",
            reason: reason.to_owned(),
        })
    }
}

/// Refuses an empty text and one of more than `bytes_max` bytes.
fn check_text(field: &'static str, text: &str, bytes_max: usize) -> Result<(), Refusal> {
    if text.is_empty() {
        return Err(Refusal::Invalid {
            field,
            reason: "it is empty".to_owned(),
        });
    }
    check_bytes(field, text.len(), bytes_max)
}

impl TaskResult {
    /// Checks the sizes. A runtime that cuts a text counts the mark that it leaves.
    pub fn check(&self) -> Result<(), Refusal> {
        check_bytes("output", self.output.len(), limits::TASK_OUTPUT_BYTES_MAX)?;
        for (what, text) in [
            ("stdout", &self.stdout),
            ("stderr", &self.stderr),
            ("trace", &self.trace),
        ] {
            check_bytes(what, text.len(), limits::RESULT_TEXT_BYTES_MAX)?;
        }
        Ok(())
    }

    /// How many bytes it holds.
    pub fn bytes(&self) -> usize {
        self.output.len() + self.stdout.len() + self.stderr.len() + self.trace.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::SkillName;
    use crate::task::TaskKind;

    const NOW: Moment = Moment(1_000_000);

    fn spec() -> TaskSpec {
        TaskSpec {
            kind: TaskKind::Work,
            skill: "echo".parse().unwrap(),
            input: b"hello".to_vec(),
            deadline: NOW.plus_ms(60_000),
            attempt_ms: 1_000,
            attempts_max: 3,
            priority: 0,
            idempotency_key: None,
            needs: std::collections::BTreeSet::new(),
            labels: std::collections::BTreeMap::new(),
            verification: Verification::Reported,
        }
    }

    fn check(change: impl FnOnce(&mut TaskSpec), code: Option<&str>) {
        let mut spec = spec();
        change(&mut spec);
        let refusal = spec.check(NOW).err();
        assert_eq!(refusal.as_ref().map(Refusal::code), code, "{refusal:?}");
    }

    #[test]
    fn a_task_is_taken_only_within_its_bounds() {
        check(|_| (), None);
        check(|spec| spec.deadline = NOW, Some("HMS-DEADLINE-PASSED"));
        check(
            |spec| spec.deadline = NOW.plus_ms(limits::DEADLINE_MS_MAX + 1),
            Some("HMS-OUT-OF-RANGE"),
        );
        check(|spec| spec.attempt_ms = 0, Some("HMS-OUT-OF-RANGE"));
        check(|spec| spec.attempts_max = 0, Some("HMS-OUT-OF-RANGE"));
        check(|spec| spec.attempts_max = 17, Some("HMS-OUT-OF-RANGE"));
        let too_long = vec![0; limits::TASK_INPUT_BYTES_MAX + 1];
        check(|spec| spec.input = too_long, Some("HMS-TOO-LARGE"));
        check(
            |spec| spec.idempotency_key = Some(String::new()),
            Some("HMS-INVALID"),
        );
        check(
            |spec| spec.needs = [String::new()].into(),
            Some("HMS-INVALID"),
        );
        let many = (0..=limits::LABELS_MAX).map(|number| (number.to_string(), String::new()));
        check(
            |spec| spec.labels = many.collect(),
            Some("HMS-OUT-OF-RANGE"),
        );
    }

    #[test]
    fn a_proof_is_checked_by_a_kernel_and_nothing_else_is() {
        let prove: SkillName = "prove.metamath".parse().unwrap();
        check(|spec| spec.skill = prove.clone(), Some("HMS-INVALID"));
        check(
            |spec| spec.verification = Verification::Kernel,
            Some("HMS-INVALID"),
        );
        check(
            |spec| {
                spec.skill = prove;
                spec.verification = Verification::Kernel;
            },
            None,
        );
    }
}
