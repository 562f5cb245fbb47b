"""The surface that marks: it follows its quotes, no faster than it may, and stands where they fall silent."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest

from synchromesh._native import lowest_butterfly, lowest_calendar
from synchromesh.agents.market import MarketPath, load_bundled
from synchromesh.clock import DAY_NS, SECOND
from synchromesh.execution.marks import (
    Forward,
    ForwardQuotes,
    ForwardSource,
    MarkSlice,
    NoSurfaceError,
    OptionQuotes,
    QuotedExpiry,
    SurfaceTracker,
    forward_curve,
    variance_years,
)
from synchromesh.execution.marks.settlement import WINDOW_NS
from synchromesh.execution.marks.surface import FROZEN_MAX, PROBES, VOL_DAYS, VOL_PER_SECOND
from synchromesh.pricing import black76, year_fraction
from synchromesh.pricing.marks import YEAR_NS
from synchromesh.risk.surface import Smile

NOW = 1_770_192_000 * SECOND
FORWARD = 70_000.0
MONTH = NOW + 30 * DAY_NS
ZERO = np.zeros(1)


def quoted(expiry: int, now: int, vol: float, *, half: float = 0.002, silent: bool = False) -> QuotedExpiry:
    """An expiry quoted flat at ``vol`` ± ``half``, or not at all."""
    t = (expiry - now) / YEAR_NS
    forward = Forward(expiry, FORWARD, 5.0, ForwardSource.PARITY)
    if silent:
        return QuotedExpiry(forward, OptionQuotes.empty())
    strikes = (FORWARD * np.exp(np.linspace(-2, 2, 21) * vol * math.sqrt(t))).round(2)
    calls = strikes >= FORWARD
    bid, ask = (np.asarray(black76(FORWARD, strikes, t, vol + side, calls).price) for side in (-half, half))
    return QuotedExpiry(forward, OptionQuotes(strikes, calls, bid, ask, np.zeros(21)))


def vol(piece: MarkSlice, now: int) -> float:
    return float(piece.smile.vol(ZERO, (piece.expiry - now) / YEAR_NS)[0])


def test_follows_its_quotes_as_fast_as_it_may() -> None:
    tracker = SurfaceTracker()
    [first] = tracker.update(NOW, [quoted(MONTH, NOW, 0.60)])
    assert vol(first, NOW) == pytest.approx(0.60, abs=0.002)
    later = NOW + 5 * SECOND
    [near] = tracker.update(later, [quoted(MONTH, later, 0.62)])
    assert vol(near, later) == pytest.approx(0.62, abs=0.002)
    assert near.share == 1.0


def test_a_jump_of_the_quotes_is_followed_at_the_limit() -> None:
    tracker = SurfaceTracker()
    tracker.update(NOW, [quoted(MONTH, NOW, 0.60)])
    seen = []
    for second in range(1, 42):
        now = NOW + second * SECOND
        [piece] = tracker.update(now, [quoted(MONTH, now, 1.00)])
        seen.append(vol(piece, now))
    moves = np.diff([0.60, *seen])
    assert moves.max() <= VOL_PER_SECOND * 1.05
    assert moves[:30].min() > VOL_PER_SECOND / 2, "it does follow"
    assert seen[-1] == pytest.approx(1.00, abs=0.01)


def test_near_expiries_may_move_faster() -> None:
    tracker = SurfaceTracker()
    tomorrow, now = NOW + DAY_NS, NOW + SECOND
    tracker.update(NOW, [quoted(tomorrow, NOW, 0.60)])
    [piece] = tracker.update(now, [quoted(tomorrow, now, 0.64)])
    assert vol(piece, now) == pytest.approx(0.64, abs=0.003)
    assert math.sqrt(30) * VOL_PER_SECOND > 0.04 > VOL_PER_SECOND


def test_one_expiry_that_moves_too_fast_holds_all_back() -> None:
    tracker = SurfaceTracker()
    year, now = NOW + 365 * DAY_NS, NOW + SECOND
    tracker.update(NOW, [quoted(MONTH, NOW, 0.60), quoted(year, NOW, 0.60)])
    pieces = tracker.update(now, [quoted(MONTH, now, 0.605), quoted(year, now, 0.90)])
    assert {piece.share for piece in pieces} == {pieces[0].share}
    assert pieces[0].share < 0.05
    assert vol(pieces[0], now) == pytest.approx(0.60, abs=0.002)


@pytest.mark.parametrize("symbol", ["BTC", "ETH"])
def test_on_the_way_there_is_no_arbitrage_and_no_vol_is_faster_than_the_limit(symbol: str) -> None:
    """A day of the crash in one second: every mark of the seconds after it."""
    market = load_bundled()
    path = MarketPath(market, mode="jump")
    times = next(each.times for each in market.underlyings if each.symbol == symbol)
    tracker, start = SurfaceTracker(), times[9] - SECOND

    def expiries(time: int) -> list[QuotedExpiry]:
        found = [
            (each.expiry, OptionQuotes(each.strike, each.is_call, each.bid, each.ask, 0 * each.bid))
            for each in path.option_quotes(symbol, time)
            if each.expiry > start + DAY_NS
        ]
        curve = forward_curve(time, path.index(symbol, time), [ForwardQuotes(*each) for each in found])
        return [QuotedExpiry(curve[expiry], options) for expiry, options in found]

    old, new = expiries(times[6]), expiries(times[9])
    before = {piece.expiry: piece for piece in tracker.update(start, old)}
    shares = []
    for second in range(1, 41):
        now = start + second * SECOND
        pieces = tracker.update(now, new)
        shares.append(pieces[0].share)
        signed = [Smile.from_fixed(piece.smile.fixed()) for piece in pieces]
        assert min(lowest_butterfly(smile.parameters)[0] for smile in signed) >= 0
        assert min(lowest_calendar(a.parameters, b.parameters)[0] for a, b in pairwise(signed)) >= 0
        for piece in pieces:
            if piece.expiry in before:
                last, t = before[piece.expiry].smile, year_fraction(now, piece.expiry)
                k = PROBES * math.sqrt(last.variance(ZERO)[0])
                limit = VOL_PER_SECOND * max(1.0, math.sqrt(VOL_DAYS / 365 / t))
                assert np.abs(piece.smile.vol(k, t) - last.vol(k, t)).max() <= 1.05 * limit
        before = {piece.expiry: piece for piece in pieces}
    assert min(shares) < 0.2, "the limit holds it back"
    assert shares[-1] == 1.0, "and it arrives"


def test_an_expiry_that_nobody_asks_for_keeps_its_limit() -> None:
    tracker = SurfaceTracker()
    year = NOW + 365 * DAY_NS
    tracker.update(NOW, [quoted(MONTH, NOW, 0.60), quoted(year, NOW, 0.60)])
    for second, asked in enumerate(([], [quoted(year, NOW, 0.60)]), start=1):
        tracker.update(NOW + second * SECOND, asked)
    now = NOW + 3 * SECOND
    pieces = tracker.update(now, [quoted(MONTH, now, 1.00), quoted(year, now, 0.60)])
    assert vol(pieces[0], now) < 0.60 + 3 * VOL_PER_SECOND


def test_stands_where_quotes_fall_silent_and_then_is_none() -> None:
    tracker = SurfaceTracker()
    tracker.update(NOW, [quoted(MONTH, NOW, 0.60)])
    frozen = NOW + FROZEN_MAX
    [piece] = tracker.update(frozen, [quoted(MONTH, frozen, 0, silent=True)])
    assert vol(piece, frozen) == pytest.approx(0.60, abs=0.003)
    late = frozen + SECOND
    with pytest.raises(NoSurfaceError, match="nothing was quoted"):
        tracker.update(late, [quoted(MONTH, late, 0, silent=True)])
    again = late + SECOND
    [piece] = tracker.update(again, [quoted(MONTH, again, 0.61)])
    assert vol(piece, again) == pytest.approx(0.61, abs=0.003)


def test_without_a_quote_ever_there_is_no_surface() -> None:
    with pytest.raises(NoSurfaceError):
        SurfaceTracker().update(NOW, [quoted(MONTH, NOW, 0, silent=True)])


def test_the_window_begins_without_a_step_and_shrinks_the_variance() -> None:
    tracker = SurfaceTracker()
    expiry = NOW + WINDOW_NS + 2 * SECOND
    before, inside, halfway = NOW, expiry - WINDOW_NS, expiry - WINDOW_NS // 2
    # Quotes of options on the average are quotes of its variance.
    settlement_vol = 0.8 * math.sqrt(variance_years(before, expiry) / ((expiry - before) / YEAR_NS))
    [piece] = tracker.update(before, [quoted(expiry, before, settlement_vol), quoted(MONTH, before, 0.6)][:1])
    start = float(piece.smile.variance(ZERO)[0])
    assert start == pytest.approx(0.64 * variance_years(before, expiry), rel=0.02)
    for now in (inside, halfway):
        [piece] = tracker.update(now, [quoted(expiry, now, 3.0)])
        expected = start * variance_years(now, expiry) / variance_years(before, expiry)
        assert float(piece.smile.variance(ZERO)[0]) == pytest.approx(expected), "quotes inside the window do not count"
    assert expected == pytest.approx(start / 8, rel=0.01)


def test_an_oracle_that_starts_inside_a_window_borrows_the_next_smile() -> None:
    expiry = NOW + WINDOW_NS // 2
    pieces = SurfaceTracker().update(NOW, [quoted(expiry, NOW, 0.5), quoted(MONTH, NOW, 0.6)])
    share = variance_years(NOW, expiry) / variance_years(NOW, MONTH)
    assert pieces[0].smile.variance(ZERO)[0] == pytest.approx(pieces[1].smile.variance(ZERO)[0] * share)
    with pytest.raises(NoSurfaceError, match="settlement window"):
        SurfaceTracker().update(NOW, [quoted(expiry, NOW, 0.5)])


def test_a_silent_expirys_variance_shrinks_in_variance_time() -> None:
    tracker = SurfaceTracker()
    expiry = NOW + 3_900 * SECOND
    [first, _] = tracker.update(NOW, [quoted(expiry, NOW, 0.7), quoted(MONTH, NOW, 0.6)])
    before = float(first.smile.variance(ZERO)[0])
    now = expiry - WINDOW_NS - SECOND
    [piece, _] = tracker.update(now, [quoted(expiry, now, 0, silent=True), quoted(MONTH, now, 0.6)])
    share = variance_years(now, expiry) / variance_years(NOW, expiry)
    assert share < 0.25, "in plain time nearly half of it would be left"
    assert float(piece.smile.variance(ZERO)[0]) == pytest.approx(before * share, rel=0.01)
