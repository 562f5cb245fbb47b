//! The same commands on the naive book.

use super::workload::{Command, Kind};
use engine::book::Resting;
use engine::book::naive::NaiveBooks;
use protocol::{OrderId, SelfTrade};

/// Does what `command` says; calls `trade` with the price of each fill.
pub fn execute(books: &mut NaiveBooks, command: Command, mut trade: impl FnMut(i64)) {
    let Command { kind, side, symbol, order, user, size, price } = command;
    let id = OrderId(order.into());
    let mut enter = |books: &mut NaiveBooks, lots, rests| {
        let left = books.cross(symbol, side, Some(price), lots, |maker, _| trade(maker.price));
        if rests && left > 0 {
            books.insert(resting(command, user, left));
        }
    };
    match kind {
        Kind::Place => enter(books, size.into(), true),
        Kind::Immediate => enter(books, size.into(), false),
        Kind::Cancel => {
            books.remove(id);
        }
        Kind::Reduce => match books.get(id).map(|resting| resting.lots - i64::from(size)) {
            Some(left) if left > 0 => {
                books.reduce(id, left);
            }
            _ => {
                books.remove(id);
            }
        },
        Kind::Move => {
            if let Some(old) = books.remove(id) {
                enter(books, old.lots, true);
            }
        }
    }
}

fn resting(command: Command, user: u32, lots: i64) -> Resting {
    let Command { side, symbol, order, price, .. } = command;
    Resting {
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
    }
}
