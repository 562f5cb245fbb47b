//! What `Host` tells of margin and liquidation, worked out on the durable view.

use crate::breakdown::{BreakdownInfo, CollateralInfo};
use ::engine::{Engine, MarginSummary, Reject, SimulatedMargin, Simulation};
use ::execution::LiquidationRecord;
use ::execution::view::View;
use ::protocol::{AssetId, InstrumentId, MarginModel, Nanos, Scheduled, SubaccountId, USDC, Wire};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use std::collections::BTreeMap;

/// Instrument, lots, mark, value, and its own initial and maintenance margin in the standard model.
type SimulatedPosition = (InstrumentId, i64, i64, i64, Option<(i64, i64)>);
/// Sequence, time, mark, index, event.
type Entry = (u64, u64, i64, i64, Vec<u8>);
/// The active table, and the one that follows with its time, encoded.
pub(crate) type PyScheduled = (Option<Vec<u8>>, Option<(Nanos, Vec<u8>)>);

python_record! {
    /// What a simulation found, micro-USDC: `balance` is what initial margin is compared with, `balance_maintenance`
    /// what maintenance margin is.
    SimulationInfo {
        model: u8, cash: i64, unrealised: i64, option_value: i64, equity: i64, balance: i64, balance_maintenance: i64,
        initial: i64, maintenance: i64, positions: Vec<SimulatedPosition>, collateral: Vec<CollateralInfo>,
        breakdown: Option<BreakdownInfo>,
    }
}

python_record! {
    /// A liquidation and its events; `stage` is empty once it is over.
    LiquidationInfo {
        liquidation: u64, subaccount: u64, underlying: u16, stage: String, fees: i64, insurance: i64, dropped: u64,
        entries: Vec<Entry>,
    }
}

python_record! {
    /// A running auction: what the whole portfolio costs now (negative: the insurance fund pays that), and what it is.
    AuctionInfo {
        liquidation: u64, subaccount: u64, insolvent: bool, opened: u64, price_factor: i64, share_max: i64, value: i64,
        price: i64, cash: i64, positions: Vec<(InstrumentId, i64)>, assets: Vec<(AssetId, i64)>,
    }
}

/// A portfolio as Python describes it.
#[derive(Debug)]
pub(crate) struct Wanted {
    /// Where it starts; `None`: from nothing.
    pub subaccount: Option<SubaccountId>,
    /// Lots by instrument.
    pub positions: Vec<(InstrumentId, i64)>,
    /// Cash on top, micro-USDC.
    pub cash: i64,
    /// Units on top by asset.
    pub assets: Vec<(AssetId, i64)>,
    /// By default the subaccount's.
    pub model: Option<MarginModel>,
    /// Whether `positions` come on top of the subaccount's, or replace them.
    pub add_positions: bool,
}

impl Wanted {
    /// From Python's arguments.
    ///
    /// # Errors
    /// When there is no margin model of that number.
    pub fn new(
        subaccount: Option<SubaccountId>,
        positions: Vec<(InstrumentId, i64)>,
        cash: i64,
        assets: Vec<(AssetId, i64)>,
        model: Option<u8>,
        add_positions: bool,
    ) -> PyResult<Self> {
        let model = match model {
            None => None,
            Some(0) => Some(MarginModel::Standard),
            Some(1) => Some(MarginModel::Portfolio),
            Some(other) => return Err(PyValueError::new_err(format!("there is no margin model {other}"))),
        };
        Ok(Self { subaccount, positions, cash, assets, model, add_positions })
    }
}

/// Margins a portfolio. From nothing, cash is what is left beside the positions; on top of a subaccount, positions are
/// bought and sold at their marks.
///
/// # Errors
/// [`Reject`] of [`Engine::simulate_margin`].
pub(crate) fn simulate(engine: &Engine, wanted: &Wanted) -> Result<SimulationInfo, Reject> {
    let own = wanted.subaccount.and_then(|subaccount| engine.account(subaccount));
    let model = wanted.model.or(own.map(::engine::Account::model)).unwrap_or(MarginModel::Standard);
    let trades = trades(engine, wanted);
    let mut transfers = wanted.assets.clone();
    let simulate = |transfers: &[(AssetId, i64)]| {
        engine.simulate_margin(&Simulation { base: wanted.subaccount, model, trades: &trades, transfers })
    };
    transfers.push((USDC, wanted.cash));
    let mut found = simulate(&transfers)?;
    if wanted.subaccount.is_none() && found.summary.option_value != 0 {
        let paid = wanted.cash.checked_add(found.summary.option_value).ok_or(Reject::Overflow)?;
        *transfers.last_mut().expect("cash was pushed") = (USDC, paid);
        found = simulate(&transfers)?;
    }
    simulation_info(&found)
}

