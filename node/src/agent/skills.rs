//! What every node can do without being taught: the built-in skills.

pub mod echo;
pub mod metamath;
pub mod notes;
pub mod probe;
pub mod sleep;

use std::path::PathBuf;
use std::sync::Arc;

use self::metamath::MetamathBackend;
use self::metamath::shelf::{Shelf, ShelfError};
use super::backend::{ProofBackend, Prove, Verify};
use super::skill::SkillSet;

/// The built-in skills, with these proof databases. Without a database there is nothing to prove over, so a node that
/// holds none has no skill to prove or verify.
pub fn built_in(databases: &[PathBuf]) -> Result<SkillSet, ShelfError> {
    let skills = probe::all()
        .with(echo::Echo)
        .with(notes::Notes)
        .with(sleep::Sleep);
    if databases.is_empty() {
        return Ok(skills);
    }
    let backend: Arc<dyn ProofBackend> = Arc::new(MetamathBackend::new(Shelf::open(databases)?));
    Ok(skills
        .with(Prove(Arc::clone(&backend)))
        .with(Verify(backend)))
}
