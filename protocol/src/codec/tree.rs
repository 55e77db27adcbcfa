//! Paths through trees of hashes on the wire. Decoding checks forms only: `TreePath::leads` checks the way.

use hms_proto::v1;

use super::{CodecError, Wire, field};
use crate::limits;
use crate::tree::TreePath;

impl Wire for TreePath {
    type Message = v1::TreePath;
    const NAME: &'static str = "tree path";

    fn to_wire(&self) -> v1::TreePath {
        let siblings = self.siblings.iter().map(|hash| hash.as_bytes().to_vec());
        v1::TreePath {
            index: self.index,
            size: self.size,
            siblings: siblings.collect(),
        }
    }

    fn from_wire(message: v1::TreePath) -> Result<Self, CodecError> {
        let max = limits::TREE_PATH_MAX;
        let siblings = field::list("path.siblings", message.siblings, max, |hash| {
            field::hash("path.siblings", &hash)
        })?;
        Ok(Self {
            index: message.index,
            size: message.size,
            siblings,
        })
    }
}
