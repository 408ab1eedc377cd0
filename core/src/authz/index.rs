//! Which rules can match a request at all, found without looking at the others.
//!
//! Every rule is filed under one of its conditions: the one whose values the fewest other rules share. A request looks up its
//! own path, host, roles and so on, and gets the rules that are filed there. A rule that is filed may still not match; a rule
//! that is not found cannot. What has no condition to be filed under (only `not` forms, say) is always looked at.
//!
//! Keys are 64-bit hashes of what the configuration says, so that a collision costs one needless evaluation and nothing else.

mod build;
mod keys;
mod lookup;

use keys::{Attribute, ClaimPath, Shape};
use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasherDefault, Hasher};

/// The number of a rule, counted over all policies in the order of the configuration.
pub(super) type RuleNumber = u32;

/// See the module.
#[derive(Debug, Clone, Default)]
pub(super) struct Index {
    buckets: HashMap<u64, Vec<RuleNumber>, BuildHasherDefault<Already>>,
    always: Vec<RuleNumber>,
    fixed: [Forms; Attribute::COUNT],
    headers: BTreeMap<String, Forms>,
    claims: BTreeMap<ClaimPath, Forms>,
    shapes: Vec<Shape>,
    blocks: Blocks,
}

/// Which forms of patterns are filed for an attribute, so that a request looks up no others.
#[derive(Debug, Clone, Default)]
struct Forms {
    exact: bool,
    present: bool,
    /// Lengths of the prefixes, ascending.
    prefixes: Vec<usize>,
    /// Lengths of the suffixes, ascending.
    suffixes: Vec<usize>,
}

/// Which lengths of CIDR blocks are filed, per attribute.
#[derive(Debug, Clone, Default)]
struct Blocks(BTreeMap<Attribute, Vec<BlockLength>>);

/// The family and length of a CIDR block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct BlockLength {
    is_v6: bool,
    length: u8,
}

/// A hasher for keys that are hashes already.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Already(u64);

impl Hasher for Already {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = keys::hash(self.0, bytes);
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
