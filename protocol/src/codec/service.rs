//! Services on the wire: declarations, observations, and the ledger's records of them.

use std::collections::BTreeMap;

use hms_proto::v1;

use super::{CodecError, Wire, WireEnum, field};
use crate::limits;
use crate::service::{Health, HealthChange, Observation, Service, ServiceSpec, Sight};
use crate::time::Moment;
use crate::wire_enum;

wire_enum!(Sight, v1::Sight, { Up, Down });
wire_enum!(Health, v1::Health, { Unknown, Healthy, Disputed, Down });

impl Wire for ServiceSpec {
    type Message = v1::ServiceSpec;
    const NAME: &'static str = "service declaration";

    fn to_wire(&self) -> v1::ServiceSpec {
        v1::ServiceSpec {
            name: self.name.to_string(),
            probe: self.probe.to_string(),
            target: self.target.clone(),
            interval_ms: self.interval_ms,
            timeout_ms: self.timeout_ms,
            retries: self.retries,
            probers: self.probers,
            quorum: self.quorum,
            nodes: self.nodes.iter().map(ToString::to_string).collect(),
        }
    }

    fn from_wire(message: v1::ServiceSpec) -> Result<Self, CodecError> {
        let (count, length) = (limits::LABELS_MAX, limits::TARGET_BYTES_MAX);
        Ok(Self {
            name: field::name("service.name", &message.name)?,
            probe: field::name("service.probe", &message.probe)?,
            target: field::labels("service.target", message.target, count, length)?,
            interval_ms: message.interval_ms,
            timeout_ms: message.timeout_ms,
            retries: message.retries,
            probers: message.probers,
            quorum: message.quorum,
            nodes: field::list(
                "service.nodes",
                message.nodes,
                limits::MEMBERS_MAX,
                |node| field::name("service.nodes", &node),
            )?,
        })
    }
}

impl Wire for Observation {
    type Message = v1::Observation;
    const NAME: &'static str = "observation";

    fn to_wire(&self) -> v1::Observation {
        v1::Observation {
            service: self.service.to_string(),
            revision: self.revision,
            node: self.node.as_bytes().to_vec(),
            sight: self.sight.to_number(),
            latency_ms: self.latency_ms,
            detail: self.detail.clone(),
            at_ms: self.at.0,
        }
    }

    fn from_wire(message: v1::Observation) -> Result<Self, CodecError> {
        let detail_max = limits::PROBE_DETAIL_BYTES_MAX;
        Ok(Self {
            service: field::name("observation.service", &message.service)?,
            revision: message.revision,
            node: field::node_id("observation.node", &message.node)?,
            sight: Sight::from_number("observation.sight", message.sight)?,
            latency_ms: message.latency_ms,
            detail: field::text("observation.detail", message.detail, detail_max)?,
            at: Moment(message.at_ms),
        })
    }
}

impl Wire for HealthChange {
    type Message = v1::HealthChange;
    const NAME: &'static str = "change of health";

    fn to_wire(&self) -> v1::HealthChange {
        v1::HealthChange {
            position: Some(self.position.to_wire()),
            at_ms: self.at.0,
            health: self.health.to_number(),
            reason: self.reason.clone(),
        }
    }

    fn from_wire(message: v1::HealthChange) -> Result<Self, CodecError> {
        Ok(Self {
            position: field::part("health_change.position", message.position)?,
            at: Moment(message.at_ms),
            health: Health::from_number("health_change.health", message.health)?,
            reason: message.reason,
        })
    }
}

impl Wire for Service {
    type Message = v1::Service;
    const NAME: &'static str = "service";

    fn to_wire(&self) -> v1::Service {
        v1::Service {
            spec: Some(self.spec.to_wire()),
            revision: self.revision,
            probers: self
                .probers
                .iter()
                .map(|node| node.as_bytes().to_vec())
                .collect(),
            observations: self.observations.values().map(Wire::to_wire).collect(),
            health: self.health.to_number(),
            since_ms: self.since.0,
            history: self.history.iter().map(Wire::to_wire).collect(),
            latencies_ms: self.latencies_ms.clone(),
        }
    }

    fn from_wire(message: v1::Service) -> Result<Self, CodecError> {
        let mut observations = BTreeMap::new();
        for observation in message.observations {
            let observation = Observation::from_wire(observation)?;
            if observations.insert(observation.node, observation).is_some() {
                return Err(CodecError::Repeated {
                    field: "service.observations",
                });
            }
        }
        Ok(Self {
            spec: field::part("service.spec", message.spec)?,
            revision: message.revision,
            probers: field::list(
                "service.probers",
                message.probers,
                field::UNBOUNDED,
                |node| field::node_id("service.probers", &node),
            )?,
            observations,
            health: Health::from_number("service.health", message.health)?,
            since: Moment(message.since_ms),
            history: field::parts("service.history", message.history, field::UNBOUNDED)?,
            latencies_ms: message.latencies_ms,
        })
    }
}
