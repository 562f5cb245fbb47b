"""The methods of the API and what they take: one registry behind both transports."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import msgspec

from synchromesh.protocol import Event

if TYPE_CHECKING:
    from synchromesh._native import Outcome
    from synchromesh.execution.gateway import Gateway
    from synchromesh.execution.session import Session

Params = TypeVar("Params", bound=msgspec.Struct)


class NoParams(msgspec.Struct):
    """A method without parameters; those sent are ignored."""


class Applied(msgspec.Struct):
    """A command that was applied and is durable, with its rarer events."""

    outcome: Outcome
    events: Sequence[Event]


class Submission(msgspec.Struct):
    """What a method wants sequenced, and how it answers once all of it is durable.

    Attributes
    ----------
    commands
        Commands, ``kind ‖ body``. When one is refused the method fails with its refusal.
    present
        Makes the result of what was applied, in the order of the commands.
    recover
        Makes the result of a refusal that is none for this method, or None.
    """

    commands: list[bytes]
    present: Callable[[list[Applied]], Any]
    recover: Callable[[Outcome], Any] | None = None


class Method(Generic[Params]):
    """A method of the API.

    Attributes
    ----------
    name
        ``public/ticker``.
    params
        What it takes.
    handle
        Answers with a result, or with a `Submission`; refuses with `ApiError`.
    cancel
        Whether it spends credits of the cancel lane.
    """

    def __init__(
        self,
        name: str,
        params: type[Params],
        handle: Callable[[Gateway, Session, Params], Any],
        cancel: bool,
    ) -> None:
        self.name = name
        self.params = params
        self.handle = handle
        self.cancel = cancel


METHODS: dict[str, Method[Any]] = {}
"""Every method by name."""


def method(
    *names: str, params: type[Params], cancel: bool = False
) -> Callable[[Callable[[Gateway, Session, Params], Any]], Callable[[Gateway, Session, Params], Any]]:
    """Register a function as the method of each of ``names``."""

    def register(handle: Callable[[Gateway, Session, Params], Any]) -> Callable[[Gateway, Session, Params], Any]:
        for name in names:
            assert name not in METHODS, f"{name} is registered twice"
            METHODS[name] = Method(name, params, handle, cancel)
        return handle

    return register
