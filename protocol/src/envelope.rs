//! The envelope: the one way in which anything travels between nodes, or from an agent into the ledger.
//!
//! Bytes become [`Sealed`]; a checked signature makes them [`Opened`]; a codec makes them domain values. Functions that
//! act accept only the last kind. What is signed is the header's bytes as they travelled, never a re-encoding.
//!
//! This file checks signature, mesh, audience, time and body. Replays are the business of `replay`; who may speak at all
//! is the business of whoever asks for the key.

use crate::digest::{Domain, Hash, hash_fields};
use crate::id::{AgentId, Incarnation, MeshId, NodeId, Sequence};
use crate::keyring::{PublicKey, SecretKey, Signature};
use crate::limits;
use crate::time::Moment;

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sender {
    /// A node, with its own key.
    Node(NodeId),
    /// An agent, with the key that its certificate names.
    Agent(AgentId),
}

/// To whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Audience {
    /// One node; anybody else refuses it.
    Node(NodeId),
    /// Every member of the mesh.
    Mesh,
    /// The ledger: read by every voter, now and later. Such a message does not expire.
    Ledger,
}

/// What the body is. Stable numbers; an unknown one is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BodyKind {
    /// A bundle of [`PeerMessage`](crate::peer::PeerMessage)s.
    Peer,
    /// A [`Heartbeat`](crate::heartbeat::Heartbeat).
    Heartbeat,
    /// An [`Announcement`](crate::peer::Announcement).
    Announcement,
    /// A [`Report`](crate::task::Report) of an agent.
    Report,
    /// A [`Verdict`](crate::verdict::Verdict) of a verifying agent.
    Verdict,
}

/// What is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The mesh that it is meant for.
    pub mesh: MeshId,
    /// Who speaks.
    pub sender: Sender,
    /// To whom.
    pub audience: Audience,
    /// Which life of the sender's node.
    pub incarnation: Incarnation,
    /// Counts the sender's messages within that life.
    pub sequence: Sequence,
    /// When it was sealed, by the sender's clock.
    pub issued_at: Moment,
    /// When it stops being valid, by the sender's clock.
    pub expires_at: Moment,
    /// What the body is.
    pub kind: BodyKind,
    /// Digest of the body in [`Domain::EnvelopeBody`].
    pub body_hash: Hash,
}

/// A message that nobody has checked. It can be stored, forwarded and counted, and nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// The header as the codec reads it. Invariant: decoded from `header_bytes`.
    header: Header,
    /// The header as it travelled: what the signature covers.
    header_bytes: Vec<u8>,
    /// The body as it travelled.
    body: Vec<u8>,
    /// The sender's signature.
    signature: Signature,
}

/// A message whose signature was checked against a key from our own records, never one from the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    header: Header,
    body: Vec<u8>,
}

/// Why an envelope is refused. Each has a stable code, for metrics and for whoever looks for the cause.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeRefusal {
    /// The bytes are not an envelope. The sender of the bytes is to blame.
    #[error("the envelope is malformed: {what}")]
    Malformed {
        /// The first thing that is wrong.
        what: &'static str,
    },
    /// The envelope is of a version that this node does not speak.
    #[error("envelope version {version} is not spoken here: this node speaks {spoken}")]
    UnknownVersion {
        /// The version found.
        version: u32,
        /// The version spoken.
        spoken: u32,
    },
    /// The signature is not the sender's.
    #[error("the signature is not {sender:?}'s")]
    BadSignature {
        /// Who is said to have sent it.
        sender: Sender,
    },
    /// The body is not the one that was signed.
    #[error("the body is not the one that was signed")]
    BodyMismatch,
    /// No key is on record for the sender.
    #[error("{sender:?} is not known here")]
    UnknownSender {
        /// Who is said to have sent it.
        sender: Sender,
    },
    /// The message is for another mesh.
    #[error("the message is for mesh {mesh}")]
    OtherMesh {
        /// The mesh that it is for.
        mesh: MeshId,
    },
    /// The message is for somebody else.
    #[error("the message is for {audience:?}")]
    OtherAudience {
        /// Whom it is for.
        audience: Audience,
    },
    /// The message is past its time.
    #[error("the message expired {late_ms} ms ago")]
    Expired {
        /// How long ago.
        late_ms: u64,
    },
    /// The message comes from further in the future than clocks may differ.
    #[error("the message is stamped {early_ms} ms in the future")]
    FromTheFuture {
        /// How far.
        early_ms: u64,
    },
    /// The message was seen before.
    #[error("message {sequence} of incarnation {incarnation} was seen before")]
    Replayed {
        /// Which life of the sender.
        incarnation: Incarnation,
        /// Which message.
        sequence: Sequence,
    },
    /// The message is older than what the replay window remembers, so it cannot be told from a replay.
    #[error("message {sequence} is too old: {highest} was seen")]
    Stale {
        /// Which message.
        sequence: Sequence,
        /// The highest seen.
        highest: Sequence,
    },
    /// The message is stamped before the moment up to which nothing is let in since this node restarted, so it cannot be
    /// told from a replay.
    #[error(
        "the message is stamped {issued_at}: nothing up to {floor} is let in since the restart"
    )]
    BeforeRestart {
        /// When it was sealed.
        issued_at: Moment,
        /// The moment up to which nothing is let in.
        floor: Moment,
    },
    /// The message is of an earlier life of its sender.
    #[error("the message is of incarnation {incarnation}: {current} is current")]
    FormerLife {
        /// The life that it is of.
        incarnation: Incarnation,
        /// The newest known.
        current: Incarnation,
    },
}

