"""What the array functions take and give: broadcasting, Arrow, threads, outputs and refusals."""

from __future__ import annotations

import doctest
import importlib
import sys
import threading
import time

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from support.options import random_options
from synchromesh import _native, pricing
from synchromesh.pricing import ArrowMissing, Greeks, PricingError, SecondOrder, black76, implied_vol, second_order

GREEKS = ("price", "delta", "gamma", "vega", "theta", "rho")
SECOND_ORDER = ("vanna", "volga", "charm", "speed")


def address(array: np.ndarray) -> int:
    return int(array.__array_interface__["data"][0])


def same(ours: Greeks | SecondOrder, theirs: Greeks | SecondOrder) -> None:
    for name in GREEKS if isinstance(ours, Greeks) else SECOND_ORDER:
        np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name), strict=True)


def test_broadcasts_like_numpy() -> None:
    strikes, years = np.array([90.0, 100.0, 110.0]), np.array([[0.1], [0.2]])
    grid = black76(100.0, strikes, years, 0.5, True)
    assert grid.price.shape == (2, 3)
    assert grid.price[1, 2] == black76(100.0, 110.0, 0.2, 0.5, True).price
    assert second_order(100.0, strikes, years, 0.5).vanna[0, 1] == second_order(100.0, 100.0, 0.1, 0.5).vanna
    np.testing.assert_allclose(implied_vol(grid.price, 100.0, strikes, years, True), np.full((2, 3), 0.5))
    assert black76(100.0, 100.0, 0.1, 0.5, True).price.shape == ()
    assert black76(100.0, [], 0.1, 0.5, True).price.shape == (0,)
    assert black76([[100.0]], 100.0, 0.1, 0.5, True).price.shape == (1, 1)
    with pytest.raises(ValueError, match="broadcast"):
        black76([1.0, 2.0], [1.0, 2.0, 3.0], 0.1, 0.5, True)


def test_numbers_and_columns_of_one_number_give_the_same_bits() -> None:
    options = random_options(300, seed=41)
    whole = black76(100.0, options.strike, 0.3, 0.5, options.is_call)
    same(whole, black76(np.full(300, 100.0), options.strike, np.full(300, 0.3), [0.5], options.is_call))
    vols = implied_vol(np.full(300, 7.0), 100.0, np.full(300, 101.0), 0.3, True)
    np.testing.assert_array_equal(vols, float(implied_vol(7.0, 100.0, 101.0, 0.3, True)))


@pytest.mark.parametrize(
    "awkward",
    [
        lambda column: np.repeat(column, 2)[::2],
        lambda column: column[::-1].copy()[::-1],
        lambda column: column.astype(">f8"),
        lambda column: np.frombuffer(b"x" + column.tobytes(), np.float64, offset=1),
        lambda column: column.tolist(),
    ],
    ids=["strided", "reversed", "big-endian", "unaligned", "list"],
)
def test_any_memory_layout(awkward) -> None:
    options = random_options(100, seed=42)
    same(black76(*options), black76(options.forward, awkward(options.strike), *options[2:]))


def test_inputs_and_outputs_are_used_where_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """The native code sees the caller's own memory, and single numbers as one number."""
    seen = []
    native = _native.black76_into

    def spy(numbers, is_call, outputs, threads) -> None:
        seen.append((*numbers, is_call, *outputs))
        native(numbers, is_call, outputs, threads)

    monkeypatch.setattr(_native, "black76_into", spy)
    options = random_options(100, seed=43)
    grid = options.strike.reshape(10, 10)
    grid.flags.writeable = False
    ours = black76(100.0, grid, pa.array(options.t).to_numpy().reshape(10, 10), pl.Series([0.4]), np.True_)
    forward, strike, _, sigma, is_call, price, *_ = seen[0]
    assert (forward.size, sigma.size, is_call.size) == (1, 1, 1)
    assert address(strike) == address(grid)
    assert address(price) == address(ours.price)
    arrow = pa.array(options.sigma)
    black76(options.forward, options.strike, options.t, arrow, options.is_call)
    assert address(seen[1][0]) == address(options.forward)
    assert address(seen[1][3]) == arrow.buffers()[1].address
    assert address(seen[1][4]) == address(options.is_call)


