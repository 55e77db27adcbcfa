//! The form of a golden script: a preface of comments, then blocks of commands and what must follow from them.

use std::fmt;

/// A script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// What it is about: the comment lines at its head.
    pub preface: Vec<String>,
    /// What is done, and what follows.
    pub blocks: Vec<Block>,
}

/// Commands and what must follow from them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// What is done.
    pub commands: Vec<String>,
    /// What is told meanwhile.
    pub transcript: Vec<String>,
}

/// Why a text is not a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScriptError {
    /// A block has no `---`.
    #[error("the block before line {line} has no ---")]
    NoTranscript {
        /// Where it ends.
        line: usize,
    },
    /// It does not say what it is about.
    #[error("a script begins with a # line that says what it shows")]
    NoPreface,
}

const RULE: &str = "---";

impl Script {
    /// Reads a script.
    pub fn parse(text: &str) -> Result<Self, ScriptError> {
        let mut lines = text.lines().enumerate().peekable();
        let mut preface = Vec::new();
        while let Some((_, line)) = lines.next_if(|(_, line)| line.starts_with('#')) {
            preface.push(line.to_owned());
        }
        if preface.is_empty() {
            return Err(ScriptError::NoPreface);
        }
        let mut blocks = Vec::new();
        let mut block: Option<(Vec<String>, Option<Vec<String>>)> = None;
        for (number, line) in lines {
            if line.trim().is_empty() {
                blocks.extend(close(block.take(), number)?);
                continue;
            }
            let (commands, transcript) = block.get_or_insert_default();
            match transcript {
                None if line == RULE => *transcript = Some(Vec::new()),
                None => commands.push(line.to_owned()),
                Some(transcript) => transcript.push(line.to_owned()),
            }
        }
        blocks.extend(close(block, text.lines().count())?);
        Ok(Self { preface, blocks })
    }
}

fn close(
    block: Option<(Vec<String>, Option<Vec<String>>)>,
    line: usize,
) -> Result<Option<Block>, ScriptError> {
    match block {
        None => Ok(None),
        Some((_, None)) => Err(ScriptError::NoTranscript { line }),
        Some((commands, Some(transcript))) => Ok(Some(Block {
            commands,
            transcript,
        })),
    }
}

impl fmt::Display for Script {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.preface {
            writeln!(out, "{line}")?;
        }
        for (number, block) in self.blocks.iter().enumerate() {
            if 0 < number {
                writeln!(out)?;
            }
            for line in &block.commands {
                writeln!(out, "{line}")?;
            }
            writeln!(out, "{RULE}")?;
            for line in &block.transcript {
                writeln!(out, "{line}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_reads_back_what_it_prints() {
        let text = "# About.\nmesh voters=1\n---\nn1 leads term 2\n\nrun 1s\n---\n";
        let script = Script::parse(text).unwrap();
        assert_eq!(script.blocks.len(), 2);
        assert_eq!(script.to_string(), text);
    }

    #[test]
    fn a_block_without_a_rule_is_refused() {
        let found = Script::parse("# About.\nmesh voters=1\n\nrun 1s\n---\n");
        assert_eq!(found, Err(ScriptError::NoTranscript { line: 2 }));
        assert_eq!(Script::parse("mesh\n---\n"), Err(ScriptError::NoPreface));
    }
}
