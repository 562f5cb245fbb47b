//! A chain of options in the exchange's layout, priced in place.

use std::ops::Range;

use crate::batch::{
    BatchError, PRICE_DOMAIN, SIGMA_DOMAIN, TIME_DOMAIN, check_length, check_range, copy_in, copy_out,
};
use crate::black76::{LEAST_PRICE, MOST_INPUT, MOST_PRICE};
use crate::block::{BLOCK, Block, SharedColumns, SideColumns};
use crate::kernel::Terms;
use crate::path::{Batch, Path};
use thiserror::Error;

/// One expiry of a new chain.
#[derive(Debug, Clone, Copy)]
pub struct ChainExpiry<'a> {
    /// Forward.
    pub forward: f64,
    /// Years of 365 days to expiry.
    pub t: f64,
    /// Strikes, in any order.
    pub strike: &'a [f64],
    /// Implied vols, one per strike or one for all.
    pub sigma: &'a [f64],
}

/// Why an expiry was not taken. The chain is as it was before.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
#[error("expiry {expiry}: {error}")]
pub struct ChainError {
    /// Place of the expiry in the chain.
    pub expiry: usize,
    /// What is wrong with it.
    pub error: BatchError,
}

/// Prices and Greeks of a chain: one value per strike in each column, expiries one after the other.
///
/// Units are those of [`crate::Black76`], and so are the values, bit for bit. The columns never move while the chain
/// lives.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ChainValues {
    /// Price of the call.
    pub call_price: Vec<f64>,
    /// Price of the put.
    pub put_price: Vec<f64>,
    /// Delta of the call.
    pub call_delta: Vec<f64>,
    /// Delta of the put: that of the call less 1, without the cancellation.
    pub put_delta: Vec<f64>,
    /// Gamma of both.
    pub gamma: Vec<f64>,
    /// Vega of both.
    pub vega: Vec<f64>,
    /// Theta of both.
    pub theta: Vec<f64>,
    /// Rho of the call.
    pub call_rho: Vec<f64>,
    /// Rho of the put.
    pub put_rho: Vec<f64>,
}

impl ChainValues {
    fn new(strikes: usize) -> Self {
        let column = || vec![0.0; strikes];
        Self {
            call_price: column(),
            put_price: column(),
            call_delta: column(),
            put_delta: column(),
            gamma: column(),
            vega: column(),
            theta: column(),
            call_rho: column(),
            put_rho: column(),
        }
    }
}

/// How much of an expiry has to be computed again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stale {
    Nothing,
    /// Time or vols changed: all but ln(F/K).
    Values,
    /// The forward changed.
    All,
}

#[derive(Debug, Clone)]
struct Expiry {
    forward: f64,
    t: f64,
    terms: Terms,
    strikes: Range<usize>,
    stale: Stale,
}

/// A chain of calls and puts in the exchange's layout: an expiry holds its forward, √T and the factors that follow from
/// them once, a strike holds ln(F/K), and one evaluation prices the call and the put.
///
/// Changes mark their expiry; [`Chain::reprice`] computes again what they touched and nothing else.
///
/// ```
/// use pricing::{Chain, ChainExpiry};
///
/// let strikes = [60_000.0, 70_000.0, 80_000.0];
/// let front = ChainExpiry { forward: 70_000.0, t: 7.0 / 365.0, strike: &strikes, sigma: &[0.6] };
/// let mut chain = Chain::new(&[front]).expect("in the domain");
/// let before = chain.values().call_price[1];
/// chain.set_forward(0, 71_000.0).expect("in the domain");
/// assert_eq!(chain.reprice(), 3);
/// assert!(chain.values().call_price[1] > before);
/// ```
///
/// A strike keeps ln(F/K) and not ln K, because ln F − ln K cancels near the money: one rounding of a logarithm near 11
/// is 9e-16, which for an option of a minute at 1 % vol is 6e-11 of a deviation. ln(F/K) from (F − K)/(F + K) errs by two
/// units in its own last place.
#[derive(Debug, Clone)]
pub struct Chain {
    expiries: Vec<Expiry>,
    strike: Vec<f64>,
    sigma: Vec<f64>,
    log_moneyness: Vec<f64>,
    values: ChainValues,
}

