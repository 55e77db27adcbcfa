//! Transcripts on the wire and in files. Decoding checks forms only: an `Examiner` checks what they show.

use hms_proto::v1;
use hms_proto::v1::transcript_part::Part;
use prost::Message as _;

use super::{CodecError, Wire, field};
use crate::chain::EntryKind;
use crate::id::{Index, Term};
use crate::limits;
use crate::receipt::KeptEntry;
use crate::transcript::{LedgerEntry, Opening, TranscriptPart};

/// The layout of transcripts that this version writes and reads.
const TRANSCRIPT_VERSION: u32 = 1;

/// Writes a part as it stands in a file: after its length.
pub fn write(part: &TranscriptPart) -> Vec<u8> {
    part.to_wire().encode_length_delimited_to_vec()
}

/// Splits the first part off the bytes of a file. `None` when more bytes are needed.
pub fn split(bytes: &[u8]) -> Result<Option<(TranscriptPart, usize)>, CodecError> {
    let mut rest = bytes;
    let length = match prost::decode_length_delimiter(&mut rest) {
        Ok(length) => length,
        Err(_) if bytes.len() < LENGTH_BYTES_MAX => return Ok(None),
        Err(error) => {
            return Err(CodecError::Malformed {
                message: "transcript",
                reason: error.to_string(),
            });
        }
    };
    field::check_length("transcript part", length, limits::TRANSCRIPT_PART_BYTES_MAX)?;
    let Some(part) = rest.get(..length) else {
        return Ok(None);
    };
    let taken = bytes.len() - rest.len() + length;
    Ok(Some((super::decode(part)?, taken)))
}

/// Bytes of the longest varint.
const LENGTH_BYTES_MAX: usize = 10;

impl Wire for TranscriptPart {
    type Message = v1::TranscriptPart;
    const NAME: &'static str = "transcript part";

    fn to_wire(&self) -> v1::TranscriptPart {
        let part = match self {
            Self::Opening(opening) => Part::Opening(v1::TranscriptOpening {
                version: TRANSCRIPT_VERSION,
                mesh: opening.mesh.as_bytes().to_vec(),
                first: opening.first.0,
                before: opening.before.as_bytes().to_vec(),
            }),
            Self::Handover(handover) => Part::Handover(handover.to_wire()),
            Self::Entry(entry) => Part::Entry(entry.to_wire()),
            Self::Certificate(certificate) => Part::Certificate(certificate.to_wire()),
        };
        v1::TranscriptPart { part: Some(part) }
    }

    fn from_wire(message: v1::TranscriptPart) -> Result<Self, CodecError> {
        Ok(match field::required("transcript.part", message.part)? {
            Part::Opening(opening) => Self::Opening(read_opening(&opening)?),
            Part::Handover(handover) => Self::Handover(Box::new(Wire::from_wire(handover)?)),
            Part::Entry(entry) => Self::Entry(Wire::from_wire(entry)?),
            Part::Certificate(certificate) => {
                Self::Certificate(Box::new(Wire::from_wire(certificate)?))
            }
        })
    }

    fn check_shape(bytes: &[u8]) -> Result<(), CodecError> {
        field::check_length(
            "transcript part",
            bytes.len(),
            limits::TRANSCRIPT_PART_BYTES_MAX,
        )
    }
}

fn read_opening(opening: &v1::TranscriptOpening) -> Result<Opening, CodecError> {
    if opening.version != TRANSCRIPT_VERSION {
        return Err(CodecError::UnknownValue {
            field: "transcript.version",
            value: i32::try_from(opening.version).unwrap_or(i32::MAX),
        });
    }
    Ok(Opening {
        mesh: field::mesh_id("transcript.mesh", &opening.mesh)?,
        first: Index(opening.first),
        before: field::hash("transcript.before", &opening.before)?,
    })
}

impl Wire for LedgerEntry {
    type Message = v1::TranscriptEntry;
    const NAME: &'static str = "transcript entry";

    fn to_wire(&self) -> v1::TranscriptEntry {
        v1::TranscriptEntry {
            index: self.index.0,
            term: self.kept.term.0,
            kind: self.kept.kind.number().into(),
            data: self.kept.data.clone(),
            chain: self.kept.chain.as_bytes().to_vec(),
        }
    }

    fn from_wire(message: v1::TranscriptEntry) -> Result<Self, CodecError> {
        let kind = u8::try_from(message.kind).ok();
        let kind = kind.and_then(EntryKind::from_number);
        let kind = kind.ok_or_else(|| CodecError::UnknownValue {
            field: "transcript.entry.kind",
            value: i32::try_from(message.kind).unwrap_or(i32::MAX),
        })?;
        Ok(Self {
            index: Index(message.index),
            kept: KeptEntry {
                kind,
                term: Term(message.term),
                data: message.data,
                chain: field::hash("transcript.entry.chain", &message.chain)?,
            },
        })
    }
}
