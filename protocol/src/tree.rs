//! A tree of hashes over a list, so that one member is shown to belong to it, at its place, without the others.
//!
//! The shape is that of RFC 9162 (section 2.1): the left subtree holds the largest power of two that leaves something for
//! the right. Leaves, nodes and roots are hashed in three domains, and the root covers the size: otherwise one path could
//! be read as of two places in trees of two sizes.
//!
//! What the leaves are, and who vouches for a root, is not known here.

use crate::digest::{Domain, Hash, hash_fields};

/// The way from a leaf to the root. Not yet checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreePath {
    /// Which leaf, from 0.
    pub index: u32,
    /// How many leaves the tree has.
    pub size: u32,
    /// The hashes beside the way, from the leaf upwards.
    pub siblings: Vec<Hash>,
}

/// The hash of a member, as a leaf.
pub fn leaf(member: &[u8]) -> Hash {
    hash_fields(Domain::TreeLeaf, &[member])
}

/// The root over leaves. No leaves have a root, too.
///
/// # Panics
/// If a `u32` cannot count the leaves.
pub fn root(leaves: &[Hash]) -> Hash {
    root_of(count(leaves), top(leaves))
}

fn count(leaves: &[Hash]) -> u32 {
    u32::try_from(leaves.len()).expect("a batch is far smaller than a u32 can count")
}

fn root_of(size: u32, top: Hash) -> Hash {
    hash_fields(Domain::TreeRoot, &[&size.to_le_bytes(), top.as_bytes()])
}

fn node(left: Hash, right: Hash) -> Hash {
    hash_fields(Domain::TreeNode, &[left.as_bytes(), right.as_bytes()])
}

/// The hash at the top of a subtree.
fn top(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Hash::default(),
        [only] => *only,
        _ => {
            let (left, right) = leaves.split_at(left_size(leaves.len()));
            node(top(left), top(right))
        }
    }
}

/// How many of at least two leaves are in the left subtree.
fn left_size(leaves: usize) -> usize {
    assert!(1 < leaves, "one leaf is not split");
    1 << (leaves - 1).ilog2()
}

impl TreePath {
    /// The path of one of the leaves; `None` if there is no such leaf.
    ///
    /// ```
    /// use hms_protocol::tree::{self, TreePath};
    ///
    /// let leaves: Vec<_> = [&b"a"[..], b"b", b"c"].map(tree::leaf).into();
    /// let path = TreePath::to(&leaves, 1).expect("there are three");
    /// assert!(path.leads(tree::leaf(b"b"), tree::root(&leaves)));
    /// assert!(!path.leads(tree::leaf(b"c"), tree::root(&leaves)));
    /// ```
    pub fn to(leaves: &[Hash], index: u32) -> Option<Self> {
        let mut at = usize::try_from(index).ok()?;
        let (mut subtree, mut siblings) = (leaves, Vec::new());
        if subtree.len() <= at {
            return None;
        }
        while 1 < subtree.len() {
            let (left, right) = subtree.split_at(left_size(subtree.len()));
            if at < left.len() {
                siblings.push(top(right));
                subtree = left;
            } else {
                siblings.push(top(left));
                (subtree, at) = (right, at - left.len());
            }
        }
        siblings.reverse();
        Some(Self {
            index,
            size: count(leaves),
            siblings,
        })
    }

    /// Whether it leads from this leaf, at its index of a tree of its size, to this root.
    pub fn leads(&self, leaf: Hash, root: Hash) -> bool {
        self.root(leaf) == Some(root)
    }

    /// The root to which it leads from this leaf, at its index of a tree of its size. `None` if no such tree has a path
    /// of its length there.
    pub fn root(&self, leaf: Hash) -> Option<Hash> {
        if self.size <= self.index {
            return None;
        }
        let (mut at, mut last, mut hash) = (self.index, self.size - 1, leaf);
        for sibling in &self.siblings {
            if last == 0 {
                return None;
            }
            // A right child, or the last of its level: climb until it is one.
            if at % 2 == 1 || at == last {
                hash = node(*sibling, hash);
                while at % 2 == 0 && at != 0 {
                    (at, last) = (at / 2, last / 2);
                }
            } else {
                hash = node(hash, *sibling);
            }
            (at, last) = (at / 2, last / 2);
        }
        (last == 0).then(|| root_of(self.size, hash))
    }
}

/// A whole tree, for whoever needs the paths of many of its leaves: a path then costs no hash.
#[derive(Clone, Debug)]
pub struct Tree {
    // From the leaves to the top; the last of an odd level stands in the next one as it is. Invariant: each level has half
    // as many as the one before, rounded up; the last has one, or none if there are no leaves.
    levels: Vec<Vec<Hash>>,
}

