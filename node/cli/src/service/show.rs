//! `hms service show`: one service in full.

use hms_client::domain::service::{Observation, Service, Sight};
use hms_client::domain::time::Moment;

use super::health;
use crate::phrase::{age, span};
use crate::screen::{Screen, Tone, plain};
use crate::session::Names;

/// One service in full, for people.
pub(super) fn text(service: &Service, names: &Names, screen: Screen, now: Moment) -> String {
    let spec = &service.spec;
    let (word, tone) = health(service.health);
    let probers: Vec<String> = service.probers.iter().map(|node| names.of(*node)).collect();
    let mut lines = vec![
        ("service", spec.name.to_string()),
        (
            "health",
            format!(
                "{} since {}",
                screen.tint(word, tone),
                age(service.since, now)
            ),
        ),
        ("probe", spec.probe.to_string()),
        (
            "every",
            format!(
                "{}, at most {} each, {} retries",
                span(spec.interval_ms),
                span(spec.timeout_ms),
                spec.retries
            ),
        ),
        (
            "down if",
            format!("{} of {} probers say so", spec.quorum, spec.probers),
        ),
        (
            "probers",
            if probers.is_empty() {
                "none".to_owned()
            } else {
                probers.join(" ")
            },
        ),
        ("revision", service.revision.to_string()),
    ];
    let target = spec
        .target
        .iter()
        .map(|(key, value)| ("target", format!("{key} = {value}")));
    lines.extend(target);
    if let Some(latencies) = latencies(&service.latencies_ms) {
        lines.push(("latency", latencies));
    }
    let lines: Vec<String> = lines
        .into_iter()
        .map(|(name, value)| format!("{name:<9} {value}"))
        .collect();
    let mut parts = vec![lines.join("\n")];
    if !service.observations.is_empty() {
        parts.push(opinions(service.observations.values(), names, screen, now));
    }
    if !service.history.is_empty() {
        parts.push(history(service, screen, now));
    }
    parts.join("\n\n")
}

fn opinions<'a>(
    opinions: impl Iterator<Item = &'a Observation>,
    names: &Names,
    screen: Screen,
    now: Moment,
) -> String {
    let mut sheet = screen.table(&["NODE", "SAYS", "LATENCY", "WHEN", "WHAT IT SAW"]);
    for opinion in opinions {
        let sight = match opinion.sight {
            Sight::Up => ("up", Tone::Good),
            Sight::Down => ("down", Tone::Bad),
        };
        sheet.row([
            plain(names.of(opinion.node)),
            (sight.0.to_owned(), sight.1),
            plain(span(opinion.latency_ms)),
            plain(age(opinion.at, now)),
            plain(&opinion.detail),
        ]);
    }
    sheet.render()
}

fn history(service: &Service, screen: Screen, now: Moment) -> String {
    let mut sheet = screen.table(&["AT", "WHEN", "HEALTH", "WHY"]);
    for change in &service.history {
        let (word, tone) = health(change.health);
        sheet.row([
            plain(change.position),
            plain(age(change.at, now)),
            (word.to_owned(), tone),
            plain(&change.reason),
        ]);
    }
    sheet.render()
}

/// Median and worst of the newest latencies.
fn latencies(latencies_ms: &[u64]) -> Option<String> {
    let mut sorted = latencies_ms.to_vec();
    sorted.sort_unstable();
    let (median, worst) = (sorted.get(sorted.len() / 2)?, sorted.last()?);
    Some(format!(
        "median {}, worst {} of {} probes",
        span(*median),
        span(*worst),
        sorted.len()
    ))
}
