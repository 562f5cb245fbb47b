//! `Engine`: the venue's state machine in the process of whoever studies it. Records go in, events and arrays of
//! accounts come out. The signatures of actions are checked in front of the engine, so none are needed here.

use ::engine::{Engine, Reject};
use ::pricing::MarkError;
use ::protocol::{
    Address, AssetId, Authorization, Command, Cosignature, Event, HashedArrays, InstrumentId, MarkInputs,
    MarkUpdate, Nanos, OrderType, PlaceOrder, PostOnly, Record, SelfTrade, Side, Signature, SubaccountId,
    TimeInForce, USDC, Wire,
};
use pyo3::buffer::PyBuffer;
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyBytes;
use std::time::Instant;

use crate::host_risk::{SimulationInfo, Wanted, simulate};
use crate::order_book::records;
use crate::protocol::{CodecError, array};

pyo3::create_exception!(_native, EngineRefused, PyRuntimeError, "A command that the engine refused.");

/// How long an order's signature is good for, ns.
const ORDER_LIFE: Nanos = 60_000_000_000;
/// Fee limit that no fee reaches, micro-USDC per contract.
const ANY_FEE: i64 = 1_000_000_000_000;

/// Adds this part of the module.
///
/// # Errors
/// When Python refuses a name.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("EngineRefused", module.py().get_type::<EngineRefused>())?;
    module.add_class::<PyEngine>()
}

/// Why a command was not applied.
pub(crate) enum Refusal {
    Marks(MarkError),
    Reject(Reject),
}

impl Refusal {
    fn code(&self) -> &'static str {
        match self {
            Self::Marks(_) => "marks",
            Self::Reject(reject) => reject.code(),
        }
    }
}

impl From<Reject> for Refusal {
    fn from(reject: Reject) -> Self {
        Self::Reject(reject)
    }
}

/// The refusal as an exception that carries its code.
pub(crate) fn refused(py: Python<'_>, refusal: &Refusal) -> PyErr {
    let text = match refusal {
        Refusal::Marks(error) => error.to_string(),
        Refusal::Reject(reject) => reject.to_string(),
    };
    let exception = EngineRefused::new_err(text);
    match exception.value(py).setattr("code", refusal.code()) {
        Ok(()) => exception,
        Err(error) => error,
    }
}

fn python_events<'py>(py: Python<'py>, events: &[Event]) -> Vec<Bound<'py, PyBytes>> {
    events.iter().map(|event| PyBytes::new(py, &event.to_bytes())).collect()
}

/// Nanoseconds that a piece of work took.
fn nanoseconds(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// Events, ns that the arrays took, ns that the engine took.
type Marked<'py> = (Vec<Bound<'py, PyBytes>>, u64, u64);

#[pyclass(name = "Engine", module = "synchromesh._native")]
struct PyEngine {
    engine: Engine,
    nonce: u64,
}

#[pymethods]
impl PyEngine {
    #[new]
    fn py_new() -> Self {
        let mut engine = Engine::new();
        engine.track_dirty(false);
        Self { engine, nonce: 0 }
    }

