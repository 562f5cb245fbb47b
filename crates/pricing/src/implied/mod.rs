//! Implied vol: a start good to about half a per cent, and two steps of fourth order.
//!
//! The number of steps is fixed for all but the strangest options, and nothing branches on the numbers, so that a batch
//! runs on vectors and gives the bits of [`implied_vol`]. The method is that of Jäckel's *Let's Be Rational* (2015), on
//! functions of our own; `solver` and `normalised` say how.

mod batch;
mod normalised;
mod rational;
mod solver;

pub use batch::{Quotes, implied_vols_into, implied_vols_into_on};

use thiserror::Error;

use crate::black76::{LEAST_PRICE, MOST_INPUT, MOST_PRICE};
use solver::{ABOVE_BOUND, BELOW_INTRINSIC, Checked, FOUND};

/// What became of one option of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum VolStatus {
    /// Its vol was found.
    Found = 0,
    /// Its price is below the intrinsic value.
    BelowIntrinsic = 1,
    /// No vol gives a price this high.
    AboveBound = 2,
    /// An input is outside its domain.
    BadInput = 3,
}

impl VolStatus {
    #[inline(always)]
    fn of_lane(status: f64) -> Self {
        if status == FOUND {
            Self::Found
        } else if status == BELOW_INTRINSIC {
            Self::BelowIntrinsic
        } else if status == ABOVE_BOUND {
            Self::AboveBound
        } else {
            Self::BadInput
        }
    }
}

/// Why a price has no implied vol.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
pub enum ImpliedVolError {
    /// Price, forward, strike or time is not a number in its domain.
    #[error("{what} is {value}, must be {domain}")]
    Input {
        /// Which input.
        what: &'static str,
        /// Its value.
        value: f64,
        /// What it must be.
        domain: &'static str,
    },
    /// The price is below what the option is worth without vol.
    #[error("price {price} is below the intrinsic value {intrinsic}")]
    BelowIntrinsic {
        /// The price.
        price: f64,
        /// max(±(F − K), 0).
        intrinsic: f64,
    },
    /// No vol gives a price this high.
    #[error("price {price} is not below {bound}, which no vol reaches")]
    AboveBound {
        /// The price.
        price: f64,
        /// The forward for a call, the strike for a put.
        bound: f64,
    },
}

/// The vol at which [`crate::black76()`] gives `price`; 0 when the price is the intrinsic value.
///
/// The bits are those of [`implied_vols_into`].
///
/// # Errors
/// [`ImpliedVolError`] for inputs outside their domain and for prices outside [intrinsic, bound). Never NaN.
pub fn implied_vol(
    price: f64,
    forward: f64,
    strike: f64,
    t: f64,
    is_call: bool,
) -> Result<f64, ImpliedVolError> {
    let checked = Checked::new(price, forward, strike, t, if is_call { 1.0 } else { -1.0 });
    match VolStatus::of_lane(checked.status) {
        VolStatus::Found => Ok(checked.vol()),
        VolStatus::BelowIntrinsic => {
            let difference = if is_call { forward - strike } else { strike - forward };
            Err(ImpliedVolError::BelowIntrinsic { price, intrinsic: difference.max(0.0) })
        }
        VolStatus::AboveBound => {
            Err(ImpliedVolError::AboveBound { price, bound: if is_call { forward } else { strike } })
        }
        VolStatus::BadInput => Err(bad_input(price, forward, strike, t)),
    }
}

/// The first input outside its domain, given that there is one.
fn bad_input(price: f64, forward: f64, strike: f64, t: f64) -> ImpliedVolError {
    let prices = LEAST_PRICE..=MOST_PRICE;
    let (what, value, domain) = if !prices.contains(&forward) {
        ("forward", forward, "between 1e-150 and 1e150")
    } else if !prices.contains(&strike) {
        ("strike", strike, "between 1e-150 and 1e150")
    } else if !(t > 0.0 && t <= MOST_INPUT) {
        ("time to expiry", t, "positive and at most 1e100")
    } else {
        ("price", price, "finite")
    };
    ImpliedVolError::Input { what, value, domain }
}
