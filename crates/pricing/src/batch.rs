//! Black-76 and its second-order Greeks over columns, on the fastest path of the machine.

use std::ops::Range;

use crate::black76::{LEAST_PRICE, MOST_INPUT, MOST_PRICE};
use crate::block::{BLOCK, Block, Lanes, SecondColumns, SharedColumns, SideColumns};
use crate::kernel::Terms;
use crate::path::{Batch, Path};
use thiserror::Error;

/// Options as columns. A column holds one value per option, or one value for all of them.
///
/// Units and ranges are those of [`crate::Contract`].
#[derive(Debug, Clone, Copy)]
pub struct Options<'a> {
    /// Forwards, in [1e-150, 1e150].
    pub forward: &'a [f64],
    /// Strikes, in [1e-150, 1e150].
    pub strike: &'a [f64],
    /// Years of 365 days to expiry, at most 1e100; 0 or less prices the intrinsic value.
    pub t: &'a [f64],
    /// Implied vols, 1 = 100 %, in [0, 1e100].
    pub sigma: &'a [f64],
    /// 0 for a put, anything else for a call.
    pub is_call: &'a [u8],
}

/// Where the results of [`black76_into`] go, all of one length; units are those of [`crate::Black76`].
#[derive(Debug)]
pub struct GreekColumns<'a> {
    /// Price, in the currency of the forward.
    pub price: &'a mut [f64],
    /// Change of the price per unit of the forward.
    pub delta: &'a mut [f64],
    /// Change of delta per unit of the forward.
    pub gamma: &'a mut [f64],
    /// Change of the price per vol point.
    pub vega: &'a mut [f64],
    /// Change of the price per day that passes; over the time left when that is less than a day.
    pub theta: &'a mut [f64],
    /// Change of the price per 1 % of rate.
    pub rho: &'a mut [f64],
}

/// Where the results of [`second_order_into`] go, all of one length; the same for a call and a put.
///
/// The formulas are the derivatives of those of [`crate::Black76`] (Haug, *The Complete Guide to Option Pricing
/// Formulas*, 2nd ed. 2007, chapter 2, with cost of carry 0 and no discounting), in the exchange's units.
/// Without time or vol all are 0. A result beyond the range of a double is the largest double.
#[derive(Debug)]
pub struct SecondOrderColumns<'a> {
    /// −φ(d1)·d2/σ/100: change of delta per vol point.
    pub vanna: &'a mut [f64],
    /// vega·d1·d2/σ/100: change of vega (per vol point) per vol point.
    pub volga: &'a mut [f64],
    /// φ(d1)·d2/(2T)/365·min(1, days left): change of delta per day that passes; over the time left when that is less.
    pub charm: &'a mut [f64],
    /// −gamma·(1 + d1/(σ√T))/F: change of gamma per unit of the forward.
    pub speed: &'a mut [f64],
}

/// Why a batch was not priced. Nothing has been written then.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
pub enum BatchError {
    /// A column has neither one value nor as many as the results.
    #[error("{column} has {found} values, not {expected}")]
    Length {
        /// Which column.
        column: &'static str,
        /// Its length.
        found: usize,
        /// The length of the results.
        expected: usize,
    },
    /// A value lies outside its range.
    #[error("option {index}: {column} is {value}, must be {domain}")]
    Domain {
        /// First option with a value outside its range.
        index: usize,
        /// Which column.
        column: &'static str,
        /// The value.
        value: f64,
        /// Its range.
        domain: &'static str,
    },
}

/// Range of forwards and strikes, in words.
pub(crate) const PRICE_DOMAIN: &str = "in [1e-150, 1e150]";
/// Range of times, in words.
pub(crate) const TIME_DOMAIN: &str = "in [-1e100, 1e100]";
/// Range of vols, in words.
pub(crate) const SIGMA_DOMAIN: &str = "in [0, 1e100]";

