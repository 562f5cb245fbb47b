//! A small venue around a host: three owners with money, one perpetual and two options, signed commands from numbers.

#![allow(dead_code)] // each test program uses a part

use execution::{
    Applied, Host, HostConfig, HostError, LevelAction, Outcome, Refusal, Submission, Update, VenueClock,
};
use protocol::*;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

pub const SECOND: u64 = 1_000_000_000;
/// Commands between snapshots in tests that want some.
pub const SNAPSHOT_EVERY: u64 = 100;
/// Keys by role; owners count from 0.
pub const OPERATOR: u8 = 90;
const ADMIN: u8 = 100;
const ORACLE: u8 = 101;
const OWNERS: u8 = 3;
const DAY: u64 = 86_400 * SECOND;
const INDEX: i64 = 75_000 * NANO_ONE;
const PATIENCE: Duration = Duration::from_secs(60);
/// Commands submitted together by [`Market::trade`].
const BURST: u64 = 25;

pub fn secret(number: u8) -> [u8; 32] {
    [number + 1; 32]
}

pub fn address(number: u8) -> Address {
    address_of(&secret(number)).expect("a small number is a key")
}

pub fn domain() -> Domain {
    Domain::new(31_337, Address([0x55; 20]))
}

/// A directory of one test, gone at its end.
pub struct Scratch(PathBuf);

impl Scratch {
    pub fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("synchromesh-host-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).expect("the temporary directory takes directories");
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Snapshots kept.
    pub fn snapshots(&self) -> usize {
        std::fs::read_dir(self.0.join("snapshots")).map_or(0, Iterator::count)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

struct Names<'a>(&'a engine::Engine);

impl protocol::Names for Names<'_> {
    fn instrument(&self, id: InstrumentId) -> Option<&str> {
        // an unlisted one has a name here, so that a test can sign for it
        Some(self.0.instrument(id).map_or("UNLISTED", |instrument| instrument.spec.name.as_str()))
    }
    fn underlying(&self, id: UnderlyingId) -> Option<&str> {
        self.0.underlying(id).map(|underlying| underlying.spec.symbol.as_str())
    }
    fn asset(&self, id: AssetId) -> Option<&str> {
        self.0.genesis()?.assets.get(usize::from(id)).map(|asset| asset.symbol.as_str())
    }
}

/// Starts a host whose venue time is real time.
pub fn start(directory: &Path, snapshot_every: u64) -> Result<Host, HostError> {
    let clock = VenueClock { venue_start: 0, real_start: 0, speed: 1.0 };
    Host::start(HostConfig { directory: directory.to_owned(), clock, threads: 2, snapshot_every })
}

/// A host, and what its clients know.
pub struct Market {
    host: Host,
    nonce: u64,
    random: u64,
    made: u64,
    /// How far the index is from [`INDEX`].
    moved: i64,
    last: Update,
    followed: BTreeMap<(InstrumentId, u8, i64), i64>,
}

impl Market {
    /// A new venue: listed, marked, and every owner has 5 M USDC.
    pub fn open(directory: &Path, snapshot_every: u64) -> Self {
        let mut market = Self::reopen(directory, snapshot_every);
        market.must_apply(genesis());
        market.must_apply(market.listing());
        market.must_apply(market.mark());
        for number in 0..OWNERS {
            let body = InboxBody::Deposit {
                owner: address(number),
                subaccount: 0,
                asset: 0,
                amount: 5_000_000 * USD,
            };
            market.must_apply(InboxItem { index: u64::from(number), body }.into());
        }
        market
    }

    /// The venue of a directory as it is.
    pub fn reopen(directory: &Path, snapshot_every: u64) -> Self {
        let host = start(directory, snapshot_every).expect("the venue starts");
        Self {
            host,
            nonce: 0,
            random: 1,
            made: 0,
            moved: 0,
            last: Update::default(),
            followed: BTreeMap::new(),
        }
    }

    pub fn host(&self) -> &Host {
        &self.host
    }

