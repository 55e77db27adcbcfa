//! What unit tests begin with: a mesh with one member, whose keys they know.

use hms_protocol::genesis::{Founding, Genesis};
use hms_protocol::keyring::SecretKey;
use hms_protocol::time::Moment;
use hms_protocol::trust::Trust;

/// The number of the operator's key.
const OPERATOR: u8 = 200;

/// A key with a number.
pub(crate) fn key(number: u8) -> SecretKey {
    SecretKey::from_seed(&[number; 32])
}

/// The genesis of a mesh that the node of key 1 founds, by the name of `n1`.
pub(crate) fn genesis(voters_wanted: u32, salt: u8) -> Genesis {
    let founding = Founding {
        operator: key(OPERATOR).public(),
        founder: key(1).public().into(),
        name: "n1".parse().expect("it is a name"),
        voters_wanted,
        replace_voter_after_ms: 0,
        trust: Trust::Byzantine,
        founded_at: Moment(1),
        salt: [salt; 32],
    };
    let signed = founding.sign(&key(OPERATOR));
    signed.expect("it is the operator's own key")
}
