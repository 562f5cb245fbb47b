"""Signatures as they come in: who signed what, what is complete, and who signed two batches for one place."""

from __future__ import annotations

import msgspec

from synchromesh.verification.quorum.vouch import Place, SignedVouch, Vouch


class Equivocation(msgspec.Struct, frozen=True):
    """Two batches for one place, signed by one verifier.

    Attributes:
        signer: Who, 20 bytes.
        first: One of them.
        second: The other.
    """

    signer: bytes
    first: SignedVouch
    second: SignedVouch


class Pool:
    """The signatures that were seen, each once."""

    def __init__(self) -> None:
        self._signatures: dict[Vouch, dict[bytes, bytes]] = {}
        self._first: dict[tuple[bytes, Place], SignedVouch] = {}
        self._equivocations: dict[bytes, Equivocation] = {}

    def add(self, signer: bytes, signed: SignedVouch) -> bool:
        """Takes a signature; False when it is there already."""
        signatures = self._signatures.setdefault(signed.vouch, {})
        if signer in signatures:
            return False
        signatures[signer] = signed.signature
        first = self._first.setdefault((signer, signed.vouch.place), signed)
        if first.vouch != signed.vouch:
            self._equivocations.setdefault(signer, Equivocation(signer, first, signed))
        return True

    def knows(self, signed: SignedVouch) -> bool:
        """Whether this very signature is there, whoever's it is."""
        return signed.signature in self._signatures.get(signed.vouch, {}).values()

    def of_batch(self, batch_hash: bytes) -> list[tuple[Vouch, dict[bytes, bytes]]]:
        """Returns what was signed of a batch, with the signatures by signer.

        It is one vouch if all are honest: a liar may name another number or root.
        """
        return [found for found in self._signatures.items() if found[0].batch_hash == batch_hash]

    @property
    def equivocations(self) -> list[Equivocation]:
        """What proves that somebody signed two batches for one place; the first such pair of each."""
        return list(self._equivocations.values())

    def forget_below(self, index: int) -> None:
        """Forgets the signatures of batches below number ``index``."""
        self._signatures = {vouch: found for vouch, found in self._signatures.items() if vouch.index >= index}
        self._first = {key: found for key, found in self._first.items() if found.vouch.index >= index}
