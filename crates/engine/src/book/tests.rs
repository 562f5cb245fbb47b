//! Random streams of operations on the books and on the naive ones: same answers, same states, nothing leaked.

use super::matching::{BookError, BookFill, Incoming, Lifetime, MatchingBook, Placed};
use super::naive::NaiveBooks;
use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

const INSTRUMENTS: InstrumentId = 2;

impl Books {
    /// Checks what every operation must preserve: links both ways, sums of levels, no leaked node.
    fn check(&self) {
        let mut seen = 0;
        for instrument in 0..self.sides.len() as InstrumentId {
            for &side in Side::ALL {
                let views: Vec<LevelView> = self.levels(instrument, side).collect();
                assert!(
                    views.is_sorted_by_key(|view| std::cmp::Reverse(rank(side, view.price))),
                    "best first"
                );
                let mut sums = BTreeMap::new();
                let mut ahead: Option<(Handle, Resting)> = None;
                for (handle, resting) in self.orders(instrument, side) {
                    let (lots, count) = sums.entry(resting.price).or_insert((0, 0));
                    (*lots, *count) = (*lots + resting.lots, *count + 1);
                    let expected = ahead.filter(|(_, ahead)| ahead.price == resting.price);
                    assert_eq!(
                        link(self.slab.node(handle.index).ahead),
                        expected.map(|(handle, _)| handle.index)
                    );
                    if let Some((ahead, _)) = ahead {
                        assert_eq!(self.next(ahead), Some(handle), "next follows the order of iteration");
                    }
                    ahead = Some((handle, *resting));
                    seen += 1;
                }
                assert_eq!(ahead.and_then(|(last, _)| self.next(last)), None);
                assert_eq!(views.len(), sums.len(), "no empty level");
                for view in views {
                    assert_eq!((view.lots, view.count), sums[&view.price]);
                    assert_eq!(self.level(instrument, side, view.price), Some(view));
                }
            }
        }
        assert_eq!(seen, self.len());
        assert_eq!(self.len() + self.slab.vacancies(), self.slab.slots(), "every node rests or is free");
    }
}

/// Prices dense enough to share levels, wide enough to leave a window, and now and then absurd.
fn prices() -> impl Strategy<Value = i64> {
    prop_oneof![
        20 => -150..150i64,
        6 => -6_000..6_000i64,
        1 => prop_oneof![Just(i64::MIN), Just(i64::MAX), any::<i64>()],
    ]
}

fn sides() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Buy), Just(Side::Sell)]
}

#[derive(Debug, Clone)]
enum Operation {
    Insert { instrument: InstrumentId, side: Side, price: i64, lots: i64 },
    Remove { pick: usize },
    Reduce { pick: usize, share: i64 },
    Relocate { pick: usize, price: i64, lots: i64 },
    Amend { pick: usize, max_fee: i64 },
}

fn operations() -> impl Strategy<Value = Operation> {
    prop_oneof![
        5 => (0..INSTRUMENTS, sides(), prices(), 1..1_000i64)
            .prop_map(|(instrument, side, price, lots)| Operation::Insert { instrument, side, price, lots }),
        1 => any::<usize>().prop_map(|pick| Operation::Remove { pick }),
        1 => (any::<usize>(), 0..=100i64).prop_map(|(pick, share)| Operation::Reduce { pick, share }),
        3 => (any::<usize>(), prices(), 1..1_000i64)
            .prop_map(|(pick, price, lots)| Operation::Relocate { pick, price, lots }),
        1 => (any::<usize>(), any::<i64>()).prop_map(|(pick, max_fee)| Operation::Amend { pick, max_fee }),
    ]
}

fn resting(order: u64, instrument: InstrumentId, side: Side, price: i64, lots: i64) -> Resting {
    Resting {
        order: OrderId(order),
        lots,
        price,
        subaccount: order % 7,
        max_fee: 5,
        valid_until: order % 3,
        instrument,
        side,
        reduce_only: order % 5 < 2,
        self_trade: SelfTrade::CancelOldest,
    }
}

