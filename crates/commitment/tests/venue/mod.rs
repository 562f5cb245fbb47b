//! A small venue that makes signed commands from numbers: what the tests of replicas feed on.

use commitment::Replica;
use protocol::*;
use std::collections::BTreeSet;
use std::num::NonZero;

pub const SECOND: u64 = 1_000_000_000;
pub const START: u64 = 1_770_000_000 * SECOND;
const DAY: u64 = 86_400 * SECOND;
const HORIZON: u64 = u64::MAX;
const OWNERS: u8 = 4;

fn secret(number: u8) -> [u8; 32] {
    [number + 1; 32]
}

fn address(number: u8) -> Address {
    address_of(&secret(number)).expect("a small number is a key")
}

/// Keys by role: owners from 0, their session keys from 50, then who governs.
pub fn owner(number: u64) -> u8 {
    (number % u64::from(OWNERS)) as u8
}
const ADMIN: u8 = 100;
const ORACLE: u8 = 101;

/// One random act: which kind, and numbers that it is made of.
pub type Act = (u8, [u64; 4]);

/// A replica, and what its clients know.
pub struct Venue {
    pub replica: Replica,
    pub records: Vec<Vec<u8>>,
    /// Names of all events so far.
    pub seen: BTreeSet<&'static str>,
    time: u64,
    nonce: u64,
    index: i64,
}

struct Names<'a>(&'a engine::Engine);

impl protocol::Names for Names<'_> {
    fn instrument(&self, id: InstrumentId) -> Option<&str> {
        self.0.instrument(id).map(|instrument| instrument.spec.name.as_str())
    }
    fn underlying(&self, id: UnderlyingId) -> Option<&str> {
        self.0.underlying(id).map(|underlying| underlying.spec.symbol.as_str())
    }
    fn asset(&self, id: AssetId) -> Option<&str> {
        self.0.genesis()?.assets.get(usize::from(id)).map(|asset| asset.symbol.as_str())
    }
}

fn parameter(parameter: Parameter) -> i64 {
    match parameter {
        Parameter::OptionMakerFee | Parameter::OptionTakerFee => 300_000,
        Parameter::OptionFeeCap => 125_000_000,
        Parameter::PerpetualMakerFee => -10_000,
        Parameter::PerpetualTakerFee => 500_000,
        Parameter::NoncePast | Parameter::NonceFuture => 60 * SECOND as i64,
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
    }
}

