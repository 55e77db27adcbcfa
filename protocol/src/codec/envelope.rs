//! The envelope on the wire: sealing, framing, and the way from an opened envelope to what it says.
//!
//! An envelope has exactly one encoding: fields in order, none twice, none unknown, no padded numbers. So two frames that
//! differ are two messages, and a relay cannot dress one message up as another. The version is read before anything
//! else, so that a later layout is refused as such and not as garbage.
//!
//! ```
//! use hms_protocol::codec::envelope::{self, Content};
//! use hms_protocol::codec;
//! use hms_protocol::digest::Hash;
//! use hms_protocol::envelope::{Audience, BodyKind, Header, Sender};
//! use hms_protocol::id::{Incarnation, MeshId, Sequence};
//! use hms_protocol::keyring::SecretKey;
//! use hms_protocol::limits::ENVELOPE_TTL_MS;
//! use hms_protocol::codec::bundle::Bundle;
//! use hms_protocol::peer::PeerMessage;
//! use hms_protocol::time::Moment;
//!
//! // The sender: a value becomes bytes, the bytes become sealed.
//! let key = SecretKey::from_seed(&[1; 32]);
//! let mesh = MeshId::from_bytes([9; 32]);
//! let receiver = SecretKey::from_seed(&[2; 32]).public().into();
//! let now = Moment(1_700_000_000_000);
//! let bundle = Bundle(vec![PeerMessage::AskRoster { have_revision: 7 }]);
//! let header = Header {
//!     mesh,
//!     sender: Sender::Node(key.public().into()),
//!     audience: Audience::Node(receiver),
//!     incarnation: Incarnation(1),
//!     sequence: Sequence(42),
//!     issued_at: now,
//!     expires_at: now.plus_ms(ENVELOPE_TTL_MS),
//!     kind: BodyKind::Peer,
//!     body_hash: Hash::default(), // `seal` fills it in
//! };
//! let frame = envelope::encode(&envelope::seal(header, codec::encode(&bundle), &key));
//!
//! // The receiver: bytes become sealed, a key of its own records opens them, a codec reads what they say.
//! let sealed = envelope::decode(&frame)?;
//! let opened = sealed.open(key.public())?;
//! opened.check_address(mesh, receiver, now)?;
//! assert_eq!(envelope::read(&opened)?, Content::Peer(bundle.0));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use hms_proto::v1;
use prost::Message as _;
use prost::encoding::{WireType, encode_key, encode_varint};

use super::bundle::Bundle;
use super::{CodecError, Wire, WireEnum, field};
use crate::envelope::{
    Audience, BodyKind, EnvelopeRefusal, Header, Opened, Sealed, Sender, hash_body,
};
use crate::heartbeat::Heartbeat;
use crate::id::{Incarnation, Sequence};
use crate::keyring::{SecretKey, Signature};
use crate::limits;
use crate::peer::{Announcement, PeerMessage};
use crate::task::Report;
use crate::time::Moment;
use crate::verdict::Verdict;
use crate::wire_enum;

/// The version of envelopes that this node seals and opens. It also stands in [`Domain::Envelope`]'s context string, so
/// a signature of one version is none of another.
///
/// [`Domain::Envelope`]: crate::digest::Domain::Envelope
pub const ENVELOPE_VERSION: u32 = 1;

wire_enum!(BodyKind, v1::BodyKind, { Peer, Heartbeat, Announcement, Report, Verdict });

/// What an opened envelope says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Of [`BodyKind::Peer`].
    Peer(Vec<PeerMessage>),
    /// Of [`BodyKind::Heartbeat`].
    Heartbeat(Heartbeat),
    /// Of [`BodyKind::Announcement`].
    Announcement(Announcement),
    /// Of [`BodyKind::Report`].
    Report(Report),
    /// Of [`BodyKind::Verdict`].
    Verdict(Verdict),
}

/// Seals a body. The header's body hash is set here: whatever it was does not matter.
pub fn seal(header: Header, body: Vec<u8>, key: &SecretKey) -> Sealed {
    let header = Header {
        body_hash: hash_body(&body),
        ..header
    };
    let header_bytes = super::encode(&header);
    Sealed::sign(header, header_bytes, body, key)
}

/// Frames a sealed message. The bytes are those that [`decode`] read, or the one encoding of a new message.
pub fn encode(sealed: &Sealed) -> Vec<u8> {
    let (before, after) = frame(sealed);
    let (_, body, _) = sealed.parts();
    [&before, body, &after].concat()
}

