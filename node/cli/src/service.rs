//! `hms service`: what the mesh watches, and how it is.

mod file;
mod object;
mod show;

use std::path::PathBuf;

use clap::Subcommand;
use hms_client::domain::id::ServiceName;
use hms_client::domain::service::{Health, Service, Sight};
use hms_client::domain::time::Moment;
use hms_client::{Declaration, Declared};
use serde_json::{Value, json};

use self::object::{brief_json, full_json};
use crate::clock::now;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::phrase::{age, span};
use crate::screen::{Screen, Tone, plain};
use crate::session::Session;

/// Example of a file, for the help.
const FILE_EXAMPLE: &str = "\
Example:
  hms service apply -f services.toml --dry-run
  hms service apply -f services.toml

where services.toml says, for example:
  [[service]]
  name = \"web\"                # unique in the mesh
  probe = \"probe.http\"        # a skill, see `hms skill list`
  interval = \"2s\"             # between two probes by one node [default: 10s]
  timeout = \"500ms\"           # of one probe [default: 5s, at most the interval]
  retries = 1                 # before a node changes its opinion [default: 1]
  probers = 3                 # nodes that probe [default: 3]
  quorum = 2                  # of them that must say down [default: the majority]
  # nodes = [\"n1\"]            # if given, only these nodes probe
  [service.target]            # the probe's parameters
  url = \"http://127.0.0.1:8080/\"";

/// Services.
#[derive(Debug, Subcommand)]
pub(crate) enum ServiceCommand {
    /// Watch the services that a file declares; what is declared just so stays as it is.
    #[command(after_help = FILE_EXAMPLE)]
    Apply {
        /// The file.
        #[arg(long, short = 'f', value_name = "FILE")]
        file: PathBuf,
        /// Only tell what would change.
        #[arg(long)]
        dry_run: bool,
    },
    /// List the watched services with their health.
    #[command(after_help = "Example:\n  hms service list\n  hms service list -o json")]
    List,
    /// Show one service: its probers, their opinions, its history.
    #[command(after_help = "Example:\n  hms service show web")]
    Show {
        /// Its name.
        service: ServiceName,
    },
    /// Stop watching services and forget them.
    #[command(after_help = "Example:\n  hms service withdraw web")]
    Withdraw {
        /// Their names.
        #[arg(required = true, value_name = "SERVICE")]
        services: Vec<ServiceName>,
    },
}

/// Runs a command about services.
pub(crate) async fn run(command: ServiceCommand, session: &Session) -> Result<Exit, Fault> {
    match command {
        ServiceCommand::Apply { file, dry_run } => {
            let specs = file::read(&file)?;
            let declared = session.client.declare(&specs, dry_run).await?;
            session.screen.show(
                |screen| declared_text(&declared, dry_run, screen),
                || json!({ "dry_run": dry_run, "services": declared_json(&declared) }),
            )?;
        }
        ServiceCommand::List => {
            let services = session.client.services().await?;
            let now = now();
            session.screen.show(
                |screen| list_text(&services, screen, now),
                || services.iter().map(brief_json).collect(),
            )?;
        }
        ServiceCommand::Show { service } => {
            let service = session.client.service(&service).await?;
            let names = session.names().await?;
            session.screen.show(
                |screen| show::text(&service, &names, screen, now()),
                || full_json(&service, &names),
            )?;
        }
        ServiceCommand::Withdraw { services } => {
            for service in &services {
                session.client.withdraw(service).await?;
                let json = || json!({ "service": service.as_str(), "withdrawn": true });
                session
                    .screen
                    .show(|_| format!("service {service} is forgotten"), json)?;
            }
        }
    }
    Ok(Exit::Done)
}

fn declared_text(declared: &[Declared], dry_run: bool, screen: Screen) -> String {
    let mut lines: Vec<String> = Vec::new();
    for one in declared {
        let (word, tone) = declaration(one.what);
        let revision = if dry_run {
            String::new()
        } else {
            format!(" (revision {})", one.revision)
        };
        lines.push(format!(
            "{:<9} {}{revision}",
            screen.tint(word, tone),
            one.service
        ));
        lines.extend(
            one.differences
                .iter()
                .map(|difference| format!("            {difference}")),
        );
    }
    if dry_run {
        lines.push("nothing was changed: this was a dry run".to_owned());
    }
    lines.join("\n")
}

const fn declaration(what: Declaration) -> (&'static str, Tone) {
    match what {
        Declaration::Added => ("added", Tone::Good),
        Declaration::Changed => ("changed", Tone::Warn),
        Declaration::Unchanged => ("unchanged", Tone::Plain),
    }
}

