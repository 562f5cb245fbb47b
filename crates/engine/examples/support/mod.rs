//! The venue that the examples time: one underlying with puts and calls, no signatures.

#![allow(clippy::unwrap_used, dead_code)]

use engine::Engine;
use protocol::*;

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

/// Inputs and arrays at an index in whole USDC, every option at 2 % of it.
pub fn marks(engine: &Engine, time: Nanos, index: i64) -> (MarkUpdate, HashedArrays) {
    let live = engine.mark_arrays_spec(1, time).map(|(instrument, _)| instrument);
    let marks = live.map(|instrument| InstrumentMark {
        instrument,
        mark: index * USD / 50,
        iv: 0,
        delta: 0,
        vega: 0,
        risk: None,
    });
    let arrays = HashedArrays::new(MarkArrays { underlying: 1, version: 0, marks: marks.collect() });
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
