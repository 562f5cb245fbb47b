"""M of N: the proposer's side, which collects signatures until there are enough and believes none unchecked."""

from __future__ import annotations

from collections.abc import Collection

from synchromesh.protocol import Cosignature, SignatureError, recover


class CosignatureError(ValueError):
    """A signature that does not count: of nobody who may sign, or of another key or message than it says."""


class Signatures:
    """Signatures over one digest.

    Args:
        digest: What is signed, 32 bytes.
        oracles: Addresses that count.
        quorum: How many are needed.
    """

    def __init__(self, digest: bytes, oracles: Collection[bytes], quorum: int) -> None:
        assert 0 < quorum <= len(set(oracles)), "a quorum that can be reached"
        self._digest = digest
        self._oracles = frozenset(oracles)
        self._quorum = quorum
        self._found: dict[bytes, Cosignature] = {}

    def add(self, cosignature: Cosignature) -> None:
        """Counts a signature; a second one of the same oracle replaces the first.

        Raises:
            CosignatureError: When it does not count.
        """
        if cosignature.signer not in self._oracles:
            raise CosignatureError(f"0x{cosignature.signer.hex()} is no oracle of this venue")
        try:
            recovered = recover(self._digest, cosignature.signature)
        except SignatureError as error:
            raise CosignatureError(f"0x{cosignature.signer.hex()} sent no signature: {error}") from error
        if recovered != cosignature.signer:
            raise CosignatureError(f"0x{cosignature.signer.hex()} sent a signature of another key or message")
        self._found[cosignature.signer] = cosignature

    @property
    def complete(self) -> bool:
        """Whether there are enough."""
        return len(self._found) >= self._quorum

    def quorum(self) -> tuple[Cosignature, ...]:
        """Returns as many as are needed, ascending by signer."""
        assert self.complete, "asked for a quorum that is not there"
        return tuple(self._found[signer] for signer in sorted(self._found)[: self._quorum])
