//! Sums against their definition: incremental, exact at the corners of open orders, bounded for groups.

#![allow(clippy::unwrap_used)]

mod support;

use margin::{
    Checked, Exposure, GroupMember, GroupOrders, InstrumentRisk, OpenLots, Overflow, Stage, Sums,
    UnderlyingMargin,
};
use protocol::{CONTRACT, LANES, Micros, NANO_ONE};
use std::collections::BTreeMap;
use support::{Instrument, Random, exposure, parameters, underlying};

/// P&L of a position by the definition of a lane: a short pays one unit per lot more.
fn held(instrument: &Instrument, lane: usize, lots: i64) -> i64 {
    let per_lot = i64::from(instrument.risk.lanes[lane]) + i64::from(lots < 0);
    lots * per_lot * i64::from(instrument.view().lane_unit)
}

/// What filling costs, by its definition, for a whole side.
fn fill_cost(open: OpenLots, adverse: Micros, lot_size: i64) -> Micros {
    if open.lots == 0 {
        return 0;
    }
    let lost = i128::from(open.lots) * i128::from(adverse.max(0)) * i128::from(lot_size);
    (lost as f64 / CONTRACT as f64).ceil() as i64 + open.fees
}

/// Unchecked sums of exposures.
fn summed(book: &[(Instrument, Exposure)]) -> Sums {
    let mut sums = Sums::new();
    book.iter().for_each(|(instrument, exposure)| sums.add(&instrument.view(), exposure).unwrap());
    sums
}

fn book(seed: u64, size: usize, lots: i64) -> Vec<(Instrument, Exposure)> {
    let mut random = Random::new(seed);
    (0..size)
        .map(|_| {
            let instrument = Instrument::random(&mut random);
            let exposure = exposure(&mut random, &instrument, lots);
            (instrument, exposure)
        })
        .collect()
}

fn positions(sums: &Sums) -> UnderlyingMargin {
    sums.evaluate(&underlying(1), Stage::Positions, 0).unwrap()
}

#[test]
fn taking_away_undoes_adding_in_any_order() {
    for seed in 0..50 {
        let all = book(seed, 40, 500);
        let mut random = Random::new(!seed);
        let mut sums = summed(&all);
        let mut left = all;
        while !left.is_empty() {
            let (instrument, exposure) = left.swap_remove(random.next() as usize % left.len());
            sums.remove(&instrument.view(), &exposure).unwrap();
            assert_eq!(sums, summed(&left));
        }
        assert!(sums.is_empty() && sums == Sums::new());
    }
}

#[test]
fn replacing_is_taking_away_and_adding() {
    for seed in 0..200 {
        let all = book(seed, 12, 500);
        let mut random = Random::new(!seed);
        let (instrument, old) = &all[random.next() as usize % all.len()];
        let other = exposure(&mut random, instrument, 500);
        // Orders alone change, the position alone, one side alone, or everything.
        let changes = [
            Exposure { position: old.position, ..other },
            Exposure { position: other.position, ..*old },
            Exposure { bids: other.bids, ..*old },
            Exposure { offers: OpenLots::default(), ..*old },
            Exposure::of(-old.position),
            other,
        ];
        for new in &changes {
            let mut expected = summed(&all);
            expected.remove(&instrument.view(), old).unwrap();
            expected.add(&instrument.view(), new).unwrap();
            let mut sums = summed(&all);
            sums.replace(&instrument.view(), old, new).unwrap();
            assert_eq!(sums, expected, "seed {seed}");
            sums.replace(&instrument.view(), new, old).unwrap();
            assert_eq!(sums, summed(&all), "seed {seed}");
        }
    }
}

#[test]
fn strikes_are_charged_one_by_one() {
    let parameters = parameters().margin;
    let share = |contracts: f64, rate: i64| contracts * 100_000.0 * rate as f64 / NANO_ONE as f64;
    for seed in 0..100 {
        let book = book(seed, 20, 60);
        // Net position of each strike, and how far orders move it either way, contracts.
        let mut strikes: BTreeMap<(u64, i64), [i64; 3]> = BTreeMap::new();
        for (instrument, exposure) in &book {
            let net = strikes.entry((instrument.expiry, instrument.strike)).or_default();
            let lots = [exposure.position, exposure.bids.lots, -exposure.offers.lots];
            net.iter_mut().zip(lots).for_each(|(sum, lots)| *sum += lots);
        }
        for (stage, orders) in [(Stage::Positions, 0), (Stage::Initial, 1)] {
            let (mut floor, mut concentration) = (0.0, 0.0);
            for ((expiry, _), [net, up, down]) in &strikes {
                let [high, low] = [net + orders * up, net + orders * down].map(|lots| lots as f64 / 100.0);
                let last_day = *expiry == support::EXPIRIES[0];
                let rate = if last_day { parameters.short_floor_last_day } else { parameters.short_floor };
                floor += share((-low).max(0.0), rate);
                let excess = (high.abs().max(low.abs()) - 1.0).max(0.0);
                concentration += excess * share(excess, parameters.strike_impact).min(5_000.0);
            }
            let margin = summed(&book).evaluate(&underlying(1), stage, 0).unwrap();
            assert!((margin.short_floor as f64 / 1e6 - floor).abs() < 1e-3, "seed {seed}");
            assert!((margin.strike_concentration as f64 / 1e6 - concentration).abs() < 1e-2, "seed {seed}");
        }
    }
}

