//! The venue that the examples time: one underlying with puts and calls, no signatures.

#![allow(clippy::unwrap_used, dead_code)]

use engine::Engine;
use protocol::*;
use std::sync::Arc;

pub const T0: Nanos = 1_700_000_000_000_000_000;
/// Index of the first mark, USDC.
pub const INDEX: i64 = 100_000;

pub fn spec(instrument: InstrumentId) -> InstrumentSpec {
    InstrumentSpec {
        instrument,
        name: format!("OPTION-{instrument}"),
        underlying: 1,
        kind: InstrumentKind::Option,
        option_type: if instrument.is_multiple_of(2) { OptionType::Call } else { OptionType::Put },
        strike: (INDEX + 50 * (i64::from(instrument) - 500)) * USD,
        expiry: T0 + 86_400_000_000_000,
        tick_size: 5 * USD,
        lot_size: 1_000_000,
        lane_unit: 1,
    }
}

/// Lanes of an option that moves half as much as the index: how long margin takes does not depend on what they say.
fn lanes(instrument: InstrumentId, index: i64) -> RiskArray {
    let sign = if instrument.is_multiple_of(2) { 1 } else { -1 };
    let per_lot = |percent: i64| (sign * index * USD * percent / 100 / 2 / 100) as i32;
    RiskArray {
        lanes: std::array::from_fn(|lane| match lane {
            0..51 => per_lot(2 * (lane as i64 % 17 - 8)) + 1_000 * (1 - lane as i32 / 17),
            51 | 52 | 63 => per_lot(-16),
            53..59 => per_lot(16),
            _ => 1_000,
        }),
        gaps: [1; GAPS],
    }
}

/// Inputs and arrays at an index in whole USDC, every option at 2 % of it; with lanes if there is a risk table.
pub fn marks(engine: &Engine, time: Nanos, index: i64) -> (MarkUpdate, HashedArrays) {
    let scenario = engine.mark_scenario(1, time);
    let live = engine.mark_arrays_spec(1, time).map(|(instrument, _)| instrument);
    let marks = live.map(|instrument| InstrumentMark {
        instrument,
        mark: index * USD / 50,
        iv: 0,
        delta: if instrument.is_multiple_of(2) { NANO_ONE / 2 } else { -NANO_ONE / 2 },
        vega: 100 * USD,
        risk: scenario.map(|_| Arc::new(lanes(instrument, index))),
    });
    let version = u8::from(scenario.is_some());
    let arrays = HashedArrays::new(MarkArrays { underlying: 1, version, marks: marks.collect() });
    let forward = index * NANO_ONE;
    let smile = SviSlice { a: 1, b: 1, rho: 0, m: 0, sigma: 1 };
    let inputs = MarkInputs {
        underlying: 1,
        time,
        index: forward,
        confidence: 0,
        sources: 9,
        perpetual_mark: forward,
        funding_rate: 0,
        expiries: vec![ExpiryInputs { expiry: T0 + 86_400_000_000_000, forward, rate: 0, smile }],
    };
    let listing_epoch = engine.underlying(1).unwrap().listing_epoch;
    (MarkUpdate { inputs, cosignatures: cosigned(), listing_epoch, arrays_hash: arrays.hash() }, arrays)
}

/// A risk table with round numbers.
pub fn risk_parameters() -> RiskParameters {
    RiskParameters {
        scenario: ScenarioParameters {
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
        },
        margin: MarginParameters {
            maintenance_share: 800_000_000,
            basis_min_move: 3_000_000,
            basis_rate: 30_000_000,
            short_floor: 10_000_000,
            short_floor_last_day: 10_000_000,
            delta_depth: 500 * CONTRACT,
            delta_impact: 5_000_000,
            vega_depth: 200_000 * USD,
            vega_impact: 2 * NANO_ONE,
            strike_depth: 250 * CONTRACT,
            strike_impact: 2_000_000,
            impact_max: 50_000_000,
            confidence_multiplier: NANO_ONE,
        },
    }
}

pub fn cosigned() -> Vec<Cosignature> {
    vec![Cosignature { signer: Address([1; 20]), signature: Signature::ZERO }]
}

pub fn genesis() -> Genesis {
    let value = |parameter| match parameter {
        Parameter::OptionMakerFee => 100_000,
        Parameter::OptionTakerFee => 300_000,
        Parameter::OptionFeeCap => 125_000_000,
        Parameter::NoncePast => 60_000_000_000,
        Parameter::NonceFuture => 5_000_000_000,
        Parameter::MaxOpenOrders => 10_000,
        Parameter::MaxInstruments => 4_096,
        Parameter::OptionInitial => 150_000_000,
        Parameter::OptionInitialFloor => 100_000_000,
        Parameter::OptionMaintenance => 75_000_000,
        Parameter::PerpetualInitial => 40_000_000,
        Parameter::PerpetualMaintenance => 20_000_000,
        Parameter::PriceBand => NANO_ONE,
        Parameter::MarkStaleness => 86_400_000_000_000,
        Parameter::MaxIndexJump => 300_000_000,
        Parameter::PnlOffset => 600_000_000,
        Parameter::PnlOffsetCap => 500_000_000,
        Parameter::RiskDelay => 3_600_000_000_000,
        Parameter::MarginCallBuffer => 100_000_000,
        Parameter::LiquidationInterval => 1_000_000_000,
        Parameter::LiquidationSlice => 200_000_000,
        Parameter::LiquidationPriceLimit => 20_000_000,
        Parameter::LiquidationFee => 500_000,
        Parameter::AuctionStart => 950_000_000,
        Parameter::AuctionMiddle => 700_000_000,
        Parameter::AuctionMiddleTime => 900_000_000_000,
        Parameter::AuctionEndTime => 3_600_000_000_000,
        Parameter::InsuranceCap | Parameter::AuctionTrigger => 500_000_000,
        _ => 0,
    };
    Genesis {
        chain_id: 1,
        contract: Address::ZERO,
        operator: Address::ZERO,
        admins: vec![Address([1; 20])],
        admin_quorum: 1,
        oracles: vec![Address([1; 20])],
        oracle_quorum: 1,
        assets: vec![AssetSpec { asset: 0, symbol: "USDC".into(), token: Address::ZERO, decimals: 6 }],
        underlyings: vec![UnderlyingSpec { underlying: 1, symbol: "BTC".into() }],
        parameters: Parameter::ALL
            .iter()
            .map(|&parameter| ParameterValue { parameter, value: value(parameter) })
            .collect(),
    }
}
