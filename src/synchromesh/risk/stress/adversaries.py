"""Portfolios that the adversary would hold: for many moves the one that loses most per unit of its margin."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from synchromesh.protocol import InstrumentKind
from synchromesh.risk.adversary.market import Expiry, LabMarket
from synchromesh.risk.adversary.program import Adversary, AdversaryError
from synchromesh.risk.adversary.requirement import Requirement
from synchromesh.risk.adversary.scenarios import move_sets
from synchromesh.risk.parameters import DEFAULT_RISK
from synchromesh.risk.stress.market import StressMarket
from synchromesh.risk.stress.population import Legs
from synchromesh.risk.stress.venue import StressVenue

HOLDING_MIN = 1e-3
"""Smallest leg that is kept, share of the largest: the rest is the solver's dust."""
PER_SET = 3
"""Moves taken from each set, spread over it, besides its key move."""


def worst_portfolios(venue: StressVenue, market: StressMarket, underlying: int) -> Sequence[Legs]:
    """Returns the adversary's portfolios of one underlying, contracts by instrument id."""
    time = market.start
    expiries = tuple(
        Expiry(quote.expiry, quote.forward, quote.smile, tuple(market.strikes[quote.expiry]))
        for quote in market.quotes(time)
    )
    lab = LabMarket(market.symbol, time, market.path.at(time), expiries, f"{market.symbol} at the start")
    parameters = DEFAULT_RISK.get(market.symbol, DEFAULT_RISK["BTC"])
    adversary = Adversary(Requirement.of(lab, parameters))
    listed = {
        (spec.expiry, spec.strike, spec.option_type): spec.instrument
        for spec in venue.specs
        if spec.underlying == underlying and spec.kind == InstrumentKind.OPTION
    }
    perpetual = next(
        spec.instrument
        for spec in venue.specs
        if spec.underlying == underlying and spec.kind == InstrumentKind.PERPETUAL
    )
    ids = [listed[spec.expiry, spec.strike, spec.option_type] for spec in lab.specs[:-1]] + [perpetual]
    found: list[Legs] = []
    for moves in move_sets(lab, parameters.scenario, quick=True):
        places = np.linspace(0, len(moves.moves) - 1, min(PER_SET, len(moves.moves))).astype(int)
        for move in [moves.key, *(moves.moves[place] for place in np.unique(places))]:
            try:
                worst = adversary.worst(lab.pnl(move, parameters.scenario))
            except AdversaryError:
                continue
            if worst is None:
                continue
            largest = float(np.abs(worst.contracts).max())
            legs = {
                instrument: float(contracts)
                for instrument, contracts in zip(ids, worst.contracts, strict=True)
                if abs(contracts) > HOLDING_MIN * largest
            }
            if legs:
                found.append(legs)
    return found
