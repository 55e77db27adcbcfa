//! Ed25519 keys and signatures, each signature bound to a domain.
//!
//! Keys are made from 32 bytes of somebody else's randomness. Verification is strict (RFC 8032 with the checks of
//! "Taming the many `EdDSA`s"), so that two implementations never disagree about one signature.

use std::fmt;

use ed25519_dalek::Signer as _;

use crate::digest::{Domain, Hash};
use crate::id::NodeId;

/// A secret key. Wiped from memory when dropped; never printed.
pub struct SecretKey(ed25519_dalek::SigningKey);

impl SecretKey {
    /// Makes a key from 32 secret random bytes.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(seed))
    }

    /// The secret itself, for storage only.
    pub fn seed(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// The public half.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key().to_bytes())
    }

    /// Signs a digest made in `domain`.
    pub fn sign(&self, domain: Domain, digest: Hash) -> Signature {
        Signature(self.0.sign(&signed_bytes(domain, digest)).to_bytes())
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "SecretKey(of {:?})", self.public())
    }
}

/// A public key. Not yet known to be a point of the curve: a bad one simply verifies nothing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// Wraps the 32 bytes of RFC 8032.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Reads a key from a wire field; `None` when the length is wrong.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The raw bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether `signature` is this key's over a digest made in `domain`.
    pub fn verifies(&self, domain: Domain, digest: Hash, signature: &Signature) -> bool {
        let Ok(key) = ed25519_dalek::VerifyingKey::from_bytes(&self.0) else {
            return false;
        };
        let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
        key.verify_strict(&signed_bytes(domain, digest), &signature)
            .is_ok()
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "PublicKey({})", hex::encode(&self.0[..4]))
    }
}

impl From<NodeId> for PublicKey {
    fn from(node: NodeId) -> Self {
        Self(*node.as_bytes())
    }
}

impl From<PublicKey> for NodeId {
    fn from(key: PublicKey) -> Self {
        Self::from_bytes(key.0)
    }
}

/// An Ed25519 signature.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature([u8; 64]);

impl Signature {
    /// Wraps the 64 bytes of RFC 8032.
    pub const fn from_bytes(bytes: [u8; 64]) -> Self {
        Self(bytes)
    }

    /// Reads a signature from a wire field; `None` when the length is wrong.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The raw bytes.
    pub const fn as_bytes(&self) -> &[u8; 64] {
        &self.0
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Signature({})", hex::encode(&self.0[..4]))
    }
}

/// The domain once more in clear, so that even a collision between domains' digests would not move a signature.
fn signed_bytes(domain: Domain, digest: Hash) -> Vec<u8> {
    [domain.context().as_bytes(), digest.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::hash_fields;

    #[test]
    fn a_signature_holds_for_its_key_its_domain_and_its_digest_only() {
        let key = SecretKey::from_seed(&[1; 32]);
        let digest = hash_fields(Domain::Report, &[b"done"]);
        let signature = key.sign(Domain::Report, digest);

        assert!(key.public().verifies(Domain::Report, digest, &signature));
        assert!(!key.public().verifies(Domain::Draw, digest, &signature));
        assert!(
            !key.public()
                .verifies(Domain::Report, Hash::default(), &signature)
        );
        let stranger = SecretKey::from_seed(&[2; 32]).public();
        assert!(!stranger.verifies(Domain::Report, digest, &signature));
        assert!(!PublicKey::from_bytes([255; 32]).verifies(Domain::Report, digest, &signature));
    }
}
