//! The whole surface: quotes in, checked slices out.

use crate::arbitrage::{Extreme, butterfly, calendar};
use crate::essvi::{self, Essvi, Sample};
use crate::quotes::{Cleaned, Fate, VolQuote, clean};
use crate::slice::{Ceiling, LEAST_GAP, LEAST_VARIANCE, Target, Task, fit_freely, fit_soundly, is_sound};
use crate::svi::Svi;
use thiserror::Error;

/// Quotes from which a slice of five parameters is fitted; with fewer it follows the eSSVI surface.
pub const QUOTES_MIN: usize = 5;

/// The rows of one expiry: columns of one length, in any order.
#[derive(Debug, Clone, Copy)]
pub struct ExpiryQuotes<'a> {
    /// Forward of the expiry.
    pub forward: f64,
    /// Years of 365 days to expiry.
    pub t: f64,
    /// Strikes, in the currency of the forward, like all prices here.
    pub strike: &'a [f64],
    /// Call or put.
    pub is_call: &'a [bool],
    /// Best bid per unit of the underlying; 0 or NaN where there is none.
    pub bid: &'a [f64],
    /// Best ask.
    pub ask: &'a [f64],
    /// Seconds since each quote was known to be good; `None`: all are fresh.
    pub age: Option<&'a [f64]>,
    /// The slice of an earlier fit, aged to `t`: stands in for quotes where there are too few. Ignored if it is no slice.
    pub previous: Option<Svi>,
}

/// Why there is no surface.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
pub enum FitError {
    /// No expiry at all.
    #[error("there are no expiries")]
    NoExpiries,
    /// A forward is not a positive number.
    #[error("expiry {expiry}: the forward is {forward}, must be positive")]
    Forward {
        /// Place of the expiry.
        expiry: usize,
        /// The forward.
        forward: f64,
    },
    /// Times do not rise, or are no numbers above zero.
    #[error("expiry {expiry}: time {t} must be positive and later than that of the expiry before")]
    Time {
        /// Place of the expiry.
        expiry: usize,
        /// Its time in years.
        t: f64,
    },
    /// Columns of one expiry differ in length.
    #[error("expiry {expiry}: columns differ in length")]
    Lengths {
        /// Place of the expiry.
        expiry: usize,
    },
    /// No row of any expiry is a sound two-sided quote.
    #[error("no expiry has a sound two-sided quote")]
    NoQuotes,
}

/// How a slice came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Method {
    /// Raw SVI fitted to the slice's quotes under all conditions.
    Svi = 0,
    /// Raw SVI moved from its fit back towards a slice that is known to be sound, because the fit had arbitrage.
    Blended = 1,
    /// Too few quotes for five parameters: the shape of the eSSVI surface, its level from the quotes.
    Essvi = 2,
    /// No quotes: the eSSVI surface between or beyond the expiries that have some.
    Extrapolated = 3,
    /// Too few quotes, together with the slice of an earlier fit.
    Previous = 4,
}

/// One slice and what is known about it.
#[derive(Debug, Clone, PartialEq)]
pub struct FittedSlice {
    /// The slice, exactly as the wire rounds it.
    pub svi: Svi,
    /// How it came about.
    pub method: Method,
    /// Its slice of the eSSVI surface.
    pub essvi: Essvi,
    /// Lowest Durrleman g.
    pub butterfly: Extreme,
    /// Lowest excess of total variance over the slice before; `None` for the first.
    pub calendar: Option<Extreme>,
    /// The quotes it was fitted to.
    pub quotes: Vec<VolQuote>,
    /// The fate of every row, in the order given.
    pub fates: Vec<Fate>,
}

/// Slices in the order of the expiries.
#[derive(Debug, Clone, PartialEq)]
pub struct FittedSurface {
    /// One per expiry.
    pub slices: Vec<FittedSlice>,
}

