//! `Host`: the sequencer host as Python sees it. Bytes go in, typed frozen objects come out; the GIL is held only to
//! make those objects.

use crate::breakdown::CollateralInfo;
use crate::engine::{Refusal, refused};
use crate::host_risk::{
    AuctionInfo, LiquidationInfo, PyScheduled, SimulationInfo, Wanted, auction_info, liquidation_info,
    maintenance_balance, scheduled, simulate,
};
use crate::protocol::array;
use ::engine::Engine;
use ::execution::chain::{MarkValues, PortfolioGreeks, QuotedVols};
use ::execution::view::View;
use ::execution::{FrameKind, HostConfig, Submission, VenueClock, receipts};
use ::protocol::eip712::Domain;
use ::protocol::{Address, AssetId, InstrumentId, SubaccountId, UnderlyingId, Wire};
use pyo3::create_exception;
use pyo3::exceptions::{PyException, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::path::PathBuf;
use std::sync::Arc;

create_exception!(
    _native,
    HostError,
    PyException,
    "The sequencer host cannot start, go on or take a command."
);

fn host_error(error: ::execution::HostError) -> PyErr {
    HostError::new_err(error.to_string())
}

/// Lots to 1e-8 contracts, ticks to micro-USDC: what the API speaks.
#[derive(Clone, Copy)]
struct Scale {
    tick: i64,
    lot: i64,
}

fn scale(engine: &Engine, instrument: InstrumentId) -> Scale {
    engine.instrument(instrument).map_or(Scale { tick: 0, lot: 0 }, |listed| Scale {
        tick: listed.spec.tick_size,
        lot: listed.spec.lot_size,
    })
}

python_record! {
    /// An order as it stands.
    OrderInfo {
        order: u64, subaccount: u64, instrument: u32, side: u8, amount: i64, limit_price: i64, order_type: u8,
        time_in_force: u8, valid_until: u64, post_only: u8, reduce_only: bool, max_fee: i64, client_id: String,
        signer: Vec<u8>, filled: i64, filled_notional: i64, fees: i64, open: bool, reason: String, created: u64,
        updated: u64, replaced: bool,
    }
}

impl From<&::execution::OrderInfo> for OrderInfo {
    fn from(info: &::execution::OrderInfo) -> Self {
        Self {
            order: info.order.0,
            subaccount: info.subaccount,
            instrument: info.instrument,
            side: info.side as u8,
            amount: info.amount,
            limit_price: info.limit_price,
            order_type: info.order_type as u8,
            time_in_force: info.time_in_force as u8,
            valid_until: info.valid_until,
            post_only: info.post_only as u8,
            reduce_only: info.reduce_only,
            max_fee: info.max_fee,
            client_id: info.client_id.clone(),
            signer: info.signer.0.to_vec(),
            filled: info.filled,
            filled_notional: info.filled_notional,
            fees: info.fees,
            open: info.open,
            reason: info.reason.clone(),
            created: info.created,
            updated: info.updated,
            replaced: info.replaced,
        }
    }
}

python_record! {
    /// A trade.
    TradeInfo {
        trade: u64, sequence: u64, time: u64, instrument: u32, taker_side: u8, price: i64, amount: i64,
        maker_order: u64, maker_subaccount: u64, maker_fee: i64, taker_order: u64, taker_subaccount: u64,
        taker_fee: i64, mark: i64, iv: i64, index: i64,
    }
}

impl From<&::execution::TradeInfo> for TradeInfo {
    fn from(trade: &::execution::TradeInfo) -> Self {
        Self {
            trade: trade.trade,
            sequence: trade.sequence,
            time: trade.time,
            instrument: trade.instrument,
            taker_side: trade.taker_side as u8,
            price: trade.price,
            amount: trade.amount,
            maker_order: trade.maker_order.0,
            maker_subaccount: trade.maker_subaccount,
            maker_fee: trade.maker_fee,
            taker_order: trade.taker_order.0,
            taker_subaccount: trade.taker_subaccount,
            taker_fee: trade.taker_fee,
            mark: trade.mark,
            iv: trade.iv,
            index: trade.index,
        }
    }
}

python_record! {
    /// An instrument with its mark, Greeks and vols of best prices (zeros while it has none), and the forward and rate
    /// of its expiry.
    InstrumentInfo {
        instrument: u32, name: String, underlying: u16, kind: u8, option_type: u8, strike: i64, expiry: u64,
        tick_size: i64, lot_size: i64, state: String, mark: i64, iv: i64, delta: i64, gamma: i64, vega: i64,
        theta: i64, rho: i64, bid_iv: i64, ask_iv: i64, forward: i64, rate: i64, open_interest: i64,
    }
}

python_record! {
    /// An underlying with its last marks.
    UnderlyingInfo {
        underlying: u16, symbol: String, mode: String, market_status: String, mark_fault: String, index: i64,
        confidence: u32, sources: u8, mark_time: u64, mark_epoch: u32, listing_epoch: u32, perpetual_mark: i64, funding_rate: i64, funding_index: i64,
        forwards: Vec<Forward>,
    }
}

python_record! {
    /// A position, with the margin that it would need by itself in the standard model. Cash figures in micro-USDC.
    PositionInfo {
        instrument: u32, lots: i64, amount: i64, cost: i64, mark: i64, value: i64, unrealised: i64, initial: i64,
        maintenance: i64,
    }
}

python_record! {
    /// A subaccount. Cash figures in micro-USDC: initial margin is compared with `balance`, maintenance margin with
    /// `balance_maintenance`; `equity` counts the options in either model.
    AccountInfo {
        subaccount: u64, owner: Vec<u8>, model: u8, cash: i64, balance: i64, balance_maintenance: i64, equity: i64,
        initial: i64, maintenance: i64, available: i64, withdrawable: i64, unrealised: i64, option_value: i64,
        open_orders: usize, close_only: bool, margin_call: String, liquidation: u64,
        collateral: Vec<CollateralInfo>,
    }
}

python_record! {
    /// What became of a submission.
    Outcome {
        tag: u64, ok: bool, sequence: u64, time: u64, chain_hash: Vec<u8>, code: String, message: String, order: u64,
        trades: Vec<TradeInfo>,
    }
}

impl From<::execution::Outcome> for Outcome {
    fn from(outcome: ::execution::Outcome) -> Self {
        let tag = outcome.tag;
        match outcome.result {
            Ok(applied) => Self {
                tag,
                ok: true,
                sequence: applied.sequence,
                time: applied.time,
                chain_hash: applied.chain_hash.0.to_vec(),
                code: String::new(),
                message: String::new(),
                order: applied.order,
                trades: applied.trades.iter().map(TradeInfo::from).collect(),
            },
            Err(refusal) => Self {
                tag,
                ok: false,
                sequence: 0,
                time: 0,
                chain_hash: Vec::new(),
                code: refusal.code.to_owned(),
                message: refusal.message,
                order: refusal.order,
                trades: Vec::new(),
            },
        }
    }
}

python_record! {
    /// Proof that the operator acknowledged a command at its sequence.
    Receipt {
        sequence: u64, record: Vec<u8>, command_hash: Vec<u8>, chain_hash: Vec<u8>, epoch: u64, frame: u64,
        first_sequence: u64, count: u32, command_root: Vec<u8>, path: Vec<Vec<u8>>, index: u64, signature: Vec<u8>,
        encoded: Vec<u8>,
    }
}

/// Expiry, forward, and the smile's a, b, ρ, m, σ.
type Forward = (u64, i64, (i64, i64, i64, i64, i64));
/// Owner, scopes, subaccounts, expiry of a session key.
type SessionKey = (Vec<u8>, u8, Vec<u64>, u64);
/// `(instrument, previous change id, change id, [(side, action, price, amount)])`.
type PyBookChange = (u32, u64, u64, Vec<(u8, u8, i64, i64)>);
/// Change id, bids and offers as `(price, amount)`, best first.
type PyBook = (u64, Vec<(i64, i64)>, Vec<(i64, i64)>);

/// Underlying, delta with and without perpetuals, gamma, vega, theta.
type PyGreeks = (u16, i64, i64, i64, i64, i64);

/// Everything that became durable since the last drain.
#[pyclass(frozen, get_all, module = "synchromesh._native")]
pub struct Update {
    results: Vec<Outcome>,
    books: Vec<PyBookChange>,
    trades: Vec<TradeInfo>,
    orders: Vec<OrderInfo>,
    subaccounts: Vec<u64>,
    underlyings: Vec<u16>,
    events: Vec<(u64, u64, Py<PyBytes>)>,
    chains: Vec<u16>,
    held: Vec<u64>,
    sequence: u64,
    chain_hash: Vec<u8>,
}

/// The sending half of a WebSocket connection.
#[pyclass(frozen, module = "synchromesh._native")]
pub struct Outlet {
    inner: Arc<::execution::Outlet>,
}

#[pymethods]
impl Outlet {
    /// For a connected, non-blocking socket, of which it takes a handle of its own.
    #[new]
    fn new(socket: i32) -> PyResult<Self> {
        if socket < 0 {
            return Err(PyValueError::new_err("the socket is closed"));
        }
        // SAFETY: the caller owns the socket, which stays open during the call
        let socket = unsafe { BorrowedFd::borrow_raw(socket) };
        Ok(Self { inner: Arc::new(::execution::Outlet::new(socket)?) })
    }

    #[getter]
    fn id(&self) -> u64 {
        self.inner.id()
    }

    fn fileno(&self) -> i32 {
        self.inner.socket()
    }

    /// Sends a message; the bytes that wait for the socket.
    fn send(&self, message: &[u8]) -> usize {
        self.inner.send(FrameKind::Text, message)
    }

    /// Answers a ping.
    fn send_pong(&self, payload: &[u8]) -> usize {
        self.inner.send(FrameKind::Pong, payload)
    }

    /// Sends the last frame; the bytes that wait for the socket.
    fn send_close(&self, code: u16, reason: &[u8]) -> usize {
        let payload = [&code.to_be_bytes(), reason].concat();
        self.inner.send(FrameKind::Close, &payload)
    }

    /// Sends what waited, as far as the socket takes it; the bytes that wait still.
    fn flush(&self) -> usize {
        self.inner.flush()
    }

    fn unsent(&self) -> usize {
        self.inner.unsent()
    }

    /// Lets go of the socket.
    fn close(&self) {
        self.inner.close();
    }
}

/// The sequencer host of one venue: journal, engine, publisher.
#[pyclass(module = "synchromesh._native")]
pub struct Host {
    inner: ::execution::Host,
    secret: [u8; 32],
    is_new: bool,
}

impl Host {
    fn read<T>(&self, py: Python<'_>, query: impl FnOnce(&View) -> T + Send) -> T
    where
        T: Send,
    {
        py.detach(|| query(&self.inner.view().read()))
    }
}

fn orders<'a>(found: impl Iterator<Item = &'a ::execution::OrderInfo>) -> Vec<OrderInfo> {
    found.map(OrderInfo::from).collect()
}

fn instrument_info(view: &View, instrument: InstrumentId) -> Option<InstrumentInfo> {
    let listed = view.engine.instrument(instrument)?;
    let spec = &listed.spec;
    let mark = listed.mark.as_ref();
    let row = view.chains.row(listed);
    let greeks = row.map_or_else(MarkValues::default, |row| row.mark.value);
    let vols = row.map_or_else(QuotedVols::default, |row| row.vols.value);
    let inputs = view.engine.underlying(spec.underlying).and_then(|underlying| underlying.inputs.as_ref());
    let series = inputs.and_then(|inputs| inputs.expiries.iter().find(|series| series.expiry == spec.expiry));
    Some(InstrumentInfo {
        instrument,
        name: spec.name.clone(),
        underlying: spec.underlying,
        kind: spec.kind as u8,
        option_type: spec.option_type as u8,
        strike: spec.strike,
        expiry: spec.expiry,
        tick_size: spec.tick_size,
        lot_size: spec.lot_size,
        state: listed.status.word().to_owned(),
        mark: mark.map_or(0, |mark| mark.mark),
        iv: mark.map_or(0, |mark| mark.iv),
        delta: mark.map_or(0, |mark| mark.delta),
        gamma: greeks.gamma,
        vega: mark.map_or(0, |mark| mark.vega),
        theta: greeks.theta,
        rho: greeks.rho,
        bid_iv: vols.bid,
        ask_iv: vols.ask,
        forward: series.map_or(0, |series| series.forward),
        rate: series.map_or(0, |series| series.rate),
        open_interest: listed.open_interest * spec.lot_size,
    })
}

#[pymethods]
impl Host {
    #[new]
    #[pyo3(signature = (directory, operator_secret, *, venue_start_ns, real_start_ns, speed, threads = 1, snapshot_every = 250_000))]
    #[allow(clippy::too_many_arguments)]
    fn new(
        py: Python<'_>,
        directory: PathBuf,
        operator_secret: &[u8],
        venue_start_ns: u64,
        real_start_ns: u64,
        speed: f64,
        threads: usize,
        snapshot_every: u64,
    ) -> PyResult<Self> {
        let secret: [u8; 32] = operator_secret
            .try_into()
            .map_err(|_| PyValueError::new_err("the operator's secret is 32 bytes"))?;
        ::protocol::recover::address_of(&secret).map_err(|error| PyValueError::new_err(error.to_string()))?;
        let clock = VenueClock { venue_start: venue_start_ns, real_start: real_start_ns, speed };
        let config = HostConfig { directory, clock, threads, snapshot_every };
        let inner = py.detach(|| ::execution::Host::start(config)).map_err(host_error)?;
        let is_new = inner.view().read().engine.sequence() == 0;
        Ok(Self { inner, secret, is_new })
    }

    /// Whether the journal held no command when the host started.
    #[getter]
    fn is_new(&self) -> bool {
        self.is_new
    }

    #[getter]
    fn sequence(&self) -> u64 {
        self.inner.view().read().engine.sequence()
    }

    #[getter]
    fn chain_hash(&self) -> Vec<u8> {
        self.inner.view().read().chain.0.to_vec()
    }

    #[getter]
    fn epoch(&self) -> u64 {
        self.inner.epoch()
    }

    /// Readable when `drain` has something.
    fn fileno(&self) -> i32 {
        self.inner.signal().as_raw_fd()
    }

    /// Venue time, ns.
    fn now(&self) -> u64 {
        self.inner.clock().now()
    }

    /// Hands over a command, `kind u8 ‖ body`; its outcome comes with a later `drain`, under `tag`.
    fn submit(&self, tag: u64, command: &[u8]) -> PyResult<()> {
        self.inner.submit(Submission { tag, bytes: command.to_vec() }).map_err(host_error)
    }

    fn drain(&self, py: Python<'_>) -> PyResult<Update> {
        let update = self.inner.drain();
        let view = self.inner.view().read();
        let books = update.books.iter().map(|book| {
            let Scale { tick, lot } = scale(&view.engine, book.instrument);
            let levels = book.levels.iter();
            let levels = levels
                .map(|level| (level.side as u8, level.action as u8, level.price * tick, level.lots * lot));
            (book.instrument, book.previous, book.change, levels.collect())
        });
        Ok(Update {
            books: books.collect(),
            results: update.outcomes.into_iter().map(Outcome::from).collect(),
            trades: update.trades.iter().map(TradeInfo::from).collect(),
            orders: orders(update.orders.iter()),
            subaccounts: update.touched.subaccounts.into_iter().collect(),
            underlyings: update.touched.underlyings.into_iter().collect(),
            events: update
                .events
                .iter()
                .map(|(sequence, time, event)| {
                    (*sequence, *time, PyBytes::new(py, &event.to_bytes()).unbind())
                })
                .collect(),
            chains: update.chains.into_iter().collect(),
            held: update.held,
            sequence: view.engine.sequence(),
            chain_hash: view.chain.0.to_vec(),
        })
    }

    /// Subscribes an outlet to the raw channel of an underlying's chain; false when there is no such underlying.
    fn join_chain(&self, py: Python<'_>, underlying: UnderlyingId, outlet: &Outlet) -> bool {
        let outlet = Arc::clone(&outlet.inner);
        py.detach(|| self.inner.join_chain(underlying, outlet))
    }

    /// Ends such a subscription.
    fn leave_chain(&self, underlying: UnderlyingId, outlet: &Outlet) {
        self.inner.leave_chain(underlying, outlet.inner.id());
    }

    /// Leads the readers of chains who were behind to the present; the ids of outlets that hold something back.
    fn catch_up(&self, py: Python<'_>) -> Vec<u64> {
        py.detach(|| self.inner.catch_up())
    }

    /// Change id of an underlying's chain, and the push of `channel` that brings a reader up to date who has the chain as
    /// of change `since`, or nothing of it.
    fn chain(
        &self,
        py: Python<'_>,
        underlying: UnderlyingId,
        channel: &str,
        since: Option<u64>,
    ) -> Option<(u64, Py<PyBytes>)> {
        let (change, message) = self.read(py, |view| {
            let change = view.chains.get(underlying)?.change;
            Some((change, view.chain_message(underlying, channel, since)?))
        })?;
        Some((change, PyBytes::new(py, &message).unbind()))
    }

    /// Marks and Greeks of an underlying's options as a push of `channel`.
    fn greeks(&self, py: Python<'_>, underlying: UnderlyingId, channel: &str) -> Option<Py<PyBytes>> {
        let message = self.read(py, |view| view.greeks_message(underlying, channel))?;
        Some(PyBytes::new(py, &message).unbind())
    }

    /// Greeks of a subaccount's positions, by underlying: `(underlying, delta, options' delta, gamma, vega, theta)`.
    fn portfolio_greeks(&self, py: Python<'_>, subaccount: SubaccountId) -> Vec<PyGreeks> {
        self.read(py, |view| {
            let greeks = PortfolioGreeks::of(view, subaccount).into_iter();
            greeks
                .map(|(underlying, sum)| {
                    (underlying, sum.delta, sum.options_delta, sum.gamma, sum.vega, sum.theta)
                })
                .collect()
        })
    }

    /// Stops after everything submitted is settled.
    fn close(&mut self, py: Python<'_>) {
        py.detach(|| self.inner.close());
    }

    fn instruments(&self, py: Python<'_>) -> Vec<InstrumentInfo> {
        self.read(py, |view| {
            let listed = view.engine.instruments().iter();
            listed.filter_map(|listed| instrument_info(view, listed.spec.instrument)).collect()
        })
    }

    fn instrument(&self, py: Python<'_>, instrument: InstrumentId) -> Option<InstrumentInfo> {
        self.read(py, |view| instrument_info(view, instrument))
    }

    fn underlying(&self, py: Python<'_>, underlying: UnderlyingId) -> Option<UnderlyingInfo> {
        self.read(py, |view| {
            let found = view.engine.underlying(underlying)?;
            let inputs = found.inputs.as_ref();
            let perpetual = found.perpetual.and_then(|id| view.engine.instrument(id));
            let forwards = inputs.map_or(&[][..], |inputs| inputs.expiries.as_slice()).iter().map(|expiry| {
                let smile = &expiry.smile;
                (expiry.expiry, expiry.forward, (smile.a, smile.b, smile.rho, smile.m, smile.sigma))
            });
            Some(UnderlyingInfo {
                underlying,
                symbol: found.spec.symbol.clone(),
                mode: found.mode.word().to_owned(),
                market_status: found.market().status.word().to_owned(),
                mark_fault: found.market().fault.word().to_owned(),
                index: inputs.map_or(0, |inputs| inputs.index),
                confidence: inputs.map_or(0, |inputs| inputs.confidence),
                sources: inputs.map_or(0, |inputs| inputs.sources),
                mark_time: inputs.map_or(0, |inputs| inputs.time),
                mark_epoch: found.mark_epoch,
                listing_epoch: found.listing_epoch,
                perpetual_mark: inputs.map_or(0, |inputs| inputs.perpetual_mark),
                funding_rate: inputs.map_or(0, |inputs| inputs.funding_rate),
                funding_index: perpetual.map_or(0, |listed| listed.funding_index),
                forwards: forwards.collect(),
            })
        })
    }

    fn book(&self, py: Python<'_>, instrument: InstrumentId, depth: usize) -> PyBook {
        self.read(py, |view| {
            let Scale { tick, lot } = scale(&view.engine, instrument);
            let (change, bids, offers) = view.levels.book(instrument, depth);
            let human = |side: Vec<(i64, i64)>| {
                side.into_iter().map(|(price, lots)| (price * tick, lots * lot)).collect()
            };
            (change, human(bids), human(offers))
        })
    }

    fn order(&self, py: Python<'_>, order: u64) -> Option<OrderInfo> {
        self.read(py, |view| view.history.order(order).map(OrderInfo::from))
    }

    fn order_by_client_id(
        &self,
        py: Python<'_>,
        subaccount: SubaccountId,
        client_id: &str,
    ) -> Option<OrderInfo> {
        self.read(py, |view| view.history.order_by_client_id(subaccount, client_id).map(OrderInfo::from))
    }

    fn open_orders(&self, py: Python<'_>, subaccount: SubaccountId) -> Vec<OrderInfo> {
        self.read(py, |view| orders(view.history.open_orders(subaccount)))
    }

    fn order_history(&self, py: Python<'_>, subaccount: SubaccountId, count: usize) -> Vec<OrderInfo> {
        self.read(py, |view| orders(view.history.order_history(subaccount).take(count)))
    }

    /// Newest first; 0 stands for any instrument, any underlying, no bound.
    fn trades(
        &self,
        py: Python<'_>,
        instrument: InstrumentId,
        underlying: UnderlyingId,
        count: usize,
        before: u64,
    ) -> Vec<TradeInfo> {
        self.read(py, |view| {
            view.history
                .trades(before)
                .filter(|trade| instrument == 0 || trade.instrument == instrument)
                .filter(|trade| underlying == 0 || trade.underlying == underlying)
                .take(count)
                .map(TradeInfo::from)
                .collect()
        })
    }

    fn user_trades(
        &self,
        py: Python<'_>,
        subaccount: SubaccountId,
        count: usize,
        before: u64,
    ) -> Vec<TradeInfo> {
        self.read(py, |view| {
            view.history.user_trades(subaccount, before).take(count).map(TradeInfo::from).collect()
        })
    }

    fn positions(&self, py: Python<'_>, subaccount: SubaccountId) -> Vec<PositionInfo> {
        self.read(py, |view| {
            let positions = view.engine.positions(subaccount);
            positions
                .map(|position| PositionInfo {
                    instrument: position.instrument,
                    lots: position.lots,
                    amount: position.lots * scale(&view.engine, position.instrument).lot,
                    cost: position.cost,
                    mark: position.mark,
                    value: position.value,
                    unrealised: position.unrealised,
                    initial: position.initial,
                    maintenance: position.maintenance,
                })
                .collect()
        })
    }

    fn account(&self, py: Python<'_>, subaccount: SubaccountId) -> Option<AccountInfo> {
        self.read(py, |view| {
            let account = view.engine.account(subaccount)?;
            let margin = view.engine.margin_summary(subaccount)?;
            let collateral = view.engine.collateral_lines(subaccount)?;
            Some(AccountInfo {
                subaccount,
                owner: view.engine.owner_of(subaccount)?.0.to_vec(),
                model: margin.model as u8,
                cash: margin.cash,
                balance: margin.balance,
                balance_maintenance: maintenance_balance(&margin),
                equity: margin.equity,
                initial: margin.initial,
                maintenance: margin.maintenance,
                available: margin.available,
                withdrawable: margin.withdrawable,
                unrealised: margin.unrealised,
                option_value: margin.option_value,
                open_orders: account.orders().len(),
                close_only: account.close_only(),
                margin_call: account.call().word().to_owned(),
                liquidation: account.liquidation().map_or(0, |liquidation| liquidation.id),
                collateral: collateral.iter().map(Into::into).collect(),
            })
        })
    }

    /// Margins a portfolio: lots by instrument, micro-USDC, units by asset; from nothing or on top of a subaccount.
    ///
    /// `EngineRefused` when something of it is unknown, not open, or has no mark or no lanes.
    #[allow(clippy::too_many_arguments, reason = "one argument per part of a portfolio")]
    fn simulate_margin(
        &self,
        py: Python<'_>,
        subaccount: Option<SubaccountId>,
        positions: Vec<(InstrumentId, i64)>,
        cash: i64,
        assets: Vec<(AssetId, i64)>,
        model: Option<u8>,
        add_positions: bool,
    ) -> PyResult<SimulationInfo> {
        let wanted = Wanted::new(subaccount, positions, cash, assets, model, add_positions)?;
        self.read(py, |view| simulate(&view.engine, &wanted))
            .map_err(|reject| refused(py, &Refusal::from(reject)))
    }

    /// Liquidations numbered below `before` (0: all) that fit, newest first; underlying 0 stands for any.
    fn liquidations(
        &self,
        py: Python<'_>,
        underlying: UnderlyingId,
        subaccount: Option<SubaccountId>,
        running: bool,
        before: u64,
        count: usize,
    ) -> Vec<LiquidationInfo> {
        self.read(py, |view| {
            view.liquidations
                .records(before)
                .filter(|record| underlying == 0 || record.underlying == underlying)
                .filter(|record| subaccount.is_none_or(|wanted| record.subaccount == wanted))
                .filter(|record| !(running && record.ended))
                .take(count)
                .map(|record| liquidation_info(view, record))
                .collect()
        })
    }

    /// One liquidation; None when it is not known.
    fn liquidation(&self, py: Python<'_>, liquidation: u64) -> Option<LiquidationInfo> {
        self.read(py, |view| {
            view.liquidations.record(liquidation).map(|record| liquidation_info(view, record))
        })
    }

    /// The running auction of a subaccount's portfolio.
    fn auction(&self, py: Python<'_>, subaccount: SubaccountId) -> Option<AuctionInfo> {
        self.read(py, |view| auction_info(&view.engine, subaccount))
    }

    /// When the next round of a liquidation is due, venue ns; None while nobody is liquidated.
    fn liquidation_due(&self, py: Python<'_>) -> Option<u64> {
        self.read(py, |view| view.engine.liquidation_due())
    }

    /// The insurance fund, micro-USDC.
    fn insurance(&self) -> i64 {
        self.inner.view().read().engine.globals().insurance
    }

    /// Risk table of an underlying, and the one that follows with its effective time, encoded.
    fn risk_tables(&self, py: Python<'_>, underlying: UnderlyingId) -> PyScheduled {
        self.read(py, |view| scheduled(view.engine.underlying(underlying).map(|found| &found.risk)))
    }

    /// Collateral terms of an asset, and those that follow with their effective time, encoded.
    fn collateral_terms(&self, py: Python<'_>, asset: AssetId) -> PyScheduled {
        self.read(py, |view| scheduled(view.engine.collateral_table().get(usize::from(asset))))
    }

    fn subaccounts_of(&self, py: Python<'_>, owner: &[u8]) -> PyResult<Vec<u64>> {
        let owner = Address(array("owner", owner)?);
        Ok(self.read(py, |view| view.engine.key(&owner).map_or_else(Vec::new, |key| key.subaccounts.clone())))
    }

    /// A session key: owner, scopes, subaccounts (empty: all), expiry.
    fn key(&self, py: Python<'_>, signer: &[u8]) -> PyResult<Option<SessionKey>> {
        let signer = Address(array("signer", signer)?);
        Ok(self.read(py, |view| {
            let grant = view.engine.key(&signer)?.grant.as_ref().filter(|grant| !grant.revoked)?;
            Some((grant.owner.0.to_vec(), grant.scopes, grant.subaccounts.clone(), grant.expiry))
        }))
    }

    fn owner_nonce(&self, py: Python<'_>, owner: &[u8]) -> PyResult<u64> {
        let owner = Address(array("owner", owner)?);
        Ok(self.read(py, |view| view.engine.key(&owner).map_or(0, |key| key.next_nonce)))
    }

    /// Values of all parameters, in the order of their numbers.
    fn parameters(&self) -> Vec<i64> {
        self.inner.view().read().engine.parameters().iter().map(|parameter| parameter.value).collect()
    }

    fn admin_nonce(&self) -> u64 {
        self.inner.view().read().engine.globals().admin_nonce
    }

    /// Next inbox index and the inbox chain before it.
    fn inbox(&self) -> (u64, Vec<u8>) {
        let view = self.inner.view().read();
        (view.engine.globals().inbox_next, view.engine.globals().inbox_hash.0.to_vec())
    }

    /// The genesis command's body; empty before genesis.
    fn genesis_info(&self) -> Vec<u8> {
        self.inner.view().read().genesis.clone()
    }

    /// The signed receipt of a durable command; None when it is unknown to this host.
    fn receipt(&self, py: Python<'_>, sequence: u64) -> PyResult<Option<Receipt>> {
        let found = {
            let view = self.inner.view().read();
            let governance = view.engine.genesis();
            let domain = governance.map(|genesis| Domain::new(genesis.chain_id, genesis.contract));
            receipts::frame_of(&view, sequence).zip(domain)
        };
        let Some((mark, domain)) = found else { return Ok(None) };
        let made = py
            .detach(|| receipts::receipt(self.inner.directory(), mark, sequence, &domain, &self.secret))
            .map_err(host_error)?;
        Ok(made.map(|(receipt, record)| Receipt {
            encoded: receipt.to_bytes(),
            sequence,
            record,
            command_hash: receipt.command_hash.0.to_vec(),
            chain_hash: receipt.frame.chain_hash.0.to_vec(),
            epoch: receipt.frame.epoch,
            frame: receipt.frame.frame,
            first_sequence: receipt.frame.first_sequence,
            count: receipt.frame.count,
            command_root: receipt.frame.command_root.0.to_vec(),
            path: receipt.path.iter().map(|hash| hash.0.to_vec()).collect(),
            index: sequence - mark.first_sequence,
            signature: receipt.signature.0.to_vec(),
        }))
    }
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("HostError", module.py().get_type::<HostError>())?;
    module.add_class::<OrderInfo>()?;
    module.add_class::<TradeInfo>()?;
    module.add_class::<InstrumentInfo>()?;
    module.add_class::<UnderlyingInfo>()?;
    module.add_class::<PositionInfo>()?;
    module.add_class::<AccountInfo>()?;
    module.add_class::<Outcome>()?;
    module.add_class::<Receipt>()?;
    module.add_class::<Update>()?;
    module.add_class::<Outlet>()?;
    module.add_class::<Host>()
}