/// Reads a frame. Nothing in it is believed yet: [`Sealed::open`] comes next.
pub fn decode(bytes: &[u8]) -> Result<Sealed, EnvelopeRefusal> {
    if bytes.len() > limits::PEER_MESSAGE_BYTES_MAX + limits::ENVELOPE_BYTES_EXTRA {
        return malformed("the frame is longer than any message");
    }
    check_version(bytes)?;
    let Ok(wire) = v1::Envelope::decode(bytes) else {
        return malformed("the frame is not an envelope");
    };
    let header = read_header(&wire.header)?;
    if wire.body.len() > body_bytes_max(header.kind) {
        return malformed("the body is longer than its kind allows");
    }
    let Some(signature) = Signature::from_slice(&wire.signature) else {
        return malformed("the signature does not have 64 bytes");
    };
    let sealed = Sealed::from_wire(header, wire.header, wire.body, signature);
    if is_framed_as(&sealed, bytes) {
        Ok(sealed)
    } else {
        malformed("the frame is not the one encoding of its envelope")
    }
}

/// Reads what an opened envelope says, and checks that its sender speaks for nobody else: a heartbeat is its node's own, a
/// report and a verdict are their agent's own, and only nodes send the rest.
pub fn read(opened: &Opened) -> Result<Content, CodecError> {
    let (header, body) = (opened.header(), opened.body());
    let (speaker, content) = match header.kind {
        BodyKind::Peer => (None, Content::Peer(super::decode::<Bundle>(body)?.0)),
        BodyKind::Announcement => (None, Content::Announcement(super::decode(body)?)),
        BodyKind::Heartbeat => {
            let heartbeat: Heartbeat = super::decode(body)?;
            if heartbeat.incarnation != header.incarnation {
                return contradiction("heartbeat.incarnation", "the envelope is of another life");
            }
            let speaker = Sender::Node(heartbeat.node);
            (Some(speaker), Content::Heartbeat(heartbeat))
        }
        BodyKind::Report => {
            let report: Report = super::decode(body)?;
            (Some(Sender::Agent(report.agent)), Content::Report(report))
        }
        BodyKind::Verdict => {
            let verdict: Verdict = super::decode(body)?;
            (
                Some(Sender::Agent(verdict.verifier)),
                Content::Verdict(verdict),
            )
        }
    };
    let own = match (speaker, header.sender) {
        (Some(speaker), sender) => speaker == sender,
        (None, Sender::Node(_)) => true,
        (None, Sender::Agent(_)) => false,
    };
    if own {
        Ok(content)
    } else {
        contradiction("header.sender", "the sender speaks for another")
    }
}

/// Longest body of a kind, in bytes.
pub const fn body_bytes_max(kind: BodyKind) -> usize {
    match kind {
        BodyKind::Peer => limits::PEER_MESSAGE_BYTES_MAX,
        BodyKind::Heartbeat | BodyKind::Announcement => limits::GOSSIP_BYTES_MAX,
        BodyKind::Report => limits::REPORT_BYTES_MAX,
        BodyKind::Verdict => limits::VERDICT_BYTES_MAX,
    }
}

fn malformed<T>(what: &'static str) -> Result<T, EnvelopeRefusal> {
    Err(EnvelopeRefusal::Malformed { what })
}

fn contradiction<T>(field: &'static str, reason: &'static str) -> Result<T, CodecError> {
    Err(CodecError::Contradiction { field, reason })
}

/// Reads the version alone, whatever else the frame holds.
fn check_version(bytes: &[u8]) -> Result<(), EnvelopeRefusal> {
    match v1::EnvelopeVersion::decode(bytes) {
        Ok(v1::EnvelopeVersion {
            version: ENVELOPE_VERSION,
        }) => Ok(()),
        Ok(v1::EnvelopeVersion { version: 0 }) => malformed("the frame has no version"),
        Ok(v1::EnvelopeVersion { version }) => Err(EnvelopeRefusal::UnknownVersion {
            version,
            spoken: ENVELOPE_VERSION,
        }),
        Err(_) => malformed("the frame is not an envelope"),
    }
}

fn read_header(bytes: &[u8]) -> Result<Header, EnvelopeRefusal> {
    if bytes.len() > limits::ENVELOPE_HEADER_BYTES_MAX {
        return malformed("the header is too long");
    }
    let Ok(header) = super::decode::<Header>(bytes) else {
        return malformed("the header is not one");
    };
    if super::encode(&header) == bytes {
        Ok(header)
    } else {
        malformed("the header is not the one encoding of its content")
    }
}

