"""A view of the market for tests of what is proposed: two expiries, smiles in the fixed point."""

from __future__ import annotations

from synchromesh.clock import DAY_NS, SECOND
from synchromesh.execution.marks import Forward, ForwardSource, Index, MarkSlice, MarkView, Perpetual
from synchromesh.protocol import SviSlice
from synchromesh.risk.surface import Smile

NOW = 1_770_192_000 * SECOND
EXPIRIES = (NOW + DAY_NS, NOW + 30 * DAY_NS)
SMILES = (
    Smile.from_fixed(SviSlice(a=100_000, b=10_000_000, rho=-300_000_000, m=0, sigma=80_000_000)),
    Smile.from_fixed(SviSlice(a=5_000_000, b=80_000_000, rho=-200_000_000, m=10_000_000, sigma=200_000_000)),
)


def some_view() -> MarkView:
    """What an oracle would sign."""
    slices = tuple(
        MarkSlice(expiry, Forward(expiry, price, 5.0, ForwardSource.PARITY), smile)
        for expiry, price, smile in zip(EXPIRIES, (70_010.0, 70_300.0), SMILES, strict=True)
    )
    return MarkView(NOW, Index(70_000.0, 0.0004, 5), Perpetual(70_005.0, 0.0001), slices)
