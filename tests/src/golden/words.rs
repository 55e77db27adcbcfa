//! The words of a golden script's lines, and the short names in them.

use std::collections::BTreeMap;
use std::iter;
use std::str::FromStr;

use goldenscript::Command;
use hms_protocol::id::{AgentId, TaskId};

use crate::golden::stage::StageError;
use crate::sim::clock::Millis;
use crate::sim::host::HostId;

/// The words of a line.
pub struct Words<'line> {
    /// Those without a `=`, from the first on, which says what is to be done.
    pub plain: Vec<&'line str>,
    /// Those with one, by what stands before it.
    pub named: BTreeMap<&'line str, &'line str>,
}

impl<'line> Words<'line> {
    /// Takes a line apart.
    pub fn of(line: &'line Command) -> Self {
        let mut words = line.consume_args();
        let named = iter::from_fn(|| words.next_key()).collect();
        let rest = iter::from_fn(|| words.next_pos());
        let plain = iter::once(line.name.as_str()).chain(rest).collect();
        Self { plain, named }
    }

    /// A word by its place.
    pub fn plain(&self, place: usize, what: &'static str) -> Result<&'line str, StageError> {
        let word = self.plain.get(place).copied();
        word.ok_or(StageError::BadWord { what })
    }

    /// A host by its place.
    pub fn host(&self, place: usize) -> Result<HostId, StageError> {
        host(self.plain(place, "a host")?)
    }

    /// A named word, or what stands for it when it is not there.
    pub fn named<T: FromStr>(&self, name: &'static str, otherwise: T) -> Result<T, StageError> {
        match self.named.get(name) {
            None => Ok(otherwise),
            Some(word) => word.parse().map_err(|_| StageError::BadWord { what: name }),
        }
    }

    /// A named span of time, in milliseconds.
    pub fn span(&self, name: &'static str, otherwise: Millis) -> Result<Millis, StageError> {
        match self.named.get(name) {
            None => Ok(otherwise),
            Some(word) => span(word).ok_or(StageError::BadWord { what: name }),
        }
    }
}

/// `n1` is the first host.
pub fn host(word: &str) -> Result<HostId, StageError> {
    let number = word
        .strip_prefix('n')
        .and_then(|digits| digits.parse::<usize>().ok());
    let number = number.and_then(|number| number.checked_sub(1));
    number
        .map(HostId)
        .ok_or(StageError::BadWord { what: "a host" })
}

/// `3s`, `250ms`.
pub fn span(word: &str) -> Option<Millis> {
    if let Some(digits) = word.strip_suffix("ms") {
        return digits.parse().ok();
    }
    let seconds: Millis = word.strip_suffix('s')?.parse().ok()?;
    Some(seconds * 1_000)
}

/// A task by its name.
pub fn task_id(name: &str) -> TaskId {
    let digest = blake3::derive_key("hms/golden/task/v1", name.as_bytes());
    TaskId::from_slice(&digest[..TaskId::BYTES]).expect("a digest is longer than an id")
}

/// An agent by its name.
pub fn agent_id(name: &str) -> AgentId {
    let digest = blake3::derive_key("hms/golden/agent/v1", name.as_bytes());
    AgentId::from_slice(&digest[..AgentId::BYTES]).expect("a digest is longer than an id")
}
