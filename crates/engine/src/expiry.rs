//! Expiry: the price is fixed once; orders, then positions, are settled in chunks until nothing is left.

use crate::instruments::InstrumentStatus;
use crate::numbers::{Checked, add, sub};
use crate::reject::Reject;
use crate::standard::settlement_value;
use crate::state::Engine;
use crate::steps::{StepAction, StepObserver, Subject};
use crate::terms::NANOS_PER_MICRO;
use protocol::{
    BalanceReason, CloseReason, Event, Expire, ExpiryFixed, InstrumentClosed, InstrumentId, InstrumentSpec,
    Micros, Nanos, OptionType, PositionSettled, SettleExpired, Side, SubaccountId, USDC,
};

/// Highest settlement price, micro-USDC.
const PRICE_MAX: i64 = 1_000_000_000_000_000;

/// A series whose price is fixed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Priced {
    /// Place of its underlying.
    place: usize,
    /// Its place there.
    at: usize,
    price: Micros,
}

impl Engine {
    pub(crate) fn fix_settlement_price(
        &mut self,
        command: &Expire,
        events: &mut Vec<Event>,
    ) -> Result<(), Reject> {
        let (place, at) = self.series_place(command.underlying, command.expiry)?;
        let expiry = command.expiry;
        let time = self.globals.time;
        if time < expiry {
            return Err(Reject::NotExpired { expiry, time });
        }
        if let Some(price) = self.underlyings[place].expiries[at].price {
            return Err(Reject::SettlementFixed { price });
        }
        self.check_oracles(&command.cosignatures)?;
        let price = command.price;
        if !(1..PRICE_MAX).contains(&price) {
            return Err(Reject::InvalidSettlementPrice { price });
        }
        self.check_settlement_price(place, price)?;

        let underlying = &mut self.underlyings[place];
        let series = &mut underlying.expiries[at];
        series.price = Some(price);
        for &id in &series.instruments {
            self.instruments[id as usize - 1].status = InstrumentStatus::Expired;
            self.tracker.instrument(id);
        }
        underlying.open.retain(|id| series.instruments.binary_search(id).is_err());
        underlying.listing_epoch += 1;
        self.tracker.underlying(command.underlying);
        events.push(ExpiryFixed { underlying: command.underlying, expiry, price }.into());
        Ok(())
    }

    /// A settlement price in other units than the marks, or of another underlying, does not settle anything: it lies
    /// from half to double the last index, as forwards do.
    fn check_settlement_price(&self, place: usize, price: Micros) -> Result<(), Reject> {
        let Some(inputs) = &self.underlyings[place].inputs else { return Ok(()) };
        let index = inputs.index / NANOS_PER_MICRO;
        if (index - index / 2..=2 * index).contains(&price) {
            return Ok(());
        }
        Err(Reject::SettlementPriceRange { price, index })
    }

    /// Each order removed, each position settled and each instrument closed is one unit of work.
    pub(crate) fn settle_expired<O: StepObserver>(
        &mut self,
        command: &SettleExpired,
        events: &mut Vec<Event>,
        steps: &mut O,
    ) -> Result<(), Reject> {
        let Priced { place, at, price } = self.priced_series(command)?;
        let instruments = self.underlyings[place].expiries[at].instruments.clone();
        self.check_settlement_fits(&instruments, price, command.limit)?;

        let mut budget = command.limit;
        for &id in &instruments {
            self.remove_expired_orders(id, &mut budget, events, steps);
        }
        for &id in &instruments {
            self.settle_positions(id, price, &mut budget, events, steps);
            if budget == 0 {
                return Ok(());
            }
            budget -= 1;
            self.close_instrument(place, at, id, events, steps);
        }
        Ok(())
    }

    /// The series that a command settles, its price being fixed.
    pub(crate) fn priced_series(&self, command: &SettleExpired) -> Result<Priced, Reject> {
        let (place, at) = self.series_place(command.underlying, command.expiry)?;
        let price = self.underlyings[place].expiries[at].price;
        let price = price.ok_or(Reject::SettlementNotFixed { expiry: command.expiry })?;
        if command.limit == 0 {
            return Err(Reject::NothingToDo);
        }
        Ok(Priced { place, at, price })
    }

    fn series_place(&self, underlying: u16, expiry: Nanos) -> Result<(usize, usize), Reject> {
        let place = self.underlying_place(underlying)?;
        let unknown = Reject::UnknownExpiry { underlying, expiry };
        let at = self.underlyings[place].expiry_place(expiry).map_err(|_| unknown)?;
        Ok((place, at))
    }

    /// Bids best first, then offers best first.
    fn remove_expired_orders<O: StepObserver>(
        &mut self,
        id: InstrumentId,
        budget: &mut u16,
        events: &mut Vec<Event>,
        steps: &mut O,
    ) {
        for &side in Side::ALL {
            while *budget > 0
                && let Some((_, resting)) = self.books.best(id, side)
            {
                let (order, account) = (resting.order, resting.subaccount as usize - 1);
                let at = self.accounts[account].orders.find(order).expect("a resting order has an account");
                self.remove_order(account, at, CloseReason::InstrumentExpired, events, steps);
                *budget -= 1;
            }
        }
    }

    /// Ascending by subaccount.
    fn settle_positions<O: StepObserver>(
        &mut self,
        id: InstrumentId,
        price: Micros,
        budget: &mut u16,
        events: &mut Vec<Event>,
        steps: &mut O,
    ) {
        while *budget > 0
            && let Some(&subaccount) = self.instruments[id as usize - 1].holders.first()
        {
            self.settle_position(subaccount, id, price, events, steps);
            *budget -= 1;
        }
    }

