//! Which accounts must be looked at: those that were touched, those that are called or liquidated, and those for which
//! the marks have moved as far as their distance allows.
//!
//! Every underlying has a counter of the largest move per contract that any of its instruments made, mark after mark.
//! It only rises. An account stands in the queue of each underlying that its margin depends on, under the reading of the
//! counter at which it could first cross a boundary (see [`super::distance`]). All of this is a cache: an account that
//! is looked at too often changes nothing.

use std::collections::BTreeSet;

/// A place in the queue of an underlying: its place, and the reading of its counter.
pub(crate) type Key = (usize, i64);

/// Who is looked at next.
#[derive(Debug, Clone, Default)]
pub(crate) struct Watch {
    /// By underlying id − 1.
    queues: Vec<Queue>,
    /// Keys of each account, by its place.
    keys: Vec<Vec<Key>>,
    /// Accounts changed since they were last looked at, and a flag for each.
    touched: Vec<usize>,
    is_touched: Vec<bool>,
    /// Accounts that are called or liquidated, or whose numbers do not fit: looked at every time.
    alert: BTreeSet<usize>,
    /// Accounts of which there is a liquidation.
    running: BTreeSet<usize>,
    /// Everybody is looked at next time.
    everybody: bool,
    /// Everybody is looked at every time.
    full_scan: bool,
}

#[derive(Debug, Clone, Default)]
struct Queue {
    moved: i64,
    keys: BTreeSet<(i64, usize)>,
}

impl Watch {
    /// The account at `place` changed.
    #[inline]
    pub fn touch(&mut self, place: usize) {
        if self.is_touched.len() <= place {
            self.is_touched.resize(place + 1, false);
        }
        if !std::mem::replace(&mut self.is_touched[place], true) {
            self.touched.push(place);
        }
    }

    /// Everybody may have crossed a boundary.
    pub fn touch_everybody(&mut self) {
        self.everybody = true;
    }

    /// From now on everybody is looked at every time, or not.
    pub fn set_full_scan(&mut self, on: bool) {
        self.full_scan = on;
        self.everybody = true;
    }

    /// The counter of the underlying at `place`.
    pub fn moved(&self, place: usize) -> i64 {
        self.queues.get(place).map_or(0, |queue| queue.moved)
    }

    /// The instruments of the underlying at `place` moved by up to `by` micro-USDC per contract.
    pub fn raise(&mut self, place: usize, by: i64) {
        let queue = self.queue(place);
        queue.moved = queue.moved.saturating_add(by);
    }

    /// The places of the accounts to look at now, ascending, of `accounts` in all. Takes them out of the queues.
    pub fn take(&mut self, accounts: usize) -> Vec<usize> {
        let touched = std::mem::take(&mut self.touched);
        touched.iter().for_each(|&place| self.is_touched[place] = false);
        if std::mem::replace(&mut self.everybody, self.full_scan) {
            return (0..accounts).collect();
        }
        let mut places: BTreeSet<usize> = touched.into_iter().chain(self.alert.iter().copied()).collect();
        for queue in &mut self.queues {
            while let Some(&(at, place)) = queue.keys.first()
                && at <= queue.moved
            {
                queue.keys.pop_first();
                places.insert(place);
            }
        }
        places.into_iter().collect()
    }

    /// The account at `place` was looked at: it need not be again before one of `keys` is reached.
    pub fn rest(&mut self, place: usize, keys: Vec<Key>) {
        self.alert.remove(&place);
        self.forget_keys(place);
        for &(underlying, at) in &keys {
            self.queue(underlying).keys.insert((at, place));
        }
        if self.keys.len() <= place {
            self.keys.resize_with(place + 1, Vec::new);
        }
        self.keys[place] = keys;
    }

    /// The account at `place` is looked at every time.
    pub fn alert(&mut self, place: usize) {
        self.forget_keys(place);
        self.alert.insert(place);
    }

    /// There is a liquidation of the account at `place`, or no more.
    pub fn set_running(&mut self, place: usize, on: bool) {
        if on {
            self.running.insert(place);
        } else {
            self.running.remove(&place);
        }
    }

    /// Places of the accounts of which there is a liquidation, ascending.
    pub fn running(&self) -> impl ExactSizeIterator<Item = usize> + '_ {
        self.running.iter().copied()
    }

    fn forget_keys(&mut self, place: usize) {
        let Some(keys) = self.keys.get_mut(place) else { return };
        for (underlying, at) in std::mem::take(keys) {
            self.queues[underlying].keys.remove(&(at, place));
        }
    }

    fn queue(&mut self, place: usize) -> &mut Queue {
        if self.queues.len() <= place {
            self.queues.resize_with(place + 1, Queue::default);
        }
        &mut self.queues[place]
    }
}