impl Tree {
    /// The tree over leaves.
    ///
    /// # Panics
    /// If a `u32` cannot count the leaves.
    pub fn over(leaves: Vec<Hash>) -> Self {
        count(&leaves);
        let mut levels = vec![leaves];
        while let Some(level) = levels.last().filter(|level| 1 < level.len()) {
            let pairs = level.chunks(2).map(|pair| match pair {
                [left, right] => node(*left, *right),
                alone => alone[0],
            });
            let next = pairs.collect();
            levels.push(next);
        }
        Self { levels }
    }

    /// The path of one of the leaves; `None` if there is no such leaf.
    pub fn path(&self, index: u32) -> Option<TreePath> {
        let leaves = self.levels.first()?;
        let mut at = usize::try_from(index).ok()?;
        if leaves.len() <= at {
            return None;
        }
        let mut siblings = Vec::with_capacity(self.levels.len());
        for level in &self.levels {
            siblings.extend(level.get(at ^ 1).filter(|_| 1 < level.len()));
            at /= 2;
        }
        Some(TreePath {
            index,
            size: count(leaves),
            siblings,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn leaves(size: u32) -> Vec<Hash> {
        (0..size)
            .map(|number| leaf(&number.to_le_bytes()))
            .collect()
    }

    #[test]
    fn every_leaf_of_every_small_tree_has_a_path_and_no_other_leaf_has_it() {
        for size in 0..=40 {
            let leaves = leaves(size);
            let root = root(&leaves);
            for index in 0..size {
                let path = TreePath::to(&leaves, index).unwrap();
                let led: Vec<u32> = (0..size)
                    .filter(|other| path.leads(leaves[*other as usize], root))
                    .collect();
                assert_eq!(led, [index], "of {size}");
            }
            assert_eq!(TreePath::to(&leaves, size), None);
        }
    }

    #[test]
    fn a_whole_tree_gives_the_same_paths() {
        for size in 0..=40 {
            let leaves = leaves(size);
            let tree = Tree::over(leaves.clone());
            for index in 0..size + 2 {
                assert_eq!(
                    tree.path(index),
                    TreePath::to(&leaves, index),
                    "{index} of {size}"
                );
            }
        }
    }

    #[test]
    fn a_path_is_of_one_place_in_a_tree_of_one_size() {
        for size in 1..=20 {
            let leaves = leaves(size);
            for index in 0..size {
                let path = TreePath::to(&leaves, index).unwrap();
                let claims = (0..24).flat_map(|size| (0..24).map(move |index| (index, size)));
                for (claimed, of) in claims.filter(|claim| *claim != (index, size)) {
                    let mut lie = path.clone();
                    (lie.index, lie.size) = (claimed, of);
                    let led = lie.leads(leaves[index as usize], root(&leaves));
                    assert!(!led, "{index} of {size} as {claimed} of {of}");
                }
            }
        }
    }

    /// Computed by another implementation.
    #[test]
    fn the_roots_of_known_trees_are_known() {
        let known = |size: u32, root_hex: &str| {
            assert_eq!(root(&leaves(size)).to_string(), root_hex, "of {size}");
        };
        known(
            0,
            "b8718ac00a41d8c52ac940c566cd0aa41de6d930c2cb06395f4e174140955057",
        );
        known(
            1,
            "1cda0d916bdf6507b11f3adc41cd3ab06690c75c95d04bad08b8ca7f9fd32b51",
        );
        known(
            7,
            "080b135629d9755d7e7c5a0654b3dd0f87aa72831c4a98bebd8ca35e834856f2",
        );
    }

    proptest! {
        #[test]
        fn a_path_leads_nowhere_else(
            size in 1..600_u32, at: prop::sample::Index, bit: prop::sample::Index,
        ) {
            let leaves = leaves(size);
            let index = u32::try_from(at.index(leaves.len())).unwrap();
            let path = TreePath::to(&leaves, index).unwrap();
            let (member, root) = (leaves[index as usize], root(&leaves));
            prop_assert!(path.leads(member, root));
            prop_assert!(!path.leads(root, root));
            prop_assert!(!path.leads(member, member));
            if !path.siblings.is_empty() {
                let mut changed = path.clone();
                let bit = bit.index(path.siblings.len() * 256);
                let mut bytes = *changed.siblings[bit / 256].as_bytes();
                bytes[bit % 256 / 8] ^= 1 << (bit % 8);
                changed.siblings[bit / 256] = Hash::from_bytes(bytes);
                prop_assert!(!changed.leads(member, root));
            }
            let mut longer = path.clone();
            longer.siblings.push(root);
            prop_assert!(!longer.leads(member, root));
            let mut shorter = path;
            if shorter.siblings.pop().is_some() {
                prop_assert!(!shorter.leads(member, root));
            }
        }
    }
}
