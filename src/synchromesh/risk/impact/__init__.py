"""What it costs to trade size: recorded books, a power law fitted to half of them, and the depths that margin uses.

``python -m synchromesh.risk.impact --data DIR`` fits, scores and draws; ``docs/risk/impact.md`` has the outcome.
"""

from synchromesh.risk.impact.books import (
    BookDataError,
    Ladder,
    read_chain_books,
    read_depth_stream,
    read_raw_feed,
)
from synchromesh.risk.impact.model import ImpactModel, Observations, Score, fit, observe, score
from synchromesh.risk.impact.study import MarketDepths, Study, depths_of, study

__all__ = [
    "BookDataError",
    "ImpactModel",
    "Ladder",
    "MarketDepths",
    "Observations",
    "Score",
    "Study",
    "depths_of",
    "fit",
    "observe",
    "read_chain_books",
    "read_depth_stream",
    "read_raw_feed",
    "score",
    "study",
]
