//! A small ordered table: keys in one sorted array, values in slots that do not move.
//!
//! A search reads only keys, a dozen to a cache line; an insertion moves keys, never values. A slot stays with its value
//! until the value is removed, so whoever found it once need not search again.

use std::ops::{Index, IndexMut};

/// Values in ascending order of their keys.
#[derive(Debug, Clone)]
pub(crate) struct Table<K, V> {
    keys: Vec<K>,
    /// Slot of each key.
    slots: Vec<u32>,
    values: Vec<V>,
    /// Slots whose value is gone.
    vacant: Vec<u32>,
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self { keys: Vec::new(), slots: Vec::new(), values: Vec::new(), vacant: Vec::new() }
    }
}

impl<K: Ord + Copy, V> Table<K, V> {
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Slot of `key`.
    pub fn find(&self, key: K) -> Option<usize> {
        match self.keys.last() {
            Some(last) if *last == key => self.slots.last().map(|&slot| slot as usize),
            _ => self.keys.binary_search(&key).ok().map(|at| self.slots[at] as usize),
        }
    }

    pub fn get(&self, key: K) -> Option<&V> {
        self.find(key).map(|slot| &self.values[slot])
    }

    /// The `at`-th key's slot, ascending.
    pub fn nth(&self, at: usize) -> Option<usize> {
        self.slots.get(at).map(|&slot| slot as usize)
    }

    /// Adds a value under a key that is not there.
    pub fn insert(&mut self, key: K, value: V) -> usize {
        let at = match self.keys.last() {
            Some(last) if *last > key => self.keys.partition_point(|other| *other < key),
            _ => self.keys.len(),
        };
        debug_assert!(self.keys.get(at) != Some(&key), "a key is there once");
        let slot = match self.vacant.pop() {
            Some(slot) => {
                self.values[slot as usize] = value;
                slot
            }
            None => {
                self.values.push(value);
                self.values.len() as u32 - 1
            }
        };
        self.keys.insert(at, key);
        self.slots.insert(at, slot);
        slot as usize
    }

    /// Removes the value of `key`.
    pub fn remove(&mut self, key: K) {
        if let Ok(at) = self.keys.binary_search(&key) {
            self.keys.remove(at);
            self.vacant.push(self.slots.remove(at));
        }
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = &V> + Clone {
        self.slots.iter().map(|&slot| &self.values[slot as usize])
    }
}

impl<K, V> Index<usize> for Table<K, V> {
    type Output = V;

    fn index(&self, slot: usize) -> &V {
        &self.values[slot]
    }
}

impl<K, V> IndexMut<usize> for Table<K, V> {
    fn index_mut(&mut self, slot: usize) -> &mut V {
        &mut self.values[slot]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_order_and_slots() {
        let mut table = Table::default();
        let slots: Vec<_> = [5, 1, 9, 3].map(|key| (key, table.insert(key, key * 10))).to_vec();
        table.remove(9);
        table.remove(4);
        table.insert(2, 20);
        assert_eq!(table.iter().copied().collect::<Vec<_>>(), [10, 20, 30, 50]);
        for (key, slot) in slots.into_iter().filter(|entry| entry.0 != 9) {
            assert_eq!((table.find(key), table[slot]), (Some(slot), key * 10));
        }
        assert_eq!((table.find(9), table.len()), (None, 4));
    }
}
