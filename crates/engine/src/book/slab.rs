//! The slab of order nodes: one cache line per order, linked by u32 indices, reused through a free list.

use super::Resting;
use protocol::OrderId;

/// No node.
pub(super) const NIL: u32 = u32::MAX;

/// The node that `index` links to, if any.
pub(super) fn link(index: u32) -> Option<u32> {
    (index != NIL).then_some(index)
}

/// The id that marks a vacant node; no order may carry it.
const VACANT: OrderId = OrderId(u64::MAX);

/// Names a resting order without a search.
///
/// A handle pairs the slab index with the order's id. Ids are never reused, so the id serves as the generation of
/// the slot: a handle that outlived its order finds nothing, never another order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Handle {
    pub(super) index: u32,
    pub(super) order: OrderId,
}

impl Handle {
    /// Names no order, ever.
    pub const NONE: Self = Self { index: NIL, order: VACANT };
}

/// An order and its place in the queue of its price.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
pub(super) struct Node {
    pub resting: Resting,
    /// The order ahead at this price, [`NIL`] for the first.
    pub ahead: u32,
    /// The order behind at this price, [`NIL`] for the last. In a vacant node: the next vacant node.
    pub behind: u32,
}

const _: () = assert!(size_of::<Node>() == 64, "an order node fills exactly one cache line");

/// Order nodes by index.
#[derive(Debug, Clone)]
pub(super) struct Slab {
    nodes: Vec<Node>,
    vacant: u32,
    len: usize,
}

impl Slab {
    pub fn with_capacity(orders: usize) -> Self {
        Self { nodes: Vec::with_capacity(orders), vacant: NIL, len: 0 }
    }

    /// Orders stored.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Stores an order, in no queue yet, and returns its index.
    ///
    /// # Panics
    /// When the order carries the vacancy mark, or 2³² − 1 orders are stored.
    pub fn insert(&mut self, resting: Resting) -> u32 {
        assert!(resting.order != VACANT, "order id {} is reserved", resting.order.0);
        let node = Node { resting, ahead: NIL, behind: NIL };
        self.len += 1;
        if self.vacant == NIL {
            let index = u32::try_from(self.nodes.len()).expect("fewer than 2^32 orders rest");
            assert!(index != NIL, "the slab is full");
            self.nodes.push(node);
            return index;
        }
        let index = self.vacant;
        let slot = &mut self.nodes[index as usize];
        debug_assert!(slot.resting.order == VACANT, "a node on the free list is vacant");
        self.vacant = slot.behind;
        *slot = node;
        index
    }

    /// Frees the node at `index`.
    pub fn release(&mut self, index: u32) {
        let slot = &mut self.nodes[index as usize];
        debug_assert!(slot.resting.order != VACANT, "a node is freed once");
        slot.resting.order = VACANT;
        slot.behind = self.vacant;
        self.vacant = index;
        self.len -= 1;
    }

    pub fn node(&self, index: u32) -> &Node {
        &self.nodes[index as usize]
    }

    /// The node at `index`, if there is one, in use or not.
    pub fn peek(&self, index: u32) -> Option<&Node> {
        self.nodes.get(index as usize)
    }

    pub fn node_mut(&mut self, index: u32) -> &mut Node {
        &mut self.nodes[index as usize]
    }

    /// The order that `handle` names, while it rests.
    pub fn get(&self, handle: Handle) -> Option<&Resting> {
        let resting = &self.nodes.get(handle.index as usize)?.resting;
        (resting.order == handle.order && resting.order != VACANT).then_some(resting)
    }

    pub fn handle(&self, index: u32) -> Handle {
        Handle { index, order: self.node(index).resting.order }
    }

    /// Nodes on the free list; with [`Self::len`] they make up the slab, else a node leaked.
    #[cfg(test)]
    pub fn vacancies(&self) -> usize {
        std::iter::successors(link(self.vacant), |&at| link(self.nodes[at as usize].behind)).count()
    }

    #[cfg(test)]
    pub fn slots(&self) -> usize {
        self.nodes.len()
    }
}
