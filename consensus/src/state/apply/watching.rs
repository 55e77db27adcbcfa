//! Services are declared, probed, and judged by what the probers say.

use hms_protocol::id::ServiceName;
use hms_protocol::limits;
use hms_protocol::refusal::{Refusal, check_bytes};
use hms_protocol::service::{Observation, ServiceSpec};

use super::Turn;
use crate::state::Change;
use crate::state::event::Event;
use crate::state::services::Turnout;

impl Turn<'_> {
    /// Declares a service. Declaring it again, unchanged, does nothing.
    pub(super) fn declare(&mut self, spec: &ServiceSpec) -> Result<Change, Refusal> {
        spec.check()?;
        for node in &spec.nodes {
            if self.state.roster.named(node).is_none() {
                return Err(Refusal::Invalid {
                    field: "nodes",
                    reason: format!("no member is called {node}"),
                });
            }
        }
        match self.state.services.service(&spec.name) {
            Some(former) if former.spec == *spec => {
                return Ok(Change::Declared {
                    revision: former.revision,
                    changed: false,
                });
            }
            None if limits::SERVICES_MAX <= self.state.services.len() => {
                return Err(Refusal::Busy {
                    what: "the list of services",
                    max: limits::SERVICES_MAX as u64,
                });
            }
            Some(_) | None => {}
        }
        let stamp = self.stamp();
        let (services, field) = self.state.services_and_field();
        let turnout = services.declare(spec.clone(), stamp, field);
        let revision = services.revision();
        self.tell_turnout(&spec.name, turnout);
        Ok(Change::Declared {
            revision,
            changed: true,
        })
    }

    /// Forgets a service.
    pub(super) fn withdraw(&mut self, service: &ServiceName) -> Result<Change, Refusal> {
        self.state.services.known(service)?;
        let turnout = self.state.services.withdraw(service);
        self.tell_turnout(service, turnout);
        Ok(Change::Withdrawn)
    }

    /// A prober's opinion. One that is not newer than the held one changes nothing.
    pub(super) fn observe(&mut self, observation: &Observation) -> Result<Change, Refusal> {
        let service = self.state.services.known(&observation.service)?;
        check_bytes(
            "detail",
            observation.detail.len(),
            limits::PROBE_DETAIL_BYTES_MAX,
        )?;
        if observation.revision != service.revision {
            return Err(Refusal::Invalid {
                field: "revision",
                reason: format!(
                    "{} was probed: {} is current",
                    observation.revision, service.revision
                ),
            });
        }
        if !service.probers.contains(&observation.node) {
            return Err(Refusal::Invalid {
                field: "node",
                reason: "it is not asked to probe this service".to_owned(),
            });
        }
        let held = service.observations.get(&observation.node);
        if held.is_some_and(|held| observation.at <= held.at) {
            return Ok(Change::Done);
        }
        let stamp = self.stamp();
        let (services, field) = self.state.services_and_field();
        let turnout = services.observe(observation.clone(), stamp, field.roster);
        self.tell_turnout(&observation.service, turnout);
        Ok(Change::Done)
    }

    /// Draws the probers of a service again.
    pub(super) fn redraw_service(&mut self, service: &ServiceName) {
        let stamp = self.stamp();
        let (services, field) = self.state.services_and_field();
        let turnout = services.redraw(service, stamp, field);
        self.tell_turnout(service, turnout);
    }

    fn tell_turnout(&mut self, service: &ServiceName, turnout: Turnout) {
        if !turnout.nodes.is_empty() {
            self.tell(Event::ProbersChanged {
                nodes: turnout.nodes.into_iter().collect(),
            });
        }
        if let Some(health) = turnout.health {
            self.tell(Event::HealthChanged {
                service: service.clone(),
                health,
            });
        }
    }
}
