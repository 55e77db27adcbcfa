//! What the papers of this repository say, held against what is there: the map, the alerts, the plan's rows.

mod alerts;
mod map;
mod rows;

use std::path::PathBuf;

/// The top folder.
fn root() -> PathBuf {
    let tests = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    tests
        .parent()
        .expect("the tests are in a folder of the tree")
        .to_owned()
}

/// A file of the tree.
fn read(path: &str) -> String {
    let path = root().join(path);
    std::fs::read_to_string(&path)
        .unwrap_or_else(|error| unreachable!("{}: {error}", path.display()))
}
