"""What a quote is bound to: the code, the key that it signs with, and the venue it does that for."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

import synchromesh
from synchromesh._native import keccak256

DOMAIN = b"synchromesh.attestation.v1"
REPORT_BYTES = 64
"""Bytes of a quote that the code inside chooses."""
_SUFFIXES = {".py", ".so", ".json"}


class Binding(msgspec.Struct, frozen=True):
    """What the report data of a quote commits to.

    Attributes:
        code: Hash of the code that asked for the quote, see `code_hash`.
        signer: Address of the key that signs frames and batches, 20 bytes.
        chain_id: EIP-155 chain id of the settlement contract.
        contract: The settlement contract, 20 bytes.
    """

    code: bytes
    signer: bytes
    chain_id: int
    contract: bytes

    def __post_init__(self) -> None:
        for name, value, size in (
            ("code", self.code, 32),
            ("signer", self.signer, 20),
            ("contract", self.contract, 20),
        ):
            if len(value) != size:
                raise ValueError(f"{name} has {len(value)} bytes instead of {size}")
        if not 0 < self.chain_id < 1 << 64:
            raise ValueError(f"chain id {self.chain_id} does not fit")

    def report_data(self) -> bytes:
        """The 64 bytes of a quote: ``keccak(domain ‖ code ‖ signer ‖ chain id u64 ‖ contract)``, then zeros."""
        digest = keccak256(DOMAIN + self.code + self.signer + self.chain_id.to_bytes(8, "big") + self.contract)
        return digest.ljust(REPORT_BYTES, b"\0")


def code_hash(package: Path | None = None) -> bytes:
    """SHA-256 over the installed package: the native core and every Python file, by name and content.

    Args:
        package: Folder of the package; without, the one that is running.
    """
    root = package or Path(synchromesh.__file__).parent
    total = hashlib.sha256(DOMAIN)
    for path in sorted(root.rglob("*"), key=lambda path: path.relative_to(root).as_posix()):
        if path.suffix in _SUFFIXES and path.is_file():
            name = path.relative_to(root).as_posix().encode()
            content = hashlib.sha256(path.read_bytes()).digest()
            total.update(len(name).to_bytes(2, "big") + name + content)
    return total.digest()
