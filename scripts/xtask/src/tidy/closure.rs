//! R1: what the pure crates pull in, directly or through others.
//!
//! Cargo resolves each crate alone here. A resolution of the whole workspace would unite features, and the pure crates
//! would seem to link what only the node asked for.

use anyhow::{Context, ensure};
use cargo_metadata::camino::Utf8Path;

use crate::stages;
use crate::tidy::finding::Finding;

/// The crates that must stay pure, with their manifests.
const PURE: [(&str, &str); 2] = [
    ("hms-protocol", "protocol/Cargo.toml"),
    ("hms-consensus", "consensus/Cargo.toml"),
];

/// What makes a crate impure: runtimes, sockets, disks, transports.
const IMPURE: [&str; 9] = [
    "async-std",
    "hyper",
    "librocksdb-sys",
    "mio",
    "rocksdb",
    "rustls",
    "socket2",
    "tokio",
    "tonic",
];
const IMPURE_PREFIX: &str = "libp2p";

/// Asks cargo for the closure of every pure crate.
///
/// # Errors
/// When cargo cannot answer.
pub(crate) fn check(root: &Utf8Path) -> anyhow::Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for (name, manifest) in PURE {
        let arguments = [
            "tree", "--locked", "-p", name, "-e", "normal", "--prefix", "none",
        ];
        let output = stages::cargo(root, &arguments)
            .output()
            .context("cargo tree did not start")?;
        let problem = String::from_utf8_lossy(&output.stderr);
        ensure!(
            output.status.success(),
            "cargo tree -p {name} failed: {}",
            problem.trim()
        );
        findings.extend(judge(
            name,
            manifest,
            &String::from_utf8_lossy(&output.stdout),
        ));
    }
    Ok(findings)
}

/// Judges what `cargo tree --prefix none` printed: a crate's name starts each line.
fn judge(name: &str, manifest: &str, tree: &str) -> Vec<Finding> {
    let mut pulled: Vec<&str> = tree
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    pulled.sort_unstable();
    pulled.dedup();
    let impure = pulled
        .into_iter()
        .filter(|krate| IMPURE.contains(krate) || krate.starts_with(IMPURE_PREFIX));
    impure
        .map(|krate| {
            let message = format!(
                "`{name}` is pure and must not pull in `{krate}`: \
                 cargo tree -p {name} -e normal -i {krate}"
            );
            Finding {
                path: manifest.to_owned(),
                line: 0,
                rule: "R1",
                message,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_tree(tree: &str, expected: &[&str]) {
        let findings = judge("hms-protocol", "protocol/Cargo.toml", tree);
        let texts: Vec<String> = findings.iter().map(ToString::to_string).collect();
        assert_eq!(texts, expected);
    }

    #[test]
    fn a_closure_of_pure_crates_is_fine() {
        check_tree(
            "hms-protocol v0.1.0 (/x/protocol)\nblake3 v1.8.7\ntokenizer v1.0.0\n",
            &[],
        );
    }

    #[test]
    fn every_impure_crate_is_named_once_with_the_way_to_look() {
        check_tree(
            "hms-protocol v0.1.0\ntokio v1.54.0\nlibp2p-core v0.44.0\ntokio v1.54.0 (*)\n",
            &[
                "protocol/Cargo.toml:0: [R1] `hms-protocol` is pure and must not pull in `libp2p-core`: \
             cargo tree -p hms-protocol -e normal -i libp2p-core",
                "protocol/Cargo.toml:0: [R1] `hms-protocol` is pure and must not pull in `tokio`: \
             cargo tree -p hms-protocol -e normal -i tokio",
            ],
        );
    }
}
