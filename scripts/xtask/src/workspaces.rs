//! The workspaces of the house: the main one, and the one that cannot be part of it.
//!
//! The swarm's tests replace a crate of everybody's by one of their own, which cargo does for a whole workspace or not
//! at all. What the gate asks of the one it asks of the other.

use anyhow::Context;
use cargo_metadata::MetadataCommand;
use cargo_metadata::camino::{Utf8Path, Utf8PathBuf};

/// The workspace of the swarm's tests.
pub(crate) const SWARM: &str = "tests/swarm";

/// Every workspace, by its folder.
pub(crate) const ALL: [&str; 2] = ["", SWARM];

/// Where the main workspace builds, and so the others: what they have in common is then compiled once.
///
/// # Errors
/// When cargo cannot describe the workspace.
pub(crate) fn target_folder(root: &Utf8Path) -> anyhow::Result<Utf8PathBuf> {
    let metadata = MetadataCommand::new()
        .current_dir(root)
        .no_deps()
        .exec()
        .context("cargo cannot describe the workspace")?;
    Ok(metadata.target_directory)
}
