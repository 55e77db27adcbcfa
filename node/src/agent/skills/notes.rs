//! `notes`: an agent's notebook. Keeps short texts by name in the agent's memory, where they survive its node.
//!
//! An agent has the skill only when it is spawned with it by name: a note is of use only to whoever asks the same agent.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::BoxFuture;
use hms_protocol::skill::SkillSpec;
use hms_protocol::task::{Outcome, TaskResult};

use crate::agent::memory::MemoryError;
use crate::agent::skill::{Job, Skill, failure, success};

/// How a memory that holds notes begins.
const TITLE: &str = "notes 1";

/// An agent's notebook.
#[derive(Clone, Copy, Debug, Default)]
pub struct Notes;

impl Skill for Notes {
    fn spec(&self) -> SkillSpec {
        SkillSpec {
            name: "notes".parse().expect("a valid name"),
            version: "1.0".to_owned(),
            summary: "Keeps notes in the agent's memory.".to_owned(),
            input: "lines: put KEY TEXT, get KEY, drop KEY or list".to_owned(),
            offers: BTreeSet::new(),
        }
    }

    fn is_personal(&self) -> bool {
        true
    }

    fn run(&self, job: Job) -> BoxFuture<'static, TaskResult> {
        Box::pin(async move {
            let errands = match read_errands(&job.input) {
                Ok(errands) => errands,
                Err(error) => return refusal(&error),
            };
            // All of them or none: the memory is left alone if one cannot be done.
            let done = job.memory.update(move |kept| {
                let mut book = Book::read(kept)?;
                let said = book.work_off(errands)?;
                if !(kept.is_empty() && book.0.is_empty()) {
                    *kept = book.write();
                }
                Ok(said)
            });
            match done.await.map_err(NotesError::from).flatten() {
                Ok(said) => success(said.into_bytes()),
                Err(error) => refusal(&error),
            }
        })
    }
}

/// Why notes cannot be kept or given.
#[derive(Debug, thiserror::Error)]
enum NotesError {
    #[error("line {number} is none of `put KEY TEXT`, `get KEY`, `drop KEY` and `list`")]
    Line { number: usize },
    #[error("there is no note {key:?}")]
    Unknown { key: String },
    #[error("the agent's memory holds something that is no notes")]
    Foreign,
    #[error(transparent)]
    Memory(#[from] MemoryError),
}

impl NotesError {
    fn code(&self) -> &'static str {
        match self {
            Self::Line { .. } => "HMS-NOTES-LINE",
            Self::Unknown { .. } => "HMS-NOTES-UNKNOWN",
            Self::Foreign => "HMS-NOTES-FOREIGN",
            Self::Memory(error) => error.code(),
        }
    }
}

fn refusal(error: &NotesError) -> TaskResult {
    failure(Outcome::Failure, format!("{}: {error}", error.code()))
}

/// What one line of the input asks for.
enum Errand {
    Put { key: String, text: String },
    Get { key: String },
    Drop { key: String },
    List,
}

fn read_errands(input: &[u8]) -> Result<Vec<Errand>, NotesError> {
    let input = str::from_utf8(input).map_err(|_| NotesError::Line { number: 1 })?;
    let lines = input.lines().enumerate();
    let filled = lines.filter(|(_, line)| !line.trim().is_empty());
    filled
        .map(|(place, line)| read_errand(line.trim()).ok_or(NotesError::Line { number: place + 1 }))
        .collect()
}

fn read_errand(line: &str) -> Option<Errand> {
    if line == "list" {
        return Some(Errand::List);
    }
    let (verb, rest) = split(line)?;
    match verb {
        "put" => {
            let (key, text) = split(rest)?;
            let (key, text) = (key.to_owned(), text.to_owned());
            Some(Errand::Put { key, text })
        }
        "get" | "drop" if rest.contains(char::is_whitespace) => None,
        "get" => Some(Errand::Get {
            key: rest.to_owned(),
        }),
        "drop" => Some(Errand::Drop {
            key: rest.to_owned(),
        }),
        _ => None,
    }
}

/// The first word of a trimmed line, and what follows it.
fn split(line: &str) -> Option<(&str, &str)> {
    let (word, rest) = line.split_once(char::is_whitespace)?;
    Some((word, rest.trim_start()))
}

/// The notes by key. As text: the title, then a line for each.
struct Book(BTreeMap<String, String>);

impl Book {
    fn read(kept: &[u8]) -> Result<Self, NotesError> {
        if kept.is_empty() {
            return Ok(Self(BTreeMap::new()));
        }
        let text = str::from_utf8(kept).map_err(|_| NotesError::Foreign)?;
        let mut lines = text.lines();
        if lines.next() != Some(TITLE) {
            return Err(NotesError::Foreign);
        }
        let notes = lines.map(|line| {
            let (key, text) = line.split_once(' ')?;
            Some((key.to_owned(), text.to_owned()))
        });
        let notes: Option<BTreeMap<_, _>> = notes.collect();
        notes.map(Self).ok_or(NotesError::Foreign)
    }

    fn write(&self) -> Vec<u8> {
        let notes = self.0.iter().map(|(key, text)| format!("{key} {text}\n"));
        let notes: String = notes.collect();
        format!("{TITLE}\n{notes}").into_bytes()
    }

    /// Does what is asked, in order; gives a line for each note and each key that was asked for.
    fn work_off(&mut self, errands: Vec<Errand>) -> Result<String, NotesError> {
        let mut said = Vec::new();
        for errand in errands {
            match errand {
                Errand::Put { key, text } => {
                    self.0.insert(key, text);
                }
                Errand::Get { key } => match self.0.get(&key) {
                    Some(text) => said.push(text.clone()),
                    None => return Err(NotesError::Unknown { key }),
                },
                Errand::Drop { key } => {
                    self.0.remove(&key);
                }
                Errand::List => said.extend(self.0.keys().cloned()),
            }
        }
        Ok(said.join("\n"))
    }
}
