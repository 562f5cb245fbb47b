//! The workload: exchange-core's published mix of commands, by a generator of our own.
//!
//! A symbol's book is first filled to its target. From then on the generator looks at the size of each side
//! now and then (every 512 commands in the original). While a side lacks orders it draws 2 placements, 1
//! cancel, 1 reduction and 6 moves in 10; else 2 immediate orders, 1 cancel, 1 reduction and 36 moves in 40.
//! In the long run that gives about 12.5 % GTC, 1.8 % IOC, 7.2 % cancel, 7.2 % reduce, 71.3 % move. New
//! orders lie around the last trade price, dense near it; a move takes its order 1 % of the way there, at
//! least one tick, so that some of them trade.

use engine::book::matching::cross;
use engine::book::{Books, Handle, Resting};
use protocol::{OrderId, SelfTrade, Side};

/// What a command does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Place,
    Immediate,
    Cancel,
    Reduce,
    Move,
}

/// A command. Orders are numbered from 0 over all symbols.
#[derive(Debug, Clone, Copy)]
pub struct Command {
    pub kind: Kind,
    pub side: Side,
    pub symbol: u32,
    pub order: u32,
    pub user: u32,
    pub size: u32,
    pub price: i64,
}

/// What to generate.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    pub symbols: usize,
    pub orders: usize,
    pub users: u32,
    pub commands: usize,
    /// Widest distance of a new order from the last trade price, ticks.
    pub deviation: i64,
    /// Commands of a symbol between two looks at the size of its book.
    pub look_every: usize,
    pub seed: u64,
}

/// Commands that fill the books, and commands to measure.
pub struct Workload {
    pub fill: Vec<Command>,
    pub run: Vec<Command>,
    pub orders: usize,
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }

    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}

const CENTRE: i64 = 100_000;

/// One symbol's state while generating.
struct Session {
    target: usize,
    last_price: i64,
    /// Orders per side when last looked at.
    seen: [usize; 2],
    filled: bool,
    since_check: usize,
    live: Vec<u32>,
}

struct Generator {
    random: Random,
    books: Books,
    handles: Vec<Handle>,
    sessions: Vec<Session>,
    shape: Shape,
}

/// Shares of the symbols, Pareto distributed with shape 1.5.
fn weights(symbols: usize, random: &mut Random) -> Vec<f64> {
    let raw: Vec<f64> = (0..symbols).map(|_| (1.0 - random.unit()).powf(-1.0 / 1.5)).collect();
    let sum: f64 = raw.iter().sum();
    raw.iter().map(|weight| weight / sum).collect()
}

impl Workload {
    pub fn generate(shape: Shape) -> Self {
        let mut random = Random(shape.seed);
        let weights = weights(shape.symbols, &mut random);
        let sessions = weights.iter().map(|weight| Session {
            target: ((shape.orders as f64 * weight / 2.0) as usize).max(1),
            last_price: CENTRE,
            seen: [0; 2],
            filled: false,
            since_check: 0,
            live: Vec::new(),
        });
        let sessions = sessions.collect();
        let mut generator = Generator { random, books: Books::new(), handles: Vec::new(), sessions, shape };
        let (mut fill, mut run) = (Vec::new(), Vec::with_capacity(shape.commands));
        for symbol in 0..shape.symbols {
            while !generator.sessions[symbol].filled {
                fill.extend(generator.command(symbol));
            }
        }
        let cumulate = |sum: &mut f64, weight: &f64| {
            *sum += weight;
            Some(*sum)
        };
        let cumulative: Vec<f64> = weights.iter().scan(0.0, cumulate).collect();
        while run.len() < shape.commands {
            let at = generator.random.unit();
            let symbol = cumulative.partition_point(|&sum| sum <= at).min(shape.symbols - 1);
            run.extend(generator.command(symbol));
        }
        Self { fill, run, orders: generator.handles.len() }
    }
}

impl Generator {
    /// Draws a command for `symbol` and applies it; `None` when the draw found no order to act on.
    fn command(&mut self, symbol: usize) -> Option<Command> {
        let side = if self.random.below(2) == 0 { Side::Buy } else { Side::Sell };
        let session = &mut self.sessions[symbol];
        let lack = session.target as i64 - session.seen[side as usize] as i64;
        session.filled |= session.seen.iter().all(|&seen| seen >= session.target);
        let dice = match (lack > 0, session.filled) {
            (true, false) => 2,
            (true, true) => 10,
            (false, true) => 40,
            (false, false) => {
                self.look(symbol);
                return None;
            }
        };
        let command = match self.random.below(dice) {
            0 | 1 => Some(self.place(symbol, side, lack > 0)),
            draw => self.touch(symbol, draw),
        }?;
        self.apply(command);
        self.look(symbol);
        Some(command)
    }

