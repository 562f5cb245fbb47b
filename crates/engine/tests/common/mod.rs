//! A small venue for tests: two underlyings, six instruments, helpers that sign nothing and check everything.
//!
//! Every command sent through [`Venue::send`] is followed by the invariants; a refused one by a comparison of the
//! state's bytes.

#![allow(dead_code, clippy::unwrap_used)]

use engine::{Engine, Reject};
use protocol::*;
use std::sync::Arc;

pub const T0: Nanos = 1_700_000_000_000_000_000;
pub const SECOND: Nanos = 1_000_000_000;
pub const DAY: Nanos = 86_400 * SECOND;
pub const EXPIRY_1: Nanos = T0 + DAY;
pub const EXPIRY_2: Nanos = T0 + 7 * DAY;

pub const WETH: AssetId = 1;
pub const BTC: UnderlyingId = 1;
pub const ETH: UnderlyingId = 2;
pub const BTC_PERP: InstrumentId = 1;
pub const BTC_CALL: InstrumentId = 2;
pub const BTC_PUT: InstrumentId = 3;
pub const BTC_LATER: InstrumentId = 4;
pub const ETH_PERP: InstrumentId = 5;
pub const ETH_CALL: InstrumentId = 6;

pub fn address(byte: u8) -> Address {
    Address([byte; 20])
}

pub const ADMINS: [u8; 3] = [0xa1, 0xa2, 0xa3];
pub const ORACLES: [u8; 3] = [0xc1, 0xc2, 0xc3];

pub fn cosigned(keys: &[u8]) -> Vec<Cosignature> {
    keys.iter().map(|&key| Cosignature { signer: address(key), signature: Signature::ZERO }).collect()
}