def test_out_is_written_and_returned() -> None:
    options = random_options(50, seed=44)
    expected = black76(*options)
    out = Greeks(*(np.full(50, np.nan) for _ in GREEKS))
    assert black76(*options, out=out) is out
    same(out, expected)
    second = SecondOrder(*(np.full(50, np.nan) for _ in SECOND_ORDER))
    assert second_order(*options[:4], out=second) is second
    same(second, second_order(*options[:4]))


@pytest.mark.parametrize(
    "wrong",
    [np.empty(49), np.empty((50, 1)), np.empty(50, np.float32), np.empty(100)[::2], np.broadcast_to(0.0, 50)],
    ids=["length", "shape", "type", "strided", "read-only"],
)
def test_out_of_another_kind_is_refused(wrong: np.ndarray) -> None:
    options = random_options(50, seed=44)
    out = Greeks(*(np.empty(50) for _ in range(5)), wrong)
    with pytest.raises(PricingError, match=r"out\.rho must be a writable contiguous array of float64"):
        black76(*options, out=out)


def test_out_may_not_be_an_input_or_another_output() -> None:
    options = random_options(50, seed=44)
    fresh = [np.empty(50) for _ in range(5)]
    for taken in (options.strike, fresh[2]):
        with pytest.raises(ValueError, match="overlaps another column"):
            black76(*options, out=Greeks(*fresh, taken))


@pytest.mark.parametrize("threads", [2, 3, 16])
def test_threads_give_the_same_bits(threads: int) -> None:
    options = random_options(30_011, seed=45, deviations=4)
    one, many = black76(*options), black76(*options, threads=threads)
    same(one, many)
    same(second_order(*options[:4]), second_order(*options[:4], threads=threads))
    arguments = (one.price, options.forward, options.strike, options.t, options.is_call)
    for ours, theirs in zip(
        pricing.implied_vol_status(*arguments), pricing.implied_vol_status(*arguments, threads=threads), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)
    with pytest.raises(ValueError, match="must be positive"):
        black76(*options, threads=0)


@pytest.mark.parametrize("threads", [1, 4])
def test_the_first_bad_option_is_named_however_many_threads(threads: int) -> None:
    options = random_options(20_000, seed=46)
    options.sigma[[17_001, 19_000]] = [np.nan, -1]
    options.forward[18_000] = 0
    with pytest.raises(PricingError, match="option 17001: sigma is NaN"):
        black76(*options, threads=threads)
    with pytest.raises(PricingError, match="option 17001: sigma is NaN"):
        second_order(*options[:4], threads=threads)
    price = np.full(20_000, 1e-3)
    price[[17_500, 19_999]] = [np.inf, np.nan]
    with pytest.raises(pricing.ImpliedVolError, match="option 17500: price is inf"):
        implied_vol(price, 1.0, 1.0, 1.0, True, threads=threads)


def test_the_gil_is_released() -> None:
    """Another thread runs in the middle of a long batch; once in several is enough, for the machine may be busy."""
    options = random_options(1_000_000, seed=47, deviations=4)
    outputs = tuple(np.empty(1_000_000) for _ in GREEKS)
    ticks: list[float] = []
    done = threading.Event()

    def count() -> None:
        while not done.is_set():
            ticks.append(time.perf_counter())
            time.sleep(0)

    def interrupted() -> bool:
        start = time.perf_counter()
        _native.black76_into(options[:4], options.is_call.view(np.uint8), outputs, 1)
        quarter = (time.perf_counter() - start) / 4
        return any(start + quarter < tick < start + 3 * quarter for tick in ticks)

    counter = threading.Thread(target=count)
    counter.start()
    try:
        assert any(interrupted() for _ in range(10))
    finally:
        done.set()
        counter.join()


