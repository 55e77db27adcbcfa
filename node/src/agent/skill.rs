//! What a skill is: the one thing to implement to teach the mesh a new kind of work.
//!
//! A skill works on values that were bounded before and is cut off from outside: it needs no deadline, no output cap and
//! no panic guard of its own. A skill that starts processes ends them when its future is dropped.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use hms_protocol::id::SkillName;
use hms_protocol::peer::Run;
use hms_protocol::service::{ServiceSpec, Sight};
use hms_protocol::skill::SkillSpec;
use hms_protocol::task::{Outcome, Report, TaskResult};
use hms_protocol::verdict::Finding;
use tokio_util::sync::CancellationToken;

use super::memory::Memory;

/// What a skill is asked to do.
#[derive(Clone, Debug)]
pub struct Job {
    /// Which execution this is.
    pub run: Run,
    /// The task's input.
    pub input: Vec<u8>,
    /// For a check: the report to be checked.
    pub report: Option<Report>,
    /// How long the skill has, in all.
    pub limit: Duration,
    /// What the agent remembers from run to run.
    pub memory: Memory,
    /// Cancelled when the outcome is not wanted any more. A skill may look at it; its future is dropped in any case.
    pub cancelled: CancellationToken,
}

/// What one probe saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// Up or down.
    pub sight: Sight,
    /// What the probe says, for people.
    pub detail: String,
}

/// A kind of work. One value serves every agent of a node.
pub trait Skill: Send + Sync + 'static {
    /// What the mesh is told of it.
    fn spec(&self) -> SkillSpec;

    /// Does the work.
    fn run(&self, job: Job) -> BoxFuture<'static, TaskResult>;

    /// Whether an agent has the skill only if it was spawned with it by name. So it should be with a skill that is of use on
    /// one agent in particular, because it remembers: a task goes to any agent that has its skill.
    fn is_personal(&self) -> bool {
        false
    }

    /// Checks another agent's report. Only skills named `verify.*` do.
    fn check(&self, job: Job) -> BoxFuture<'static, Finding> {
        let skill = self.spec().name;
        let run = job.run;
        Box::pin(async move { Finding::Unavailable(format!("{skill} does not check: {run:?}")) })
    }

    /// Looks at a service once. Only skills named `probe.*` do.
    fn probe(&self, spec: ServiceSpec) -> BoxFuture<'static, Sighting> {
        let detail = format!("{} does not probe", spec.probe);
        Box::pin(async move {
            Sighting {
                sight: Sight::Down,
                detail,
            }
        })
    }
}

/// The skills of a node, by name.
#[derive(Clone, Default)]
pub struct SkillSet {
    // Shared: every agent of a node holds the set.
    skills: Arc<BTreeMap<SkillName, Arc<dyn Skill>>>,
}

impl SkillSet {
    /// This set and one more skill. A skill of the same name is replaced.
    #[must_use]
    pub fn with(mut self, skill: impl Skill) -> Self {
        Arc::make_mut(&mut self.skills).insert(skill.spec().name, Arc::new(skill));
        self
    }

    /// This set, and where it has no skill of a name, the other's.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        let mut skills = BTreeMap::clone(&other.skills);
        let own = self.skills.iter();
        skills.extend(own.map(|(name, skill)| (name.clone(), Arc::clone(skill))));
        Self {
            skills: Arc::new(skills),
        }
    }

    /// The skill of this name.
    pub fn get(&self, name: &SkillName) -> Option<&Arc<dyn Skill>> {
        self.skills.get(name)
    }

    /// Whether agents have the skill of this name only if they were spawned with it by name.
    pub fn is_personal(&self, name: &SkillName) -> bool {
        self.get(name).is_some_and(|skill| skill.is_personal())
    }

    /// What the mesh is told of all of them, by name.
    pub fn specs(&self) -> Vec<SkillSpec> {
        self.skills.values().map(|skill| skill.spec()).collect()
    }
}

impl std::fmt::Debug for SkillSet {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_set().entries(self.skills.keys()).finish()
    }
}

/// A result of work that was done.
pub fn success(output: Vec<u8>) -> TaskResult {
    result(Outcome::Success, output, String::new())
}

/// A result of work that has no good outcome; `reason` goes to `stderr`.
pub fn failure(outcome: Outcome, reason: String) -> TaskResult {
    result(outcome, Vec::new(), reason)
}

fn result(outcome: Outcome, output: Vec<u8>, stderr: String) -> TaskResult {
    TaskResult {
        outcome,
        output,
        stdout: String::new(),
        stderr,
        trace: String::new(),
        // The runtime measures.
        duration_ms: 0,
    }
}
