//! A seller in trouble, a maker on the other side, a bidder with means.

use crate::common::*;
use engine::{Auction, Liquidation, Reject};
use protocol::*;

/// Ticks of the perpetual in one USDC.
pub const TICKS: i64 = 2;

pub struct Scene {
    pub venue: Venue,
    pub seller: SubaccountId,
    pub maker: SubaccountId,
    pub bidder: SubaccountId,
}

impl Scene {
    /// Nobody holds anything.
    pub fn new(deposit: i64) -> Self {
        Self::on(Venue::open(), deposit)
    }

    pub fn on(mut venue: Venue, deposit: i64) -> Self {
        let seller = venue.deposit(address(1), deposit);
        let maker = venue.deposit(address(2), 10_000_000);
        let bidder = venue.deposit(address(3), 10_000_000);
        Self { venue, seller, maker, bidder }
    }

    /// The seller is long 1 BTC of the perpetual at 100,000, against the maker.
    pub fn long(deposit: i64) -> Self {
        let mut scene = Self::new(deposit);
        scene.trade(scene.seller, scene.maker, BTC_PERP, 1_000);
        scene
    }

    /// `buyer` takes `lots` from `seller` at the mark.
    pub fn trade(&mut self, buyer: SubaccountId, seller: SubaccountId, instrument: InstrumentId, lots: i64) {
        let price = {
            let instrument = self.venue.engine.instrument(instrument).unwrap();
            instrument.mark.as_ref().unwrap().mark / instrument.spec.tick_size
        };
        self.venue.sell(seller, instrument, lots, price);
        assert_eq!(fills(&self.venue.buy(buyer, instrument, lots, price)).len(), 1);
    }

    pub fn mark(&mut self, index: i64) -> Vec<Event> {
        self.venue.mark(BTC, index)
    }

    /// Some time later, at the same index.
    pub fn later(&mut self, by: Nanos, index: i64) -> Vec<Event> {
        self.venue.advance(by);
        self.mark(index)
    }

    pub fn clock(&mut self) -> Vec<Event> {
        self.venue.send(Clock { limit: 0 }).unwrap()
    }

    pub fn fund(&mut self, usdc: i64) {
        let auth = self.venue.owner_auth(address(2));
        self.venue.send(FundInsurance { subaccount: self.maker, amount: usdc * USD, auth }).unwrap();
    }

    pub fn bid(&mut self, share: i64, limit: i64) -> Result<Vec<Event>, Reject> {
        let bid = self.bid_of(self.bidder, share, limit);
        self.venue.send(bid)
    }

    pub fn bid_of(&mut self, subaccount: SubaccountId, share: i64, limit: i64) -> LiquidationBid {
        let owner = self.venue.engine.owner_of(subaccount).unwrap();
        let auth = self.venue.auth(owner);
        LiquidationBid { subaccount, target: self.seller, share, limit, auth }
    }

    pub fn liquidation(&self) -> Option<&Liquidation> {
        self.venue.engine.account(self.seller).unwrap().liquidation()
    }

    pub fn auction(&self) -> Auction {
        self.venue.engine.auction(self.seller).unwrap()
    }

    /// Equity less maintenance margin.
    pub fn excess(&self) -> i64 {
        let standing = self.venue.engine.standing(self.seller).unwrap();
        standing.equity - standing.maintenance
    }
}

/// A mark of BTC at an index, with option marks of one's own.
pub fn mark_with(venue: &mut Venue, index: i64, option: impl Fn(&InstrumentSpec) -> i64) -> Vec<Event> {
    venue.advance(1);
    let (mut update, mut arrays) = venue.marks(BTC, index);
    for mark in &mut arrays.marks {
        let spec = &venue.engine.instrument(mark.instrument).unwrap().spec;
        if spec.kind == InstrumentKind::Option {
            mark.mark = option(spec);
        }
    }
    update.arrays_hash = arrays.hash();
    venue.send_with(update, Some(arrays)).unwrap()
}

/// How a liquidation ended, if one did.
pub fn outcome(events: &[Event]) -> Option<LiquidationOutcome> {
    events.iter().find_map(|event| match event {
        Event::LiquidationEnded(ended) => Some(ended.outcome),
        _ => None,
    })
}

pub fn calls(events: &[Event]) -> Vec<CallLevel> {
    let calls = events.iter().filter_map(|event| match event {
        Event::MarginCall(call) => Some(call.level),
        _ => None,
    });
    calls.collect()
}

/// Names of the events that are not about marks and markets.
pub fn story(events: &[Event]) -> Vec<&'static str> {
    names(events).into_iter().filter(|name| !["MarkUpdated", "MarketStatusChanged"].contains(name)).collect()
}