    #[pyo3(name = "apply")]
    fn py_apply<'py>(
        &mut self,
        py: Python<'py>,
        record: PyBackedBytes,
    ) -> PyResult<Vec<Bound<'py, PyBytes>>> {
        let record = Record::from_bytes(&record).map_err(|error| CodecError::new_err(error.to_string()))?;
        let events = py.detach(|| self.follow(&record)).map_err(|refusal| refused(py, &refusal))?;
        Ok(python_events(py, &events))
    }

    #[pyo3(name = "mark")]
    fn py_mark<'py>(
        &mut self,
        py: Python<'py>,
        time: Nanos,
        inputs: PyBackedBytes,
        signers: Vec<PyBackedBytes>,
    ) -> PyResult<Marked<'py>> {
        let inputs =
            MarkInputs::from_bytes(&inputs).map_err(|error| CodecError::new_err(error.to_string()))?;
        let cosignatures = signers
            .iter()
            .map(|signer| Ok(Cosignature { signer: Address(array("signer", signer)?), signature: UNSIGNED }))
            .collect::<PyResult<Vec<_>>>()?;
        let marked = py.detach(|| self.mark(time, inputs, cosignatures));
        let (events, prepared, applied) = marked.map_err(|refusal| refused(py, &refusal))?;
        Ok((python_events(py, &events), prepared, applied))
    }

    /// One limit order per element of the columns, each signed by its subaccount's owner.
    #[pyo3(name = "place", signature = (time, subaccount, instrument, side, amount, price, immediate=false))]
    #[allow(clippy::too_many_arguments, reason = "one argument per column")]
    fn py_place(
        &mut self,
        py: Python<'_>,
        time: Nanos,
        subaccount: PyBuffer<u64>,
        instrument: PyBuffer<u32>,
        side: PyBuffer<u8>,
        amount: PyBuffer<i64>,
        price: PyBuffer<i64>,
        immediate: bool,
    ) -> PyResult<Vec<Option<&'static str>>> {
        let (subaccount, instrument) = (subaccount.to_vec(py)?, instrument.to_vec(py)?);
        let (side, amount, price) = (side.to_vec(py)?, amount.to_vec(py)?, price.to_vec(py)?);
        let lengths = [instrument.len(), side.len(), amount.len(), price.len()];
        if lengths.iter().any(|&length| length != subaccount.len()) {
            return Err(PyValueError::new_err("the columns have different lengths"));
        }
        let orders = (0..subaccount.len()).map(|at| Order {
            subaccount: subaccount[at],
            instrument: instrument[at],
            side: if side[at] == 0 { Side::Buy } else { Side::Sell },
            amount: amount[at],
            price: price[at],
        });
        let orders: Vec<Order> = orders.collect();
        Ok(py.detach(|| orders.iter().map(|order| self.place(time, order, immediate)).collect()))
    }

    #[pyo3(name = "standings")]
    fn py_standings<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let bytes = py.detach(|| self.standings());
        records(py, &bytes?, standing_type(py)?)
    }

    #[pyo3(name = "positions")]
    fn py_positions<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let mut bytes = Vec::new();
        for (number, account) in (1_u64..).zip(self.engine.accounts()) {
            for holding in account.holdings().filter(|holding| holding.position != 0) {
                bytes.extend_from_slice(&number.to_ne_bytes());
                bytes.extend_from_slice(&holding.position.to_ne_bytes());
                bytes.extend_from_slice(&holding.instrument.to_ne_bytes());
            }
        }
        records(py, &bytes, position_type(py)?)
    }

    #[pyo3(name = "auctions")]
    fn py_auctions<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let mut bytes = Vec::new();
        for auction in self.engine.auctions() {
            bytes.extend_from_slice(&auction.liquidation.to_ne_bytes());
            bytes.extend_from_slice(&auction.subaccount.to_ne_bytes());
            bytes.extend_from_slice(&auction.opened.to_ne_bytes());
            let figures =
                [auction.factor, auction.share_max, auction.value, auction.price, auction.insurance];
            bytes.extend(figures.iter().flat_map(|figure| figure.to_ne_bytes()));
            bytes.push(u8::from(auction.insolvent));
        }
        records(py, &bytes, auction_type(py)?)
    }

    #[pyo3(name = "marks")]
    fn py_marks<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let mut bytes = Vec::new();
        for instrument in self.engine.instruments() {
            let values = instrument.mark.as_ref();
            let values = values.map_or([0; 4], |mark| [mark.mark, mark.iv, mark.delta, mark.vega]);
            bytes.extend(values.iter().flat_map(|value| value.to_ne_bytes()));
        }
        records(py, &bytes, mark_type(py)?)
    }

    #[pyo3(name = "simulate_margin", signature = (subaccount, positions, cash, assets, model, add_positions=true))]
    #[allow(clippy::too_many_arguments, reason = "one argument per part of a portfolio")]
    fn py_simulate_margin(
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
        simulate(&self.engine, &wanted).map_err(|reject| refused(py, &Refusal::from(reject)))
    }

    #[getter(sequence)]
    fn py_sequence(&self) -> u64 {
        self.engine.sequence()
    }

    #[getter(time)]
    fn py_time(&self) -> Nanos {
        self.engine.time()
    }

    #[getter(liquidation_due)]
    fn py_liquidation_due(&self) -> Option<Nanos> {
        self.engine.liquidation_due()
    }

    #[getter(liquidations)]
    fn py_liquidations(&self) -> Vec<SubaccountId> {
        self.engine.liquidations().map(|(subaccount, _)| subaccount).collect()
    }

    #[getter(insurance)]
    fn py_insurance(&self) -> i64 {
        self.engine.globals().insurance
    }

    #[getter(fees)]
    fn py_fees(&self) -> i64 {
        self.engine.globals().fees
    }

    #[pyo3(name = "withdrawable")]
    fn py_withdrawable(&self, subaccount: SubaccountId) -> i64 {
        self.engine.withdrawable(subaccount, USDC)
    }

    #[pyo3(name = "copy")]
    fn py_copy(&self, py: Python<'_>) -> Self {
        py.detach(|| Self { engine: self.engine.clone(), nonce: self.nonce })
    }

    #[pyo3(name = "check_invariants")]
    fn py_check_invariants(&self, py: Python<'_>) -> PyResult<()> {
        py.detach(|| self.engine.check_invariants())
            .map_err(|violation| PyRuntimeError::new_err(violation.to_string()))
    }
}

