//! `OrderBook`: the matching book of one instrument for researchers, callable per order or in batches.

use ::protocol::Side;
use engine::book::LevelView;
use engine::book::Resting;
use engine::book::matching::{BookError, BookFill, Incoming, Lifetime, MatchingBook, Placed};
use pyo3::buffer::{Element, PyBuffer};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyByteArray, PyBytes};

pyo3::create_exception!(
    _native,
    OrderBookError,
    PyValueError,
    "The book refused an operation and changed nothing."
);
pyo3::create_exception!(_native, UnknownOrder, OrderBookError, "The order does not rest in the book.");
pyo3::create_exception!(_native, InvalidSize, OrderBookError, "A size that is not positive or does not fit.");
pyo3::create_exception!(_native, WouldTrade, OrderBookError, "A post-only order that would trade.");

/// Adds this part of the module.
///
/// # Errors
/// When Python refuses a name.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    module.add("OrderBookError", py.get_type::<OrderBookError>())?;
    module.add("UnknownOrder", py.get_type::<UnknownOrder>())?;
    module.add("InvalidSize", py.get_type::<InvalidSize>())?;
    module.add("WouldTrade", py.get_type::<WouldTrade>())?;
    module.add_class::<PyPlaced>()?;
    module.add_class::<PyBookFill>()?;
    module.add_class::<PyBookOrder>()?;
    module.add_class::<PyOrderBook>()
}

fn refusal(error: BookError) -> PyErr {
    let text = error.to_string();
    match error {
        BookError::UnknownOrder(_) => UnknownOrder::new_err(text),
        BookError::Size(_) | BookError::TooLarge { .. } => InvalidSize::new_err(text),
        BookError::WouldTrade { .. } => WouldTrade::new_err(text),
    }
}

/// What a batch reports for an operation: 0, or the number of its refusal.
fn status(error: BookError) -> u8 {
    match error {
        BookError::UnknownOrder(_) => 1,
        BookError::Size(_) => 2,
        BookError::WouldTrade { .. } => 3,
        BookError::TooLarge { .. } => 4,
    }
}

fn side_of(word: &str) -> PyResult<Side> {
    Side::from_word(word)
        .ok_or_else(|| PyValueError::new_err(format!("side is 'buy' or 'sell', not {word:?}")))
}

fn lifetime_of(word: &str) -> PyResult<Lifetime> {
    match word {
        "good_til_cancelled" => Ok(Lifetime::Rest),
        "post_only" => Ok(Lifetime::PostOnly),
        "immediate_or_cancel" => Ok(Lifetime::Immediate),
        "fill_or_kill" => Ok(Lifetime::FillOrKill),
        _ => Err(PyValueError::new_err(format!(
            "lifetime is 'good_til_cancelled', 'post_only', 'immediate_or_cancel' or 'fill_or_kill', not {word:?}"
        ))),
    }
}

/// What became of an order that came in or moved.
#[pyclass(name = "Placed", module = "synchromesh._native", frozen)]
pub struct PyPlaced {
    placed: Placed,
    fills: Vec<BookFill>,
}

#[pymethods]
impl PyPlaced {
    /// Id of the order.
    #[getter]
    fn order(&self) -> u64 {
        self.placed.order
    }

    /// Size that traded at once.
    #[getter]
    fn filled(&self) -> i64 {
        self.placed.filled
    }

    /// Size that rests now.
    #[getter]
    fn resting(&self) -> i64 {
        self.placed.resting
    }

    /// The fills, in order of execution.
    #[getter]
    fn fills(&self) -> Vec<PyBookFill> {
        self.fills.iter().copied().map(PyBookFill).collect()
    }

    fn __repr__(&self) -> String {
        let Placed { order, filled, resting } = self.placed;
        format!("Placed(order={order}, filled={filled}, resting={resting})")
    }
}

/// Two orders met, at the maker's price.
#[pyclass(name = "BookFill", module = "synchromesh._native", frozen, eq)]
#[derive(PartialEq, Eq)]
pub struct PyBookFill(BookFill);

#[pymethods]
impl PyBookFill {
    /// Id of the incoming order.
    #[getter]
    fn taker(&self) -> u64 {
        self.0.taker
    }

    /// Id of the resting order.
    #[getter]
    fn maker(&self) -> u64 {
        self.0.maker
    }

    /// Price.
    #[getter]
    fn price(&self) -> i64 {
        self.0.price
    }

    /// Size.
    #[getter]
    fn size(&self) -> i64 {
        self.0.size
    }

    /// Owner of the incoming order.
    #[getter]
    fn taker_owner(&self) -> u64 {
        self.0.taker_owner
    }

    /// Owner of the resting order.
    #[getter]
    fn maker_owner(&self) -> u64 {
        self.0.maker_owner
    }

