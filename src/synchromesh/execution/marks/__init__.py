"""Marks: how an oracle makes and checks what it signs. Pure: no clock, no I/O, no randomness.

:class:`MarkBuilder` turns an :class:`Observation` (index sources, quotes) into a :class:`MarkView`; a :class:`Reviewer`
holds another oracle's proposal against its own view; :class:`Signatures` collects the quorum. What each figure is made
of, and every constant, is in ``docs/marks.md``.
"""

from synchromesh.execution.marks.builder import ExpiryObservation, MarkBuilder, MarkView, Observation
from synchromesh.execution.marks.cosigning import Reason, Refusal, Reviewer, Tolerance
from synchromesh.execution.marks.errors import (
    IndexJumpError,
    NoIndexError,
    NoSettlementError,
    NoSurfaceError,
    OracleError,
)
from synchromesh.execution.marks.forward import Forward, ForwardQuotes, ForwardSource, forward_curve, parity
from synchromesh.execution.marks.index import Index, SourcePrice, index_of, limited
from synchromesh.execution.marks.perpetual import Perpetual, PerpetualTracker
from synchromesh.execution.marks.quorum import CosignatureError, Signatures
from synchromesh.execution.marks.quotes import OptionQuotes, TwoSided
from synchromesh.execution.marks.settlement import SettlementWindow, expected_settlement, share_left, variance_years
from synchromesh.execution.marks.surface import MarkSlice, QuotedExpiry, SurfaceTracker

__all__ = [
    "CosignatureError",
    "ExpiryObservation",
    "Forward",
    "ForwardQuotes",
    "ForwardSource",
    "Index",
    "IndexJumpError",
    "MarkBuilder",
    "MarkSlice",
    "MarkView",
    "NoIndexError",
    "NoSettlementError",
    "NoSurfaceError",
    "Observation",
    "OptionQuotes",
    "OracleError",
    "Perpetual",
    "PerpetualTracker",
    "QuotedExpiry",
    "Reason",
    "Refusal",
    "Reviewer",
    "SettlementWindow",
    "Signatures",
    "SourcePrice",
    "SurfaceTracker",
    "Tolerance",
    "TwoSided",
    "expected_settlement",
    "forward_curve",
    "index_of",
    "limited",
    "parity",
    "share_left",
    "variance_years",
]
