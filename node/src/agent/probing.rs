//! One probe of one service: the skill under its timeout, its time measured, its panic caught.

use std::sync::Arc;
use std::time::Duration;

use hms_consensus::input::Input;
use hms_protocol::limits::PROBE_DETAIL_BYTES_MAX;
use hms_protocol::service::{ServiceSpec, Sight};
use hms_protocol::text::cut;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::skill::{Sighting, Skill};

/// Probes once. A service that cannot be probed here counts as down, with the reason: nobody should believe that it is
/// watched.
pub(super) async fn probe(
    skill: Option<Arc<dyn Skill>>,
    spec: ServiceSpec,
    revision: u64,
) -> Input {
    let began = crate::clock::instant();
    let service = spec.name.clone();
    let Sighting { sight, detail } = look(skill, spec).await;
    Input::Probed {
        service,
        revision,
        sight,
        latency_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        detail: cut(detail, PROBE_DETAIL_BYTES_MAX),
    }
}

async fn look(skill: Option<Arc<dyn Skill>>, spec: ServiceSpec) -> Sighting {
    let down = |detail: String| Sighting {
        sight: Sight::Down,
        detail,
    };
    let Some(skill) = skill else {
        return down(format!("this node does not have the skill {}", spec.probe));
    };
    let limit = Duration::from_millis(spec.timeout_ms);
    let mut tasks = JoinSet::new();
    tasks.spawn(async move { skill.probe(spec).await });
    match timeout(limit, tasks.join_next()).await {
        Ok(Some(Ok(sighting))) => sighting,
        Ok(Some(Err(error))) => down(format!("the probe broke: {error}")),
        Ok(None) => down("the probe did not start".to_owned()),
        Err(_) => down(format!("no answer within {} ms", limit.as_millis())),
    }
}
