//! The whole account: add-ons by their formulas, fills never require more, underlyings combined, collateral.

#![allow(clippy::unwrap_used)]

mod support;

use margin::{
    CollateralHolding, CollateralLine, Equity, Exposure, OpenLots, Part, PnlOffset, Portfolio, Stage, Sums,
    UnderlyingMargin, combine,
};
use protocol::{CONTRACT, CollateralTerms, GAPS, LANES, NANO_ONE, RiskArray};
use support::{EXPIRIES, Instrument, Random, exposure, underlying};

const OFFSET: PnlOffset = PnlOffset { share: 600_000_000, cap: 300_000_000 };
const ASIDE: PnlOffset = PnlOffset { share: 0, cap: 0 };

/// A perpetual: P&L of one lot of 0.01 contracts at 100,000 USD, in units of 100 micro-USDC.
fn perpetual() -> Instrument {
    let at = |share: i64| (100_000_000_000 / 100 * share / NANO_ONE / 100) as i32;
    let mut lanes = [0; LANES];
    for (lane, value) in lanes.iter_mut().enumerate() {
        *value = match lane {
            0..51 => at((lane as i64 % 17 - 8) * 20_000_000),
            51 | 52 | 63 => at(-160_000_000),
            53..59 => at(160_000_000),
            _ => 0,
        };
    }
    let risk = RiskArray { lanes, gaps: [0; GAPS] };
    Instrument { expiry: 0, strike: 0, mark: 100_000_000_000, delta: NANO_ONE, vega: 0, risk }
}

fn of(exposures: &[(&Instrument, Exposure)]) -> Sums {
    let mut sums = Sums::new();
    exposures.iter().for_each(|(instrument, exposure)| sums.add(&instrument.view(), exposure).unwrap());
    sums
}

fn evaluate(sums: &Sums, stage: Stage) -> UnderlyingMargin {
    sums.evaluate(&underlying(1), stage, 0).unwrap()
}

#[test]
fn add_ons_follow_their_formulas() {
    // 10 contracts of one strike, short; delta 0.4 each, vega 60 USDC per point; half a day left, and 30 days.
    let option = |expiry, strike| {
        let risk = RiskArray { lanes: [0; LANES], gaps: [0; GAPS] };
        Instrument { expiry, strike, mark: 1, delta: 400_000_000, vega: 60_000_000, risk }
    };
    let (front, back) = (option(EXPIRIES[0], 90), option(EXPIRIES[1], 90));
    let margin =
        evaluate(&of(&[(&front, Exposure::of(-1_000)), (&back, Exposure::of(-1_000))]), Stage::Positions);
    let dollars = |amount: i64| amount as f64 / 1e6;
    // Forwards are 100,000 + 43.2·10^3·1e-2·… as the inputs say; moves are 0.3 % (e^(0.03·30/365) − 1 = 0.247 %).
    let forwards = EXPIRIES.map(|at| 100_000.0 + (at - support::NOW) as f64 / 100.0 / 1e9);
    let basis = 4.0 * 0.003 * (forwards[0] + forwards[1]);
    assert!((dollars(margin.basis) - basis).abs() < 1e-4, "{} {basis}", dollars(margin.basis));
    assert_eq!(dollars(margin.short_floor), 10.0 * 2_000.0 + 10.0 * 1_000.0);
    // 8 contracts of delta against a depth of 5 at 0.5 %: 0.8 % of 100,000 on each.
    assert_eq!(dollars(margin.delta_concentration), 8.0 * 800.0);
    // 1,200 USDC per point against 200 at 2 points: 12 points.
    assert_eq!(dollars(margin.vega_concentration), 1_200.0 * 12.0);
    // 9 contracts beyond the first in each strike at 0.2 %: 1.8 % on each of the 9.
    assert_eq!(dollars(margin.strike_concentration), 2.0 * 9.0 * 1_800.0);
    assert_eq!(dollars(margin.confidence), 8.0 * 100.0);
    let sum = margin.basis + margin.short_floor + margin.delta_concentration;
    let sum = sum + margin.vega_concentration + margin.strike_concentration + margin.confidence;
    assert_eq!(margin.add_ons(), Ok(sum));
}