def test_arrow_in() -> None:
    options = random_options(100, seed=48)
    expected = black76(*options)
    forward, strike, t, sigma, is_call = options
    same(expected, black76(pa.array(forward), pa.array(strike), pl.Series(t), pl.Series(sigma), pa.array(is_call)))
    chunked = pa.chunked_array([strike[:30], strike[30:]])
    same(expected, black76(forward, chunked, t, sigma, pl.Series(is_call)))
    table = pa.table({"strike": strike, "sigma": sigma})
    same(expected, black76(forward, table["strike"], t, table["sigma"], is_call))


class Capsules:
    """A producer of the Arrow C data interface and of nothing else."""

    def __init__(self, name: str, source: object) -> None:
        setattr(self, name, getattr(source, name))


def test_any_producer_of_the_arrow_interface(monkeypatch: pytest.MonkeyPatch) -> None:
    forward, strike, t, sigma, is_call = random_options(100, seed=48)
    expected = black76(forward, strike, t, sigma, is_call)
    array = Capsules("__arrow_c_array__", pa.array(strike))
    stream = Capsules("__arrow_c_stream__", pa.chunked_array([sigma[:30], sigma[30:]]))
    same(expected, black76(forward, array, t, stream, is_call))
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ArrowMissing, match="pip install"):
        black76(forward, array, t, sigma, is_call)
    with pytest.raises(ArrowMissing):
        expected.to_arrow()


@pytest.mark.parametrize(
    "nulls",
    [
        pa.array([1.0, None, 2.0]),
        pa.chunked_array([[1.0, 2.0], [None]]),
        pl.Series([1.0, None, 2.0]),
        np.ma.masked_array([1.0, 2.0, 3.0], [False, True, False]),
        Capsules("__arrow_c_array__", pa.array([1.0, None, 2.0])),
    ],
    ids=["array", "chunked", "polars", "masked", "capsule"],
)
def test_nulls_are_refused_by_name(nulls: object) -> None:
    with pytest.raises(PricingError, match="strike holds 1 null"):
        black76(1.0, nulls, 1.0, 1.0, True)
    with pytest.raises(PricingError, match="price holds 1 null"):
        implied_vol(nulls, 1.0, 1.0, 1.0, True)


@pytest.mark.parametrize("sides", [[0.0, 1.0], ["call", "put"], [None, True], [np.nan, 1]])
def test_sides_are_booleans(sides: list[object]) -> None:
    with pytest.raises(PricingError, match=r"is_call holds .*, must hold booleans"):
        black76(1.0, 1.0, 1.0, 1.0, sides)


def test_to_arrow_shares_the_memory() -> None:
    options = random_options(100, seed=49)
    for table, names in ((black76(*options), GREEKS), (second_order(*options[:4]), SECOND_ORDER)):
        batch = table.to_arrow()
        assert batch.schema == pa.schema([(name, pa.float64()) for name in names])
        for name in names:
            assert batch[name].buffers()[1].address == address(getattr(table, name))
    frame = pl.DataFrame(black76(*options))
    assert frame.columns == list(GREEKS)
    np.testing.assert_array_equal(frame["vega"], black76(*options).vega)
    grid = black76(100.0, [[90.0, 100.0], [110.0, 120.0]], 0.1, 0.5, True)
    assert grid.to_arrow()["price"].to_pylist() == grid.price.ravel().tolist()


@pytest.mark.parametrize("module", ["", ".black", ".implied", ".chain"])
def test_examples_of_the_docstrings(module: str) -> None:
    results = doctest.testmod(importlib.import_module(f"synchromesh.pricing{module}"))
    assert results.attempted > 0
    assert results.failed == 0
