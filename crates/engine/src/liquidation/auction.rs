//! Auctions: anybody may take a share of a whole portfolio, at a price that gets better with time.
//!
//! A share is the same part of every position, every asset and the cash. Positions move at the mark, which changes
//! nobody's wealth, so that what the share costs comes down to one payment in cash: the seller gives up the share's
//! value, and gets its price.

use super::moves::{Lots, Transfer};
use super::{Liquidation, LiquidationStage};
use crate::accounts::Account;
use crate::collateral::Purpose;
use crate::keys::KeyIndex;
use crate::numbers::{Checked, add, mul_div_ceil, mul_div_floor, narrow, sub};
use crate::reject::Reject;
use crate::state::Engine;
use crate::steps::{StepAction, StepObserver, Subject};
use crate::terms::NANOS_PER_MICRO;
use protocol::{
    AssetId, AuctionFill, BalanceReason, CONTRACT, Event, LiquidationBid, Micros, Mode, NANO_ONE, Nanos,
    Parameter, PositionMoved, SubaccountId, USDC, scope,
};

/// An auction as it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Auction {
    /// The liquidation.
    pub liquidation: u64,
    /// Whose portfolio.
    pub subaccount: SubaccountId,
    /// Whether the insurance fund pays who takes a share.
    pub insolvent: bool,
    /// From when its price runs.
    pub opened: Nanos,
    /// How far it has come: the price as a share of the mark value, or, of an insolvent one, of the fund's whole offer.
    pub factor: i64,
    /// Largest share that can be taken, 1e-9.
    pub share_max: i64,
    /// Mark value of the whole portfolio, micro-USDC.
    pub value: Micros,
    /// Price of the whole portfolio, micro-USDC.
    pub price: Micros,
    /// What the insurance fund adds for who takes the whole portfolio, micro-USDC.
    pub insurance: Micros,
}

/// A bid worked out: the accounts as it leaves them, and what changes hands beside the legs.
struct Deal {
    transfer: Transfer,
    share: i64,
    factor: i64,
    /// Units of each asset.
    assets: Vec<(AssetId, i64)>,
    /// What the bidder pays for the share.
    price: Micros,
    /// Value that the bidder gets in cash beside the legs: from the seller, or to it when negative.
    cash: Micros,
    /// What the fund pays to the bidder.
    insurance: Micros,
}

impl Engine {
    /// The auction of a subaccount's portfolio, if there is one and its numbers fit.
    #[must_use]
    pub fn auction(&self, subaccount: SubaccountId) -> Option<Auction> {
        let place = self.account_place(subaccount).ok()?;
        let liquidation = self.accounts[place].liquidation.as_ref()?;
        self.auction_of(place, liquidation).ok()?
    }

