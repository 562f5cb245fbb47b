//! Subaccounts: cash, positions, open orders, and the margin sums cached over them.

use crate::book::Handle;
use crate::clients::ClientIds;
use crate::keys::KeyIndex;
use crate::liquidation::Liquidation;
use crate::numbers::{Checked, add};
use crate::portfolio::Pools;
use crate::standard::Sums;
use crate::table::Table;
use crate::terms::Terms;
use protocol::{AssetId, CallLevel, InstrumentId, MarginModel, Micros, OrderId, Side, SubaccountId, USDC};

/// The open orders of one account on one side of one instrument.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OpenSide {
    /// Sum of their open sizes, lots.
    pub lots: i64,
    /// The highest bid or lowest offer, ticks; 0 when there is none.
    pub worst: i64,
    /// How many.
    pub count: u32,
}

impl OpenSide {
    /// With one more order.
    pub(crate) fn with(self, side: Side, lots: i64, price: i64) -> Checked<Self> {
        let worst = match side {
            _ if self.count == 0 => price,
            Side::Buy => self.worst.max(price),
            Side::Sell => self.worst.min(price),
        };
        Ok(Self { lots: add(self.lots, lots)?, worst, count: self.count + 1 })
    }
}

/// A position, and the open orders in its instrument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holding {
    /// The instrument.
    pub instrument: InstrumentId,
    /// Lots, negative when short.
    pub position: i64,
    /// What the position cost to enter, micro-USDC, negative when short. Of perpetuals it backs the unrealised P&L;
    /// of options it only tells the average price.
    pub cost: Micros,
    /// The perpetual's funding index up to which this position has settled.
    pub funding: i64,
    /// Open bids.
    pub bids: OpenSide,
    /// Open offers.
    pub offers: OpenSide,
    pub(crate) sums: Sums,
}

impl Holding {
    pub(crate) fn new(instrument: InstrumentId, funding: i64) -> Self {
        let (bids, offers) = (OpenSide::default(), OpenSide::default());
        Self { instrument, position: 0, cost: 0, funding, bids, offers, sums: Sums::default() }
    }

    /// Open orders of one side.
    #[must_use]
    pub fn open(&self, side: Side) -> OpenSide {
        match side {
            Side::Buy => self.bids,
            Side::Sell => self.offers,
        }
    }

    pub(crate) fn open_mut(&mut self, side: Side) -> &mut OpenSide {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.offers,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.position == 0 && self.bids.count == 0 && self.offers.count == 0
    }

    /// Lots that an order of `side` can trade before the position is flat.
    pub(crate) fn reducible(&self, side: Side) -> i64 {
        match side {
            Side::Buy => self.position.saturating_neg().max(0),
            Side::Sell => self.position.max(0),
        }
    }

    /// The cached numbers, from scratch. In the portfolio model pools hold the requirement, and options have value.
    pub(crate) fn sums_at(&self, portfolio: bool, terms: &Terms, funding_index: i64) -> Checked<Sums> {
        if portfolio {
            let options = if terms.perpetual { 0 } else { terms.value(self.position)? };
            return Ok(Sums { initial: 0, balance: add(terms.balance_of(self, funding_index)?, options)? });
        }
        Ok(Sums {
            initial: terms.initial_with_orders(self.position, self.bids, self.offers)?,
            balance: terms.balance_of(self, funding_index)?,
        })
    }
}

/// What an account knows of its resting order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenOrder {
    /// The order.
    pub order: OrderId,
    /// Where it rests.
    pub handle: Handle,
    /// Its price, ticks.
    pub price: i64,
    /// Lots filled so far.
    pub filled: i64,
    /// When it got its place in the queue: `command sequence << 10 | index`. Orders at one price ascend by it.
    pub priority: u64,
    /// Its instrument.
    pub instrument: InstrumentId,
    /// Its side.
    pub side: Side,
}

/// A subaccount.
#[derive(Debug, Clone)]
pub struct Account {
    pub(crate) id: SubaccountId,
    pub(crate) owner: KeyIndex,
    pub(crate) close_only: bool,
    /// What it is called for.
    pub(crate) call: CallLevel,
    pub(crate) liquidation: Option<Liquidation>,
    pub(crate) cash: Micros,
    /// Balances of the other assets, ascending, none zero.
    pub(crate) assets: Vec<(AssetId, i64)>,
    /// None of them empty.
    pub(crate) holdings: Table<InstrumentId, Holding>,
    pub(crate) orders: Table<OrderId, OpenOrder>,
    pub(crate) clients: ClientIds,
    /// Sums over `holdings`, true while `generation` is the engine's.
    pub(crate) sums: Sums,
    pub(crate) generation: u64,
    /// Of a portfolio-margined account, what it caches; `None` is the standard model.
    pub(crate) portfolio: Option<Box<Pools>>,
}

