"""Why an exit does not go on."""

from __future__ import annotations

from synchromesh.settlement.chain import ChainError


class ExitError(ChainError):
    """The exit cannot go on as asked."""


class NotYet(ExitError):
    """It is too early, or the venue still runs."""


class NothingToDo(ExitError):
    """The owner has nothing of that kind here."""


class StateUnknown(ExitError):
    """The state that the chain committed to does not follow from what was posted, or part of that is gone."""


class BlobsGone(StateUnknown):
    """The state cannot be rebuilt as long as a blob is missing; the message says which, and who may have it."""
