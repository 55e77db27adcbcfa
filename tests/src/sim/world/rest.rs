//! Whether a simulated world has come to rest: everything that was asked is answered, everything that was promised is
//! decided, everybody is there.

use hms_consensus::supervisor::Supervisor;
use hms_protocol::id::TaskId;
use hms_protocol::member::Presence;
use hms_protocol::service::Health;

use super::World;
use crate::sim::host::Host;

impl World {
    /// The host that leads and may act, if there is one.
    pub(crate) fn leader(&self) -> Option<&Host> {
        self.hosts.iter().find(|host| {
            let voter = host.mind.as_ref().and_then(|mind| mind.supervisor());
            voter.is_some_and(Supervisor::acts)
        })
    }

    /// The name of the state of a task, as the voter knows it that has applied most.
    pub(crate) fn task_state(&self, task: TaskId) -> Option<String> {
        let states = self.hosts.iter().filter_map(Host::state);
        let newest = states.max_by_key(|state| state.applied())?;
        Some(newest.ledger().task(task)?.state.name().to_owned())
    }

    /// Whether everything that was asked is answered, and everything that was promised is decided.
    pub fn is_at_rest(&self) -> bool {
        self.unfinished().is_empty()
    }

    /// What is not at its end yet, in words; empty when the world is at rest.
    pub fn unfinished(&self) -> String {
        let Some(state) = self.leader().and_then(Host::state) else {
            return "nobody leads".to_owned();
        };
        let open = |task: &TaskId| {
            let known = state.ledger().task(*task);
            known.is_some_and(|task| !task.state.is_final())
        };
        let members = state.roster().members();
        let lost = |node| self.hosts.iter().any(|host| host.node == node && host.lost);
        let absent = members
            .filter(|member| member.presence == Presence::Lost && !lost(member.id))
            .count();
        let invited = self.hosts.iter().filter(|host| host.invited).count();
        let silent = state.roster().len() != invited || 0 < absent;
        let mut members = state.roster().members();
        let seatless = members.any(|member| member.votes && lost(member.id));
        // A service may be unknown because nobody is left who could probe it.
        let sick = state
            .services()
            .iter()
            .any(|service| matches!(service.health, Health::Down | Health::Disputed));
        if self.crowd.is_waiting() || 0 < self.crowd.budget {
            "a client waits".to_owned()
        } else if let Some(task) = self.oracle.promises().find(|task| open(task)) {
            format!("{} is open", self.story.task(task))
        } else if silent {
            "a node is missing".to_owned()
        } else if seatless {
            "a voter that is lost for good has its seat still".to_owned()
        } else if sick {
            "a service is not seen as healthy".to_owned()
        } else {
            String::new()
        }
    }

    /// Holds every promise against the leader's ledger once more.
    pub fn audit(&mut self) {
        let Some(leader) = self.leader().map(|host| host.id) else {
            return;
        };
        self.oracle.audit(&self.hosts[leader.0]);
        self.audit_receipts();
    }
}
