//! Whether a program that cargo has built is that of the sources that another one was built of.
//!
//! Cargo writes down beside a program which files it was made of. `cargo test -p` of one crate does not build the
//! programs of others, so tests that start them ask here first. A program without such a note was not built in a tree,
//! and nobody can say; nor is a source missed that is gone.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A source of `program` that changed after it was built and before `other` was; `None` if there is none, or no note.
/// What changes later is nobody's fault: people go on writing while tests run.
pub fn outdated_by(program: &Path, other: &Path) -> io::Result<Option<PathBuf>> {
    let Ok(note) = fs::read_to_string(program.with_extension("d")) else {
        return Ok(None);
    };
    let built = fs::metadata(program)?.modified()?;
    let until = fs::metadata(other)?.modified()?;
    let changed_between = |source: &PathBuf| {
        let changed = fs::metadata(source).and_then(|found| found.modified());
        changed.is_ok_and(|changed| built < changed && changed < until)
    };
    Ok(sources(&note).into_iter().find(changed_between))
}

/// The files behind the colon; a blank within a name has a backslash before it.
fn sources(note: &str) -> Vec<PathBuf> {
    let (_, files) = note.split_once(": ").unwrap_or_default();
    let mut names = vec![String::new()];
    let mut letters = files.trim_end().chars().peekable();
    while let Some(letter) = letters.next() {
        let name = names.last_mut().expect("it begins with one");
        match letter {
            '\\' if letters.next_if_eq(&' ').is_some() => name.push(' '),
            ' ' => names.push(String::new()),
            other => name.push(other),
        }
    }
    let names = names.into_iter().filter(|name| !name.is_empty());
    names.map(PathBuf::from).collect()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    #[test]
    fn a_program_is_outdated_by_a_source_that_changed_before_the_other_was_built() {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name);
        let (program, other) = (place("program"), place("other"));
        let (old, new, gone) = (place("a b.rs"), place("c.rs"), place("d.rs"));
        let write = |path: &Path, second: u64| {
            let file = fs::File::create(path).unwrap();
            let at = SystemTime::UNIX_EPOCH + Duration::from_secs(second);
            file.set_modified(at).unwrap();
        };
        let check = |expected: Option<&PathBuf>| {
            assert_eq!(outdated_by(&program, &other).unwrap().as_ref(), expected);
        };
        write(&program, 10);
        write(&other, 20);
        check(None);

        let names = [&old, &new, &gone].map(|path| path.to_str().unwrap().replace(' ', "\\ "));
        let note = format!("{}: {}\n", program.display(), names.join(" "));
        fs::write(place("program.d"), note).unwrap();
        write(&old, 9);
        for (second, expected) in [(10, None), (15, Some(&new)), (25, None)] {
            write(&new, second);
            check(expected);
        }
        write(&old, 11);
        check(Some(&old));
    }
}
