//! What pricing makes of a mark's inputs for the lines of a chain: Greeks of marks, vols of best prices.

use super::row::{MICRO, MarkValues, Quote, QuotedVols, Row, Terms};
use pricing::round::round_half_even;
use pricing::{
    Black76, Contract, GreekColumns, Options, Quotes, black76_into, discounted, implied_vols_into, math,
    settlement_share, year_fraction,
};
use protocol::{InstrumentMark, MarkInputs, Nanos};

/// 1e-9 fixed point, as a divisor.
const NANO: f64 = 1e9;
/// Gammas are shown in 1e-12.
const GAMMA: f64 = 1e12;
/// Vols of best prices are shown in 0.01 %.
const QUOTED_VOL: f64 = 1e4;

/// What options of one expiry are priced on.
#[derive(Debug, Clone, Copy)]
struct Series {
    expiry: Nanos,
    forward: f64,
    t: f64,
    rate: f64,
    /// Share of the settlement window that is left, 1 before it.
    share: f64,
}

/// The series of a mark, ascending by expiry.
#[derive(Debug, Clone, Default)]
pub(super) struct Valuation(Vec<Series>);

/// Options as columns: all that are covered by a mark.
#[derive(Default)]
struct Columns {
    /// Place among the lines.
    place: Vec<usize>,
    rate: Vec<f64>,
    share: Vec<f64>,
    forward: Vec<f64>,
    strike: Vec<f64>,
    t: Vec<f64>,
    is_call: Vec<u8>,
}

impl Columns {
    fn push(&mut self, place: usize, terms: &Terms, series: &Series) {
        self.place.push(place);
        self.rate.push(series.rate);
        self.share.push(series.share);
        self.forward.push(series.forward);
        self.strike.push(terms.strike);
        self.t.push(series.t);
        self.is_call.push(u8::from(terms.is_call));
    }

    fn contract(&self, at: usize, sigma: f64) -> Contract {
        let (forward, strike, t) = (self.forward[at], self.strike[at], self.t[at]);
        Contract { forward, strike, t, sigma, is_call: self.is_call[at] != 0 }
    }

    /// What a discounted price grows to by its expiry.
    fn growth(&self, at: usize) -> f64 {
        if self.rate[at] == 0.0 { 1.0 } else { math::exp(self.rate[at] * self.t[at]) }
    }
}

impl Valuation {
    pub(super) fn of(inputs: &MarkInputs) -> Self {
        let series = inputs.expiries.iter().map(|series| Series {
            expiry: series.expiry,
            forward: series.forward as f64 / NANO,
            t: year_fraction(inputs.time, series.expiry),
            rate: series.rate as f64 / NANO,
            share: settlement_share(inputs.time, series.expiry),
        });
        Self(series.collect())
    }

    fn series(&self, expiry: Nanos) -> Option<&Series> {
        self.0.binary_search_by_key(&expiry, |series| series.expiry).ok().map(|at| &self.0[at])
    }

