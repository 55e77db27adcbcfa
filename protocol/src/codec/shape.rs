//! How many fields a message has, counted before any memory is spent on it.
//!
//! A list of empty entries takes two bytes each on the wire and a hundred times that once it is decoded. Whoever decodes
//! something large counts first, or decodes one field at a time. Nothing here knows what a field means.

use prost::bytes::Buf as _;
use prost::encoding::{WireType, decode_key, decode_varint};

/// One field of an encoded message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// Its number.
    pub number: u32,
    /// Its content, if that is a byte string, a text or a message.
    pub content: Option<&'a [u8]>,
    /// All of it, its number included: a message that has this field alone.
    pub whole: &'a [u8],
}

/// The fields of one message, one after the other. Ends at the end of the bytes, or where they stop making sense: the
/// decoder will say what is wrong there.
#[derive(Clone, Debug)]
pub struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    /// Whether the walk has come to the end of the bytes, and not only to where they stop making sense.
    pub fn is_at_end(&self) -> bool {
        self.0.is_empty()
    }
}

/// Walks through the fields of an encoded message.
pub fn fields(bytes: &[u8]) -> Fields<'_> {
    Fields(bytes)
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    fn next(&mut self) -> Option<Field<'a>> {
        let mut rest = self.0;
        if rest.is_empty() {
            return None;
        }
        let (number, kind) = decode_key(&mut rest).ok()?;
        let length = match kind {
            WireType::Varint => decode_varint(&mut rest).map(|_| None),
            WireType::LengthDelimited => decode_varint(&mut rest).map(Some),
            WireType::SixtyFourBit => Ok(Some(8)),
            WireType::ThirtyTwoBit => Ok(Some(4)),
            WireType::StartGroup | WireType::EndGroup => return None,
        };
        let content = match length.ok()? {
            Some(length) => Some(rest.get(..usize::try_from(length).ok()?)?),
            None => None,
        };
        rest.advance(content.map_or(0, <[u8]>::len));
        let whole = &self.0[..self.0.len() - rest.len()];
        self.0 = rest;
        Some(Field {
            number,
            content,
            whole,
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
            let walked: usize = fields(&bytes).map(|field| field.whole.len()).sum();
            prop_assert!(walked <= bytes.len());
        }
    }
}
