//! Whether an order may enter: its form, what the venue accepts now, and the margin for its worst case.

use crate::accounts::Holding;
use crate::instruments::InstrumentStatus;
use crate::marks::MARK_MAX;
use crate::matching::Taker;
use crate::numbers::{add, sub};
use crate::reject::Reject;
use crate::state::Engine;
use crate::terms::Terms;
use protocol::{Micros, Mode, OrderType, Parameter, PlaceOrder, PostOnly, Side, TimeInForce};

/// Most lots of one order.
pub const ORDER_LOTS_MAX: i64 = 100_000_000_000;
/// Highest limit price, micro-USDC per contract: that of marks.
pub const ORDER_PRICE_MAX: Micros = MARK_MAX;

/// Lots in `amount`.
pub(crate) fn lots_of(amount: i64, terms: &Terms) -> Result<i64, Reject> {
    let lot_size = terms.lot_size;
    let lots = amount / lot_size;
    if amount <= 0 || lots * lot_size != amount || lots > ORDER_LOTS_MAX {
        return Err(Reject::InvalidAmount { amount, lot_size });
    }
    Ok(lots)
}

/// Ticks in `price`.
pub(crate) fn ticks_of(price: Micros, terms: &Terms) -> Result<i64, Reject> {
    let tick_size = terms.tick_size;
    let ticks = price / tick_size;
    if !(1..=ORDER_PRICE_MAX).contains(&price) || ticks * tick_size != price {
        return Err(Reject::InvalidPrice { price, tick_size });
    }
    Ok(ticks)
}

pub(crate) fn check_max_fee(max_fee: Micros) -> Result<(), Reject> {
    if max_fee >= 0 { Ok(()) } else { Err(Reject::InvalidMaxFee { max_fee }) }
}

/// Checks the flags of a new order against each other.
pub(crate) fn check_flags(order: &PlaceOrder, time: u64) -> Result<(), Reject> {
    let immediate = matches!(order.time_in_force, TimeInForce::Ioc | TimeInForce::Fok);
    let refuse = |what| Err(Reject::InvalidFlags { what });
    match (order.order_type, order.time_in_force, order.post_only) {
        (OrderType::Market, TimeInForce::Gtd, _) => {
            return refuse("a market order does not rest until a date");
        }
        (OrderType::Market, _, PostOnly::Reject | PostOnly::Slide) => {
            return refuse("a market order never makes");
        }
        (_, _, PostOnly::Reject | PostOnly::Slide) if immediate => {
            return refuse("an immediate order never makes");
        }
        _ => {}
    }
    let dated = order.time_in_force == TimeInForce::Gtd;
    if (dated && order.valid_until <= time) || (!dated && order.valid_until != 0) {
        return Err(Reject::InvalidValidUntil { valid_until: order.valid_until, time });
    }
    check_max_fee(order.max_fee)
}

impl Engine {
    /// Checks all that an order meets before it may trade, and fits its price to band and post-only. `replaced` is the
    /// place, among its account's orders, of the resting order that it replaces.
    pub(crate) fn admit(&mut self, taker: &mut Taker, replaced: Option<usize>) -> Result<(), Reject> {
        self.check_not_liquidated(taker.account)?;
        self.check_tradable(taker.instrument)?;
        self.check_lanes(taker)?;
        let holding = self.holding_before(taker, replaced);
        self.check_risk_allowed(taker, &holding)?;
        self.fit_to_band(taker)?;
        if replaced.is_none() {
            self.check_limits(taker)?;
        }
        if taker.reduce_only && holding.reducible(taker.side) == 0 {
            return Err(Reject::NothingToReduce { position: holding.position });
        }
        self.fit_to_book(taker)?;
        self.check_margin(taker, &holding)?;
        if taker.fill_or_kill {
            let (wanted, fillable) = (taker.lots, self.fillable(taker));
            if fillable < wanted {
                return Err(Reject::FillOrKill { wanted, fillable });
            }
        }
        Ok(())
    }

    /// The instrument is open, has not expired and has a mark.
    pub(crate) fn check_tradable(&self, place: usize) -> Result<(), Reject> {
        let instrument = &self.instruments[place];
        let terms = &instrument.terms;
        let expired = !terms.perpetual && self.globals.time >= terms.expiry;
        if instrument.status != InstrumentStatus::Open || expired {
            return Err(Reject::InstrumentNotOpen { instrument: terms.instrument });
        }
        if !terms.marked {
            return Err(Reject::NoMark { instrument: terms.instrument });
        }
        self.check_not_halted(place)
    }

    /// A portfolio-margined account trades only what has lanes.
    fn check_lanes(&self, taker: &Taker) -> Result<(), Reject> {
        let instrument = &self.instruments[taker.instrument];
        if self.accounts[taker.account].is_portfolio() && !self.setting().has_lanes(instrument) {
            return Err(Reject::NoLanes { instrument: instrument.terms.instrument });
        }
        Ok(())
    }

    /// The instrument's underlying is not halted.
    pub(crate) fn check_not_halted(&self, instrument: usize) -> Result<(), Reject> {
        match self.mode_of(instrument) {
            Mode::Halt => Err(Reject::Mode { mode: Mode::Halt }),
            _ => Ok(()),
        }
    }

