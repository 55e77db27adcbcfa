//! The genesis of a mesh on the wire, as far as a stranger has to understand it.

use hms_proto::v1;
use prost::Message as _;

use super::{CodecError, WireEnum, field};
use crate::digest::{Domain, hash_fields};
use crate::id::MeshId;
use crate::limits;
use crate::receipt::Origin;
use crate::trust::Trust;
use crate::wire_enum;

wire_enum!(Trust, v1::Trust, { Crash, Byzantine });

/// Reads an encoded genesis: the content of a genesis file. The mesh is the digest of the bytes as they are.
pub fn read(bytes: &[u8]) -> Result<Origin, CodecError> {
    field::check_length("genesis", bytes.len(), limits::GENESIS_BYTES_MAX)?;
    let genesis = v1::Genesis::decode(bytes).map_err(|error| CodecError::Malformed {
        message: "genesis",
        reason: error.to_string(),
    })?;
    let founder = field::required("genesis.founder", genesis.founder)?;
    let digest = hash_fields(Domain::Genesis, &[bytes]);
    Ok(Origin {
        mesh: MeshId::from_bytes(*digest.as_bytes()),
        founder: field::node_id("genesis.founder.id", &founder.id)?,
        trust: Trust::from_number("genesis.trust", genesis.trust)?,
    })
}
