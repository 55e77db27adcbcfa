//! Snapshots: a checkpoint as a file that people keep and move, checked as a whole before anything of it counts.
//!
//! File: the eight bytes [`MAGIC`] (or [`MAGIC_REDACTED`], of one that is only for reading), the length of the checkpoint (8, little-endian), the encoded [`Checkpoint`]. It holds the
//! genesis, every change of voters and the certificate of where it ends, so nothing else is needed to check it.

use hms_protocol::id::MeshId;
use hms_protocol::limits::SNAPSHOT_FILE_BYTES_MAX;
use hms_protocol::receipt::Succession;

use super::checkpoint::{Checkpoint, CheckpointError};
use super::lineage::LineageError;

/// What every snapshot begins with.
pub const MAGIC: [u8; 8] = *b"HMS-SNAP";

/// What a snapshot begins with that was made to be shown to others.
pub const MAGIC_REDACTED: [u8; 8] = *b"HMS-REDA";

/// Bytes before the checkpoint.
const HEAD_BYTES: usize = MAGIC.len() + 8;

/// Why a file is not a snapshot that can be restored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// It is something else.
    #[error("it does not begin as a snapshot does")]
    NotASnapshot,
    /// It was made to be shown, and has not everything that a mesh needs.
    #[error("it is redacted")]
    Redacted,
    /// Its end is missing.
    #[error("it has {have} of {want} bytes")]
    Truncated {
        /// How many there are.
        have: u64,
        /// How many there should be.
        want: u64,
    },
    /// There is more after its end.
    #[error("it has {have} bytes, and should have {want}")]
    TooLong {
        /// How many there are.
        have: u64,
        /// How many there should be.
        want: u64,
    },
    /// It says that it is larger than any state may be.
    #[error("it has {want} bytes, at most {SNAPSHOT_FILE_BYTES_MAX} are read")]
    TooLarge {
        /// How many there should be.
        want: u64,
    },
    /// What it holds was changed, or was written by another version.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// What it holds is somebody's word only.
    #[error("it proves nothing: {0}")]
    Unproven(#[from] LineageError),
    /// It is of another mesh.
    #[error("it is of mesh {mesh}: the genesis is that of {expected}")]
    OtherMesh {
        /// Which mesh it is of.
        mesh: MeshId,
        /// Which one it should be of.
        expected: MeshId,
    },
}

impl SnapshotError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotASnapshot => "HMS-SNAPSHOT-OTHER",
            Self::Redacted => "HMS-SNAPSHOT-REDACTED",
            Self::Truncated { .. } => "HMS-SNAPSHOT-TRUNCATED",
            Self::TooLong { .. } => "HMS-SNAPSHOT-TOO-LONG",
            Self::TooLarge { .. } => "HMS-SNAPSHOT-TOO-LARGE",
            Self::Checkpoint(CheckpointError::UnknownVersion { .. }) => "HMS-SNAPSHOT-VERSION",
            Self::Checkpoint(CheckpointError::Malformed(_)) => "HMS-SNAPSHOT-MALFORMED",
            Self::Checkpoint(CheckpointError::Corrupt { .. }) => "HMS-SNAPSHOT-CORRUPT",
            Self::Checkpoint(CheckpointError::OtherState { .. }) => "HMS-SNAPSHOT-OTHER-STATE",
            Self::Unproven(LineageError::Uncertified) => "HMS-SNAPSHOT-UNCERTIFIED",
            Self::Unproven(_) => "HMS-SNAPSHOT-UNPROVEN",
            Self::OtherMesh { .. } => "HMS-SNAPSHOT-OTHER-MESH",
        }
    }

    /// What can be done.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::NotASnapshot | Self::TooLarge { .. } => {
                "name a file that `hms snapshot save` has written"
            }
            Self::Redacted => "use the snapshot that it was made from",
            Self::Truncated { .. } | Self::TooLong { .. } => "copy the file again",
            Self::Checkpoint(CheckpointError::UnknownVersion { .. }) => {
                "use an `hms` of the version that saved it"
            }
            Self::Checkpoint(_) => "copy the file again, or take another snapshot",
            Self::Unproven(_) => "take another snapshot: nobody vouches for what is in this one",
            Self::OtherMesh { .. } => "name the genesis of the mesh that it was taken of",
        }
    }
}