#[test]
fn open_orders_count_at_the_worst_fill_of_every_lane() {
    for seed in 0..200 {
        let book = book(seed, 3, 4);
        let sums = summed(&book);
        for lane in 0..LANES {
            let (mut at_worst, mut alone) = (0, 0);
            for (instrument, exposure) in &book {
                let Exposure { position, bids, offers } = *exposure;
                alone += held(instrument, lane, position);
                let bid = fill_cost(bids, bids.price - instrument.mark, 1_000_000);
                let offer = fill_cost(offers, instrument.mark - offers.price, 1_000_000);
                // Costs of part of a side are counted in proportion, rounded down: less would have been exact as well.
                let part = |cost: i64, lots: i64, of: i64| if lots == 0 { 0 } else { cost * lots / of };
                let fills = (0..=bids.lots).flat_map(|b| (0..=offers.lots).map(move |s| (b, s)));
                at_worst += fills
                    .map(|(b, s)| {
                        held(instrument, lane, position + b - s)
                            - part(bid, b, bids.lots)
                            - part(offer, s, offers.lots)
                    })
                    .min()
                    .unwrap();
            }
            assert_eq!(sums.lanes()[lane], alone);
            assert_eq!(sums.lanes()[lane] + sums.order_lanes()[lane], at_worst, "seed {seed}, lane {lane}");
        }
    }
}

#[test]
fn a_cell_is_bounded_by_its_lower_end_less_the_gaps_of_longs() {
    let book = book(7, 12, 300);
    let margin = positions(&summed(&book));
    for row in 0..3 {
        for cell in 0..16 {
            let node = |at: usize| book.iter().map(|(i, e)| held(i, row * 17 + at, e.position)).sum::<i64>();
            let gaps: i64 = book
                .iter()
                .map(|(i, e)| {
                    e.position.max(0) * i64::from(i.risk.gaps[cell]) * i64::from(i.view().lane_unit)
                })
                .sum();
            assert_eq!(margin.losses[row * 16 + cell], gaps - node(cell).min(node(cell + 1)));
        }
    }
    assert_eq!(margin.scan, margin.losses.into_iter().max().unwrap());
    assert_eq!(margin.losses[margin.state], margin.scan);
}

#[test]
fn skew_counts_both_ways() {
    let mut instrument = Instrument::random(&mut Random::new(1));
    instrument.risk.lanes = [0; LANES];
    instrument.risk.lanes[59] = 400;
    let losses = |position| {
        let mut sums = Sums::new();
        sums.add(&instrument.view(), &Exposure::of(position)).unwrap();
        positions(&sums).losses
    };
    // States 56 to 59: linear, absolute, and both reversed. The true P&L is in [400, 401) units of 100.
    assert_eq!(losses(10)[56..60], [-400_000, 0, 401_000, 1_000]);
    assert_eq!(losses(-10)[56..60], [401_000, 1_000, -400_000, 0]);
}

#[test]
fn what_closes_a_position_leaves_nothing() {
    let instrument = Instrument::random(&mut Random::new(3));
    let mut twin = instrument.clone();
    twin.risk.gaps = [0; 16];
    let mut sums = Sums::new();
    sums.add(&instrument.view(), &Exposure::of(250 - 250)).unwrap();
    let nothing = positions(&sums);
    assert_eq!((nothing.scan, nothing.add_ons().unwrap()), (0, 0));
    // The same held in two instruments costs what both lanes lose to rounding: one unit a lot.
    sums.add(&twin.view(), &Exposure::of(250)).unwrap();
    sums.add(&twin.view(), &Exposure::of(-250)).unwrap();
    let twins = positions(&sums);
    assert_eq!((twins.scan, twins.add_ons().unwrap()), (250 * 100, 0));
}

