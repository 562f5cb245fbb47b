"""Requests that the operator may not ignore: sent to the chain, and where they are."""

from __future__ import annotations

from enum import StrEnum

import msgspec
from web3.contract.async_contract import AsyncContractFunction
from web3.logs import DISCARD

from synchromesh.protocol import ForcedCancelAll, ForcedCloseOnly, ForcedWithdraw, decode_inbox_body
from synchromesh.settlement.chain import Chain, chain_errors
from synchromesh.settlement.contracts import VenueContracts
from synchromesh.settlement.sender import Sender


class Forced(StrEnum):
    """What can be demanded."""

    WITHDRAW = "withdraw"
    CANCEL_ALL = "cancel-all"
    CLOSE_ONLY = "close-only"


class ForcedRequest(msgspec.Struct, frozen=True):
    """A request in the inbox.

    Attributes:
        index: Its inbox index.
        demand: What it demands.
        subaccount: Of which subaccount.
        asset: Asset id of a withdrawal.
        amount: At most how much of it, engine units.
        batch: The batch that served it; None before. Serving can mean that it was void: the subaccount is not the
            caller's, or there was nothing to withdraw, to cancel or to close.
        overdue_at: When the venue can be frozen if no batch has served it, seconds by the chain's clock.
    """

    index: int
    demand: Forced
    subaccount: int
    asset: int
    amount: int
    batch: int | None
    overdue_at: int


class ForcedRequests:
    """An owner's forced requests.

    Args:
        chain: The chain.
        contracts: The venue's contracts.
    """

    def __init__(self, chain: Chain, contracts: VenueContracts) -> None:
        self._chain = chain
        self._contract = contracts.settlement

    async def withdraw(self, sender: Sender, subaccount: int, asset: int, amount: int, recipient: str) -> int:
        """Demands a withdrawal of up to ``amount`` engine units, and returns its inbox index.

        Raises:
            ChainError: When the chain refuses.
        """
        to = self._chain.web3.to_checksum_address(recipient)
        return await self._send(sender, self._contract.functions.forceWithdraw(subaccount, asset, amount, to))

    async def cancel_all(self, sender: Sender, subaccount: int) -> int:
        """Demands that all orders of a subaccount be cancelled, and returns the inbox index.

        Raises:
            ChainError: When the chain refuses.
        """
        return await self._send(sender, self._contract.functions.forceCancelAll(subaccount))

    async def close_only(self, sender: Sender, subaccount: int) -> int:
        """Demands that a subaccount may only reduce its positions, and returns the inbox index.

        Raises:
            ChainError: When the chain refuses.
        """
        return await self._send(sender, self._contract.functions.forceCloseOnly(subaccount))

    async def of(self, owner: bytes) -> list[ForcedRequest]:
        """Returns the requests of an owner (20 bytes), by index.

        Raises:
            ChainError: When the node does not answer.
        """
        serve = int(await self._chain.call(self._contract.functions.serveDeadline()))
        cursors = await self._cursors()
        found = []
        async for log in self._chain.logs(self._contract.events.InboxItem):
            body = decode_inbox_body(bytes(log["args"]["item"]))
            if not isinstance(body, ForcedWithdraw | ForcedCancelAll | ForcedCloseOnly) or body.owner != owner:
                continue
            index = int(log["args"]["index"])
            with chain_errors():
                block = await self._chain.web3.eth.get_block(log["blockNumber"])
            due = await self._chain.call(self._contract.functions.dueAt(block["timestamp"], serve))
            found.append(
                ForcedRequest(
                    index=index,
                    demand=_DEMANDS[type(body)],
                    subaccount=body.subaccount,
                    asset=body.asset if isinstance(body, ForcedWithdraw) else 0,
                    amount=body.amount if isinstance(body, ForcedWithdraw) else 0,
                    batch=next((batch for batch, cursor in sorted(cursors.items()) if cursor > index), None),
                    overdue_at=int(due) + 1,
                )
            )
        return found

    async def _send(self, sender: Sender, call: AsyncContractFunction) -> int:
        receipt = await sender.send(call)
        [event] = self._contract.events.InboxItem().process_receipt(receipt, errors=DISCARD)
        return int(event["args"]["index"])

    async def _cursors(self) -> dict[int, int]:
        """How many inbox items are served behind each batch that stands."""
        cursors = {}
        count = int(await self._chain.call(self._contract.functions.batches()))
        async for log in self._chain.logs(self._contract.events.BatchCommitted):
            # Of batches with one index, all but the last were taken back.
            if log["args"]["index"] < count:
                cursors[int(log["args"]["index"])] = int(log["args"]["header"]["inboxCursor"])
        return cursors


_DEMANDS: dict[type, Forced] = {
    ForcedWithdraw: Forced.WITHDRAW,
    ForcedCancelAll: Forced.CANCEL_ALL,
    ForcedCloseOnly: Forced.CLOSE_ONLY,
}
