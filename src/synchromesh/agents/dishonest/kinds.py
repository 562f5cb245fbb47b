"""The catalogues of what an operator could do otherwise: frauds, and choices that the rules leave to it. Each is a
function that writes a batch, under a name and a line that says what it does.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

import msgspec

from synchromesh.agents.dishonest.draft import Draft

Plan = Callable[[Draft], None]
"""Writes something into a draft."""


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


class Scheme(msgspec.Struct, frozen=True):
    """Something that an honest operator would not commit.

    Attributes:
        name: What it is called.
        description: What the operator does, in a line.
        plan: Writes it.
    """

    name: str
    description: str
    plan: Plan


class Fraud(Scheme, frozen=True):
    """A kind of fraud.

    Attributes:
        conviction: What ends it.
        shows_leaves: Whether the operator answers who asks for a leaf under its asserted root.
    """

    conviction: Conviction
    shows_leaves: bool = False

    @property
    def costs_the_bond(self) -> bool:
        """Whether the operator loses its bond by it: by all that it gets onto the chain."""
        return self.conviction is not Conviction.REFUSED


class Choice(Scheme, frozen=True):
    """Something that no step judges: the state that it leads to is one that the rules allow."""


FRAUDS: dict[str, Fraud] = {}
"""Every kind of fraud by its name; filled by the modules beside this one."""
CHOICES: dict[str, Choice] = {}
"""Every kind of choice by its name; filled by a module beside this one."""


def fraud(conviction: Conviction, *, shows_leaves: bool = False) -> Callable[[Plan], Plan]:
    """Puts a plan into the catalogue, by the name of its function and the first line of its docstring."""

    def register(plan: Plan) -> Plan:
        name, description = _titled(plan)
        assert name not in FRAUDS
        FRAUDS[name] = Fraud(name, description, plan, conviction, shows_leaves)
        return plan

    return register


def choice(plan: Plan) -> Plan:
    """Puts a plan into the catalogue of choices, in the same way."""
    name, description = _titled(plan)
    assert name not in CHOICES
    CHOICES[name] = Choice(name, description, plan)
    return plan


def _titled(plan: Plan) -> tuple[str, str]:
    assert plan.__doc__ is not None
    return plan.__name__.replace("_", "-"), plan.__doc__.splitlines()[0].removesuffix(".")
