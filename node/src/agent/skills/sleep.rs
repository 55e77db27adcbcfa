//! `sleep`: does nothing for a while. For tests of leases, deadlines and cancellation.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::BoxFuture;
use hms_protocol::skill::SkillSpec;
use hms_protocol::task::{Outcome, TaskResult};

use crate::agent::skill::{Job, Skill, failure, success};

/// Does nothing for a while.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sleep;

impl Skill for Sleep {
    fn spec(&self) -> SkillSpec {
        SkillSpec {
            name: "sleep".parse().expect("a valid name"),
            version: "1.0".to_owned(),
            summary: "Does nothing for a while.".to_owned(),
            input: "milliseconds, in decimal digits".to_owned(),
            offers: BTreeSet::new(),
        }
    }

    fn run(&self, job: Job) -> BoxFuture<'static, TaskResult> {
        Box::pin(async move {
            let text = String::from_utf8_lossy(&job.input);
            let Ok(span_ms) = text.trim().parse() else {
                let quoted: String = text.chars().take(40).collect();
                return failure(Outcome::Failure, format!("{quoted:?} is not milliseconds"));
            };
            tokio::time::sleep(Duration::from_millis(span_ms)).await;
            success(job.input)
        })
    }
}
