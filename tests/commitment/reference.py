"""A slow, plain implementation of docs/protocol/state.md: trees, keys, leaves. Shares nothing with the Rust crates."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from Crypto.Hash import keccak as crypto_keccak

ZERO = bytes(32)
DOMAIN = b"synchromesh.state.v1"
PARTS = ("accounts", "books", "instruments", "keys", "globals")


def keccak(data: bytes) -> bytes:
    """Keccak-256."""
    return crypto_keccak.new(digest_bits=256, data=data).digest()


def bit_of(key: bytes, bit: int) -> int:
    """One bit of a key; bit 0 is the most significant of the first byte."""
    return key[bit // 8] >> (7 - bit % 8) & 1


def tree_root(items: Mapping[bytes, bytes]) -> bytes:
    """Root of the tree that maps these keys to these values, straight from its definition."""
    return node({key: keccak(value) for key, value in items.items()})


def node(leaves: Mapping[bytes, bytes]) -> bytes:
    """Hash of the node above a set of keys with value hashes."""
    if not leaves:
        return ZERO
    if len(leaves) == 1:
        [(key, value_hash)] = leaves.items()
        return keccak(b"\0" + key + value_hash)
    bit = next(bit for bit in range(256) if len({bit_of(key, bit) for key in leaves}) == 2)
    left = {key: value for key, value in leaves.items() if bit_of(key, bit) == 0}
    right = {key: value for key, value in leaves.items() if bit_of(key, bit) == 1}
    return keccak(b"\1" + bit.to_bytes(2, "big") + node(left) + node(right))


def state_root(parts: Mapping[str, bytes]) -> bytes:
    """The state root over the roots of the five trees."""
    return keccak(DOMAIN + b"".join(parts[part] for part in PARTS))


@dataclass(frozen=True)
class Proof:
    """A leaf and its path from the leaf up."""

    key: bytes
    value_hash: bytes
    path: list[tuple[int, bytes]]

    @classmethod
    def decode(cls, data: bytes) -> Proof:
        """Reads ``key ‖ value hash ‖ count u16 ‖ (bit u16 ‖ sibling)…``."""
        count = int.from_bytes(data[64:66], "big")
        assert len(data) == 66 + 34 * count
        items = [data[66 + 34 * i : 100 + 34 * i] for i in range(count)]
        return cls(data[:32], data[32:64], [(int.from_bytes(item[:2], "big"), item[2:]) for item in items])

    def root(self) -> bytes:
        """Where the path leads."""
        bits = [bit for bit, _ in self.path]
        assert bits == sorted(set(bits), reverse=True)
        assert max(bits, default=0) < 256
        result = keccak(b"\0" + self.key + self.value_hash)
        for bit, sibling in self.path:
            pair = sibling + result if bit_of(self.key, bit) else result + sibling
            result = keccak(b"\1" + bit.to_bytes(2, "big") + pair)
        return result

    def agrees(self, key: bytes) -> bool:
        """Whether a search for ``key`` ends at this leaf."""
        return all(bit_of(self.key, bit) == bit_of(key, bit) for bit, _ in self.path)


def binary_root(leaves: list[bytes]) -> bytes:
    """Root of a binary tree in which an odd node is promoted."""
    if not leaves:
        return ZERO
    while len(leaves) > 1:
        pairs = [leaves[i : i + 2] for i in range(0, len(leaves), 2)]
        leaves = [keccak(b"\1" + pair[0] + pair[1]) if len(pair) == 2 else pair[0] for pair in pairs]
    return leaves[0]


def withdrawal_leaf(number: int, asset: int, amount: int, recipient: bytes) -> bytes:
    """Leaf of a withdrawal in the tree of its batch."""
    return keccak(b"\0" + number.to_bytes(8, "big") + asset.to_bytes(2, "big") + amount.to_bytes(8, "big") + recipient)


def pad(*parts: bytes) -> bytes:
    """A key: these bytes, then zeros."""
    return b"".join(parts).ljust(32, b"\0")


def number(value: int, bits: int) -> bytes:
    """A number as a field has it."""
    return value.to_bytes(bits // 8, "big")


def price_rank(side: int, ticks: int) -> int:
    """Rank of a price: the best of its side is the lowest."""
    biased = ticks + 2**63
    return biased if side else 2**64 - 1 - biased


def pack(layout: str, *values: int | bytes) -> bytes:
    """Fields of a leaf, big-endian without padding."""
    return struct.pack(">" + layout, *values)


def account_leaf(
    owner: bytes,
    cash: int,
    orders: Mapping[bytes, bytes],
    holdings: Mapping[bytes, bytes],
    *,
    flags: int = 0,
    collateral: Mapping[int, int] | None = None,
) -> bytes:
    """Leaf of a subaccount in the standard margin model that has no margin call."""
    assets = sorted((collateral or {}).items())
    tail = pack("I32sI32s32s", len(orders), tree_root(orders), len(holdings), tree_root(holdings), ZERO)
    head = pack("20sBBBQq", owner, flags, 0, 0, 0, cash)
    return head + pack("H", len(assets)) + b"".join(pack("Hq", *entry) for entry in assets) + b"\0" + tail


Side = tuple[int, Mapping[bytes, bytes]]
"""Open lots of one side, and the leaves of its tree."""


def holding_leaf(lots: int, cost: int, funding: int, bids: Side, offers: Side) -> bytes:
    """Leaf of a holding."""
    return pack("qqqq32sq32s", lots, cost, funding, bids[0], tree_root(bids[1]), offers[0], tree_root(offers[1]))


def book_place(instrument: int, side: int, ticks: int, place: int) -> bytes:
    """Where a resting order stands: its key in the books tree behind the first byte."""
    return pack("IBQQ", instrument, side, price_rank(side, ticks), place)


def order_leaf(order: int, subaccount: int, lots: int, filled: int, max_fee: int, *, valid_until: int = 0) -> bytes:
    """Leaf of a resting limit order that is not reduce-only and cancels the newest on self-trade."""
    return pack("BQQqqqQBB", 0, order, subaccount, lots, filled, max_fee, valid_until, 0, 0)


def key_leaf(
    *,
    subaccounts: int = 0,
    first: int = 0,
    next_nonce: int = 0,
    floor: int = 0,
    nonces: Sequence[int] = (),
    grant: bytes | None = None,
) -> bytes:
    """Leaf of an address that signs."""
    head = pack("IQQQH", subaccounts, first, next_nonce, floor, len(nonces)) + b"".join(pack("Q", n) for n in nonces)
    return head + (b"\0" if grant is None else b"\1" + grant)


def grant(owner: bytes, scopes: int, subaccounts: list[int], expiry: int, revoked: bool) -> bytes:
    """The grant of a session key."""
    listed = pack("H", len(subaccounts)) + b"".join(pack("Q", subaccount) for subaccount in subaccounts)
    return owner + pack("B", scopes) + listed + pack("QB", expiry, int(revoked))


def root_of_opening(opening: Mapping[str, Any]) -> bytes:
    """The state root over an opened state, after checking that everything below the accounts hangs together."""
    books = dict(opening["books"])
    for subaccount, below in opening["below"].items():
        leaf = opening["accounts"][pad(number(subaccount, 64))]
        orders, orders_root, holdings, holdings_root, groups = struct.unpack(">I32sI32s32s", leaf[-104:])
        assert (orders, orders_root) == (len(below["orders"]), tree_root(below["orders"]))
        assert (holdings, holdings_root) == (len(below["holdings"]), tree_root(below["holdings"]))
        assert groups == ZERO
        sides = dict(below["sides"])
        open_orders = dict(below["orders"])
        for key, value in below["holdings"].items():
            fields = struct.unpack(">qqqq32sq32s", value)
            instrument = int.from_bytes(key[:4], "big")
            for side, (lots, root) in enumerate([fields[3:5], fields[5:7]]):
                leaves = sides.pop((instrument, side), {})
                assert root == tree_root(leaves)
                assert lots == sum(
                    _take_order(books, open_orders, subaccount, instrument, side, e) for e in leaves.items()
                )
            assert fields[0] != 0 or fields[3] + fields[5] != 0, "an empty holding has no leaf"
        assert not sides, "every resting order has a holding"
        assert not open_orders, "every order by id rests on one side"
    assert not books, "every order in a book is an account's"
    assert len(opening["accounts"]) == len(opening["below"])
    return state_root({part: tree_root(opening[part]) for part in PARTS})


def _take_order(
    books: dict[bytes, bytes],
    orders: dict[bytes, bytes],
    subaccount: int,
    instrument: int,
    side: int,
    entry: tuple[bytes, bytes],
) -> int:
    """Open lots of an own order, after taking it out of the books and of the account's orders by id."""
    key, order = entry
    place = pack("IB", instrument, side) + key[:16]
    assert orders.pop(pad(order)) == place
    value = books.pop(pad(b"\0", place))
    assert value[1:17] == order + number(subaccount, 64)
    return int.from_bytes(value[17:25], "big", signed=True)
