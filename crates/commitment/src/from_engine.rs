//! Leaves as they follow from the engine: the one place that knows both.

use crate::leaf::{
    AccountLeaf, AssetTotals, ClockLeaf, Collateral, CountersLeaf, ExpiryLeaf, FundsLeaf, GrantLeaf,
    HoldingLeaf, InboxLeaf, InstrumentLeaf, KeyLeaf, LiquidationLeaf, NextRiskLeaf, OpenSide, OrderLeaf,
    RestingKind, RiskLeaf, TakerLeaf, UnderlyingLeaf, VenueLeaf, flag, global, wire_hash,
};
use crate::tree_key::BookPlace;
use engine::{
    Account, Dirty, Engine, Governance, Holding, Instrument, InstrumentStatus, Key, Liquidation, OpenOrder,
    PendingTaker, Underlying,
};
use protocol::{Hash, Nanos, OrderId, ParameterValue, SviSlice, UnderlyingSpec, Wire, keccak256};

/// Everything there is, as if all of it had been touched.
pub(crate) fn everything(engine: &Engine) -> Dirty {
    Dirty {
        accounts: engine.accounts().iter().map(Account::id).collect(),
        instruments: engine.instruments().iter().map(|instrument| instrument.spec.instrument).collect(),
        underlyings: engine.underlyings().iter().map(Underlying::id).collect(),
        orders: engine
            .accounts()
            .iter()
            .flat_map(|account| account.orders().map(move |open| (account, open)))
            .map(|(account, open)| engine::BookPlace {
                instrument: open.instrument,
                side: open.side,
                price: open.price,
                priority: open.priority,
                order: open.order,
                subaccount: account.id(),
            })
            .collect(),
        keys: engine.keys().iter().map(|key| key.address).collect(),
    }
}

/// Where an open order stands.
pub(crate) fn place_of(open: &OpenOrder) -> BookPlace {
    BookPlace::new(open.instrument, open.side, open.price, OrderId(open.priority))
}

/// Leaf of an open order in the books tree.
///
/// # Panics
/// When it does not rest: an open order always does.
pub(crate) fn order(engine: &Engine, open: &OpenOrder) -> OrderLeaf {
    let resting = engine.books().get(open.handle).expect("an open order rests");
    assert_eq!(resting.order, open.order, "an open order rests where its account says");
    OrderLeaf {
        kind: RestingKind::Limit,
        order: resting.order,
        subaccount: resting.subaccount,
        lots: resting.lots,
        filled: open.filled,
        max_fee: resting.max_fee,
        valid_until: resting.valid_until,
        reduce_only: resting.reduce_only,
        self_trade: resting.self_trade,
    }
}

/// Leaf of a holding, given the trees of its open orders.
pub(crate) fn holding(holding: &Holding, bids: Hash, offers: Hash) -> HoldingLeaf {
    HoldingLeaf {
        lots: holding.position,
        cost: holding.cost,
        funding_index: if holding.position == 0 { 0 } else { holding.funding },
        bids: OpenSide { lots: holding.bids.lots, root: bids },
        offers: OpenSide { lots: holding.offers.lots, root: offers },
    }
}

/// Leaf of a subaccount, given the trees of its orders and holdings.
pub(crate) fn account(
    engine: &Engine,
    account: &Account,
    orders_root: Hash,
    holdings_root: Hash,
) -> AccountLeaf {
    let collateral = account.assets().iter().map(|&(asset, amount)| Collateral { asset, amount });
    AccountLeaf {
        owner: engine.owner_of(account.id()).expect("a subaccount has an owner"),
        flags: flags(account),
        margin_model: account.model(),
        call: account.call(),
        mark_epoch_seen: 0,
        cash: account.balance(protocol::USDC),
        collateral: collateral.collect(),
        liquidation: account.liquidation().map(liquidation),
        open_orders: count(account.orders().len()),
        orders_root,
        holdings: count(account.holdings().len()),
        holdings_root,
        groups_root: Hash::ZERO,
    }
}

fn flags(account: &Account) -> u8 {
    let close_only = if account.close_only() { flag::CLOSE_ONLY } else { 0 };
    let liquidation = if account.liquidation().is_some() { flag::LIQUIDATION } else { 0 };
    close_only | liquidation
}

