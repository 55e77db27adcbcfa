//! The second reader of every proof: metamath-rs, an implementation that shares nothing with ours.
//!
//! The only room that names it. It sees only text that `protocol` has read and written again, never what travelled, so
//! the two readers cannot see two different things. Whatever it does, a crash included, is caught and is never a pass.

use std::panic::{AssertUnwindSafe, catch_unwind};

use metamath_rs::database::{Database, DbOptions};

/// Names of the two texts inside metamath-rs. They are never files: both are always handed over with the database.
const GROUND: &str = "ground";
const ADDITION: &str = "addition";

/// A database that metamath-rs has read and verified.
pub(super) struct Knife {
    database: Database,
    text: Vec<u8>,
}

impl std::fmt::Debug for Knife {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Knife({} bytes)", self.text.len())
    }
}

impl Knife {
    /// Reads a database and verifies every proof in it. Says the first thing that is wrong.
    pub(super) fn load(text: &str) -> Result<Self, String> {
        guarded(|| {
            let mut database = Database::new(DbOptions {
                incremental: true,
                ..DbOptions::default()
            });
            let text = text.as_bytes().to_vec();
            parse(&mut database, &text, "");
            database.verify_pass();
            first_complaint(&database)?;
            Ok(Self { database, text })
        })
    }

    /// Reads a submission on top of the database and verifies these theorems of it.
    pub(super) fn check(&self, submission: &str, labels: &[&str]) -> Result<(), String> {
        guarded(|| {
            let mut database = self.database.clone();
            parse(&mut database, &self.text, submission);
            first_complaint(&database)?;
            for label in labels {
                let theorem = database.statement(label.as_bytes());
                let theorem = theorem.ok_or_else(|| format!("it does not see {label}"))?;
                database
                    .verify_one(&mut (), theorem)
                    .map_err(|complaint| format!("{label}: {complaint:?}"))?;
            }
            Ok(())
        })
    }
}

fn parse(database: &mut Database, ground: &[u8], addition: &str) {
    let start = format!("$[ {GROUND} $] $[ {ADDITION} $]\n");
    let texts = vec![
        ("start".to_owned(), start.into_bytes()),
        (GROUND.to_owned(), ground.to_vec()),
        (ADDITION.to_owned(), addition.as_bytes().to_vec()),
    ];
    database.parse("start".to_owned(), texts);
    database.name_pass();
    database.scope_pass();
}

fn first_complaint(database: &Database) -> Result<(), String> {
    match database.diag_notations().into_iter().next() {
        None => Ok(()),
        Some((address, complaint)) => {
            let statement = database.statement_by_address(address);
            let label = String::from_utf8_lossy(statement.label()).into_owned();
            Err(format!("{label}: {complaint:?}"))
        }
    }
}

/// Runs foreign code that may panic on input that nobody has thought of.
fn guarded<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err("it crashed".to_owned()))
}
