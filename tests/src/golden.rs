//! Golden scripts: a conversation between nodes, told before it happens and compared with what happened.
//!
//! A script is a text file in the form of the crate `goldenscript`. Lines before a `---` are what somebody does to a mesh; the
//! lines after it, up to a blank line, are what must follow, word for word, and `ok` stands where nothing does. Nothing is left
//! to chance, so every run of a script tells the same. With `UPDATE_GOLDENFILES=1` the transcripts are written anew; whoever
//! does that reads them again.

pub mod blow;
pub mod seeded;
pub mod stage;
pub mod words;

use std::io;
use std::path::Path;

use stage::Stage;

/// A script cannot be played, or a line of it cannot be done.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {source}")]
pub struct Unplayable {
    path: String,
    #[source]
    source: io::Error,
}

/// Plays a script. Panics with the difference if it tells something else than what is written, or writes that.
pub fn play(path: &Path) -> Result<(), Unplayable> {
    goldenscript::run(&mut Stage::default(), path).map_err(|source| unplayable(path, source))
}

/// Plays a script and tells its story with times.
pub fn tell(path: &Path) -> Result<String, Unplayable> {
    let mut stage = Stage::from_the_start();
    let text = std::fs::read_to_string(path);
    let played = text.and_then(|text| goldenscript::generate(&mut stage, &text));
    played.map_err(|source| unplayable(path, source))?;
    Ok(stage.story())
}

fn unplayable(path: &Path, source: io::Error) -> Unplayable {
    Unplayable {
        path: path.display().to_string(),
        source,
    }
}
