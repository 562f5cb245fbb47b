"""Frauds with marks: what the oracles signed, and what follows from it."""

from __future__ import annotations

import msgspec

from synchromesh._native import Step, keccak256
from synchromesh.agents.dishonest.accounts import NO_SIGNATURE
from synchromesh.agents.dishonest.draft import CannotCheatError, Draft
from synchromesh.agents.dishonest.kinds import Conviction, fraud
from synchromesh.protocol import Cosignature, InstrumentKind, MarkUpdate
from synchromesh.verification.examine import LIQUIDATION_START

LANE = 17
"""The scenario that is moved."""


@fraud(Conviction.STEP)
def no_oracle_quorum(draft: Draft) -> None:
    """A mark goes through, a tenth lower, that no oracle signed."""
    _, honest = draft.until(MarkUpdate)
    inputs = msgspec.structs.replace(honest.inputs, index=honest.inputs.index * 9 // 10)
    mark = MarkUpdate(inputs, (), honest.listing_epoch, draft.tables.arrays_hash(inputs))
    forged = tuple(Cosignature(oracle, NO_SIGNATURE) for oracle in draft.tables.oracles)
    draft.as_if(draft.accomplice.cosign(mark), msgspec.structs.replace(mark, cosignatures=forged))


@fraud(Conviction.ASSERTED, shows_leaves=True)
def lane_off_by_one(draft: Draft) -> None:
    """One scenario of an option's risk array is a unit beside what the model gives."""
    record, mark = draft.until(MarkUpdate)
    draft.bend(record, lambda state: state.add_lane(_option(draft, mark), LANE, 1))


@fraud(Conviction.ASSERTED, shows_leaves=True)
def mark_off_by_one(draft: Draft) -> None:
    """The mark of an option is a millionth of a dollar above what the model gives."""
    record, mark = draft.until(MarkUpdate)
    draft.bend(record, lambda state: state.add_mark(_option(draft, mark), 1))


@fraud(Conviction.STEP, shows_leaves=True)
def altered_series(draft: Draft) -> None:
    """Behind a mark the strike of an option is another one."""
    record, mark = draft.until(MarkUpdate)
    option = _option(draft, mark)
    draft.bend(record, lambda state: state.add_strike(option, draft.tables.specs[option].strike))


@fraud(Conviction.SILENCE)
def garbage_mark(draft: Draft) -> None:
    """The root behind a mark is made up: there are no leaves under it that anybody could look at."""
    record, _ = draft.until(MarkUpdate)
    steps = draft.replica.apply_steps(record)
    made_up = Step(kind=steps[0].kind, last=True, subject=steps[0].subject, root=keccak256(b"nothing"))
    draft.claim(record, [made_up])


@fraud(Conviction.OMISSION)
def omitted_liquidation(draft: Draft) -> None:
    """A mark puts an account below its maintenance margin, and the account is not liquidated."""
    while True:
        record, _ = draft.until(MarkUpdate)
        steps = draft.replica.copy().apply_steps(record)
        started = [place for place, step in enumerate(steps) if step.kind == LIQUIDATION_START]
        if started:
            break
        draft.take(record)
    *before, end = steps[: started[0]]
    draft.claim(record, [*before, Step(kind=end.kind, last=True, subject=end.subject, root=end.root)])


def _option(draft: Draft, mark: MarkUpdate) -> int:
    """An option of the underlying that a mark is for."""
    for number, spec in draft.tables.specs.items():
        if spec.underlying == mark.inputs.underlying and spec.kind is InstrumentKind.OPTION:
            return number
    raise CannotCheatError("the underlying of the next mark has no options")