impl EnvelopeRefusal {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "HMS-ENV-MALFORMED",
            Self::UnknownVersion { .. } => "HMS-ENV-VERSION",
            Self::BadSignature { .. } => "HMS-ENV-SIGNATURE",
            Self::BodyMismatch => "HMS-ENV-BODY",
            Self::UnknownSender { .. } => "HMS-ENV-SENDER",
            Self::OtherMesh { .. } => "HMS-ENV-MESH",
            Self::OtherAudience { .. } => "HMS-ENV-AUDIENCE",
            Self::Expired { .. } => "HMS-ENV-EXPIRED",
            Self::FromTheFuture { .. } => "HMS-ENV-FUTURE",
            Self::Replayed { .. } => "HMS-ENV-REPLAY",
            Self::Stale { .. } => "HMS-ENV-STALE",
            Self::BeforeRestart { .. } => "HMS-ENV-RESTART",
            Self::FormerLife { .. } => "HMS-ENV-INCARNATION",
        }
    }

    /// Whether only the peer at the other end can be to blame, when it has handed us the bytes itself as its own. Being
    /// behind, restarted, ahead of our clock or of another version is nobody's fault.
    pub const fn blames_peer(&self) -> bool {
        match self {
            Self::Malformed { .. }
            | Self::BadSignature { .. }
            | Self::BodyMismatch
            | Self::UnknownSender { .. }
            | Self::OtherMesh { .. }
            | Self::OtherAudience { .. } => true,
            Self::UnknownVersion { .. }
            | Self::Expired { .. }
            | Self::FromTheFuture { .. }
            | Self::Replayed { .. }
            | Self::Stale { .. }
            | Self::BeforeRestart { .. }
            | Self::FormerLife { .. } => false,
        }
    }

    /// Whether whoever handed us the bytes must have known better. A relay cannot know what is stale or replayed, but it
    /// can check a signature before it forwards.
    pub const fn blames_relay(&self) -> bool {
        match self {
            Self::Malformed { .. }
            | Self::BadSignature { .. }
            | Self::BodyMismatch
            | Self::OtherMesh { .. } => true,
            Self::UnknownVersion { .. }
            | Self::UnknownSender { .. }
            | Self::OtherAudience { .. }
            | Self::Expired { .. }
            | Self::FromTheFuture { .. }
            | Self::Replayed { .. }
            | Self::Stale { .. }
            | Self::BeforeRestart { .. }
            | Self::FormerLife { .. } => false,
        }
    }
}

/// Digest of a body, as a header names it.
pub fn hash_body(body: &[u8]) -> Hash {
    hash_fields(Domain::EnvelopeBody, &[body])
}

impl Sealed {
    /// Seals a body. `header_bytes` must be the codec's encoding of `header`; use `codec::envelope::seal`.
    pub(crate) fn sign(
        header: Header,
        header_bytes: Vec<u8>,
        body: Vec<u8>,
        key: &SecretKey,
    ) -> Self {
        let digest = hash_fields(Domain::Envelope, &[&header_bytes]);
        let signature = key.sign(Domain::Envelope, digest);
        Self {
            header,
            header_bytes,
            body,
            signature,
        }
    }

    /// Puts together what the codec read from the wire.
    pub(crate) fn from_wire(
        header: Header,
        header_bytes: Vec<u8>,
        body: Vec<u8>,
        signature: Signature,
    ) -> Self {
        Self {
            header,
            header_bytes,
            body,
            signature,
        }
    }

    /// What the message claims to be, before anything is checked: good for finding the key, and for nothing else.
    pub fn claimed(&self) -> &Header {
        &self.header
    }

    /// The three parts as they travel: header bytes, body, signature.
    pub fn parts(&self) -> (&[u8], &[u8], &Signature) {
        (&self.header_bytes, &self.body, &self.signature)
    }

    /// Checks signature and body against a key from our own records.
    pub fn open(self, key: PublicKey) -> Result<Opened, EnvelopeRefusal> {
        if hash_body(&self.body) != self.header.body_hash {
            return Err(EnvelopeRefusal::BodyMismatch);
        }
        let digest = hash_fields(Domain::Envelope, &[&self.header_bytes]);
        if !key.verifies(Domain::Envelope, digest, &self.signature) {
            return Err(EnvelopeRefusal::BadSignature {
                sender: self.header.sender,
            });
        }
        Ok(Opened {
            header: self.header,
            body: self.body,
        })
    }
}

impl Opened {
    /// The checked header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The checked body, still to be decoded.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Checks that the message is for this mesh and this node, and that its time is now. Messages to the ledger are
    /// exempt from expiry, because they are read again whenever the log is.
    pub fn check_address(
        &self,
        mesh: MeshId,
        me: NodeId,
        now: Moment,
    ) -> Result<(), EnvelopeRefusal> {
        let header = &self.header;
        if header.mesh != mesh {
            return Err(EnvelopeRefusal::OtherMesh { mesh: header.mesh });
        }
        match header.audience {
            Audience::Node(node) if node != me => {
                return Err(EnvelopeRefusal::OtherAudience {
                    audience: header.audience,
                });
            }
            Audience::Ledger => return Ok(()),
            Audience::Node(_) | Audience::Mesh => {}
        }
        let early_ms = header.issued_at.since_ms(now);
        if early_ms > limits::CLOCK_SKEW_MS_MAX {
            return Err(EnvelopeRefusal::FromTheFuture { early_ms });
        }
        let late_ms = now.since_ms(header.expires_at);
        if late_ms > limits::CLOCK_SKEW_MS_MAX {
            return Err(EnvelopeRefusal::Expired { late_ms });
        }
        Ok(())
    }
}
