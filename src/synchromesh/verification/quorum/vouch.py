"""What a verifier signs: it has executed the batch, and the batch is right."""

from __future__ import annotations

import msgspec

from synchromesh._native import keccak256
from synchromesh.protocol.signing import StructType, domain_separator, recover, sign

VOUCH = StructType("Vouch(address settlement,uint64 index,bytes32 previousRoot,bytes32 batchHash)")
"""What is signed, in the domain of the quorum's contract."""

Place = tuple[int, bytes]
"""Where a batch stands: its number and the state root before it. A verifier signs one batch for each, ever."""


class VouchError(ValueError):
    """A line that holds no vouch."""


class Vouch(msgspec.Struct, frozen=True):
    """A batch that somebody vouches for; field for field the contract's ``Vouch``.

    Attributes:
        index: Number of the batch.
        previous_root: State root before it.
        batch_hash: Hash of its header.
    """

    index: int
    previous_root: bytes
    batch_hash: bytes

    @property
    def place(self) -> Place:
        """Where the batch stands."""
        return self.index, self.previous_root

    def as_tuple(self) -> tuple[int, bytes, bytes]:
        """Returns the fields in ABI order."""
        return self.index, self.previous_root, self.batch_hash


class SignedVouch(msgspec.Struct, frozen=True):
    """A vouch and a verifier's signature over it, ``r ‖ s ‖ v``."""

    vouch: Vouch
    signature: bytes


class VouchDomain:
    """The signing domain of one quorum.

    Args:
        chain_id: EIP-155 chain id.
        quorum: Address of the quorum's contract, 20 bytes.
        settlement: Address of the settlement contract, 20 bytes.
    """

    def __init__(self, chain_id: int, quorum: bytes, settlement: bytes) -> None:
        self.chain_id = chain_id
        self.quorum = quorum
        self._settlement = settlement
        self._prefix = b"\x19\x01" + domain_separator("Synchromesh verifiers", chain_id, quorum)

    def digest(self, vouch: Vouch) -> bytes:
        """Returns what is signed, hashed."""
        return keccak256(self._prefix + VOUCH.hash(self._settlement, *vouch.as_tuple()))

    def sign(self, vouch: Vouch, secret: bytes) -> SignedVouch:
        """Signs a vouch; the same key and vouch always give the same signature."""
        return SignedVouch(vouch, sign(self.digest(vouch), secret))

    def signer(self, signed: SignedVouch) -> bytes:
        """Returns who signed, 20 bytes.

        Raises:
            SignatureError: When the signature proves nothing.
        """
        return recover(self.digest(signed.vouch), signed.signature)


class VouchLine(msgspec.Struct, frozen=True, omit_defaults=True):
    """A vouch as JSON, in files and between processes: hashes and signature in hex, as block explorers show them."""

    index: int
    previous_root: str
    batch_hash: str
    signature: str = ""

    @classmethod
    def of(cls, vouch: Vouch, signature: bytes = b"") -> VouchLine:
        """Returns the line of a vouch, signed or not."""
        return cls(vouch.index, _hex(vouch.previous_root), _hex(vouch.batch_hash), _hex(signature) if signature else "")

    def vouch(self) -> Vouch:
        """Returns the vouch.

        Raises:
            VouchError: When it is none.
        """
        if not 0 <= self.index < 2**64:
            raise VouchError(f"{self.index} numbers no batch")
        return Vouch(self.index, _bytes(self.previous_root, 32), _bytes(self.batch_hash, 32))

    def signed(self) -> SignedVouch:
        """Returns the vouch with its signature.

        Raises:
            VouchError: When it is none, or not signed.
        """
        return SignedVouch(self.vouch(), _bytes(self.signature, 65))


def _hex(value: bytes) -> str:
    return "0x" + value.hex()


def _bytes(text: str, length: int) -> bytes:
    try:
        value = bytes.fromhex(text.removeprefix("0x"))
    except ValueError as error:
        raise VouchError(f"{text[:80]!r} is no hex") from error
    if len(value) != length:
        raise VouchError(f"{text[:80]!r} has {len(value)} bytes, not {length}")
    return value
