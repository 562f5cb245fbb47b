"""What the contracts hash, written down again in Python, and the vectors that Solidity and Python both check.

``python tests/settlement/reference.py`` writes ``tests/vectors/settlement.json``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from eth_abi import encode
from eth_account import Account
from eth_utils import keccak, to_checksum_address

VECTORS = Path(__file__).resolve().parents[1] / "vectors" / "settlement.json"
ZERO = bytes(32)
INBOX_FIELDS: dict[str, tuple[int, tuple[tuple[str, int], ...]]] = {
    "deposit": (1, (("owner", 20), ("subaccount", 8), ("asset", 2), ("amount", 8))),
    "forced_withdraw": (2, (("owner", 20), ("subaccount", 8), ("asset", 2), ("amount", 8), ("recipient", 20))),
    "forced_cancel_all": (3, (("owner", 20), ("subaccount", 8))),
    "forced_close_only": (4, (("owner", 20), ("subaccount", 8))),
    "register_key": (5, (("owner", 20), ("key", 20), ("scopes", 1), ("expiry", 8))),
    "raise_nonce_floor": (6, (("owner", 20), ("signer", 20), ("floor", 8))),
}
HEADER_TYPES = (
    ("index", "uint64"),
    ("previousRoot", "bytes32"),
    ("newRoot", "bytes32"),
    ("protocolVersion", "uint16"),
    ("verifierVersion", "uint16"),
    ("firstSequence", "uint64"),
    ("lastSequence", "uint64"),
    ("previousChainHash", "bytes32"),
    ("chainHash", "bytes32"),
    ("inboxCursor", "uint64"),
    ("inboxHash", "bytes32"),
    ("traceRoot", "bytes32"),
    ("withdrawalRoot", "bytes32"),
    ("dataHash", "bytes32"),
    ("lastTime", "uint64"),
)

CONSENT_FIELDS = [
    {"name": "owner", "type": "address"},
    {"name": "key", "type": "address"},
    {"name": "scopes", "type": "uint8"},
    {"name": "keyExpiry", "type": "uint64"},
]


@dataclass(frozen=True)
class Withdrawal:
    """A withdrawal of a batch; amounts in engine units."""

    number: int
    asset: int
    amount: int
    recipient: bytes

    def leaf(self) -> bytes:
        packed = self.number.to_bytes(8) + self.asset.to_bytes(2) + self.amount.to_bytes(8) + self.recipient
        return keccak(b"\x00" + packed)


def inbox_item(kind: str, fields: dict[str, int | bytes]) -> bytes:
    number, layout = INBOX_FIELDS[kind]
    parts = [number.to_bytes(1)]
    for name, width in layout:
        value = fields[name]
        parts.append(value if isinstance(value, bytes) else value.to_bytes(width))
        assert len(parts[-1]) == width
    return b"".join(parts)


def inbox_chain(previous: bytes, index: int, item: bytes) -> bytes:
    return keccak(previous + index.to_bytes(8) + item)


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """The root by the recursive definition: the left subtree is the largest full one."""
    if not leaves:
        return ZERO
    if len(leaves) == 1:
        return leaves[0]
    left = 1 << ((len(leaves) - 1).bit_length() - 1)
    return keccak(b"\x01" + merkle_root(leaves[:left]) + merkle_root(leaves[left:]))


def merkle_proof(leaves: Sequence[bytes], index: int) -> list[bytes]:
    if len(leaves) == 1:
        return []
    left = 1 << ((len(leaves) - 1).bit_length() - 1)
    if index < left:
        return [*merkle_proof(leaves[:left], index), merkle_root(leaves[left:])]
    return [*merkle_proof(leaves[left:], index - left), merkle_root(leaves[:left])]


def batch_hash(header: dict[str, int | bytes]) -> bytes:
    return keccak(encode([kind for _, kind in HEADER_TYPES], [header[name] for name, _ in HEADER_TYPES]))


def address(seed: str) -> bytes:
    return keccak(seed.encode())[-20:]


def vectors() -> dict[str, Any]:
    """The document of vectors; every number of it is fixed."""
    return {
        "inbox": _inbox(),
        "consent": _consent(),
        "withdrawals": [_tree(size) for size in (1, 2, 3, 5, 8, 13)],
        "batch": _batch(),
    }


def text() -> str:
    """The canonical text of the vectors' file."""
    return json.dumps(vectors(), indent=2) + "\n"