impl<'a> Options<'a> {
    /// The options of a range of indices, as columns of their own: what one thread prices.
    ///
    /// # Panics
    /// When the range does not lie in the columns.
    #[must_use]
    pub fn part(&self, range: Range<usize>) -> Options<'a> {
        Options {
            forward: part(self.forward, range.clone()),
            strike: part(self.strike, range.clone()),
            t: part(self.t, range.clone()),
            sigma: part(self.sigma, range.clone()),
            is_call: part(self.is_call, range),
        }
    }

    /// That every column has one or `length` values.
    fn check_lengths(&self, length: usize) -> Result<(), BatchError> {
        let columns = [
            ("forward", self.forward.len()),
            ("strike", self.strike.len()),
            ("t", self.t.len()),
            ("sigma", self.sigma.len()),
            ("is_call", self.is_call.len()),
        ];
        columns.into_iter().try_for_each(|(column, found)| check_length(column, found, length, true))
    }

    /// That every value lies in its range; names the first option of which one does not.
    #[inline(always)]
    fn check_values(&self) -> Result<(), BatchError> {
        let columns = [
            check_range("forward", self.forward, LEAST_PRICE..=MOST_PRICE, PRICE_DOMAIN),
            check_range("strike", self.strike, LEAST_PRICE..=MOST_PRICE, PRICE_DOMAIN),
            check_range("t", self.t, -MOST_INPUT..=MOST_INPUT, TIME_DOMAIN),
            check_range("sigma", self.sigma, 0.0..=MOST_INPUT, SIGMA_DOMAIN),
        ];
        columns.into_iter().filter_map(Result::err).min_by_key(BatchError::option).map_or(Ok(()), Err)
    }
}

impl BatchError {
    /// The option that it names, 0 when it names none.
    fn option(&self) -> usize {
        match self {
            Self::Length { .. } => 0,
            Self::Domain { index, .. } => *index,
        }
    }
}

/// A range of a column; all of it when it is one value for every option.
pub(crate) fn part<T>(column: &[T], range: Range<usize>) -> &[T] {
    if column.len() == 1 { column } else { &column[range] }
}

/// That a column has as many values as there are options, or one where that `broadcasts`.
pub(crate) fn check_length(
    column: &'static str,
    found: usize,
    expected: usize,
    broadcasts: bool,
) -> Result<(), BatchError> {
    if found == expected || (broadcasts && found == 1) {
        Ok(())
    } else {
        Err(BatchError::Length { column, found, expected })
    }
}

/// That every value of a column lies in a range; NaN lies in none.
#[inline(always)]
pub(crate) fn check_range(
    column: &'static str,
    values: &[f64],
    range: std::ops::RangeInclusive<f64>,
    domain: &'static str,
) -> Result<(), BatchError> {
    let (low, high) = (*range.start(), *range.end());
    // Counted and not searched for: a sweep without a branch per value vectorises.
    let outside = values
        .iter()
        .fold(0u64, |count, value| count.wrapping_add(u64::from(!((*value >= low) & (*value <= high)))));
    if outside == 0 {
        return Ok(());
    }
    let index = values.iter().position(|value| !range.contains(value)).unwrap_or_default();
    Err(BatchError::Domain { index, column, value: values[index], domain })
}

/// Price and five Greeks of each option.
///
/// The results are those of [`crate::black76()`], bit for bit, on every machine.
///
/// # Errors
/// [`BatchError`] when lengths differ or a value lies outside its range; nothing is written then.
pub fn black76_into(options: &Options<'_>, out: &mut GreekColumns<'_>) -> Result<(), BatchError> {
    black76_into_on(Path::best(), options, out)
}

/// [`black76_into`] on a given path.
///
/// # Errors
/// As [`black76_into`].
///
/// # Panics
/// When this machine lacks the path.
pub fn black76_into_on(
    path: Path,
    options: &Options<'_>,
    out: &mut GreekColumns<'_>,
) -> Result<(), BatchError> {
    let length = out.price.len();
    options.check_lengths(length)?;
    let columns = [
        ("delta", out.delta.len()),
        ("gamma", out.gamma.len()),
        ("vega", out.vega.len()),
        ("theta", out.theta.len()),
        ("rho", out.rho.len()),
    ];
    columns.into_iter().try_for_each(|(column, found)| check_length(column, found, length, false))?;
    path.run(FirstOrder { options, out })
}

/// Vanna, volga, charm and speed of each option.
///
/// # Errors
/// [`BatchError`] when lengths differ or a value lies outside its range; nothing is written then.
pub fn second_order_into(options: &Options<'_>, out: &mut SecondOrderColumns<'_>) -> Result<(), BatchError> {
    second_order_into_on(Path::best(), options, out)
}

/// [`second_order_into`] on a given path.
///
/// # Errors
/// As [`second_order_into`].
///
/// # Panics
/// When this machine lacks the path.
pub fn second_order_into_on(
    path: Path,
    options: &Options<'_>,
    out: &mut SecondOrderColumns<'_>,
) -> Result<(), BatchError> {
    let length = out.vanna.len();
    options.check_lengths(length)?;
    let columns = [("volga", out.volga.len()), ("charm", out.charm.len()), ("speed", out.speed.len())];
    columns.into_iter().try_for_each(|(column, found)| check_length(column, found, length, false))?;
    path.run(SecondOrder { options, out })
}

