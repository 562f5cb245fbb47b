"""Finds what is wrong behind a mark whose root nobody else can look into.

A mark asserts the root of the instruments behind it. Of a wrong one the chain shows a hash, so the leaves behind it are
demanded one by one: each answer shows a leaf and the hashes beside its path, and where these differ from the right ones
lies what is wrong. A figure that is not the model's is proven before `ModelGuard`, anything else by executing the step.
Who does not answer loses by silence. Several leaves are asked for at once, and each answer is used as it comes, so who
answers as late as it may gains little time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import reduce
from typing import NamedTuple

from eth_abi.abi import encode

from synchromesh.protocol import MarkUpdate, Record
from synchromesh.verification.dispute import Dispute, Unprovable
from synchromesh.verification.findings import Case
from synchromesh.verification.openings import Answer
from synchromesh.verification.proofs import asserted_dispute, parts, step_dispute
from synchromesh.verification.pruned import (
    INSTRUMENTS,
    Closed,
    Inner,
    Leaf,
    Node,
    StatePath,
    Witness,
    closed_state,
    decode_node,
    encode_node,
    hash_of,
    merge,
    open_path,
)

FRONTIER = 8
"""Leaves that are asked for at once."""
_SPARE_ROUNDS = 4
"""Rounds beyond the logarithm of the number of instruments: what a proof has to show beside the leaf."""
_KEY_BITS = 256
_INSTRUMENT, _UNDERLYING, _EXPIRY = 0x00, 0x01, 0x02
"""First bytes of keys of instruments, underlyings and expiries."""
_UNDERLYING_AT, _EXPIRY_AT = slice(32, 34), slice(44, 52)
"""Where an instrument leaf names its underlying and its expiry, which is 0 of a perpetual."""
_STATIC, _EPOCH = slice(0, 100), slice(108, 120)
"""What of an instrument leaf is no figure of the model: what it is, and to which mark it belongs."""
_FIGURES = ((0, 100, 8), (1, 120, 8), (2, 128, 8), (3, 136, 8))
"""Mark, iv, delta and vega: number of the figure, where it stands in the leaf, its bytes."""
_LANES_FLAG = 144
_LANE, _LANES, _GAP, _GAPS = 4, 64, 5, 16
_LANES_AT = 145
_WORD = 4


class Wrong(NamedTuple):
    """A figure of an instrument that is not the model's.

    Attributes:
        figure: Which of `ModelGuard`'s figures.
        part: Which lane or gap.
    """

    figure: int
    part: int


class Hunt:
    """Looks for what is wrong behind one mark.

    Args:
        case: The mark.
        answers: What was shown so far.
    """

    def __init__(self, case: Case, answers: Sequence[Answer]) -> None:
        command, self._before = parts(case)
        self._case, self._record = case, command.record
        self._answers = {answer.key: answer.path for answer in answers}
        self._right: dict[bytes, StatePath] = {}
        self._keys = sorted(self._before.opening()["instruments"])

    def next(self) -> Dispute | list[bytes]:
        """Returns the challenge that proves what is wrong, or the keys whose leaves have to be shown for it, the most
        useful first: with each of them shown, the next look is nearer. Some may have been asked for already.

        Raises:
            Unprovable: When what was shown leads nowhere.
        """
        if not self._answers:
            return _spread([key for key in self._keys if key[0] == _INSTRUMENT])
        key, path = next(iter(self._answers.items()))
        if path.trees[INSTRUMENTS] == self._own(key).trees[INSTRUMENTS]:
            # Another tree is not the right one, and the instruments are those that the witness shows.
            return self._step(self._witness())
        for key, path in self._answers.items():
            own = self._own(key)
            if (path.key, path.value) != (own.key, own.value):
                return self._leaf(key, own, path)
        # Each answer at least halves what is left, if the tree that is shown has any sense.
        if len(self._answers) > FRONTIER * (len(self._keys).bit_length() + _SPARE_ROUNDS):
            raise Unprovable("the leaves that were shown have no end")
        return self._deeper()

    def _own(self, key: bytes) -> StatePath:
        """The right path, behind the mark."""
        if key not in self._right:
            self._right[key] = StatePath.of(self._before.prove("instruments", key, self._record, 1))
        return self._right[key]

    def _leaf(self, key: bytes, own: StatePath, path: StatePath) -> Dispute | list[bytes]:
        """What follows from a leaf that is not the right one."""
        wrong = wrong_figure(own.value, path.value) if path.key == own.key and self._is_marked(own) else None
        if wrong is None:
            return self._execution(key)
        shown = [path]
        if wrong.figure >= _LANE:
            # Lanes and gaps follow from the risk table, which the underlying names.
            underlying = bytes([_UNDERLYING]) + own.value[_UNDERLYING_AT] + bytes(29)
            if underlying not in self._answers:
                return [underlying]
            shown.append(self._answers[underlying])
        tree = reduce(merge, map(open_path, shown))
        witness = Witness(closed_state(path.trees, INSTRUMENTS, tree), self._witness().preimages)
        instrument = int.from_bytes(key[1:5], "big")
        evidence = encode(["(uint256,uint8,uint256,bytes)"], [(instrument, *wrong, witness.encode())])
        return asserted_dispute(self._case, 0, "ModelGuard", evidence)

    def _is_marked(self, leaf: StatePath) -> bool:
        """Whether the leaf is of an instrument that the mark is about."""
        command = Record.decode(self._record).command
        assert isinstance(command, MarkUpdate), "marks are made by no other command"
        if leaf.key[0] != _INSTRUMENT or int.from_bytes(leaf.value[_UNDERLYING_AT], "big") != command.inputs.underlying:
            return False
        expiry = int.from_bytes(leaf.value[_EXPIRY_AT], "big")
        return expiry == 0 or any(each.expiry == expiry for each in command.inputs.expiries)

    def _execution(self, suspect: bytes) -> Dispute | list[bytes]:
        """The challenge of the step itself: what of its result is no figure of the model follows from executing it.

        Both trees of instruments, that before the step and the asserted one, have to be opened at the same keys.
        """
        witness = self._witness()
        read = _closed(decode_node(witness.trees[INSTRUMENTS]))
        unseen = [key for key in [suspect, *_opened(read)] if key not in self._answers]
        if unseen:
            return unseen
        paths = self._answers.values()
        shown = {*self._answers, *(path.key for path in paths)}
        before = [open_path(StatePath.of(self._before.prove("instruments", key))) for key in sorted(shown)]
        trees = list(witness.trees)
        trees[INSTRUMENTS] = encode_node(reduce(merge, before, read))
        asserted = encode_node(reduce(merge, map(open_path, paths)))
        return self._step(Witness((*trees, asserted), witness.preimages))

    def _step(self, witness: Witness) -> Dispute:
        """The challenge of the step, with the roots that the asserted one is made of."""
        path = next(iter(self._answers.values()))
        return step_dispute(self._case, 0, Witness(witness.trees, (*witness.preimages, path.preimage)).encode())

    def _deeper(self) -> list[bytes]:
        """The next keys to ask for: in the smallest subtree that is not the right one and was not looked into."""
        subtrees = [
            subtree
            for key, path in self._answers.items()
            for subtree in self._differing(key, self._own(key), path)
            if subtree and self._answers.keys().isdisjoint(subtree)
        ]
        if not subtrees:
            raise Unprovable("every leaf that was shown is right, and the root is not")
        return _spread(min(subtrees, key=len))

    def _differing(self, key: bytes, own: StatePath, path: StatePath) -> Iterator[list[bytes]]:
        """Keys of the subtrees beside a path that are not the right ones."""
        if own.bits != path.bits:
            # A leaf too many or too few: at the node where the shapes part, from the root down.
            missing, extra = set(own.bits) - set(path.bits), set(path.bits) - set(own.bits)
            bit = min(missing | extra)
            yield self._beside(key, bit) if bit in missing else [_flipped(key, bit)]
            return
        for bit, right, shown in zip(own.bits, own.siblings, path.siblings, strict=True):
            if right != shown:
                yield self._beside(key, bit)

    def _beside(self, key: bytes, bit: int) -> list[bytes]:
        """Keys below the other child of the node at ``bit`` above a key."""
        own, shift = int.from_bytes(key, "big"), _KEY_BITS - 1 - bit
        return [each for each in self._keys if (int.from_bytes(each, "big") ^ own) >> shift == 1]

    def _witness(self) -> Witness:
        """What the step reads."""
        _, _, _, witness = self._before.witness_command(self._record)[0]
        return Witness.decode(witness)


def _spread(keys: list[bytes]) -> list[bytes]:
    """Returns some of sorted keys: the middle one, those that halve the rest, and so on."""
    found, pieces = list[bytes](), [keys]
    while pieces and len(found) < FRONTIER:
        piece = pieces.pop(0)
        middle = len(piece) // 2
        found.append(piece[middle])
        pieces += [half for half in (piece[:middle], piece[middle + 1 :]) if half]
    return found


def wrong_figure(own: bytes, shown: bytes) -> Wrong | None:
    """Returns the first figure in which an instrument leaf is not the right one; None when it is wrong otherwise."""
    same = len(own) == len(shown) and all(own[part] == shown[part] for part in (_STATIC, _EPOCH))
    if not same or own[_LANES_FLAG] != shown[_LANES_FLAG]:
        return None
    for figure, at, length in _FIGURES:
        if own[at : at + length] != shown[at : at + length]:
            return Wrong(figure, 0)
    for word in range(_LANES + _GAPS):
        at = _LANES_AT + _WORD * word
        if own[at : at + _WORD] != shown[at : at + _WORD]:
            return Wrong(_LANE, word) if word < _LANES else Wrong(_GAP, word - _LANES)
    return None


def _closed(node: Node) -> Node:
    """A tree of which only underlyings and expiries are opened: what the execution of a mark reads."""
    match node:
        case Leaf(key, _) if key[0] not in (_UNDERLYING, _EXPIRY):
            return Closed(hash_of(node))
        case Inner(bit, left, right):
            children = _closed(left), _closed(right)
            if all(isinstance(child, Closed) for child in children):
                return Closed(hash_of(node))
            return Inner(bit, *children)
    return node


def _opened(node: Node) -> list[bytes]:
    match node:
        case Leaf(key, _):
            return [key]
        case Inner(_, left, right):
            return _opened(left) + _opened(right)
    return []


def _flipped(key: bytes, bit: int) -> bytes:
    return (int.from_bytes(key, "big") ^ 1 << (_KEY_BITS - 1 - bit)).to_bytes(32, "big")
