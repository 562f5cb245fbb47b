//! Orders and trades as users ask for them: kept from commands and events, bounded, part of every snapshot.

use protocol::wire::{CodecError, Reader, Wire};
use protocol::{
    CONTRACT, Event, Fill, InstrumentId, InstrumentSpec, Nanos, OrderId, OrderType, PlaceOrder, PostOnly,
    ReplaceOrder, Side, SubaccountId, TimeInForce, UnderlyingId, wire_struct,
};
use std::collections::{BTreeSet, HashMap, VecDeque};

/// Ended orders that stay known.
const CLOSED_ORDERS_MAX: usize = 500_000;
/// Trades that stay known.
const TRADES_MAX: usize = 500_000;

wire_struct! {
    /// An order and what became of it. Amounts 1e-8 contracts, prices micro-USDC per contract.
    pub struct OrderInfo {
        /// The order.
        pub order: OrderId,
        /// Its subaccount.
        pub subaccount: SubaccountId,
        /// Its instrument.
        pub instrument: InstrumentId,
        /// Its side.
        pub side: Side,
        /// Total amount.
        pub amount: i64,
        /// Limit price; for a slid post-only order the price it rests at.
        pub limit_price: i64,
        /// Order type.
        pub order_type: OrderType,
        /// Time in force.
        pub time_in_force: TimeInForce,
        /// End of a GTD order.
        pub valid_until: Nanos,
        /// Maker only.
        pub post_only: PostOnly,
        /// Reduce only.
        pub reduce_only: bool,
        /// Signed fee bound per contract.
        pub max_fee: i64,
        /// Client order id.
        pub client_id: String,
        /// Who signed it.
        pub signer: protocol::Address,
        /// Amount filled.
        pub filled: i64,
        /// Sum of price × amount over its fills, micro-USDC.
        pub filled_notional: i64,
        /// Fees paid, micro-USDC.
        pub fees: i64,
        /// Whether it may still trade.
        pub open: bool,
        /// Why it ended; empty while open.
        pub reason: String,
        /// When it was placed.
        pub created: Nanos,
        /// When it last changed.
        pub updated: Nanos,
        /// Whether it was ever replaced.
        pub replaced: bool,
    }
}

wire_struct! {
    /// A trade. Amounts 1e-8 contracts, prices micro-USDC per contract.
    pub struct TradeInfo {
        /// Trade number.
        pub trade: u64,
        /// Sequence of the command that made it.
        pub sequence: u64,
        /// When.
        pub time: Nanos,
        /// The instrument.
        pub instrument: InstrumentId,
        /// Its underlying.
        pub underlying: UnderlyingId,
        /// The taker's side.
        pub taker_side: Side,
        /// Price.
        pub price: i64,
        /// Amount.
        pub amount: i64,
        /// The resting order.
        pub maker_order: OrderId,
        /// Its subaccount.
        pub maker_subaccount: SubaccountId,
        /// Its fee.
        pub maker_fee: i64,
        /// The incoming order.
        pub taker_order: OrderId,
        /// Its subaccount.
        pub taker_subaccount: SubaccountId,
        /// Its fee.
        pub taker_fee: i64,
        /// Mark at the time, micro-USDC.
        pub mark: i64,
        /// Implied vol of the mark, 1e-9.
        pub iv: i64,
        /// Index at the time, 1e-9 USD.
        pub index: i64,
    }
}

/// Mark, implied vol and index that a trade is recorded with.
#[derive(Debug, Clone, Copy, Default)]
pub struct MarkAt {
    /// Mark, micro-USDC per contract.
    pub mark: i64,
    /// Implied vol, 1e-9.
    pub iv: i64,
    /// Index, 1e-9 USD.
    pub index: i64,
}

#[derive(Debug, Default)]
struct Holder {
    open: BTreeSet<u64>,
    orders: VecDeque<u64>,
    trades: VecDeque<u64>,
}

/// All orders and trades that are still known.
#[derive(Debug, Default)]
pub struct History {
    orders: HashMap<u64, OrderInfo>,
    closed: VecDeque<u64>,
    client_ids: HashMap<(SubaccountId, String), u64>,
    trades: VecDeque<TradeInfo>,
    holders: Vec<Holder>,
}

