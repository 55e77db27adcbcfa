//! AGX-10: each probe sees a real break of a real local service, and none can be held up. One file per kind of probe; here is
//! what all of them share.

mod command;
mod port;
mod process;
mod web;

use std::collections::BTreeMap;

use hms_consensus::input::Input;
use hms_protocol::service::{ServiceSpec, Sight};
use hms_protocol::task::Outcome;

use self::web::Web;
use super::stage::{Stage, wish};
use crate::agent::Order;
use crate::agent::skills::built_in;

fn service(probe: &str, target: &[(&str, &str)]) -> ServiceSpec {
    let text = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    ServiceSpec {
        name: "watched".parse().unwrap(),
        probe: probe.parse().unwrap(),
        target: target.iter().map(text).collect::<BTreeMap<_, _>>(),
        interval_ms: 10_000,
        timeout_ms: 10_000,
        retries: 0,
        probers: 1,
        quorum: 1,
        nodes: Vec::new(),
    }
}

async fn look(stage: &mut Stage, spec: ServiceSpec) -> (Sight, String) {
    stage.order(Order::Probe { spec, revision: 7 }).await;
    let heard = stage.hear().await;
    let Input::Probed {
        service,
        revision,
        sight,
        detail,
        ..
    } = heard
    else {
        panic!("expected a probe, heard {heard:?}");
    };
    assert_eq!((service.as_str(), revision), ("watched", 7));
    (sight, detail)
}

async fn open(folder: &tempfile::TempDir) -> Stage {
    let mut stage = Stage::open(folder, built_in(&[]).unwrap(), vec![wish(1, 1)]);
    stage.hear_raised().await;
    stage
}

/// A probe's target, what it must see, and what it must say.
type Case<'a> = (&'a [(&'a str, &'a str)], Sight, &'a str);

async fn check(probe: &str, cases: &[Case<'_>]) {
    let folder = tempfile::tempdir().unwrap();
    let mut stage = open(&folder).await;
    for (target, sight, needle) in cases {
        let (seen, detail) = look(&mut stage, service(probe, target)).await;
        assert_eq!(seen, *sight, "{target:?}: {detail}");
        assert!(detail.contains(needle), "{target:?}: {detail}");
    }
    stage.close().await;
}

/// A look that takes too long ends when its time is up.
async fn check_late(probe: &str, target: &[(&str, &str)], timeout_ms: u64) {
    let folder = tempfile::tempdir().unwrap();
    let mut stage = open(&folder).await;
    let spec = ServiceSpec {
        timeout_ms,
        ..service(probe, target)
    };
    let late = format!("no answer within {timeout_ms} ms");
    assert_eq!(look(&mut stage, spec).await, (Sight::Down, late));
    stage.close().await;
}

#[tokio::test]
async fn a_target_that_makes_no_sense_is_down_and_says_why() {
    let down = Sight::Down;
    let nonsense: &[(&str, &[Case<'_>])] = &[
        (
            "probe.http",
            &[
                (&[], down, "the parameter url is missing"),
                (&[("url", "ftp://x/")], down, "expected http://"),
                (
                    &[("url", "http://x/"), ("statsu", "200")],
                    down,
                    "\"statsu\" is not known",
                ),
                (
                    &[("url", "https://127.0.0.1:1/"), ("ca_file", "/nonexistent")],
                    down,
                    "cannot be read",
                ),
            ],
        ),
        (
            "probe.tcp",
            &[(&[("address", "nowhere")], down, "expected host:port")],
        ),
        (
            "probe.process",
            &[
                (&[], down, "pid_file, name or command is missing"),
                (&[("name", "x"), ("count", "many")], down, "count"),
            ],
        ),
        (
            "probe.command",
            &[(&[("argv", " ")], down, "names no program")],
        ),
        ("echo", &[(&[], down, "does not probe")]),
        ("alchemy", &[(&[], down, "does not have the skill")]),
    ];
    for (probe, cases) in nonsense {
        check(probe, cases).await;
    }
}

#[tokio::test]
async fn a_probe_is_also_a_task() {
    let web = Web::open().await;
    let folder = tempfile::tempdir().unwrap();
    let mut stage = Stage::open(&folder, built_in(&[]).unwrap(), vec![wish(1, 1)]);
    let agent = stage.hear_raised().await;
    let up = format!(r#"{{"url":"{}","status":200}}"#, web.url("good"));
    let result = stage.run(&agent, "probe.http", up.as_bytes()).await;
    assert_eq!(result.outcome, Outcome::Success);
    assert_eq!(result.output, br#"{"detail":"HTTP 200","sight":"up"}"#);
    let down = stage
        .run(&agent, "probe.command", br#"{"argv":["false"]}"#)
        .await;
    assert_eq!(down.outcome, Outcome::Failure);
    assert_eq!(down.stderr, "false exited with 1");
    let wrong = stage.run(&agent, "probe.tcp", b"not json").await;
    assert!(
        wrong.stderr.starts_with("the input is not a JSON object"),
        "{}",
        wrong.stderr
    );
    stage.close().await;
}
