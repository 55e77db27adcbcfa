//! R6 and the table of crates: which member of the workspace may import which.
//!
//! A member that is not in the table is a finding: whoever adds a crate says what it may import.

use crate::tidy::finding::Finding;

/// A member of the workspace with the members that it imports, in whatever role.
pub(crate) struct Manifest {
    /// The package's name.
    pub(crate) name: String,
    /// Where its `Cargo.toml` is, relative to the workspace.
    pub(crate) path: String,
    /// The members it depends on: normally, for tests or for the build.
    pub(crate) imports: Vec<String>,
}

/// What each member may import; `hms-node` is open to the adversary of the drills and to the tests
/// alone (R6).
const ALLOWED: [(&str, &[&str]); 14] = [
    ("hms-proto", &[]),
    ("hms-protocol", &["hms-proto"]),
    ("hms-consensus", &["hms-proto", "hms-protocol"]),
    ("hms-client", &["hms-proto", "hms-protocol"]),
    ("hms-keystore", &["hms-protocol"]),
    (
        "hms-node",
        &["hms-proto", "hms-protocol", "hms-consensus", "hms-keystore"],
    ),
    ("hms", &["hms-client", "hms-keystore", "hms-testnet"]),
    (
        "hms-testnet",
        &["hms-client", "hms-keystore", "hms-protocol"],
    ),
    (
        "hms-adversary",
        &["hms-protocol", "hms-consensus", "hms-node", "hms-testnet"],
    ),
    (
        "hms-tests",
        &[
            "hms-proto",
            "hms-protocol",
            "hms-consensus",
            "hms-client",
            "hms-keystore",
            "hms-node",
            "hms-testnet",
            "hms",
        ],
    ),
    ("hms-model", &[]),
    ("hms-swarm", &["hms-protocol", "hms-node"]),
    // The swarm's stand-in for the crate of that name.
    ("futures-timer", &[]),
    ("xtask", &[]),
];

/// Checks every member against the table.
pub(crate) fn check(manifests: &[Manifest]) -> Vec<Finding> {
    manifests.iter().flat_map(check_member).collect()
}

fn check_member(manifest: &Manifest) -> Vec<Finding> {
    let finding = |message: String| Finding {
        path: manifest.path.clone(),
        line: 0,
        rule: "R6",
        message,
    };
    let Some((_, allowed)) = ALLOWED.iter().find(|(name, _)| *name == manifest.name) else {
        let message = format!(
            "`{}` has no place in the table of crates; see tidy/arrows.rs",
            manifest.name
        );
        return vec![finding(message)];
    };
    let strangers = manifest
        .imports
        .iter()
        .filter(|import| !allowed.contains(&import.as_str()));
    strangers
        .map(|import| finding(format!("`{}` may not import `{import}`", manifest.name)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_member(name: &str, imports: &[&str], expected: &[&str]) {
        let imports = imports.iter().map(|import| (*import).to_owned()).collect();
        let manifest = Manifest {
            name: name.to_owned(),
            path: "Cargo.toml".to_owned(),
            imports,
        };
        let texts: Vec<String> = check(&[manifest]).iter().map(ToString::to_string).collect();
        assert_eq!(texts, expected);
    }

    #[test]
    fn the_node_is_imported_by_the_adversary_and_the_tests_alone() {
        check_member("hms-tests", &["hms-node"], &[]);
        check_member("hms-adversary", &["hms-node"], &[]);
        check_member(
            "hms",
            &["hms-node"],
            &["Cargo.toml:0: [R6] `hms` may not import `hms-node`"],
        );
    }

    #[test]
    fn nothing_below_imports_what_is_above() {
        check_member("hms-consensus", &["hms-protocol"], &[]);
        check_member(
            "hms-protocol",
            &["hms-consensus"],
            &["Cargo.toml:0: [R6] `hms-protocol` may not import `hms-consensus`"],
        );
    }

    #[test]
    fn an_unknown_member_is_found() {
        check_member(
            "hms-attic",
            &[],
            &[
                "Cargo.toml:0: [R6] `hms-attic` has no place in the table of crates; see tidy/arrows.rs",
            ],
        );
    }
}
