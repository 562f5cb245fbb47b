"""Surfaces from synthetic quotes: recovered, free of arbitrage whatever the quotes, each dropped row with a reason."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synchromesh.pricing import black76
from synchromesh.risk.surface import ExpiryQuotes, Fate, Method, Smile, Surface, SurfaceError, fit_quotes
from synchromesh.risk.surface.diagnosis import arbitrage_grid, count_violations

FORWARD = 70_000.0
TRUTH = Smile(a=0.004, b=0.09, rho=-0.35, m=0.03, sigma=0.14)
VOGT = Smile(a=-0.0410, b=0.1331, rho=0.3060, m=0.3586, sigma=0.4153)


def quotes_of(smile: Smile, days: float = 30.0, *, half: float = 0.01, reach: float = 0.5) -> ExpiryQuotes:
    """Puts and calls, in turn, on 25 strikes, whose bids and asks straddle ``smile`` by ``half`` in vol."""
    t = days / 365
    k = np.repeat(np.linspace(-reach, reach, 25), 2)
    strike, is_call = FORWARD * np.exp(k), np.arange(50) % 2 == 1
    bid, ask = (black76(FORWARD, strike, t, smile.vol(k, t) + shift, is_call).price for shift in (-half, half))
    return ExpiryQuotes(int(days), t, FORWARD, strike, is_call, bid, ask)


def chain(scales: Sequence[float] = (0.3, 1.0, 2.0, 4.0)) -> list[ExpiryQuotes]:
    return [quotes_of(TRUTH.scaled(scale), 30 * scale, reach=0.5 * math.sqrt(scale)) for scale in scales]


def violations(surface: Surface) -> int:
    grid = arbitrage_grid(surface)
    smiles = [each.smile for each in surface]
    return sum(count_violations(*pair, grid) for pair in zip(smiles, [None, *smiles], strict=False))


def test_recovers_the_smiles_that_quotes_come_from() -> None:
    surface = fit_quotes(chain())
    assert violations(surface) == 0
    for fitted, scale in zip(surface, (0.3, 1.0, 2.0, 4.0), strict=True):
        k = np.linspace(-0.4, 0.4, 81) * np.sqrt(scale)
        assert np.max(np.abs(fitted.smile.vol(k, fitted.t) - TRUTH.scaled(scale).vol(k, fitted.t))) < 2e-3
        report = fitted.report
        assert (report.method, len(report.quotes), report.inside, report.drops) == (Method.SVI, 25, 1.0, {})
        assert report.error < 1e-3


def test_a_slice_is_exactly_what_marks_carry() -> None:
    for fitted in fit_quotes(chain()):
        assert Smile.from_fixed(fitted.smile.fixed()) == fitted.smile


def test_quotes_of_the_vogt_smile_give_a_slice_without_arbitrage() -> None:
    assert count_violations(VOGT, None, np.linspace(-1.5, 1.5, 1_201)) > 0
    surface = fit_quotes([quotes_of(VOGT, 365, half=0.002, reach=1.2)])
    assert violations(surface) == 0
    k = np.linspace(-0.6, 0.6, 61)
    assert np.max(np.abs(surface.slices[0].smile.vol(k, 1.0) - VOGT.vol(k, 1.0))) < 0.02


def test_the_report_says_where_arbitrage_is_nearest() -> None:
    surface = fit_quotes(chain())
    for before, fitted in zip(surface.slices, surface.slices[1:], strict=False):
        report = fitted.report
        assert fitted.smile.durrleman(np.array([report.worst_g_at]))[0] == pytest.approx(report.worst_g, abs=1e-9)
        assert report.calendar is not None
        assert report.calendar_at is not None
        at = np.array([report.calendar_at])
        gap = fitted.smile.variance(at) - before.smile.variance(at)
        assert gap[0] == pytest.approx(report.calendar, abs=1e-12)
    assert surface.slices[0].report.calendar is None


def test_a_stale_quote_does_not_bend_the_smile() -> None:
    quotes = quotes_of(TRUTH)
    stale = np.flatnonzero(quotes.is_call & (quotes.strike > FORWARD))[2:5]
    quotes.bid[stale] *= 1.6
    quotes.ask[stale] *= 1.6
    fitted = fit_quotes([quotes]).slices[0]
    k = np.linspace(-0.4, 0.4, 81)
    assert np.max(np.abs(fitted.smile.vol(k, quotes.t) - TRUTH.vol(k, quotes.t))) < 0.02


def test_bad_rows_are_dropped_with_their_reason() -> None:
    quotes = quotes_of(TRUTH, reach=0.2)
    call, put = 49, 0
    spoiled = {
        call: (0.0, 100.0, Fate.NO_BID),
        call - 1: (0.0, 0.0, Fate.EMPTY),
        put: (100.0, np.nan, Fate.NO_ASK),
        put + 1: (np.nan, np.nan, Fate.EMPTY),
        call - 2: (900.0, 800.0, Fate.CROSSED),
        put + 2: (-1.0, 800.0, Fate.BAD_QUOTE),
        put + 3: (0.0, 1.0, Fate.BELOW_INTRINSIC),
    }
    for row, (bid, ask, _) in spoiled.items():
        quotes.bid[row], quotes.ask[row] = bid, ask
    quotes.strike[24] = np.nan
    twice = {name: np.append(getattr(quotes, name), getattr(quotes, name)[30]) for name in
             ("strike", "is_call", "bid", "ask")}  # fmt: skip
    report = fit_quotes([replace(quotes, **twice)]).slices[0].report
    for row, (_, _, fate) in spoiled.items():
        assert report.fates[row] == fate, row
    assert report.fates[24] == Fate.BAD_STRIKE
    assert report.fates[50] == Fate.DUPLICATE
    assert sum(report.drops.values()) == len(spoiled) + 2


def test_old_quotes_are_dropped() -> None:
    quotes = quotes_of(TRUTH)
    age = np.where(np.arange(50) < 20, 4_000.0, 5.0)
    report = fit_quotes([replace(quotes, age=age)]).slices[0].report
    assert report.drops == {Fate.STALE: 20}
    np.testing.assert_allclose(report.quotes.weight, 60 / 65)


def test_an_expiry_without_quotes_lies_between_its_neighbours() -> None:
    expiries = chain((1.0, 2.0, 4.0))
    expiries[1].bid[:] = 0
    surface = fit_quotes(expiries)
    assert violations(surface) == 0
    middle = surface.slices[1]
    assert middle.report.method is Method.EXTRAPOLATED
    assert len(middle.report.quotes) == 0
    at_the_money = [float(each.vol(FORWARD)) for each in surface]
    assert at_the_money[1] == pytest.approx(at_the_money[0], abs=0.015)


def test_the_previous_surface_stands_in() -> None:
    before = fit_quotes(chain())
    day = 1 / 365
    later = [replace(each, t=each.t - day, bid=np.zeros(50), ask=np.zeros(50)) for each in chain()]
    with pytest.raises(SurfaceError, match="no expiry has a sound two-sided quote"):
        fit_quotes(later)
    after = fit_quotes(later, previous=before)
    assert violations(after) == 0
    for old, new in zip(before, after, strict=True):
        assert new.report.method is Method.PREVIOUS
        strikes = FORWARD * np.exp(np.linspace(-1, 1, 9) * np.sqrt(float(old.smile.variance(np.zeros(1))[0])))
        np.testing.assert_allclose(new.vol(strikes), old.vol(strikes), rtol=0.02)


def test_what_is_no_chain_is_refused() -> None:
    one = quotes_of(TRUTH)
    for expiries, reason in [
        ([], "no expiries"),
        ([one, one], "later than that of the expiry before"),
        ([replace(one, t=0.0)], "must be positive"),
        ([replace(one, t=np.nan)], "must be positive"),
        ([replace(one, forward=-1.0)], "forward is -1"),
        ([replace(one, bid=one.bid[1:])], "columns differ in length"),
    ]:
        with pytest.raises(SurfaceError, match=reason):
            fit_quotes(expiries)


def test_strided_and_integer_columns_are_taken() -> None:
    quotes = quotes_of(TRUTH)
    wide = np.repeat(quotes.strike, 2)[::2]
    again = replace(quotes, strike=wide, is_call=quotes.is_call.astype(int))
    assert fit_quotes([again]).slices[0].smile == fit_quotes([quotes]).slices[0].smile


def test_the_same_quotes_give_the_same_bits() -> None:
    assert [each.smile for each in fit_quotes(chain())] == [each.smile for each in fit_quotes(chain())]


def test_between_expiries_variance_is_linear_in_time() -> None:
    surface = fit_quotes(chain())
    first, second = surface.slices[:2]
    k = np.linspace(-0.3, 0.3, 7)
    for each in surface:
        np.testing.assert_allclose(surface.variance(k, each.t), each.smile.variance(k), rtol=1e-12)
        np.testing.assert_allclose(surface.vol(each.t, FORWARD * np.exp(k)), each.smile.vol(k, each.t), rtol=1e-12)
    middle = (first.smile.variance(k) + second.smile.variance(k)) / 2
    np.testing.assert_allclose(surface.variance(k, (first.t + second.t) / 2), middle, rtol=1e-12)
    np.testing.assert_allclose(surface.variance(k, first.t / 4), first.smile.variance(k) / 4, rtol=1e-12)
    last = surface.slices[-1]
    np.testing.assert_allclose(surface.variance(k, last.t * 3), last.smile.variance(k) * 3, rtol=1e-12)
    table = surface.variance(k[None, :], np.array([[0.01], [0.1], [5.0]]))
    assert table.shape == (3, 7)
    assert np.all(np.diff(table, axis=0) > 0)


def test_forwards_between_expiries_are_log_linear() -> None:
    expiries = [
        replace(each, forward=forward) for each, forward in zip(chain((1.0, 2.0)), (70_000, 71_000), strict=True)
    ]
    surface = fit_quotes(expiries)
    first, last = surface.slices
    np.testing.assert_allclose(
        surface.forward([0.0, first.t, (first.t + last.t) / 2, last.t, 9.0]),
        [70_000, 70_000, math.sqrt(70_000 * 71_000), 71_000, 71_000],
    )


def test_finds_a_slice_by_its_expiry() -> None:
    surface = fit_quotes(chain())
    assert surface.find(30) is surface.slices[1]
    assert surface.find(31) is None


NUMBERS = st.floats(0, 5_000) | st.floats(0, 200_000) | st.sampled_from([0.0, -1.0, math.nan, math.inf, 5e-324, 1e300])
ROWS = st.lists(
    st.tuples(st.integers(20, 200).map(lambda k: k * 1_000.0) | NUMBERS, st.booleans(), NUMBERS, NUMBERS, NUMBERS),
    max_size=40,
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.floats(1e-6, 1.0), ROWS), min_size=1, max_size=5))
def test_garbage_never_crashes_and_never_makes_arbitrage(
    expiries: list[tuple[float, list[tuple[float, bool, float, float, float]]]],
) -> None:
    t, given_quotes = 0.0, []
    for number, (rise, rows) in enumerate(expiries):
        t += rise
        strike, is_call, bid, ask, age = (np.array(column) for column in zip(*rows, strict=True)) if rows else [
            np.zeros(0)] * 5  # fmt: skip
        given_quotes.append(ExpiryQuotes(number, t, FORWARD, strike, is_call.astype(bool), bid, ask, age))
    # Whatever the rows are, one good expiry after them makes a surface.
    given_quotes.append(replace(quotes_of(TRUTH), expiry=len(expiries), t=t + 0.1))
    surface = fit_quotes(given_quotes)
    smiles = [each.smile for each in surface]
    grid = np.linspace(-8, 8, 1_201)
    assert sum(count_violations(*pair, grid) for pair in zip(smiles, [None, *smiles], strict=False)) == 0
    assert all(len(each.report.fates) == len(found.strike) for each, found in zip(surface, given_quotes, strict=True))
