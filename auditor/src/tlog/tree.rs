//! The Merkle tree hash of RFC 6962 §2.1, kept as its right edge in tiles of 256 hashes.

use sha2::{Digest as _, Sha256};

/// A hash in the tree.
pub type Hash = [u8; 32];

/// Hashes in a full tile.
pub(super) const WIDTH: usize = 256;

/// The hash of a leaf: RFC 6962 §2.1, with its prefix 0x00.
#[must_use]
pub fn leaf_hash(entry: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(entry).finalize().into()
}

fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

/// A tree that only grows. It holds at most 255 hashes a level, whatever its size.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree {
    size: u64,
    /// For each level of tiles the hashes of its last, partial one.
    edge: Vec<Vec<Hash>>,
}

/// A tile that has become full.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct FullTile {
    pub(super) level: usize,
    pub(super) index: u64,
    pub(super) hashes: Vec<Hash>,
}

impl Tree {
    /// The tree of this size with this edge; none when they do not fit each other.
    pub(super) fn from_edge(size: u64, edge: Vec<Vec<Hash>>) -> Option<Self> {
        let fits = edge.iter().zip(0..).all(|(hashes, level)| hashes.len() as u64 == edge_width(size, level));
        (fits && edge.len() == levels(size)).then_some(Self { size, edge })
    }

    /// How many leaves it has.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Appends a leaf.
    pub fn push(&mut self, leaf: Hash) {
        self.push_with(leaf, &mut |_| {});
    }

    /// Appends a leaf, handing over each tile that it fills.
    pub(super) fn push_with(&mut self, leaf: Hash, full: &mut impl FnMut(FullTile)) {
        self.size += 1;
        let mut hash = leaf;
        for level in 0.. {
            if self.edge.len() == level {
                self.edge.push(Vec::new());
            }
            let Some(hashes) = self.edge.get_mut(level) else { return };
            hashes.push(hash);
            if hashes.len() < WIDTH {
                return;
            }
            let hashes = std::mem::take(hashes);
            hash = perfect(&hashes);
            let shift = 8 * (u32::try_from(level).unwrap_or(7) + 1);
            full(FullTile { level, index: (self.size >> shift) - 1, hashes });
        }
    }

    /// The last, partial tile of each level that has one: level, index, hashes.
    pub(super) fn partial_tiles(&self) -> impl Iterator<Item = (usize, u64, &[Hash])> {
        let size = self.size;
        let tiles = self.edge.iter().zip(0_u32..).filter(|(hashes, _)| !hashes.is_empty());
        tiles.map(move |(hashes, level)| (level as usize, size >> (8 * (level + 1)), hashes.as_slice()))
    }

    /// The root (RFC 6962 §2.1); that of an empty tree is the digest of nothing.
    #[must_use]
    pub fn root(&self) -> Hash {
        let mut subtrees = Vec::new();
        for hashes in self.edge.iter().rev() {
            let mut rest = hashes.as_slice();
            while let Some(width) = rest.len().checked_ilog2() {
                let Some((subtree, tail)) = rest.split_at_checked(1 << width) else { break };
                subtrees.push(perfect(subtree));
                rest = tail;
            }
        }
        let joined = subtrees.into_iter().rev().reduce(|right, left| node_hash(&left, &right));
        joined.unwrap_or_else(|| Sha256::digest([]).into())
    }
}

/// How many hashes the last tile of a level has.
pub(super) fn edge_width(size: u64, level: u32) -> u64 {
    (size >> (8 * level)) % WIDTH as u64
}

/// How many levels of tiles a tree of this size has.
pub(super) fn levels(size: u64) -> usize {
    (0_u32..8).take_while(|level| size >> (8 * level) > 0).count()
}

/// The root of a power of two of hashes.
fn perfect(hashes: &[Hash]) -> Hash {
    let mut level = hashes.to_vec();
    while level.len() > 1 {
        let (pairs, _) = level.as_chunks::<2>();
        level = pairs.iter().map(|[left, right]| node_hash(left, right)).collect();
    }
    level.first().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6962 §2.1 as it is written there: split at the largest power of two below n.
    fn reference(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => Sha256::digest([]).into(),
            [leaf] => *leaf,
            _ => {
                let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
                node_hash(&reference(left), &reference(right))
            }
        }
    }

    fn leaves(count: u64) -> Vec<Hash> {
        (0..count).map(|index| leaf_hash(&index.to_be_bytes())).collect()
    }

    #[test]
    fn the_root_is_that_of_the_definition_at_every_size() {
        let leaves = leaves(1_100);
        let mut tree = Tree::default();
        for size in 0..=leaves.len() {
            if size < 530 || size % 61 == 0 || size > 1_090 {
                assert_eq!(tree.root(), reference(&leaves[..size]), "{size}");
            }
            leaves.get(size).into_iter().for_each(|leaf| tree.push(*leaf));
        }
        let mut large = Tree::default();
        let many: Vec<_> = (0..66_000_u64).map(|index| leaf_hash(&index.to_be_bytes())).collect();
        many.iter().for_each(|leaf| large.push(*leaf));
        assert_eq!(large.root(), reference(&many));
    }

    /// The test vectors that certificate-transparency implementations share (google/certificate-transparency, merkletree tests).
    #[test]
    fn the_published_roots_come_out() {
        let inputs: [&[u8]; 3] = [&[], &[0x00], &[0x10]];
        let roots = [
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        ];
        let mut tree = Tree::default();
        assert_eq!(crate::hex::encode(&tree.root()), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        for (input, root) in inputs.into_iter().zip(roots) {
            tree.push(leaf_hash(input));
            assert_eq!(crate::hex::encode(&tree.root()), root);
        }
    }

    #[test]
    fn full_tiles_come_once_each_and_with_their_index() {
        let mut tiles = Vec::new();
        let mut tree = Tree::default();
        for leaf in leaves(600) {
            tree.push_with(leaf, &mut |tile| tiles.push((tile.level, tile.index, tile.hashes.len())));
        }
        assert_eq!(tiles, [(0, 0, 256), (0, 1, 256)]);
        let partial: Vec<_> = tree.partial_tiles().map(|(level, index, hashes)| (level, index, hashes.len())).collect();
        assert_eq!(partial, [(0, 2, 88), (1, 0, 2)]);
        assert_eq!(Tree::from_edge(600, tree.edge.clone()), Some(tree.clone()));
        assert_eq!(Tree::from_edge(601, tree.edge.clone()), None);
    }
}
