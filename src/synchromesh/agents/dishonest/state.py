"""A state that nobody's commands lead to: the leaves of an honest one, changed at will, with the root over them."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple, Self

from synchromesh._native import MerkleTree, Replica, keccak256
from synchromesh.settlement.exits.leaves import account_key, instrument_key
from synchromesh.verification.pruned import STATE_DOMAIN

if TYPE_CHECKING:
    from synchromesh._native import StateOpening

CLOCK, FUNDS, COUNTERS, TOTALS = (bytes([number]) + bytes(31) for number in (0, 1, 3, 9))
"""Keys of globals leaves."""
_FLAGS, _CASH, _COLLATERAL = 20, 31, 39
"""Where an account leaf has its flags, its cash, and the list of its collateral."""
_COLLATERAL_ITEM = 10
_IN_LIQUIDATION = 2
_FIRST_SUBACCOUNT, _NEXT_NONCE = 4, 12
"""Where a key leaf has its owner's first subaccount, and the next number of an owner action."""
_WITHDRAWALS, _LIQUIDATIONS = 12, 28
"""Where the counters have the number of withdrawals, and that of liquidations."""
_ADMINISTRATIONS = 20
"""Where they have the number of the next administrative command."""
_STRIKE = 32 + 2 + 1 + 1
"""Where an instrument leaf has its strike."""
_MARK = 32 + 2 + 1 + 1 + 8 + 8 + 8 + 8 + 4 + 8 + 4 + 8 + 8
"""Where an instrument leaf has its mark."""
_LANES = _MARK + 8 + 4 + 8 + 3 * 8 + 1
"""Where it has its first lane, if it has lanes."""
_PATH, _PATH_ITEM = 66, 34
"""Where an encoded proof has its path, and how long one item of it is."""

StatePath = tuple[list[bytes], bytes, bytes, list[int], list[bytes]]
"""The contracts' ``StatePath``: roots of the five trees, key and value of a leaf, bits and siblings above it."""


class Offer(NamedTuple):
    """An offer in a book: the key of its leaf, its id, whose it is."""

    key: bytes
    order: int
    subaccount: int

    @property
    def ticks(self) -> int:
        """Its price."""
        return int.from_bytes(self.key[6:14], "big") - 2**63


