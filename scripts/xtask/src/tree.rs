//! What cargo really links, as `cargo tree` tells it: features that nobody turned on are left out.

use std::collections::BTreeSet;

use anyhow::{Context, ensure};
use cargo_metadata::camino::Utf8Path;

use crate::stages;

/// One version of one package.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Linked {
    /// The package's name.
    pub(crate) name: String,
    /// Its exact version.
    pub(crate) version: String,
}

/// Asks cargo; `arguments` start with `tree` and choose packages, edges and platform.
///
/// # Errors
/// When cargo cannot answer.
pub(crate) fn packages(root: &Utf8Path, arguments: &[&str]) -> anyhow::Result<BTreeSet<Linked>> {
    let output = stages::cargo(root, arguments)
        .args(["--locked", "--prefix", "none"])
        .output()
        .context("cargo tree did not start")?;
    let problem = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "cargo {} failed: {}",
        arguments.join(" "),
        problem.trim()
    );
    Ok(read(&String::from_utf8_lossy(&output.stdout)))
}

/// Reads lines such as `syn v2.0.119 (*)`; headings such as `[build-dependencies]` and empty lines
/// name nothing.
fn read(text: &str) -> BTreeSet<Linked> {
    let line = |line: &str| {
        let mut words = line.split(' ');
        let name = words.next()?.to_owned();
        let version = words.next()?.strip_prefix('v')?.to_owned();
        Some(Linked { name, version })
    };
    text.lines().filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_read_once_and_headings_are_not_packages() {
        let text = "hms v0.1.0 (/x/cli)\nsyn v2.0.119\n\n[dev-dependencies]\nsyn v2.0.119 (*)\n";
        let read: Vec<String> = read(text)
            .into_iter()
            .map(|linked| format!("{} {}", linked.name, linked.version))
            .collect();
        assert_eq!(read, ["hms 0.1.0", "syn 2.0.119"]);
    }
}