    /// Auctions that are open, ascending by subaccount.
    pub fn auctions(&self) -> impl Iterator<Item = Auction> + '_ {
        self.liquidations().filter_map(|(subaccount, _)| self.auction(subaccount))
    }

    /// What an account is worth at the marks, collateral without haircut, micro-USDC.
    pub(super) fn mark_value_of(&self, account: &Account) -> Checked<Micros> {
        let funds = self.setting().funds(account)?;
        let mut value = add(add(funds.cash, funds.unrealised)?, funds.option_value)?;
        for &(asset, balance) in account.assets() {
            value = add(value, self.asset_value(asset, balance)?)?;
        }
        Ok(value)
    }

    /// That of the account at a place.
    pub(super) fn value_of(&self, place: usize) -> Checked<Micros> {
        self.mark_value_of(&self.accounts[place])
    }

    /// Value of an asset at the index that prices it, micro-USDC, rounded down; 0 of one that is no collateral.
    pub(super) fn asset_value(&self, asset: AssetId, balance: i64) -> Checked<Micros> {
        let Some(terms) = self.collateral[usize::from(asset)].active() else { return Ok(0) };
        let inputs = &self.underlyings[usize::from(terms.price_underlying) - 1].inputs;
        let price = inputs.as_ref().map_or(0, |inputs| inputs.index) / NANOS_PER_MICRO;
        mul_div_floor(balance, price, CONTRACT)
    }

    /// Equity less maintenance margin.
    pub(super) fn excess_of(&self, account: &Account) -> Checked<Micros> {
        let standing = self.setting().standing(account)?;
        sub(standing.equity, standing.maintenance)
    }

    /// `None` while the liquidation is in the book, while something has expired whose worth is no longer its mark, or when
    /// the value is no longer what the auction was opened for: the next round opens the other one.
    fn auction_of(&self, place: usize, liquidation: &Liquidation) -> Checked<Option<Auction>> {
        let insolvent = match liquidation.stage {
            LiquidationStage::Book => return Ok(None),
            LiquidationStage::Auction => false,
            LiquidationStage::Insolvent => true,
        };
        let value = self.value_of(place)?;
        if (value <= 0) != insolvent || self.awaits_settlement(place) {
            return Ok(None);
        }
        let mut auction = Auction {
            liquidation: liquidation.id,
            subaccount: self.accounts[place].id,
            insolvent,
            opened: liquidation.opened,
            factor: self.factor(insolvent, liquidation.opened),
            share_max: NANO_ONE,
            value,
            price: 0,
            insurance: 0,
        };
        if insolvent {
            let offer = mul_div_floor(self.whole_offer(place, value)?, auction.factor, NANO_ONE)?;
            auction.insurance = offer.min(self.insurance_left(liquidation));
        } else {
            auction.price = price_of(value, liquidation.reserve, auction.factor)?;
            auction.share_max = self.share_max(place, auction.price)?;
        }
        Ok(Some(auction))
    }

    /// How far an auction's price has come, 1e-9: falling from its start through its middle to 0, or, of an insolvent
    /// one, rising from 0 to 1.
    fn factor(&self, insolvent: bool, opened: Nanos) -> i64 {
        let get = |parameter| self.parameters.get(parameter);
        let (middle_time, end_time) = (get(Parameter::AuctionMiddleTime), get(Parameter::AuctionEndTime));
        let elapsed = i64::try_from(self.globals.time - opened).unwrap_or(i64::MAX).min(end_time);
        let between = |from: i64, to: i64, passed: i64, of: i64| {
            let moved = i128::from(to - from) * i128::from(passed) / i128::from(of.max(1));
            // Between two shares of at most one.
            from + moved as i64
        };
        if insolvent {
            return between(0, NANO_ONE, elapsed, end_time);
        }
        let (start, middle) = (get(Parameter::AuctionStart), get(Parameter::AuctionMiddle));
        if elapsed < middle_time {
            return between(start, middle, elapsed, middle_time);
        }
        between(middle, 0, elapsed - middle_time, end_time - middle_time)
    }

    /// The most that the fund offers for taking a portfolio without value: its debt, and what holding it requires. For
    /// collateral without positions, what an auction would take off its value by its middle.
    fn whole_offer(&self, place: usize, value: Micros) -> Checked<Micros> {
        let collateral = self
            .collateral_held(place)
            .try_fold(0, |sum, (asset, balance, _)| add(sum, self.asset_value(asset, balance)?))?;
        let discount = NANO_ONE - self.parameters.get(Parameter::AuctionMiddle);
        let reward = self.standing_of(place)?.maintenance.max(mul_div_ceil(collateral, discount, NANO_ONE)?);
        sub(reward, value.min(0))
    }

    /// The largest share of which the price brings the seller back to maintenance margin with its buffer: f = B ÷ (B − P)
    /// with B what it lacks (negative) and P the price of the whole, rounded up.
    fn share_max(&self, place: usize, price: Micros) -> Checked<i64> {
        let standing = self.standing_of(place)?;
        let lacking = i128::from(self.buffered(standing.maintenance)?) - i128::from(standing.equity);
        if lacking <= 0 {
            return Ok(0);
        }
        let whole = lacking + i128::from(price);
        let share = (lacking * i128::from(NANO_ONE) + whole - 1).div_euclid(whole);
        Ok(narrow(share)?.min(NANO_ONE))
    }

    pub(crate) fn liquidation_bid<O: StepObserver>(
        &mut self,
        command: &LiquidationBid,
        events: &mut Vec<Event>,
        steps: &mut O,
    ) -> Result<(), Reject> {
        self.take_share(command, events, steps)?;
        // What does not fit here is left to the next round.
        let _ = self.end_if_over(command.target as usize - 1, false, events, steps);
        Ok(())
    }

    /// The bidder takes its share. What the fund pays for it is as it is named, where that is.
    pub(crate) fn take_share<O: StepObserver>(
        &mut self,
        command: &LiquidationBid,
        events: &mut Vec<Event>,
        steps: &mut O,
    ) -> Result<(), Reject> {
        let (bidder, seller) = (self.account_place(command.subaccount)?, self.account_place(command.target)?);
        let key = self.authorize(bidder, &command.auth, scope::TRADE)?;
        self.check_nonce(key, command.auth.nonce)?;
        let insurance = steps.named().map(|step| step.subject.amount);
        let deal = self.deal(command, bidder, seller, insurance)?;

        self.settle_deal(key, command, &deal, events);
        let subject = Subject { amount: deal.insurance, ..Subject::NONE };
        self.stepped(steps, StepAction::LiquidationFill, subject);
        Ok(())
    }

    /// Works out a bid, and checks that both sides can bear it. `insurance`: what the fund pays, if that is chosen.
    fn deal(
        &self,
        command: &LiquidationBid,
        bidder: usize,
        seller: usize,
        insurance: Option<Micros>,
    ) -> Result<Deal, Reject> {
        if !(1..=NANO_ONE).contains(&command.share) {
            return Err(Reject::BidShare { share: command.share });
        }
        let not_open = Reject::NotInAuction { subaccount: command.target };
        let Some(liquidation) = &self.accounts[seller].liquidation else { return Err(not_open) };
        let auction =
            self.auction_of(seller, liquidation)?.filter(|auction| auction.share_max > 0).ok_or(not_open)?;
        self.check_may_bid(bidder, seller)?;
        let share = command.share.min(auction.share_max);
        let deal = self.worked_out(bidder, seller, &auction, share, insurance)?;
        let price = sub(deal.price, deal.insurance)?;
        if price > command.limit {
            return Err(Reject::BidLimit { price, limit: command.limit });
        }
        self.check_seller(seller, &deal)?;
        self.check_bidder(&deal)?;
        Ok(deal)
    }

    /// The bidder is another owner's, free to take risk, and every market concerned accepts new risk.
    fn check_may_bid(&self, bidder: usize, seller: usize) -> Result<(), Reject> {
        let (buying, selling) = (&self.accounts[bidder], &self.accounts[seller]);
        if buying.owner == selling.owner {
            return Err(Reject::OwnPortfolio { subaccount: selling.id });
        }
        self.check_not_liquidated(bidder)?;
        if buying.close_only {
            return Err(Reject::CloseOnly { subaccount: buying.id });
        }
        for place in [bidder, seller] {
            for underlying in self.depends_on(place) {
                let mode = self.underlyings[underlying].mode;
                if matches!(mode, Mode::Halt | Mode::CancelOnly) {
                    return Err(Reject::Mode { mode });
                }
                self.check_marks_sound(underlying)?;
            }
        }
        Ok(())
    }

    fn worked_out(
        &self,
        bidder: usize,
        seller: usize,
        auction: &Auction,
        share: i64,
        insurance: Option<Micros>,
    ) -> Result<Deal, Reject> {
        let setting = self.setting();
        let whole = share == NANO_ONE;
        let price = mul_div_ceil(auction.price, share, NANO_ONE)?;
        let insurance = match insurance {
            Some(chosen) => self.insurable(seller, chosen)?,
            None => mul_div_floor(auction.insurance, share, NANO_ONE)?,
        };
        let (selling, buying) = (&self.accounts[seller], &self.accounts[bidder]);
        let mut transfer = Transfer::new(&setting, selling, buying)?;
        for holding in selling.holdings().filter(|holding| holding.position != 0) {
            let size = mul_div_ceil(narrow(holding.position.unsigned_abs().into())?, share, NANO_ONE)?;
            let lots = Lots { instrument: holding.instrument, lots: holding.position.signum() * size };
            transfer.move_lots(&setting, lots)?;
        }
        let mut assets = Vec::new();
        let mut moved = 0;
        for (asset, balance, _) in self.collateral_held(seller) {
            let amount = mul_div_floor(balance, share, NANO_ONE)?;
            moved = add(moved, self.asset_value(asset, amount)?)?;
            transfer.giver.credit(asset, -amount)?;
            transfer.taker.credit(asset, amount)?;
            if amount != 0 {
                assets.push((asset, amount));
            }
        }
        // Legs moved at their value, assets for nothing yet: what the share is worth beyond them is cash. Of the whole
        // portfolio that is all the cash there is, to the unit.
        let cash = if whole {
            transfer.giver.cash
        } else {
            sub(mul_div_floor(auction.value, share, NANO_ONE)?, moved)?
        };
        let paid = sub(cash, price)?;
        transfer.giver.credit(USDC, -paid)?;
        transfer.taker.credit(USDC, add(paid, insurance)?)?;
        self.check_transfer_fits(&transfer)?;
        for account in [&mut transfer.giver, &mut transfer.taker] {
            account.forget_sums();
            account.refresh(&setting)?;
        }
        Ok(Deal { transfer, share, factor: auction.factor, assets, price, cash, insurance })
    }

    /// No bid leaves the seller worse off.
    fn check_seller(&self, seller: usize, deal: &Deal) -> Result<(), Reject> {
        let before = self.excess_of(&self.accounts[seller])?;
        let after = self.excess_of(&deal.transfer.giver)?;
        if after >= before { Ok(()) } else { Err(Reject::BidHarms { before, after }) }
    }

    fn check_bidder(&self, deal: &Deal) -> Result<(), Reject> {
        let account = &deal.transfer.taker;
        let max = self.parameters.get(Parameter::MaxInstruments);
        if account.holdings.len() as i64 > max {
            return Err(Reject::TooManyInstruments { max });
        }
        let setting = self.setting();
        if account.is_portfolio() {
            let mut legs = deal.transfer.legs.iter().map(|leg| setting.instrument(leg.lots.instrument));
            if let Some(instrument) = legs.find(|instrument| !setting.has_lanes(instrument)) {
                return Err(Reject::NoLanes { instrument: instrument.terms.instrument });
            }
        }
        let required = setting.requirement(account)?.initial;
        let balance = setting.funds(account)?.balance(account.is_portfolio(), Purpose::Initial)?;
        if balance >= required { Ok(()) } else { Err(Reject::Margin { balance, required }) }
    }

    fn settle_deal(&mut self, key: KeyIndex, command: &LiquidationBid, deal: &Deal, events: &mut Vec<Event>) {
        let (bidder, seller) = (command.subaccount as usize - 1, command.target as usize - 1);
        self.use_nonce(key, command.auth.nonce);
        let id = self.liquidation(seller).id;
        let (from, to) = (command.target, command.subaccount);
        for leg in &deal.transfer.legs {
            self.apply_leg(&deal.transfer, leg, events);
            let moved = PositionMoved {
                liquidation: id,
                subaccount: from,
                counterparty: to,
                instrument: leg.lots.instrument,
                lots: leg.lots.lots,
                price: leg.price,
                cash: leg.cash,
            };
            events.push(moved.into());
        }
        for &(asset, amount) in &deal.assets {
            self.credit(seller, asset, -amount, BalanceReason::Auction, events);
            self.credit(bidder, asset, amount, BalanceReason::Auction, events);
        }
        let paid = deal.cash - deal.price;
        if paid != 0 {
            self.credit(seller, USDC, -paid, BalanceReason::Auction, events);
            self.credit(bidder, USDC, paid, BalanceReason::Auction, events);
        }
        self.pay_insurance(seller, bidder, deal.insurance, events);
        let liquidation = self.liquidation_mut(seller);
        // The reserve is part of what the bidder shares, and what it paid joins it.
        let kept = i128::from(liquidation.reserve) * i128::from(NANO_ONE - deal.share) / i128::from(NANO_ONE);
        liquidation.reserve = (kept + i128::from(deal.price)).clamp(0, i64::MAX.into()) as i64;
        let fill = AuctionFill {
            liquidation: id,
            subaccount: from,
            bidder: to,
            share: deal.share,
            price: deal.factor,
            cash: deal.price - deal.insurance,
            insurance: deal.insurance,
        };
        events.push(fill.into());
    }
}

/// Price of a whole portfolio: its mark value less what was paid into it before is discounted, that part is not. It
/// counts for at most half of the value, so that the price goes down whatever became of the rest.
fn price_of(value: Micros, reserve: Micros, factor: i64) -> Checked<Micros> {
    let reserve = reserve.clamp(0, value / 2);
    add(reserve, mul_div_ceil(value - reserve, factor, NANO_ONE)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_paid_before_is_not_discounted_again() {
        assert_eq!(price_of(1_000, 0, 700_000_000), Ok(700));
        assert_eq!(price_of(1_000, 400, 700_000_000), Ok(820));
        assert_eq!(price_of(1_000, 900, 0), Ok(500));
    }
}
