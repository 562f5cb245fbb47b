"""The exact adversary: which portfolio does portfolio margin cover worst, and how badly?

At a given move of the market the loss of a portfolio is linear in its positions, and its margin convex and piecewise
linear. The portfolio that loses most per unit of margin is therefore the solution of a linear program, exact over all
portfolios of a chain. Swept over a dense set of moves, it is a certificate of how wrong the margin can be;
``docs/risk/adversary.md`` publishes it for the default parameters.

Example:
    >>> from synchromesh.agents.market import load_bundled
    >>> from synchromesh.risk.adversary import Adversary, LabMarket, Move, Requirement
    >>> from synchromesh.risk.parameters import DEFAULT_RISK
    >>> market = LabMarket.from_fitted(load_bundled().underlyings[0], 0, "BTC").thinned(5)
    >>> requirement = Requirement.of(market, DEFAULT_RISK["BTC"])
    >>> worst = Adversary(requirement).worst(market.pnl(Move(spot=-0.05), DEFAULT_RISK["BTC"].scenario))
    >>> worst.coverage >= 1
    True
"""

from synchromesh.risk.adversary.confirm import Confirmation, confirm
from synchromesh.risk.adversary.market import Expiry, LabMarket
from synchromesh.risk.adversary.moves import Move
from synchromesh.risk.adversary.program import Adversary, AdversaryError, Worst
from synchromesh.risk.adversary.requirement import Requirement, Stage

__all__ = [
    "Adversary",
    "AdversaryError",
    "Confirmation",
    "Expiry",
    "LabMarket",
    "Move",
    "Requirement",
    "Stage",
    "Worst",
    "confirm",
]
