"""Capital efficiency: what twelve standard strategies need, here and under models like those of other venues."""

from __future__ import annotations

import numpy as np
import pytest

from synchromesh.agents.market import load_bundled
from synchromesh.risk.adversary import LabMarket, Requirement
from synchromesh.risk.parameters import DEFAULT_RISK
from synchromesh.risk.strategies import (
    EXCEPTIONS,
    deribit_margin,
    deribit_scan,
    derive_margin,
    margins,
    standard_margin,
    standard_strategies,
)

ROUNDING = 0.003
"""Share of the index that a tick per leg may come to."""


def markets(symbol: str) -> list[LabMarket]:
    found = next(each for each in load_bundled().underlyings if each.symbol == symbol)
    return [LabMarket.from_fitted(found, number, symbol) for number in range(0, len(found.times), 4)]


@pytest.fixture(scope="module")
def btc() -> list[LabMarket]:
    return markets("BTC")


def test_hedged_strategies_need_no_more_than_deribit_like_but_for_the_exceptions(btc: list[LabMarket]) -> None:
    seen = set()
    for market in btc:
        held = {each.name: each.contracts for each in standard_strategies(market)}
        for row in margins(market, DEFAULT_RISK["BTC"]):
            if not row.hedged or row.portfolio <= row.deribit_portfolio:
                continue
            reason = EXCEPTIONS[row.strategy]
            seen.add(row.strategy)
            if not reason.moves:
                assert row.portfolio - row.deribit_portfolio <= ROUNDING * market.index
                continue
            gains = [held[row.strategy] @ market.pnl(move, DEFAULT_RISK["BTC"].scenario) for move in reason.moves]
            assert -min(gains) > deribit_scan(market, held[row.strategy]), row.strategy
    assert seen == set(EXCEPTIONS)


def test_every_strategy_is_on_the_chain_and_most_are_cheaper_than_standard(btc: list[LabMarket]) -> None:
    rows = margins(btc[0], DEFAULT_RISK["BTC"])
    assert len({row.strategy for row in rows}) == len(rows) == 12
    for row in rows:
        assert min(row.portfolio, row.standard, row.deribit_standard) > 0
        assert row.scan <= row.portfolio
        if row.hedged and row.strategy not in ("covered call",):
            assert row.portfolio < 0.75 * row.standard, row.strategy


def test_the_wider_range_is_what_eth_pays_for() -> None:
    for row in margins(markets("ETH")[0], DEFAULT_RISK["ETH"]):
        if row.hedged and row.strategy not in EXCEPTIONS:
            assert row.portfolio <= row.deribit_portfolio * 18 / 16


def test_a_short_call_by_hand(btc: list[LabMarket]) -> None:
    market = btc[0]
    call = int(np.argmin(np.abs(market.greeks.delta - 0.3)))
    held = np.zeros(len(market.specs))
    held[call] = -1
    index, strike, mark = market.index, market.strike[call], market.greeks.price[call]
    away = max(strike - index, 0)
    assert standard_margin(market, held, 0.04) == pytest.approx(max(0.15 * index - away, 0.10 * index))
    assert standard_margin(market, -held, 0.04) == pytest.approx(mark)
    assert deribit_margin(market, held) >= deribit_scan(market, held) + 0.01 - 1e-12
    assert deribit_margin(market, -held) <= mark / index
    assert derive_margin(market, -held) <= mark / index


def test_a_perpetual_by_hand(btc: list[LabMarket]) -> None:
    market = btc[0]
    held = np.zeros(len(market.specs))
    held[-1] = -2.0
    assert deribit_margin(market, held) == pytest.approx(0.32)
    assert derive_margin(market, held) == pytest.approx(2 * (max(0.18, 5 * 0.027) + 0.02))
    assert standard_margin(market, held, 0.04) == pytest.approx(0.08 * market.index)
    basis = DEFAULT_RISK["BTC"].margin.basis_min_move / 1e9
    assert Requirement.of(market, DEFAULT_RISK["BTC"]).margin(held) == pytest.approx(2 * (0.16 + basis), rel=1e-4)
