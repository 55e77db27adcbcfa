//! The probing skills: whether something out there is as it should be.
//!
//! Each looks once, at a target that was checked before, and answers up or down with a sentence. The same look serves a
//! watched service and a task of its own. None of them can be held up: what hangs is cut off by whoever asked, what
//! floods is read up to a bound, and what redirects in a circle is left.

mod command;
mod http;
mod process;
mod target;
mod tcp;

use std::collections::BTreeSet;

use futures::future::BoxFuture;
use hms_protocol::service::{ServiceSpec, Sight};
use hms_protocol::skill::SkillSpec;
use hms_protocol::task::{Outcome, TaskResult};

use self::target::Target;
pub use self::target::TargetRefusal;
use crate::agent::skill::{Job, Sighting, Skill, SkillSet, failure, success};

/// What a look comes to: a sentence for people, `Ok` if all is well.
type Seen = Result<String, String>;

/// A look at a target that was understood.
type Look = BoxFuture<'static, Seen>;

/// Every probing skill.
pub fn all() -> SkillSet {
    SkillSet::default()
        .with(Probe {
            name: "probe.http",
            summary: "Asks a web server for a page.",
            input: "url; status (2xx if not said), contains, ca_file",
            aim: http::aim,
        })
        .with(Probe {
            name: "probe.tcp",
            summary: "Connects to a port.",
            input: "address (host:port); send, expect",
            aim: tcp::aim,
        })
        .with(Probe {
            name: "probe.process",
            summary: "Looks whether a process runs on this machine.",
            input: "one of pid_file, name, command; count (1 if not said)",
            aim: process::aim,
        })
        .with(Probe {
            name: "probe.command",
            summary: "Runs a program on this machine, without a shell.",
            input: "argv (words, or a JSON array); exit (0 if not said), contains",
            aim: command::aim,
        })
}

/// One probing skill.
#[derive(Clone, Copy, Debug)]
struct Probe {
    name: &'static str,
    summary: &'static str,
    input: &'static str,
    /// Understands a target, and prepares to look at it.
    aim: fn(Target) -> Result<Look, TargetRefusal>,
}

impl Skill for Probe {
    fn spec(&self) -> SkillSpec {
        SkillSpec {
            name: self.name.parse().expect("a valid name"),
            version: "1.0".to_owned(),
            summary: self.summary.to_owned(),
            input: format!("a JSON object with {}", self.input),
            offers: BTreeSet::new(),
        }
    }

    /// As a task: succeeds if the target is up; what was seen is the output either way.
    fn run(&self, job: Job) -> BoxFuture<'static, TaskResult> {
        let look = Target::from_json(&job.input).and_then(self.aim);
        Box::pin(async move {
            let look = match look {
                Ok(look) => look,
                Err(refusal) => return failure(Outcome::Failure, refusal.to_string()),
            };
            match look.await {
                Ok(detail) => success(describe("up", &detail)),
                Err(detail) => TaskResult {
                    output: describe("down", &detail),
                    ..failure(Outcome::Failure, detail)
                },
            }
        })
    }

    fn probe(&self, spec: ServiceSpec) -> BoxFuture<'static, Sighting> {
        let look = (self.aim)(Target::new(spec.target));
        Box::pin(async move {
            let seen = match look {
                Ok(look) => look.await,
                Err(refusal) => Err(refusal.to_string()),
            };
            match seen {
                Ok(detail) => Sighting {
                    sight: Sight::Up,
                    detail,
                },
                Err(detail) => Sighting {
                    sight: Sight::Down,
                    detail,
                },
            }
        })
    }
}

fn describe(sight: &str, detail: &str) -> Vec<u8> {
    serde_json::json!({ "sight": sight, "detail": detail })
        .to_string()
        .into_bytes()
}

/// Whether bytes hold a text.
fn holds(bytes: &[u8], text: &str) -> bool {
    text.is_empty()
        || bytes
            .windows(text.len())
            .any(|window| window == text.as_bytes())
}

/// An error with what caused it, in one line.
fn explain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        // Many errors repeat their cause in their own words.
        if !text.contains(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        cause = inner.source();
    }
    text
}
