"""What a local venue on the recorded market trades, takes as collateral, and how it margins both."""

from __future__ import annotations

from typing import Any

from synchromesh.agents.market import MarketPath
from synchromesh.risk.parameters import DEFAULT_COLLATERAL, DEFAULT_RISK


def market_terms(path: MarketPath) -> dict[str, Any]:
    """Returns the fields of a launch plan that follow from the market: underlyings, tokens, risk tables, collateral."""
    underlyings = (*path.symbols, *path.tokens)
    ids = {symbol: number for number, symbol in enumerate(underlyings, start=1)}
    taken = {
        symbol: terms for symbol, terms in DEFAULT_COLLATERAL.items() if terms.price in ids and terms.moves_with in ids
    }
    return {
        "underlyings": underlyings,
        "tokens": tuple(taken),
        "risk": {symbol: DEFAULT_RISK[symbol] for symbol in path.symbols if symbol in DEFAULT_RISK},
        "collateral": {symbol: terms.terms(ids) for symbol, terms in taken.items()},
    }
