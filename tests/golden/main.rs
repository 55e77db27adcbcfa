//! Every golden script is played and must tell what is written in it.

use std::env;
use std::path::{Path, PathBuf};

use hms_tests::golden::script::Script;
use hms_tests::golden::{bless, play};

/// Scripts that there must be at least.
const SCRIPTS_MIN: usize = 12;

#[test]
fn every_script_tells_what_is_written_in_it() {
    let scripts = scripts();
    assert!(
        SCRIPTS_MIN <= scripts.len(),
        "only {} scripts are there",
        scripts.len()
    );
    let wrong: Vec<String> = scripts.iter().filter_map(|path| difference(path)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn scripts() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
    let files = std::fs::read_dir(&folder).expect("the folder of scripts is there");
    let paths = files.map(|file| file.expect("the folder can be read").path());
    let mut scripts: Vec<PathBuf> = paths
        .filter(|path| path.extension().is_some_and(|kind| kind == "script"))
        .collect();
    scripts.sort();
    scripts
}

/// Where the story that is told leaves the one that is written; `None` if it does not.
fn difference(path: &Path) -> Option<String> {
    let (expected, found) = match play(path) {
        Ok(played) => played,
        Err(error) => return Some(error.to_string()),
    };
    if expected == found {
        return None;
    }
    if env::var("HMS_BLESS").is_ok() {
        return bless(path, &found).err().map(|error| error.to_string());
    }
    Some(format!(
        "{}: {}",
        path.display(),
        first_difference(&expected, &found)
    ))
}

fn first_difference(expected: &Script, found: &Script) -> String {
    let (expected, found) = (expected.to_string(), found.to_string());
    let mut lines = expected.lines().zip(found.lines()).enumerate();
    let differing = lines.find(|(_, (expected, found))| expected != found);
    differing.map_or_else(
        || "one story is longer than the other".to_owned(),
        |(number, (expected, found))| {
            format!(
                "line {}\n  written: {expected}\n  told:    {found}",
                number + 1
            )
        },
    )
}
