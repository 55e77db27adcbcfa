//! `hms mesh genesis`: takes the file with which anybody checks the receipts of a mesh.
//!
//! The mesh's id is the digest of the file, so a genesis of another mesh is not mistaken for this one's. Whether this is
//! the mesh that it should be, nobody but the person knows.

use std::path::Path;

use hms_client::domain::codec::{self, CodecError};
use hms_client::domain::receipt::Origin;
use hms_client::domain::trust::Trust;
use serde_json::{Value, json};

use crate::exit::Exit;
use crate::fault::Fault;
use crate::keepsake::Place;
use crate::session::Session;

/// What the file is called unless the person gives another name.
pub(crate) const GENESIS_FILE: &str = "genesis.hms";

pub(super) const EXAMPLES: &str = "\
Example:
  hms mesh genesis
  hms mesh genesis --out mesh.genesis --force

The file is genesis.hms unless --out names another. It never changes in the life of a mesh. Keep it where nobody else can
change it: whoever gives you another one gives you another mesh.";

/// Takes the genesis.
pub(super) async fn run(place: &Place, session: &Session) -> Result<Exit, Fault> {
    let bytes = session.client.genesis().await?;
    let path = place.keep(GENESIS_FILE, &bytes)?;
    let bad = |source: CodecError| Fault::BadGenesis {
        path: path.clone(),
        source,
    };
    let origin = codec::origin::read(&bytes).map_err(bad)?;
    session.screen.show(
        |_| text(&origin, &path, bytes.len()),
        || as_json(&origin, &path, bytes.len()),
    )?;
    Ok(Exit::Done)
}

/// What was written, for people.
fn text(origin: &Origin, path: &Path, bytes: usize) -> String {
    format!(
        "wrote {}: {bytes} bytes\nmesh      {}\nfounder   {}\nvoters    {}",
        path.display(),
        origin.mesh,
        origin.founder,
        trust(origin.trust).1
    )
}

fn as_json(origin: &Origin, path: &Path, bytes: usize) -> Value {
    json!({
        "file": path.display().to_string(),
        "bytes": bytes,
        "mesh": origin.mesh.to_string(),
        "founder": origin.founder.to_string(),
        "trust": trust(origin.trust).0,
    })
}

/// How far voters are trusted: a word for programs, and one for people.
const fn trust(trust: Trust) -> (&'static str, &'static str) {
    match trust {
        Trust::Crash => ("crash", "may stop, but do not lie"),
        Trust::Byzantine => ("byzantine", "may lie, fewer than a third of them"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_told_which_mesh_it_is() {
        let golden = include_bytes!("../../../../proto/golden/genesis.bin");
        let origin = codec::origin::read(golden).expect("it is a genesis");
        let said = text(&origin, Path::new(GENESIS_FILE), golden.len());
        assert!(said.starts_with("wrote genesis.hms: "), "{said}");
        assert!(
            said.contains(&format!("\nmesh      {}\n", origin.mesh)),
            "{said}"
        );
        let json = as_json(&origin, Path::new(GENESIS_FILE), golden.len());
        assert_eq!(json["mesh"], origin.mesh.to_string());
        assert_eq!(json["founder"], origin.founder.to_string());
    }
}