impl History {
    /// A new order was accepted.
    pub fn placed(&mut self, order: OrderId, time: Nanos, place: &PlaceOrder) {
        let info = OrderInfo {
            order,
            subaccount: place.subaccount,
            instrument: place.instrument,
            side: place.side,
            amount: place.amount,
            limit_price: place.limit_price,
            order_type: place.order_type,
            time_in_force: place.time_in_force,
            valid_until: place.valid_until,
            post_only: place.post_only,
            reduce_only: place.reduce_only,
            max_fee: place.max_fee,
            client_id: place.client_id.clone(),
            signer: place.auth.signer,
            filled: 0,
            filled_notional: 0,
            fees: 0,
            open: true,
            reason: String::new(),
            created: time,
            updated: time,
            replaced: false,
        };
        self.adopt(info);
    }

    fn adopt(&mut self, info: OrderInfo) {
        let id = info.order.0;
        let open = info.open;
        if !info.client_id.is_empty() {
            self.client_ids.insert((info.subaccount, info.client_id.clone()), id);
        }
        let holder = self.holder(info.subaccount);
        holder.orders.push_back(id);
        if open {
            holder.open.insert(id);
        } else {
            self.closed.push_back(id);
        }
        self.orders.insert(id, info);
    }

    fn holder(&mut self, subaccount: SubaccountId) -> &mut Holder {
        let index = usize::try_from(subaccount).expect("subaccount ids are dense");
        if self.holders.len() <= index {
            self.holders.resize_with(index + 1, Holder::default);
        }
        &mut self.holders[index]
    }

    /// A replacement was accepted.
    pub fn replaced(&mut self, time: Nanos, replace: &ReplaceOrder) {
        if let Some(info) = self.orders.get_mut(&replace.order.0) {
            info.amount = replace.amount;
            info.limit_price = replace.limit_price;
            info.post_only = replace.post_only;
            info.reduce_only = replace.reduce_only;
            info.max_fee = replace.max_fee;
            info.updated = time;
            info.replaced = true;
        }
    }

    /// Follows one event; the orders it touched are added to `touched`.
    pub fn follow(
        &mut self,
        sequence: u64,
        time: Nanos,
        event: &Event,
        specs: &dyn Fn(InstrumentId) -> (InstrumentSpec, MarkAt),
        touched: &mut BTreeSet<u64>,
    ) {
        match event {
            Event::OrderRested(rested) => {
                touched.insert(rested.order.0);
                let (spec, _) = specs(rested.instrument);
                if let Some(info) = self.orders.get_mut(&rested.order.0) {
                    info.limit_price = rested.price * spec.tick_size;
                    info.updated = time;
                }
            }
            Event::OrderReplaced(replaced) => {
                touched.insert(replaced.order.0);
            }
            Event::Fill(fill) => {
                let (spec, mark) = specs(fill.instrument);
                self.filled(sequence, time, fill, &spec, mark);
                touched.extend([fill.maker.0, fill.taker.0]);
            }
            Event::OrderClosed(closed) => {
                touched.insert(closed.order.0);
                self.close(closed.order.0, time, closed.reason.word());
            }
            _ => {}
        }
    }

    fn filled(&mut self, sequence: u64, time: Nanos, fill: &Fill, spec: &InstrumentSpec, at: MarkAt) {
        let price = fill.price * spec.tick_size;
        let amount = fill.lots * spec.lot_size;
        let notional = i128::from(price) * i128::from(amount) / i128::from(CONTRACT);
        let notional = i64::try_from(notional).expect("a fill's notional fits, or the engine had refused it");
        for (order, fee) in [(fill.maker, fill.maker_fee), (fill.taker, fill.taker_fee)] {
            let Some(info) = self.orders.get_mut(&order.0) else { continue };
            info.filled += amount;
            info.filled_notional += notional;
            info.fees += fee;
            info.updated = time;
        }
        self.record(TradeInfo {
            trade: fill.trade,
            sequence,
            time,
            instrument: fill.instrument,
            underlying: spec.underlying,
            taker_side: fill.taker_side,
            price,
            amount,
            maker_order: fill.maker,
            maker_subaccount: fill.maker_subaccount,
            maker_fee: fill.maker_fee,
            taker_order: fill.taker,
            taker_subaccount: fill.taker_subaccount,
            taker_fee: fill.taker_fee,
            mark: at.mark,
            iv: at.iv,
            index: at.index,
        });
    }

