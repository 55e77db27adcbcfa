//! Frames between voters on the wire.

use hms_proto::v1;

use super::shape::fields;
use super::{CodecError, Wire, field};
use crate::frame::Frame;
use crate::id::Index;
use crate::limits;

/// The numbers of `Frame`'s attestations and certificates.
const ATTESTATIONS: u32 = 3;
const CERTIFICATES: u32 = 4;

impl Wire for Frame {
    type Message = v1::Frame;
    const NAME: &'static str = "frame";

    fn to_wire(&self) -> v1::Frame {
        v1::Frame {
            message: self.message.clone(),
            certified: self.certified.0,
            attestations: self.attestations.iter().map(Wire::to_wire).collect(),
            certificates: self.certificates.iter().map(Wire::to_wire).collect(),
        }
    }

    fn from_wire(message: v1::Frame) -> Result<Self, CodecError> {
        let (attestations, certificates) = (message.attestations, message.certificates);
        let most = limits::WORDS_PER_FRAME_MAX;
        Ok(Self {
            message: message.message,
            certified: Index(message.certified),
            attestations: field::parts("frame.attestations", attestations, most)?,
            certificates: field::parts("frame.certificates", certificates, most)?,
        })
    }

    fn check_shape(bytes: &[u8]) -> Result<(), CodecError> {
        let count = |number| fields(bytes).filter(|it| it.number == number).count();
        let most = limits::WORDS_PER_FRAME_MAX;
        field::check_count("frame.attestations", count(ATTESTATIONS), most)?;
        field::check_count("frame.certificates", count(CERTIFICATES), most)?;
        let certificates = fields(bytes).filter(|it| it.number == CERTIFICATES);
        let signers = certificates
            .filter_map(|certificate| certificate.content)
            .map(|certificate| fields(certificate).count());
        let most = limits::WORDS_PER_FRAME_MAX * (limits::VOTERS_MAX + 1);
        field::check_count("frame.certificates.signers", signers.sum(), most)
    }
}
