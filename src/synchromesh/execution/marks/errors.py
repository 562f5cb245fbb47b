"""Why an oracle has no price: then it signs nothing, and the venue's marks grow stale."""

from __future__ import annotations


class OracleError(ValueError):
    """An oracle cannot answer for a price; nothing is signed."""


class NoIndexError(OracleError):
    """Too few index sources are fresh.

    Attributes:
        fresh: Sources with a fresh, positive price.
        needed: Fewest that make an index.
    """

    def __init__(self, fresh: int, needed: int) -> None:
        super().__init__(f"{fresh} index sources are fresh, {needed} are needed")
        self.fresh = fresh
        self.needed = needed


class IndexJumpError(OracleError):
    """The index is too far from the last one to be followed without somebody looking.

    Attributes:
        last: The last index, USD.
        seen: What the sources say now, USD.
    """

    def __init__(self, last: float, seen: float) -> None:
        super().__init__(f"the sources say {seen:,.2f} USD, the last index was {last:,.2f}")
        self.last = last
        self.seen = seen


class NoSurfaceError(OracleError):
    """An expiry has no smile: neither quotes nor a last good smile, of its own or of a neighbour."""


class NoSettlementError(OracleError):
    """The settlement window was not observed well enough to fix a price.

    Attributes:
        expiry: The expiry, ns.
        share: Share of the window's samples that there are.
    """

    def __init__(self, expiry: int, share: float) -> None:
        super().__init__(f"{share:.0%} of the settlement window of expiry {expiry} was observed")
        self.expiry = expiry
        self.share = share
