//! A node of one's own: its agents can count words, beside what every agent can.
//!
//! `cargo run -p hms-node --example counter -- --data-dir n9 --join ADDRESS --token TOKEN`, then
//! `hms task submit --skill words --input "how many are these" --wait`.

use std::process::ExitCode;

use hms_node::agent::{BoxFuture, Job, Skill, SkillSet, SkillSpec, TaskResult, success};

/// Counts words.
pub(crate) struct Words;

impl Skill for Words {
    fn spec(&self) -> SkillSpec {
        SkillSpec {
            name: "words".parse().expect("a valid name"),
            version: "1.0".to_owned(),
            summary: "Counts words.".to_owned(),
            input: "any text".to_owned(),
            offers: [].into(),
        }
    }

    fn run(&self, job: Job) -> BoxFuture<'static, TaskResult> {
        let text = String::from_utf8_lossy(&job.input);
        let count = text.split_whitespace().count();
        Box::pin(async move { success(count.to_string().into_bytes()) })
    }
}

fn main() -> ExitCode {
    hms_node::program::main(SkillSet::default().with(Words))
}
