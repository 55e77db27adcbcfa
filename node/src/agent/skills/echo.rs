//! `echo`: gives back what it was given. For tests and for measuring the mesh itself.

use std::collections::BTreeSet;

use futures::future::BoxFuture;
use hms_protocol::skill::SkillSpec;
use hms_protocol::task::TaskResult;

use crate::agent::skill::{Job, Skill, success};

/// Gives back what it was given.
#[derive(Clone, Copy, Debug, Default)]
pub struct Echo;

impl Skill for Echo {
    fn spec(&self) -> SkillSpec {
        SkillSpec {
            name: "echo".parse().expect("a valid name"),
            version: "1.0".to_owned(),
            summary: "Gives back its input.".to_owned(),
            input: "any bytes".to_owned(),
            offers: BTreeSet::new(),
        }
    }

    fn run(&self, job: Job) -> BoxFuture<'static, TaskResult> {
        Box::pin(async move { success(job.input) })
    }
}
