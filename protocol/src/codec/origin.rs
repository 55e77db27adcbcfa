//! The genesis of a mesh on the wire, as far as a stranger has to understand it.

use super::{CodecError, genesis};
use crate::genesis::mesh_of;
use crate::receipt::Origin;

/// Reads an encoded genesis: the content of a genesis file. The mesh is the digest of the bytes as they are.
pub fn read(bytes: &[u8]) -> Result<Origin, CodecError> {
    let genesis = genesis::read(bytes)?;
    let founding = genesis.founding();
    Ok(Origin {
        mesh: mesh_of(bytes),
        operator: founding.operator,
        founder: founding.founder,
        trust: founding.trust,
    })
}