def _inbox() -> list[dict[str, str]]:
    alice, bob, largest = address("alice"), address("bob"), (1 << 63) - 1
    # Its secret is known, so that Solidity can sign the key's consent: forge's makeAddrAndKey("session").
    session = bytes.fromhex(Account.from_key(keccak(b"session")).address[2:])
    items: list[tuple[str, dict[str, int | bytes]]] = [
        ("deposit", {"owner": alice, "subaccount": 0, "asset": 0, "amount": 1}),
        ("deposit", {"owner": bob, "subaccount": (1 << 64) - 1, "asset": 1, "amount": 123_456_789}),
        ("forced_withdraw", {"owner": bob, "subaccount": 2, "asset": 1, "amount": largest, "recipient": alice}),
        ("forced_cancel_all", {"owner": alice, "subaccount": 1}),
        ("forced_close_only", {"owner": alice, "subaccount": 256}),
        ("register_key", {"owner": bob, "key": session, "scopes": 15, "expiry": (1 << 64) - 1}),
        ("raise_nonce_floor", {"owner": alice, "signer": alice, "floor": 1_770_163_200_000_000_000}),
        ("deposit", {"owner": alice, "subaccount": 1, "asset": 0, "amount": 1_000_000_000_000}),
    ]
    chain, out = ZERO, []
    for index, (kind, fields) in enumerate(items):
        item = inbox_item(kind, fields)
        chain = inbox_chain(chain, index, item)
        shown = {name: _show(value) for name, value in fields.items()}
        out.append({"kind": kind, **shown, "item": _hex(item), "hash": _hex(chain)})
    return out


def _consent() -> dict[str, str]:
    """A session key's signature for an owner that registers it by transaction, as a wallet makes it."""
    domain = {"name": "Synchromesh", "version": "1", "chainId": 31_337, "verifyingContract": address("contract")}
    key = Account.from_key(keccak(b"session"))
    owner, scopes, expiry = address("bob"), 5, 1_770_163_200_000_000_000
    fields = {"owner": owner, "key": bytes.fromhex(key.address[2:]), "scopes": scopes, "keyExpiry": expiry}
    signed = key.sign_typed_data(domain, {"SessionKeyConsent": CONSENT_FIELDS}, fields)
    return {
        "chainId": _show(31_337),
        "contract": _show(address("contract")),
        **{name: _show(value) for name, value in fields.items()},
        "signature": _hex(signed.signature),
    }


def _tree(size: int) -> dict[str, Any]:
    items = [
        Withdrawal(size * 100 + i, i % 2, 1_000_000 + i * 7_919, address(f"recipient {size}.{i}")) for i in range(size)
    ]
    leaves = [item.leaf() for item in items]
    return {
        "root": _hex(merkle_root(leaves)),
        "items": [
            {
                **{name: _show(value) for name, value in asdict(item).items()},
                "leaf": _hex(leaf),
                "proof": [_hex(sibling) for sibling in merkle_proof(leaves, i)],
            }
            for i, (item, leaf) in enumerate(zip(items, leaves, strict=True))
        ],
    }


def _batch() -> dict[str, str]:
    widths = {"uint16": 2, "uint64": 8, "bytes32": 32}
    header: dict[str, int | bytes] = {}
    for name, kind in HEADER_TYPES:
        value = keccak(name.encode())[: widths[kind]]
        header[name] = value if kind == "bytes32" else int.from_bytes(value)
    return {**{name: _show(value) for name, value in header.items()}, "hash": _hex(batch_hash(header))}


def _hex(value: bytes) -> str:
    return "0x" + value.hex()


def _show(value: int | bytes) -> str:
    """Addresses with their checksum, and numbers as decimal text: JSON readers lose digits above 2^53."""
    if isinstance(value, int):
        return str(value)
    return to_checksum_address(value) if len(value) == 20 else _hex(value)


if __name__ == "__main__":
    VECTORS.parent.mkdir(parents=True, exist_ok=True)
    VECTORS.write_text(text())