fn declared_json(declared: &[Declared]) -> Value {
    let one = |one: &Declared| {
        json!({
            "service": one.service.as_str(),
            "what": declaration(one.what).0,
            "revision": one.revision,
            "differences": one.differences,
        })
    };
    declared.iter().map(one).collect()
}

fn list_text(services: &[Service], screen: Screen, now: Moment) -> String {
    let mut sheet = screen.table(&[
        "SERVICE", "HEALTH", "SINCE", "SAY DOWN", "QUORUM", "LATENCY", "PROBE", "EVERY",
    ]);
    for service in services {
        let (word, tone) = health(service.health);
        let opinions = service.observations.values();
        let down = opinions
            .clone()
            .filter(|opinion| opinion.sight == Sight::Down)
            .count();
        let latency = opinions.map(|opinion| opinion.latency_ms).max();
        sheet.row([
            plain(&service.spec.name),
            (word.to_owned(), tone),
            plain(age(service.since, now)),
            plain(format!("{down} of {}", service.observations.len())),
            plain(service.spec.quorum),
            plain(latency.map_or_else(|| "-".to_owned(), span)),
            plain(&service.spec.probe),
            plain(span(service.spec.interval_ms)),
        ]);
    }
    sheet.render()
}

/// A health and how good it is.
pub(crate) const fn health(health: Health) -> (&'static str, Tone) {
    match health {
        Health::Unknown => ("unknown", Tone::Plain),
        Health::Healthy => ("healthy", Tone::Good),
        Health::Disputed => ("disputed", Tone::Warn),
        Health::Down => ("down", Tone::Bad),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use hms_client::domain::id::{Index, NodeId, Position};
    use hms_client::domain::service::{HealthChange, Observation, ServiceSpec};

    use super::*;
    use crate::session::Names;

    fn service() -> Service {
        let node = NodeId::from_bytes([1; 32]);
        let opinion = Observation {
            service: "web".parse().unwrap(),
            revision: 2,
            node,
            sight: Sight::Down,
            latency_ms: 3,
            detail: "connection refused".to_owned(),
            at: Moment(1_500),
        };
        Service {
            spec: ServiceSpec {
                name: "web".parse().unwrap(),
                probe: "probe.http".parse().unwrap(),
                target: [("url".to_owned(), "http://127.0.0.1:1/".to_owned())].into(),
                interval_ms: 2_000,
                timeout_ms: 500,
                retries: 1,
                probers: 3,
                quorum: 2,
                nodes: Vec::new(),
            },
            revision: 2,
            probers: vec![node],
            observations: BTreeMap::from([(node, opinion)]),
            health: Health::Disputed,
            since: Moment(1_000),
            history: vec![HealthChange {
                position: Position {
                    index: Index(9),
                    offset: 0,
                },
                at: Moment(1_000),
                health: Health::Disputed,
                reason: "n1 down: connection refused".to_owned(),
            }],
            latencies_ms: vec![1, 9, 3],
        }
    }

    #[test]
    fn services_are_listed_with_their_health() {
        let expected = "\
SERVICE  HEALTH    SINCE      SAY DOWN  QUORUM  LATENCY  PROBE       EVERY
web      disputed  1.0 s ago  1 of 1    2       3 ms     probe.http  2.0 s";
        assert_eq!(
            list_text(&[service()], Screen::plain(), Moment(2_000)),
            expected
        );
    }

    #[test]
    fn one_service_shows_opinions_and_history() {
        let text = show::text(
            &service(),
            &Names::default(),
            Screen::plain(),
            Moment(2_000),
        );
        for line in [
            "down if   2 of 3 probers say so",
            "target    url = http://127.0.0.1:1/",
            "latency   median 3 ms, worst 9 ms of 3 probes",
            "01010101  down  3 ms     500 ms ago  connection refused",
            "9.0  1.0 s ago  disputed  n1 down: connection refused",
        ] {
            assert!(text.contains(line), "{line:?} is missing in\n{text}");
        }
        let json = full_json(&service(), &Names::default());
        assert_eq!(json["history"][0]["why"], "n1 down: connection refused");
    }

    #[test]
    fn a_dry_run_says_what_would_change_and_that_nothing_did() {
        let changed = Declared {
            service: "web".parse().unwrap(),
            what: Declaration::Changed,
            revision: 2,
            differences: vec!["interval: 2000 ms -> 5000 ms".to_owned()],
        };
        let expected = "\
changed   web
            interval: 2000 ms -> 5000 ms
nothing was changed: this was a dry run";
        assert_eq!(declared_text(&[changed], true, Screen::plain()), expected);
    }
}
