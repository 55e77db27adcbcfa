//! R1: what the pure crates pull in, directly or through others.
//!
//! Cargo resolves each crate alone here. A resolution of the whole workspace would unite features,
//! and the pure crates would seem to link what only the node asked for.

use std::collections::BTreeSet;

use cargo_metadata::camino::Utf8Path;

use crate::tidy::finding::Finding;
use crate::tree::{self, Linked};

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
        let arguments = ["tree", "-p", name, "-e", "normal"];
        let linked = tree::packages(root, &arguments)?;
        findings.extend(judge(name, manifest, &linked));
    }
    Ok(findings)
}

fn judge(name: &str, manifest: &str, linked: &BTreeSet<Linked>) -> Vec<Finding> {
    // Two versions of one package are one finding.
    let names: BTreeSet<&str> = linked.iter().map(|package| package.name.as_str()).collect();
    let impure = names
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

    fn check_linked(names: &[(&str, &str)], expected: &[&str]) {
        let package = |(name, version): &(&str, &str)| Linked {
            name: (*name).to_owned(),
            version: (*version).to_owned(),
        };
        let linked = names.iter().map(package).collect();
        let findings = judge("hms-protocol", "protocol/Cargo.toml", &linked);
        let texts: Vec<String> = findings.iter().map(ToString::to_string).collect();
        assert_eq!(texts, expected);
    }

    #[test]
    fn a_closure_of_pure_crates_is_fine() {
        check_linked(&[("hms-protocol", "0.1.0"), ("tokenizer", "1.0.0")], &[]);
    }

    #[test]
    fn every_impure_crate_is_named_once_with_the_way_to_look() {
        check_linked(
            &[
                ("libp2p-core", "0.44.0"),
                ("tokio", "0.2.0"),
                ("tokio", "1.54.0"),
            ],
            &[
                "protocol/Cargo.toml:0: [R1] `hms-protocol` is pure and must not pull in `libp2p-core`: \
             cargo tree -p hms-protocol -e normal -i libp2p-core",
                "protocol/Cargo.toml:0: [R1] `hms-protocol` is pure and must not pull in `tokio`: \
             cargo tree -p hms-protocol -e normal -i tokio",
            ],
        );
    }
}