    pub fn into_host(self) -> Host {
        self.host
    }

    pub fn directory(&self) -> &Path {
        self.host.directory()
    }

    pub fn sequence(&self) -> u64 {
        self.host.view().read().engine.sequence()
    }

    pub fn close(mut self) {
        self.host.close();
    }

    /// What the last drain of the last call brought.
    pub fn last_update(&self) -> &Update {
        &self.last
    }

    // Submissions

    /// Submits, and waits for all outcomes.
    pub fn outcomes(&mut self, commands: &[Vec<u8>]) -> Vec<Outcome> {
        for (tag, bytes) in commands.iter().enumerate() {
            self.host.submit(Submission { tag: tag as u64, bytes: bytes.clone() }).expect("there is room");
        }
        self.wait(commands.len())
    }

    /// Waits for so many outcomes.
    pub fn wait(&mut self, count: usize) -> Vec<Outcome> {
        let (deadline, mut outcomes) = (Instant::now() + PATIENCE, Vec::new());
        while outcomes.len() < count {
            assert!(Instant::now() < deadline, "{} of {count} outcomes came", outcomes.len());
            let mut update = self.host.drain();
            if update.outcomes.is_empty() {
                std::thread::sleep(Duration::from_millis(1));
                continue;
            }
            outcomes.append(&mut update.outcomes);
            self.follow(&update);
            self.last = update;
        }
        outcomes
    }

    pub fn outcome(&mut self, command: &[u8]) -> Result<Applied, Refusal> {
        self.outcomes(&[command.to_vec()]).pop().expect("one command has one outcome").result
    }

    pub fn must(&mut self, command: &[u8]) -> Applied {
        self.outcome(command).unwrap_or_else(|refusal| panic!("{}: {}", refusal.code, refusal.message))
    }

    fn must_apply(&mut self, command: Command) {
        self.must(&bytes_of(&command));
    }

    /// Random orders around the index, cancels and marks, some of which meet and some of which are refused.
    pub fn trade(&mut self, commands: u64) {
        let mut left = commands;
        while left > 0 {
            let burst: Vec<Vec<u8>> = (0..left.min(BURST)).map(|_| self.act()).collect();
            left -= burst.len() as u64;
            let applied = self.outcomes(&burst).iter().filter(|outcome| outcome.result.is_ok()).count();
            assert!(applied * 2 > burst.len(), "most commands are sound");
        }
    }

    fn act(&mut self) -> Vec<u8> {
        let (who, kind) = (self.draw(3) as u8, self.draw(20));
        if kind == 0 {
            return bytes_of(&self.mark());
        }
        let resting = {
            let view = self.host.view().read();
            view.history.open_orders(u64::from(who) + 1).next().map(|order| order.order)
        };
        if let (1..4, Some(order)) = (kind, resting) {
            let subaccount = u64::from(who) + 1;
            return self.sealed(who, |auth| CancelOrder { subaccount, order, auth: Some(auth) }.into());
        }
        let side = Side::ALL[self.draw(2) as usize];
        let (instrument, price) = if self.draw(3) > 0 { (1, 75_000) } else { (2, 2_000) };
        let (lots, price) = (1 + self.draw(9) as i64, price + 5 * (self.draw(7) as i64 - 3));
        self.order_of(instrument, who, side, lots, price)
    }

    /// Below `bound`, the same in every run.
    fn draw(&mut self, bound: u64) -> u64 {
        self.random =
            self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.random >> 33) % bound
    }

    // Commands

    /// A resting order on the perpetual: lots of 0.01, price in USDC.
    pub fn order(&mut self, who: u8, side: Side, lots: i64, price: i64) -> Vec<u8> {
        self.order_of(1, who, side, lots, price)
    }