/// Fits a surface to a chain; expiries ascend by time.
///
/// # Errors
/// [`FitError`]; never for a bad row, which is dropped with its reason in [`FittedSlice::fates`].
pub fn fit(expiries: &[ExpiryQuotes<'_>]) -> Result<FittedSurface, FitError> {
    validate(expiries)?;
    let cleaned: Vec<Cleaned> = expiries.iter().map(clean).collect();
    let targets: Vec<Vec<Target>> =
        expiries.iter().zip(&cleaned).map(|(expiry, cleaned)| targets(expiry, &cleaned.quotes)).collect();
    let samples: Vec<Sample<'_>> = expiries
        .iter()
        .zip(&targets)
        .map(|(expiry, targets)| Sample { t: expiry.t, targets, level: level(targets) })
        .collect();
    let anchors = essvi::fit(&samples).ok_or(FitError::NoQuotes)?;
    let found = Calibration::new(&samples, &anchors).run();
    let mut slices: Vec<FittedSlice> = Vec::with_capacity(expiries.len());
    for (((svi, method), essvi), cleaned) in found.into_iter().zip(anchors).zip(cleaned) {
        let calendar = slices.last().map(|before: &FittedSlice| calendar(&before.svi, &svi));
        let Cleaned { quotes, fates } = cleaned;
        let stands_in = method == Method::Svi && quotes.len() < QUOTES_MIN;
        let method = if stands_in { Method::Previous } else { method };
        slices.push(FittedSlice { svi, method, essvi, butterfly: butterfly(&svi), calendar, quotes, fates });
    }
    Ok(FittedSurface { slices })
}

fn validate(expiries: &[ExpiryQuotes<'_>]) -> Result<(), FitError> {
    if expiries.is_empty() {
        return Err(FitError::NoExpiries);
    }
    let mut before = 0.0;
    for (index, expiry) in expiries.iter().enumerate() {
        let ExpiryQuotes { forward, t, .. } = *expiry;
        if !(forward > 1e-100 && forward < 1e100) {
            return Err(FitError::Forward { expiry: index, forward });
        }
        if !(t > before && t < 100.0) {
            return Err(FitError::Time { expiry: index, t });
        }
        let rows = expiry.strike.len();
        let columns =
            [expiry.is_call.len(), expiry.bid.len(), expiry.ask.len(), expiry.age.map_or(rows, <[f64]>::len)];
        if columns.iter().any(|&length| length != rows) {
            return Err(FitError::Lengths { expiry: index });
        }
        before = t;
    }
    Ok(())
}

/// The quotes as targets; where they are too few, with points of the slice of an earlier fit.
fn targets(expiry: &ExpiryQuotes<'_>, quotes: &[VolQuote]) -> Vec<Target> {
    let mut targets: Vec<Target> = quotes.iter().map(|quote| Target::of(quote, expiry.t)).collect();
    let previous = expiry.previous.filter(|slice| slice.rounded().is_some() && slice.lowest() > 0.0);
    if let Some(previous) = previous.filter(|_| quotes.len() < QUOTES_MIN) {
        targets.extend(targets_on(&previous));
        targets.sort_by(|left, right| left.k.total_cmp(&right.k));
    }
    targets
}

/// Total variance at the money, between the nearest quotes on both sides; 0 without quotes.
fn level(targets: &[Target]) -> f64 {
    let above = targets.partition_point(|target| target.k < 0.0);
    match (above.checked_sub(1).map(|below| targets[below]), targets.get(above)) {
        (Some(below), Some(above)) => {
            below.variance + (above.variance - below.variance) * -below.k / (above.k - below.k)
        }
        (Some(only), None) => only.variance,
        (None, Some(only)) => only.variance,
        (None, None) => 0.0,
    }
}

/// The passes over all slices.
struct Calibration<'a> {
    samples: &'a [Sample<'a>],
    anchors: &'a [Essvi],
}

