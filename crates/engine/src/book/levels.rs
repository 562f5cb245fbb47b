//! One side of one book: its price levels, best first, found by price.
//!
//! Prices are kept as *ranks*, so that a better price is a greater rank on both sides: a bid's rank is its
//! price, an offer's is its bitwise complement, which reverses the order and cannot overflow.
//!
//! Levels stand in one array sorted by rank with the best at the end: most books are short, and trading
//! happens at the end, where inserting and removing move few entries. A side that grows many levels gets a
//! [`Window`] around its best price; what lies outside stays in the array. When enough operations have missed
//! the window to pay for it, the window is set anew.

use super::slab::NIL;
use super::window::{Spot, Window};
use protocol::Side;

/// A side with more levels than this gets a window …
const WINDOW_FROM: usize = 64;
/// … and gives it up below this many.
const WINDOW_UNTIL: usize = 24;

/// The rank of `price` on `side`: greater is better. Its own inverse.
pub(super) fn rank(side: Side, price: i64) -> i64 {
    match side {
        Side::Buy => price,
        Side::Sell => !price,
    }
}

/// The orders at one price, oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Queue {
    /// Sum of their open lots.
    pub lots: i64,
    pub first: u32,
    pub last: u32,
    pub count: u32,
}

impl Queue {
    pub const EMPTY: Self = Self { lots: 0, first: NIL, last: NIL, count: 0 };
}

#[derive(Debug, Clone, Copy)]
struct Level {
    rank: i64,
    queue: Queue,
}

impl Level {
    fn view(&self) -> (i64, &Queue) {
        (self.rank, &self.queue)
    }
}

/// Where a level is, until the next one is inserted or removed.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place {
    Array(usize),
    Window(Spot),
}

/// The levels of one side.
#[derive(Debug, Clone, Default)]
pub(super) struct Levels {
    /// Every level that no window covers, ascending.
    array: Vec<Level>,
    window: Option<Box<Window>>,
    /// Insertions outside the window since it was set.
    misses: usize,
}

impl Levels {
    /// The best level.
    pub fn best(&self) -> Option<(i64, &Queue)> {
        let outside = self.array.last().map(Level::view);
        match &self.window {
            Some(window) if outside.is_none_or(|(rank, _)| rank < window.base()) => window.best().or(outside),
            _ => outside,
        }
    }

    /// The best level whose rank is below `rank`.
    pub fn below(&self, rank: i64) -> Option<(i64, &Queue)> {
        let outside = self.array[..self.split(rank)].last().map(Level::view);
        let Some(window) = &self.window else { return outside };
        let inside = match window.offset(rank) {
            Some(offset) => window.below(offset),
            None if rank >= window.base() => window.best(),
            None => None,
        };
        inside.into_iter().chain(outside).max_by_key(|(rank, _)| *rank)
    }

    /// The level at `rank`.
    pub fn find(&self, rank: i64) -> Option<Place> {
        if let Some(window) = &self.window
            && let Some(offset) = window.offset(rank)
        {
            return window.find(offset).map(Place::Window);
        }
        let at = self.split(rank);
        self.array.get(at).is_some_and(|level| level.rank == rank).then_some(Place::Array(at))
    }

    /// The queue at `rank`, empty if there was none: whoever calls puts an order there.
    pub fn find_or_insert(&mut self, rank: i64) -> &mut Queue {
        if let Some(offset) = self.window_offset(rank) {
            return self.window.as_mut().expect("an offset is into a window").find_or_insert(offset);
        }
        let at = self.split(rank);
        if self.array.get(at).is_none_or(|level| level.rank != rank) {
            self.array.insert(at, Level { rank, queue: Queue::EMPTY });
        }
        &mut self.array[at].queue
    }

    pub fn queue(&self, place: Place) -> &Queue {
        match place {
            Place::Array(at) => &self.array[at].queue,
            Place::Window(spot) => self.window.as_ref().expect("a spot is in a window").queue(spot),
        }
    }

    pub fn queue_mut(&mut self, place: Place) -> &mut Queue {
        match place {
            Place::Array(at) => &mut self.array[at].queue,
            Place::Window(spot) => self.window.as_mut().expect("a spot is in a window").queue_mut(spot),
        }
    }

    /// Removes the level at `place`.
    pub fn remove(&mut self, place: Place) {
        match place {
            Place::Array(at) => drop(self.array.remove(at)),
            Place::Window(spot) => self.window.as_mut().expect("a spot is in a window").remove(spot),
        }
        if self.window.as_ref().is_some_and(|window| window.len() + self.array.len() < WINDOW_UNTIL) {
            self.close_window();
        }
    }

    /// Levels outside the window.
    pub fn len(&self) -> usize {
        self.array.len()
    }

    /// Reads the ends and the middle of the array, where searches begin.
    pub fn touch(&self) -> u32 {
        let best = self.best().map_or(0, |(_, queue)| queue.last);
        best ^ self.array.get(self.array.len() / 2).map_or(0, |level| level.queue.last)
    }

    /// Every level, best first.
    pub fn iter(&self) -> impl Iterator<Item = (i64, &Queue)> + Clone {
        let (worse, better) = match &self.window {
            Some(window) => self.array.split_at(self.split(window.base())),
            None => self.array.split_at(0),
        };
        let inside = self.window.iter().flat_map(|window| window.iter());
        better.iter().rev().map(Level::view).chain(inside).chain(worse.iter().rev().map(Level::view))
    }

    /// How many levels of the array rank below `rank`.
    fn split(&self, rank: i64) -> usize {
        self.array.partition_point(|level| level.rank < rank)
    }

    /// Where in the window `rank` lies, once a window that is due has been set.
    fn window_offset(&mut self, rank: i64) -> Option<u32> {
        let Some(window) = &self.window else {
            return if self.array.len() < WINDOW_FROM { None } else { self.set_window(rank) };
        };
        let offset = window.offset(rank);
        if offset.is_none() {
            self.misses += 1;
            if self.misses > 2 * (window.len() + self.array.len()) {
                return self.set_window(rank);
            }
        }
        offset
    }

    /// Sets the window around the best level and returns where `rank` lies in it.
    fn set_window(&mut self, rank: i64) -> Option<u32> {
        self.close_window();
        let mut window = Window::around(self.best()?.0);
        let covered = |level: &Level| window.offset(level.rank).is_some();
        let inside: Vec<Level> = self.array.iter().copied().filter(covered).collect();
        self.array.retain(|level| window.offset(level.rank).is_none());
        for level in inside {
            let offset = window.offset(level.rank).expect("the level was chosen for being covered");
            *window.find_or_insert(offset) = level.queue;
        }
        let offset = window.offset(rank);
        self.window = Some(Box::new(window));
        offset
    }

    /// Moves the levels of the window back into the array.
    fn close_window(&mut self) {
        self.misses = 0;
        let Some(window) = self.window.take() else { return };
        let at = self.split(window.base());
        let mut inside: Vec<Level> = window.iter().map(|(rank, &queue)| Level { rank, queue }).collect();
        inside.reverse();
        self.array.splice(at..at, inside);
    }
}
