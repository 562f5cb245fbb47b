"""What a provider hands out, and anybody can appraise later, offline."""

from __future__ import annotations

from typing import Literal

import msgspec

Kind = Literal["none", "simulated", "tdx"]


class Evidence(msgspec.Struct, frozen=True, omit_defaults=True):
    """A quote with all that its appraisal needs.

    Attributes:
        provider: Who made it: ``none``, ``simulated``, ``tdx``.
        quote: The quote, as the provider wrote it; empty for ``none``.
        collateral: For ``tdx``: the vendor's certificates, revocation lists and TCB levels, the JSON of `dcap_qvl`.
            It expires; keep the one of the time of the quote.
    """

    provider: Kind
    quote: bytes = b""
    collateral: str = ""

    def encode(self) -> bytes:
        """As JSON; the quote in base64."""
        return msgspec.json.encode(self)

    @classmethod
    def decode(cls, data: bytes) -> Evidence:
        """From JSON; `ValueError` when it is none."""
        return msgspec.json.decode(data, type=cls)