/// Applies `operation` to both books; every order ever made keeps its handle in `handles`, gone or not.
fn apply(operation: &Operation, books: &mut Books, naive: &mut NaiveBooks, handles: &mut Vec<Handle>) {
    let handle = |pick: usize| handles.get(pick % handles.len().max(1)).copied().unwrap_or(Handle::NONE);
    match *operation {
        Operation::Insert { instrument, side, price, lots } => {
            let resting = resting(handles.len() as u64, instrument, side, price, lots);
            handles.push(books.insert(resting));
            naive.insert(resting);
        }
        Operation::Remove { pick } => {
            let handle = handle(pick);
            assert_eq!(books.remove(handle), naive.remove(handle.order));
            assert_eq!(books.get(handle), None);
        }
        Operation::Reduce { pick, share } => {
            let handle = handle(pick);
            let Some(lots) = books.get(handle).map(|resting| resting.lots) else { return };
            let left = (lots * share / 100).max(1);
            assert_eq!(books.reduce(handle, left), naive.reduce(handle.order, left));
        }
        Operation::Relocate { pick, price, lots } => {
            let handle = handle(pick);
            let moved = naive.remove(handle.order).map(|old| Resting { price, lots, ..old });
            moved.iter().for_each(|&moved| naive.insert(moved));
            assert_eq!(books.relocate(handle, price, lots), moved.as_ref());
        }
        Operation::Amend { pick, max_fee } => {
            let handle = handle(pick);
            let amended = books.amend(handle, max_fee, true).copied();
            assert_eq!(amended.is_some(), naive.get(handle.order).is_some());
            if let Some(amended) = amended {
                *naive.get_mut(handle.order).expect("both books hold the order") = amended;
                assert_eq!((amended.max_fee, amended.reduce_only), (max_fee, true));
            }
        }
    }
}