impl Chain {
    /// A chain of these expiries, priced.
    ///
    /// # Errors
    /// [`ChainError`] for a value outside its range, or vols that do not match the strikes.
    pub fn new(expiries: &[ChainExpiry<'_>]) -> Result<Self, ChainError> {
        let mut chain = Self {
            expiries: Vec::with_capacity(expiries.len()),
            strike: Vec::new(),
            sigma: Vec::new(),
            log_moneyness: Vec::new(),
            values: ChainValues::default(),
        };
        for (expiry, given) in expiries.iter().enumerate() {
            chain.push(given).map_err(|error| ChainError { expiry, error })?;
        }
        chain.log_moneyness = vec![0.0; chain.strike.len()];
        chain.values = ChainValues::new(chain.strike.len());
        chain.reprice();
        Ok(chain)
    }

    fn push(&mut self, given: &ChainExpiry<'_>) -> Result<(), BatchError> {
        let ChainExpiry { forward, t, strike, sigma } = *given;
        check_forward(forward)?;
        check_time(t)?;
        check_range("strike", strike, LEAST_PRICE..=MOST_PRICE, PRICE_DOMAIN)?;
        check_sigma(sigma, strike.len())?;
        let strikes = self.strike.len()..self.strike.len() + strike.len();
        self.strike.extend_from_slice(strike);
        self.sigma.resize(strikes.end, 0.0);
        spread(sigma, &mut self.sigma[strikes.clone()]);
        self.expiries.push(Expiry { forward, t, terms: Terms::new(forward, t), strikes, stale: Stale::All });
        Ok(())
    }

    /// How many expiries it has.
    #[must_use]
    pub fn expiries(&self) -> usize {
        self.expiries.len()
    }

    /// Places of an expiry's strikes in the columns.
    ///
    /// # Panics
    /// When there is no such expiry.
    #[must_use]
    pub fn strikes_of(&self, expiry: usize) -> Range<usize> {
        self.expiries[expiry].strikes.clone()
    }

    /// Forward of an expiry.
    ///
    /// # Panics
    /// When there is no such expiry.
    #[must_use]
    pub fn forward(&self, expiry: usize) -> f64 {
        self.expiries[expiry].forward
    }

    /// Years to an expiry.
    ///
    /// # Panics
    /// When there is no such expiry.
    #[must_use]
    pub fn t(&self, expiry: usize) -> f64 {
        self.expiries[expiry].t
    }

    /// Strikes, expiries one after the other.
    #[must_use]
    pub fn strike(&self) -> &[f64] {
        &self.strike
    }

    /// Vols, one per strike.
    #[must_use]
    pub fn sigma(&self) -> &[f64] {
        &self.sigma
    }

    /// Prices and Greeks as of the last [`Chain::reprice`].
    #[must_use]
    pub fn values(&self) -> &ChainValues {
        &self.values
    }

    /// Sets the forward of an expiry.
    ///
    /// # Errors
    /// [`ChainError`] when it is outside its range.
    ///
    /// # Panics
    /// When there is no such expiry.
    pub fn set_forward(&mut self, expiry: usize, forward: f64) -> Result<(), ChainError> {
        check_forward(forward).map_err(|error| ChainError { expiry, error })?;
        let held = &mut self.expiries[expiry];
        if held.forward != forward {
            held.forward = forward;
            held.terms = Terms::new(forward, held.t);
            held.stale = Stale::All;
        }
        Ok(())
    }

    /// Sets the years to an expiry.
    ///
    /// # Errors
    /// [`ChainError`] when they are outside their range.
    ///
    /// # Panics
    /// When there is no such expiry.
    pub fn set_t(&mut self, expiry: usize, t: f64) -> Result<(), ChainError> {
        check_time(t).map_err(|error| ChainError { expiry, error })?;
        let held = &mut self.expiries[expiry];
        if held.t != t {
            held.t = t;
            held.terms = Terms::new(held.forward, t);
            held.stale = held.stale.max(Stale::Values);
        }
        Ok(())
    }

    /// Sets the vols of an expiry: one per strike, or one for all.
    ///
    /// # Errors
    /// [`ChainError`] when one is outside its range, or their number is wrong.
    ///
    /// # Panics
    /// When there is no such expiry.
    pub fn set_sigma(&mut self, expiry: usize, sigma: &[f64]) -> Result<(), ChainError> {
        let held = &mut self.expiries[expiry];
        check_sigma(sigma, held.strikes.len()).map_err(|error| ChainError { expiry, error })?;
        spread(sigma, &mut self.sigma[held.strikes.clone()]);
        held.stale = held.stale.max(Stale::Values);
        Ok(())
    }

    /// Prices again what the changes since the last call touched; returns how many strikes that were.
    pub fn reprice(&mut self) -> usize {
        self.reprice_on(Path::best())
    }

    /// [`Chain::reprice`] on a given path.
    ///
    /// # Panics
    /// When this machine lacks the path.
    pub fn reprice_on(&mut self, path: Path) -> usize {
        path.run(Reprice(self))
    }
}

fn check_forward(forward: f64) -> Result<(), BatchError> {
    check_range("forward", &[forward], LEAST_PRICE..=MOST_PRICE, PRICE_DOMAIN)
}

fn check_time(t: f64) -> Result<(), BatchError> {
    check_range("t", &[t], -MOST_INPUT..=MOST_INPUT, TIME_DOMAIN)
}

fn check_sigma(sigma: &[f64], strikes: usize) -> Result<(), BatchError> {
    check_length("sigma", sigma.len(), strikes, true)?;
    check_range("sigma", sigma, 0.0..=MOST_INPUT, SIGMA_DOMAIN)
}

/// Copies a column, or one value for all.
fn spread(values: &[f64], column: &mut [f64]) {
    match values {
        [value] => column.fill(*value),
        values => column.copy_from_slice(values),
    }
}

struct Reprice<'a>(&'a mut Chain);