    /// Side of the incoming order.
    #[getter]
    fn side(&self) -> &'static str {
        self.0.side.word()
    }

    fn __repr__(&self) -> String {
        let BookFill { taker, maker, price, size, side, .. } = self.0;
        format!("BookFill(taker={taker}, maker={maker}, side='{}', price={price}, size={size})", side.word())
    }
}

/// A resting order.
#[pyclass(name = "BookOrder", module = "synchromesh._native", frozen, eq)]
#[derive(PartialEq, Eq)]
pub struct PyBookOrder(Resting);

#[pymethods]
impl PyBookOrder {
    /// Its id.
    #[getter]
    fn order(&self) -> u64 {
        self.0.order.0
    }

    /// Its side.
    #[getter]
    fn side(&self) -> &'static str {
        self.0.side.word()
    }

    /// Its price.
    #[getter]
    fn price(&self) -> i64 {
        self.0.price
    }

    /// Its open size.
    #[getter]
    fn size(&self) -> i64 {
        self.0.lots
    }

    /// Its owner's number.
    #[getter]
    fn owner(&self) -> u64 {
        self.0.subaccount
    }

    fn __repr__(&self) -> String {
        let Resting { order, side, price, lots, subaccount, .. } = self.0;
        format!(
            "BookOrder(order={}, side='{}', price={price}, size={lots}, owner={subaccount})",
            order.0,
            side.word()
        )
    }
}

type LevelTuple = (i64, i64, u32);

fn level_tuple(level: LevelView) -> LevelTuple {
    (level.price, level.lots, level.count)
}

/// A limit order book of one instrument: price-time priority, integer prices and sizes.
///
/// Orders are numbered from 1 in the order in which they are accepted. A book is used by one thread at a time.
#[pyclass(name = "OrderBook", module = "synchromesh._native")]
#[derive(Default)]
pub struct PyOrderBook {
    book: MatchingBook,
}

#[pymethods]
impl PyOrderBook {
    #[classattr]
    const LIMIT: u8 = 0;
    #[classattr]
    const POST_ONLY: u8 = 1;
    #[classattr]
    const IMMEDIATE: u8 = 2;
    #[classattr]
    const FILL_OR_KILL: u8 = 3;
    #[classattr]
    const MARKET: u8 = 4;
    #[classattr]
    const CANCEL: u8 = 5;
    #[classattr]
    const REDUCE: u8 = 6;
    #[classattr]
    const MOVE: u8 = 7;

    #[new]
    fn py_new() -> Self {
        Self::default()
    }

    /// A limit order: trades with what its price reaches, then rests or ends as `lifetime` says.
    #[pyo3(signature = (side, price, size, owner = 0, lifetime = "good_til_cancelled"))]
    fn limit(&mut self, side: &str, price: i64, size: i64, owner: u64, lifetime: &str) -> PyResult<PyPlaced> {
        let (incoming, lifetime) = (Incoming { side: side_of(side)?, size, owner }, lifetime_of(lifetime)?);
        self.placed(|book, fills| book.limit(incoming, price, lifetime, fills))
    }

    /// A market order: trades with whatever rests; what is left is dropped.
    #[pyo3(signature = (side, size, owner = 0))]
    fn market(&mut self, side: &str, size: i64, owner: u64) -> PyResult<PyPlaced> {
        let incoming = Incoming { side: side_of(side)?, size, owner };
        self.placed(|book, fills| book.market(incoming, fills))
    }

    /// Takes an order out and returns the size that it had.
    fn cancel(&mut self, order: u64) -> PyResult<i64> {
        self.book.cancel(order).map_err(refusal)
    }

    /// Takes `by` off an order, in its place, and returns what is left; at 0 the order is gone.
    fn reduce(&mut self, order: u64, by: i64) -> PyResult<i64> {
        self.book.reduce(order, by).map_err(refusal)
    }

    /// Changes an order's price, size or both.
    #[pyo3(name = "move", signature = (order, price, size = None))]
    fn move_order(&mut self, order: u64, price: i64, size: Option<i64>) -> PyResult<PyPlaced> {
        self.placed(|book, fills| book.move_order(order, price, size, fills))
    }

    /// Highest bid price, None without bids.
    #[getter]
    fn best_bid(&self) -> Option<i64> {
        self.book.best(Side::Buy).map(|level| level.price)
    }

    /// Lowest offer price, None without offers.
    #[getter]
    fn best_ask(&self) -> Option<i64> {
        self.book.best(Side::Sell).map(|level| level.price)
    }

    /// Id that the next accepted order gets.
    #[getter]
    fn next_order(&self) -> u64 {
        self.book.next_order()
    }

