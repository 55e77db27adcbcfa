//! What a refusal says in values, for machines: the sentence is for people.

use hms_protocol::refusal::Refusal;

/// The values of a refusal that a machine may want.
pub(super) fn details_of(refusal: &Refusal) -> Vec<(&'static str, String)> {
    match refusal {
        Refusal::UnknownTask { task } | Refusal::TaskExists { task } => {
            vec![("task", task.to_string())]
        }
        Refusal::WrongState { task, state, .. } => {
            vec![("task", task.to_string()), ("state", (*state).to_owned())]
        }
        Refusal::StaleAttempt {
            task,
            attempt,
            current,
        } => vec![
            ("task", task.to_string()),
            ("attempt", attempt.to_string()),
            ("current", current.to_string()),
        ],
        Refusal::UnknownSkill { skill } => vec![("skill", skill.to_string())],
        Refusal::UnknownAgent { agent }
        | Refusal::Unfit { agent, .. }
        | Refusal::AgentStopped { agent }
        | Refusal::AgentRevoked { agent } => {
            vec![("agent", agent.to_string())]
        }
        Refusal::UnknownNode { node } | Refusal::Excluded { node, .. } => {
            vec![("node", node.to_string())]
        }
        Refusal::UnknownEvidence { number } => vec![("number", number.to_string())],
        Refusal::NameTaken { name } => vec![("name", name.to_string())],
        Refusal::UnknownService { service } => vec![("service", service.to_string())],
        Refusal::BadSignature { signer, .. } => vec![("signer", signer.clone())],
        Refusal::DeadlinePassed { late_ms } => vec![("late_ms", late_ms.to_string())],
        Refusal::OutOfRange {
            field, low, high, ..
        } => vec![
            ("field", (*field).to_owned()),
            ("low", low.to_string()),
            ("high", high.to_string()),
        ],
        Refusal::TooLarge { bytes, max, .. } => {
            vec![("bytes", bytes.to_string()), ("max", max.to_string())]
        }
        Refusal::Invalid { field, .. } => vec![("field", (*field).to_owned())],
        Refusal::Busy { max, .. } => vec![("max", max.to_string())],
        Refusal::NotLeader { leader } => leader
            .iter()
            .map(|leader| ("leader", leader.to_string()))
            .collect(),
        Refusal::NoQuorum { need, voters, have } => vec![
            ("need", need.to_string()),
            ("voters", voters.to_string()),
            ("have", have.to_string()),
        ],
        Refusal::NoReceipt { task, .. } => vec![("task", task.to_string())],
        Refusal::TooSlow { within_ms, .. } => vec![("within_ms", within_ms.to_string())],
        Refusal::Order(_)
        | Refusal::Token(_)
        | Refusal::NoEvidence(_)
        | Refusal::OutcomeUnknown => Vec::new(),
    }
}
