//! Whole surfaces: recovered where the quotes come from one, and free of arbitrage whatever the quotes are.

use pricing::{Contract, black76};
use proptest::prelude::*;
use surface::{ExpiryQuotes, Fate, FittedSurface, Method, Svi, fit};

const FORWARD: f64 = 70_000.0;
const VOGT: Svi = Svi { a: -0.0410, b: 0.1331, rho: 0.3060, m: 0.3586, sigma: 0.4153 };

/// The rows of one expiry.
#[derive(Debug, Clone, Default)]
struct Rows {
    t: f64,
    strike: Vec<f64>,
    is_call: Vec<bool>,
    bid: Vec<f64>,
    ask: Vec<f64>,
    age: Option<Vec<f64>>,
}

impl Rows {
    /// Calls and puts at log-moneyness `ks`, quoted `half` vol on either side of `smile`.
    fn around(smile: &Svi, t: f64, ks: impl Iterator<Item = f64>, half: f64) -> Self {
        let mut rows = Self { t, ..Self::default() };
        for k in ks {
            let vol = (smile.variance(k) / t).sqrt();
            for is_call in [false, true] {
                rows.push(FORWARD * k.exp(), is_call, vol - half, vol + half);
            }
        }
        rows
    }

    fn push(&mut self, strike: f64, is_call: bool, bid: f64, ask: f64) {
        let price = |sigma| black76(&Contract { forward: FORWARD, strike, t: self.t, sigma, is_call }).price;
        self.strike.push(strike);
        self.is_call.push(is_call);
        self.bid.push(price(bid));
        self.ask.push(price(ask));
    }

    fn quotes(&self) -> ExpiryQuotes<'_> {
        ExpiryQuotes {
            forward: FORWARD,
            t: self.t,
            strike: &self.strike,
            is_call: &self.is_call,
            bid: &self.bid,
            ask: &self.ask,
            age: self.age.as_deref(),
            previous: None,
        }
    }
}

fn fit_all(chain: &[Rows]) -> FittedSurface {
    fit(&chain.iter().map(Rows::quotes).collect::<Vec<_>>()).expect("a surface")
}

fn grid(reach: f64, count: i32) -> impl Iterator<Item = f64> {
    (-count..=count).map(move |number| reach * f64::from(number) / f64::from(count))
}

/// Every condition, by formulas written out again, on a dense grid and in the wings.
fn assert_no_arbitrage(surface: &FittedSurface) {
    let longest = surface.slices.last().expect("slices").svi.variance(0.0);
    let reach = (6.0 * longest.sqrt()).clamp(1.5, 30.0);
    let mut before: Option<Svi> = None;
    for slice in &surface.slices {
        let svi = slice.svi;
        let Svi { a, b, rho, m, sigma } = svi;
        assert_eq!(svi.rounded(), Some(svi), "on the fixed point");
        assert!(svi.right() <= 2.0 && svi.left() <= 2.0 && svi.lowest() > 0.0);
        for k in grid(reach, 1_000)
            .chain(grid(0.1 * reach, 1_000))
            .chain(grid(3.0 * sigma, 200).map(|k| (k + m).clamp(-30.0, 30.0)))
        {
            let x = k - m;
            let root = (x * x + sigma * sigma).sqrt();
            let (w, w1, w2) =
                (a + b * (rho * x + root), b * (rho + x / root), b * sigma * sigma / root.powi(3));
            let g = (1.0 - k * w1 / (2.0 * w)).powi(2) - w1 * w1 / 4.0 * (1.0 / w + 0.25) + w2 / 2.0;
            assert!(g >= 0.0, "g {g} at {k} of {slice:?}");
            if let Some(before) = before {
                assert!(w >= before.variance(k), "calendar at {k} of {slice:?} after {before:?}");
            }
        }
        if let Some(before) = before {
            assert!(svi.right() >= before.right() && svi.left() >= before.left());
        }
        before = Some(svi);
    }
}

/// Expiries whose smiles scale with time, as markets' do.
fn market(vol: f64, skew: f64, days: &[f64], half: f64) -> Vec<Rows> {
    let one = |&days: &f64| {
        let t = days / 365.0;
        let (level, deviation) = (vol * vol * t, vol * t.sqrt());
        let slope = 0.25 * deviation;
        let smile = Svi::from_wings(
            0.8 * level,
            slope * (1.0 + skew),
            slope * (1.0 - skew),
            0.2 * deviation,
            deviation,
        );
        Rows::around(&smile, t, grid(2.5 * deviation, 10), half)
    };
    days.iter().map(one).collect()
}