class State:
    """All leaves of a state, by tree and key; `docs/protocol/state.md` has them.

    Args:
        opening: The leaves of an honest state.
    """

    def __init__(self, opening: StateOpening) -> None:
        self.trees: dict[str, dict[bytes, bytes]] = {
            "accounts": dict(opening["accounts"]),
            "books": dict(opening["books"]),
            "instruments": dict(opening["instruments"]),
            "keys": dict(opening["keys"]),
            "globals": dict(opening["globals"]),
        }

    @classmethod
    def of(cls, replica: Replica) -> Self:
        """Returns the state that a replica stands in."""
        return cls(replica.opening())

    def root(self) -> bytes:
        """Returns the state root."""
        return keccak256(STATE_DOMAIN + b"".join(_tree(leaves).root() for leaves in self.trees.values()))

    def path(self, tree: str, key: bytes) -> StatePath:
        """Returns a leaf and its path: that of a key, or the one at which the search for it ends."""
        merkle = _tree(self.trees[tree])
        proof = merkle.prove(key)
        roots = [_tree(leaves).root() for leaves in self.trees.values()]
        if proof is None:
            return roots, bytes(32), b"", [], []
        items = [proof[at : at + _PATH_ITEM] for at in range(_PATH, len(proof), _PATH_ITEM)]
        found = proof[:32]
        bits = [int.from_bytes(item[:2], "big") for item in items]
        return roots, found, self.trees[tree][found], bits, [item[2:] for item in items]

    def graft(self, before: State, after: State) -> None:
        """Changes here what changed from ``before`` to ``after``, but for the clock."""
        for name, leaves in self.trees.items():
            old, new = before.trees[name], after.trees[name]
            for key in old.keys() | new.keys():
                if old.get(key) == new.get(key) or (name == "globals" and key == CLOCK):
                    continue
                if key in new:
                    leaves[key] = new[key]
                else:
                    leaves.pop(key, None)

    def set_clock(self, time: int, sequence: int, chain: bytes) -> None:
        """Sets venue time, number of commands and command chain."""
        self.trees["globals"][CLOCK] = struct.pack(">QQ", time, sequence) + chain

    # What the leaves say

    def subaccount_of(self, owner: bytes) -> int:
        """Returns an owner's first subaccount, 0 when it has none."""
        return self._number("keys", owner + bytes(12), _FIRST_SUBACCOUNT, ">Q")

    def nonce_of(self, owner: bytes) -> int:
        """Returns the number that an owner's next action must have."""
        return self._number("keys", owner + bytes(12), _NEXT_NONCE, ">Q")

    def administrations(self) -> int:
        """Returns the number that the next administrative command must have."""
        return self._number("globals", COUNTERS, _ADMINISTRATIONS, ">Q")

    def cash_of(self, subaccount: int) -> int:
        """Returns a subaccount's cash, micro-USDC."""
        return self._number("accounts", account_key(subaccount), _CASH, ">q")

    def owner_of(self, subaccount: int) -> bytes:
        """Returns whose a subaccount is."""
        return self.trees["accounts"][account_key(subaccount)][:20]

    def offers(self, instrument: int) -> list[Offer]:
        """Returns the offers in an instrument's book, the best first."""
        prefix = b"\x00" + instrument.to_bytes(4, "big") + b"\x01"
        found = []
        for key, leaf in sorted(self.trees["books"].items()):
            if key.startswith(prefix):
                order, subaccount = struct.unpack_from(">QQ", leaf, 1)
                found.append(Offer(key, order, subaccount))
        return found

    # Lies about single leaves

    def add_cash(self, subaccount: int, amount: int) -> None:
        """Gives a subaccount cash from nowhere, or takes it away."""
        self._add("accounts", account_key(subaccount), _CASH, ">q", amount)

    def take_offer(self, key: bytes) -> None:
        """Takes an offer out of its book."""
        del self.trees["books"][key]

    def add_fees(self, amount: int) -> None:
        """Adds to the fees that the venue has collected."""
        self._add("globals", FUNDS, 0, ">q", amount)

    def add_deposited(self, asset: int, amount: int) -> None:
        """Adds to what ever came in of an asset."""
        at = 2 + 32 * asset
        leaf = self.trees["globals"][TOTALS]
        total = int.from_bytes(leaf[at : at + 16], "big", signed=True) + amount
        self.trees["globals"][TOTALS] = leaf[:at] + total.to_bytes(16, "big", signed=True) + leaf[at + 16 :]

    def add_strike(self, instrument: int, amount: int) -> None:
        """Moves an option's strike."""
        self._add("instruments", instrument_key(instrument), _STRIKE, ">q", amount)

    def add_mark(self, instrument: int, amount: int) -> None:
        """Moves an instrument's mark."""
        self._add("instruments", instrument_key(instrument), _MARK, ">q", amount)

    def add_lane(self, instrument: int, lane: int, amount: int) -> None:
        """Moves one scenario of an instrument's risk array."""
        self._add("instruments", instrument_key(instrument), _LANES + 4 * lane, ">i", amount)

    def liquidate(self, subaccount: int, time: int) -> None:
        """Puts an account into liquidation."""
        key = account_key(subaccount)
        leaf = self.trees["accounts"][key]
        self._add("globals", COUNTERS, _LIQUIDATIONS, ">Q", 1)
        number = self._number("globals", COUNTERS, _LIQUIDATIONS, ">Q")
        option = _COLLATERAL + 2 + _COLLATERAL_ITEM * int.from_bytes(leaf[_COLLATERAL : _COLLATERAL + 2], "big")
        assert leaf[option] == 0, "it is not in liquidation yet"
        register = b"\x01" + struct.pack(">QBQQqq", number, 0, time, time, 0, 0)
        flags = bytes([leaf[_FLAGS] | _IN_LIQUIDATION])
        self.trees["accounts"][key] = leaf[:_FLAGS] + flags + leaf[_FLAGS + 1 : option] + register + leaf[option + 1 :]

    def _number(self, tree: str, key: bytes, at: int, layout: str) -> int:
        leaf = self.trees[tree].get(key)
        return 0 if leaf is None else int(struct.unpack_from(layout, leaf, at)[0])

    def _add(self, tree: str, key: bytes, at: int, layout: str, amount: int) -> None:
        leaf = bytearray(self.trees[tree][key])
        struct.pack_into(layout, leaf, at, self._number(tree, key, at, layout) + amount)
        self.trees[tree][key] = bytes(leaf)


def _tree(leaves: Mapping[bytes, bytes]) -> MerkleTree:
    tree = MerkleTree()
    for key, value in leaves.items():
        tree.set(key, value)
    return tree
