//! Figures of whole option chains, recorded and made up, with surfaces fitted to their quotes.

use crate::fuzzed::{DAY, NOW};
use crate::guard::{Case, Figure, Guard};
use crate::mixer::Mixer;
use crate::recorded;
use pricing::{Contract, black76, mark_arrays, year_fraction};
use protocol::{
    ExpiryInputs, InstrumentKind, InstrumentSpec, MarkInputs, NANO_ONE, Nanos, OptionType, ScenarioParameters,
};
use std::collections::BTreeMap;
use std::path::Path;
use surface::ExpiryQuotes;

const SCENARIO: ScenarioParameters = ScenarioParameters {
    range: 160_000_000,
    vol_up: 500_000_000,
    vol_down: 250_000_000,
    power_short: 300_000_000,
    power_long: 130_000_000,
    vol_floor: 500_000_000,
    skew_linear: 400_000_000,
    skew_absolute: 300_000_000,
    term_front: 1_500_000_000,
    term_back: 300_000_000,
};

/// One option of a chain; prices are those of one unit of the underlying, 0 where there is no quote.
pub struct Row {
    pub expiry: Nanos,
    pub strike: f64,
    pub is_call: bool,
    pub bid: f64,
    pub ask: f64,
    pub forward: f64,
    pub index: f64,
}

fn nano(value: f64) -> i64 {
    (value * NANO_ONE as f64).round() as i64
}

/// What oracles would sign of a snapshot, and its options.
fn marked(time: Nanos, rows: &[Row]) -> Option<(MarkInputs, Vec<InstrumentSpec>)> {
    let mut series = BTreeMap::<Nanos, Vec<&Row>>::new();
    for row in rows.iter().filter(|row| row.expiry > time) {
        series.entry(row.expiry).or_default().push(row);
    }
    let columns: Vec<_> = series
        .iter()
        .map(|(&expiry, rows)| {
            let column = |of: fn(&Row) -> f64| rows.iter().map(|row| of(row)).collect::<Vec<_>>();
            let calls: Vec<_> = rows.iter().map(|row| row.is_call).collect();
            (
                expiry,
                rows[0].forward,
                column(|row| row.strike),
                column(|row| row.bid),
                column(|row| row.ask),
                calls,
            )
        })
        .collect();
    let quotes: Vec<_> = columns
        .iter()
        .map(|(expiry, forward, strike, bid, ask, is_call)| ExpiryQuotes {
            forward: *forward,
            t: year_fraction(time, *expiry),
            strike,
            is_call,
            bid,
            ask,
            age: None,
            previous: None,
        })
        .collect();
    let fitted = surface::fit(&quotes).ok()?;
    let slices = columns.iter().zip(&fitted.slices).map(|((expiry, forward, ..), slice)| {
        let smile = slice.svi.to_wire()?;
        Some(ExpiryInputs { expiry: *expiry, forward: nano(*forward), rate: 0, smile })
    });
    let inputs = MarkInputs {
        underlying: 1,
        time,
        index: nano(rows[0].index),
        confidence: 0,
        sources: 3,
        perpetual_mark: nano(rows[0].index),
        funding_rate: 0,
        expiries: slices.collect::<Option<_>>()?,
    };
    let specs =
        (1..).zip(rows.iter().filter(|row| row.expiry > time)).map(|(instrument, row)| InstrumentSpec {
            instrument,
            name: format!("option {instrument}"),
            underlying: 1,
            kind: InstrumentKind::Option,
            option_type: if row.is_call { OptionType::Call } else { OptionType::Put },
            strike: (row.strike * 1e6).round() as i64,
            expiry: row.expiry,
            tick_size: 1_000_000,
            lot_size: 1_000_000,
            lane_unit: 13,
        });
    Some((inputs, specs.collect()))
}

/// Checks some figures of a chain.
fn check(guard: &mut Guard, mixer: &mut Mixer, time: Nanos, rows: &[Row], figures: usize) -> usize {
    let Some((inputs, specs)) = marked(time, rows) else { return 0 };
    let listed = specs.iter().map(|spec| (spec.instrument, spec));
    let arrays = mark_arrays(&inputs, listed, Some(&SCENARIO)).expect("marks of a real chain");
    for _ in 0..figures {
        let place = mixer.below(specs.len() as u64) as usize;
        let case = Case { inputs: inputs.clone(), spec: specs[place].clone(), scenario: SCENARIO };
        guard.check(&case, &arrays.marks[place], Figure::draw(mixer));
    }
    figures
}

#[test]
fn figures_of_recorded_chains_are_those_of_the_kernel() {
    let Some(folder) = std::env::var_os("SYNCHROMESH_DATA") else {
        println!("skipped: SYNCHROMESH_DATA names no folder with recorded chains");
        return;
    };
    let files = recorded::files(Path::new(&folder));
    let Some(mut guard) = Guard::new() else { return };
    let mut mixer = Mixer(3);
    let mut checked = 0;
    while checked < crate::figures() {
        let file = mixer.below(files.len() as u64) as usize;
        for (time, rows) in recorded::chains(&files[file]) {
            checked += check(&mut guard, &mut mixer, time, &rows, crate::figures() / 40);
        }
    }
    println!("{checked} figures of recorded chains");
    guard.report();
}

/// Options around a forward, quoted by a skewed smile of any level.
fn made_up(mixer: &mut Mixer, time: Nanos) -> Vec<Row> {
    let (index, level) = (mixer.between(2.0, 12.0).exp(), mixer.between(-1.5, 0.3).exp());
    let mut rows = Vec::new();
    for days in [1, 2, 7, 30, 90, 180] {
        let expiry = time + days * DAY as u64;
        let (t, forward) = (year_fraction(time, expiry), index * mixer.between(0.99, 1.03));
        for place in -5..=5 {
            let distance = f64::from(place) / 5.0;
            let strike = forward * (distance * 2.0 * level * t.sqrt()).exp();
            let vol = level * (1.0 - 0.05 * distance + 0.1 * distance * distance);
            for is_call in [false, true] {
                let price = |sigma| black76(&Contract { forward, strike, t, sigma, is_call }).price;
                let (bid, ask) = (price(vol * 0.99), price(vol * 1.01));
                rows.push(Row { expiry, strike, is_call, bid, ask, forward, index });
            }
        }
    }
    rows
}

#[test]
fn figures_of_made_up_chains_are_those_of_the_kernel() {
    let Some(mut guard) = Guard::new() else { return };
    let mut mixer = Mixer(7);
    let mut checked = 0;
    while checked < crate::figures() {
        let rows = made_up(&mut mixer, NOW);
        let figures = check(&mut guard, &mut mixer, NOW, &rows, 50);
        assert!(figures > 0, "quotes of a smile give a surface");
        checked += figures;
    }
    println!("{checked} figures of made-up chains");
    guard.report();
}
