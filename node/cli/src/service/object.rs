//! Services as objects, for programs.

use hms_client::domain::service::{Service, ServiceSpec, Sight};
use serde_json::{Value, json};

use super::health;
use crate::session::Names;

/// A service in a list.
pub(super) fn brief_json(service: &Service) -> Value {
    let opinions = service.observations.values().map(|opinion| {
        json!({
            "node": opinion.node.to_string(),
            "sight": if opinion.sight == Sight::Up { "up" } else { "down" },
            "latency_ms": opinion.latency_ms,
            "at_ms": opinion.at.0,
            "detail": opinion.detail,
        })
    });
    json!({
        "service": service.spec.name.as_str(),
        "health": health(service.health).0,
        "since_ms": service.since.0,
        "revision": service.revision,
        "spec": spec_json(&service.spec),
        "probers": service.probers.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "observations": opinions.collect::<Vec<_>>(),
    })
}

fn spec_json(spec: &ServiceSpec) -> Value {
    json!({
        "probe": spec.probe.as_str(),
        "target": spec.target,
        "interval_ms": spec.interval_ms,
        "timeout_ms": spec.timeout_ms,
        "retries": spec.retries,
        "probers": spec.probers,
        "quorum": spec.quorum,
        "nodes": spec.nodes.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}

/// A service in full.
pub(super) fn full_json(service: &Service, names: &Names) -> Value {
    let mut object = brief_json(service);
    let history = service.history.iter().map(|change| {
        json!({
            "position": change.position.to_string(),
            "at_ms": change.at.0,
            "health": health(change.health).0,
            "why": change.reason,
        })
    });
    object["history"] = history.collect();
    object["latencies_ms"] = json!(service.latencies_ms);
    object["prober_names"] = service.probers.iter().map(|node| names.of(*node)).collect();
    object
}
