//! What an adversary is told to do, and what it says that it has done: two files in the data folder of its node.
//!
//! A node of a drill does nothing wrong until its orders are there, and stops when they are gone.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use hms_keystore::write_whole;
use serde::{Deserialize, Serialize};

use crate::attack::{Attack, Trigger};

/// Name of the file with the orders.
const ORDERS_FILE: &str = "adversary.json";

/// Name of the file with what was done.
const DEEDS_FILE: &str = "adversary.log";

/// What an adversary is to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Orders {
    /// Where its chance comes from.
    pub seed: u64,
    /// What, when.
    pub steps: Vec<Ordered>,
}

/// One thing that it is to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ordered {
    /// What.
    pub attack: Attack,
    /// When.
    pub when: Trigger,
    /// Toward which nodes only, by id; empty for everybody.
    pub toward: Vec<String>,
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deeds {
    /// When this was written, in milliseconds since 1970.
    pub at_ms: u64,
    /// How often it has done something.
    pub told: u64,
}

impl Orders {
    /// Gives the orders.
    pub fn write(&self, data_dir: &Path) -> io::Result<()> {
        let text = serde_json::to_string(self).map_err(io::Error::other)?;
        write_whole(&data_dir.join(ORDERS_FILE), text.as_bytes(), 0o600)
    }

    /// The orders, if there are any.
    pub fn read(data_dir: &Path) -> Option<Self> {
        let text = fs::read_to_string(data_dir.join(ORDERS_FILE)).ok()?;
        serde_json::from_str(&text).ok()
    }

    /// Takes the orders back.
    pub fn revoke(data_dir: &Path) -> io::Result<()> {
        match fs::remove_file(data_dir.join(ORDERS_FILE)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

impl Deeds {
    /// Adds a line to what was done.
    pub fn append(self, data_dir: &Path) -> io::Result<()> {
        let path = data_dir.join(DEEDS_FILE);
        let mut file = File::options().create(true).append(true).open(path)?;
        let line = serde_json::to_string(&self).map_err(io::Error::other)?;
        writeln!(file, "{line}")
    }

    /// Everything that was written, oldest first.
    pub fn read(data_dir: &Path) -> Vec<Self> {
        let text = fs::read_to_string(data_dir.join(DEEDS_FILE)).unwrap_or_default();
        text.lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect()
    }
}
