//! Arbitrary tasks, verdicts and services, and the ledger's records of them.

use hms_protocol::service::{Health, HealthChange, Observation, Service, ServiceSpec, Sight};
use hms_protocol::task::{
    Attempt, AttemptEnd, Blockage, Outcome, Report, Task, TaskKind, TaskResult, TaskSpec,
    TaskState, Transition,
};
use hms_protocol::verdict::{Finding, Round, Verdict, Verification};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::{
    FEW, agent_id, bytes, hash, incarnation, labels, maybe, moment, node_id, node_name, position,
    service_name, skill_name, task_id, text, texts,
};

prop_compose! {
    pub(crate) fn task_spec()(
        kind in select(vec![TaskKind::Work, TaskKind::Proof]),
        skill in skill_name(), input in bytes(), deadline in moment(), attempt_ms: u64,
        attempts_max: u32, priority: u8, idempotency_key in maybe(text()), needs in texts(),
        labels in labels(),
        verification in select(vec![Verification::Reported, Verification::Kernel]),
    ) -> TaskSpec {
        TaskSpec {
            kind, skill, input, deadline, attempt_ms, attempts_max, priority, idempotency_key,
            needs, labels, verification,
        }
    }
}

pub(crate) fn blockage() -> impl Strategy<Value = Blockage> {
    prop_oneof![
        Just(Blockage::NoSkill),
        text().prop_map(Blockage::NoOffer),
        Just(Blockage::NobodyPresent),
        Just(Blockage::NoVerifier),
    ]
}

pub(crate) fn task_state() -> impl Strategy<Value = TaskState> {
    prop_oneof![
        Just(TaskState::Submitted),
        Just(TaskState::Queued),
        blockage().prop_map(TaskState::Blocked),
        Just(TaskState::Assigned),
        Just(TaskState::Running),
        Just(TaskState::Verifying),
        Just(TaskState::AwaitingApproval),
        Just(TaskState::Succeeded),
        Just(TaskState::Failed),
        Just(TaskState::TimedOut),
        Just(TaskState::Cancelled),
        Just(TaskState::Quarantined),
    ]
}

fn attempt_end() -> impl Strategy<Value = AttemptEnd> {
    select(vec![
        AttemptEnd::Reported,
        AttemptEnd::NodeLost,
        AttemptEnd::AgentLost,
        AttemptEnd::LeaseExpired,
        AttemptEnd::Withdrawn,
    ])
}

prop_compose! {
    pub(crate) fn attempt()(
        number: u32, agent in agent_id(), node in node_id(), incarnation in incarnation(),
        assigned_at in moment(), lease_until in moment(),
        ended in maybe((moment(), attempt_end())),
    ) -> Attempt {
        Attempt { number, agent, node, incarnation, assigned_at, lease_until, ended }
    }
}

prop_compose! {
    pub(crate) fn task_result()(
        outcome in select(vec![
            Outcome::Success, Outcome::Failure, Outcome::Timeout, Outcome::Cancelled,
            Outcome::Unavailable,
        ]),
        output in bytes(), stdout in text(), stderr in text(), trace in text(), duration_ms: u64,
    ) -> TaskResult {
        TaskResult { outcome, output, stdout, stderr, trace, duration_ms }
    }
}

prop_compose! {
    pub(crate) fn report()(
        task in task_id(), attempt: u32, agent in agent_id(), result in task_result(),
    ) -> Report {
        Report { task, attempt, agent, result }
    }
}

prop_compose! {
    pub(crate) fn transition()(
        position in position(), at in moment(), state in task_state(), note in text(),
    ) -> Transition {
        Transition { position, at, state, note }
    }
}

pub(crate) fn finding() -> impl Strategy<Value = Finding> {
    prop_oneof![
        Just(Finding::Accepted),
        text().prop_map(Finding::Rejected),
        text().prop_map(Finding::Unavailable),
    ]
}

prop_compose! {
    pub(crate) fn verdict()(
        task in task_id(), attempt: u32, round: u32, verifier in agent_id(),
        report_digest in hash(), finding in finding(),
    ) -> Verdict {
        Verdict { task, attempt, round, verifier, report_digest, finding }
    }
}

prop_compose! {
    pub(crate) fn round()(
        number: u32, drawn_at in moment(), drawn in vec((agent_id(), node_id()), FEW),
        verdicts in vec(verdict(), FEW),
    ) -> Round {
        Round { number, drawn_at, drawn, verdicts }
    }
}

prop_compose! {
    pub(crate) fn task()(
        id in task_id(), spec in task_spec(), input_digest in hash(), via in node_id(),
        state in task_state(), attempts in vec(attempt(), FEW), result in maybe(report()),
        round in maybe(round()), history in vec(transition(), FEW),
    ) -> Task {
        Task { id, spec, input_digest, via, state, attempts, result, round, history }
    }
}

prop_compose! {
    pub(crate) fn service_spec()(
        name in service_name(), probe in skill_name(), target in labels(), interval_ms: u64,
        timeout_ms: u64, retries: u32, probers: u32, quorum: u32,
        nodes in vec(node_name(), FEW),
    ) -> ServiceSpec {
        ServiceSpec {
            name, probe, target, interval_ms, timeout_ms, retries, probers, quorum, nodes,
        }
    }
}

prop_compose! {
    pub(crate) fn observation()(
        service in service_name(), revision: u64, node in node_id(),
        sight in select(vec![Sight::Up, Sight::Down]), latency_ms: u64, detail in text(),
        at in moment(),
    ) -> Observation {
        Observation { service, revision, node, sight, latency_ms, detail, at }
    }
}

fn health() -> impl Strategy<Value = Health> {
    select(vec![
        Health::Unknown,
        Health::Healthy,
        Health::Disputed,
        Health::Down,
    ])
}

prop_compose! {
    pub(crate) fn health_change()(
        position in position(), at in moment(), health in health(), reason in text(),
    ) -> HealthChange {
        HealthChange { position, at, health, reason }
    }
}

prop_compose! {
    pub(crate) fn service()(
        spec in service_spec(), revision: u64, probers in vec(node_id(), FEW),
        observations in vec(observation(), FEW), health in health(), since in moment(),
        history in vec(health_change(), FEW), latencies_ms in vec(any::<u64>(), FEW),
    ) -> Service {
        let observations = observations.into_iter().map(|seen| (seen.node, seen)).collect();
        Service { spec, revision, probers, observations, health, since, history, latencies_ms }
    }
}