fn assert_equal(books: &Books, naive: &NaiveBooks) {
    assert_eq!(books.len(), naive.len());
    assert_eq!(books.state_hash(), naive.state_hash());
    for instrument in 0..INSTRUMENTS {
        for &side in Side::ALL {
            let best = books.best(instrument, side).map(|(_, resting)| resting);
            assert_eq!(best, naive.best(instrument, side));
            assert_eq!(books.best_price(instrument, side), best.map(|best| best.price));
            assert!(books.levels(instrument, side).eq(naive.levels(instrument, side)));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn books_agree_with_naive_ones(stream in prop::collection::vec(operations(), 0..3_000)) {
        let (mut books, mut naive, mut handles) = (Books::new(), NaiveBooks::new(), Vec::new());
        for (step, operation) in stream.iter().enumerate() {
            apply(operation, &mut books, &mut naive, &mut handles);
            if step % 64 == 0 {
                assert_equal(&books, &naive);
                books.check();
            }
        }
        assert_equal(&books, &naive);
        books.check();

        let mut rebuilt = Books::new();
        for (_, &resting) in books.iter() {
            rebuilt.insert(resting);
        }
        prop_assert_eq!(rebuilt.state_hash(), books.state_hash(), "a snapshot in canonical order rebuilds the books");

        let left: Vec<Handle> = books.iter().map(|(handle, _)| handle).collect();
        for handle in left {
            prop_assert!(books.remove(handle).is_some());
        }
        books.check();
        prop_assert_eq!(books.state_hash(), Books::new().state_hash());
    }

    #[test]
    fn matching_agrees_with_naive_one(stream in prop::collection::vec(requests(), 0..3_000)) {
        let (mut book, mut naive) = (MatchingBook::new(), NaiveMatching::default());
        let (mut fills, mut expected_fills) = (Vec::new(), Vec::new());
        for request in &stream {
            let answer = request.send(&mut book, &mut fills);
            prop_assert_eq!(answer, naive.answer(request, &mut expected_fills));
            prop_assert_eq!(&fills, &expected_fills);
            let bid = book.best(Side::Buy).map(|level| level.price);
            let crossed = book.best(Side::Sell).is_some_and(|offer| bid.is_some_and(|bid| bid >= offer.price));
            prop_assert!(!crossed, "the book is never crossed");
            prop_assert!(fills.iter().all(|fill| fill.size > 0));
        }
        prop_assert_eq!(book.state_hash(), naive.books.state_hash());
        for &side in Side::ALL {
            prop_assert_eq!(book.volume(side), book.orders(side).map(|resting| resting.lots).sum::<i64>());
        }
    }
}

/// A call of [`MatchingBook`]; orders are named by how far back they were made.
#[derive(Debug, Clone)]
enum Request {
    Limit { side: Side, price: i64, size: i64, lifetime: Lifetime },
    Market { side: Side, size: i64 },
    Cancel { order: u64 },
    Reduce { order: u64, by: i64 },
    Move { order: u64, price: i64, size: Option<i64> },
}

fn requests() -> impl Strategy<Value = Request> {
    let lifetimes = prop_oneof![
        10 => Just(Lifetime::Rest),
        1 => Just(Lifetime::PostOnly),
        1 => Just(Lifetime::Immediate),
        1 => Just(Lifetime::FillOrKill),
    ];
    let side_price = prop_oneof![
        8 => (sides(), 0..3_000i64).prop_map(|(side, away)| (side, -side.sign() * away)),
        1 => (sides(), -50..50i64),
    ];
    prop_oneof![
        12 => (side_price.clone(), -1..50i64, lifetimes)
            .prop_map(|((side, price), size, lifetime)| Request::Limit { side, price, size, lifetime }),
        1 => (sides(), -1..200i64).prop_map(|(side, size)| Request::Market { side, size }),
        2 => (0..2_000u64).prop_map(|order| Request::Cancel { order }),
        2 => (0..2_000u64, -1..30i64).prop_map(|(order, by)| Request::Reduce { order, by }),
        4 => (0..2_000u64, side_price, prop::option::of(-1..50i64))
            .prop_map(|(order, (_, price), size)| Request::Move { order, price, size }),
    ]
}

impl Request {
    /// Sends the request; what a cancel or reduction returns stands in `resting`.
    fn send(&self, book: &mut MatchingBook, fills: &mut Vec<BookFill>) -> Result<Placed, BookError> {
        let answer = |order| move |resting| Placed { order, filled: 0, resting };
        match *self {
            Self::Limit { side, price, size, lifetime } => {
                book.limit(Incoming { side, size, owner: size as u64 }, price, lifetime, fills)
            }
            Self::Market { side, size } => book.market(Incoming { side, size, owner: 3 }, fills),
            Self::Cancel { order } => book.cancel(order).map(answer(order)),
            Self::Reduce { order, by } => book.reduce(order, by).map(answer(order)),
            Self::Move { order, price, size } => book.move_order(order, price, size, fills),
        }
    }
}

/// [`MatchingBook`] said again in the plainest way.
#[derive(Default)]
struct NaiveMatching {
    books: NaiveBooks,
    orders: u64,
}

impl NaiveMatching {
    fn answer(&mut self, request: &Request, fills: &mut Vec<BookFill>) -> Result<Placed, BookError> {
        match *request {
            Request::Limit { size, .. } | Request::Market { size, .. } if size <= 0 => {
                Err(BookError::Size(size))
            }
            Request::Limit { side, price, size, lifetime } => self.limit(side, price, size, lifetime, fills),
            Request::Market { side, size } => {
                self.orders += 1;
                let left = self.trade(self.orders, side, None, size, 3, fills);
                Ok(Placed { order: self.orders, filled: size - left, resting: 0 })
            }
            Request::Cancel { order } => {
                let gone = self.books.remove(OrderId(order)).ok_or(BookError::UnknownOrder(order))?;
                Ok(Placed { order, filled: 0, resting: gone.lots })
            }
            Request::Reduce { by, .. } if by <= 0 => Err(BookError::Size(by)),
            Request::Reduce { order, by } => {
                let lots = self.books.get(OrderId(order)).ok_or(BookError::UnknownOrder(order))?.lots;
                if by < lots {
                    self.books.reduce(OrderId(order), lots - by);
                } else {
                    self.books.remove(OrderId(order));
                }
                Ok(Placed { order, filled: 0, resting: (lots - by).max(0) })
            }
            Request::Move { order, price, size } => self.change(order, price, size, fills),
        }
    }

    fn limit(
        &mut self,
        side: Side,
        price: i64,
        size: i64,
        lifetime: Lifetime,
        fills: &mut Vec<BookFill>,
    ) -> Result<Placed, BookError> {
        let reach = |other: i64| if side == Side::Buy { price >= other } else { price <= other };
        let opposite = side.opposite();
        let within = self.books.levels(0, opposite).filter(|level| reach(level.price));
        let available: i64 = within.map(|level| level.lots).sum();
        if lifetime == Lifetime::PostOnly && available > 0 {
            let best = self.books.best(0, opposite).expect("something is available").price;
            return Err(BookError::WouldTrade { price, best });
        }
        self.orders += 1;
        if lifetime == Lifetime::FillOrKill && available < size {
            return Ok(Placed { order: self.orders, filled: 0, resting: 0 });
        }
        let rests = matches!(lifetime, Lifetime::Rest | Lifetime::PostOnly);
        Ok(self.enter(self.orders, side, price, size, rests, size as u64, fills))
    }

    fn change(
        &mut self,
        order: u64,
        price: i64,
        size: Option<i64>,
        fills: &mut Vec<BookFill>,
    ) -> Result<Placed, BookError> {
        let old = *self.books.get(OrderId(order)).ok_or(BookError::UnknownOrder(order))?;
        let size = size.unwrap_or(old.lots);
        if size <= 0 {
            return Err(BookError::Size(size));
        }
        if price == old.price && size <= old.lots {
            self.books.reduce(OrderId(order), size);
            return Ok(Placed { order, filled: 0, resting: size });
        }
        self.books.remove(OrderId(order));
        Ok(self.enter(order, old.side, price, size, true, old.subaccount, fills))
    }

    #[allow(clippy::too_many_arguments, reason = "one line per property of the order reads plainest here")]
    fn enter(
        &mut self,
        order: u64,
        side: Side,
        price: i64,
        size: i64,
        rests: bool,
        owner: u64,
        fills: &mut Vec<BookFill>,
    ) -> Placed {
        let left = self.trade(order, side, Some(price), size, owner, fills);
        let resting = if rests { left } else { 0 };
        if resting > 0 {
            self.books.insert(Resting {
                order: OrderId(order),
                lots: left,
                price,
                subaccount: owner,
                max_fee: 0,
                valid_until: 0,
                instrument: 0,
                side,
                reduce_only: false,
                self_trade: SelfTrade::CancelNewest,
            });
        }
        Placed { order, filled: size - left, resting }
    }

    fn trade(
        &mut self,
        taker: u64,
        side: Side,
        limit: Option<i64>,
        size: i64,
        taker_owner: u64,
        fills: &mut Vec<BookFill>,
    ) -> i64 {
        self.books.cross(0, side, limit, size, |maker, size| {
            let (maker, price, maker_owner) = (maker.order.0, maker.price, maker.subaccount);
            fills.push(BookFill { taker, maker, price, size, taker_owner, maker_owner, side });
        })
    }
}

#[test]
fn a_handle_outlives_its_order_harmlessly() {
    let mut books = Books::new();
    let first = books.insert(resting(1, 0, Side::Buy, 10, 5));
    books.remove(first);
    let second = books.insert(resting(2, 0, Side::Buy, 10, 5));
    assert_eq!(first.index, second.index, "the node is reused");
    assert_eq!(books.get(first), None);
    assert_eq!(books.reduce(first, 1), None);
    assert_eq!(books.relocate(first, 11, 1), None);
    assert_eq!(books.remove(first), None);
    assert_eq!(books.next(first), None);
    assert_eq!(books.get(second).map(|resting| resting.lots), Some(5));
}

#[test]
fn an_unknown_instrument_has_an_empty_book() {
    let books = Books::new();
    assert_eq!(books.best(9, Side::Buy), None);
    assert_eq!(books.levels(9, Side::Sell).count(), 0);
    assert!(!books.crosses(9, Side::Buy, i64::MAX));
}

#[test]
fn a_window_follows_the_price() {
    let (mut books, mut naive) = (Books::new(), NaiveBooks::new());
    let mut order = 0;
    for centre in [0, 10_000, -3_000, 1 << 40] {
        for away in 0..300 {
            for side in [Side::Buy, Side::Sell] {
                order += 1;
                let resting = resting(order, 1, side, centre - side.sign() * (1 + away * 7), 1 + away);
                books.insert(resting);
                naive.insert(resting);
            }
        }
        assert_equal(&books, &naive);
        books.check();
    }
}

#[test]
fn sizes_that_do_not_fit_are_refused() {
    let (mut book, mut fills) = (MatchingBook::new(), Vec::new());
    let large = Incoming { side: Side::Buy, size: i64::MAX, owner: 0 };
    let order = book.limit(large, 5, Lifetime::Rest, &mut fills).expect("the first fits").order;
    let refused = BookError::TooLarge { size: 1, resting: i64::MAX };
    assert_eq!(book.limit(Incoming { size: 1, ..large }, 9, Lifetime::Rest, &mut fills), Err(refused));
    assert_eq!(book.reduce(order, i64::MAX), Ok(0));
    assert!(book.is_empty());
}