fn liquidation(running: &Liquidation) -> LiquidationLeaf {
    LiquidationLeaf {
        liquidation: running.id,
        stage: running.stage as u8,
        opened: running.opened,
        due: running.due,
        reserve: running.reserve,
        insurance: running.insurance,
    }
}

/// Hash of an instrument's name.
pub(crate) fn name_hash(instrument: &Instrument) -> Hash {
    keccak256(&[instrument.spec.name.as_bytes()])
}

/// Leaf of an instrument, given the hash of its name; `None` when it is closed.
pub(crate) fn instrument(instrument: &Instrument, name_hash: Hash) -> Option<InstrumentLeaf> {
    if instrument.status == InstrumentStatus::Closed {
        return None;
    }
    let (spec, mark) = (&instrument.spec, instrument.mark.as_ref());
    Some(InstrumentLeaf {
        name_hash,
        underlying: spec.underlying,
        kind: spec.kind,
        option_type: spec.option_type,
        strike: spec.strike,
        expiry: spec.expiry,
        tick_size: spec.tick_size,
        lot_size: spec.lot_size,
        lane_unit: spec.lane_unit,
        open_interest: instrument.open_interest,
        holders: count(instrument.holders.len()),
        funding_index: instrument.funding_index,
        funding_time: instrument.funding_time,
        mark: mark.map_or(0, |mark| mark.mark),
        mark_epoch: instrument.mark_epoch,
        mark_index: instrument.mark_index,
        iv: mark.map_or(0, |mark| mark.iv),
        delta: mark.map_or(0, |mark| mark.delta),
        vega: mark.map_or(0, |mark| mark.vega),
        risk: mark.and_then(|mark| mark.risk.as_deref().cloned()),
    })
}

/// Leaf of an underlying.
pub(crate) fn underlying(underlying: &Underlying) -> UnderlyingLeaf {
    let inputs = underlying.inputs.as_ref();
    UnderlyingLeaf {
        symbol_hash: keccak256(&[underlying.spec.symbol.as_bytes()]),
        mode: underlying.mode,
        listing_epoch: underlying.listing_epoch,
        open_instruments: count(underlying.open.len()),
        perpetual: underlying.perpetual.unwrap_or(0),
        mark_epoch: underlying.mark_epoch,
        mark_time: inputs.map_or(0, |inputs| inputs.time),
        index: inputs.map_or(0, |inputs| inputs.index),
        confidence: inputs.map_or(0, |inputs| inputs.confidence),
        sources: inputs.map_or(0, |inputs| inputs.sources),
        perpetual_mark: inputs.map_or(0, |inputs| inputs.perpetual_mark),
        funding_rate: inputs.map_or(0, |inputs| inputs.funding_rate),
        risk: underlying.risk.active().map(RiskLeaf::from),
        next_risk: underlying
            .risk
            .next()
            .map(|(effective, table)| NextRiskLeaf { effective: *effective, table: table.into() }),
    }
}

/// Leaves of the expiries of an underlying, ascending.
pub(crate) fn expiries(underlying: &Underlying) -> Vec<(Nanos, ExpiryLeaf)> {
    let marked = underlying.inputs.as_ref().map_or(&[][..], |inputs| &inputs.expiries);
    let leaf = |series: &engine::Expiry| {
        let inputs = marked.iter().find(|inputs| inputs.expiry == series.expiry);
        let leaf = ExpiryLeaf {
            instruments: count(series.instruments.len()),
            forward: inputs.map_or(0, |inputs| inputs.forward),
            rate: inputs.map_or(0, |inputs| inputs.rate),
            smile: inputs
                .map_or(SviSlice { a: 0, b: 0, rho: 0, m: 0, sigma: 0 }, |inputs| inputs.smile.clone()),
            settlement: series.price,
        };
        (series.expiry, leaf)
    };
    underlying.expiries.iter().map(leaf).collect()
}

/// Leaf of an address that signs.
pub(crate) fn key(key: &Key) -> KeyLeaf {
    KeyLeaf {
        subaccounts: count(key.subaccounts.len()),
        first_subaccount: key.subaccounts.first().copied().unwrap_or(0),
        next_nonce: key.next_nonce,
        floor: key.floor,
        nonces: key.nonces.iter().copied().collect(),
        grant: key.grant.as_ref().map(|grant| GrantLeaf {
            owner: grant.owner,
            scopes: grant.scopes,
            subaccounts: grant.subaccounts.clone(),
            expiry: grant.expiry,
            revoked: grant.revoked,
        }),
    }
}