impl Account {
    pub(crate) fn new(id: SubaccountId, owner: KeyIndex) -> Self {
        Self {
            id,
            owner,
            close_only: false,
            call: CallLevel::None,
            liquidation: None,
            cash: 0,
            assets: Vec::new(),
            holdings: Table::default(),
            orders: Table::default(),
            clients: ClientIds::default(),
            sums: Sums::default(),
            generation: 0,
            portfolio: None,
        }
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> SubaccountId {
        self.id
    }

    /// How it is margined.
    #[must_use]
    pub fn model(&self) -> MarginModel {
        if self.is_portfolio() { MarginModel::Portfolio } else { MarginModel::Standard }
    }

    /// Whether it is margined as a portfolio.
    #[must_use]
    pub fn is_portfolio(&self) -> bool {
        self.portfolio.is_some()
    }

    /// Whether it may only reduce its positions.
    #[must_use]
    pub fn close_only(&self) -> bool {
        self.close_only
    }

    /// What it is called for.
    #[must_use]
    pub fn call(&self) -> CallLevel {
        self.call
    }

    /// Its liquidation, while there is one.
    #[must_use]
    pub fn liquidation(&self) -> Option<&Liquidation> {
        self.liquidation.as_ref()
    }

    /// Whether it has no position.
    pub(crate) fn is_flat(&self) -> bool {
        self.holdings.iter().all(|holding| holding.position == 0)
    }

    /// Balance of an asset, engine units.
    #[must_use]
    pub fn balance(&self, asset: AssetId) -> i64 {
        if asset == USDC {
            return self.cash;
        }
        self.assets.binary_search_by_key(&asset, |entry| entry.0).map_or(0, |at| self.assets[at].1)
    }

    /// Balances of the assets other than USDC, ascending, none zero.
    #[must_use]
    pub fn assets(&self) -> &[(AssetId, i64)] {
        &self.assets
    }

    /// Positions and open orders by instrument, ascending, none empty.
    pub fn holdings(&self) -> impl ExactSizeIterator<Item = &Holding> + Clone {
        self.holdings.iter()
    }

    /// Position and open orders in one instrument.
    #[must_use]
    pub fn holding(&self, instrument: InstrumentId) -> Option<&Holding> {
        self.holdings.get(instrument)
    }

    /// Open orders, ascending by id.
    pub fn orders(&self) -> impl ExactSizeIterator<Item = &OpenOrder> + Clone {
        self.orders.iter()
    }

    /// One open order.
    #[must_use]
    pub fn order(&self, order: OrderId) -> Option<&OpenOrder> {
        self.orders.get(order)
    }

    /// The order that `client_id` names, while it is open or among the last 256 closed.
    #[must_use]
    pub fn client_order(&self, client_id: &str) -> Option<OrderId> {
        self.clients.find(client_id)
    }

    /// The client id of an open order; empty when it has none.
    #[must_use]
    pub fn client_id(&self, order: OrderId) -> &str {
        self.clients.of_open(order)
    }

    /// Its holding, or the empty one.
    pub(crate) fn holding_or_new(&self, instrument: InstrumentId, funding: i64) -> Holding {
        self.holding(instrument).copied().unwrap_or_else(|| Holding::new(instrument, funding))
    }

    /// Adds to the balance of an asset.
    pub(crate) fn credit(&mut self, asset: AssetId, delta: i64) -> Checked<()> {
        let balance = add(self.balance(asset), delta)?;
        match self.assets.binary_search_by_key(&asset, |entry| entry.0) {
            _ if asset == USDC => self.cash = balance,
            Ok(at) if balance == 0 => drop(self.assets.remove(at)),
            Ok(at) => self.assets[at].1 = balance,
            Err(_) if balance == 0 => {}
            Err(at) => self.assets.insert(at, (asset, balance)),
        }
        Ok(())
    }

    /// Puts a holding in its place, or takes the place away when it holds nothing.
    pub(crate) fn store(&mut self, holding: Holding) {
        self.store_at(self.holdings.find(holding.instrument), holding);
    }

    pub(crate) fn store_at(&mut self, slot: Option<usize>, holding: Holding) {
        match slot {
            Some(_) if holding.is_empty() => self.holdings.remove(holding.instrument),
            Some(slot) => self.holdings[slot] = holding,
            None if holding.is_empty() => {}
            None => {
                self.holdings.insert(holding.instrument, holding);
            }
        }
    }

    /// The side of `holding` that `open` stands in, without `lots` of it; `gone` when nothing of it is left.
    pub(crate) fn open_without(
        &self,
        holding: &Holding,
        open: &OpenOrder,
        lots: i64,
        gone: bool,
    ) -> OpenSide {
        let mut side = holding.open(open.side);
        side.lots -= lots;
        if !gone {
            return side;
        }
        side.count -= 1;
        if side.count == 0 {
            return OpenSide::default();
        }
        if side.worst == open.price {
            let others = self.orders.iter().filter(|other| {
                other.instrument == open.instrument && other.side == open.side && other.order != open.order
            });
            let prices = others.map(|other| other.price);
            side.worst = match open.side {
                Side::Buy => prices.max(),
                Side::Sell => prices.min(),
            }
            .expect("the side has another order");
        }
        side
    }
}