    fn mode_of(&self, instrument: usize) -> Mode {
        self.underlyings[usize::from(self.instruments[instrument].terms.underlying) - 1].mode
    }

    /// The holding that the order would join, without the order that it replaces.
    fn holding_before(&self, taker: &Taker, replaced: Option<usize>) -> Holding {
        let account = &self.accounts[taker.account];
        let instrument = &self.instruments[taker.instrument];
        let mut holding = account.holding_or_new(instrument.terms.instrument, instrument.funding_index);
        if let Some(at) = replaced {
            let open = &account.orders[at];
            let lots = self.books.get(open.handle).expect("an open order rests").lots;
            *holding.open_mut(open.side) = account.open_without(&holding, open, lots, true);
        }
        holding
    }

    /// Where new risk is refused, only orders that shrink the position pass, counted with those already open.
    fn check_risk_allowed(&self, taker: &Taker, holding: &Holding) -> Result<(), Reject> {
        let Err(refusal) = self.check_new_risk(taker) else { return Ok(()) };
        let open = holding.open(taker.side).lots.saturating_add(taker.lots);
        if open <= holding.reducible(taker.side) { Ok(()) } else { Err(refusal) }
    }

    fn check_new_risk(&self, taker: &Taker) -> Result<(), Reject> {
        let mode = self.mode_of(taker.instrument);
        if mode == Mode::CancelOnly {
            return Err(Reject::Mode { mode });
        }
        let account = &self.accounts[taker.account];
        if account.close_only {
            return Err(Reject::CloseOnly { subaccount: account.id });
        }
        self.check_marks_sound(usize::from(self.instruments[taker.instrument].terms.underlying) - 1)
    }

    fn fit_to_band(&self, taker: &mut Taker) -> Result<(), Reject> {
        let terms = &self.instruments[taker.instrument].terms;
        let limit = terms.band_limit(taker.side);
        let beyond = match taker.side {
            Side::Buy => taker.limit > limit,
            Side::Sell => taker.limit < limit,
        };
        if !beyond {
            return Ok(());
        }
        if !taker.market || limit < 1 {
            let price = taker.limit.saturating_mul(terms.tick_size);
            return Err(Reject::PriceBand { price, limit: limit.saturating_mul(terms.tick_size) });
        }
        taker.limit = limit;
        Ok(())
    }

    fn check_limits(&self, taker: &Taker) -> Result<(), Reject> {
        let account = &self.accounts[taker.account];
        let max = self.parameters.get(Parameter::MaxOpenOrders);
        if taker.rests && account.orders.len() as i64 >= max {
            return Err(Reject::TooManyOrders { max });
        }
        let max = self.parameters.get(Parameter::MaxInstruments);
        let instrument = self.instruments[taker.instrument].terms.instrument;
        if account.holdings.len() as i64 >= max && account.holding(instrument).is_none() {
            return Err(Reject::TooManyInstruments { max });
        }
        Ok(())
    }

    /// Post-only, of the order or of the venue, against the best opposite price. An order that is past its end but
    /// still in the book counts: it is gone with the next clock.
    fn fit_to_book(&self, taker: &mut Taker) -> Result<(), Reject> {
        let mode = self.mode_of(taker.instrument);
        if mode == Mode::PostOnly && !taker.rests {
            return Err(Reject::Mode { mode });
        }
        if mode != Mode::PostOnly && taker.post_only == PostOnly::No {
            return Ok(());
        }
        let instrument = self.instruments[taker.instrument].terms.instrument;
        let Some(best) = self.books.best_price(instrument, taker.side.opposite()) else { return Ok(()) };
        if !taker.crosses(best) {
            return Ok(());
        }
        let behind = best - taker.side.sign();
        match taker.post_only {
            PostOnly::Slide if behind >= 1 => {
                taker.limit = behind;
                Ok(())
            }
            PostOnly::No => Err(Reject::Mode { mode }),
            _ => Err(Reject::PostOnlyWouldTrade { price: taker.limit, best }),
        }
    }

    /// Initial margin with the order added to those open, unless the order does not raise it: neither that, which other
    /// orders may have raised as far already, nor by filling alone.
    fn check_margin(&mut self, taker: &Taker, holding: &Holding) -> Result<(), Reject> {
        self.refresh(taker.account)?;
        let (accounts, setting) = self.split();
        let account = &mut accounts[taker.account];
        let terms = &setting.instruments[taker.instrument].terms;
        let mut after = *holding;
        let open = holding.open(taker.side).with(taker.side, taker.lots, taker.limit)?;
        // So the cash of what is left of the side fits at its worst price, whichever of its orders end later.
        terms.cash(open.lots, taker.limit)?;
        *after.open_mut(taker.side) = open;
        let balance = account.funds()?;
        let required = if account.is_portfolio() {
            account.initial_with(&after, &setting)?
        } else {
            let needed = terms.initial_with_orders(after.position, after.bids, after.offers)?;
            add(sub(account.sums.initial, holding.sums.initial)?, needed)?
        };
        if balance >= required {
            return Ok(());
        }
        let position = add(holding.position, taker.side.sign() * taker.lots)?;
        let filled = Holding { position, ..*holding };
        if required <= account.initial(&setting)? && !account.positions_raise(&filled, &setting)? {
            return Ok(());
        }
        Err(Reject::Margin { balance, required })
    }
}
