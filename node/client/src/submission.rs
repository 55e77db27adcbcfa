//! Work to submit: what is said is said, the rest the mesh fills in.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use hms_proto::v1 as wire;
use hms_protocol::codec::{self, WireEnum};
use hms_protocol::id::{SkillName, TaskId};
use hms_protocol::proof::{Claim, database_offer};
use hms_protocol::task::TaskKind;
use hms_protocol::time::Moment;
use hms_protocol::verdict::Verification;

/// The skill that proves claims.
const PROVER: &str = "prove.metamath";

/// The label that names a theorem for people.
pub const THEOREM_LABEL: &str = "theorem";

/// Work to submit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submission {
    /// The task's id. Made here, so that a call that is repeated on its way is one task.
    pub task: TaskId,
    /// The skill that an agent must have.
    pub skill: SkillName,
    /// The skill's input.
    pub input: Vec<u8>,
    /// What the task is about; by default what the skill's name says.
    pub kind: Option<TaskKind>,
    /// When the task as a whole is given up; counts more than `within`.
    pub deadline: Option<Moment>,
    /// How long the task as a whole may take from now; by default five minutes.
    pub within: Option<Duration>,
    /// How long one attempt may take; by default a minute.
    pub attempt: Option<Duration>,
    /// How many attempts may be made; by default three.
    pub attempts: Option<u32>,
    /// Higher runs first.
    pub priority: u8,
    /// Two submissions with one key are one task.
    pub idempotency_key: Option<String>,
    /// Offers that an agent must have beside the skill.
    pub needs: BTreeSet<String>,
    /// Free text for people.
    pub labels: BTreeMap<String, String>,
    /// How the result is checked; by default what the skill's name says.
    pub verification: Option<Verification>,
}

impl Submission {
    /// Work for a skill, with everything else left to the mesh.
    pub fn new(skill: SkillName, input: Vec<u8>) -> Self {
        Self {
            task: TaskId::from_bytes(*uuid::Uuid::now_v7().as_bytes()),
            skill,
            input,
            kind: None,
            deadline: None,
            within: None,
            attempt: None,
            attempts: None,
            priority: 0,
            idempotency_key: None,
            needs: BTreeSet::new(),
            labels: BTreeMap::new(),
            verification: None,
        }
    }

    /// A theorem to prove, by an agent that holds its database.
    pub fn proof(claim: &Claim) -> Self {
        let skill = PROVER.parse().expect("the prover's name is a skill's name");
        let mut proof = Self::new(skill, codec::encode(claim));
        proof.kind = Some(TaskKind::Proof);
        proof.needs.insert(database_offer(claim.base));
        proof
            .labels
            .insert(THEOREM_LABEL.to_owned(), claim.label.clone());
        proof
    }

    pub(crate) fn into_wire(self) -> wire::SubmitTaskRequest {
        let spec = wire::TaskSpec {
            kind: self.kind.map_or(0, WireEnum::to_number),
            skill: self.skill.to_string(),
            input: self.input,
            deadline_ms: self.deadline.map_or(0, |deadline| deadline.0),
            attempt_ms: self.attempt.map_or(0, millis),
            attempts_max: self.attempts.unwrap_or(0),
            priority: self.priority.into(),
            idempotency_key: self.idempotency_key,
            needs: self.needs.into_iter().collect(),
            labels: self.labels,
            verification: self.verification.map_or(0, WireEnum::to_number),
        };
        wire::SubmitTaskRequest {
            task: self.task.as_bytes().to_vec(),
            spec: Some(spec),
            within_ms: self.within.map_or(0, millis),
        }
    }
}

/// Whole milliseconds, at least one: zero would mean that nothing was said.
fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use hms_protocol::digest::Hash;

    use super::*;

    #[test]
    fn what_is_not_said_is_left_to_the_mesh() {
        let submission = Submission::new("echo".parse().unwrap(), b"x".to_vec());
        let spec = submission.into_wire().spec.unwrap();
        let left_out = (
            spec.kind,
            spec.deadline_ms,
            spec.attempt_ms,
            spec.attempts_max,
            spec.verification,
        );
        assert_eq!(left_out, (0, 0, 0, 0, 0));
    }

    #[test]
    fn a_proof_needs_an_agent_that_holds_its_base() {
        let base = Hash::from_bytes([3; 32]);
        let claim = Claim {
            base,
            label: "id".to_owned(),
            submission: "x".to_owned(),
        };
        let proof = Submission::proof(&claim);
        assert!(proof.needs.contains(&database_offer(base)));
        assert_eq!(codec::decode::<Claim>(&proof.input), Ok(claim));
        assert_eq!(proof.labels[THEOREM_LABEL], "id");
    }

    #[test]
    fn two_submissions_are_two_tasks() {
        let one = || Submission::new("echo".parse().unwrap(), Vec::new()).task;
        assert_ne!(one(), one());
    }
}