#[test]
fn recovers_the_smiles_that_quotes_come_from() {
    let chain = market(0.6, -0.2, &[1.0, 7.0, 30.0, 90.0, 330.0], 0.005);
    let surface = fit_all(&chain);
    assert_no_arbitrage(&surface);
    for (slice, rows) in surface.slices.iter().zip(&chain) {
        assert_eq!(slice.method, Method::Svi);
        assert_eq!(slice.quotes.len(), 21);
        assert!(slice.fates.iter().all(|fate| *fate == Fate::Used));
        for quote in &slice.quotes {
            let vol = (slice.svi.variance(quote.k) / rows.t).sqrt();
            assert!((vol - quote.mid()).abs() < 0.001, "{vol} {quote:?}");
        }
    }
}

#[test]
fn quotes_of_the_vogt_smile_give_a_slice_without_arbitrage() {
    let surface = fit_all(&[Rows::around(&VOGT, 1.0, grid(1.2, 15), 0.002)]);
    assert_no_arbitrage(&surface);
    let slice = &surface.slices[0];
    assert!(slice.butterfly.value > 0.0);
    // It is that smile wherever that has no arbitrage, within two vol points.
    for quote in slice.quotes.iter().filter(|quote| quote.k.abs() < 0.6) {
        assert!((slice.svi.variance(quote.k).sqrt() - quote.mid()).abs() < 0.02, "{quote:?}");
    }
}

#[test]
fn a_market_with_calendar_arbitrage_gives_a_surface_without() {
    let mut chain = market(0.9, 0.1, &[20.0], 0.01);
    chain.extend(market(0.6, 0.1, &[22.0], 0.01));
    chain.extend(market(0.7, 0.1, &[60.0], 0.01));
    let surface = fit_all(&chain);
    assert_no_arbitrage(&surface);
    let vols: Vec<f64> = surface
        .slices
        .iter()
        .zip(&chain)
        .map(|(slice, rows)| (slice.svi.variance(0.0) / rows.t).sqrt())
        .collect();
    // By themselves the first two are fitted at 0.81 and 0.54.
    assert!(vols[..2].iter().all(|vol| (0.53..0.82).contains(vol)), "{vols:?}");
    assert!((vols[2] - 0.63).abs() < 0.02, "the third has no part in it: {vols:?}");
}

#[test]
fn every_bad_row_has_its_reason() {
    let mut rows = Rows::around(&VOGT.lifted(0.05), 0.5, grid(0.4, 6), 0.01);
    // Row 2n is the put of strike n, 2n + 1 the call; strikes 0 to 5 lie below the forward.
    let mut spoil = |row: usize, bid: f64, ask: f64| (rows.bid[row], rows.ask[row]) = (bid, ask);
    spoil(0, f64::NAN, 0.0);
    spoil(1, 0.0, f64::NAN);
    spoil(2, -1.0, 50.0);
    spoil(4, 900.0, 800.0);
    spoil(5, 0.0, 10.0);
    spoil(6, f64::INFINITY, f64::INFINITY);
    let far_call = 25;
    spoil(far_call, 0.0, 500.0);
    spoil(far_call - 1, 0.0, 0.0);
    let near_call = 23;
    spoil(near_call, 500.0, 0.0);
    spoil(near_call - 1, 0.0, 0.0);
    rows.strike[7] = -5.0;
    rows.push(rows.strike[12], rows.is_call[12], 0.1, 4.0);
    let surface = fit_all(&[rows]);
    let fates = &surface.slices[0].fates;
    let expected = [
        (0, Fate::Empty),
        (1, Fate::Empty),
        (2, Fate::BadQuote),
        (3, Fate::Used),
        (4, Fate::Crossed),
        (5, Fate::BelowIntrinsic),
        (6, Fate::BadQuote),
        (7, Fate::BadStrike),
        (far_call, Fate::NoBid),
        (near_call, Fate::NoAsk),
        (26, Fate::Duplicate),
    ];
    for (row, fate) in expected {
        assert_eq!(fates[row], fate, "row {row}");
    }
    assert_eq!(fates.iter().filter(|fate| **fate == Fate::Used).count(), 15);
}