    pub fn order_of(
        &mut self,
        instrument: InstrumentId,
        who: u8,
        side: Side,
        lots: i64,
        price: i64,
    ) -> Vec<u8> {
        self.made += 1;
        let order = PlaceOrder {
            subaccount: u64::from(who) + 1,
            instrument,
            side,
            amount: lots * CONTRACT / 100,
            limit_price: price * USD,
            order_type: OrderType::Limit,
            time_in_force: TimeInForce::Gtc,
            valid_until: 0,
            post_only: PostOnly::No,
            reduce_only: false,
            self_trade: SelfTrade::CancelNewest,
            max_fee: 10_000 * USD,
            client_id: if self.made.is_multiple_of(3) {
                format!("client {}", self.made)
            } else {
                String::new()
            },
            auth: Authorization { signer: Address::ZERO, nonce: 0, expiry: 0, signature: Signature::ZERO },
        };
        self.sealed(who, |auth| PlaceOrder { auth, ..order.clone() }.into())
    }

    fn sealed(&mut self, who: u8, make: impl Fn(Authorization) -> Command) -> Vec<u8> {
        self.nonce = self.host.clock().now().max(self.nonce + 1);
        let auth = |signature| Authorization {
            signer: address(who),
            nonce: self.nonce,
            expiry: u64::MAX,
            signature,
        };
        bytes_of(&make(auth(self.sign(who, &make(auth(Signature::ZERO))))))
    }

    fn sign(&self, key: u8, command: &Command) -> Signature {
        let view = self.host.view().read();
        let digest = digest(command, &domain(), &Names(&view.engine));
        sign(&digest.expect("it can be signed").expect("somebody signs it"), &secret(key)).expect("a key")
    }

    fn listing(&self) -> Command {
        let expiry = self.host.clock().now() / DAY * DAY + 3 * DAY;
        let spec = |instrument, kind, strike: i64, expiry| InstrumentSpec {
            instrument,
            name: format!("BTC_USDC-{instrument}"),
            underlying: 1,
            kind,
            option_type: OptionType::Call,
            strike: strike * USD,
            expiry,
            tick_size: 5 * USD,
            lot_size: CONTRACT / 100,
            lane_unit: 10,
        };
        let instruments = vec![
            spec(1, InstrumentKind::Perpetual, 0, 0),
            spec(2, InstrumentKind::Option, 75_000, expiry),
            spec(3, InstrumentKind::Option, 80_000, expiry),
        ];
        let admin = |signature| Administration {
            nonce: 0,
            cosignatures: vec![Cosignature { signer: address(ADMIN), signature }],
        };
        let make =
            |signature| ListInstruments { instruments: instruments.clone(), admin: admin(signature) }.into();
        make(self.sign(ADMIN, &make(Signature::ZERO)))
    }

    /// Sets a risk table, which counts from a mark at `effective` on.
    pub fn risk_table(&self, effective: Nanos) -> Vec<u8> {
        let nonce = self.host.view().read().engine.globals().admin_nonce;
        let make = |signature| {
            let cosignatures = vec![Cosignature { signer: address(ADMIN), signature }];
            let admin = Administration { nonce, cosignatures };
            SetRiskParameters { underlying: 1, parameters: RISK, effective, admin }.into()
        };
        bytes_of(&make(self.sign(ADMIN, &make(Signature::ZERO))))
    }

    /// The same, as it arrives; every time at another index.
    pub fn marked(&mut self) -> Vec<u8> {
        self.moved += NANO_ONE;
        bytes_of(&self.mark())
    }

    /// A mark of now, without arrays: the host computes them.
    fn mark(&self) -> Command {
        let expiries = {
            let view = self.host.view().read();
            view.engine.underlyings()[0].expiries.iter().map(|series| series.expiry).collect::<Vec<_>>()
        };
        let index = INDEX + self.moved;
        let smile = SviSlice { a: 2_000_000, b: 20_000_000, rho: -300_000_000, m: 0, sigma: 100_000_000 };
        let inputs = MarkInputs {
            underlying: 1,
            time: self.host.clock().now(),
            index,
            confidence: 1_000,
            sources: 5,
            perpetual_mark: index,
            funding_rate: 100_000,
            expiries: expiries
                .into_iter()
                .map(|expiry| ExpiryInputs { expiry, forward: index, rate: 0, smile: smile.clone() })
                .collect(),
        };
        let make = |signature| {
            let cosignatures = vec![Cosignature { signer: address(ORACLE), signature }];
            MarkUpdate { inputs: inputs.clone(), cosignatures, listing_epoch: 0, arrays_hash: Hash::ZERO }
                .into()
        };
        make(self.sign(ORACLE, &make(Signature::ZERO)))
    }

