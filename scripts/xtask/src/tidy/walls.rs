//! R3, R4 and R6: which room alone may name which outside crate, and who alone may read a clock.
//!
//! Code that only tests see may look behind a wall: it ships nowhere.

use crate::tidy::finding::Finding;
use crate::tidy::source::Source;

/// A wall around outside crates: only these places may name them.
struct Wall {
    rule: &'static str,
    crates: &'static [&'static str],
    places: &'static [&'static str],
    inside: &'static str,
}

const WALLS: [Wall; 5] = [
    Wall {
        rule: "R3",
        crates: &["hms_proto"],
        places: &[
            "proto/",
            "node/client/",
            "node/src/gateway.rs",
            "node/src/gateway/",
            "testnet/",
            "tests/",
        ],
        inside: "codec files, the gateway and the client",
    },
    Wall {
        rule: "R4",
        crates: &["raft", "raft_proto", "prost_raft", "slog"],
        places: &["consensus/src/raft.rs", "consensus/src/raft/"],
        inside: "consensus/src/raft",
    },
    Wall {
        rule: "R4",
        crates: &["rocksdb"],
        places: &["node/src/store.rs", "node/src/store/"],
        inside: "node/src/store",
    },
    Wall {
        rule: "R4",
        crates: &["libp2p", "libp2p_stream"],
        places: &["node/src/net.rs", "node/src/net/"],
        inside: "node/src/net",
    },
    Wall {
        rule: "R6",
        crates: &["hms_node"],
        places: &["node/src/main.rs", "testnet/adversary/", "tests/"],
        inside: "its own main.rs, the adversary and the tests",
    },
];

/// Places that measure how long something takes, and so may read the monotonic clock.
const STOPWATCHES: [&str; 3] = ["testnet/", "node/cli/", "scripts/"];

/// R3, R4 and R6: crates named outside the rooms that may.
pub(crate) fn check_names(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    for wall in &WALLS {
        let may_name = source.is_in(wall.places)
            || source.is_trial()
            || (wall.rule == "R3" && is_codec(&source.path));
        if may_name {
            continue;
        }
        let named = source.mentions.iter().filter(|mention| {
            !mention.in_test
                && !mention.by_import
                && mention
                    .path
                    .first()
                    .is_some_and(|first| wall.crates.contains(&first.as_str()))
        });
        findings.extend(named.map(|mention| {
            let message = format!("only {} may name `{}`", wall.inside, mention.text());
            source.finding(mention.line, wall.rule, message)
        }));
    }
    findings
}

/// R4: clocks read outside `clock.rs`.
pub(crate) fn check_clocks(source: &Source) -> Vec<Finding> {
    if source.stem() == "clock" {
        return Vec::new();
    }
    let has_stopwatch = source.is_trial() || source.is_in(&STOPWATCHES);
    let reads = source.mentions.iter().filter(|mention| {
        let reads_monotonic = mention.ends_with(&["Instant", "now"]);
        let reads_wall = mention.ends_with(&["SystemTime", "now"]);
        reads_wall || (reads_monotonic && !has_stopwatch && !mention.in_test)
    });
    reads
        .map(|mention| {
            let message = format!("only clock.rs reads time; `{}` does too", mention.text());
            source.finding(mention.line, "R4", message)
        })
        .collect()
}

fn is_codec(path: &str) -> bool {
    path.ends_with("/codec.rs") || path.contains("/codec/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, text: &str, expected: &[&str]) {
        let source = Source::parse(path, text).expect("the sample parses");
        let findings = [check_names(&source), check_clocks(&source)].concat();
        let texts: Vec<String> = findings.iter().map(ToString::to_string).collect();
        assert_eq!(texts, expected);
    }

    #[test]
    fn generated_types_stay_in_codecs_the_gateway_and_the_client() {
        let text = "use hms_proto::v1::Task;";
        check(
            "protocol/src/task.rs",
            text,
            &[
                "protocol/src/task.rs:1: [R3] only codec files, the gateway and the client may name \
             `hms_proto::v1::Task`",
            ],
        );
        for allowed in [
            "protocol/src/codec/task.rs",
            "consensus/src/state/codec.rs",
            "node/src/gateway/submit.rs",
        ] {
            check(allowed, text, &[]);
        }
    }

    #[test]
    fn each_fixed_part_is_named_in_its_own_room_only() {
        check(
            "consensus/src/supervisor.rs",
            "\nuse raft::RawNode;",
            &[
                "consensus/src/supervisor.rs:2: [R4] only consensus/src/raft may name `raft::RawNode`",
            ],
        );
        check("consensus/src/raft/driver.rs", "use raft::RawNode;", &[]);
        check(
            "node/src/drive.rs",
            "use rocksdb as db; fn f() { db::open(); }",
            &["node/src/drive.rs:1: [R4] only node/src/store may name `rocksdb`"],
        );
        check(
            "node/src/agent/pulse.rs",
            "fn f(p: libp2p::PeerId) {}",
            &["node/src/agent/pulse.rs:1: [R4] only node/src/net may name `libp2p::PeerId`"],
        );
    }

    #[test]
    fn the_node_is_a_leaf() {
        check("node/src/main.rs", "use hms_node::node;", &[]);
        check(
            "testnet/src/launch.rs",
            "use hms_node::node;",
            &[
                "testnet/src/launch.rs:1: [R6] only its own main.rs, the adversary and the tests may name `hms_node::node`",
            ],
        );
    }

    #[test]
    fn our_own_raft_room_is_not_the_crate() {
        check(
            "consensus/src/lib.rs",
            "mod raft; pub use raft::Driver;",
            &[],
        );
        check(
            "consensus/src/mind.rs",
            "use crate::raft; fn f() { raft::step(); }",
            &[],
        );
    }

    #[test]
    fn only_the_clock_reads_time() {
        let text = "use std::time::Instant; fn f() { Instant::now(); }";
        check(
            "node/src/drive.rs",
            text,
            &[
                "node/src/drive.rs:1: [R4] only clock.rs reads time; `std::time::Instant::now` does too",
            ],
        );
        for allowed in [
            "node/src/clock.rs",
            "testnet/src/load.rs",
            "node/tests/start.rs",
        ] {
            check(allowed, text, &[]);
        }
        check(
            "testnet/src/load.rs",
            "fn f() { std::time::SystemTime::now(); }",
            &[
                "testnet/src/load.rs:1: [R4] only clock.rs reads time; `std::time::SystemTime::now` does too",
            ],
        );
    }

    #[test]
    fn tests_may_look_behind_a_wall() {
        check(
            "node/src/drive.rs",
            "#[cfg(test)] mod tests { use rocksdb::DB; }",
            &[],
        );
    }
}
