"""A quote of no hardware at all, under a root of its own: what tests and demos attest with."""

from __future__ import annotations

import msgspec

from synchromesh._native import SignatureError, keccak256, recover, sign

DOMAIN = b"synchromesh.simulated-tee.v1"


class SimulatedQuote(msgspec.Struct, frozen=True):
    """What a simulated TEE says.

    Attributes:
        measurement: What it claims to run, 32 bytes.
        report_data: 64 bytes of the code inside.
        signature: By the simulator's root, over both.
    """

    measurement: bytes
    report_data: bytes
    signature: bytes

    @classmethod
    def make(cls, root: bytes, measurement: bytes, report_data: bytes) -> SimulatedQuote:
        """Signs with the secret ``root``."""
        return cls(measurement, report_data, sign(_digest(measurement, report_data), root))

    def root(self) -> bytes | None:
        """Address of the root that signed it; None when nobody did."""
        try:
            return recover(_digest(self.measurement, self.report_data), self.signature)
        except SignatureError:
            return None


def _digest(measurement: bytes, report_data: bytes) -> bytes:
    return keccak256(DOMAIN + keccak256(measurement) + keccak256(report_data))