    // Books

    fn follow(&mut self, update: &Update) {
        for book in &update.books {
            assert!(book.previous < book.change, "a change id goes up");
            for level in &book.levels {
                let key = (book.instrument, level.side as u8, level.price);
                let known = self.followed.get(&key).is_some_and(|lots| *lots > 0);
                assert_eq!(known, level.action != LevelAction::New, "{key:?}: {level:?}");
                match level.action {
                    LevelAction::Delete => self.followed.remove(&key),
                    LevelAction::New | LevelAction::Change => self.followed.insert(key, level.lots),
                };
            }
        }
    }

    /// Every level as the changes so far add up.
    pub fn books_followed(&self) -> Vec<(InstrumentId, u8, i64, i64)> {
        self.followed
            .iter()
            .map(|((instrument, side, price), lots)| (*instrument, *side, *price, *lots))
            .collect()
    }

    /// Every level as the view has it.
    pub fn books_published(&self) -> Vec<(InstrumentId, u8, i64, i64)> {
        let view = self.host.view().read();
        let mut levels = Vec::new();
        for instrument in view.engine.instruments() {
            let id = instrument.spec.instrument;
            let (_, bids, offers) = view.levels.book(id, usize::MAX);
            let flat = |side: Side, found: Vec<(i64, i64)>| {
                found.into_iter().map(move |(price, lots)| (id, side as u8, price, lots))
            };
            levels.extend(flat(Side::Buy, bids).chain(flat(Side::Sell, offers)));
        }
        levels.sort_unstable();
        levels
    }
}

const RISK: RiskParameters = RiskParameters {
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
};

fn bytes_of(command: &Command) -> Vec<u8> {
    let mut bytes = vec![command.kind()];
    command.put_body(&mut bytes);
    bytes
}

fn genesis() -> Command {
    let values =
        Parameter::ALL.iter().map(|&which| ParameterValue { parameter: which, value: parameter(which) });
    Genesis {
        chain_id: 31_337,
        contract: Address([0x55; 20]),
        operator: address(OPERATOR),
        admins: vec![address(ADMIN)],
        admin_quorum: 1,
        oracles: vec![address(ORACLE)],
        oracle_quorum: 1,
        assets: vec![AssetSpec { asset: 0, symbol: "USDC".into(), token: Address([0xA0; 20]), decimals: 6 }],
        underlyings: vec![UnderlyingSpec { underlying: 1, symbol: "BTC".into() }],
        parameters: values.collect(),
    }
    .into()
}

fn parameter(parameter: Parameter) -> i64 {
    match parameter {
        Parameter::OptionMakerFee | Parameter::OptionTakerFee => 300_000,
        Parameter::OptionFeeCap => 125_000_000,
        Parameter::PerpetualMakerFee => 0,
        Parameter::PerpetualTakerFee => 500_000,
        Parameter::NoncePast | Parameter::NonceFuture => 600 * SECOND as i64,
        Parameter::MaxOpenOrders => 10_000,
        Parameter::MaxInstruments => 20,
        Parameter::OptionInitial => 150_000_000,
        Parameter::OptionInitialFloor => 100_000_000,
        Parameter::OptionMaintenance => 75_000_000,
        Parameter::PerpetualInitial => 40_000_000,
        Parameter::PerpetualMaintenance => 20_000_000,
        Parameter::PerpetualSizeTerm => 1_000_000,
        Parameter::PriceBand => NANO_ONE,
        Parameter::MarkStaleness => DAY as i64,
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
