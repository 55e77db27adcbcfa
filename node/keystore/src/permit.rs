//! What the operator signs away from any mesh: join tokens.

use std::path::Path;

use hms_protocol::id::MeshId;
use hms_protocol::keyring::SecretKey;
use hms_protocol::member::Role;
use hms_protocol::token::Invitation;

use crate::clock::now;
use crate::key::{KeyError, draw_seed, load_key};

/// The operator's key, which has to be there.
pub fn load_operator(path: &Path) -> Result<SecretKey, KeyError> {
    load_key(path)?.ok_or_else(|| KeyError::Missing {
        path: path.to_owned(),
    })
}

/// Makes a token with which one node may join a mesh, within so many milliseconds from now.
pub fn invite(
    operator: &SecretKey,
    mesh: MeshId,
    role: Role,
    ttl_ms: u64,
) -> Result<Invitation, KeyError> {
    let expires_at = now().plus_ms(ttl_ms);
    let seed = draw_seed()?;
    Ok(Invitation::new(operator, mesh, role, expires_at, &seed))
}

#[cfg(test)]
mod tests {
    use hms_protocol::id::NodeId;

    use super::*;
    use crate::key::create_key;

    const MESH: MeshId = MeshId::from_bytes([9; 32]);
    const NODE: NodeId = NodeId::from_bytes([1; 32]);

    #[test]
    fn a_token_is_the_operators_and_no_two_are_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("operator.key");
        let missing = load_operator(&path).unwrap_err();
        assert_eq!(missing.code(), "HMS-OPERATOR-KEY-MISSING");
        create_key(&path).unwrap();
        let operator = load_operator(&path).unwrap();
        let made = || invite(&operator, MESH, Role::Worker, 60_000).unwrap();
        let (one, other) = (made(), made());
        assert_ne!(one.token().key, other.token().key);
        let proof = one.prove(NODE);
        assert_eq!(proof.check(&operator.public(), MESH, NODE, now()), Ok(()));
    }
}