/// The bytes of a snapshot.
pub fn write(checkpoint: &Checkpoint) -> Vec<u8> {
    frame(MAGIC, checkpoint)
}

fn frame(magic: [u8; 8], checkpoint: &Checkpoint) -> Vec<u8> {
    let content = checkpoint.encode();
    let mut bytes = Vec::with_capacity(HEAD_BYTES + content.len());
    bytes.extend_from_slice(&magic);
    bytes.extend_from_slice(&(content.len() as u64).to_le_bytes());
    bytes.extend_from_slice(&content);
    bytes
}

/// The checkpoint in a snapshot and how its voters came about, if the one follows from the other. With `expected`, only that
/// mesh's.
pub fn read(
    bytes: &[u8],
    expected: Option<MeshId>,
) -> Result<(Checkpoint, Succession), SnapshotError> {
    prove(content(bytes)?, expected)
}

/// The same of one that may be redacted. Says whether it is.
pub fn inspect(
    bytes: &[u8],
    expected: Option<MeshId>,
) -> Result<(Checkpoint, bool), SnapshotError> {
    let redacted = bytes.starts_with(&MAGIC_REDACTED);
    let magic = if redacted { MAGIC_REDACTED } else { MAGIC };
    let (checkpoint, _) = prove(unframe(magic, bytes)?, expected)?;
    Ok((checkpoint, redacted))
}

/// A snapshot that can be shown to strangers. It proves what the other proves, and nothing can be restored from it.
pub fn redact(bytes: &[u8]) -> Result<Vec<u8>, SnapshotError> {
    let (checkpoint, _) = read(bytes, None)?;
    let redacted = checkpoint.state.redacted();
    let state = redacted.map_err(CheckpointError::Malformed)?;
    let checkpoint = Checkpoint {
        state,
        ..checkpoint
    };
    Ok(frame(MAGIC_REDACTED, &checkpoint))
}

fn prove(
    content: &[u8],
    expected: Option<MeshId>,
) -> Result<(Checkpoint, Succession), SnapshotError> {
    let checkpoint = Checkpoint::decode(content)?;
    let mesh = checkpoint.state.mesh();
    if let Some(expected) = expected.filter(|expected| *expected != mesh) {
        return Err(SnapshotError::OtherMesh { mesh, expected });
    }
    let succession = checkpoint.prove()?;
    Ok((checkpoint, succession))
}

/// The encoded checkpoint in a snapshot, as long as its frame says.
pub fn content(bytes: &[u8]) -> Result<&[u8], SnapshotError> {
    if bytes.starts_with(&MAGIC_REDACTED) {
        return Err(SnapshotError::Redacted);
    }
    unframe(MAGIC, bytes)
}

fn unframe(magic: [u8; 8], bytes: &[u8]) -> Result<&[u8], SnapshotError> {
    let rest = bytes
        .strip_prefix(&magic)
        .ok_or(SnapshotError::NotASnapshot)?;
    let head = HEAD_BYTES as u64;
    let have = bytes.len() as u64;
    let Some((length, content)) = rest.split_first_chunk::<8>() else {
        return Err(SnapshotError::Truncated { have, want: head });
    };
    let want = head.saturating_add(u64::from_le_bytes(*length));
    if want > SNAPSHOT_FILE_BYTES_MAX as u64 {
        return Err(SnapshotError::TooLarge { want });
    }
    if have < want {
        return Err(SnapshotError::Truncated { have, want });
    }
    if want < have {
        return Err(SnapshotError::TooLong { have, want });
    }
    Ok(content)
}
