"""The market that the demo trades: recorded option chains, or the fitted parameters that ship with the package."""

from synchromesh.agents.market.fitted import FittedMarket, load_bundled, load_recorded
from synchromesh.agents.market.path import ExpiryQuotes, MarketPath, Quote, Series, open_market, open_path

__all__ = [
    "ExpiryQuotes",
    "FittedMarket",
    "MarketPath",
    "Quote",
    "Series",
    "load_bundled",
    "load_recorded",
    "open_market",
    "open_path",
]
