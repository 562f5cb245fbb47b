"""Deposits that came to nothing: no batch served them, or one did and credited nobody."""

from __future__ import annotations

import msgspec
from web3.contract.async_contract import AsyncContractFunction

from synchromesh.protocol import Deposit, decode_inbox_body
from synchromesh.settlement.exits.state import CommittedState
from synchromesh.settlement.exits.venue import ExitVenue, Standing


class StrandedDeposit(msgspec.Struct, frozen=True):
    """A deposit that was not credited.

    Attributes:
        index: Its inbox index.
        item: Its bytes in the inbox.
        asset: Asset id.
        amount: Engine units.
        served: The batch that served it without crediting it; None: none did so far.
        returned: Whether it went back.
    """

    index: int
    item: bytes
    asset: int
    amount: int
    served: int | None
    returned: bool


class Deposits:
    """An owner's deposits.

    Args:
        venue: The venue's contracts.
        state: Follows the batches.
        owner: Whose, 20 bytes.
    """

    def __init__(self, venue: ExitVenue, state: CommittedState, owner: bytes) -> None:
        self._venue = venue
        self._state = state
        self._owner = owner

    async def stranded(self, standing: Standing) -> list[StrandedDeposit]:
        """Returns those that were not credited, by index; ``standing`` is where the venue is behind the batches.

        Raises:
            ChainError: When the node does not answer.
        """
        refused = self._state.refused_deposits
        if not (standing.waits or refused):
            return []
        events, address = self._venue.exits.events, self._venue.chain.web3.to_checksum_address(self._owner)
        logs = self._venue.chain.logs(events.DepositReturned, owner=address)
        returned = {int(log["args"]["index"]) async for log in logs}
        found = []
        async for log in self._venue.chain.logs(self._venue.settlement.events.InboxItem):
            index, item = int(log["args"]["index"]), bytes(log["args"]["item"])
            body = decode_inbox_body(item)
            is_stranded = index >= standing.served or index in refused
            if is_stranded and isinstance(body, Deposit) and body.owner == self._owner:
                served = refused[index].batch if index in refused else None
                found.append(StrandedDeposit(index, item, body.asset, body.amount, served, index in returned))
        return found

    async def returnable(self, standing: Standing) -> dict[int, AsyncContractFunction]:
        """Returns the calls that give back what can be given back now, by inbox index.

        Raises:
            StateUnknown: When the state before a deposit was served cannot be rebuilt.
            ChainError: When the node does not answer.
        """
        exits = self._venue.exits.functions
        calls: dict[int, AsyncContractFunction] = {}
        for deposit in await self.stranded(standing):
            if deposit.returned:
                continue
            if deposit.served is None:
                if standing.frozen:
                    calls[deposit.index] = exits.returnDeposit(deposit.index, deposit.item)
            elif await self._venue.chain.call(self._venue.settlement.functions.isFinal(deposit.served)):
                shown = await self._state.show_refused(self._state.refused_deposits[deposit.index])
                calls[deposit.index] = exits.reclaimDeposit(*shown)
        return calls
