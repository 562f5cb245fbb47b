"""Forwards: parity and futures give back what quotes were made from, and mistakes in a few quotes do not matter."""

from __future__ import annotations

import math

import numpy as np
import pytest

from synchromesh.clock import DAY_NS, SECOND
from synchromesh.execution.marks import ForwardQuotes, ForwardSource, OptionQuotes, TwoSided, forward_curve, parity
from synchromesh.pricing import black76

NOW = 1_770_192_000 * SECOND
INDEX = 70_000.0


def chain(
    forward: float, t: float = 30 / 365, *, half: float = 20.0, noise: float = 0.0, seed: int = 1
) -> OptionQuotes:
    """Calls and puts around the forward; the spread widens with the distance, mids stray by ``noise``."""
    strikes = np.repeat(forward * np.linspace(0.8, 1.2, 17), 2).round(-2)
    calls = np.tile([False, True], 17)
    mid = np.asarray(black76(forward, strikes, t, 0.6, calls).price)
    mid = mid + noise * np.random.default_rng(seed).standard_normal(len(mid))
    width = half * (1 + 10 * np.abs(strikes / forward - 1))
    return OptionQuotes(strikes, calls, np.maximum(mid - width, 0.0), mid + width, np.zeros(len(mid)))


def changed(options: OptionQuotes, row: int, bid: float, ask: float) -> OptionQuotes:
    bids, asks = options.bid.copy(), options.ask.copy()
    bids[row], asks[row] = bid, ask
    return OptionQuotes(options.strike, options.is_call, bids, asks, options.age)


def test_parity_gives_back_the_forward() -> None:
    found = parity(chain(70_123.4))
    assert found is not None
    assert found.mid == pytest.approx(70_123.4, abs=1e-6)


def test_parity_averages_noise_out() -> None:
    found = [parity(chain(70_000.0, noise=10.0, seed=seed)) for seed in range(200)]
    errors = np.array([each.mid - 70_000 for each in found if each is not None])
    assert len(errors) == 200
    # Six strikes, each with the noise of a call and a put.
    assert errors.std() < 10 * math.sqrt(2 / 6) * 1.25


def test_one_mistaken_quote_does_not_move_it() -> None:
    options = chain(70_000.0)
    at_the_money = int(np.argmin(np.abs(options.strike - 70_000.0)))
    wrong = changed(options, at_the_money, 9_000.0, 9_001.0)
    found = parity(wrong)
    assert found is not None
    assert found.mid == pytest.approx(70_000.0, abs=1e-6)


def test_without_a_strike_that_has_both_sides_of_both_there_is_none() -> None:
    options = chain(70_000.0)
    no_puts = OptionQuotes(*(column[options.is_call] for column in options.columns))
    assert parity(no_puts) is None
    assert parity(OptionQuotes.empty()) is None
    one_sided = OptionQuotes(options.strike, options.is_call, np.zeros(len(options)), options.ask, options.age)
    assert parity(one_sided) is None
    assert parity(OptionQuotes(*options.columns[:4], np.full(len(options), 61.0))) is None


@pytest.mark.parametrize(
    ("future", "options", "source", "price"),
    [
        (TwoSided(70_500, 70_520), OptionQuotes.empty(), ForwardSource.FUTURE, 70_510),
        (None, chain(70_500.0), ForwardSource.PARITY, 70_500),
        (TwoSided(70_500, 70_520), chain(70_510.0), ForwardSource.BOTH, 70_510),
        (TwoSided(70_520, 70_500), chain(70_400.0), ForwardSource.PARITY, 70_400),
        (None, OptionQuotes.empty(), ForwardSource.INTERPOLATED, INDEX),
    ],
)
def test_says_what_it_was_made_from(
    future: TwoSided | None, options: OptionQuotes, source: ForwardSource, price: float
) -> None:
    expiry = NOW + 30 * DAY_NS
    [forward] = forward_curve(NOW, INDEX, [ForwardQuotes(expiry, options, future)]).values()
    assert (forward.expiry, forward.source) == (expiry, source)
    assert forward.price == pytest.approx(price)


def test_a_tight_future_counts_more_than_wide_options() -> None:
    expiry = NOW + 30 * DAY_NS
    quotes = ForwardQuotes(expiry, chain(70_600.0, half=200.0), TwoSided(70_499, 70_501))
    [forward] = forward_curve(NOW, INDEX, [quotes]).values()
    assert forward.price == pytest.approx(70_500, abs=1)
    assert forward.half <= 1.0


def test_neighbours_lend_their_basis() -> None:
    days = (10, 20, 30, 60)
    rate = 0.06
    quotes = [
        ForwardQuotes(
            NOW + day * DAY_NS,
            chain(INDEX * math.exp(rate * day / 365), day / 365) if day in (10, 30) else OptionQuotes.empty(),
        )
        for day in days
    ]
    curve = forward_curve(NOW, INDEX, quotes)
    for day in days:
        forward = curve[NOW + day * DAY_NS]
        assert forward.price == pytest.approx(INDEX * math.exp(rate * day / 365), rel=1e-9)
        assert forward.source is (ForwardSource.PARITY if day in (10, 30) else ForwardSource.INTERPOLATED)


@pytest.mark.parametrize("factor", [10.0, 1.2, 0.8, 0.1])
def test_what_is_far_from_the_index_is_not_believed(factor: float) -> None:
    near, far = NOW + 10 * DAY_NS, NOW + 40 * DAY_NS
    curve = forward_curve(NOW, INDEX, [ForwardQuotes(near, chain(INDEX * factor)), ForwardQuotes(far, chain(INDEX))])
    assert curve[near].source is ForwardSource.INTERPOLATED
    assert curve[near].price == pytest.approx(INDEX)


def test_merging_keeps_the_best_quote_of_each_option() -> None:
    def place(bid: float, ask: float, age: float) -> OptionQuotes:
        one = np.ones(1)
        return OptionQuotes(one * 70_000, one > 0, one * bid, one * ask, one * age)

    tight, wide, old = place(100, 102, 0), place(90, 110, 0), place(99, 101, 40)
    one_sided, ancient = place(0, 101, 0), place(100, 100.5, 61)
    for parts, best in (
        ([wide, tight], tight),
        ([old, tight], tight),
        ([old, place(80, 140, 0)], old),
        ([one_sided, wide], wide),
        ([ancient, wide], wide),
        ([one_sided], one_sided),
    ):
        merged = OptionQuotes.merged(parts)
        assert [column.tolist() for column in merged.columns] == [column.tolist() for column in best.columns]
    assert len(OptionQuotes.merged([ancient])) == 0
    assert len(OptionQuotes.merged([])) == 0
