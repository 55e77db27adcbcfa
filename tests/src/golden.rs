//! Golden scripts: a conversation between nodes, told before it happens and compared with what happened.
//!
//! A script is a text file. Lines before a `---` are what somebody does to a mesh; the lines after it, up to a blank line,
//! are what must follow, word for word. Nothing is left to chance, so every run of a script tells the same. With
//! `HMS_BLESS=1` the transcripts are written anew; whoever does that reads them again.

pub mod script;
pub mod stage;
pub mod words;

use std::path::Path;

use script::{Block, Script, ScriptError};
use stage::{Stage, StageError};

/// Why a script cannot be played.
#[derive(Debug, thiserror::Error)]
pub enum GoldenError {
    /// The file cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The text is not a script.
    #[error("{path}: {source}")]
    Script {
        /// Which.
        path: String,
        /// Why.
        #[source]
        source: ScriptError,
    },
    /// A line cannot be done.
    #[error("{path}: {line}: {source}")]
    Stage {
        /// Which.
        path: String,
        /// The line.
        line: String,
        /// Why.
        #[source]
        source: StageError,
    },
}

/// Plays a script and gives it back as it is written, and with the transcript that came of it.
pub fn play(path: &Path) -> Result<(Script, Script), GoldenError> {
    let expected = read(path)?;
    let mut stage = Stage::default();
    let mut blocks = Vec::new();
    for block in &expected.blocks {
        act(path, &mut stage, block)?;
        blocks.push(Block {
            commands: block.commands.clone(),
            transcript: stage.take_transcript(),
        });
    }
    let found = Script {
        preface: expected.preface.clone(),
        blocks,
    };
    Ok((expected, found))
}

/// Plays a script and tells its story with times.
pub fn tell(path: &Path) -> Result<String, GoldenError> {
    let mut stage = Stage::from_the_start();
    for block in &read(path)?.blocks {
        act(path, &mut stage, block)?;
    }
    Ok(stage.story())
}

fn read(path: &Path) -> Result<Script, GoldenError> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|source| GoldenError::File {
        path: name.clone(),
        source,
    })?;
    Script::parse(&text).map_err(|source| GoldenError::Script { path: name, source })
}

fn act(path: &Path, stage: &mut Stage, block: &Block) -> Result<(), GoldenError> {
    for line in &block.commands {
        stage.act(line).map_err(|source| GoldenError::Stage {
            path: path.display().to_string(),
            line: line.clone(),
            source,
        })?;
    }
    Ok(())
}

/// Writes a script with its transcript.
pub fn bless(path: &Path, script: &Script) -> Result<(), GoldenError> {
    std::fs::write(path, script.to_string()).map_err(|source| GoldenError::File {
        path: path.display().to_string(),
        source,
    })
}
