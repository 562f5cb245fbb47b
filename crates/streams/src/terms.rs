//! How the venue opens: its genesis, risk tables and instruments.

use crate::DAY;
use crate::venue::{ADMINS, ORACLES, address, addresses};
use protocol::*;

/// Underlyings with the index that they start from, USD, and tick, lot and strike step of their instruments.
pub(crate) const UNDERLYINGS: [Market; 2] = [
    Market { symbol: "BTC", index: 75_000, tick: 5 * USD, lot: CONTRACT / 100, strikes: 5_000 },
    Market { symbol: "ETH", index: 4_000, tick: USD / 5, lot: CONTRACT / 10, strikes: 200 },
];

pub(crate) struct Market {
    pub symbol: &'static str,
    pub index: i64,
    tick: i64,
    lot: i64,
    strikes: i64,
}

const SECOND: i64 = crate::SECOND as i64;

/// The value that a parameter starts with.
pub(crate) fn parameter(parameter: Parameter) -> i64 {
    match parameter {
        Parameter::OptionMakerFee | Parameter::OptionTakerFee => 300_000,
        Parameter::OptionFeeCap => 125_000_000,
        Parameter::PerpetualMakerFee => -10_000,
        Parameter::PerpetualTakerFee => 500_000,
        Parameter::NoncePast | Parameter::NonceFuture => 60 * SECOND,
        Parameter::MaxOpenOrders => 20,
        Parameter::MaxInstruments => 20,
        Parameter::OptionInitial => 150_000_000,
        Parameter::OptionInitialFloor => 100_000_000,
        Parameter::OptionMaintenance => 75_000_000,
        Parameter::PerpetualInitial => 40_000_000,
        Parameter::PerpetualMaintenance => 20_000_000,
        Parameter::PerpetualSizeTerm => 1_000_000,
        Parameter::PriceBand => NANO_ONE,
        Parameter::MarkStaleness => 30 * DAY as i64,
        Parameter::MinIndexSources => 3,
        Parameter::MaxIndexJump => 500_000_000,
        Parameter::PnlOffset => 600_000_000,
        Parameter::PnlOffsetCap => 500_000_000,
        Parameter::RiskDelay => 3_600 * SECOND,
        Parameter::MarginCallBuffer => 100_000_000,
        Parameter::LiquidationInterval => SECOND,
        Parameter::LiquidationSlice => 200_000_000,
        Parameter::LiquidationPriceLimit => 20_000_000,
        Parameter::LiquidationFee => 500_000,
        Parameter::AuctionStart => 950_000_000,
        Parameter::AuctionMiddle => 700_000_000,
        Parameter::AuctionMiddleTime => 900 * SECOND,
        Parameter::AuctionEndTime => 3_600 * SECOND,
        Parameter::InsuranceCap | Parameter::AuctionTrigger => 500_000_000,
    }
}

pub(crate) fn risk_parameters() -> RiskParameters {
    RiskParameters {
        scenario: ScenarioParameters {
            range: 160_000_000,
            vol_up: 500_000_000,
            vol_down: 250_000_000,
            power_short: 300_000_000,
            power_long: 130_000_000,
            vol_floor: 500_000_000,
            skew_linear: 100_000_000,
            skew_absolute: 100_000_000,
            term_front: 200_000_000,
            term_back: 50_000_000,
        },
        margin: MarginParameters {
            maintenance_share: 800_000_000,
            basis_min_move: 5_000_000,
            basis_rate: 30_000_000,
            short_floor: 10_000_000,
            short_floor_last_day: 20_000_000,
            delta_depth: 1_000 * CONTRACT,
            delta_impact: 10_000_000,
            vega_depth: 100_000 * USD,
            vega_impact: NANO_ONE,
            strike_depth: 1_000 * CONTRACT,
            strike_impact: 10_000_000,
            impact_max: 200_000_000,
            confidence_multiplier: NANO_ONE,
        },
    }
}

pub(crate) fn genesis() -> Genesis {
    let asset = |asset, symbol: &str, decimals| AssetSpec {
        asset,
        symbol: symbol.into(),
        token: Address([0xA0 + asset as u8; 20]),
        decimals,
    };
    let underlying = |(place, market): (usize, &Market)| UnderlyingSpec {
        underlying: place as u16 + 1,
        symbol: market.symbol.into(),
    };
    Genesis {
        chain_id: 31_337,
        contract: Address([0x55; 20]),
        operator: address(99),
        admins: addresses(&ADMINS),
        admin_quorum: 2,
        oracles: addresses(&ORACLES),
        oracle_quorum: 2,
        assets: vec![asset(0, "USDC", 6), asset(1, "WBTC", 8)],
        underlyings: UNDERLYINGS.iter().enumerate().map(underlying).collect(),
        parameters: Parameter::ALL
            .iter()
            .map(|&which| ParameterValue { parameter: which, value: parameter(which) })
            .collect(),
    }
}

/// The next instruments of an underlying at an index in USD: its perpetual if it has none, and three options.
pub(crate) fn listing(
    underlying: UnderlyingId,
    first: InstrumentId,
    perpetual: bool,
    index: i64,
    time: Nanos,
) -> Vec<InstrumentSpec> {
    let market = &UNDERLYINGS[usize::from(underlying) - 1];
    let spec =
        |(place, (kind, option_type, strike, days)): (usize, (InstrumentKind, OptionType, i64, u64))| {
            let instrument = first + place as u32;
            InstrumentSpec {
                instrument,
                name: format!("{}_USDC-{instrument}", market.symbol),
                underlying,
                kind,
                option_type,
                strike: strike * USD,
                expiry: if days == 0 { 0 } else { time / DAY * DAY + days * DAY },
                tick_size: market.tick,
                lot_size: market.lot,
                lane_unit: 100,
            }
        };
    let middle = (index / market.strikes).max(2) * market.strikes;
    let own = perpetual.then_some((InstrumentKind::Perpetual, OptionType::Call, 0, 0));
    let option = |option_type, strike, days| (InstrumentKind::Option, option_type, strike, days);
    own.into_iter()
        .chain([
            option(OptionType::Call, middle, 3),
            option(OptionType::Put, middle - market.strikes, 3),
            option(OptionType::Call, middle + market.strikes, 9),
        ])
        .enumerate()
        .map(spec)
        .collect()
}
