//! Random instruments, books and parameters, the same for the same seed.

#![allow(clippy::unwrap_used, dead_code)]

use margin::{Exposure, InstrumentRisk, OpenLots, UnderlyingRisk};
use protocol::{
    ExpiryInputs, GAPS, LANES, MarginParameters, MarkInputs, Micros, NANO_ONE, RiskArray, RiskParameters,
    ScenarioParameters, SviSlice, UnderlyingId,
};

pub const DAY: u64 = 86_400_000_000_000;
pub const NOW: u64 = 1_000 * DAY;
/// 100,000 USD.
pub const INDEX: i64 = 100_000 * NANO_ONE;
pub const EXPIRIES: [u64; 3] = [NOW + DAY / 2, NOW + 30 * DAY, NOW + 200 * DAY];

/// A small generator.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform from `low` to `high`, both included.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        low + (self.next() % (high - low + 1) as u64) as i64
    }
}

/// What an instrument is, with the array it owns.
#[derive(Clone)]
pub struct Instrument {
    pub expiry: u64,
    pub strike: Micros,
    pub mark: Micros,
    pub delta: i64,
    pub vega: i64,
    pub risk: RiskArray,
}

impl Instrument {
    /// An option with lanes that are anything.
    pub fn random(random: &mut Random) -> Self {
        let mut risk = RiskArray { lanes: [0; LANES], gaps: [0; GAPS] };
        risk.lanes.iter_mut().for_each(|lane| *lane = random.between(-9_000, 9_000) as i32);
        risk.gaps.iter_mut().for_each(|gap| *gap = random.between(0, 300) as u32);
        // No move, no loss; nothing rounds in the middle of the flat row.
        risk.lanes[17 + 8] = 0;
        Self {
            expiry: EXPIRIES[random.next() as usize % EXPIRIES.len()],
            strike: random.between(90, 93) * 1_000_000_000,
            mark: random.between(1, 9_000) * 1_000_000,
            delta: random.between(-NANO_ONE, NANO_ONE),
            vega: random.between(0, 90_000_000),
            risk,
        }
    }

    pub fn view(&self) -> InstrumentRisk<'_> {
        InstrumentRisk {
            expiry: self.expiry,
            strike: self.strike,
            lot_size: 1_000_000,
            lane_unit: 100,
            mark: self.mark,
            delta: self.delta,
            vega: self.vega,
            risk: &self.risk,
        }
    }
}

/// A position with open orders on either side, priced around the mark.
pub fn exposure(random: &mut Random, instrument: &Instrument, lots: i64) -> Exposure {
    let mut side = || OpenLots {
        lots: random.between(0, lots),
        price: instrument.mark + random.between(-50, 50) * 1_000_000,
        fees: random.between(0, 999),
    };
    let (bids, offers) = (side(), side());
    Exposure { position: random.between(-lots, lots), bids, offers }
}

pub fn parameters() -> RiskParameters {
    let percent = NANO_ONE / 100;
    RiskParameters {
        scenario: ScenarioParameters {
            range: 16 * percent,
            vol_up: 50 * percent,
            vol_down: 25 * percent,
            power_short: 30 * percent,
            power_long: 13 * percent,
            vol_floor: 50 * percent,
            skew_linear: 40 * percent,
            skew_absolute: 30 * percent,
            term_front: 150 * percent,
            term_back: 30 * percent,
        },
        margin: MarginParameters {
            maintenance_share: 80 * percent,
            basis_min_move: 3 * percent / 10,
            basis_rate: 3 * percent,
            short_floor: percent,
            short_floor_last_day: 2 * percent,
            delta_depth: 5 * 100_000_000,
            delta_impact: percent / 2,
            vega_depth: 200_000_000,
            vega_impact: 2 * NANO_ONE,
            strike_depth: 100_000_000,
            strike_impact: percent / 5,
            impact_max: 5 * percent,
            confidence_multiplier: NANO_ONE,
        },
    }
}

pub fn inputs(underlying: UnderlyingId) -> MarkInputs {
    let smile = SviSlice { a: 0, b: 0, rho: 0, m: 0, sigma: 1 };
    let at = |&expiry: &u64| ExpiryInputs {
        expiry,
        forward: INDEX + (expiry - NOW) as i64 / 100,
        rate: 0,
        smile: smile.clone(),
    };
    MarkInputs {
        underlying,
        time: NOW,
        index: INDEX,
        confidence: 1_000_000,
        sources: 5,
        perpetual_mark: INDEX,
        funding_rate: 0,
        expiries: EXPIRIES.iter().map(at).collect(),
    }
}

pub fn underlying(id: UnderlyingId) -> UnderlyingRisk {
    UnderlyingRisk::new(&inputs(id), &parameters()).unwrap()
}