    fn record(&mut self, trade: TradeInfo) {
        self.holder(trade.maker_subaccount).trades.push_back(trade.trade);
        if trade.maker_subaccount != trade.taker_subaccount {
            self.holder(trade.taker_subaccount).trades.push_back(trade.trade);
        }
        self.trades.push_back(trade);
        if self.trades.len() > TRADES_MAX {
            let dropped = self.trades.pop_front().expect("it is not empty");
            for subaccount in [dropped.maker_subaccount, dropped.taker_subaccount] {
                let trades = &mut self.holder(subaccount).trades;
                if trades.front() == Some(&dropped.trade) {
                    trades.pop_front();
                }
            }
        }
    }

    fn close(&mut self, order: u64, time: Nanos, reason: &str) {
        let Some(info) = self.orders.get_mut(&order) else { return };
        info.open = false;
        info.reason = reason.to_owned();
        info.updated = time;
        let subaccount = info.subaccount;
        self.holder(subaccount).open.remove(&order);
        self.closed.push_back(order);
        if self.closed.len() > CLOSED_ORDERS_MAX {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let Some(order) = self.closed.pop_front() else { return };
        let Some(info) = self.orders.remove(&order) else { return };
        if self.client_ids.get(&(info.subaccount, info.client_id.clone())) == Some(&order) {
            self.client_ids.remove(&(info.subaccount, info.client_id));
        }
        self.holder(info.subaccount).orders.retain(|id| *id != order);
    }

    /// An order, while it is known.
    #[must_use]
    pub fn order(&self, order: u64) -> Option<&OrderInfo> {
        self.orders.get(&order)
    }

    /// The last order a subaccount placed under a client id.
    #[must_use]
    pub fn order_by_client_id(&self, subaccount: SubaccountId, client_id: &str) -> Option<&OrderInfo> {
        self.client_ids.get(&(subaccount, client_id.to_owned())).and_then(|order| self.order(*order))
    }

    /// Open orders of a subaccount, oldest first.
    pub fn open_orders(&self, subaccount: SubaccountId) -> impl Iterator<Item = &OrderInfo> {
        let holder = self.holders.get(subaccount as usize);
        holder.into_iter().flat_map(|holder| &holder.open).filter_map(|order| self.order(*order))
    }

    /// Orders of a subaccount, newest first.
    pub fn order_history(&self, subaccount: SubaccountId) -> impl Iterator<Item = &OrderInfo> {
        let holder = self.holders.get(subaccount as usize);
        holder
            .into_iter()
            .flat_map(|holder| holder.orders.iter().rev())
            .filter_map(|order| self.order(*order))
    }

    /// Trades before trade number `before` (0: all), newest first.
    pub fn trades(&self, before: u64) -> impl Iterator<Item = &TradeInfo> {
        self.trades.iter().rev().filter(move |trade| before == 0 || trade.trade < before)
    }

    /// Trades of a subaccount before `before` (0: all), newest first.
    pub fn user_trades(&self, subaccount: SubaccountId, before: u64) -> impl Iterator<Item = &TradeInfo> {
        let holder = self.holders.get(subaccount as usize);
        holder
            .into_iter()
            .flat_map(|holder| holder.trades.iter().rev())
            .filter(move |trade| before == 0 || **trade < before)
            .filter_map(|trade| self.trade(*trade))
    }

    /// One trade; trade numbers are contiguous.
    #[must_use]
    pub fn trade(&self, trade: u64) -> Option<&TradeInfo> {
        let first = self.trades.front()?.trade;
        self.trades.get(usize::try_from(trade.checked_sub(first)?).ok()?)
    }

    /// The bytes that a snapshot carries.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut orders: Vec<&OrderInfo> = self.orders.values().collect();
        orders.sort_unstable_by_key(|info| {
            (info.open, if info.open { info.created } else { info.updated }, info.order)
        });
        let mut out = Vec::new();
        (orders.len() as u64).put(&mut out);
        orders.iter().for_each(|info| info.put(&mut out));
        (self.trades.len() as u64).put(&mut out);
        self.trades.iter().for_each(|trade| trade.put(&mut out));
        out
    }

    /// Rebuilds what [`Self::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`CodecError`] when the bytes are not a history.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CodecError> {
        let mut reader = Reader::new(bytes);
        let mut history = Self::default();
        for _ in 0..u64::take(&mut reader)? {
            history.adopt(OrderInfo::take(&mut reader)?);
        }
        for _ in 0..u64::take(&mut reader)? {
            history.record(TradeInfo::take(&mut reader)?);
        }
        reader.finish()?;
        for holder in &mut history.holders {
            holder.orders.make_contiguous().sort_unstable();
        }
        Ok(history)
    }
}