    /// A position that fits becomes cash.
    fn settle_position<O: StepObserver>(
        &mut self,
        subaccount: SubaccountId,
        id: InstrumentId,
        price: Micros,
        events: &mut Vec<Event>,
        steps: &mut O,
    ) {
        let account = subaccount as usize - 1;
        let instrument = &mut self.instruments[id as usize - 1];
        let mut holding = *self.accounts[account].holding(id).expect("a holder has a holding");
        let lots = holding.position;
        let cash = value_at(&instrument.spec, lots, price).expect("the settlement was checked to fit");
        instrument.holders.remove(&subaccount);
        instrument.open_interest -= lots.max(0);
        (holding.position, holding.cost) = (0, 0);
        let (accounts, setting) = self.split();
        accounts[account].update(holding, &setting);
        self.watch.touch(account);
        self.globals.insurance -= cash;
        self.tracker.account(subaccount);
        self.tracker.instrument(id);
        events.push(PositionSettled { subaccount, instrument: id, lots, cash }.into());
        if cash != 0 {
            self.credit(account, USDC, cash, BalanceReason::Settlement, events);
        }
        self.stepped(steps, StepAction::SettleAccount, Subject::position(subaccount, id));
    }

    /// Settles a position that somebody chose, if there is one in an instrument of the series.
    pub(crate) fn settle_chosen<O: StepObserver>(
        &mut self,
        Priced { place, at, price }: Priced,
        (subaccount, id): (SubaccountId, InstrumentId),
        events: &mut Vec<Event>,
        steps: &mut O,
    ) -> Checked<()> {
        if !self.underlyings[place].expiries[at].instruments.contains(&id) {
            return Ok(());
        }
        let instrument = &self.instruments[id as usize - 1];
        if !instrument.holders.contains(&subaccount) {
            return Ok(());
        }
        let account = &self.accounts[subaccount as usize - 1];
        let lots = account.holding(id).map_or(0, |holding| holding.position);
        let value = value_at(&instrument.spec, lots, price)?;
        sub(self.globals.insurance, value)?;
        add(account.cash, value)?;
        self.settle_position(subaccount, id, price, events, steps);
        Ok(())
    }

    /// Closes an instrument that somebody chose, if it is one of the series and nothing is left of it.
    pub(crate) fn close_chosen<O: StepObserver>(
        &mut self,
        Priced { place, at, .. }: Priced,
        id: InstrumentId,
        events: &mut Vec<Event>,
        steps: &mut O,
    ) {
        let of_series = self.underlyings[place].expiries[at].instruments.contains(&id);
        let is_empty = |engine: &Self| {
            let orders = Side::ALL.iter().any(|&side| engine.books.best(id, side).is_some());
            !orders && engine.instruments[id as usize - 1].holders.is_empty()
        };
        if of_series && is_empty(self) {
            self.close_instrument(place, at, id, events, steps);
        }
    }

    /// The series goes with its last instrument.
    fn close_instrument<O: StepObserver>(
        &mut self,
        underlying: usize,
        at: usize,
        id: InstrumentId,
        events: &mut Vec<Event>,
        steps: &mut O,
    ) {
        self.instruments[id as usize - 1].status = InstrumentStatus::Closed;
        self.tracker.instrument(id);
        let underlying = &mut self.underlyings[underlying];
        underlying.expiries[at].instruments.retain(|&other| other != id);
        if underlying.expiries[at].instruments.is_empty() {
            underlying.expiries.remove(at);
        }
        self.tracker.underlying(underlying.spec.underlying);
        events.push(InstrumentClosed { instrument: id }.into());
        self.stepped(steps, StepAction::CloseInstrument, Subject::instrument(id));
    }

    /// Every sum that settling up to `limit` positions reaches, in its order, fits.
    fn check_settlement_fits(&self, ids: &[InstrumentId], price: Micros, limit: u16) -> Checked<()> {
        let mut insurance = self.globals.insurance;
        let mut cash: Vec<(SubaccountId, Micros)> = Vec::new();
        let holders = ids.iter().flat_map(|&id| {
            let instrument = &self.instruments[id as usize - 1];
            instrument.holders.iter().map(move |&subaccount| (subaccount, instrument))
        });
        for (subaccount, instrument) in holders.take(limit.into()) {
            let account = &self.accounts[subaccount as usize - 1];
            let lots = account.holding(instrument.spec.instrument).map_or(0, |holding| holding.position);
            let value = value_at(&instrument.spec, lots, price)?;
            insurance = sub(insurance, value)?;
            let at = match cash.binary_search_by_key(&subaccount, |entry| entry.0) {
                Ok(at) => at,
                Err(at) => {
                    cash.insert(at, (subaccount, account.cash));
                    at
                }
            };
            cash[at].1 = add(cash[at].1, value)?;
        }
        Ok(())
    }
}

/// Expiry value of a position, micro-USDC, rounded down.
pub(crate) fn value_at(spec: &InstrumentSpec, lots: i64, price: Micros) -> Checked<Micros> {
    let payoff = match spec.option_type {
        OptionType::Call => price - spec.strike,
        OptionType::Put => spec.strike - price,
    };
    settlement_value(lots, payoff.max(0), spec.lot_size)
}