/// Values of the globals tree with their numbers; none before Genesis. `chain` is the command chain, `taker` the order
/// that is being matched.
pub(crate) fn globals(engine: &Engine, chain: &Hash, taker: Option<&PendingTaker>) -> Vec<(u8, Vec<u8>)> {
    let Some(governance) = engine.genesis() else {
        return Vec::new();
    };
    let moving = moving_globals(engine, chain, taker).into_iter();
    let moving = moving.filter_map(|(number, value)| Some((number, value?)));
    let tables = [
        (global::PARAMETERS, wire_hash(&parameters(engine)).to_bytes()),
        (global::COLLATERAL, wire_hash(&engine.collateral_table().to_vec()).to_bytes()),
        (global::VENUE, venue(engine, governance).to_bytes()),
    ];
    moving.chain(tables).collect()
}

/// Those of the globals that move with trading; without a value where there is no leaf.
pub(crate) fn moving_globals(
    engine: &Engine,
    chain: &Hash,
    taker: Option<&PendingTaker>,
) -> [(u8, Option<Vec<u8>>); 6] {
    let globals = engine.globals();
    let clock = ClockLeaf { time: globals.time, sequence: globals.sequence, chain_hash: *chain };
    let funds = FundsLeaf {
        fees: globals.fees,
        insurance: globals.insurance,
        funding_pool: globals.funding_pool,
        trades: globals.trades,
    };
    let counters = CountersLeaf {
        subaccounts: engine.accounts().len() as u64,
        instruments: count(engine.instruments().len()),
        withdrawals: globals.withdrawals,
        administration: globals.admin_nonce,
        liquidations: globals.liquidations,
    };
    let totals = globals.deposited.iter().zip(&globals.withdrawn);
    let totals: Vec<AssetTotals> =
        totals.map(|(&deposited, &withdrawn)| AssetTotals { deposited, withdrawn }).collect();
    let inbox = InboxLeaf { cursor: globals.inbox_next, hash: globals.inbox_hash };
    [
        (global::CLOCK, Some(clock.to_bytes())),
        (global::FUNDS, Some(funds.to_bytes())),
        (global::INBOX, Some(inbox.to_bytes())),
        (global::COUNTERS, Some(counters.to_bytes())),
        (global::TAKER, taker.map(|taker| TakerLeaf::from(taker).to_bytes())),
        (global::TOTALS, Some(totals.to_bytes())),
    ]
}

/// The parameter table.
pub(crate) fn parameters(engine: &Engine) -> Vec<ParameterValue> {
    engine.parameters().iter().collect()
}

/// The list of underlyings, as Genesis has it.
pub(crate) fn underlying_specs(engine: &Engine) -> Vec<UnderlyingSpec> {
    engine.underlyings().iter().map(|underlying| underlying.spec.clone()).collect()
}

impl From<&PendingTaker> for TakerLeaf {
    fn from(taker: &PendingTaker) -> Self {
        Self {
            order: taker.order,
            subaccount: taker.subaccount,
            instrument: taker.instrument,
            side: taker.side,
            limit: taker.limit,
            lots: taker.lots,
            filled: taker.filled,
            max_fee: taker.max_fee,
            valid_until: taker.valid_until,
            rests: taker.rests,
            reduce_only: taker.reduce_only,
            self_trade: taker.self_trade,
            liquidation: taker.liquidation,
            cash: taker.cash,
        }
    }
}

/// Leaf of who governs.
pub(crate) fn venue(engine: &Engine, governance: &Governance) -> VenueLeaf {
    VenueLeaf {
        chain_id: governance.chain_id,
        contract: governance.contract,
        operator: governance.operator,
        admin_quorum: governance.admin_quorum,
        oracle_quorum: governance.oracle_quorum,
        admins: wire_hash(&governance.admins),
        oracles: wire_hash(&governance.oracles),
        assets: wire_hash(&governance.assets),
        underlyings: wire_hash(&underlying_specs(engine)),
    }
}

fn count(len: usize) -> u32 {
    u32::try_from(len).expect("counts of the state fit in u32")
}
