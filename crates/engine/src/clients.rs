//! Client order ids: the same id again names the same order, while it is open and for the last 256 that closed.

use protocol::OrderId;
use protocol::bounds::MAX_CLIENT_ID;
use std::collections::VecDeque;

/// Closed orders whose client ids are remembered.
pub(crate) const CLOSED_MAX: usize = 256;

/// A client id in place, no allocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ClientId {
    len: u8,
    bytes: [u8; MAX_CLIENT_ID],
}

impl ClientId {
    /// # Panics
    /// When `text` is longer than [`MAX_CLIENT_ID`]; commands are checked for that first.
    pub fn new(text: &str) -> Self {
        let mut bytes = [0; MAX_CLIENT_ID];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        Self { len: text.len() as u8, bytes }
    }

    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..usize::from(self.len)]).expect("client ids are ASCII")
    }
}

/// FNV-1a: lets a scan skip entries that cannot match. Never decides anything.
fn fingerprint(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

/// Ids with their orders, the fingerprints apart so that a search reads little memory.
#[derive(Debug, Clone, Default)]
struct List {
    prints: VecDeque<u64>,
    entries: VecDeque<(ClientId, OrderId)>,
}

impl List {
    fn push(&mut self, id: ClientId, order: OrderId) {
        self.prints.push_back(fingerprint(id.as_str()));
        self.entries.push_back((id, order));
    }

    fn remove(&mut self, at: usize) -> (ClientId, OrderId) {
        self.prints.remove(at);
        self.entries.remove(at).expect("the place came from a search")
    }

    fn find(&self, text: &str, print: u64) -> Option<OrderId> {
        let matches = |at: &usize| self.prints[*at] == print && self.entries[*at].0.as_str() == text;
        (0..self.prints.len()).filter(matches).map(|at| self.entries[at].1).max()
    }
}

/// Client ids of one account.
#[derive(Debug, Clone, Default)]
pub(crate) struct ClientIds {
    /// Ascending by order.
    open: List,
    /// Oldest first.
    closed: List,
}

impl ClientIds {
    /// The order that `text` names; of several, which an operator may have let pass, the newest.
    pub fn find(&self, text: &str) -> Option<OrderId> {
        if text.is_empty() {
            return None;
        }
        let print = fingerprint(text);
        self.open.find(text, print).max(self.closed.find(text, print))
    }

    /// The client id of an open order, or nothing.
    pub fn of_open(&self, order: OrderId) -> &str {
        self.open_place(order).map_or("", |at| self.open.entries[at].0.as_str())
    }

    /// An order opened; it is the newest.
    pub fn opened(&mut self, text: &str, order: OrderId) {
        if !text.is_empty() {
            debug_assert!(self.open.entries.back().is_none_or(|last| last.1 < order), "orders open in order");
            self.open.push(ClientId::new(text), order);
        }
    }

    /// An open order ended.
    pub fn closed(&mut self, order: OrderId) {
        if let Some(at) = self.open_place(order) {
            let (id, order) = self.open.remove(at);
            self.remember(id, order);
        }
    }

    /// Open entries, ascending by order.
    pub fn open_entries(&self) -> impl ExactSizeIterator<Item = &(ClientId, OrderId)> {
        self.open.entries.iter()
    }

    /// Closed entries, oldest first.
    pub fn closed_entries(&self) -> impl ExactSizeIterator<Item = &(ClientId, OrderId)> {
        self.closed.entries.iter()
    }

    /// Adds the newest closed entry.
    pub fn remember(&mut self, id: ClientId, order: OrderId) {
        self.closed.push(id, order);
        if self.closed.entries.len() > CLOSED_MAX {
            self.closed.remove(0);
        }
    }

    fn open_place(&self, order: OrderId) -> Option<usize> {
        self.open.entries.binary_search_by_key(&order, |entry| entry.1).ok()
    }
}