const UNSIGNED: Signature = Signature([0; 65]);

struct Order {
    subaccount: SubaccountId,
    instrument: u32,
    side: Side,
    amount: i64,
    price: i64,
}

impl PyEngine {
    fn apply(&mut self, record: &Record, arrays: Option<&HashedArrays>) -> Result<Vec<Event>, Refusal> {
        let mut events = Vec::new();
        self.engine.apply(self.engine.sequence() + 1, record, arrays, &mut events)?;
        Ok(events)
    }

    /// Applies a journaled record; the arrays of a mark are computed from it.
    fn follow(&mut self, record: &Record) -> Result<Vec<Event>, Refusal> {
        match &record.command {
            Command::MarkUpdate(update) => {
                let arrays = self.arrays(&update.inputs)?;
                self.apply(record, Some(&arrays))
            }
            _ => self.apply(record, None),
        }
    }

    fn arrays(&self, inputs: &MarkInputs) -> Result<HashedArrays, Refusal> {
        let table = self.engine.underlying(inputs.underlying).and_then(|found| found.risk.at(inputs.time));
        let scenario = table.map(|table| &table.parameters.scenario);
        let specs = self.engine.mark_arrays_spec(inputs.underlying, inputs.time);
        ::pricing::mark_arrays(inputs, specs, scenario).map(HashedArrays::new).map_err(Refusal::Marks)
    }

    /// Computes the arrays of a mark, as a host does in front of the engine, and applies it.
    fn mark(
        &mut self,
        time: Nanos,
        inputs: MarkInputs,
        cosignatures: Vec<Cosignature>,
    ) -> Result<(Vec<Event>, u64, u64), Refusal> {
        let begun = Instant::now();
        let listing_epoch = self.engine.underlying(inputs.underlying).map_or(0, |found| found.listing_epoch);
        let arrays = self.arrays(&inputs)?;
        let prepared = nanoseconds(begun);
        let update = MarkUpdate { inputs, cosignatures, listing_epoch, arrays_hash: arrays.hash() };
        let record = Record { time, command: Command::MarkUpdate(update) };
        let begun = Instant::now();
        let events = self.apply(&record, Some(&arrays))?;
        Ok((events, prepared, nanoseconds(begun)))
    }

