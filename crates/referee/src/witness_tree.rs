//! The bytes of a witness taken apart, so that they can be corrupted with intent.

use commitment::merkle::{inner_hash, leaf_hash};
use protocol::{Hash, keccak256};

/// A node of a pruned tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// A subtree that is not opened.
    Hidden([u8; 32]),
    /// An inner node.
    Inner(u16, Box<[Node; 2]>),
    /// A leaf with its value.
    Leaf([u8; 32], Vec<u8>),
    /// A leaf whose value is not shown.
    Closed([u8; 32], [u8; 32]),
}

/// A witness: trees, the five of the state first, and preimages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts {
    /// Trees; `None` is an empty one.
    pub trees: Vec<Option<Node>>,
    /// Preimages.
    pub preimages: Vec<Vec<u8>>,
}

/// Bytes still to be read.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, left) = self.0.split_at_checked(count)?;
        self.0 = left;
        Some(taken)
    }

    fn number(&mut self, bytes: usize) -> Option<usize> {
        Some(self.take(bytes)?.iter().fold(0, |number, &byte| number << 8 | usize::from(byte)))
    }

    fn word(&mut self) -> Option<[u8; 32]> {
        self.take(32)?.try_into().ok()
    }
}

impl Parts {
    /// Takes a witness apart; `None` when it is none.
    #[must_use]
    pub fn from_bytes(witness: &[u8]) -> Option<Self> {
        let mut bytes = Bytes(witness);
        let mut list = || {
            let count = bytes.number(2)?;
            let part = |_| {
                let length = bytes.number(3)?;
                bytes.take(length)
            };
            (0..count).map(part).collect::<Option<Vec<_>>>()
        };
        let (trees, preimages) = (list()?, list()?);
        let tree = |part: &&[u8]| {
            let mut bytes = Bytes(part);
            let node = if part.is_empty() { None } else { Some(Node::take(&mut bytes)?) };
            bytes.0.is_empty().then_some(node)
        };
        let trees = trees.iter().map(tree).collect::<Option<_>>()?;
        let preimages = preimages.into_iter().map(<[u8]>::to_vec).collect();
        bytes.0.is_empty().then_some(Self { trees, preimages })
    }

    /// Puts the root of a nested tree that changed into the leaves that hold it, and so on upwards.
    pub fn propagate(&mut self, old: Hash, new: Hash) {
        let mut changes = vec![(old, new)];
        while let Some((old, new)) = changes.pop() {
            for (at, tree) in self.trees.iter_mut().enumerate() {
                let Some(root) = tree else { continue };
                let before = root.hash();
                if root.replace(&old.0, &new.0) && at >= 5 {
                    changes.push((before, root.hash()));
                }
            }
        }
    }

    /// The bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        out.extend((self.trees.len() as u16).to_be_bytes());
        for tree in &self.trees {
            let mut part = Vec::new();
            if let Some(node) = tree {
                node.put(&mut part);
            }
            put_part(&part, &mut out);
        }
        out.extend((self.preimages.len() as u16).to_be_bytes());
        self.preimages.iter().for_each(|preimage| put_part(preimage, &mut out));
        out
    }
}

fn put_part(part: &[u8], out: &mut Vec<u8>) {
    out.extend(&(part.len() as u32).to_be_bytes()[1..]);
    out.extend(part);
}

impl Node {
    fn take(bytes: &mut Bytes<'_>) -> Option<Self> {
        Some(match bytes.number(1)? {
            0 => Self::Hidden(bytes.word()?),
            1 => {
                let bit = bytes.number(2)? as u16;
                Self::Inner(bit, Box::new([Self::take(bytes)?, Self::take(bytes)?]))
            }
            2 => {
                let (key, length) = (bytes.word()?, bytes.number(2)?);
                Self::Leaf(key, bytes.take(length)?.to_vec())
            }
            3 => Self::Closed(bytes.word()?, bytes.word()?),
            _ => return None,
        })
    }

    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Hidden(hash) => {
                out.push(0);
                out.extend(hash);
            }
            Self::Inner(bit, children) => {
                out.push(1);
                out.extend(bit.to_be_bytes());
                children.iter().for_each(|child| child.put(out));
            }
            Self::Leaf(key, value) => {
                out.push(2);
                out.extend(key);
                out.extend((value.len() as u16).to_be_bytes());
                out.extend(value);
            }
            Self::Closed(key, hash) => {
                out.push(3);
                out.extend(key);
                out.extend(hash);
            }
        }
    }

    /// Hash of the node.
    #[must_use]
    pub fn hash(&self) -> Hash {
        match self {
            Self::Hidden(hash) => Hash(*hash),
            Self::Inner(bit, children) => inner_hash(*bit, &children[0].hash(), &children[1].hash()),
            Self::Leaf(key, value) => leaf_hash(key, &keccak256(&[value])),
            Self::Closed(key, hash) => leaf_hash(key, &Hash(*hash)),
        }
    }

    /// Replaces a word in the values of all leaves; says whether there was one.
    fn replace(&mut self, old: &[u8; 32], new: &[u8; 32]) -> bool {
        match self {
            Self::Inner(_, children) => {
                let [left, right] = children.as_mut();
                let on_the_left = left.replace(old, new);
                right.replace(old, new) || on_the_left
            }
            Self::Leaf(_, value) => {
                let places: Vec<usize> =
                    value.windows(32).enumerate().filter(|(_, word)| word == old).map(|(at, _)| at).collect();
                places.iter().for_each(|&at| value[at..at + 32].copy_from_slice(new));
                !places.is_empty()
            }
            _ => false,
        }
    }

    /// How many nodes there are, this one included.
    #[must_use]
    pub fn count(&self) -> usize {
        match self {
            Self::Inner(_, children) => 1 + children.iter().map(Self::count).sum::<usize>(),
            _ => 1,
        }
    }

    /// The `at`-th node in preorder.
    pub fn node_mut(&mut self, at: usize) -> Option<&mut Self> {
        if at == 0 {
            return Some(self);
        }
        let Self::Inner(_, children) = self else { return None };
        let [left, right] = children.as_mut();
        let on_the_left = left.count();
        if at <= on_the_left { left.node_mut(at - 1) } else { right.node_mut(at - 1 - on_the_left) }
    }
}
