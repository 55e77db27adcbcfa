//! Agents that do not do their work: one claims proofs that are none, one accepts everything unseen.

use std::sync::Arc;

use futures::future::BoxFuture;
use hms_node::agent::{Job, Skill};
use hms_protocol::skill::SkillSpec;
use hms_protocol::task::{Outcome, TaskResult};
use hms_protocol::verdict::Finding;
use hms_testnet::attack::Attack;

use crate::corruption::Corruption;

/// A prover that may lie.
pub(crate) struct Lying {
    honest: Arc<dyn Skill>,
    corruption: Arc<Corruption>,
}

/// A verifier that may not look.
pub(crate) struct Lazy {
    honest: Arc<dyn Skill>,
    corruption: Arc<Corruption>,
}

impl Lying {
    /// Honest, but for the corruption.
    pub(crate) fn new(honest: Arc<dyn Skill>, corruption: Arc<Corruption>) -> Self {
        Self { honest, corruption }
    }
}

impl Lazy {
    /// Honest, but for the corruption.
    pub(crate) fn new(honest: Arc<dyn Skill>, corruption: Arc<Corruption>) -> Self {
        Self { honest, corruption }
    }
}

impl Skill for Lying {
    fn spec(&self) -> SkillSpec {
        self.honest.spec()
    }

    fn run(&self, job: Job) -> BoxFuture<'static, TaskResult> {
        if !self.corruption.does(Attack::FalseResults) {
            return self.honest.run(job);
        }
        Box::pin(async {
            TaskResult {
                outcome: Outcome::Success,
                output: b"surely $= self self match $.".to_vec(),
                stdout: String::new(),
                stderr: String::new(),
                trace: String::new(),
                duration_ms: 1,
            }
        })
    }
}

impl Skill for Lazy {
    fn spec(&self) -> SkillSpec {
        self.honest.spec()
    }

    fn run(&self, job: Job) -> BoxFuture<'static, TaskResult> {
        self.honest.run(job)
    }

    fn check(&self, job: Job) -> BoxFuture<'static, Finding> {
        if !self.corruption.does(Attack::LazyVerdicts) {
            return self.honest.check(job);
        }
        Box::pin(async { Finding::Accepted })
    }
}