#[test]
fn basis_grows_with_time_and_impact_is_capped() {
    let risk = RiskArray { lanes: [0; LANES], gaps: [0; GAPS] };
    let far = Instrument { expiry: EXPIRIES[2], strike: 90, mark: 1, delta: NANO_ONE, vega: 0, risk };
    let margin = evaluate(&of(&[(&far, Exposure::of(1_000_000))]), Stage::Positions);
    let forward = 100_000.0 + 200.0 * 86_400.0 / 100.0;
    let basis = 10_000.0 * forward * (0.03_f64 * 200.0 / 365.0).exp_m1();
    assert!((margin.basis as f64 / 1e6 / basis - 1.0).abs() < 1e-6);
    // 10,000 contracts of delta would move the index by 1,000 % by the rule, and move it by the cap of 5 %.
    assert_eq!(margin.delta_concentration, 10_000 * 5_000 * 1_000_000);
    // Calls and puts of one strike are one position.
    let put = Instrument { delta: -NANO_ONE, ..far.clone() };
    let synthetic = evaluate(&of(&[(&far, Exposure::of(-900)), (&put, Exposure::of(900))]), Stage::Positions);
    assert_eq!((synthetic.short_floor, synthetic.strike_concentration), (0, 0));
}

#[test]
fn no_fill_of_open_orders_requires_more_than_was_reserved() {
    for seed in 0..300 {
        let mut random = Random::new(seed);
        let books: [Vec<(Instrument, Exposure)>; 2] = std::array::from_fn(|_| {
            let one = |_| {
                let instrument = Instrument::random(&mut random);
                let exposure = exposure(&mut random, &instrument, 60);
                (instrument, exposure)
            };
            (0..4).map(one).collect()
        });
        let initial = |exposures: [Vec<Exposure>; 2]| {
            let sums = [0, 1].map(|u| {
                let pairs: Vec<_> =
                    books[u].iter().map(|(i, _)| i).zip(exposures[u].iter().copied()).collect();
                of(&pairs)
            });
            let risks = [underlying(1), underlying(2)];
            let parts = [0, 1].map(|u| Part { sums: &sums[u], risk: &risks[u] });
            let portfolio = Portfolio { parts: &parts, collateral: &[], offset: OFFSET };
            portfolio.initial().unwrap()
        };
        let reserved = initial([0, 1].map(|u| books[u].iter().map(|(_, e)| *e).collect()));
        for _ in 0..20 {
            let mut cost = 0;
            let filled = [0, 1].map(|u: usize| {
                let fill = |(instrument, e): &(Instrument, Exposure)| {
                    let bids =
                        if random.between(0, 1) == 0 { e.bids.lots } else { random.between(0, e.bids.lots) };
                    let offers = if random.between(0, 1) == 0 { e.offers.lots } else { 0 };
                    let paid = |lots: i64, adverse: i64, open: OpenLots| {
                        let fee = if open.lots == 0 { 0 } else { open.fees * lots / open.lots };
                        lots * adverse / 100 + fee
                    };
                    cost += paid(bids, e.bids.price - instrument.mark, e.bids);
                    cost += paid(offers, instrument.mark - e.offers.price, e.offers);
                    Exposure::of(e.position + bids - offers)
                };
                books[u].iter().map(fill).collect()
            });
            assert!(initial(filled) + cost <= reserved, "seed {seed}");
        }
    }
}

#[test]
fn gains_elsewhere_offset_a_share_up_to_the_cap() {
    let perpetual = perpetual();
    let margins = |first: i64, second: i64| {
        [(1, first), (2, second)].map(|(id, lots)| {
            of(&[(&perpetual, Exposure::of(lots))]).evaluate(&underlying(id), Stage::Positions, 0).unwrap()
        })
    };
    let dollars = |lots: i64| lots * 160 * 1_000_000;
    // A short pays a unit a lot more; the lots below are long enough not to let it decide.
    let same = margins(1_000, 500);
    assert_eq!(combine(&same, OFFSET).unwrap().scan, dollars(1_500));
    let hedged = margins(1_000, -100);
    // In the cell of the worst move of the first, the second is sure of what it gains at the nearer end, 14 %.
    let joint = combine(&hedged, OFFSET).unwrap();
    assert_eq!(
        (joint.gross, joint.scan),
        (dollars(1_100) + 10_000, dollars(1_000) - 60 * 140 * 1_000_000 + 6_000)
    );
    let full = margins(1_000, -1_000);
    let capped = combine(&full, OFFSET).unwrap();
    assert_eq!(capped.scan, (capped.gross * 7 + 9) / 10);
    assert_eq!(combine(&full, ASIDE).unwrap().scan, capped.gross);
    for seed in 0..200 {
        let mut random = Random::new(seed);
        let pair = margins(random.between(-999, 999), random.between(-999, 999));
        let joint = combine(&pair, OFFSET).unwrap();
        assert!(joint.scan <= joint.gross && i128::from(joint.scan) * 10 >= i128::from(joint.gross) * 7);
        assert_eq!(combine(&pair[..1], OFFSET).unwrap().scan, pair[0].scan);
    }
}

