"""States that a verifier keeps of its way: many of the newest batches, few of the old ones."""

from __future__ import annotations

from synchromesh._native import Replica

DENSE = 8
"""Newest batches whose states are all kept; of older ones fewer and fewer."""


class Checkpoints:
    """States before batches, by number. The first, before which there is nothing, is never missing.

    So the memory grows with the logarithm of the journal, and nobody has to replay more than a part of the age of what
    he looks for.
    """

    def __init__(self) -> None:
        self._states: dict[int, Replica] = {0: Replica()}

    def keep(self, index: int, replica: Replica) -> Replica:
        """Keeps a copy of the state before batch ``index``, the newest one, and returns it; it is not to be changed."""
        self._states[index] = replica.copy()
        for old in [each for each in self._states if each % _spacing(index - each)]:
            del self._states[old]
        return self._states[index]

    def before(self, index: int) -> tuple[int, Replica]:
        """Returns the nearest state that is kept before batch ``index`` or an earlier one, and which; it is not to be
        changed.
        """
        found = max(known for known in self._states if known <= index)
        return found, self._states[found]

    def cut(self, index: int) -> None:
        """Forgets the states behind the one before batch ``index``."""
        self._states = {known: state for known, state in self._states.items() if known <= index}


def _spacing(age: int) -> int:
    """Of batches of an age, every how many-th is kept."""
    return 1 << max(age // DENSE, 1).bit_length() - 1