    /// (price, size, orders) of the best `depth` levels, all of them when None.
    #[pyo3(signature = (side, depth = None))]
    fn levels(&self, side: &str, depth: Option<usize>) -> PyResult<Vec<LevelTuple>> {
        let levels = self.book.levels(side_of(side)?);
        Ok(levels.take(depth.unwrap_or(usize::MAX)).map(level_tuple).collect())
    }

    /// The order, None when it does not rest.
    fn get(&self, order: u64) -> Option<PyBookOrder> {
        self.book.get(order).copied().map(PyBookOrder)
    }

    /// The resting orders of `side` in the sequence in which they trade.
    fn orders(&self, side: &str) -> PyResult<Vec<PyBookOrder>> {
        Ok(self.book.orders(side_of(side)?).copied().map(PyBookOrder).collect())
    }

    /// Size that rests on `side` at `price`.
    fn volume_at(&self, side: &str, price: i64) -> PyResult<i64> {
        Ok(self.book.level(side_of(side)?, price).map_or(0, |level| level.lots))
    }

    /// Size that rests on `side` at all prices.
    fn volume(&self, side: &str) -> PyResult<i64> {
        Ok(self.book.volume(side_of(side)?))
    }

    /// Keccak-256 of every order in price-time order.
    fn state_hash<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.book.state_hash().0)
    }

    /// Applies operations given as columns, without the GIL. Returns (results, fills).
    #[pyo3(signature = (kind, side, order, price, size, owner = None))]
    #[allow(clippy::too_many_arguments, reason = "one argument per column")]
    fn batch<'py>(
        &mut self,
        py: Python<'py>,
        kind: &Bound<'py, PyAny>,
        side: &Bound<'py, PyAny>,
        order: &Bound<'py, PyAny>,
        price: &Bound<'py, PyAny>,
        size: &Bound<'py, PyAny>,
        owner: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
        let kind: Vec<u8> = column("kind", kind, None)?;
        let len = Some(kind.len());
        let columns = Columns {
            side: column("side", side, len)?,
            order: column("order", order, len)?,
            price: column("price", price, len)?,
            size: column("size", size, len)?,
            owner: owner.map(|owner| column("owner", owner, len)).transpose()?,
            kind,
        };
        columns.check()?;
        let Output { results, fills } = py.detach(|| columns.apply(&mut self.book));
        let [result_type, fill_type] = record_types(py)?;
        Ok((records(py, &results, result_type)?, records(py, &fills, fill_type)?))
    }

    fn __len__(&self) -> usize {
        self.book.len()
    }

    fn __contains__(&self, order: u64) -> bool {
        self.book.get(order).is_some()
    }

    fn __repr__(&self) -> String {
        let price = |level: Option<LevelView>| level.map_or("-".to_owned(), |level| level.price.to_string());
        let (bid, ask) = (price(self.book.best(Side::Buy)), price(self.book.best(Side::Sell)));
        format!("OrderBook({} orders, {bid} / {ask})", self.book.len())
    }
}

impl PyOrderBook {
    fn placed(
        &mut self,
        act: impl FnOnce(&mut MatchingBook, &mut Vec<BookFill>) -> Result<Placed, BookError>,
    ) -> PyResult<PyPlaced> {
        let mut fills = Vec::new();
        let placed = act(&mut self.book, &mut fills).map_err(refusal)?;
        Ok(PyPlaced { placed, fills })
    }
}

/// The operations of a batch. Copied out of Python's buffers, which others may write while the GIL is released.
struct Columns {
    kind: Vec<u8>,
    side: Vec<u8>,
    order: Vec<u64>,
    price: Vec<i64>,
    size: Vec<i64>,
    owner: Option<Vec<u64>>,
}

/// Native-endian records, laid out as [`record_types`] says.
#[derive(Default)]
struct Output {
    results: Vec<u8>,
    fills: Vec<u8>,
}

fn column<T: Element + Copy>(name: &str, source: &Bound<'_, PyAny>, len: Option<usize>) -> PyResult<Vec<T>> {
    let buffer = PyBuffer::<T>::get(source).map_err(|error| {
        PyValueError::new_err(format!("{name} is no buffer of {}: {error}", std::any::type_name::<T>()))
    })?;
    let items = buffer.item_count();
    if buffer.dimensions() != 1 || len.is_some_and(|len| len != items) {
        return Err(PyValueError::new_err(format!(
            "{name} has {items} items in {} dimensions, not {} in one",
            buffer.dimensions(),
            len.unwrap_or(items)
        )));
    }
    buffer.to_vec(source.py())
}