#[test]
fn collateral_moves_with_its_underlying() {
    let terms = CollateralTerms {
        price_underlying: 1,
        scenario_underlying: 1,
        haircut_initial: 50_000_000,
        haircut_maintenance: 30_000_000,
        depeg: 10_000_000,
        account_cap: 3 * CONTRACT,
        venue_cap: 1_000 * CONTRACT,
    };
    let holding = CollateralHolding {
        asset: 1,
        terms: &terms,
        balance: 4 * CONTRACT,
        counted: 2 * CONTRACT,
        price: 100_000_000_000,
    };
    let line = CollateralLine::new(&holding).unwrap();
    let dollars = |amount: i64| amount / 1_000_000;
    assert_eq!(
        (dollars(line.value), dollars(line.initial), dollars(line.maintenance)),
        (400_000, 190_000, 291_000)
    );
    assert_eq!((dollars(line.depeg_initial), dollars(line.depeg_maintenance)), (2_000, 3_000));
    let (none, risk) = (Sums::new(), underlying(1));
    let alone = [Part { sums: &none, risk: &risk }];
    let portfolio = Portfolio { parts: &alone, collateral: &[line], offset: OFFSET };
    // 16 % of what counts, and the depeg charge; maintenance 80 % of the scan.
    assert_eq!(dollars(portfolio.initial().unwrap()), 190_000 * 16 / 100 + 2_000);
    assert_eq!(dollars(portfolio.maintenance().unwrap()), 291_000 * 16 / 100 * 8 / 10 + 3_000);
    let both = (portfolio.positions().unwrap(), portfolio.maintenance().unwrap());
    assert_eq!(portfolio.positions_and_maintenance(), Ok(both));
    // A short of as much as counts is hedged, in the tails and in the crash as well.
    let perpetual = perpetual();
    let short = of(&[(&perpetual, Exposure::of(-190))]);
    let hedged = [Part { sums: &short, risk: &risk }];
    let breakdown = Portfolio { parts: &hedged, collateral: &[line], offset: OFFSET }
        .breakdown(Equity::default())
        .unwrap();
    assert_eq!(breakdown.initial_scan.scan, 190 * 100);
}

#[test]
fn the_breakdown_adds_up_to_the_margin() {
    for seed in 0..50 {
        let mut random = Random::new(seed);
        let mut sums = [Sums::new(), Sums::new()];
        for at in 0..10 {
            let instrument = Instrument::random(&mut random);
            sums[at % 2].add(&instrument.view(), &exposure(&mut random, &instrument, 900)).unwrap();
        }
        let risks = [underlying(1), underlying(2)];
        let parts = [0, 1].map(|u| Part { sums: &sums[u], risk: &risks[u] });
        let portfolio = Portfolio { parts: &parts, collateral: &[], offset: OFFSET };
        let equity = Equity { initial: 5, maintenance: 6 };
        let told = portfolio.breakdown(equity).unwrap();
        assert_eq!(told.initial, portfolio.initial().unwrap());
        assert_eq!(told.positions, portfolio.positions().unwrap());
        assert_eq!(told.maintenance, portfolio.maintenance().unwrap());
        assert_eq!(told.equity, equity);
        for parts in [&parts[..], &parts[..1]] {
            let portfolio = Portfolio { parts, ..portfolio };
            let both = (portfolio.positions().unwrap(), portfolio.maintenance().unwrap());
            assert_eq!(portfolio.positions_and_maintenance(), Ok(both));
        }
        let add_ons: i64 = told.underlyings.iter().map(|u| u.initial.add_ons().unwrap()).sum();
        assert_eq!(told.initial_scan.scan + add_ons, told.initial);
        assert!(told.positions <= told.initial);
        // Four fifths, but for rounding up in each of seven places.
        let expected = told.positions * 8 / 10;
        assert!((expected..expected + 8).contains(&told.maintenance));
    }
}