#[test]
fn a_larger_short_never_requires_less() {
    for seed in 0..100 {
        let instrument = Instrument::random(&mut Random::new(seed));
        let mut before = (0, 0);
        for lots in [1, 2, 5, 40, 900, 10_000] {
            let mut sums = Sums::new();
            sums.add(&instrument.view(), &Exposure::of(-lots)).unwrap();
            let margin = positions(&sums);
            let now = (margin.scan, margin.add_ons().unwrap());
            assert!(now.0 >= before.0 && now.1 >= before.1 && margin.short_floor > 0);
            before = now;
        }
    }
}

#[test]
fn what_does_not_fit_is_refused_and_leaves_no_trace() {
    let instrument = Instrument::random(&mut Random::new(5));
    let mut sums = Sums::new();
    sums.add(&instrument.view(), &Exposure::of(7)).unwrap();
    let before = sums.clone();
    let lots = |lots| OpenLots { lots, price: instrument.mark, fees: 0 };
    for exposure in [
        Exposure::of(i64::MAX),
        Exposure::of(i64::MIN),
        Exposure { bids: lots(i64::MAX / 2), ..Exposure::of(i64::MAX / 2 + 9) },
        Exposure { offers: lots(1 << 50), ..Exposure::default() },
        Exposure { bids: OpenLots { price: i64::MAX, ..lots(1 << 20) }, ..Exposure::default() },
        Exposure { bids: OpenLots { fees: i64::MAX, ..lots(1) }, ..Exposure::default() },
    ] {
        assert_eq!(sums.add(&instrument.view(), &exposure), Err(Overflow), "{exposure:?}");
        assert_eq!(sums, before);
    }
    let vast = InstrumentRisk { delta: i64::MAX, vega: i64::MAX, ..instrument.view() };
    let evaluated = |instrument: &InstrumentRisk<'_>| -> Checked<UnderlyingMargin> {
        let mut sums = Sums::new();
        sums.add(instrument, &Exposure::of(1_000_000))?;
        sums.evaluate(&underlying(1), Stage::Positions, 0)
    };
    assert_eq!(evaluated(&vast), Err(Overflow));
    assert!(evaluated(&instrument.view()).is_ok());
}

/// All fills of (bids, offers) of two instruments with at most `maximum` lots in all.
fn fills(group: &[GroupMember<'_>; 2], maximum: i64) -> Vec<[i64; 4]> {
    let mut all = Vec::new();
    for a in 0..=group[0].bids.lots {
        for b in 0..=group[0].offers.lots {
            for c in 0..=group[1].bids.lots {
                for d in 0..=group[1].offers.lots {
                    if a + b + c + d <= maximum {
                        all.push([a, b, c, d]);
                    }
                }
            }
        }
    }
    all
}

#[test]
fn a_group_is_bounded_by_its_maximum() {
    for seed in 0..100 {
        let book = book(seed, 2, 4);
        let members: [_; 2] = std::array::from_fn(|at| {
            let (instrument, exposure) = &book[at];
            // No costs, so that fills can be enumerated exactly.
            let free = |open: OpenLots| OpenLots { price: instrument.mark, fees: 0, ..open };
            GroupMember {
                instrument: instrument.view(),
                bids: free(exposure.bids),
                offers: free(exposure.offers),
            }
        });
        let maximum = 3;
        let mut sums = Sums::new();
        sums.add_group(&GroupOrders { members: &members, maximum }).unwrap();
        let mut apart = Sums::new();
        for member in &members {
            apart
                .add(&member.instrument, &Exposure { position: 0, bids: member.bids, offers: member.offers })
                .unwrap();
        }
        for lane in 0..LANES {
            let of = |fill: &[i64; 4]| {
                held(&book[0].0, lane, fill[0] - fill[1]) + held(&book[1].0, lane, fill[2] - fill[3])
            };
            let worst = fills(&members, maximum).iter().map(of).min().unwrap();
            // A lot bought and one sold of the same instrument cancel but for the unit that a short pays more.
            let rounding = maximum * 100;
            assert!(
                (worst - rounding..=worst).contains(&sums.order_lanes()[lane]),
                "seed {seed}, lane {lane}"
            );
        }
        let (group, alone) = (positions_with_orders(&sums), positions_with_orders(&apart));
        assert!(group.scan <= alone.scan + 800 && group.basis <= alone.basis);
        sums.remove_group(&GroupOrders { members: &members, maximum }).unwrap();
        assert_eq!(sums, Sums::new());
    }
}

fn positions_with_orders(sums: &Sums) -> UnderlyingMargin {
    sums.evaluate(&underlying(1), Stage::Initial, 0).unwrap()
}
