"""Fits the impact model on half of what was recorded, scores it on the other half, and derives the depths of margin."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from synchromesh.risk.impact.books import Ladder, read_chain_books, read_depth_stream, read_raw_feed
from synchromesh.risk.impact.model import ImpactModel, Observations, Score, fit, observe, score

CHAIN_BOOKS = "deribit/full_greeks/BTC_2020-05-21T2319Z.csv.gz"
RAW_FEED = "deribit/raw_feed/DERIBIT_ws_2021-07-22.txt.gz"
DEPTH_STREAM = "l2_binance/usdm_btcusdt_20240808.gz"
STREAM_VOL = 0.6
"""Vol at the time of the depth stream; the law of a perpetual does not depend on it, because it does not vary there."""
CRASH_SHARE = 0.25
"""Share of a calm book's depth that is left when the vol has doubled."""
INTEREST_GROWTH = 5.2
"""Open interest in vega per index of BTC options, February 2026 over May 2020."""
CONTRACT_GROWTH = 3.5
"""The same in contracts."""
ETH_VEGA, ETH_TURNOVER, ETH_CONTRACTS = 0.135, 0.27, 5.5
"""ETH against BTC in January and February 2026: open interest in USD of vega, turnover of the perpetual in USD, open
interest in contracts."""
DELTA_IMPACT = 0.005
"""Impact at which delta depth is measured, share of the index."""
VEGA_IMPACT = 2.0
"""Impact at which vega depth is measured, vol points."""
STRIKE_IMPACT = 0.002
"""Cost of a whole calm book, some 1.7 vol points at 30 days, in shares of the index."""
STRIKE_REACH = 5.0
"""Distance up to which a strike's book counts, vol points."""


class Scored(msgspec.Struct, frozen=True):
    """A market's law, fitted on one half, with the scores of it and of its peers on the other.

    Attributes:
        name: Which books.
        ladders: Sides of books used.
        model: The power law.
        power: Its score.
        square_root: Score of the law with β = 0.5.
        constant: Score of paying the half spread whatever the size.
    """

    name: str
    ladders: int
    model: ImpactModel
    power: Score
    square_root: Score
    constant: Score


class MarketDepths(msgspec.Struct, frozen=True):
    """Depths and impacts as margin parameters have them.

    Contracts, USDC per vol point, shares of the index, vol points.
    """

    symbol: str
    index: float
    delta: float
    delta_impact: float
    vega: float
    vega_impact: float
    strike: float
    strike_impact: float


class Study(msgspec.Struct, frozen=True):
    """What was fitted, how it scores, and the depths that follow.

    Attributes:
        options: Fitted on every other option of the books of 2020, scored on the rest.
        unseen: The same law on the books of 2021, which no fit has seen.
        unseen_constant: The half spread there.
        perpetual: Fitted on the first half of the stream, scored on the second.
        depths: By symbol.
    """

    options: Scored
    unseen: Score
    unseen_constant: Score
    perpetual: Scored
    depths: list[MarketDepths]


def study(data: Path, index: dict[str, float] | None = None) -> Study:
    """Returns the study of a folder of recorded data.

    Args:
        data: The folder.
        index: Index prices that depths are given for; by default those of early February 2026.

    Raises:
        BookDataError, OSError: When a file is missing or is not what it should be.
    """
    prices = index or {"BTC": 70_000.0, "ETH": 2_100.0}
    books = read_chain_books(data / CHAIN_BOOKS)
    unseen = observe(read_raw_feed(data / RAW_FEED))
    stream = read_depth_stream(data / DEPTH_STREAM, STREAM_VOL)
    seen, flow = observe(books), observe(stream)
    options = scored("options, 21 May 2020", len(books), seen, (seen.group % 2 == 0))
    perpetual = scored("perpetual, 8 August 2024", len(stream), flow, flow.group < flow.group.max() / 2)
    return Study(
        options=options,
        unseen=score(options.model.predict(unseen), unseen.cost),
        unseen_constant=score(unseen.half_spread, unseen.cost),
        perpetual=perpetual,
        depths=[depths_of(symbol, price, books, stream, perpetual.model) for symbol, price in prices.items()],
    )


def scored(name: str, ladders: int, seen: Observations, fitted: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Scored:
    """Returns the law fitted on the marked observations and its scores on the others."""
    first, second = seen.where(fitted), seen.where(~fitted)
    model, root = fit(first), fit(first, exponent=0.5)
    return Scored(
        name,
        ladders,
        model,
        score(model.predict(second), second.cost),
        score(root.predict(second), second.cost),
        score(second.half_spread, second.cost),
    )


def depths_of(
    symbol: str, index: float, books: Sequence[Ladder], stream: Sequence[Ladder], law: ImpactModel
) -> MarketDepths:
    """Returns the depths of an underlying at an index price.

    * delta: the size at which the perpetual's law costs :data:`DELTA_IMPACT`, with :data:`CRASH_SHARE` of its depth
    * vega: what the books of all options hold within :data:`VEGA_IMPACT` of their mids, a side, scaled by the index, by
      the growth of open interest and by the crash share
    * strike: what the median side of an option holds within :data:`STRIKE_REACH`, scaled by the growth of open
      interest, without the crash share: the add-on begins where a calm book ends
    """
    depth = float(np.median([ladder.depth for ladder in stream])) * CRASH_SHARE
    delta = depth * (DELTA_IMPACT * 1e4 / law.a) ** (1 / law.beta)
    near = sum(float((ladder.size * ladder.vega)[ladder.distance <= VEGA_IMPACT].sum()) for ladder in books) / 2
    vega = near / books[0].index * index * INTEREST_GROWTH * CRASH_SHARE
    strike = (
        float(np.median([ladder.size[ladder.distance <= STRIKE_REACH].sum() for ladder in books])) * CONTRACT_GROWTH
    )
    if symbol == "ETH":
        btc = index * (70_000 / 2_100)
        delta, strike = delta * btc * ETH_TURNOVER / index, strike * ETH_CONTRACTS
        vega = vega * btc / index * ETH_VEGA
    return MarketDepths(symbol, index, delta, DELTA_IMPACT, vega, VEGA_IMPACT, strike, STRIKE_IMPACT)