    fn columns<'a>(&self, rows: impl Iterator<Item = &'a Row>) -> Columns {
        let mut columns = Columns::default();
        for (place, row) in rows.enumerate() {
            let Some(terms) = &row.terms else { continue };
            if let Some(series) = self.series(terms.expiry) {
                columns.push(place, terms, series);
            }
        }
        columns
    }

    /// Each line's mark (`None`: it stays what it is) with the Greeks that it lacks, at its own vol. Of a perpetual and
    /// of an expiry that is not covered there are none.
    pub(super) fn marks(&self, rows: &[Row], marks: &[Option<&InstrumentMark>]) -> Vec<MarkValues> {
        let mut values: Vec<MarkValues> = rows
            .iter()
            .zip(marks)
            .map(|(row, mark)| {
                mark.map_or(row.mark.value, |&InstrumentMark { mark, iv, delta, vega, .. }| MarkValues {
                    mark,
                    iv,
                    delta,
                    vega,
                    ..MarkValues::default()
                })
            })
            .collect();
        let columns = self.columns(rows.iter());
        let sigma: Vec<f64> = columns.place.iter().map(|&place| values[place].iv as f64 / NANO).collect();
        let column = || vec![0.0; sigma.len()];
        let [mut price, mut delta, mut gamma, mut vega, mut theta, mut rho] =
            std::array::from_fn(|_| column());
        let mut out = GreekColumns {
            price: &mut price,
            delta: &mut delta,
            gamma: &mut gamma,
            vega: &mut vega,
            theta: &mut theta,
            rho: &mut rho,
        };
        let Columns { forward, strike, t, is_call, .. } = &columns;
        // a chain that pricing refuses is shown without the Greeks that its marks do not carry
        if black76_into(&Options { forward, strike, t, sigma: &sigma, is_call }, &mut out).is_err() {
            return values;
        }
        let shown = |value: f64| round_half_even(value).unwrap_or(0);
        for (at, &place) in columns.place.iter().enumerate() {
            let Black76 { gamma, theta, rho, .. } = match columns.rate[at] {
                0.0 => Black76 { gamma: gamma[at], theta: theta[at], rho: rho[at], ..Black76::default() },
                rate => discounted(&columns.contract(at, sigma[at]), rate),
            };
            let value = &mut values[place];
            // the forward moves by that share of the index, and delta is that share of the formula's
            value.gamma = shown(gamma * columns.share[at] * columns.share[at] * GAMMA);
            value.theta = shown(theta * MICRO);
            value.rho = shown(rho * MICRO);
        }
        values
    }

    /// Vols of the best prices of lines.
    pub(super) fn quoted<'a>(
        &self,
        lines: impl Iterator<Item = (&'a Row, &'a Quote)> + Clone,
    ) -> Vec<QuotedVols> {
        let columns = self.columns(lines.clone().map(|(row, _)| row));
        let quotes: Vec<&Quote> = lines.map(|(_, quote)| quote).collect();
        let mut values = vec![QuotedVols::default(); quotes.len()];
        let mut side = |price: fn(&Quote) -> i64, put: fn(&mut QuotedVols, i64)| {
            let places = columns.place.iter().enumerate();
            let price: Vec<f64> =
                places.map(|(at, &place)| price(quotes[place]) as f64 / MICRO * columns.growth(at)).collect();
            let Columns { forward, strike, t, is_call, .. } = &columns;
            let quoted = Quotes { price: &price, forward, strike, t, is_call };
            let (mut vols, mut status) = (vec![0.0; price.len()], vec![0; price.len()]);
            implied_vols_into(&quoted, &mut vols, &mut status).expect("the columns have one length");
            for (&place, vol) in columns.place.iter().zip(vols) {
                put(&mut values[place], round_half_even(vol * QUOTED_VOL).unwrap_or(0));
            }
        };
        side(|quote| quote.bid, |vols, vol| vols.bid = vol);
        side(|quote| quote.ask, |vols, vol| vols.ask = vol);
        values
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::row::Stamped;
    use pricing::{black76, implied_vol};
    use protocol::{ExpiryInputs, NANO_ONE, SETTLEMENT_WINDOW_NS, SviSlice};

    const DAY: u64 = 86_400_000_000_000;
    const NOW: u64 = 1_770_336_000_000_000_000;

    fn inputs(expiry: Nanos, rate: i64) -> MarkInputs {
        let smile = SviSlice { a: 1_000_000, b: 0, rho: 0, m: 0, sigma: 1 };
        MarkInputs {
            underlying: 1,
            time: NOW,
            index: 70_000 * NANO_ONE,
            confidence: 0,
            sources: 3,
            perpetual_mark: 70_000 * NANO_ONE,
            funding_rate: 0,
            expiries: vec![ExpiryInputs { expiry, forward: 70_000 * NANO_ONE, rate, smile }],
        }
    }

    fn call(instrument: u32, expiry: Nanos) -> Row {
        Row {
            instrument,
            mark: Stamped::default(),
            quote: Stamped::default(),
            vols: Stamped::default(),
            listed: 1,
            terms: Some(Terms { strike: 71_000.0, is_call: true, expiry }),
        }
    }

    fn mark(instrument: u32) -> InstrumentMark {
        InstrumentMark { instrument, mark: 1, iv: 600_000_000, delta: 2, vega: 3, risk: None }
    }

    fn values(expiry: Nanos, rate: i64) -> MarkValues {
        let (rows, mark) = ([call(1, expiry)], mark(1));
        Valuation::of(&inputs(expiry, rate)).marks(&rows, &[Some(&mark)])[0]
    }

    #[test]
    fn greeks_are_those_of_pricing_at_the_marks_vol() {
        let expiry = NOW + 30 * DAY;
        let t = year_fraction(NOW, expiry);
        let contract = Contract { forward: 70_000.0, strike: 71_000.0, t, sigma: 0.6, is_call: true };
        for rate in [0, 50_000_000] {
            let expected = discounted(&contract, rate as f64 / 1e9);
            let found = values(expiry, rate);
            assert_eq!((found.mark, found.iv, found.delta, found.vega), (1, 600_000_000, 2, 3), "as marked");
            assert!((found.gamma as f64 / 1e12 - expected.gamma).abs() <= 1e-12);
            assert!((found.theta as f64 / 1e6 - expected.theta).abs() <= 1e-6);
            assert!((found.rho as f64 / 1e6 - expected.rho).abs() <= 1e-6);
        }
    }

    #[test]
    fn gamma_fades_inside_the_settlement_window() {
        let whole = values(NOW + SETTLEMENT_WINDOW_NS, 0).gamma;
        let contract = |left: u64| Contract {
            forward: 70_000.0,
            strike: 71_000.0,
            t: year_fraction(0, left),
            sigma: 0.6,
            is_call: true,
        };
        assert!((whole as f64 / 1e12 - black76(&contract(SETTLEMENT_WINDOW_NS)).gamma).abs() <= 1e-12);
        let half = values(NOW + SETTLEMENT_WINDOW_NS / 2, 0).gamma;
        let formula = black76(&contract(SETTLEMENT_WINDOW_NS / 2)).gamma;
        assert!((half as f64 / 1e12 - formula / 4.0).abs() <= 1e-12);
    }

    #[test]
    fn lines_that_a_mark_does_not_cover_stay_as_they_are() {
        let mut old = call(1, NOW - DAY);
        old.mark.value = MarkValues { mark: 5, gamma: 7, ..MarkValues::default() };
        let rows = [old.clone(), call(2, NOW + DAY)];
        let mark = mark(2);
        let found = Valuation::of(&inputs(NOW + DAY, 0)).marks(&rows, &[None, Some(&mark)]);
        assert_eq!(found[0], old.mark.value);
        assert_ne!(found[1].gamma, 0);
        let nothing: [Row; 0] = [];
        assert!(Valuation::default().marks(&nothing, &[]).is_empty());
    }

    #[test]
    fn vols_of_quotes_are_solved_on_the_grown_price() {
        let expiry = NOW + 30 * DAY;
        let t = year_fraction(NOW, expiry);
        let row = call(1, expiry);
        let quote = Quote { bid: 4_000_000_000, ask: 80_000_000_000, ..Quote::default() };
        for rate in [0, 50_000_000] {
            let found = Valuation::of(&inputs(expiry, rate)).quoted(std::iter::once((&row, &quote)))[0];
            let grown = 4_000.0 * (rate as f64 / 1e9 * t).exp();
            let expected = implied_vol(grown, 70_000.0, 71_000.0, t, true).expect("a vol gives it");
            assert!((found.bid as f64 - expected * 1e4).abs() <= 0.5 + 1e-6);
            assert_eq!(found.ask, 0, "no vol makes a call dearer than its forward");
        }
    }
}
