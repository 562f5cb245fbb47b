"""Trees of the state as far as they were shown, and the witnesses that are made of them (docs/protocol/steps.md)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

from synchromesh._native import keccak256

STATE_DOMAIN = b"synchromesh.state.v1"
TREES = ("accounts", "books", "instruments", "keys", "globals")
"""The five trees, in the order in which the state root takes them."""
INSTRUMENTS = TREES.index("instruments")


class StatePath(NamedTuple):
    """A leaf of the state and its path; the contract's ``StatePath``.

    Attributes:
        trees: Roots of the five trees.
        key: Key of the leaf: that of the one at which the search ends, when the key in question is absent.
        value: Its value.
        bits: Bits of the nodes above it, from the leaf up.
        siblings: Their other children.
    """

    trees: tuple[bytes, ...]
    key: bytes
    value: bytes
    bits: tuple[int, ...]
    siblings: tuple[bytes, ...]

    @classmethod
    def of(cls, found: tuple[Sequence[bytes], bytes, bytes, Sequence[int], Sequence[bytes]]) -> StatePath:
        """Returns the path with these fields, in ABI order."""
        trees, key, value, bits, siblings = found
        return cls(tuple(trees), key, value, tuple(bits), tuple(siblings))

    @property
    def preimage(self) -> bytes:
        """What the state root is the hash of."""
        return STATE_DOMAIN + b"".join(self.trees)


class Closed(NamedTuple):
    """A subtree of which only the hash is known."""

    hash: bytes


class Leaf(NamedTuple):
    """A leaf."""

    key: bytes
    value: bytes


class Shade(NamedTuple):
    """A leaf of which only the hash of the value is known."""

    key: bytes
    value_hash: bytes


class Inner(NamedTuple):
    """An inner node."""

    bit: int
    left: Node
    right: Node


Node: TypeAlias = Closed | Leaf | Shade | Inner


def bit_of(key: bytes, bit: int) -> int:
    """Returns one bit of a key; bit 0 is the highest of its first byte."""
    return key[bit // 8] >> (7 - bit % 8) & 1


def hash_of(node: Node) -> bytes:
    """Returns the hash of a node."""
    match node:
        case Closed(known):
            return known
        case Leaf(key, value):
            return keccak256(b"\x00" + key + keccak256(value))
        case Shade(key, value_hash):
            return keccak256(b"\x00" + key + value_hash)
        case Inner(bit, left, right):
            return keccak256(b"\x01" + bit.to_bytes(2, "big") + hash_of(left) + hash_of(right))


def open_path(path: StatePath) -> Node:
    """Returns a tree that is opened at one leaf."""
    node: Node = Leaf(path.key, path.value)
    for bit, sibling in zip(path.bits, path.siblings, strict=True):
        closed = Closed(sibling)
        node = Inner(bit, closed, node) if bit_of(path.key, bit) else Inner(bit, node, closed)
    return node


def merge(one: Node, other: Node) -> Node:
    """Returns a tree that is opened wherever one of two openings of it is."""
    if isinstance(one, Inner) and isinstance(other, Inner):
        return Inner(one.bit, merge(one.left, other.left), merge(one.right, other.right))
    if isinstance(one, Closed) or (isinstance(one, Shade) and isinstance(other, Leaf)):
        return other
    return one


def encode_node(node: Node) -> bytes:
    """Returns a node, in preorder, as a witness holds it."""
    match node:
        case Closed(known):
            return b"\x00" + known
        case Inner(bit, left, right):
            return b"\x01" + bit.to_bytes(2, "big") + encode_node(left) + encode_node(right)
        case Leaf(key, value):
            return b"\x02" + key + len(value).to_bytes(2, "big") + value
        case Shade(key, value_hash):
            return b"\x03" + key + value_hash


def decode_node(data: bytes) -> Node:
    """Returns the node that a witness holds."""
    return _take_node(data, 0)[0]


def _take_node(data: bytes, at: int) -> tuple[Node, int]:
    tag, at = data[at], at + 1
    if tag == 0:
        return Closed(data[at : at + 32]), at + 32
    if tag == 1:
        bit, at = int.from_bytes(data[at : at + 2], "big"), at + 2
        left, at = _take_node(data, at)
        right, at = _take_node(data, at)
        return Inner(bit, left, right), at
    key, at = data[at : at + 32], at + 32
    if tag == 3:
        return Shade(key, data[at : at + 32]), at + 32
    length, at = int.from_bytes(data[at : at + 2], "big"), at + 2
    return Leaf(key, data[at : at + length]), at + length


class Witness(NamedTuple):
    """A witness in its parts.

    Attributes:
        trees: Encoded trees; the first five are those of the state.
        preimages: What hashes in leaves are of.
    """

    trees: tuple[bytes, ...]
    preimages: tuple[bytes, ...]

    @classmethod
    def decode(cls, data: bytes) -> Witness:
        """Takes a witness apart."""
        trees, at = _take_list(data, 0)
        preimages, _ = _take_list(data, at)
        return cls(trees, preimages)

    def encode(self) -> bytes:
        """Returns its bytes."""
        return _put_list(self.trees) + _put_list(self.preimages)


def closed_state(roots: Sequence[bytes], number: int, tree: Node) -> tuple[bytes, ...]:
    """Returns the five trees of a state, of which only one is opened."""
    closed = [encode_node(Closed(root)) if root != bytes(32) else b"" for root in roots]
    closed[number] = encode_node(tree)
    return tuple(closed)


def _take_list(data: bytes, at: int) -> tuple[tuple[bytes, ...], int]:
    count, at = int.from_bytes(data[at : at + 2], "big"), at + 2
    items = []
    for _ in range(count):
        length, at = int.from_bytes(data[at : at + 3], "big"), at + 3
        items.append(data[at : at + length])
        at += length
    return tuple(items), at


def _put_list(items: Sequence[bytes]) -> bytes:
    return len(items).to_bytes(2, "big") + b"".join(len(item).to_bytes(3, "big") + item for item in items)
