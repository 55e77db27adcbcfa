//! One Rust file as the checks see it: where it stands, its text, its syntax and the paths it
//! names.

use crate::tidy::finding::Finding;
use crate::tidy::mentions::{self, Mention};

/// A parsed file of the tree.
pub(crate) struct Source {
    /// Relative to the workspace, with `/` between folders.
    pub(crate) path: String,
    /// The whole text.
    pub(crate) text: String,
    /// The parsed text.
    pub(crate) syntax: syn::File,
    /// Every path that the file names, resolved as far as one file can tell.
    pub(crate) mentions: Vec<Mention>,
    /// Whether a module tree reaches this file, and how.
    pub(crate) reach: Reach,
}

/// How the module trees of the workspace reach a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// No target declares it: it is never compiled.
    Orphan,
    /// Only test builds compile it.
    Trial,
    /// It is part of what ships.
    Shipped,
}

/// Folders whose files are never shipped.
const TRIAL_FOLDERS: [&str; 4] = ["tests", "benches", "examples", "fuzz"];

impl Source {
    /// Parses one file. Until a module walk says otherwise, it counts as shipped.
    pub(crate) fn parse(path: &str, text: &str) -> syn::Result<Self> {
        let syntax = syn::parse_file(text)?;
        let mentions = mentions::collect(&module_of(path), &syntax);
        let reach = Reach::Shipped;
        Ok(Self {
            path: path.to_owned(),
            text: text.to_owned(),
            syntax,
            mentions,
            reach,
        })
    }

    /// Whether the file serves tests, benchmarks or examples only.
    pub(crate) fn is_trial(&self) -> bool {
        self.reach == Reach::Trial
            || self
                .path
                .split('/')
                .any(|folder| TRIAL_FOLDERS.contains(&folder))
    }

    /// Whether the file lies in one of these folders or is one of these files.
    pub(crate) fn is_in(&self, places: &[&str]) -> bool {
        places.iter().any(|place| self.path.starts_with(place))
    }

    /// The last part of the path without `.rs`.
    pub(crate) fn stem(&self) -> &str {
        let name = self.path.rsplit('/').next().unwrap_or(&self.path);
        name.strip_suffix(".rs").unwrap_or(name)
    }

    /// A finding in this file.
    pub(crate) fn finding(&self, line: usize, rule: &'static str, message: String) -> Finding {
        Finding {
            path: self.path.clone(),
            line,
            rule,
            message,
        }
    }
}

/// The module path inside its crate that a file's place implies: `consensus/src/raft/log.rs` is
/// `raft::log`.
pub(crate) fn module_of(path: &str) -> Vec<String> {
    const ROOTS: [&str; 3] = ["lib", "main", "mod"];
    let inside = path.rsplit_once("src/").map_or(path, |(_, inside)| inside);
    let inside = inside.strip_suffix(".rs").unwrap_or(inside);
    let mut module: Vec<String> = inside.split('/').map(str::to_owned).collect();
    if module
        .last()
        .is_some_and(|last| ROOTS.contains(&last.as_str()))
    {
        module.pop();
    }
    module
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_of_a_file_tells_its_module() {
        assert_eq!(module_of("consensus/src/raft/log.rs"), ["raft", "log"]);
        assert_eq!(module_of("consensus/src/raft.rs"), ["raft"]);
        assert_eq!(module_of("node/src/agent/mod.rs"), ["agent"]);
        assert!(module_of("node/src/main.rs").is_empty());
    }

    #[test]
    fn files_under_a_tests_folder_are_trials() {
        let source = |path: &str| Source::parse(path, "").expect("an empty file parses");
        assert!(source("node/tests/start.rs").is_trial());
        assert!(source("tests/src/sim.rs").is_trial());
        assert!(!source("node/src/store.rs").is_trial());
    }
}