impl Columns {
    /// Refuses the batch when an operation could not be understood.
    fn check(&self) -> PyResult<()> {
        let kind = self.kind.iter().find(|&&kind| kind > PyOrderBook::MOVE);
        let side = self.side.iter().find(|&&side| side > Side::Sell as u8);
        match (kind, side) {
            (Some(kind), _) => Err(PyValueError::new_err(format!("{kind} is no kind of operation"))),
            (_, Some(side)) => Err(PyValueError::new_err(format!("side is 0 (buy) or 1 (sell), not {side}"))),
            _ => Ok(()),
        }
    }

    fn apply(&self, book: &mut MatchingBook) -> Output {
        let mut output = Output { results: Vec::with_capacity(32 * self.kind.len()), fills: Vec::new() };
        let mut fills = Vec::new();
        for at in 0..self.kind.len() {
            let order = self.order[at];
            let (placed, status) = match self.operate(book, at, &mut fills) {
                Ok(placed) => (placed, 0),
                Err(error) => (Placed { order, ..Placed::default() }, status(error)),
            };
            output.result(placed, status);
            fills.drain(..).for_each(|fill| output.fill(fill, at as u32));
        }
        output
    }

    fn operate(
        &self,
        book: &mut MatchingBook,
        at: usize,
        fills: &mut Vec<BookFill>,
    ) -> Result<Placed, BookError> {
        let (order, price, size) = (self.order[at], self.price[at], self.size[at]);
        let incoming = Incoming {
            side: if self.side[at] == Side::Buy as u8 { Side::Buy } else { Side::Sell },
            size,
            owner: self.owner.as_ref().map_or(0, |owner| owner[at]),
        };
        let left = |resting| Placed { order, filled: 0, resting };
        match self.kind[at] {
            PyOrderBook::LIMIT => book.limit(incoming, price, Lifetime::Rest, fills),
            PyOrderBook::POST_ONLY => book.limit(incoming, price, Lifetime::PostOnly, fills),
            PyOrderBook::IMMEDIATE => book.limit(incoming, price, Lifetime::Immediate, fills),
            PyOrderBook::FILL_OR_KILL => book.limit(incoming, price, Lifetime::FillOrKill, fills),
            PyOrderBook::MARKET => book.market(incoming, fills),
            PyOrderBook::CANCEL => book.cancel(order).map(|_| left(0)),
            PyOrderBook::REDUCE => book.reduce(order, size).map(left),
            PyOrderBook::MOVE => book.move_order(order, price, (size != 0).then_some(size), fills),
            kind => unreachable!("kind {kind} was refused before"),
        }
    }
}

impl Output {
    fn result(&mut self, placed: Placed, status: u8) {
        let mut record = [0; 32];
        record[..8].copy_from_slice(&placed.order.to_ne_bytes());
        record[8..16].copy_from_slice(&placed.filled.to_ne_bytes());
        record[16..24].copy_from_slice(&placed.resting.to_ne_bytes());
        record[24] = status;
        self.results.extend_from_slice(&record);
    }

    fn fill(&mut self, fill: BookFill, operation: u32) {
        let mut record = [0; 56];
        record[..8].copy_from_slice(&fill.taker.to_ne_bytes());
        record[8..16].copy_from_slice(&fill.maker.to_ne_bytes());
        record[16..24].copy_from_slice(&fill.price.to_ne_bytes());
        record[24..32].copy_from_slice(&fill.size.to_ne_bytes());
        record[32..40].copy_from_slice(&fill.taker_owner.to_ne_bytes());
        record[40..48].copy_from_slice(&fill.maker_owner.to_ne_bytes());
        record[48..52].copy_from_slice(&operation.to_ne_bytes());
        record[52] = fill.side as u8;
        self.fills.extend_from_slice(&record);
    }
}

/// NumPy's types of the records of [`Output`]: results, fills.
fn record_types(py: Python<'_>) -> PyResult<&[Py<PyAny>; 2]> {
    static TYPES: PyOnceLock<[Py<PyAny>; 2]> = PyOnceLock::new();
    TYPES.get_or_try_init(py, || {
        let make = |fields: &[(&str, &str)]| {
            let dtype = py.import("numpy")?.getattr("dtype")?;
            dtype.call1((fields.to_vec(), true)).map(Bound::unbind)
        };
        let result = [("order", "u8"), ("filled", "i8"), ("resting", "i8"), ("status", "u1")];
        let fill = [
            ("taker", "u8"),
            ("maker", "u8"),
            ("price", "i8"),
            ("size", "i8"),
            ("taker_owner", "u8"),
            ("maker_owner", "u8"),
            ("operation", "u4"),
            ("side", "u1"),
        ];
        Ok([make(&result)?, make(&fill)?])
    })
}

/// A NumPy array of `bytes`' records, of its own memory and writable.
pub(crate) fn records<'py>(
    py: Python<'py>,
    bytes: &[u8],
    record_type: &Py<PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    py.import("numpy")?.call_method1("frombuffer", (PyByteArray::new(py, bytes), record_type))
}
