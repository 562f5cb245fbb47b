"""Marks: what oracles sign (inputs), and what follows from it by pricing (arrays)."""

from operator import attrgetter
from typing import Annotated

from synchromesh._native import blake3
from synchromesh.protocol.wire import I64, U8, U16, U32, U64, Address, FixedArray, Hash, Listed, Message, Signature

LANES = 64
"""Scenario lanes per instrument."""
GAPS = 16
"""Interval gaps per instrument."""
MAX_EXPIRIES = 256
"""Most expiries of one mark."""
MAX_QUORUM = 64
"""Most signatures of a quorum, and most keys of one."""


class SviSlice(Message, frozen=True):
    """A raw SVI slice, 1e-9: w(k) = a + b·(ρ(k − m) + √((k − m)² + σ²)), w total variance, k = ln(K/F)."""

    a: I64
    b: I64
    rho: I64
    m: I64
    sigma: I64


class ExpiryInputs(Message, frozen=True):
    """Inputs of one expiry: forward in 1e-9 USD, continuously compounded rate in 1e-9."""

    expiry: U64
    forward: I64
    rate: I64
    smile: SviSlice


class MarkInputs(Message, frozen=True):
    """What an oracle quorum signs for one underlying. Prices in 1e-9 USD, confidence and funding rate in 1e-9."""

    underlying: U16
    time: U64
    index: I64
    confidence: U32
    sources: U8
    perpetual_mark: I64
    funding_rate: I64
    expiries: Annotated[tuple[ExpiryInputs, ...], Listed(MAX_EXPIRIES, attrgetter("expiry"))]


class Cosignature(Message, frozen=True):
    """A signature with the key it must recover to."""

    signer: Address
    signature: Signature


Quorum = Annotated[tuple[Cosignature, ...], Listed(MAX_QUORUM, attrgetter("signer"))]
"""M of N signatures, ascending by signer."""


class MarkUpdate(Message, frozen=True):
    """New marks of one underlying."""

    KIND = 18

    inputs: MarkInputs
    cosignatures: Quorum
    listing_epoch: U32
    arrays_hash: Hash


class RiskArray(Message, frozen=True):
    """Scenario P&L per long lot in each lane, and the gap of each cell, in the unit fixed at listing."""

    lanes: Annotated[tuple[int, ...], FixedArray("i", LANES)]
    gaps: Annotated[tuple[int, ...], FixedArray("I", GAPS)]


class InstrumentMark(Message, frozen=True):
    """What follows from the inputs for one instrument: mark in micro-USDC per contract, vol and delta in 1e-9, vega in
    micro-USDC per contract and vol point.
    """

    instrument: U32
    mark: I64
    iv: I64
    delta: I64
    vega: I64
    risk: RiskArray | None = None


class MarkArrays(Message, frozen=True):
    """Marks of every live instrument of one underlying, ascending. Never journaled: recomputed from the inputs."""

    underlying: U16
    version: U8
    marks: tuple[InstrumentMark, ...]

    def hash(self) -> bytes:
        """The hash that a `MarkUpdate` names."""
        return blake3(self.encode())
