"""Replays what was verified before, the operator's choices included."""

from __future__ import annotations

from collections.abc import Container, Iterable

from synchromesh._native import Replica
from synchromesh.protocol import pack
from synchromesh.settlement.trace import PostedCommand

Named = list[tuple[int, bytes]]
"""Kind and subject of each step of a command."""


def named(command: PostedCommand) -> Named:
    """Returns the steps of a command, as `Replica.apply_named` takes them."""
    return [(step.kind, step.subject) for step in command.steps]


def replay(replica: Replica, commands: Iterable[PostedCommand], chosen: Container[int] = ()) -> None:
    """Moves a replica behind posted commands, which were verified before.

    Args:
        replica: Stands before them.
        commands: The commands.
        chosen: Sequences of those that went the way that the operator chose.
    """
    records: list[bytes] = []
    for command in commands:
        if command.sequence in chosen:
            replica.apply_many(pack(records), verify=False)
            replica.apply_named(command.record, named(command))
            records = []
        else:
            records.append(command.record)
    replica.apply_many(pack(records), verify=False)