/// Lots to trade for the positions wanted.
fn trades(engine: &Engine, wanted: &Wanted) -> Vec<(InstrumentId, i64)> {
    let mut lots: BTreeMap<InstrumentId, i64> = BTreeMap::new();
    if let (Some(subaccount), false) = (wanted.subaccount, wanted.add_positions) {
        lots.extend(engine.positions(subaccount).map(|position| (position.instrument, -position.lots)));
    }
    for &(instrument, more) in &wanted.positions {
        let sum = lots.entry(instrument).or_default();
        *sum = sum.saturating_add(more);
    }
    lots.into_iter().filter(|&(_, lots)| lots != 0).collect()
}

fn simulation_info(found: &SimulatedMargin) -> Result<SimulationInfo, Reject> {
    let summary = &found.summary;
    let standard = summary.model == MarginModel::Standard;
    let positions = found.positions.iter().map(|position| {
        let margins = standard.then_some((position.initial, position.maintenance));
        (position.instrument, position.lots, position.mark, position.value, margins)
    });
    let breakdown = found.portfolio.as_ref().map(TryInto::try_into).transpose();
    Ok(SimulationInfo {
        model: summary.model as u8,
        cash: summary.cash,
        unrealised: summary.unrealised,
        option_value: summary.option_value,
        equity: summary.equity,
        balance: summary.balance,
        balance_maintenance: maintenance_balance(summary),
        initial: summary.initial,
        maintenance: summary.maintenance,
        positions: positions.collect(),
        collateral: found.collateral.iter().map(Into::into).collect(),
        breakdown: breakdown.map_err(|_| Reject::Overflow)?,
    })
}

/// What maintenance margin is compared with.
pub(crate) fn maintenance_balance(summary: &MarginSummary) -> i64 {
    summary.balance - summary.collateral + summary.collateral_maintenance
}

/// A liquidation as of now.
pub(crate) fn liquidation_info(view: &View, record: &LiquidationRecord) -> LiquidationInfo {
    let running = view.engine.liquidations().find(|(_, running)| running.id == record.liquidation);
    let entries = record.entries.iter();
    LiquidationInfo {
        liquidation: record.liquidation,
        subaccount: record.subaccount,
        underlying: record.underlying,
        stage: running.map_or_else(String::new, |(_, running)| running.stage.word().to_owned()),
        fees: record.fees,
        insurance: record.insurance,
        dropped: record.dropped,
        entries: entries
            .map(|entry| (entry.sequence, entry.time, entry.mark, entry.index, entry.event.to_bytes()))
            .collect(),
    }
}

/// The auction of a subaccount's portfolio.
pub(crate) fn auction_info(engine: &Engine, subaccount: SubaccountId) -> Option<AuctionInfo> {
    let auction = engine.auction(subaccount)?;
    let account = engine.account(subaccount)?;
    Some(AuctionInfo {
        liquidation: auction.liquidation,
        subaccount,
        insolvent: auction.insolvent,
        opened: auction.opened,
        price_factor: auction.factor,
        share_max: auction.share_max,
        value: auction.value,
        price: auction.price - auction.insurance,
        cash: account.balance(USDC),
        positions: engine
            .positions(subaccount)
            .map(|position| (position.instrument, position.lots))
            .collect(),
        assets: account.assets().to_vec(),
    })
}

/// A table and the one that follows, for Python.
pub(crate) fn scheduled<T: Wire>(tables: Option<&Scheduled<T>>) -> PyScheduled {
    let active = tables.and_then(Scheduled::active).map(Wire::to_bytes);
    let next = tables.and_then(Scheduled::next).map(|(effective, table)| (*effective, table.to_bytes()));
    (active, next)
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<SimulationInfo>()?;
    module.add_class::<LiquidationInfo>()?;
    module.add_class::<AuctionInfo>()
}
