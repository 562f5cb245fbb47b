"""A portfolio of the linear program in whole lots, under the margin that the engine computes."""

from __future__ import annotations

import msgspec
import numpy as np
import numpy.typing as npt

from synchromesh.protocol import USD
from synchromesh.protocol.risk import RiskParameters
from synchromesh.risk.adversary.moves import Move
from synchromesh.risk.adversary.requirement import Requirement
from synchromesh.risk.margin import MarginMarket, portfolio_margins

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

LOTS_MOST = 200_000
"""Lots of the largest holding of a confirmed portfolio: enough that rounding to lots does not matter."""
SIZED_LOSS = 1_000_000.0
"""Loss, USDC, at which a portfolio is measured with everything that grows with its size."""


class Confirmation(msgspec.Struct, frozen=True):
    """A portfolio in whole lots, by the venue's integers.

    Attributes:
        lots: Lots of the largest holding.
        margin: Initial margin without the concentration add-ons, USDC.
        loss: True loss at the move, USDC.
        coverage: Margin per loss.
        sized_coverage: Margin per loss with concentration add-ons, of the portfolio that loses `SIZED_LOSS`.
    """

    lots: int
    margin: float
    loss: float
    coverage: float
    sized_coverage: float


def confirm(requirement: Requirement, move: Move, contracts: FloatArray) -> Confirmation:
    """Returns margin and loss of a portfolio of the linear program, rounded to lots."""
    market, parameters = requirement.market, requirement.parameters
    arrays = market.arrays(parameters.scenario)
    gain = market.pnl(move, parameters.scenario) * market.lot * market.index
    plain, sized = whole_lots(requirement, contracts), _sized(requirement, contracts, gain)
    margins = []
    for lots, table in ((plain, without_concentration(parameters)), (sized, parameters)):
        bound = MarginMarket(market.inputs, market.specs, table, arrays)
        margins.append(float(portfolio_margins([bound], [lots[None]]).initial[0]) / USD)
    loss, sized_loss = -float(plain @ gain), -float(sized @ gain)
    return Confirmation(
        lots=int(np.max(np.abs(plain))),
        margin=margins[0],
        loss=loss,
        coverage=margins[0] / loss,
        sized_coverage=margins[1] / sized_loss,
    )


def whole_lots(requirement: Requirement, contracts: FloatArray, most: int = LOTS_MOST) -> IntArray:
    """Returns a portfolio in lots, scaled so that its largest holding has ``most``."""
    lots = contracts / requirement.market.lot
    return _rounded(lots * (most / np.max(np.abs(lots))))


def without_concentration(parameters: RiskParameters) -> RiskParameters:
    """Returns the parameters with nothing that grows with the size of a position."""
    margin = msgspec.structs.replace(parameters.margin, delta_impact=0, vega_impact=0, strike_impact=0)
    return RiskParameters(parameters.scenario, margin)


def _sized(requirement: Requirement, contracts: FloatArray, gain: FloatArray) -> IntArray:
    lots = contracts / requirement.market.lot
    return _rounded(lots * (SIZED_LOSS / -float(lots @ gain)))


def _rounded(lots: FloatArray) -> IntArray:
    return lots.round().astype(np.int64)
