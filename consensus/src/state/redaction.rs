//! A state that can be shown to strangers: what people and services have put into it is gone, how it hangs together stays.
//!
//! Gone are the inputs, results, labels and keys of tasks, what skills and probes have said, what services are probed with,
//! and addresses. Ids, names, skills, public keys, standings, times and signatures stay. Evidence against agents and results
//! under verification hold sealed reports, which cannot be changed: those are gone as a whole.

use hms_protocol::codec::CodecError;
use hms_protocol::digest::{Domain, hash_fields};
use hms_protocol::evidence::Exhibit;
use hms_protocol::member::Member;
use hms_protocol::service::Service;
use hms_protocol::task::Task;

use super::State;

impl State {
    /// The same without what is anybody's business.
    pub(super) fn redacted(&self) -> Result<Self, CodecError> {
        let mut state = Self::blank();
        state.charter = self.charter.clone();
        state.authority = self.authority.clone();
        (state.now, state.applied) = (self.now, self.applied);
        for member in self.roster.members() {
            state.restore_member(Member {
                addresses: Vec::new(),
                gateway: String::new(),
                ..member.clone()
            })?;
        }
        for agent in self.roster.agents() {
            state.restore_agent(agent.clone())?;
        }
        for task in self.ledger.tasks() {
            state.restore_task(redact_task(task.clone()))?;
        }
        for service in self.services.iter() {
            state.restore_service(redact_service(service.clone()))?;
        }
        for piece in self.archive.pieces() {
            if matches!(piece.exhibit, Exhibit::Voter(_)) {
                state.restore_evidence(piece.clone())?;
            }
        }
        state.roster.resume(self.roster.revision());
        state.services.resume(self.services.revision());
        state.archive.resume(self.archive.newest());
        Ok(state)
    }
}

fn redact_task(mut task: Task) -> Task {
    task.spec.input.clear();
    task.input_digest = hash_fields(Domain::TaskInput, &[&task.spec.input]);
    task.spec.labels.clear();
    task.spec.idempotency_key = None;
    if let Some(report) = &mut task.result {
        let result = &mut report.result;
        result.output.clear();
        for text in [&mut result.stdout, &mut result.stderr, &mut result.trace] {
            text.clear();
        }
    }
    for step in &mut task.history {
        step.note.clear();
    }
    task
}

fn redact_service(mut service: Service) -> Service {
    service.spec.target.clear();
    for observation in service.observations.values_mut() {
        observation.detail.clear();
    }
    for change in &mut service.history {
        change.reason.clear();
    }
    service
}
