"""Choices that the rules leave to the operator, made otherwise than the engine makes them. None of them is fraud."""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby
from typing import Any

import msgspec

from synchromesh._native import Step, keccak256
from synchromesh.agents.dishonest.draft import TICK_NS, CannotCheatError, Draft
from synchromesh.agents.dishonest.kinds import choice
from synchromesh.agents.dishonest.orders import FAR
from synchromesh.protocol import Clock, MarkUpdate, PlaceOrder, Record, Side, TimeInForce
from synchromesh.settlement.trace import Named
from synchromesh.verification.examine import LIQUIDATION_ROUND

DELEVERAGE = 41
LIQUIDATION_SLICE = 39
"""Step kinds."""
ENDED_MAX = 10
"""Orders that a clock may remove."""
_AMOUNT_AT = 24
"""Where a subject has its amount."""


@choice
def used_client_id(draft: Draft) -> None:
    """Two orders of one account have the same client order id."""
    model = _order(draft)
    for _ in range(2):
        draft.choose(draft.record(_offer(draft, model, client_id="twice")), None)


@choice
def other_arrays(draft: Draft) -> None:
    """A mark names a hash that is not that of its arrays."""
    record, _ = draft.until(MarkUpdate)
    draft.choose(garbled(record), None)


@choice
def order_of_removals(draft: Draft) -> None:
    """Of two orders past their end the later one leaves first."""
    _end_orders(draft, lambda removals: removals[::-1])


@choice
def spared_order(draft: Draft) -> None:
    """Of two orders past their end one stays in the book."""
    _end_orders(draft, lambda removals: removals[:1])


@choice
def order_of_looks(draft: Draft) -> None:
    """A mark looks at accounts in descending order."""
    record, steps = mark_with(draft, lambda steps: len(looks_of(steps)) > 1)
    draft.choose(record, names_of([steps[0], *joined(looks_of(steps)[::-1]), *joined(rounds_of(steps))]))


@choice
def order_of_rounds(draft: Draft) -> None:
    """The liquidation with the smallest shortfall advances first."""
    record, steps = mark_with(draft, lambda steps: len(rounds_of(steps)) > 1)
    draft.choose(record, names_of([steps[0], *joined(looks_of(steps)), *joined(rounds_of(steps)[::-1])]))


@choice
def rounds_put_off(draft: Draft) -> None:
    """A liquidation that is due waits for the next command."""
    record, steps = mark_with(draft, lambda steps: len(rounds_of(steps)) > 1)
    draft.choose(record, names_of([steps[0], *joined(looks_of(steps)), *rounds_of(steps)[0]]))


@choice
def smaller_slice(draft: Draft) -> None:
    """A liquidation trades a lot less than its slice."""
    record, steps = mark_with(draft, lambda steps: any(step.kind == LIQUIDATION_SLICE for step in steps))
    named = names_of(steps)
    at = next(at for at, (kind, _) in enumerate(named) if kind == LIQUIDATION_SLICE)
    named[at] = named[at][0], _with_amount(named[at][1], -1)
    draft.choose(record, named)


@choice
def other_counterparties(draft: Draft) -> None:
    """Those against whom a position is closed come in another order."""
    record, steps = mark_with(draft, lambda steps: any(step.kind == DELEVERAGE for step in steps))
    named = names_of(steps)
    at = next(at for at, (kind, _) in enumerate(named) if kind == DELEVERAGE)
    named[at], named[at + 1] = named[at + 1], named[at]
    draft.choose(record, named)


def garbled(record: bytes) -> bytes:
    """A mark with a hash of arrays that it does not have."""
    found = Record.decode(record)
    assert isinstance(found.command, MarkUpdate), "no other command has arrays"
    return Record(found.time, msgspec.structs.replace(found.command, arrays_hash=keccak256(b"others"))).encode()


def _end_orders(draft: Draft, choose: Callable[[Named], Named]) -> None:
    """Two orders of the accomplice end, and the clock removes what is chosen of them."""
    model = _order(draft)
    for lifetime in (5, 6):
        end = draft.replica.time + lifetime * TICK_NS
        draft.act(_offer(draft, model, time_in_force=TimeInForce.GTD, valid_until=end))
    record = Record(draft.replica.time + 10 * TICK_NS, Clock(ENDED_MAX)).encode()
    first, *removals = names_of(draft.replica.copy().apply_steps(record))
    if len(removals) != 2:
        raise CannotCheatError("other orders end as well")
    draft.choose(record, [first, *choose(removals)])


def _order(draft: Draft) -> PlaceOrder:
    """Writes what waits up to an order, which is returned."""
    record, order = draft.until(PlaceOrder)
    draft.take(record)
    return order


def _offer(draft: Draft, model: PlaceOrder, **changes: Any) -> PlaceOrder:
    """An offer of the accomplice where another order was, so dear that nobody takes it."""
    price = model.limit_price + FAR
    return draft.accomplice.order(model.instrument, Side.SELL, model.amount, price, **changes)


def mark_with(draft: Draft, wanted: Callable[[list[Step]], bool]) -> tuple[bytes, list[Step]]:
    """Writes what waits up to the first mark with such steps, which is returned with them and not written."""
    while True:
        record, _ = draft.until(MarkUpdate)
        steps = draft.replica.copy().apply_steps(record)
        if wanted(steps):
            return record, steps
        draft.take(record)


def _first_round(steps: list[Step]) -> int:
    return next((at for at, step in enumerate(steps) if step.kind == LIQUIDATION_ROUND), len(steps))


def looks_of(steps: list[Step]) -> list[list[Step]]:
    """The looks at accounts behind a mark, each with the steps that it is made of."""
    looks = groupby(steps[1 : _first_round(steps)], key=lambda step: step.subject[:8])
    return [list(look) for _, look in looks]


def rounds_of(steps: list[Step]) -> list[list[Step]]:
    """The rounds behind the looks."""
    found: list[list[Step]] = []
    for step in steps[_first_round(steps) :]:
        if step.kind == LIQUIDATION_ROUND:
            found.append([])
        found[-1].append(step)
    return found


def joined(groups: list[list[Step]]) -> list[Step]:
    """The steps of looks or rounds."""
    return [step for group in groups for step in group]


def names_of(steps: list[Step]) -> Named:
    """Steps as they are named."""
    return [(step.kind, step.subject) for step in steps]


def _with_amount(subject: bytes, change: int) -> bytes:
    amount = int.from_bytes(subject[_AMOUNT_AT:], "big", signed=True) + change
    return subject[:_AMOUNT_AT] + amount.to_bytes(8, "big", signed=True)