#[test]
fn call_and_put_of_a_strike_are_one_quote() {
    let mut rows = Rows::around(&VOGT.lifted(0.05), 0.5, grid(0.4, 6), 0.01);
    // The put lacks a bid, and the in-the-money call gives it by parity; another call contradicts its put.
    rows.bid[0] = 0.0;
    rows.bid[3] += 900.0;
    rows.ask[3] += 900.0;
    let slice = &fit_all(std::slice::from_ref(&rows)).slices[0];
    assert_eq!(slice.quotes.len(), 13);
    assert!((slice.quotes[0].ask - slice.quotes[0].bid - 0.02).abs() < 1e-9);
    assert_eq!((slice.fates[0], slice.fates[3]), (Fate::Used, Fate::Disparate));
    // A fresh call is believed rather than an old put.
    rows.age = Some((0..rows.strike.len()).map(|row| if row == 2 { 30.0 } else { 0.0 }).collect());
    let slice = &fit_all(&[rows]).slices[0];
    assert_eq!((slice.fates[2], slice.fates[3]), (Fate::Disparate, Fate::Used));
}

#[test]
fn old_quotes_count_less_and_then_not_at_all() {
    let mut rows = market(0.6, 0.0, &[30.0], 0.005).remove(0);
    let moved = market(0.61, 0.0, &[30.0], 0.005).remove(0);
    let fitted_vol =
        |rows: &Rows| (fit_all(std::slice::from_ref(rows)).slices[0].svi.variance(0.0) / rows.t).sqrt();
    let fresh = fitted_vol(&rows);
    for row in (0..rows.strike.len()).filter(|row| row % 4 < 2) {
        (rows.bid[row], rows.ask[row]) = (moved.bid[row], moved.ask[row]);
    }
    let mut aged = |age: f64| {
        rows.age = Some((0..rows.strike.len()).map(|row| if row % 4 < 2 { age } else { 0.0 }).collect());
        (fitted_vol(&rows), fit_all(std::slice::from_ref(&rows)).slices[0].quotes.len())
    };
    let ((unaged, _), (old, _), (stale, left)) = (aged(0.0), aged(1_800.0), aged(4_000.0));
    assert!(unaged > fresh + 0.003 && old < fresh + 0.001, "{fresh} {old} {unaged}");
    assert!((stale - fresh).abs() < 3e-4 && left == 10, "{stale} {fresh} {left}");
}

#[test]
fn expiries_without_quotes_lie_between_their_neighbours() {
    let mut chain = market(0.6, -0.1, &[5.0, 10.0, 20.0, 30.0, 60.0], 0.005);
    for place in [0, 2, 4] {
        chain[place].bid.fill(0.0);
    }
    let surface = fit_all(&chain);
    assert_no_arbitrage(&surface);
    for (place, slice) in surface.slices.iter().enumerate() {
        let expected = if place % 2 == 0 { Method::Extrapolated } else { Method::Svi };
        assert_eq!(slice.method, expected);
        let vol = (slice.svi.variance(0.0) / chain[place].t).sqrt();
        assert!((vol - 0.5404).abs() < 0.01, "{place}: {vol}");
    }
}

#[test]
fn an_earlier_slice_stands_in_for_quotes() {
    let chain = market(0.6, -0.1, &[10.0, 20.0], 0.005);
    let before = fit_all(&chain);
    let mut quotes: Vec<ExpiryQuotes<'_>> = chain.iter().map(Rows::quotes).collect();
    let nothing = vec![0.0; chain[1].bid.len()];
    quotes[1].bid = &nothing;
    quotes[1].previous = Some(before.slices[1].svi);
    let after = fit(&quotes).expect("a surface");
    assert_no_arbitrage(&after);
    assert_eq!(after.slices[1].method, Method::Previous);
    for k in [-0.2, 0.0, 0.2] {
        let (after, before) = (after.slices[1].svi.variance(k), before.slices[1].svi.variance(k));
        assert!((after / before - 1.0).abs() < 0.01, "{after} {before}");
    }
    quotes[1].previous = Some(Svi { a: f64::NAN, ..VOGT });
    assert_eq!(fit(&quotes).expect("a surface").slices[1].method, Method::Extrapolated);
}

