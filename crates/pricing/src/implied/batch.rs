//! Implied vols over columns, on the fastest path of the machine.

use std::ops::Range;

use super::VolStatus;
use super::normalised::Normalised;
use super::solver::{Checked, first_step, further_steps, is_settled, second_step};
use crate::batch::{BatchError, check_length, copy_in, copy_out, copy_signs, part};
use crate::block::{BLOCK, Lanes, steps};
use crate::path::{Batch, Path};

/// Priced options as columns. A column holds one value per option, or one value for all of them.
#[derive(Debug, Clone, Copy)]
pub struct Quotes<'a> {
    /// Prices, in the currency of the forward.
    pub price: &'a [f64],
    /// Forwards, in [1e-150, 1e150].
    pub forward: &'a [f64],
    /// Strikes, in [1e-150, 1e150].
    pub strike: &'a [f64],
    /// Years of 365 days to expiry, in (0, 1e100].
    pub t: &'a [f64],
    /// 0 for a put, anything else for a call.
    pub is_call: &'a [u8],
}

impl<'a> Quotes<'a> {
    /// The options of a range of indices, as columns of their own: what one thread solves.
    ///
    /// # Panics
    /// When the range does not lie in the columns.
    #[must_use]
    pub fn part(&self, range: Range<usize>) -> Quotes<'a> {
        Quotes {
            price: part(self.price, range.clone()),
            forward: part(self.forward, range.clone()),
            strike: part(self.strike, range.clone()),
            t: part(self.t, range.clone()),
            is_call: part(self.is_call, range),
        }
    }
}

/// The implied vol of each option, and what became of it as the number of a [`VolStatus`].
///
/// The vol is 0 where none was found. The vols are those of [`crate::implied_vol`], bit for bit, on every machine.
///
/// # Errors
/// [`BatchError::Length`] when lengths differ; nothing is written then.
pub fn implied_vols_into(quotes: &Quotes<'_>, vol: &mut [f64], status: &mut [u8]) -> Result<(), BatchError> {
    implied_vols_into_on(Path::best(), quotes, vol, status)
}

/// [`implied_vols_into`] on a given path.
///
/// # Errors
/// As [`implied_vols_into`].
///
/// # Panics
/// When this machine lacks the path.
pub fn implied_vols_into_on(
    path: Path,
    quotes: &Quotes<'_>,
    vol: &mut [f64],
    status: &mut [u8],
) -> Result<(), BatchError> {
    let length = vol.len();
    let columns = [
        ("price", quotes.price.len()),
        ("forward", quotes.forward.len()),
        ("strike", quotes.strike.len()),
        ("t", quotes.t.len()),
        ("is_call", quotes.is_call.len()),
    ];
    columns.into_iter().try_for_each(|(column, found)| check_length(column, found, length, true))?;
    check_length("status", status.len(), length, false)?;
    path.run(Solve { quotes, vol, status });
    Ok(())
}

struct Solve<'a, 'b> {
    quotes: &'a Quotes<'a>,
    vol: &'b mut [f64],
    status: &'b mut [u8],
}

impl Batch for Solve<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { quotes, vol, status } = self;
        let mut inputs = Inputs::new(quotes);
        let mut block = Block::new();
        let length = vol.len();
        for start in (0..length).step_by(BLOCK) {
            let count = (length - start).min(BLOCK);
            inputs.load(start, count);
            block.check(&inputs, count);
            block.solve(count);
            copy_out(&block.vol, start, count, vol);
            for (status, lane) in status[start..start + count].iter_mut().zip(&block.status) {
                *status = VolStatus::of_lane(*lane) as u8;
            }
        }
    }
}

/// A block's share of the columns.
struct Inputs<'a> {
    quotes: &'a Quotes<'a>,
    price: Lanes,
    forward: Lanes,
    strike: Lanes,
    t: Lanes,
    /// 1 for a call, −1 for a put.
    sign: Lanes,
}

impl<'a> Inputs<'a> {
    #[inline(always)]
    fn new(quotes: &'a Quotes<'a>) -> Self {
        // A column of one value stays in every lane.
        let filled = |column: &[f64]| [if let [value] = column { *value } else { 1.0 }; BLOCK];
        Self {
            quotes,
            price: filled(quotes.price),
            forward: filled(quotes.forward),
            strike: filled(quotes.strike),
            t: filled(quotes.t),
            sign: [1.0; BLOCK],
        }
    }

    #[inline(always)]
    fn load(&mut self, start: usize, count: usize) {
        let quotes = self.quotes;
        let columns = [
            (quotes.price, &mut self.price),
            (quotes.forward, &mut self.forward),
            (quotes.strike, &mut self.strike),
            (quotes.t, &mut self.t),
        ];
        for (column, lanes) in columns.into_iter().filter(|(column, _)| column.len() > 1) {
            copy_in(column, start, count, lanes);
        }
        copy_signs(quotes.is_call, start, count, &mut self.sign);
    }
}

/// Up to [`BLOCK`] options between the stages of the solver, a column per value.
///
/// As in the kernel, a stage is a loop with a short body over whole steps of lanes.
struct Block {
    status: Lanes,
    root_t: Lanes,
    x: Lanes,
    price: Lanes,
    rest: Lanes,
    shift: Lanes,
    s: Lanes,
    change: Lanes,
    vol: Lanes,
}

impl Block {
    #[inline(always)]
    fn new() -> Self {
        const ONES: Lanes = [1.0; BLOCK];
        Self {
            status: ONES,
            root_t: ONES,
            x: ONES,
            price: ONES,
            rest: ONES,
            shift: ONES,
            s: ONES,
            change: ONES,
            vol: ONES,
        }
    }

    #[inline(always)]
    fn normalised(&self, lane: usize) -> Normalised {
        Normalised {
            x: self.x[lane],
            price: self.price[lane],
            rest: self.rest[lane],
            shift: self.shift[lane],
        }
    }

    /// First stage.
    #[inline(always)]
    fn check(&mut self, inputs: &Inputs<'_>, count: usize) {
        for lane in 0..steps(count) {
            let Checked { status, root_t, normalised } = Checked::new(
                inputs.price[lane],
                inputs.forward[lane],
                inputs.strike[lane],
                inputs.t[lane],
                inputs.sign[lane],
            );
            self.status[lane] = status;
            self.root_t[lane] = root_t;
            self.x[lane] = normalised.x;
            self.price[lane] = normalised.price;
            self.rest[lane] = normalised.rest;
            self.shift[lane] = normalised.shift;
        }
    }

    /// The stages from the start to the vol, the same as [`Checked::vol`].
    #[inline(always)]
    fn solve(&mut self, count: usize) {
        for lane in 0..steps(count) {
            self.s[lane] = self.normalised(lane).start();
        }
        for lane in 0..steps(count) {
            self.s[lane] = first_step(&self.normalised(lane), self.s[lane]);
        }
        for lane in 0..steps(count) {
            (self.s[lane], self.change[lane]) = second_step(&self.normalised(lane), self.s[lane]);
        }
        // Rarely needed, so lane by lane.
        for lane in 0..count {
            if !is_settled(self.change[lane]) {
                self.s[lane] = further_steps(&self.normalised(lane), self.s[lane], self.change[lane]);
            }
        }
        for lane in 0..steps(count) {
            self.vol[lane] = self.s[lane] / self.root_t[lane];
        }
    }
}
