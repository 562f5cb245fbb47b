"""The catalogue of frauds: each is a function that writes a batch, under a name and a line that says what it does."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

import msgspec

from synchromesh.agents.dishonest.draft import Draft

Plan = Callable[[Draft], None]
"""Writes the fraud into a draft."""


class Conviction(StrEnum):
    """What ends a fraud: a challenge, by the contract's word for it, or something that needs none."""

    STEP = "step"
    ASSERTED = "asserted"
    OMISSION = "omission"
    BLOB = "blob"
    WITHDRAWAL = "withdrawal"
    WITHDRAWAL_COUNT = "withdrawal_count"
    SILENCE = "silence"
    REFUSED = "refused"
    FREEZE = "freeze"


class Fraud(msgspec.Struct, frozen=True):
    """A kind of fraud.

    Attributes:
        name: What it is called.
        description: What the operator does, in a line.
        conviction: What ends it.
        plan: Writes it.
        shows_leaves: Whether the operator answers who asks for a leaf under its asserted root.
    """

    name: str
    description: str
    conviction: Conviction
    plan: Plan
    shows_leaves: bool = False

    @property
    def costs_the_bond(self) -> bool:
        """Whether the operator loses its bond by it: by all that it gets onto the chain."""
        return self.conviction is not Conviction.REFUSED


FRAUDS: dict[str, Fraud] = {}
"""Every kind by its name; filled by the modules beside this one."""


def fraud(conviction: Conviction, *, shows_leaves: bool = False) -> Callable[[Plan], Plan]:
    """Puts a plan into the catalogue, by the name of its function and the first line of its docstring."""

    def register(plan: Plan) -> Plan:
        name = plan.__name__.replace("_", "-")
        assert plan.__doc__ is not None
        assert name not in FRAUDS
        description = plan.__doc__.splitlines()[0].removesuffix(".")
        FRAUDS[name] = Fraud(name, description, conviction, plan, shows_leaves)
        return plan

    return register