#[test]
fn what_is_no_chain_is_refused() {
    use surface::FitError;
    let rows = market(0.6, 0.0, &[10.0], 0.01).remove(0);
    let good = rows.quotes();
    assert_eq!(fit(&[]), Err(FitError::NoExpiries));
    assert_eq!(fit(&[good, good]), Err(FitError::Time { expiry: 1, t: good.t }));
    for t in [0.0, -1.0, f64::INFINITY] {
        assert_eq!(fit(&[ExpiryQuotes { t, ..good }]), Err(FitError::Time { expiry: 0, t }));
    }
    assert_eq!(
        fit(&[ExpiryQuotes { forward: 0.0, ..good }]),
        Err(FitError::Forward { expiry: 0, forward: 0.0 })
    );
    assert_eq!(fit(&[ExpiryQuotes { bid: &good.bid[1..], ..good }]), Err(FitError::Lengths { expiry: 0 }));
    let nothing = vec![0.0; good.bid.len()];
    assert_eq!(fit(&[ExpiryQuotes { bid: &nothing, ..good }]), Err(FitError::NoQuotes));
}

/// Numbers that a broken feed might send.
fn any_number() -> impl Strategy<Value = f64> {
    prop_oneof![
        6 => 0.0f64..5_000.0,
        2 => 0.0f64..200_000.0,
        1 => prop::sample::select(vec![0.0, -0.0, -1.0, f64::NAN, f64::INFINITY, f64::MIN_POSITIVE, 1e300]),
    ]
}

fn any_rows() -> impl Strategy<Value = (f64, Rows)> {
    let row = (
        prop_oneof![4 => (20.0f64..200.0).prop_map(|k| k.round() * 1_000.0), 1 => any_number()],
        any::<bool>(),
        any_number(),
        any_number(),
        any_number(),
    );
    (-14.0f64..0.5, prop::collection::vec(row, 0..60)).prop_map(|(log_rise, rows)| {
        let mut result = Rows { age: Some(Vec::new()), ..Rows::default() };
        for (strike, is_call, bid, ask, age) in rows {
            result.strike.push(strike);
            result.is_call.push(is_call);
            result.bid.push(bid);
            result.ask.push(ask);
            result.age.get_or_insert_default().push(age);
        }
        (log_rise.exp(), result)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Noise as large as the vol itself, quotes missing, any term structure.
    #[test]
    fn noisy_chains_never_have_arbitrage(
        vols in prop::collection::vec((0.05f64..2.5, -0.8f64..0.8, 0.01f64..1.5), 1..8),
        noise in prop::collection::vec((-0.9f64..0.9, 0.0f64..1.0, 0.001f64..0.4), 160),
        rise in 0.05f64..40.0,
        share in 0.0f64..1.0,
    ) {
        let mut days = 0.0;
        let mut chain = Vec::new();
        let mut errors = noise.iter().cycle();
        for (vol, skew, stretch) in vols {
            days += rise * stretch;
            let clean = market(vol, skew, &[days], 0.0).remove(0);
            let mut rows = Rows { t: clean.t, ..Rows::default() };
            for row in 0..clean.strike.len() {
                let (error, keep, half) = errors.next().expect("endless");
                if *keep > share {
                    let mid = vol * (1.0 + share * error);
                    rows.push(clean.strike[row], clean.is_call[row], (mid - half).max(0.0), mid + half);
                }
            }
            chain.push(rows);
        }
        let quotes: Vec<ExpiryQuotes<'_>> = chain.iter().map(Rows::quotes).collect();
        if let Ok(surface) = fit(&quotes) {
            assert_no_arbitrage(&surface);
        }
    }

    #[test]
    fn garbage_never_panics_and_never_makes_arbitrage(chain in prop::collection::vec(any_rows(), 1..6)) {
        let mut t = 0.0;
        let chain: Vec<Rows> = chain
            .into_iter()
            .map(|(rise, rows)| {
                t += rise;
                Rows { t, ..rows }
            })
            .collect();
        let quotes: Vec<ExpiryQuotes<'_>> = chain.iter().map(Rows::quotes).collect();
        if let Ok(surface) = fit(&quotes) {
            assert_no_arbitrage(&surface);
            for (slice, rows) in surface.slices.iter().zip(&chain) {
                prop_assert_eq!(slice.fates.len(), rows.strike.len());
            }
        }
    }
}