    /// Places an order; the code of its refusal.
    fn place(&mut self, time: Nanos, order: &Order, immediate: bool) -> Option<&'static str> {
        self.nonce = time.max(self.nonce + 1);
        let signer = self.engine.owner_of(order.subaccount).unwrap_or(Address([0; 20]));
        let expiry = time.saturating_add(ORDER_LIFE);
        let place = PlaceOrder {
            subaccount: order.subaccount,
            instrument: order.instrument,
            side: order.side,
            amount: order.amount,
            limit_price: order.price,
            order_type: OrderType::Limit,
            time_in_force: if immediate { TimeInForce::Ioc } else { TimeInForce::Gtc },
            valid_until: 0,
            post_only: PostOnly::No,
            reduce_only: false,
            self_trade: SelfTrade::CancelNewest,
            max_fee: ANY_FEE,
            client_id: String::new(),
            auth: Authorization { signer, nonce: self.nonce, expiry, signature: UNSIGNED },
        };
        let record = Record { time, command: Command::PlaceOrder(place) };
        self.apply(&record, None).err().map(|refusal| refusal.code())
    }

    fn standings(&self) -> PyResult<Vec<u8>> {
        let mut bytes = Vec::with_capacity(self.engine.accounts().len() * 57);
        for (number, account) in (1_u64..).zip(self.engine.accounts()) {
            let standing = self.engine.standing(number);
            let standing = standing.ok_or_else(|| {
                PyRuntimeError::new_err(format!("the margin of subaccount {number} does not fit 64 bits"))
            })?;
            let value = self.engine.margin_summary(number).map_or(0, |summary| summary.equity);
            let figures = [
                account.balance(USDC),
                value,
                standing.equity,
                standing.initial_equity,
                standing.initial,
                standing.maintenance,
            ];
            bytes.extend_from_slice(&number.to_ne_bytes());
            bytes.extend(figures.iter().flat_map(|figure| figure.to_ne_bytes()));
            bytes.push(account.model() as u8);
        }
        Ok(bytes)
    }
}

type Fields = [(&'static str, &'static str)];

/// NumPy's type of packed records with these fields.
fn dtype<'a>(py: Python<'_>, cell: &'a PyOnceLock<Py<PyAny>>, fields: &Fields) -> PyResult<&'a Py<PyAny>> {
    cell.get_or_try_init(py, || {
        py.import("numpy")?.getattr("dtype")?.call1((fields.to_vec(),)).map(Bound::unbind)
    })
}

fn standing_type(py: Python<'_>) -> PyResult<&'static Py<PyAny>> {
    static TYPE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let fields = [
        ("subaccount", "u8"),
        ("cash", "i8"),
        ("value", "i8"),
        ("equity", "i8"),
        ("initial_equity", "i8"),
        ("initial", "i8"),
        ("maintenance", "i8"),
        ("model", "u1"),
    ];
    dtype(py, &TYPE, &fields)
}

fn position_type(py: Python<'_>) -> PyResult<&'static Py<PyAny>> {
    static TYPE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    dtype(py, &TYPE, &[("subaccount", "u8"), ("lots", "i8"), ("instrument", "u4")])
}

fn auction_type(py: Python<'_>) -> PyResult<&'static Py<PyAny>> {
    static TYPE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let fields = [
        ("liquidation", "u8"),
        ("subaccount", "u8"),
        ("opened", "u8"),
        ("factor", "i8"),
        ("share_max", "i8"),
        ("value", "i8"),
        ("price", "i8"),
        ("insurance", "i8"),
        ("insolvent", "u1"),
    ];
    dtype(py, &TYPE, &fields)
}

fn mark_type(py: Python<'_>) -> PyResult<&'static Py<PyAny>> {
    static TYPE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    dtype(py, &TYPE, &[("mark", "i8"), ("iv", "i8"), ("delta", "i8"), ("vega", "i8")])
}