/// What stands before and after the body. Written by hand so that a large body is copied once, not twice.
fn frame(sealed: &Sealed) -> (Vec<u8>, Vec<u8>) {
    let (header, body, signature) = sealed.parts();
    let mut before = Vec::with_capacity(header.len() + 16);
    encode_key(1, WireType::Varint, &mut before);
    encode_varint(ENVELOPE_VERSION.into(), &mut before);
    encode_key(2, WireType::LengthDelimited, &mut before);
    encode_varint(header.len() as u64, &mut before);
    before.extend_from_slice(header);
    // An empty field is left out, as every protobuf implementation does.
    if !body.is_empty() {
        encode_key(3, WireType::LengthDelimited, &mut before);
        encode_varint(body.len() as u64, &mut before);
    }
    let mut after = Vec::with_capacity(signature.as_bytes().len() + 2);
    encode_key(4, WireType::LengthDelimited, &mut after);
    encode_varint(signature.as_bytes().len() as u64, &mut after);
    after.extend_from_slice(signature.as_bytes());
    (before, after)
}

/// Whether `bytes` are what [`encode`] makes of `sealed`, without copying the body.
fn is_framed_as(sealed: &Sealed, bytes: &[u8]) -> bool {
    let (before, after) = frame(sealed);
    let (_, body, _) = sealed.parts();
    bytes.len() == before.len() + body.len() + after.len()
        && bytes.starts_with(&before)
        && bytes[before.len()..].starts_with(body)
        && bytes.ends_with(&after)
}

impl Wire for Header {
    type Message = v1::EnvelopeHeader;
    const NAME: &'static str = "envelope header";

    fn to_wire(&self) -> v1::EnvelopeHeader {
        v1::EnvelopeHeader {
            mesh: self.mesh.as_bytes().to_vec(),
            sender: Some(self.sender.to_wire()),
            audience: Some(self.audience.to_wire()),
            incarnation: self.incarnation.0,
            sequence: self.sequence.0,
            issued_at_ms: self.issued_at.0,
            expires_at_ms: self.expires_at.0,
            kind: self.kind.to_number(),
            body_hash: self.body_hash.as_bytes().to_vec(),
        }
    }

    fn from_wire(message: v1::EnvelopeHeader) -> Result<Self, CodecError> {
        Ok(Self {
            mesh: field::mesh_id("header.mesh", &message.mesh)?,
            sender: field::part("header.sender", message.sender)?,
            audience: field::part("header.audience", message.audience)?,
            incarnation: Incarnation(message.incarnation),
            sequence: Sequence(message.sequence),
            issued_at: Moment(message.issued_at_ms),
            expires_at: Moment(message.expires_at_ms),
            kind: BodyKind::from_number("header.kind", message.kind)?,
            body_hash: field::hash("header.body_hash", &message.body_hash)?,
        })
    }
}

impl Wire for Sender {
    type Message = v1::Sender;
    const NAME: &'static str = "sender";

    fn to_wire(&self) -> v1::Sender {
        use v1::sender::Who;
        let who = match self {
            Self::Node(node) => Who::Node(node.as_bytes().to_vec()),
            Self::Agent(agent) => Who::Agent(agent.as_bytes().to_vec()),
        };
        v1::Sender { who: Some(who) }
    }

    fn from_wire(message: v1::Sender) -> Result<Self, CodecError> {
        use v1::sender::Who;
        match field::required("sender", message.who)? {
            Who::Node(node) => field::node_id("sender.node", &node).map(Self::Node),
            Who::Agent(agent) => field::agent_id("sender.agent", &agent).map(Self::Agent),
        }
    }
}

impl Wire for Audience {
    type Message = v1::Audience;
    const NAME: &'static str = "audience";

    fn to_wire(&self) -> v1::Audience {
        use v1::audience::{Ledger, Mesh, Whom};
        let whom = match self {
            Self::Node(node) => Whom::Node(node.as_bytes().to_vec()),
            Self::Mesh => Whom::Mesh(Mesh {}),
            Self::Ledger => Whom::Ledger(Ledger {}),
        };
        v1::Audience { whom: Some(whom) }
    }

    fn from_wire(message: v1::Audience) -> Result<Self, CodecError> {
        use v1::audience::Whom;
        match field::required("audience", message.whom)? {
            Whom::Node(node) => field::node_id("audience.node", &node).map(Self::Node),
            Whom::Mesh(_) => Ok(Self::Mesh),
            Whom::Ledger(_) => Ok(Self::Ledger),
        }
    }
}
