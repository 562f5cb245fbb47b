//! Time of portfolio margin: an order of an account with many positions, and a mark after which every account of a venue
//! is margined again.
//!
//! `cargo run --release -p synchromesh-engine --example margin_check [accounts]`
//!
//! An order is placed where it rests and cancelled again; the same commands of a standard account with as many positions tell what
//! the rest of a command costs. Every portfolio is long and short by turns. One JSON object is printed per figure.

#![allow(clippy::unwrap_used)]

use engine::Engine;
use protocol::*;
use std::time::Instant;
use support::*;

#[path = "../support/mod.rs"]
mod support;

/// Between two commands.
const STEP: Nanos = 2_000;
/// Orders placed and cancelled for one figure.
const ORDERS: usize = 20_000;
/// Marks applied for one figure.
const MARKS: usize = 20;
/// Options listed.
const OPTIONS: u32 = 1_000;
/// Positions of each account when all of them are margined.
const POSITIONS: u32 = 20;

struct Bench {
    engine: Engine,
    time: Nanos,
    inbox: u64,
    events: Vec<Event>,
}

impl Bench {
    /// A venue with a risk table, marked; its first subaccount trades with all others.
    fn new() -> Self {
        let mut bench = Self { engine: Engine::new(), time: T0, inbox: 0, events: Vec::new() };
        bench.engine.track_dirty(false);
        bench.apply(genesis().into(), None);
        let specs: Vec<_> = (1..=OPTIONS).map(spec).collect();
        for chunk in specs.chunks(256) {
            let admin = bench.admin();
            bench.apply(ListInstruments { instruments: chunk.to_vec(), admin }.into(), None);
        }
        let admin = bench.admin();
        let parameters = risk_parameters();
        bench.apply(SetRiskParameters { underlying: 1, parameters, effective: 0, admin }.into(), None);
        bench.mark(0);
        bench.deposit(0);
        bench
    }

    fn admin(&self) -> Administration {
        Administration { nonce: self.engine.globals().admin_nonce, cosignatures: cosigned() }
    }

    /// Applies a command and returns how long it took, ns.
    fn apply(&mut self, command: Command, arrays: Option<&HashedArrays>) -> u64 {
        self.time += STEP;
        let record = Record { time: self.time, command };
        self.events.clear();
        let start = Instant::now();
        self.engine.apply(self.engine.sequence() + 1, &record, arrays, &mut self.events).unwrap();
        start.elapsed().as_nanos() as u64
    }

    fn mark(&mut self, moved: i64) -> u64 {
        let (update, arrays) = marks(&self.engine, self.time + STEP, INDEX + moved);
        self.apply(update.into(), Some(&arrays))
    }

    /// A new owner's subaccount with ten million USDC.
    fn deposit(&mut self, user: u64) -> SubaccountId {
        let (owner, amount) = (address(user), 10_000_000 * USD * if user == 0 { 10_000 } else { 1 });
        let body = InboxBody::Deposit { owner, subaccount: 0, asset: USDC, amount };
        let index = self.inbox;
        self.inbox += 1;
        self.apply(InboxItem { index, body }.into(), None);
        self.engine.accounts().len() as SubaccountId
    }

    fn auth(&self, user: u64, nonce: u64) -> Authorization {
        Authorization { signer: address(user), nonce, expiry: Nanos::MAX, signature: Signature::ZERO }
    }

    fn switch_to_portfolio(&mut self, subaccount: SubaccountId) {
        let auth = self.auth(subaccount - 1, 0);
        self.apply(SetMarginModel { subaccount, model: MarginModel::Portfolio, auth }.into(), None);
    }

    fn place(&mut self, subaccount: SubaccountId, instrument: InstrumentId, side: Side, ticks: i64) -> u64 {
        let order = PlaceOrder {
            subaccount,
            instrument,
            side,
            amount: 1_000_000,
            limit_price: ticks * 5 * USD,
            order_type: OrderType::Limit,
            time_in_force: TimeInForce::Gtc,
            valid_until: 0,
            post_only: PostOnly::No,
            reduce_only: false,
            self_trade: SelfTrade::CancelNewest,
            max_fee: i64::MAX,
            client_id: String::new(),
            auth: self.auth(subaccount - 1, self.time),
        };
        self.apply(order.into(), None)
    }

    /// Gives an account one lot of each of `count` options, bought and sold by turns.
    fn fill(&mut self, subaccount: SubaccountId, count: u32) {
        for instrument in 1..=count {
            let side = if instrument % 4 < 2 { Side::Buy } else { Side::Sell };
            self.place(1, instrument, side.opposite(), 400);
            self.place(subaccount, instrument, side, 400);
        }
        let account = self.engine.account(subaccount).unwrap();
        assert_eq!(account.holdings().len(), count as usize, "every order filled");
    }

    /// Places and cancels by turns; medians of either, ns.
    fn orders(&mut self, subaccount: SubaccountId, positions: u32) -> (u64, u64) {
        let (mut places, mut cancels) = (Vec::new(), Vec::new());
        for at in 0..ORDERS as u32 {
            places.push(self.place(subaccount, at % positions + 1, Side::Sell, 500));
            let order = OrderId::new(self.engine.sequence(), 0);
            cancels.push(self.apply(CancelOrder { subaccount, order, auth: None }.into(), None));
        }
        (median(places), median(cancels))
    }
}

fn address(user: u64) -> Address {
    let mut bytes = [0x11; 20];
    bytes[..8].copy_from_slice(&user.to_be_bytes());
    Address(bytes)
}

fn median(mut times: Vec<u64>) -> u64 {
    times.sort_unstable();
    times[times.len() / 2]
}

fn orders() {
    for positions in [10, 100, 1_000] {
        let mut bench = Bench::new();
        let subaccounts = [bench.deposit(1), bench.deposit(2)];
        subaccounts.iter().for_each(|&subaccount| bench.fill(subaccount, positions));
        bench.switch_to_portfolio(subaccounts[1]);
        let standard = bench.orders(subaccounts[0], positions);
        let portfolio = bench.orders(subaccounts[1], positions);
        println!(
            "{{\"name\": \"order, {positions} positions\", \"standard_place_ns\": {}, \"portfolio_place_ns\": {}, \
             \"check_ns\": {}, \"standard_cancel_ns\": {}, \"portfolio_cancel_ns\": {}}}",
            standard.0,
            portfolio.0,
            portfolio.0.saturating_sub(standard.0),
            standard.1,
            portfolio.1
        );
    }
}

/// A venue of accounts in one model: a mark that looks at all of them, and one that looks at those it may concern.
fn marked(accounts: u64, model: MarginModel) {
    let mut bench = Bench::new();
    for user in 1..=accounts {
        let subaccount = bench.deposit(user);
        bench.fill(subaccount, POSITIONS);
        if model == MarginModel::Portfolio {
            bench.switch_to_portfolio(subaccount);
        }
    }
    let mut time = |full: bool| {
        bench.engine.set_full_scan(full);
        bench.mark(1);
        median((0..MARKS as i64).map(|at| bench.mark(at % 2)).collect())
    };
    let (full, indexed) = (time(true), time(false));
    println!(
        "{{\"name\": \"mark, {accounts} {} accounts of {POSITIONS} positions\", \"full_us\": {}, \"indexed_us\": {}}}",
        model.word(),
        full / 1_000,
        indexed / 1_000
    );
}

fn main() {
    let accounts = std::env::args().nth(1).map_or(10_000, |text| text.parse().expect("a number of accounts"));
    orders();
    for &model in MarginModel::ALL {
        marked(accounts, model);
    }
}
