//! Can this agent take this task, as the leader sees it: what the ledger says, and what the leader alone knows.
//!
//! The first thing that is missing is named.

use hms_protocol::agent::Agent;
use hms_protocol::id::NodeId;
use hms_protocol::task::TaskSpec;
use hms_protocol::time::Moment;

use super::Round;
use crate::liveness::{Condition, Liveness};
use crate::state::State;

/// Why nothing is placed on a node now; `None` if something may be.
pub(crate) fn obstacle(round: &Round, node: NodeId) -> Option<&'static str> {
    if !round.state.roster().is_present(node) {
        return Some("its node is lost");
    }
    if !round.state.roster().takes_work(node) {
        return Some("its node is cordoned");
    }
    condition_obstacle(round.liveness, node, round.now)
}

/// Why the leader places nothing on a node that the ledger has as present.
fn condition_obstacle(liveness: &Liveness, node: NodeId, now: Moment) -> Option<&'static str> {
    match liveness.condition(node, now) {
        Condition::Alive => None,
        Condition::Suspect => Some("its node is suspected: it was not heard lately"),
        Condition::Dead => Some("its node is silent and about to be declared lost"),
    }
}

/// The first thing that keeps an agent from a task, for people; `None` if nothing does.
pub fn missing(
    state: &State,
    liveness: &Liveness,
    now: Moment,
    agent: &Agent,
    spec: &TaskSpec,
) -> Option<String> {
    if let Some(lack) = state.lack(agent, spec) {
        return Some(lack.to_string());
    }
    condition_obstacle(liveness, agent.certificate.node, now).map(str::to_owned)
}