impl<'a> Calibration<'a> {
    fn new(samples: &'a [Sample<'a>], anchors: &'a [Essvi]) -> Self {
        Self { samples, anchors }
    }

    fn task(&self, index: usize, start: Svi) -> Task<'a> {
        let Sample { targets, .. } = self.samples[index];
        let (level, anchor) = (self.anchors[index].theta, self.anchors[index].svi());
        Task { targets, level, floor: None, ceilings: &[], start, anchor }
    }

    /// Every slice by itself, then each above the one before.
    fn run(&self) -> Vec<(Svi, Method)> {
        let free: Vec<Option<Ceiling>> = (0..self.samples.len()).map(|index| self.free(index)).collect();
        let mut slices: Vec<(Svi, Method)> = Vec::with_capacity(self.samples.len());
        for index in 0..self.samples.len() {
            let before = slices.last().map(|(slice, _)| *slice);
            let ceilings: Vec<Ceiling> = free[index + 1..].iter().flatten().copied().collect();
            slices.push(self.place(index, free[index].map(|own| own.slice), before, &ceilings));
        }
        slices
    }

    /// A slice with quotes enough, fitted without regard to the others.
    fn free(&self, index: usize) -> Option<Ceiling> {
        let targets = self.samples[index].targets;
        (targets.len() >= QUOTES_MIN).then(|| Ceiling {
            slice: fit_freely(&self.task(index, self.anchors[index].svi())),
            quoted: (targets[0].k, targets[targets.len() - 1].k),
            tolerance: median(targets.iter().map(|target| target.tolerance / target.variance)),
        })
    }

    fn place(
        &self,
        index: usize,
        own: Option<Svi>,
        before: Option<Svi>,
        ceilings: &[Ceiling],
    ) -> (Svi, Method) {
        let anchor = self.anchors[index].svi();
        let has_quotes = !self.samples[index].targets.is_empty();
        let shape;
        let (targets, start, method) = match own {
            Some(start) => (self.samples[index].targets, start, Method::Svi),
            None => {
                shape = targets_on(&anchor);
                let method = if has_quotes { Method::Essvi } else { Method::Extrapolated };
                (shape.as_slice(), anchor, method)
            }
        };
        let task = Task { targets, floor: before.as_ref(), ceilings, ..self.task(index, start) };
        let (slice, is_fit) = fit_soundly(&task, || base(&anchor, before.as_ref()));
        (slice, if is_fit { method } else { Method::Blended })
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

/// Points of a slice within two and a half deviations, as targets for the fit of one that has no quotes.
fn targets_on(slice: &Svi) -> Vec<Target> {
    let deviation = slice.variance(0.0).sqrt();
    (-5..=5)
        .map(|number| {
            let k = f64::from(number) * deviation / 2.0;
            let variance = slice.variance(k);
            Target { k, variance, tolerance: 0.02 * variance, weight: 1.0 }
        })
        .collect()
}

/// A sound slice to fall back to: the anchor where it lies above the slice before, else that one, lifted as far towards
/// the anchor's level as stays sound.
fn base(anchor: &Svi, before: Option<&Svi>) -> Svi {
    if let Some(rounded) = anchor.rounded()
        && is_sound(&rounded, before)
    {
        return rounded;
    }
    let Some(before) = before else { return flat(anchor.variance(0.0)) };
    let mut lift = (anchor.variance(0.0) - before.variance(0.0)).max(0.0) + 4.0 * LEAST_GAP;
    while lift > 4.0 * LEAST_GAP {
        if let Some(lifted) = before.lifted(lift).rounded()
            && is_sound(&lifted, Some(before))
        {
            return lifted;
        }
        lift /= 2.0;
    }
    before.lifted(4.0 * LEAST_GAP).rounded().expect("a slice of the wire, a few units higher")
}

/// A slice that is as good as flat, at `variance` or the least that there may be.
fn flat(variance: f64) -> Svi {
    const WING: f64 = 1e-6;
    let slice = Svi::from_wings(variance.max(2.0 * LEAST_VARIANCE), WING, WING, 0.0, 0.1);
    slice.rounded().expect("inside the domain of the wire")
}