fn risk_parameters() -> RiskParameters {
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

fn genesis() -> Command {
    let asset = |asset, symbol: &str, decimals| AssetSpec {
        asset,
        symbol: symbol.into(),
        token: Address([0xA0 + asset as u8; 20]),
        decimals,
    };
    Genesis {
        chain_id: 31_337,
        contract: Address([0x55; 20]),
        operator: address(99),
        admins: vec![address(ADMIN)],
        admin_quorum: 1,
        oracles: vec![address(ORACLE)],
        oracle_quorum: 1,
        assets: vec![asset(0, "USDC", 6), asset(1, "WBTC", 8)],
        underlyings: vec![UnderlyingSpec { underlying: 1, symbol: "BTC".into() }],
        parameters: Parameter::ALL
            .iter()
            .map(|&which| ParameterValue { parameter: which, value: parameter(which) })
            .collect(),
    }
    .into()
}

impl Venue {
    /// A venue that has opened, listed a perpetual and four options, marked them, and credited every owner.
    pub fn open() -> Self {
        let replica = Replica::new();
        let mut venue = Self {
            replica,
            records: Vec::new(),
            seen: BTreeSet::new(),
            time: START,
            nonce: START,
            index: 75_000 * NANO_ONE,
        };
        venue.must(genesis());
        venue.must(venue.listing());
        venue.must(venue.mark());
        for number in 0..OWNERS {
            let deposit =
                |asset, amount| InboxBody::Deposit { owner: address(number), subaccount: 0, asset, amount };
            venue.must(venue.inbox(deposit(0, 1_000_000 * USD)));
            venue.must(venue.inbox(deposit(1, 3 * CONTRACT)));
        }
        venue
    }

    pub fn must(&mut self, command: Command) {
        let name = command.name();
        assert!(self.submit(command), "the venue refuses its own {name}");
    }

    /// Sequences a command; `false`, and nothing, when it is refused. Its signatures are right either way.
    pub fn submit(&mut self, command: Command) -> bool {
        let record = Record { time: self.time, command }.to_bytes();
        let applied = match self.replica.apply(&record, false) {
            Ok(events) => {
                self.seen.extend(events.iter().map(Event::name));
                true
            }
            Err(error) => {
                assert!(matches!(error.fault, commitment::Fault::Refused(_)), "{error}");
                false
            }
        };
        if applied {
            self.records.push(record);
        }
        applied
    }

    /// Does what the numbers say; whether anything came of it depends on them.
    pub fn act(&mut self, (kind, [a, b, c, d]): Act) -> bool {
        self.time += a % 20 * SECOND / 10;
        let who = owner(a >> 8);
        let command = match kind % 28 {
            0 => self.inbox(InboxBody::Deposit {
                owner: address(who),
                subaccount: b % 3,
                asset: (c % 2) as u16,
                amount: 1 + (d % 1_000_000) as i64,
            }),
            1 => self.forced(who, b, c, d),
            2 => self.withdraw(who, b, c, d),
            3 => self.transfer(who, b, c, d),
            4 if b % 4 == 0 => self.owned(who, |auth| CreateSubaccount { auth }.into()),
            4 => self.owned(who, |auth| RevokeSessionKey { key: address(50 + who), auth }.into()),
            5 => self.register_key(who, b, c, d),
            6 => self.cancel(who, b),
            7 => self.replace(who, b, c, d),
            8 => self.cancel_all(who, b, c),
            9 => {
                self.index =
                    (self.index + self.index / 1_000 * (b % 41) as i64 - self.index / 50).max(NANO_ONE);
                self.time += SECOND;
                self.mark()
            }
            10 => FundingTick { underlying: 1 }.into(),
            11 => Clock { limit: 1 + (b % 3) as u16 }.into(),
            12 if b % 8 == 0 => {
                self.administered(|admin| SetMode { underlying: 1, mode: Mode::ALL[(c % 2) as usize], admin })
            }
            12 => self.administered(|admin| SetParameter {
                change: ParameterValue {
                    parameter: Parameter::PerpetualTakerFee,
                    value: (c % 1_000_000) as i64,
                },
                admin,
            }),
            13 => self.expire(b),
            14 => SettleExpired { underlying: 1, expiry: self.expiry(b), limit: 1 + (c % 5) as u16 }.into(),
            15 if b % 4 == 0 => self.listing(),
            15 => self.trading(who, |auth| RaiseNonceFloor { floor: auth.nonce, auth }.into()),
            16 if b.is_multiple_of(2) => self.risk_table(c, d),
            16 => self.collateral(c, d),
            17 => self.margin_model(who, b, c),
            18 => self.fund_insurance(who, c, d),
            19 if b.is_multiple_of(2) => self.bid(who, b, c, d),
            _ => self.place(who, b, c, d),
        };
        self.submit(command)
    }

    fn engine(&self) -> &engine::Engine {
        self.replica.engine()
    }

    fn seal(&self, key: u8, nonce: u64, make: impl Fn(Authorization) -> Command) -> Command {
        let auth = |signature| Authorization { signer: address(key), nonce, expiry: HORIZON, signature };
        make(auth(self.sign(key, &make(auth(Signature::ZERO)))))
    }

    fn sign(&self, key: u8, command: &Command) -> Signature {
        let domain = Domain::new(31_337, Address([0x55; 20]));
        match digest(command, &domain, &Names(self.engine())) {
            Ok(Some(digest)) => sign(&digest, &secret(key)).expect("a small number is a key"),
            other => panic!("{} has no digest: {other:?}", command.name()),
        }
    }

    /// By an owner or its session key, with the next trading nonce.
    pub fn trading(&mut self, key: u8, make: impl Fn(Authorization) -> Command) -> Command {
        self.nonce = self.time.max(self.nonce + 1);
        self.seal(key, self.nonce, make)
    }

    fn owned(&self, who: u8, make: impl Fn(Authorization) -> Command) -> Command {
        let nonce = self.engine().key(&address(who)).map_or(0, |key| key.next_nonce);
        self.seal(who, nonce, make)
    }

    fn administered<C: Into<Command>>(&self, make: impl Fn(Administration) -> C) -> Command {
        let nonce = self.engine().globals().admin_nonce;
        let admin = |signature| Administration {
            nonce,
            cosignatures: vec![Cosignature { signer: address(ADMIN), signature }],
        };
        let signature = self.sign(ADMIN, &make(admin(Signature::ZERO)).into());
        make(admin(signature)).into()
    }

    pub fn inbox(&self, body: InboxBody) -> Command {
        InboxItem { index: self.engine().globals().inbox_next, body }.into()
    }

    fn forced(&self, who: u8, b: u64, c: u64, d: u64) -> Command {
        let (owner, subaccount) = (address(who), self.subaccount(who, c));
        self.inbox(match b % 12 {
            0 => InboxBody::ForcedCloseOnly { owner, subaccount },
            1..4 => InboxBody::RegisterKey { owner, key: address(50 + who), scopes: 15, expiry: HORIZON },
            4..6 => InboxBody::RaiseNonceFloor { owner, signer: owner, floor: self.nonce },
            6..8 => InboxBody::ForcedCancelAll { owner, subaccount },
            _ => InboxBody::ForcedWithdraw {
                owner,
                subaccount,
                asset: 0,
                amount: 1 + (d % 1_000_000_000) as i64,
                recipient: owner,
            },
        })
    }

    fn withdraw(&self, who: u8, b: u64, c: u64, d: u64) -> Command {
        let (subaccount, recipient) = (self.subaccount(who, b), Address([d as u8; 20]));
        let (asset, amount) = ((c % 2) as u16, 1 + (d % 100_000_000) as i64);
        self.owned(who, |auth| Withdraw { subaccount, asset, amount, recipient, auth }.into())
    }

    fn transfer(&self, who: u8, b: u64, c: u64, d: u64) -> Command {
        let (from, to) = (self.subaccount(who, b), self.subaccount(who, b + 1));
        let (asset, amount) = ((c % 2) as u16, 1 + (d % 100_000_000) as i64);
        self.owned(who, |auth| Transfer { from, to, asset, amount, auth }.into())
    }

    fn register_key(&self, who: u8, b: u64, c: u64, d: u64) -> Command {
        let subaccounts = if b.is_multiple_of(2) { vec![self.subaccount(who, c)] } else { Vec::new() };
        let (scopes, key_expiry) = (1 + (c % 15) as u8, self.time + d % (DAY * 9));
        let mut command = self.owned(who, |auth| {
            let (key, subaccounts, consent) = (address(50 + who), subaccounts.clone(), Signature::ZERO);
            RegisterSessionKey { key, scopes, subaccounts, key_expiry, auth, consent }.into()
        });
        let consent = self.sign(50 + who, &command);
        if let Command::RegisterSessionKey(body) = &mut command {
            body.consent = consent;
        }
        command
    }

    /// A risk table of the underlying, one of three.
    fn risk_table(&self, c: u64, d: u64) -> Command {
        let mut parameters = risk_parameters();
        parameters.scenario.range += (c % 3) as i64 * 10_000_000;
        let effective = self.time + d % (2 * 3_600) * SECOND;
        self.administered(|admin| SetRiskParameters { underlying: 1, parameters, effective, admin })
    }

    /// Terms of WBTC, one of three.
    fn collateral(&self, c: u64, d: u64) -> Command {
        let terms = CollateralTerms {
            price_underlying: 1,
            scenario_underlying: (c % 2) as u16,
            haircut_initial: 100_000_000,
            haircut_maintenance: 50_000_000,
            depeg: (c % 3) as i64 * 10_000_000,
            account_cap: 10 * CONTRACT,
            venue_cap: 100 * CONTRACT,
        };
        let effective = self.time + d % (2 * 3_600) * SECOND;
        self.administered(|admin| SetCollateral { asset: 1, terms, effective, admin })
    }

    fn margin_model(&self, who: u8, b: u64, c: u64) -> Command {
        let (subaccount, model) =
            (self.subaccount(who, b), MarginModel::ALL[usize::from(!c.is_multiple_of(3))]);
        self.owned(who, |auth| SetMarginModel { subaccount, model, auth }.into())
    }

    fn fund_insurance(&self, who: u8, c: u64, d: u64) -> Command {
        let (subaccount, amount) = (self.subaccount(who, c), 1 + (d % 1_000_000_000) as i64);
        self.owned(who, |auth| FundInsurance { subaccount, amount, auth }.into())
    }

    /// The owner takes out all that may leave, so that the next move of the market finds an account without reserves.
    pub fn drain(&self, who: u8) -> Command {
        let subaccount = self.subaccount(who, 0);
        let amount = self.engine().withdrawable(subaccount, USDC);
        let recipient = address(who);
        self.owned(who, |auth| Withdraw { subaccount, asset: USDC, amount, recipient, auth }.into())
    }

    /// A bid for a portfolio that is being auctioned, or for one that is not.
    pub fn bid(&mut self, who: u8, b: u64, c: u64, d: u64) -> Command {
        let subaccount = self.subaccount(who, b);
        let auctioned: Vec<_> = self.engine().auctions().map(|auction| auction.subaccount).collect();
        let target = auctioned.get(c as usize % auctioned.len().max(1)).copied().unwrap_or(1);
        let share = NANO_ONE / 10 * (1 + (d % 10) as i64);
        let limit = 10_000_000 * USD;
        self.trading(who, |auth| LiquidationBid { subaccount, target, share, limit, auth }.into())
    }

    /// One of the subaccounts of an owner, or one that is none.
    pub fn subaccount(&self, who: u8, pick: u64) -> SubaccountId {
        match self.engine().key(&address(who)).map_or(&[][..], |key| &key.subaccounts) {
            [] => 1,
            list => list[pick as usize % list.len()],
        }
    }

    fn open_order(&self, who: u8, pick: u64) -> Option<(SubaccountId, OrderId, i64, i64)> {
        let subaccount = self.subaccount(who, pick);
        let mut orders = self.engine().account(subaccount)?.orders();
        let open = orders.nth(pick as usize % orders.len().max(1))?;
        let (_, resting) = self.engine().open_order(subaccount, open.order)?;
        let spec = &self.engine().instrument(open.instrument)?.spec;
        Some((
            subaccount,
            open.order,
            (resting.lots + open.filled) * spec.lot_size,
            open.price * spec.tick_size,
        ))
    }

    fn cancel(&mut self, who: u8, b: u64) -> Command {
        let (subaccount, order, ..) = self.open_order(who, b).unwrap_or((1, OrderId(9), 0, 0));
        match b % 3 {
            0 => CancelOrder { subaccount, order, auth: None }.into(),
            _ => self.trading(who, |auth| CancelOrder { subaccount, order, auth: Some(auth) }.into()),
        }
    }

    fn replace(&mut self, who: u8, b: u64, c: u64, d: u64) -> Command {
        let (subaccount, order, amount, limit_price) =
            self.open_order(who, b).unwrap_or((1, OrderId(9), 1, 1));
        let amount = if c.is_multiple_of(2) { amount / 2_000_000 * 1_000_000 } else { amount * 2 };
        let limit_price = limit_price + [0, 0, 5_000_000, -5_000_000][d as usize % 4];
        self.trading(who, |auth| {
            let (post_only, reduce_only, max_fee) = (PostOnly::No, false, 1_000 * USD);
            ReplaceOrder {
                subaccount,
                order,
                amount: amount.max(1),
                limit_price: limit_price.max(1),
                post_only,
                reduce_only,
                max_fee,
                auth,
            }
            .into()
        })
    }

    fn cancel_all(&mut self, who: u8, b: u64, c: u64) -> Command {
        let subaccount = self.subaccount(who, b);
        let (instrument, underlying) = [(0, 0), (1, 0), (0, 1)][c as usize % 3];
        self.trading(who, |auth| CancelAll { subaccount, instrument, underlying, auth: Some(auth) }.into())
    }

    /// Orders around the mark, one or two price steps from it, so that many meet.
    fn place(&mut self, who: u8, b: u64, c: u64, d: u64) -> Command {
        let open = &self.engine().underlyings()[0].open;
        let id = open.get(b as usize % open.len().max(1)).copied().unwrap_or(1);
        let instrument = self.engine().instrument(id).expect("listed");
        let (spec, mark) = (instrument.spec.clone(), instrument.mark.as_ref().map_or(0, |mark| mark.mark));
        let steps = mark / spec.tick_size + (c % 5) as i64 - 2;
        let time_in_force = TimeInForce::ALL[[0, 0, 0, 1, 2, 3][c as usize / 5 % 6]];
        let valid_until =
            if time_in_force == TimeInForce::Gtd { self.time + 1 + d % (20 * SECOND) } else { 0 };
        let subaccount = self.subaccount(who, d);
        let key = if d.is_multiple_of(5) { 50 + who } else { who };
        let order = PlaceOrder {
            subaccount,
            instrument: id,
            side: Side::ALL[d as usize % 2],
            amount: (1 + (d >> 8) as i64 % 9) * spec.lot_size,
            limit_price: steps.max(1) * spec.tick_size,
            order_type: OrderType::Limit,
            time_in_force,
            valid_until,
            post_only: PostOnly::ALL[[0, 0, 0, 1, 2][c as usize / 64 % 5]],
            reduce_only: d.is_multiple_of(13),
            self_trade: SelfTrade::ALL[c as usize / 512 % 3],
            max_fee: 10_000 * USD,
            client_id: if d.is_multiple_of(3) {
                format!("client {}", self.records.len())
            } else {
                String::new()
            },
            auth: Authorization { signer: Address::ZERO, nonce: 0, expiry: 0, signature: Signature::ZERO },
        };
        self.trading(key, |auth| PlaceOrder { auth, ..order.clone() }.into())
    }

    fn expiry(&self, pick: u64) -> u64 {
        let expiries = &self.engine().underlyings()[0].expiries;
        expiries.get(pick as usize % expiries.len().max(1)).map_or(1, |series| series.expiry)
    }

    /// Time passes to the first expiry, and its price is fixed.
    fn expire(&mut self, b: u64) -> Command {
        let (underlying, expiry, price) = (1, self.expiry(0), self.index / 1_000);
        if b.is_multiple_of(3) {
            self.time = self.time.max(expiry);
        }
        let expire = |signature| {
            let cosignatures = vec![Cosignature { signer: address(ORACLE), signature }];
            Expire { underlying, expiry, price, cosignatures }.into()
        };
        expire(self.sign(ORACLE, &expire(Signature::ZERO)))
    }

    fn listing(&self) -> Command {
        let first = self.engine().instruments().len() as u32 + 1;
        let spec = |instrument, kind, option_type, strike: i64, days| InstrumentSpec {
            instrument,
            name: format!("BTC_USDC-{instrument}"),
            underlying: 1,
            kind,
            option_type,
            strike: strike * USD,
            expiry: if days == 0 { 0 } else { self.time / DAY * DAY + days * DAY },
            tick_size: 5 * USD,
            lot_size: CONTRACT / 100,
            lane_unit: 100,
        };
        let mut instruments = Vec::new();
        if first == 1 {
            instruments.push(spec(first, InstrumentKind::Perpetual, OptionType::Call, 0, 0));
        }
        let options =
            [(OptionType::Call, 75_000, 3), (OptionType::Put, 70_000, 3), (OptionType::Call, 80_000, 9)];
        for (option_type, strike, days) in options {
            let id = first + instruments.len() as u32;
            instruments.push(spec(id, InstrumentKind::Option, option_type, strike, days));
        }
        self.administered(|admin| ListInstruments { instruments: instruments.clone(), admin })
    }

    /// The index moves by a share in 1e-3, and is marked.
    pub fn move_index(&mut self, share: i64) -> Command {
        self.index += self.index / 1_000 * share;
        self.time += SECOND;
        self.mark()
    }

    /// Owner `seller` sells `lots` of the perpetual to owner `buyer` at the mark.
    pub fn sell_perpetual(&mut self, seller: u8, buyer: u8, lots: i64) {
        let instrument = &self.engine().instruments()[0];
        let (spec, mark) = (instrument.spec.clone(), instrument.mark.as_ref().expect("marked").mark);
        for (who, side) in [(seller, Side::Sell), (buyer, Side::Buy)] {
            let subaccount = self.subaccount(who, 0);
            let order = self.trading(who, |auth| {
                PlaceOrder {
                    subaccount,
                    instrument: spec.instrument,
                    side,
                    amount: lots * spec.lot_size,
                    limit_price: mark / spec.tick_size * spec.tick_size,
                    order_type: OrderType::Limit,
                    time_in_force: TimeInForce::Gtc,
                    valid_until: 0,
                    post_only: PostOnly::No,
                    reduce_only: false,
                    self_trade: SelfTrade::CancelNewest,
                    max_fee: 10_000 * USD,
                    client_id: String::new(),
                    auth,
                }
                .into()
            });
            self.must(order);
        }
    }

    pub fn mark(&self) -> Command {
        let engine = self.engine();
        let underlying = &engine.underlyings()[0];
        let smile = SviSlice { a: 10_000_000, b: 20_000_000, rho: -300_000_000, m: 0, sigma: 100_000_000 };
        let series =
            underlying.expiries.iter().filter(|series| series.price.is_none() && series.expiry > self.time);
        let inputs = MarkInputs {
            underlying: 1,
            time: self.time,
            index: self.index,
            confidence: 1_000,
            sources: 5,
            perpetual_mark: self.index + self.index / 10_000,
            funding_rate: 100_000,
            expiries: series
                .map(|series| ExpiryInputs {
                    expiry: series.expiry,
                    forward: self.index + self.index / 500,
                    rate: 0,
                    smile: smile.clone(),
                })
                .collect(),
        };
        let arrays = pricing::mark_arrays(
            &inputs,
            engine.mark_arrays_spec(1, inputs.time),
            engine.mark_scenario(1, inputs.time),
        )
        .expect("sound inputs");
        let update = |signature| {
            MarkUpdate {
                inputs: inputs.clone(),
                cosignatures: vec![Cosignature { signer: address(ORACLE), signature }],
                listing_epoch: underlying.listing_epoch,
                arrays_hash: arrays.hash(),
            }
            .into()
        };
        update(self.sign(ORACLE, &update(Signature::ZERO)))
    }
}

/// Threads that tests use.
pub const THREADS: NonZero<usize> = NonZero::new(3).expect("three is not zero");
