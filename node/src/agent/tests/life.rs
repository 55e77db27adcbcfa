//! Agents live long, work hard, break alone and stay who they are.

use std::collections::BTreeSet;
use std::future::pending;
use std::sync::Arc;

use futures::future::BoxFuture;
use hms_consensus::input::Input;
use hms_protocol::agent::AgentCertificate;
use hms_protocol::limits::{RESULT_TEXT_BYTES_MAX, TASK_OUTPUT_BYTES_MAX};
use hms_protocol::skill::SkillSpec;
use hms_protocol::task::{Outcome, TaskResult};
use hms_protocol::text::CUT_MARK;
use tempfile::TempDir;
use tokio::sync::Notify;

use super::stage::{MESH, Stage, agent_id, attempt, dispatch, wish};
use crate::agent::skill::success;
use crate::agent::skills::built_in;
use crate::agent::{Job, Order, Skill, SkillSet, Wish};
use crate::limits::AGENT_MAILBOX_CAPACITY;

/// A skill that misbehaves as its input says.
#[derive(Clone, Default)]
struct Rogue {
    begun: Arc<Notify>,
    dropped: Arc<Notify>,
}

/// Tells when it is dropped.
struct Witness(Arc<Notify>);

impl Drop for Witness {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

impl Skill for Rogue {
    fn spec(&self) -> SkillSpec {
        SkillSpec {
            name: "rogue".parse().unwrap(),
            version: "1.0".to_owned(),
            summary: "Misbehaves.".to_owned(),
            input: "how".to_owned(),
            offers: BTreeSet::new(),
        }
    }

    fn run(&self, job: Job) -> BoxFuture<'static, TaskResult> {
        let Self { begun, dropped } = self.clone();
        Box::pin(async move {
            match job.input.as_slice() {
                b"panic" => panic!("as ordered"),
                b"flood" => success(vec![0; TASK_OUTPUT_BYTES_MAX + 1]),
                b"talk" => TaskResult {
                    stdout: "talk ".repeat(RESULT_TEXT_BYTES_MAX),
                    ..success(Vec::new())
                },
                _ => {
                    let _witness = Witness(dropped);
                    begun.notify_one();
                    pending().await
                }
            }
        })
    }
}

fn skills() -> SkillSet {
    built_in(&[]).unwrap().with(Rogue::default())
}

/// One agent, alone on its node, and the skill with which it misbehaves.
struct Lone {
    stage: Stage,
    agent: AgentCertificate,
    rogue: Rogue,
    _folder: TempDir,
}

impl Lone {
    async fn open(slots: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let rogue = Rogue::default();
        let skills = skills().with(rogue.clone());
        let mut stage = Stage::open(&folder, skills, vec![wish(1, slots)]);
        Self {
            agent: stage.hear_raised().await,
            stage,
            rogue,
            _folder: folder,
        }
    }

    async fn start(&self, skill: &str, input: &[u8]) {
        let order = dispatch(self.agent.agent, skill, input);
        self.stage.order(Order::Start(order)).await;
    }

    /// Has the agent begin a run that never ends.
    async fn hang(&self) {
        self.start("rogue", b"hang").await;
        self.rogue.begun.notified().await;
    }

    async fn run(&mut self, skill: &str, input: &[u8]) -> TaskResult {
        self.stage.run(&self.agent, skill, input).await
    }
}

/// AGT-9: a thousand agents of one node are at work at once. What they weigh is measured in `tests/crowd.rs`.
#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_agents_each_run_their_task() {
    const AGENTS: u64 = 1_000;
    let folder = tempfile::tempdir().unwrap();
    let mut stage = Stage::open(&folder, skills(), vec![wish(0, 1)]);
    stage.hear_raised().await;

    let mut certificates = Vec::new();
    for number in 1..=AGENTS {
        stage.order(Order::Raise(wish(number, 1))).await;
        certificates.push(stage.hear_raised().await);
    }
    let mut open = BTreeSet::new();
    for certificate in &certificates {
        let input = certificate.agent.to_string().into_bytes();
        stage
            .order(Order::Start(dispatch(certificate.agent, "echo", &input)))
            .await;
        open.insert(attempt(&input));
    }
    while !open.is_empty() {
        let heard = stage.hear().await;
        let Input::Ended { run, .. } = heard else {
            panic!("expected the end of a run, heard {heard:?}");
        };
        assert!(open.remove(&run), "a run ended twice");
    }
    stage.close().await;
}

/// AGT-1: an agent is the same after a restart: id, key and certificate.
#[tokio::test]
async fn an_agent_keeps_its_id_and_key_across_restarts() {
    let folder = tempfile::tempdir().unwrap();
    let mut stage = Stage::open(&folder, skills(), vec![wish(1, 4)]);
    let first = stage.hear_raised().await;
    assert!(first.verify(MESH));
    stage.close().await;

    let mut stage = Stage::open(&folder, skills(), vec![wish(2, 4)]);
    assert_eq!(stage.hear_raised().await, first);
    let result = stage.run(&first, "echo", b"still me").await;
    assert_eq!(result.output, b"still me");
    stage.close().await;
}

