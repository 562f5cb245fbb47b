"""The peers that run in this process: QuantLib, NumPy with SciPy, polars-vol. Each is set up once; its calls are timed.

Every peer's prices are compared with ours before its time counts, so that nobody is fast at something else.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import numpy as np

from benches.peers import reference
from benches.peers.workload import Call, FloatArray, Workload
from synchromesh import pricing

NUMPY = f"NumPy {version('numpy')} + SciPy {version('scipy')}"
RUNS = 4
QUANTLIB_OPTIONS = 256
"""QuantLib prices the first so many of the workload; its cost does not depend on how many there are."""


def timed(count: int, work: Callable[[], Any]) -> Call:
    """A call that times ``work`` done on ``count`` options: the fastest of a few runs, the first warms the caches."""

    def call() -> float:
        best = float("inf")
        for _ in range(RUNS):
            start = time.perf_counter_ns()
            work()
            best = min(best, time.perf_counter_ns() - start)
        return best / count

    return call


def greeks(options: Workload, prices: FloatArray) -> dict[str, Call]:
    """Price and four Greeks, by peer."""
    return {
        **_quantlib(options, prices),
        NUMPY: _numpy(options, prices),
        f"polars-vol {version('polars-vol')}": _polars_greeks(options, prices),
    }


def second_order(options: Workload) -> dict[str, Call]:
    """Vanna, volga, charm and speed, by peer."""
    terms = (options.forward, options.strike, options.t, options.sigma)
    ours = pricing.second_order(*terms)
    for found, expected in zip(reference.second_order(options), (ours.vanna, ours.volga, ours.charm), strict=False):
        assert np.allclose(found, expected, rtol=1e-6, atol=1e-12), "the peer computes something else"
    return {NUMPY: timed(len(options), lambda: reference.second_order(options))}


def implied_vols(options: Workload, prices: FloatArray) -> dict[str, Call]:
    """Implied vols, by peer."""
    return {f"polars-vol {version('polars-vol')}, to 1e-7": _polars_vols(options, prices)}


def agree(theirs: FloatArray, prices: FloatArray, scale: FloatArray, tolerance: float) -> None:
    """Asserts that a peer prices the same options."""
    assert np.all(np.abs(theirs - prices) <= tolerance * scale), "the peer prices something else"


def _numpy(options: Workload, prices: FloatArray) -> Call:
    agree(reference.black76(options)[0], prices, options.forward, 1e-12)
    return timed(len(options), lambda: reference.black76(options))


def _quantlib(options: Workload, prices: FloatArray) -> dict[str, Call]:
    """QuantLib twice: a calculator made for each option, its least work, and an instrument that is kept and told new
    quotes, as a desk's book does it. Strike and expiry of a kept instrument are fixed, so it prices one contract.
    """
    import QuantLib as ql  # noqa: N813

    count = min(QUANTLIB_OPTIONS, len(options))
    kind = {True: ql.Option.Call, False: ql.Option.Put}
    payoffs = [
        ql.PlainVanillaPayoff(kind[call], strike)
        for call, strike in zip(options.is_call[:count].tolist(), options.strike[:count].tolist(), strict=True)
    ]
    deviations = (options.sigma * np.sqrt(options.t))[:count].tolist()
    rows = list(zip(payoffs, options.forward[:count].tolist(), deviations, options.t[:count].tolist(), strict=True))

    def calculators() -> None:
        make = ql.BlackCalculator
        for payoff, forward, deviation, t in rows:
            option = make(payoff, forward, deviation)
            option.value()
            option.delta(forward)
            option.gamma(forward)
            option.vega(t)
            option.theta(forward, t)

    values = np.array(
        [ql.BlackCalculator(payoff, forward, deviation).value() for payoff, forward, deviation, _ in rows]
    )
    agree(values, prices[:count], options.forward[:count], 1e-12)

    option, forward_quote, vol_quote = _quantlib_instrument(ql, float(options.strike[0]))
    quotes = list(zip(options.forward[:count].tolist(), options.sigma[:count].tolist(), strict=True))

    def kept() -> None:
        for forward, vol in quotes:
            forward_quote.setValue(forward)
            vol_quote.setValue(vol)
            option.NPV()
            option.delta()
            option.gamma()
            option.vega()
            option.theta()

    name = f"QuantLib {version('quantlib')}"
    return {f"{name}, kept VanillaOption": timed(count, kept), f"{name}, BlackCalculator": timed(count, calculators)}


def _quantlib_instrument(ql: Any, strike: float) -> tuple[Any, Any, Any]:
    """A call of 30 days that is kept, its forward and its vol."""
    today = ql.Date(21, 2, 2026)
    ql.Settings.instance().evaluationDate = today
    year = ql.Actual365Fixed()
    forward, vol = ql.SimpleQuote(strike), ql.SimpleQuote(0.5)
    flat = ql.YieldTermStructureHandle(ql.FlatForward(today, 0.0, year))
    surface = ql.BlackConstantVol(today, ql.NullCalendar(), ql.QuoteHandle(vol), year)
    process = ql.BlackProcess(ql.QuoteHandle(forward), flat, ql.BlackVolTermStructureHandle(surface))
    option = ql.VanillaOption(ql.PlainVanillaPayoff(ql.Option.Call, strike), ql.EuropeanExercise(today + 30))
    option.setPricingEngine(ql.AnalyticEuropeanEngine(process))
    return option, forward, vol


def _polars_frame(options: Workload, prices: FloatArray) -> Any:
    import polars

    columns = {"price": prices, "strike": options.strike, "spot": options.forward, "vol": options.sigma, "t": options.t}
    return polars.DataFrame({**columns, "rate": np.zeros(len(options)), "is_call": options.is_call})


def _polars_greeks(options: Workload, prices: FloatArray) -> Call:
    import polars_vol

    frame = _polars_frame(options, prices)
    expression = polars_vol.black_scholes_with_greeks("strike", "spot", "vol", "t", "rate", "is_call").alias("greeks")
    theirs = frame.select(expression).unnest("greeks")["model_price"].to_numpy()
    agree(theirs, prices, np.maximum(options.forward, options.strike), 1e-6)  # its Φ is good to about 1e-7
    return timed(len(options), lambda: frame.select(expression))


def _polars_vols(options: Workload, prices: FloatArray) -> Call:
    import polars_vol

    frame = _polars_frame(options, prices)
    expression = polars_vol.implied_vol("price", "strike", "spot", "t", "rate", "is_call").alias("vol")
    error = np.abs(frame.select(expression)["vol"].to_numpy() - options.sigma)
    assert np.median(error) < 1e-5, "the peer solves something else"
    return timed(len(options), lambda: frame.select(expression))
