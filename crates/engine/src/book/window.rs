//! A ladder of consecutive prices with a bitmap of the ones in use: a price is found by its digits, the best
//! by counting leading zeros. It spans [`SPAN`] ticks in pages of 64, and only pages that were used take
//! memory.

use super::levels::Queue;

/// Pages of a window.
const PAGES: usize = 64;
/// Ticks that a window covers.
const SPAN: u64 = (PAGES * 64) as u64;
/// The page that stays empty; directory entries start there.
const BLANK: u32 = 0;

/// 64 consecutive ranks.
#[derive(Debug, Clone)]
struct Page {
    /// Which of the queues hold orders.
    used: u64,
    queues: [Queue; 64],
}

impl Page {
    const EMPTY: Self = Self { used: 0, queues: [Queue::EMPTY; 64] };
}

/// A level within a window.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spot {
    page: u32,
    offset: u32,
}

/// The levels with ranks from `base` to `base + SPAN - 1`.
#[derive(Debug, Clone)]
pub(super) struct Window {
    base: i64,
    /// Directory entries whose page holds a level.
    used: u64,
    directory: [u32; PAGES],
    pages: Vec<Page>,
    len: usize,
}

impl Window {
    /// An empty window around `best`: an eighth above, the rest below.
    pub fn around(best: i64) -> Self {
        let lowest = best.saturating_sub(SPAN as i64 / 8 * 7).min(i64::MAX - SPAN as i64);
        Self { base: lowest & !63, used: 0, directory: [BLANK; PAGES], pages: vec![Page::EMPTY], len: 0 }
    }

    /// The lowest rank inside.
    pub fn base(&self) -> i64 {
        self.base
    }

    /// Levels inside.
    pub fn len(&self) -> usize {
        self.len
    }

    /// How far above the base `rank` lies, if the window covers it.
    pub fn offset(&self, rank: i64) -> Option<u32> {
        let offset = rank.wrapping_sub(self.base) as u64;
        (rank >= self.base && offset < SPAN).then_some(offset as u32)
    }

    pub fn find(&self, offset: u32) -> Option<Spot> {
        let page = self.directory[offset as usize / 64];
        (self.pages[page as usize].used >> (offset % 64) & 1 == 1).then_some(Spot { page, offset })
    }

    /// The queue at `offset`, empty if it was not in use.
    pub fn find_or_insert(&mut self, offset: u32) -> &mut Queue {
        let entry = offset as usize / 64;
        if self.directory[entry] == BLANK {
            self.directory[entry] = self.pages.len() as u32;
            self.pages.push(Page::EMPTY);
        }
        let page = &mut self.pages[self.directory[entry] as usize];
        let (slot, bit) = (offset as usize % 64, 1 << (offset % 64));
        if page.used & bit == 0 {
            page.used |= bit;
            page.queues[slot] = Queue::EMPTY;
            self.used |= 1 << entry;
            self.len += 1;
        }
        &mut page.queues[slot]
    }

    pub fn queue(&self, spot: Spot) -> &Queue {
        &self.pages[spot.page as usize].queues[spot.offset as usize % 64]
    }

    pub fn queue_mut(&mut self, spot: Spot) -> &mut Queue {
        &mut self.pages[spot.page as usize].queues[spot.offset as usize % 64]
    }

    pub fn remove(&mut self, spot: Spot) {
        let page = &mut self.pages[spot.page as usize];
        page.used &= !(1 << (spot.offset % 64));
        if page.used == 0 {
            self.used &= !(1 << (spot.offset / 64));
        }
        self.len -= 1;
    }

    /// The best level.
    pub fn best(&self) -> Option<(i64, &Queue)> {
        self.best_of(self.used, None)
    }

    /// The best level below `offset`.
    pub fn below(&self, offset: u32) -> Option<(i64, &Queue)> {
        let entry = offset / 64;
        let in_page = self.pages[self.directory[entry as usize] as usize].used & ((1 << (offset % 64)) - 1);
        match in_page {
            0 => self.best_of(self.used & ((1 << entry) - 1), None),
            _ => self.best_of(1 << entry, Some(in_page)),
        }
    }

    /// Every level, best first.
    pub fn iter(&self) -> impl Iterator<Item = (i64, &Queue)> + Clone {
        std::iter::successors(self.best(), |(rank, _)| self.below((rank - self.base) as u32))
    }

    /// The best level of the highest of `entries`, among `slots` or all in use.
    fn best_of(&self, entries: u64, slots: Option<u64>) -> Option<(i64, &Queue)> {
        let entry = 63u32.checked_sub(entries.leading_zeros())?;
        let page = &self.pages[self.directory[entry as usize] as usize];
        let slot = 63 - slots.unwrap_or(page.used).leading_zeros();
        Some((self.base + i64::from(64 * entry + slot), &page.queues[slot as usize]))
    }
}