#[tokio::test]
async fn an_agent_that_was_dismissed_does_not_come_back_and_what_it_ran_is_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let rogue = Rogue::default();
    let wishes = vec![wish(1, 1), wish(2, 1)];
    let mut stage = Stage::open(&folder, skills().with(rogue.clone()), wishes);
    let (first, second) = (stage.hear_raised().await, stage.hear_raised().await);
    stage
        .order(Order::Start(dispatch(first.agent, "rogue", b"hang")))
        .await;
    rogue.begun.notified().await;

    stage.order(Order::Dismiss(first.agent)).await;
    rogue.dropped.notified().await;
    assert!(matches!(stage.hear().await, Input::Dismissed(agent) if agent == first.agent));
    stage.close().await;

    let mut stage = Stage::open(&folder, skills(), Vec::new());
    assert_eq!(stage.hear_raised().await.agent, second.agent);
    stage.close().await;
}

#[tokio::test]
async fn a_skill_that_panics_costs_one_run_and_the_agent_lives() {
    let mut lone = Lone::open(1).await;
    let broken = lone.run("rogue", b"panic").await;
    assert_eq!(broken.outcome, Outcome::Failure);
    assert!(broken.stderr.contains("as ordered"), "{}", broken.stderr);
    let whole = lone.run("echo", b"alive").await;
    assert_eq!(whole.output, b"alive");
    lone.stage.close().await;
}

#[tokio::test]
async fn a_run_past_its_limit_is_cut_off() {
    let mut lone = Lone::open(1).await;
    let mut order = dispatch(lone.agent.agent, "rogue", b"hang");
    order.limit_ms = 20;
    lone.stage.order(Order::Start(order)).await;
    let report = lone.stage.hear_report(&lone.agent).await;
    assert_eq!(report.result.outcome, Outcome::Timeout);
    assert!(20 <= report.result.duration_ms);
    lone.rogue.dropped.notified().await;
    lone.stage.close().await;
}

#[tokio::test]
async fn a_run_that_is_stopped_is_dropped_and_reports_nothing() {
    let mut lone = Lone::open(1).await;
    lone.hang().await;
    lone.stage.order(Order::Stop(attempt(b"hang"))).await;
    lone.rogue.dropped.notified().await;
    // The next thing heard is the next run's end, and the slot is free for it.
    let result = lone.run("echo", b"next").await;
    assert_eq!(result.output, b"next");
    lone.stage.close().await;
}

#[tokio::test]
async fn an_output_that_is_too_large_fails_and_a_text_that_is_too_long_is_cut() {
    let mut lone = Lone::open(1).await;
    let flood = lone.run("rogue", b"flood").await;
    assert_eq!((flood.outcome, flood.output.len()), (Outcome::Failure, 0));
    let talk = lone.run("rogue", b"talk").await;
    assert_eq!(talk.outcome, Outcome::Success);
    assert!(talk.stdout.len() <= RESULT_TEXT_BYTES_MAX && talk.stdout.ends_with(CUT_MARK));
    lone.stage.close().await;
}

#[tokio::test]
async fn an_agent_without_room_says_at_once_that_it_is_busy() {
    let mut lone = Lone::open(1).await;
    lone.hang().await;
    for number in 0..AGENT_MAILBOX_CAPACITY {
        let input = format!("waits {number}").into_bytes();
        lone.start("rogue", &input).await;
    }
    let result = lone.run("echo", b"one too many").await;
    assert_eq!(result.outcome, Outcome::Unavailable);
    assert!(result.stderr.starts_with("busy"), "{}", result.stderr);
    lone.stage.close().await;
}

#[tokio::test]
async fn an_order_that_is_repeated_runs_once() {
    let mut lone = Lone::open(8).await;
    for _ in 0..2 {
        lone.start("rogue", b"hang").await;
    }
    lone.rogue.begun.notified().await;
    lone.stage.order(Order::Stop(attempt(b"hang"))).await;
    lone.rogue.dropped.notified().await;
    let result = lone.run("echo", b"after").await;
    assert_eq!(result.output, b"after");
    lone.stage.close().await;
}

#[tokio::test]
async fn an_agent_has_the_skills_that_were_wished_for_and_no_others() {
    let folder = tempfile::tempdir().unwrap();
    let only = Wish {
        agent: agent_id(1),
        skills: BTreeSet::from(["echo".parse().unwrap()]),
        slots: 1,
    };
    let mut stage = Stage::open(&folder, skills(), vec![only.clone()]);
    assert_eq!(stage.hear_raised().await.skills, only.skills);
    let mut impossible = wish(2, 1);
    impossible.skills.insert("alchemy".parse().unwrap());
    stage.order(Order::Raise(impossible)).await;
    // Nothing is heard of the impossible one: the next is the next.
    stage.order(Order::Raise(wish(3, 1))).await;
    assert_eq!(stage.hear_raised().await.agent, agent_id(3));
    stage.close().await;
}
