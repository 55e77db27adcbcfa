//! Where the ledger holds a task's commands: what a voter's state knows of a receipt and its log does not say.
//!
//! A receipt is made of what is on disk, outside the mind; this says where to look. It promises nothing: whoever checks the
//! receipt needs no outline.

use std::collections::BTreeMap;

use hms_protocol::agent::Agent;
use hms_protocol::certificate::Certificate;
use hms_protocol::id::{Index, MeshId, TaskId};
use hms_protocol::receipt::{Handover, KeptEntry, Records};
use hms_protocol::refusal::Refusal;

use crate::state::State;
use crate::state::table::Table;

/// Where to look for a task's commands.
#[derive(Clone, Debug)]
pub struct Outline {
    /// The mesh.
    pub mesh: MeshId,
    /// The task.
    pub task: TaskId,
    /// The entry that submits it.
    pub first: Index,
    /// The entry of its newest step.
    pub newest: Index,
    /// Every change of voters, in ascending order.
    pub handovers: Vec<Handover>,
    // The agents, among them those that worked on it or judged it. Records are shared: the copy is cheap.
    agents: Table<Agent>,
}

impl Outline {
    /// Where a ledger whose voters have changed like this holds the commands of a task.
    pub fn of(state: &State, handovers: Vec<Handover>, task: TaskId) -> Result<Self, Refusal> {
        let history = &state.ledger().known(task)?.history;
        let (Some(first), Some(newest)) = (history.first(), history.last()) else {
            unreachable!("a task has a history from its submission on")
        };
        Ok(Self {
            mesh: state.mesh(),
            task,
            first: first.position.index,
            newest: newest.position.index,
            handovers,
            agents: state.roster().agents_table().clone(),
        })
    }

    /// Whether a final certificate covers the newest step, and is by voters whose word counted there.
    pub fn is_covered_by(&self, certificate: &Certificate) -> bool {
        let changes = self.handovers.iter().map(|it| it.stretch.index);
        let since = changes.filter(|since| *since < self.newest).max();
        let statement = &certificate.statement;
        self.newest <= statement.index && since.is_none_or(|it| it.0 <= statement.epoch.0)
    }

    /// The outline filled in with the entries and certificates to which it points.
    pub fn records<'a>(
        &'a self,
        entries: &'a BTreeMap<Index, KeptEntry>,
        certificates: &'a BTreeMap<Index, Certificate>,
    ) -> Records<'a> {
        let agents = self.agents.iter().map(|agent| &agent.certificate);
        Records {
            mesh: self.mesh,
            entries,
            certificates,
            handovers: &self.handovers,
            agents: agents.map(|it| (it.agent, it)).collect(),
        }
    }
}
