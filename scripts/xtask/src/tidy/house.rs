//! The whole tree as the checks see it: every Rust file, every manifest, and which file is reached
//! from where.
//!
//! Hidden folders and build output are not part of the house. A file that does not parse becomes a
//! finding, so that one broken file does not hide what is wrong with the others.

use std::fs;

use anyhow::Context;
use cargo_metadata::camino::{Utf8Path, Utf8PathBuf};
use cargo_metadata::{Metadata, MetadataCommand};
use walkdir::{DirEntry, WalkDir};

use crate::tidy::arrows::Manifest;
use crate::tidy::finding::Finding;
use crate::tidy::orphans;
use crate::tidy::source::Source;
use crate::workspaces;

/// The sources and manifests of the workspace.
pub(crate) struct House {
    /// Every Rust file that parses, in the order of their paths.
    pub(crate) sources: Vec<Source>,
    /// Every member of a workspace with what it imports.
    pub(crate) manifests: Vec<Manifest>,
    /// What is wrong with the files that do not parse.
    pub(crate) findings: Vec<Finding>,
}

impl House {
    /// Reads the workspace at `root`.
    ///
    /// # Errors
    /// When cargo cannot describe the workspace or a file cannot be read.
    pub(crate) fn load(root: &Utf8Path) -> anyhow::Result<Self> {
        let (mut targets, mut manifests) = (Vec::new(), Vec::new());
        for workspace in workspaces::ALL {
            let metadata = MetadataCommand::new()
                .current_dir(root.join(workspace))
                .no_deps()
                .exec()
                .context("cargo cannot describe the workspace")?;
            targets.extend(targets_of(root, &metadata));
            manifests.extend(manifests_of(root, &metadata));
        }
        let mut sources = Vec::new();
        let mut findings = Vec::new();
        for path in rust_files(root)? {
            let text =
                fs::read_to_string(root.join(&path)).with_context(|| format!("reading {path}"))?;
            match Source::parse(path.as_str(), &text) {
                Ok(source) => sources.push(source),
                Err(error) => findings.push(Finding {
                    path: path.into_string(),
                    line: error.span().start().line,
                    rule: "syntax",
                    message: error.to_string(),
                }),
            }
        }
        orphans::mark_reach(&mut sources, &targets);
        Ok(Self {
            sources,
            manifests,
            findings,
        })
    }
}

/// The Rust files below `root`, relative to it, in order.
fn rust_files(root: &Utf8Path) -> anyhow::Result<Vec<Utf8PathBuf>> {
    let is_ours = |entry: &DirEntry| {
        let name = entry.file_name().to_string_lossy();
        entry.depth() == 0 || !(name.starts_with('.') || name == "target")
    };
    let mut files = Vec::new();
    for entry in WalkDir::new(root)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(is_ours)
    {
        let entry = entry.context("walking the tree")?;
        let path = Utf8Path::from_path(entry.path()).context("a path is not UTF-8")?;
        if path.extension() == Some("rs") && entry.file_type().is_file() {
            files.push(path.strip_prefix(root)?.to_owned());
        }
    }
    Ok(files)
}

/// The first file of every target, and whether the target is never shipped.
fn targets_of(root: &Utf8Path, metadata: &Metadata) -> Vec<(String, bool)> {
    let all = metadata
        .packages
        .iter()
        .flat_map(|package| &package.targets);
    all.map(|target| {
        let path = target
            .src_path
            .strip_prefix(root)
            .unwrap_or(&target.src_path);
        let is_trial = target.is_test() || target.is_bench() || target.is_example();
        (path.to_string(), is_trial)
    })
    .collect()
}

fn manifests_of(root: &Utf8Path, metadata: &Metadata) -> Vec<Manifest> {
    metadata
        .packages
        .iter()
        .map(|package| Manifest {
            name: package.name.to_string(),
            path: package
                .manifest_path
                .strip_prefix(root)
                .unwrap_or(&package.manifest_path)
                .to_string(),
            imports: package
                .dependencies
                .iter()
                .filter(|dependency| dependency.path.is_some())
                .map(|dependency| dependency.name.clone())
                .collect(),
        })
        .collect()
}
