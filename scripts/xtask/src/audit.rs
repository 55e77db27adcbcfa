//! What we link and on which terms: licences, bans, sources and known advisories of every
//! dependency.
//!
//! Everything is judged against `deny.toml`, in the format of cargo-deny, so that cargo-deny can
//! read it too. Nothing is downloaded: advisories come from a database that somebody else fetched.

mod advisories;
mod bans;
mod licences;
mod rules;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::Context;
use cargo_metadata::camino::Utf8Path;
use cargo_metadata::{CargoOpt, Metadata, MetadataCommand};

use crate::tree::{self, Linked};
use crate::workspaces;
use rules::Rules;

/// Runs the audit and prints what it found; `true` when nothing is wrong.
///
/// # Errors
/// When `deny.toml`, the lock file or the database cannot be read.
pub(crate) fn run(root: &Utf8Path, database: Option<&Path>) -> anyhow::Result<bool> {
    let text = fs::read_to_string(root.join("deny.toml")).context("reading deny.toml")?;
    let rules: Rules = toml::from_str(&text).context("deny.toml")?;
    // What several workspaces have in common is one problem.
    let mut problems = BTreeSet::new();
    for workspace in workspaces::ALL {
        let folder = root.join(workspace);
        let metadata = linked(&folder, &rules)?;
        problems.extend(licences::check(&metadata, &rules.licenses));
        problems.extend(bans::check(&metadata, &rules));
        println!(
            "licences, bans and sources: {} packages looked at in {folder}",
            metadata.packages.len()
        );
        if let Some(path) = database {
            let judged = advisories::check(&folder, path, &rules.advisories)?;
            println!("advisories: {}", judged.summary);
            problems.extend(judged.problems);
        }
    }
    if database.is_none() {
        println!("advisories: NOT checked; give --advisory-db PATH");
    }
    for problem in &problems {
        println!("audit: {problem}");
    }
    match problems.len() {
        0 => println!("audit: nothing to report"),
        count => println!("audit: {count} problems"),
    }
    Ok(problems.is_empty())
}

/// Every package that is linked on one of the platforms we ship for.
///
/// `cargo metadata` follows optional dependencies that no feature turns on; `cargo tree` knows
/// better, so it decides.
fn linked(root: &Utf8Path, rules: &Rules) -> anyhow::Result<Metadata> {
    let platforms = &rules.graph.targets;
    let mut options = vec!["--locked".to_owned()];
    options.extend(
        platforms
            .iter()
            .map(|target| format!("--filter-platform={target}")),
    );
    let mut metadata = MetadataCommand::new()
        .current_dir(root)
        .features(CargoOpt::AllFeatures)
        .other_options(options)
        .exec()
        .context("cargo cannot resolve the dependencies")?;
    let mut linked = BTreeSet::new();
    for platform in platforms {
        let arguments = [
            "tree",
            "--workspace",
            "--all-features",
            "--target",
            platform,
        ];
        linked.extend(tree::packages(root, &arguments)?);
    }
    metadata.packages.retain(|package| {
        linked.contains(&Linked {
            name: package.name.to_string(),
            version: package.version.to_string(),
        })
    });
    Ok(metadata)
}
