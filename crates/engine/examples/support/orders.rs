//! Streams of orders: commands are generated against one engine, so that a fresh one accepts every one of them.
//!
//! The mix is exchange-core's: 12.5 % resting orders, 1.8 % immediate ones, 7.2 % cancels, 7.2 % reductions, 71.3 % moves.

#![allow(clippy::unwrap_used)]

use crate::support::*;
use engine::{Engine, Reject};
use protocol::*;

const STEP: Nanos = 2_000;

/// What a workload looks like.
pub struct Shape {
    pub name: &'static str,
    pub instruments: u32,
    pub users: u64,
    pub resting: usize,
}

pub const SHAPES: [Shape; 2] = [
    Shape { name: "hot book, 1 K orders, 1 K users", instruments: 1, users: 1_000, resting: 1_000 },
    Shape {
        name: "1 K instruments, 100 K orders, 1 K users",
        instruments: 1_000,
        users: 1_000,
        resting: 100_000,
    },
];

/// SplitMix64: the same commands on every run.
pub struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}

fn address(user: u64) -> Address {
    let mut bytes = [0x11; 20];
    bytes[..8].copy_from_slice(&user.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    Address(bytes)
}

fn auth(user: u64, nonce: u64) -> Authorization {
    Authorization { signer: address(user), nonce, expiry: Nanos::MAX, signature: Signature::ZERO }
}

/// An engine, the commands that it accepted, and their orders that still rest.
pub struct Generator {
    pub engine: Engine,
    pub records: Vec<(Record, Option<HashedArrays>)>,
    events: Vec<Event>,
    open: Vec<(OrderId, SubaccountId)>,
    random: Random,
}

impl Generator {
    pub fn new(shape: &Shape) -> Self {
        let (records, events, open) = (Vec::new(), Vec::new(), Vec::new());
        let mut generator = Self { engine: Engine::new(), records, events, open, random: Random(7) };
        generator.set_up(shape);
        generator
    }

    fn apply(&mut self, command: Command, arrays: Option<HashedArrays>) -> Result<(), Reject> {
        let time = T0 + self.engine.sequence() * STEP;
        let record = Record { time, command };
        self.events.clear();
        self.engine.apply(self.engine.sequence() + 1, &record, arrays.as_ref(), &mut self.events)?;
        self.records.push((record, arrays));
        Ok(())
    }

    fn set_up(&mut self, shape: &Shape) {
        self.apply(genesis().into(), None).unwrap();
        let specs: Vec<_> = (1..=shape.instruments).map(spec).collect();
        for (nonce, chunk) in (0..).zip(specs.chunks(256)) {
            let admin = Administration { nonce, cosignatures: cosigned() };
            self.apply(ListInstruments { instruments: chunk.to_vec(), admin }.into(), None).unwrap();
        }
        let (update, arrays) = marks(&self.engine, T0, INDEX);
        self.apply(update.into(), Some(arrays)).unwrap();
        for user in 0..shape.users {
            let amount = 1_000_000_000 * USD;
            let body = InboxBody::Deposit { owner: address(user), subaccount: 0, asset: USDC, amount };
            self.apply(InboxItem { index: user, body }.into(), None).unwrap();
        }
        while self.open.len() < shape.resting {
            self.place(shape, TimeInForce::Gtc);
        }
    }

    /// A price on the passive side most of the time, the more often the nearer to the touch.
    fn price(&mut self, side: Side) -> i64 {
        let depth = self.random.below(40).min(self.random.below(40)) as i64;
        (400 - side.sign() * (depth - 1)) * 5 * USD
    }

    fn nonce(&self) -> u64 {
        T0 + self.engine.sequence() * STEP
    }

    fn place(&mut self, shape: &Shape, time_in_force: TimeInForce) {
        let user = self.random.below(shape.users);
        let side = if self.random.below(2) == 0 { Side::Buy } else { Side::Sell };
        let order = PlaceOrder {
            subaccount: user + 1,
            instrument: self.random.below(shape.instruments.into()) as u32 + 1,
            side,
            amount: (1 + self.random.below(10) as i64) * 1_000_000,
            limit_price: self.price(side),
            order_type: OrderType::Limit,
            time_in_force,
            valid_until: 0,
            post_only: PostOnly::No,
            reduce_only: false,
            self_trade: SelfTrade::CancelNewest,
            max_fee: i64::MAX,
            client_id: String::new(),
            auth: auth(user, self.nonce()),
        };
        if self.apply(order.into(), None).is_ok() && matches!(self.events.last(), Some(Event::OrderRested(_)))
        {
            self.open.push((OrderId::new(self.engine.sequence(), 0), user + 1));
        }
    }

    /// One of the orders that rest; those that were filled meanwhile drop out here.
    fn pick(&mut self) -> (OrderId, SubaccountId) {
        loop {
            let at = self.random.below(self.open.len() as u64) as usize;
            let (order, subaccount) = self.open[at];
            if self.engine.account(subaccount).unwrap().order(order).is_some() {
                return (order, subaccount);
            }
            self.open.swap_remove(at);
        }
    }

    fn replace(&mut self, shrink: bool) {
        let (order, subaccount) = self.pick();
        let (open, resting) = self.engine.open_order(subaccount, order).unwrap();
        let (side, filled, lots, price) = (open.side, open.filled, resting.lots, open.price * 5 * USD);
        let limit_price = if shrink { price } else { self.price(side) };
        let lots = filled + if shrink { (lots - 1).max(1) } else { lots };
        let replace = ReplaceOrder {
            subaccount,
            order,
            amount: lots * 1_000_000,
            limit_price,
            post_only: PostOnly::No,
            reduce_only: false,
            max_fee: i64::MAX,
            auth: auth(subaccount - 1, self.nonce()),
        };
        self.apply(replace.into(), None).unwrap();
    }

    fn cancel(&mut self) {
        let (order, subaccount) = self.pick();
        let auth = Some(auth(subaccount - 1, self.nonce()));
        self.apply(CancelOrder { subaccount, order, auth }.into(), None).unwrap();
    }

    pub fn step(&mut self, shape: &Shape) {
        match self.random.below(1_000) {
            0..125 => self.place(shape, TimeInForce::Gtc),
            125..143 => self.place(shape, TimeInForce::Ioc),
            143..215 => self.cancel(),
            215..287 => self.replace(true),
            _ => self.replace(false),
        }
        if self.open.len() < shape.resting * 9 / 10 {
            self.place(shape, TimeInForce::Gtc);
        }
    }
}
