"""Revaluation of books, by the native backend and in the shapes that all backends share."""

from __future__ import annotations

import numpy as np
import pytest

from support.books import random_book, shocks
from synchromesh.pricing import PricingError, black76
from synchromesh.risk import revaluation
from synchromesh.risk.revaluation import BookError, Native, Positions, ScenarioError, Scenarios, native


def test_pnl_is_the_change_of_value() -> None:
    book = random_book(200)
    pnl = revaluation.position_pnl(book, shocks())
    now = black76(book.forward, book.strike, book.t, book.sigma, book.is_call).price
    for at, (spot, vol, days) in enumerate(zip(shocks().spot, shocks().vol, shocks().days, strict=True)):
        moved = black76(
            book.forward * (1 + spot), book.strike, book.t - days / 365, book.sigma * (1 + vol), book.is_call
        )
        np.testing.assert_array_equal(pnl[:, at], (moved.price - now) * book.size)


def test_no_shock_costs_nothing() -> None:
    assert not np.any(revaluation.position_pnl(random_book(100), Scenarios()))


def test_accounts_are_sums_of_their_positions_wherever_those_stand() -> None:
    book = random_book(3 * native.CHUNK + 17, accounts=50)
    pnl = revaluation.account_pnl(book, shocks())
    assert pnl.shape == (50, len(shocks()))
    apart = revaluation.position_pnl(book, shocks())
    for account in (0, 7, 49):
        held = book.account == account
        scale = np.abs(apart[held]).sum(0)
        assert np.all(np.abs(pnl[account] - apart[held].sum(0)) <= 1e-14 * scale)


def test_accounts_without_positions_have_no_pnl() -> None:
    terms = {"forward": 100.0, "strike": [90.0, 110.0], "t": 0.1, "sigma": 0.5, "is_call": True}
    book = Positions(**terms, size=1.0, account=[1, 3], accounts=6)
    pnl = revaluation.account_pnl(book, Scenarios(spot=[0.1]))
    assert np.flatnonzero(pnl[:, 0]).tolist() == [1, 3]


def test_threads_change_no_bit() -> None:
    book = random_book(native.CHUNK + 500, accounts=13)
    alone = revaluation.account_pnl(book, shocks(), backend=Native())
    for threads in (2, 3, 64):
        shared = revaluation.account_pnl(book, shocks(), backend=Native(threads))
        np.testing.assert_array_equal(alone.view(np.uint64), shared.view(np.uint64))


def test_an_option_that_expires_is_worth_its_intrinsic_value() -> None:
    book = Positions(forward=100.0, strike=90.0, t=1 / 365, sigma=0.5, is_call=True, size=2.0)
    now = black76(100.0, 90.0, 1 / 365, 0.5, True).price
    pnl = revaluation.account_pnl(book, Scenarios(spot=[0.0, -0.5], days=[1.5, 1.5]))
    np.testing.assert_allclose(pnl[0], [2 * (10.0 - now), -2 * now], rtol=1e-14)


def test_a_grid_is_every_combination() -> None:
    grid = Scenarios.grid(spot=[-0.1, 0.1], vol=[0.0, 0.5, 1.0], days=[0, 1])
    assert len(grid) == 12
    assert len({*zip(grid.spot, grid.vol, grid.days, strict=True)}) == 12
    assert grid.vol[:3].tolist() == [0.0, 0.5, 1.0]


def test_an_empty_book_has_an_empty_result() -> None:
    book = Positions(forward=[], strike=[], t=[], sigma=[], is_call=[], size=[], account=[])
    assert revaluation.account_pnl(book, shocks()).shape == (0, len(shocks()))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"strike": [1.0, 2.0, 3.0], "size": [1.0, 2.0]}, "differ in length"),
        ({"strike": [[1.0], [2.0]]}, "2 dimensions"),
        ({"account": -1}, "accounts must lie in"),
        ({"account": [0, 4], "accounts": 4}, "accounts must lie in"),
    ],
)
def test_what_is_no_book_is_refused(change: dict[str, object], reason: str) -> None:
    fields = {"forward": 100.0, "strike": 90.0, "t": 0.1, "sigma": 0.5, "is_call": True, "size": 1.0}
    with pytest.raises(BookError, match=reason):
        Positions(**{**fields, **change})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "shock", [{"spot": -1.0}, {"vol": -1.1}, {"days": -1.0}, {"spot": np.nan}, {"spot": [0, 1], "vol": [0, 0, 0]}]
)
def test_shocks_that_no_market_makes_are_refused(shock: dict[str, object]) -> None:
    with pytest.raises(ScenarioError):
        Scenarios(**shock)  # type: ignore[arg-type]


def test_a_position_outside_the_domain_is_refused() -> None:
    book = Positions(forward=100.0, strike=-5.0, t=0.1, sigma=0.5, is_call=True, size=1.0)
    with pytest.raises(PricingError):
        revaluation.account_pnl(book, Scenarios(spot=[0.1]))