    fn place(&mut self, symbol: usize, side: Side, rests: bool) -> Command {
        let mut die = || self.random.below(6);
        let size = (1 + die() * die() * die()) as u32;
        let order = self.handles.len() as u32;
        self.handles.push(Handle::NONE);
        let price = if rests { self.price(symbol, side) } else { i64::from(i32::MAX) * side.sign() };
        let kind = if rests { Kind::Place } else { Kind::Immediate };
        let user = self.random.below(u64::from(self.shape.users)) as u32;
        Command { kind, side, symbol: symbol as u32, order, user, size, price }
    }

    /// A price off the last trade on the order's own side: the mean of four draws within a squared distance.
    fn price(&mut self, symbol: usize, side: Side) -> i64 {
        let width = 1 + (self.random.unit().powi(2) * self.shape.deviation as f64) as u64;
        let mean = (0..4).map(|_| self.random.below(width)).sum::<u64>() / 4;
        let distance = (2 * mean as i64 - width as i64).abs();
        self.sessions[symbol].last_price - side.sign() * distance
    }

    fn touch(&mut self, symbol: usize, draw: u64) -> Option<Command> {
        let order = self.pick(symbol)?;
        let Resting { side, price, lots, subaccount, .. } = *self.books.get(self.handles[order as usize])?;
        let command = Command {
            kind: Kind::Move,
            side,
            symbol: symbol as u32,
            order,
            user: subaccount as u32,
            size: lots as u32,
            price,
        };
        Some(match draw {
            2 => Command { kind: Kind::Cancel, ..command },
            3 => Command { kind: Kind::Reduce, size: 1 + self.random.below(lots as u64) as u32, ..command },
            _ => Command { price: self.nearer(symbol, price), ..command },
        })
    }

    fn nearer(&mut self, symbol: usize, price: i64) -> i64 {
        let away = self.sessions[symbol].last_price - price;
        match away.signum() {
            0 => price + 2 * self.random.below(2) as i64 - 1,
            sign => price + sign * (away.abs() + 99).div_euclid(100),
        }
    }

    /// A random order that rests in `symbol`'s book.
    fn pick(&mut self, symbol: usize) -> Option<u32> {
        loop {
            let live = &mut self.sessions[symbol].live;
            if live.is_empty() {
                return None;
            }
            let at = self.random.below(live.len() as u64) as usize;
            let order = live[at];
            if self.books.get(self.handles[order as usize]).is_some() {
                return Some(order);
            }
            live.swap_remove(at);
        }
    }

    fn apply(&mut self, command: Command) {
        let session = &mut self.sessions[command.symbol as usize];
        execute(&mut self.books, &mut self.handles, command, |price| session.last_price = price);
        if command.kind == Kind::Place {
            session.live.push(command.order);
        }
    }

    /// Looks at the size of the book, now and then.
    fn look(&mut self, symbol: usize) {
        let session = &mut self.sessions[symbol];
        session.since_check += 1;
        if session.since_check >= self.shape.look_every {
            session.since_check = 0;
            for &side in Side::ALL {
                let levels = self.books.levels(symbol as u32, side);
                session.seen[side as usize] = levels.map(|level| level.count as usize).sum();
            }
        }
    }
}

/// Does what `command` says; calls `trade` with the price of each fill.
pub fn execute(books: &mut Books, handles: &mut [Handle], command: Command, mut trade: impl FnMut(i64)) {
    let Command { kind, side, symbol, order, user, size, price } = command;
    let handle = &mut handles[order as usize];
    let rest = |books: &mut Books, lots| {
        books.insert(Resting {
            order: OrderId(order.into()),
            lots,
            price,
            subaccount: user.into(),
            max_fee: 0,
            valid_until: 0,
            instrument: symbol,
            side,
            reduce_only: false,
            self_trade: SelfTrade::CancelNewest,
        })
    };
    match kind {
        Kind::Place => {
            let left = cross(books, symbol, side, Some(price), size.into(), |maker, _| trade(maker.price));
            if left > 0 {
                *handle = rest(books, left);
            }
        }
        Kind::Immediate => {
            cross(books, symbol, side, Some(price), size.into(), |maker, _| trade(maker.price));
        }
        Kind::Cancel => {
            books.remove(*handle);
        }
        Kind::Reduce => match books.get(*handle).map(|resting| resting.lots - i64::from(size)) {
            Some(left) if left > 0 => {
                books.reduce(*handle, left);
            }
            _ => {
                books.remove(*handle);
            }
        },
        Kind::Move => {
            let Some(lots) = books.get(*handle).map(|resting| resting.lots) else { return };
            if !books.crosses(symbol, side, price) {
                books.relocate(*handle, price, lots);
                return;
            }
            books.remove(*handle);
            let left = cross(books, symbol, side, Some(price), lots, |maker, _| trade(maker.price));
            if left > 0 {
                *handle = rest(books, left);
            }
        }
    }
}
