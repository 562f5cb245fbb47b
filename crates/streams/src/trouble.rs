//! What brings accounts into trouble, and out of it: leverage, crashes, thin books, bids.

use crate::SECOND;
use crate::venue::{Venue, address, owner};
use protocol::*;

impl Venue {
    /// One of the acts that liquidations come from.
    pub(crate) fn trouble(&mut self, kind: u8, who: u8, [b, c, d]: [u64; 3]) -> bool {
        let underlying = 1 + (b >> 16) as u16 % 2;
        let command = match kind {
            0..3 => return self.lever(who, owner(b >> 32), c, d),
            3 | 4 => {
                let (instrument, lots) = (self.pick_instrument(b), 1 + (d % 60) as i64);
                let side = Side::ALL[c as usize % 2];
                self.order_at(who, instrument, side, lots, 1 + (c >> 8) as i64 % 20, TimeInForce::Gtc)
            }
            5 => self.drain(who),
            6 => self.moved(underlying, (c % 401) as i64 - 200, 5),
            7 | 8 => self.bid(who, b, c, d),
            9 => {
                self.time += c % 30 * SECOND;
                Clock { limit: 20 }.into()
            }
            10 => {
                self.time += c % 1_500 * SECOND;
                self.moved(underlying, 1 + (d % 3) as i64, if d.is_multiple_of(9) { 1 } else { 5 })
            }
            _ => self.moved(underlying, (c % 81) as i64 - 40, 5),
        };
        self.submit(command)
    }

    /// A trade at the mark between two owners, as large as the seller's margin allows.
    fn lever(&mut self, seller: u8, buyer: u8, c: u64, d: u64) -> bool {
        let instrument = self.pick_instrument(c);
        let sides = if d.is_multiple_of(2) { [Side::Sell, Side::Buy] } else { [Side::Buy, Side::Sell] };
        for halved in 0..8 {
            let lots = (1 + (d >> 8) as i64 % 8_000) >> halved;
            let offer = self.order_at(seller, instrument, sides[0], lots.max(1), 0, TimeInForce::Gtc);
            if self.submit(offer) {
                let taker = self.order_at(buyer, instrument, sides[1], lots.max(1), 0, TimeInForce::Ioc);
                self.submit(taker);
                return true;
            }
        }
        false
    }

    /// The owner takes out all that may leave, so that the next move of the market finds an account without reserves.
    #[must_use]
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
}
