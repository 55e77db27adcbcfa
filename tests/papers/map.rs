//! ARCHITECTURE.md and the workspace.

use crate::{read, root};

/// The folders of the tree that are asked for.
const FOLDERS: [&str; 7] = [
    "node",
    "protocol",
    "consensus",
    "proto",
    "testnet",
    "scripts",
    "tests",
];

/// Packages that are asked for, and the crate that lives by each.
const PACKAGES: [(&str, &str); 9] = [
    ("libp2p", "node"),
    ("tokio", "node"),
    ("prost", "protocol"),
    ("serde", "node"),
    ("ed25519-dalek", "protocol"),
    ("rocksdb", "node"),
    ("raft", "consensus"),
    ("prometheus", "node"),
    ("tracing", "node"),
];

/// Crates of the plan, each of which has a line in the table.
const PLANNED: [&str; 12] = [
    "supervisor",
    "verification",
    "policy_engine",
    "data_store",
    "agent_core",
    "agent_skills",
    "communication",
    "ffi",
    "marketplace",
    "self_healing",
    "genetic_engine",
    "ui",
];

/// What a line says instead of a path when there is nothing yet.
const NOT_BUILT: &str = "not built yet";

/// The cells of every line of a table that begins with these headings.
fn table(page: &str, headings: &str) -> Vec<Vec<String>> {
    let lines = page.lines().skip_while(|line| !line.starts_with(headings));
    let rows = lines.skip(2).take_while(|line| line.starts_with('|'));
    let cells = rows.map(|row| {
        let cells = row.trim_matches('|').split('|');
        cells.map(|cell| cell.trim().to_owned()).collect()
    });
    cells.collect()
}

/// The paths in a cell: what stands between backticks, with `{a,b}` spelt out and patterns cut before their star.
fn paths(cell: &str) -> Vec<String> {
    let quoted = cell.split('`').skip(1).step_by(2);
    let spelt = quoted.flat_map(|path| match path.split_once('{') {
        Some((before, rest)) => {
            let (choices, after) = rest.split_once('}').unwrap_or((rest, ""));
            choices
                .split(',')
                .map(|choice| format!("{before}{choice}{after}"))
                .collect()
        }
        None => vec![path.to_owned()],
    });
    let bare = spelt.map(|path| path.split('*').next().unwrap_or_default().to_owned());
    bare.filter(|path| path.contains('/')).collect()
}

/// WS-3: every room that the map names is there.
#[test]
fn every_path_of_the_map_exists() {
    let page = read("ARCHITECTURE.md");
    let rooms = table(&page, "| question | room |");
    let crates = table(&page, "| plan | here |");
    let named: Vec<String> = rooms
        .iter()
        .chain(&crates)
        .flat_map(|row| paths(&row[1]))
        .collect();
    assert!(40 < named.len(), "the tables were not found: {named:?}");
    for path in named {
        assert!(root().join(&path).exists(), "ARCHITECTURE.md names {path}");
    }
}

/// WS-3: each crate of the plan has a line, which names a place or says that there is none yet.
#[test]
fn every_crate_of_the_plan_is_on_the_map() {
    let page = read("ARCHITECTURE.md");
    let lines = table(&page, "| plan | here |");
    let names: Vec<&str> = lines.iter().map(|line| line[0].as_str()).collect();
    assert_eq!(names, PLANNED);
    for line in &lines {
        let built = !paths(&line[1]).is_empty();
        assert_ne!(built, line[1] == NOT_BUILT, "{line:?}");
    }
}

/// WS-1: one workspace, with the folders that are asked for.
#[test]
fn the_workspace_has_the_folders_of_the_plan() {
    let manifest: toml::Table = read("Cargo.toml").parse().expect("it is TOML");
    let members = manifest["workspace"]["members"].as_array().expect("a list");
    for folder in FOLDERS {
        assert!(root().join(folder).is_dir(), "{folder} is missing");
        let built = members.iter().filter_map(toml::Value::as_str);
        let built = built.filter(|member| member.split('/').next() == Some(folder));
        assert!(0 < built.count(), "nothing of {folder} is in the workspace");
    }
}

/// WS-2: the packages that are asked for are what the shipped crates stand on. That each works is shown where it does: a
/// state survives `kill -9` in `e2e::leader`, a mesh meets over libp2p in every end-to-end test, and so on.
#[test]
fn the_packages_of_the_plan_are_used() {
    for (package, user) in PACKAGES {
        let manifest: toml::Table = read(&format!("{user}/Cargo.toml"))
            .parse()
            .expect("it is TOML");
        let used = manifest["dependencies"].get(package);
        assert!(used.is_some(), "{user} does not use {package}");
    }
}