pub fn parameter_defaults() -> Vec<ParameterValue> {
    let value = |parameter| match parameter {
        Parameter::OptionMakerFee => 100_000,
        Parameter::OptionTakerFee => 300_000,
        Parameter::OptionFeeCap => 125_000_000,
        Parameter::PerpetualMakerFee => -50_000,
        Parameter::PerpetualTakerFee => 500_000,
        Parameter::NoncePast => 60_000_000_000,
        Parameter::NonceFuture => 5_000_000_000,
        Parameter::MaxOpenOrders => 20,
        Parameter::MaxInstruments => 5,
        Parameter::OptionInitial => 150_000_000,
        Parameter::OptionInitialFloor => 100_000_000,
        Parameter::OptionMaintenance => 75_000_000,
        Parameter::PerpetualInitial => 40_000_000,
        Parameter::PerpetualMaintenance => 20_000_000,
        Parameter::PerpetualSizeTerm => 5_000_000,
        Parameter::PriceBand => 1_000_000_000,
        Parameter::MarkStaleness => 60_000_000_000,
        Parameter::MinIndexSources => 3,
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
    };
    Parameter::ALL.iter().map(|&parameter| ParameterValue { parameter, value: value(parameter) }).collect()
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
            vol_floor: 300_000_000,
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

/// Terms of WETH, asset 1, which ETH prices and moves.
pub fn weth() -> CollateralTerms {
    CollateralTerms {
        price_underlying: ETH,
        scenario_underlying: ETH,
        haircut_initial: 100_000_000,
        haircut_maintenance: 50_000_000,
        depeg: 0,
        account_cap: 1_000 * CONTRACT,
        venue_cap: 100_000 * CONTRACT,
    }
}

/// Lanes of a long lot at an index in whole USDC. A perpetual moves with the index. An option is worth what it would pay
/// out, 1 % of the index more where vols are up and as much less where they are down; its gap is that of the kink.
fn lanes(spec: &InstrumentSpec, index: i64, range: i64) -> RiskArray {
    let (index, range) = (i128::from(index * USD), i128::from(range));
    let nano = i128::from(NANO_ONE);
    let perpetual = spec.kind == InstrumentKind::Perpetual;
    let at = |moved: i128| index + index * moved / nano;
    let payoff = |price: i128| match spec.option_type {
        _ if perpetual => price,
        OptionType::Call => (price - i128::from(spec.strike)).max(0),
        OptionType::Put => (i128::from(spec.strike) - price).max(0),
    };
    let per_lot = |value: i128| value * i128::from(spec.lot_size);
    let unit = i128::from(CONTRACT) * i128::from(spec.lane_unit);
    let vol = |row: i128| if perpetual { 0 } else { row * index / 100 };
    let gain = |moved: i128, row: i128| payoff(at(moved)) - payoff(index) + vol(row);
    let node = |at: usize| range * (at as i128 - 8) / 8;
    let tail = |percent: i128| {
        let moved = nano * percent / 100;
        let weighted = gain(moved, 1) * range / moved.abs();
        if perpetual { gain(range * moved.signum(), 0) } else { weighted }
    };
    let skew = if perpetual { 0 } else { index / 200 };
    let lane = |lane: usize| match lane {
        0..51 => gain(node(lane % 17), 1 - (lane / 17) as i128),
        51..59 => tail([-66, -33, 50, 100, 200, 300, 400, 500][lane - 51]),
        59 | 60 => skew,
        61 => skew,
        62 => -skew,
        _ => gain(-range, 1),
    };
    let gap = |cell: usize| {
        let (low, high) = (at(node(cell)), at(node(cell + 1)));
        let strike = i128::from(spec.strike);
        let kink =
            if (low..high).contains(&strike) { (strike - low) * (high - strike) / (high - low) } else { 0 };
        (per_lot(kink) / unit + i128::from(!perpetual)) as u32
    };
    RiskArray {
        lanes: std::array::from_fn(|at| per_lot(lane(at)).div_euclid(unit) as i32),
        gaps: std::array::from_fn(gap),
    }
}

pub fn genesis() -> Genesis {
    let members = |keys: &[u8]| keys.iter().map(|&key| address(key)).collect::<Vec<_>>();
    let asset = |asset, symbol: &str, decimals| AssetSpec {
        asset,
        symbol: symbol.into(),
        token: address(0x70 + asset as u8),
        decimals,
    };
    let underlying = |underlying, symbol: &str| UnderlyingSpec { underlying, symbol: symbol.into() };
    Genesis {
        chain_id: 31_337,
        contract: address(0x77),
        operator: address(0x78),
        admins: members(&ADMINS),
        admin_quorum: 2,
        oracles: members(&ORACLES),
        oracle_quorum: 2,
        assets: vec![asset(0, "USDC", 6), asset(1, "WETH", 18)],
        underlyings: vec![underlying(1, "BTC"), underlying(2, "ETH")],
        parameters: parameter_defaults(),
    }
}

pub fn perpetual(
    instrument: InstrumentId,
    underlying: UnderlyingId,
    tick_size: i64,
    lot_size: i64,
) -> InstrumentSpec {
    InstrumentSpec {
        instrument,
        name: format!("{}_USDC-PERPETUAL", if underlying == BTC { "BTC" } else { "ETH" }),
        underlying,
        kind: InstrumentKind::Perpetual,
        option_type: OptionType::Call,
        strike: 0,
        expiry: 0,
        tick_size,
        lot_size,
        lane_unit: 1,
    }
}

pub fn option(
    instrument: InstrumentId,
    underlying: UnderlyingId,
    kind: OptionType,
    strike: i64,
    expiry: Nanos,
) -> InstrumentSpec {
    let (tick_size, lot_size) = if underlying == BTC { (5 * USD, 1_000_000) } else { (USD / 5, 10_000_000) };
    InstrumentSpec {
        instrument,
        name: format!("{underlying}-{}-{strike}-{}", expiry / SECOND, kind.word()),
        underlying,
        kind: InstrumentKind::Option,
        option_type: kind,
        strike: strike * USD,
        expiry,
        tick_size,
        lot_size,
        lane_unit: 1,
    }
}

pub fn listing() -> Vec<InstrumentSpec> {
    vec![
        perpetual(BTC_PERP, BTC, USD / 2, 100_000),
        option(BTC_CALL, BTC, OptionType::Call, 100_000, EXPIRY_1),
        option(BTC_PUT, BTC, OptionType::Put, 100_000, EXPIRY_1),
        option(BTC_LATER, BTC, OptionType::Call, 110_000, EXPIRY_2),
        perpetual(ETH_PERP, ETH, USD / 20, 1_000_000),
        option(ETH_CALL, ETH, OptionType::Call, 4_000, EXPIRY_1),
    ]
}

/// A venue under test, with every accepted command kept for replay.
#[derive(Clone)]
pub struct Venue {
    pub engine: Engine,
    pub time: Nanos,
    pub log: Vec<(Record, Option<HashedArrays>)>,
    nonce: u64,
    inbox: u64,
}

impl Venue {
    /// Only the genesis.
    pub fn bare() -> Self {
        Self::opened_by(genesis())
    }

    /// The same by a genesis of the test's own.
    pub fn opened_by(genesis: Genesis) -> Self {
        let mut venue = Self { engine: Engine::new(), time: T0, log: Vec::new(), nonce: 0, inbox: 0 };
        venue.send(genesis).unwrap();
        venue
    }

    /// Listed and marked: BTC 100,000, ETH 4,000; options at 2,000 and 80 USDC.
    pub fn open() -> Self {
        let mut venue = Self::bare();
        venue.list(listing()).unwrap();
        venue.mark(BTC, 100_000);
        venue.mark(ETH, 4_000);
        venue
    }

    /// Sends a command at the current time and checks all that must hold afterwards.
    pub fn send(&mut self, command: impl Into<Command>) -> Result<Vec<Event>, Reject> {
        self.send_with(command, None)
    }

    pub fn send_with(
        &mut self,
        command: impl Into<Command>,
        arrays: Option<MarkArrays>,
    ) -> Result<Vec<Event>, Reject> {
        let record = Record { time: self.time, command: command.into() };
        let arrays = arrays.map(HashedArrays::new);
        let before = self.engine.to_bytes();
        let mut events = Vec::new();
        let outcome = self.engine.apply(self.engine.sequence() + 1, &record, arrays.as_ref(), &mut events);
        if let Err(violation) = self.engine.check_invariants() {
            panic!("{violation} after {record:?}");
        }
        match outcome {
            Ok(()) => {
                self.log.push((record, arrays));
                Ok(events)
            }
            Err(reject) => {
                assert!(events.is_empty(), "a refused command has no events");
                assert!(self.engine.to_bytes() == before, "a refused command changed state: {reject}");
                Err(reject)
            }
        }
    }

    pub fn advance(&mut self, by: Nanos) {
        self.time += by;
    }

    /// A trading authorization of `signer`.
    pub fn auth(&mut self, signer: Address) -> Authorization {
        self.nonce += 1;
        Authorization {
            signer,
            nonce: self.time + self.nonce % 1_000_000,
            expiry: Nanos::MAX,
            signature: Signature::ZERO,
        }
    }

    /// An owner action's authorization of `signer`.
    pub fn owner_auth(&self, signer: Address) -> Authorization {
        let nonce = self.engine.key(&signer).map_or(0, |key| key.next_nonce);
        Authorization { signer, nonce, expiry: Nanos::MAX, signature: Signature::ZERO }
    }

    pub fn admin(&self) -> Administration {
        Administration { nonce: self.engine.globals().admin_nonce, cosignatures: cosigned(&ADMINS[..2]) }
    }

    pub fn list(&mut self, instruments: Vec<InstrumentSpec>) -> Result<Vec<Event>, Reject> {
        let admin = self.admin();
        self.send(ListInstruments { instruments, admin })
    }

    pub fn set(&mut self, parameter: Parameter, value: i64) -> Result<Vec<Event>, Reject> {
        let admin = self.admin();
        self.send(SetParameter { change: ParameterValue { parameter, value }, admin })
    }

    /// Active risk tables of both underlyings and terms of WETH, with the marks that bring them.
    pub fn with_tables() -> Self {
        let mut venue = Self::open();
        for underlying in [BTC, ETH] {
            let admin = venue.admin();
            let parameters = risk_parameters();
            venue.send(SetRiskParameters { underlying, parameters, effective: 0, admin }).unwrap();
        }
        let admin = venue.admin();
        venue.send(SetCollateral { asset: WETH, terms: weth(), effective: 0, admin }).unwrap();
        venue.mark(BTC, 100_000);
        venue.mark(ETH, 4_000);
        venue
    }

    /// Switches a subaccount to another margin model.
    pub fn model(&mut self, subaccount: SubaccountId, model: MarginModel) -> Result<Vec<Event>, Reject> {
        let auth = self.owner_auth(self.engine.owner_of(subaccount).unwrap());
        self.send(SetMarginModel { subaccount, model, auth })
    }

    pub fn mode(&mut self, underlying: UnderlyingId, mode: Mode) -> Result<Vec<Event>, Reject> {
        let admin = self.admin();
        self.send(SetMode { underlying, mode, admin })
    }

    /// Inputs and arrays at an index in whole USDC: perpetuals at the index, options at 2 % of it.
    pub fn marks(&self, underlying: UnderlyingId, index: i64) -> (MarkUpdate, MarkArrays) {
        let time = self.time;
        let live: Vec<_> =
            self.engine.mark_arrays_spec(underlying, time).map(|(_, spec)| spec.clone()).collect();
        let mut expiries: Vec<Nanos> =
            live.iter().map(|spec| spec.expiry).filter(|&expiry| expiry != 0).collect();
        expiries.sort_unstable();
        expiries.dedup();
        let range = self.engine.underlying(underlying).unwrap().risk.at(time);
        let range = range.map(|table| table.parameters.scenario.range);
        let smile = SviSlice { a: 1, b: 1, rho: 0, m: 0, sigma: 1 };
        let forward = index * NANO_ONE;
        let inputs = MarkInputs {
            underlying,
            time,
            index: forward,
            confidence: 1_000,
            sources: 5,
            perpetual_mark: forward,
            funding_rate: 100_000,
            expiries: expiries
                .iter()
                .map(|&expiry| ExpiryInputs { expiry, forward, rate: 0, smile: smile.clone() })
                .collect(),
        };
        let marks = live.iter().map(|spec| InstrumentMark {
            instrument: spec.instrument,
            mark: if spec.kind == InstrumentKind::Perpetual { index * USD } else { index * USD / 50 },
            iv: 0,
            delta: match (spec.kind, spec.option_type) {
                (InstrumentKind::Perpetual, _) => NANO_ONE,
                (InstrumentKind::Option, OptionType::Call) => NANO_ONE / 2,
                (InstrumentKind::Option, OptionType::Put) => -NANO_ONE / 2,
            },
            vega: if spec.kind == InstrumentKind::Option { index * USD / 1_000 } else { 0 },
            risk: range.map(|range| Arc::new(lanes(spec, index, range))),
        });
        let version = u8::from(range.is_some());
        let arrays = MarkArrays { underlying, version, marks: marks.collect() };
        let listing_epoch = self.engine.underlying(underlying).unwrap().listing_epoch;
        let update = MarkUpdate {
            inputs,
            cosignatures: cosigned(&ORACLES[1..]),
            listing_epoch,
            arrays_hash: arrays.hash(),
        };
        (update, arrays)
    }

    pub fn mark(&mut self, underlying: UnderlyingId, index: i64) -> Vec<Event> {
        // Marks are strictly later than the ones before.
        self.advance(1);
        let (update, arrays) = self.marks(underlying, index);
        self.send_with(update, Some(arrays)).unwrap()
    }

    pub fn inbox(&mut self, body: InboxBody) -> Vec<Event> {
        let index = self.inbox;
        self.inbox += 1;
        self.send(InboxItem { index, body }).unwrap()
    }

    /// Deposits whole USDC; returns the owner's first subaccount.
    pub fn deposit(&mut self, owner: Address, usdc: i64) -> SubaccountId {
        self.inbox(InboxBody::Deposit { owner, subaccount: 0, asset: USDC, amount: usdc * USD });
        self.engine.key(&owner).unwrap().subaccounts[0]
    }

    /// An order in lots and ticks, good till cancelled, by the owner.
    pub fn order(
        &mut self,
        subaccount: SubaccountId,
        instrument: InstrumentId,
        side: Side,
        lots: i64,
        price: i64,
    ) -> PlaceOrder {
        let spec = self.engine.instrument(instrument).unwrap().spec.clone();
        let owner = self.engine.owner_of(subaccount).unwrap();
        PlaceOrder {
            subaccount,
            instrument,
            side,
            amount: lots * spec.lot_size,
            limit_price: price * spec.tick_size,
            order_type: OrderType::Limit,
            time_in_force: TimeInForce::Gtc,
            valid_until: 0,
            post_only: PostOnly::No,
            reduce_only: false,
            self_trade: SelfTrade::CancelNewest,
            max_fee: i64::MAX,
            client_id: String::new(),
            auth: self.auth(owner),
        }
    }

    pub fn buy(
        &mut self,
        subaccount: SubaccountId,
        instrument: InstrumentId,
        lots: i64,
        price: i64,
    ) -> Vec<Event> {
        let order = self.order(subaccount, instrument, Side::Buy, lots, price);
        self.send(order).unwrap()
    }

    pub fn sell(
        &mut self,
        subaccount: SubaccountId,
        instrument: InstrumentId,
        lots: i64,
        price: i64,
    ) -> Vec<Event> {
        let order = self.order(subaccount, instrument, Side::Sell, lots, price);
        self.send(order).unwrap()
    }

    /// The id that the last accepted command's order got.
    pub fn last_order(&self) -> OrderId {
        OrderId::new(self.engine.sequence(), 0)
    }

    pub fn replace(
        &mut self,
        subaccount: SubaccountId,
        order: OrderId,
        lots: i64,
        price: i64,
    ) -> ReplaceOrder {
        let open = self.engine.account(subaccount).unwrap().order(order).copied();
        let spec = self.engine.instrument(open.map_or(1, |open| open.instrument)).unwrap().spec.clone();
        let owner = self.engine.owner_of(subaccount).unwrap();
        ReplaceOrder {
            subaccount,
            order,
            amount: lots * spec.lot_size,
            limit_price: price * spec.tick_size,
            post_only: PostOnly::No,
            reduce_only: false,
            max_fee: i64::MAX,
            auth: self.auth(owner),
        }
    }

    pub fn cancel(&mut self, subaccount: SubaccountId, order: OrderId) -> Result<Vec<Event>, Reject> {
        self.send(CancelOrder { subaccount, order, auth: None })
    }

    pub fn position(&self, subaccount: SubaccountId, instrument: InstrumentId) -> i64 {
        self.engine.account(subaccount).unwrap().holding(instrument).map_or(0, |holding| holding.position)
    }

    pub fn cash(&self, subaccount: SubaccountId) -> i64 {
        self.engine.account(subaccount).unwrap().balance(USDC)
    }

    /// (price, lots, orders) by level, best first.
    pub fn levels(&self, instrument: InstrumentId, side: Side) -> Vec<(i64, i64, u32)> {
        self.engine
            .books()
            .levels(instrument, side)
            .map(|level| (level.price, level.lots, level.count))
            .collect()
    }

    pub fn expire(&self, underlying: UnderlyingId, expiry: Nanos, price: i64) -> Expire {
        Expire { underlying, expiry, price: price * USD, cosignatures: cosigned(&ORACLES[..2]) }
    }
}

/// Names of events, in order.
pub fn names(events: &[Event]) -> Vec<&'static str> {
    events.iter().map(Event::name).collect()
}

pub fn fills(events: &[Event]) -> Vec<&Fill> {
    let fills = events.iter().filter_map(|event| match event {
        Event::Fill(fill) => Some(fill),
        _ => None,
    });
    fills.collect()
}

pub fn closes(events: &[Event]) -> Vec<(OrderId, CloseReason)> {
    let closes = events.iter().filter_map(|event| match event {
        Event::OrderClosed(closed) => Some((closed.order, closed.reason)),
        _ => None,
    });
    closes.collect()
}

pub fn code(outcome: Result<Vec<Event>, Reject>) -> &'static str {
    outcome.expect_err("the command should be refused").code()
}
