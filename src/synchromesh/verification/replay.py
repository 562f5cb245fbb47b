"""Replays what was verified before, the operator's choices included."""

from __future__ import annotations

from collections.abc import Container, Iterable

from synchromesh._native import Replica
from synchromesh.protocol import pack
from synchromesh.settlement.trace import PostedCommand


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
            replica.apply_named(command.record, command.named)
            records = []
        else:
            records.append(command.record)
    replica.apply_many(pack(records), verify=False)