/// Columns on their way through blocks.
struct Loader<'a> {
    options: &'a Options<'a>,
    block: Block,
    /// Whether forward and time are the same for all, so that what follows from them is computed once.
    one_expiry: bool,
}

impl<'a> Loader<'a> {
    #[inline(always)]
    fn new(options: &'a Options<'a>) -> Self {
        let mut block = Block::new();
        let columns = [
            (options.forward, &mut block.forward),
            (options.strike, &mut block.strike),
            (options.t, &mut block.t),
            (options.sigma, &mut block.sigma),
        ];
        for (column, lanes) in columns {
            if let [value] = column {
                lanes.fill(*value);
            }
        }
        let one_expiry = options.forward.len() == 1 && options.t.len() == 1;
        if one_expiry {
            let forward = options.forward[0];
            block.set_expiry(0..BLOCK, forward, &Terms::new(forward, options.t[0]));
        }
        Self { options, block, one_expiry }
    }

    /// Fills the block with the options from `start` and runs its stages up to [`Block::locate`].
    #[inline(always)]
    fn load(&mut self, start: usize, count: usize) {
        let Self { options, block, one_expiry } = self;
        let columns = [
            (options.forward, &mut block.forward),
            (options.strike, &mut block.strike),
            (options.t, &mut block.t),
            (options.sigma, &mut block.sigma),
        ];
        // A column of one value is in every lane already.
        for (column, lanes) in columns.into_iter().filter(|(column, _)| column.len() > 1) {
            copy_in(column, start, count, lanes);
        }
        if !*one_expiry {
            block.terms(count);
        }
        block.log_moneyness(count);
        block.locate(count);
    }
}

/// A block's share of a column.
#[inline(always)]
pub(crate) fn copy_in(column: &[f64], start: usize, count: usize, lanes: &mut Lanes) {
    lanes[..count].copy_from_slice(&column[start..start + count]);
}

/// A block's results to their place in a column.
#[inline(always)]
pub(crate) fn copy_out(lanes: &Lanes, start: usize, count: usize, column: &mut [f64]) {
    column[start..start + count].copy_from_slice(&lanes[..count]);
}

/// 1 for a call, −1 for a put.
#[inline(always)]
pub(crate) fn copy_signs(column: &[u8], start: usize, count: usize, lanes: &mut Lanes) {
    let sign = |is_call: u8| if is_call != 0 { 1.0 } else { -1.0 };
    if column.len() == 1 {
        lanes.fill(sign(column[0]));
    } else {
        for (lane, is_call) in lanes.iter_mut().zip(&column[start..start + count]) {
            *lane = sign(*is_call);
        }
    }
}

struct FirstOrder<'a, 'b> {
    options: &'a Options<'a>,
    out: &'a mut GreekColumns<'b>,
}

impl Batch for FirstOrder<'_, '_> {
    type Output = Result<(), BatchError>;

    #[inline(always)]
    fn run(self) -> Self::Output {
        let Self { options, out } = self;
        options.check_values()?;
        let mut loader = Loader::new(options);
        let mut signs = [1.0; BLOCK];
        let length = out.price.len();
        for start in (0..length).step_by(BLOCK) {
            let count = (length - start).min(BLOCK);
            copy_signs(options.is_call, start, count, &mut signs);
            loader.load(start, count);
            let block = &mut loader.block;
            block.evaluate(count);
            let place = start..start + count;
            block.shared(SharedColumns {
                gamma: &mut out.gamma[place.clone()],
                vega: &mut out.vega[place.clone()],
                theta: &mut out.theta[place.clone()],
            });
            let side = SideColumns {
                price: &mut out.price[place.clone()],
                delta: &mut out.delta[place.clone()],
                rho: &mut out.rho[place],
            };
            block.side(|lane| signs[lane], side);
        }
        Ok(())
    }
}

struct SecondOrder<'a, 'b> {
    options: &'a Options<'a>,
    out: &'a mut SecondOrderColumns<'b>,
}

impl Batch for SecondOrder<'_, '_> {
    type Output = Result<(), BatchError>;

    #[inline(always)]
    fn run(self) -> Self::Output {
        let Self { options, out } = self;
        options.check_values()?;
        let mut loader = Loader::new(options);
        let length = out.vanna.len();
        for start in (0..length).step_by(BLOCK) {
            let count = (length - start).min(BLOCK);
            loader.load(start, count);
            let place = start..start + count;
            loader.block.second(SecondColumns {
                vanna: &mut out.vanna[place.clone()],
                volga: &mut out.volga[place.clone()],
                charm: &mut out.charm[place.clone()],
                speed: &mut out.speed[place],
            });
        }
        Ok(())
    }
}
