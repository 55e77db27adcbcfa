//! The lock: what the schema has promised so far, and what a schema does to it.

use std::collections::BTreeMap;
use std::fmt;

use crate::summary::{Entry, Place, Summary};

/// Every promise made so far.
pub(crate) struct Lock {
    entries: BTreeMap<Place, Entry>,
}

/// How a schema departs from the lock.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Break {
    /// It says something else at the same place.
    Changed {
        place: Place,
        locked: Entry,
        found: Entry,
    },
    /// It says nothing there and has not reserved the number.
    Gone { place: Place, locked: Entry },
    /// It says something that is not locked yet. Shown as the line that belongs in the lock.
    Unlocked(String),
}

impl fmt::Display for Break {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed {
                place,
                locked,
                found,
            } => {
                write!(out, "{place} was `{}` and is `{}`", locked.0, found.0)
            }
            Self::Gone { place, locked } => {
                write!(
                    out,
                    "{place} was `{}` and is gone without being reserved",
                    locked.0
                )
            }
            Self::Unlocked(line) => out.write_str(line),
        }
    }
}

impl Lock {
    /// Reads the lock: one promise per line, `owner key text`; `#` starts a remark.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut entries = BTreeMap::new();
        let is_promise = |line: &&str| !line.is_empty() && !line.starts_with('#');
        for line in text.lines().filter(is_promise) {
            let mut words = line.splitn(3, ' ');
            let (Some(owner), Some(key), Some(text)) = (words.next(), words.next(), words.next())
            else {
                return Err(format!("{line:?} is not `owner key text`"));
            };
            let place = Place {
                owner: owner.to_owned(),
                key: key.to_owned(),
            };
            if entries.insert(place, Entry(text.to_owned())).is_some() {
                return Err(format!("{line:?} is locked twice"));
            }
        }
        Ok(Self { entries })
    }

    /// A lock that holds all that a schema promises.
    pub(crate) fn of(schema: Summary) -> Self {
        Self {
            entries: schema.entries,
        }
    }

    /// Compares a schema with what is locked.
    pub(crate) fn compare(&self, schema: &Summary) -> Vec<Break> {
        let mut breaks = Vec::new();
        for (place, locked) in &self.entries {
            match schema.entries.get(place) {
                Some(found) if found == locked => (),
                Some(found) => breaks.push(Break::Changed {
                    place: place.clone(),
                    locked: locked.clone(),
                    found: found.clone(),
                }),
                None if schema.reserved.contains(place) => (),
                None => {
                    breaks.push(Break::Gone {
                        place: place.clone(),
                        locked: locked.clone(),
                    });
                }
            }
        }
        let is_new = |(place, _): &(&Place, &Entry)| !self.entries.contains_key(place);
        let unlocked = schema.entries.iter().filter(is_new);
        breaks
            .extend(unlocked.map(|(place, entry)| Break::Unlocked(format!("{place} {}", entry.0))));
        breaks
    }
}