impl Batch for Reprice<'_> {
    type Output = usize;

    #[inline(always)]
    fn run(self) -> usize {
        let Chain { expiries, strike, sigma, log_moneyness, values } = self.0;
        let mut block = Block::new();
        let mut repriced = 0;
        // Neighbours that are stale alike share blocks, so that short expiries do not leave lanes empty.
        for run in expiries.chunk_by_mut(|one, next| one.stale == next.stale) {
            let stale = run[0].stale;
            if stale == Stale::Nothing {
                continue;
            }
            let strikes = run[0].strikes.start..run[run.len() - 1].strikes.end;
            for start in strikes.clone().step_by(BLOCK) {
                let count = (strikes.end - start).min(BLOCK);
                for expiry in run.iter() {
                    let lanes = expiry.strikes.start.max(start)..expiry.strikes.end.min(start + count);
                    if !lanes.is_empty() {
                        block.set_expiry(
                            lanes.start - start..lanes.end - start,
                            expiry.forward,
                            &expiry.terms,
                        );
                    }
                }
                copy_in(strike, start, count, &mut block.strike);
                copy_in(sigma, start, count, &mut block.sigma);
                if stale == Stale::All {
                    block.log_moneyness(count);
                    copy_out(&block.log_moneyness, start, count, log_moneyness);
                } else {
                    copy_in(log_moneyness, start, count, &mut block.log_moneyness);
                }
                block.locate(count);
                block.evaluate(count);
                let place = start..start + count;
                block.shared(SharedColumns {
                    gamma: &mut values.gamma[place.clone()],
                    vega: &mut values.vega[place.clone()],
                    theta: &mut values.theta[place.clone()],
                });
                let call = SideColumns {
                    price: &mut values.call_price[place.clone()],
                    delta: &mut values.call_delta[place.clone()],
                    rho: &mut values.call_rho[place.clone()],
                };
                block.side(|_| 1.0, call);
                let put = SideColumns {
                    price: &mut values.put_price[place.clone()],
                    delta: &mut values.put_delta[place.clone()],
                    rho: &mut values.put_rho[place],
                };
                block.side(|_| -1.0, put);
            }
            repriced += strikes.len();
            run.iter_mut().for_each(|expiry| expiry.stale = Stale::Nothing);
        }
        repriced
    }
}
