//! How many fields a message has, counted before any memory is spent on it.
//!
//! A list of empty entries takes two bytes each on the wire and a hundred times that once it is decoded. Whoever decodes
//! something large counts first. Nothing here knows what a field means.

use prost::bytes::Buf as _;
use prost::encoding::{WireType, decode_key, decode_varint};

/// One field of a message: its number, and its content if that is a byte string, a text or a message.
pub(super) struct Field<'a> {
    pub(super) number: u32,
    pub(super) content: Option<&'a [u8]>,
}

/// The fields of one message, one after the other. Ends at the end of the bytes, or where they stop making sense: the
/// decoder will say what is wrong there.
pub(super) struct Fields<'a>(&'a [u8]);

/// Walks through the fields of an encoded message.
pub(super) fn fields(bytes: &[u8]) -> Fields<'_> {
    Fields(bytes)
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    fn next(&mut self) -> Option<Field<'a>> {
        if self.0.is_empty() {
            return None;
        }
        let (number, kind) = decode_key(&mut self.0).ok()?;
        let length = match kind {
            WireType::Varint => {
                decode_varint(&mut self.0).ok()?;
                return Some(Field {
                    number,
                    content: None,
                });
            }
            WireType::LengthDelimited => decode_varint(&mut self.0).ok()?,
            WireType::SixtyFourBit => 8,
            WireType::ThirtyTwoBit => 4,
            WireType::StartGroup | WireType::EndGroup => return None,
        };
        let content = self.0.get(..usize::try_from(length).ok()?)?;
        self.0.advance(content.len());
        Some(Field {
            number,
            content: Some(content),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::fields;

    #[test]
    fn fields_of_every_kind_are_walked_through() {
        let bytes =
            b"\x08\x96\x01\x12\x03abc\x1d\x01\x02\x03\x04\x21\x01\x02\x03\x04\x05\x06\x07\x08";
        let found: Vec<_> = fields(bytes).map(|field| field.number).collect();
        assert_eq!(found, [1, 2, 3, 4]);
        let text = fields(bytes).nth(1).and_then(|field| field.content);
        assert_eq!(text, Some(&b"abc"[..]));
    }

    proptest! {
        #[test]
        fn noise_ends_the_walk(bytes in vec(any::<u8>(), 0..64)) {
            prop_assert!(fields(&bytes).count() <= bytes.len());
        }
    }
}
