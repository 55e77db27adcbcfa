//! A2A-1: an envelope that another protobuf implementation has encoded is read, and encoded back to the same bytes.

use hms_protocol::codec::envelope::{decode, encode};
use hms_protocol::digest::Hash;
use hms_protocol::envelope::{Audience, BodyKind, Header, Sender};
use hms_protocol::id::{Incarnation, MeshId, NodeId, Sequence};
use hms_protocol::time::Moment;

const FRAME: &[u8] = include_bytes!("../../../proto/golden/envelope.bin");

#[test]
fn an_envelope_encoded_by_python_is_read_and_encoded_back() {
    let sealed = decode(FRAME).unwrap();
    let expected = Header {
        mesh: MeshId::from_bytes([9; 32]),
        sender: Sender::Node(NodeId::from_bytes([1; 32])),
        audience: Audience::Mesh,
        incarnation: Incarnation(3),
        sequence: Sequence(300),
        issued_at: Moment(1_700_000_000_000),
        expires_at: Moment(1_700_000_030_000),
        kind: BodyKind::Announcement,
        body_hash: Hash::from_bytes([5; 32]),
    };
    assert_eq!(sealed.claimed(), &expected);
    let (_, body, signature) = sealed.parts();
    assert_eq!((body, signature.as_bytes()), (&b"body"[..], &[6; 64]));
    assert_eq!(encode(&sealed), FRAME);
}
