"""Frauds with the data themselves: what they are said to be, and what the chain's own inbox says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from synchromesh._native import Progress
from synchromesh.agents.dishonest.draft import Draft
from synchromesh.agents.dishonest.kinds import Conviction, fraud
from synchromesh.agents.dishonest.orders import USDC
from synchromesh.protocol import Deposit, InboxItem, PlaceOrder
from synchromesh.settlement.batches import Source
from synchromesh.settlement.packing import PackedChunk

MALFORMED = b"\x00\x00\xff"
"""An entry without a record, where none can be."""


@fraud(Conviction.BLOB)
def untrue_blob(draft: Draft) -> None:
    """A blob is said to end in another state than the one that its data end in."""
    record, _ = draft.until(PlaceOrder)
    draft.take(record)
    state = draft.state
    state.add_cash(draft.accomplice.subaccount, 1_000_000 * USDC)
    root = state.root()
    draft.source = Source.BLOB
    draft.said = lambda chunks: [*chunks[:-1], _ending(chunks[-1], root=root)]


@fraud(Conviction.BLOB)
def malformed_blob(draft: Draft) -> None:
    """A blob holds bytes that are no batch data at all, and is said to hold the batch."""
    record, _ = draft.until(PlaceOrder)
    draft.take(record)
    draft.source = Source.BLOB
    draft.said = lambda chunks: [*chunks[:-1], replace(chunks[-1], data=MALFORMED)]


@fraud(Conviction.BLOB)
def invented_deposit(draft: Draft) -> None:
    """A deposit that nobody made is in a blob that is said to hold nothing but the chain's own inbox."""
    draft.until(PlaceOrder)
    cursor, inbox_hash = draft.replica.inbox_cursor, draft.replica.inbox_hash
    _invent_deposit(draft)
    draft.source = Source.BLOB
    draft.said = lambda chunks: [
        *chunks[:-1],
        _ending(chunks[-1], inbox_cursor=cursor, inbox_hash=inbox_hash),
    ]


@fraud(Conviction.REFUSED)
def invented_deposit_in_calldata(draft: Draft) -> None:
    """A deposit that nobody made is in calldata, which the chain reads itself."""
    draft.until(PlaceOrder)
    _invent_deposit(draft)


@fraud(Conviction.FREEZE)
def ignored_request(draft: Draft) -> None:
    """A user's forced withdrawal waits in the inbox, and no batch ever takes it."""


def _invent_deposit(draft: Draft) -> None:
    accomplice = draft.accomplice
    deposit = Deposit(accomplice.address, accomplice.subaccount, 0, 1_000_000 * USDC)
    draft.unchecked(InboxItem(draft.replica.inbox_cursor, deposit))


def _ending(chunk: PackedChunk, **changes: Any) -> PackedChunk:
    """A chunk of which something else is said about where it ends."""
    names = ("root", "chain_hash", "command", "inbox_hash", "sequence", "inbox_cursor", "last_time", "step")
    end = chunk.end
    return replace(chunk, end=Progress(**({name: getattr(end, name) for name in names} | changes)))
