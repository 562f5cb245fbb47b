"""Instruments spread over the subaccounts of one owner: an account holds only so many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from synchromesh.client import Client

PER_ACCOUNT = 56
"""Instruments given to a subaccount; below the venue's ``max_instruments``: what expired counts until it is settled."""


class Spread:
    """Which subaccount of an owner trades which instrument.

    Args:
        client: A client that is logged in, with at least one subaccount.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._accounts: list[int] = []
        self._homes: dict[str, int] = {}

    def home(self, instrument: str) -> int:
        """Returns the subaccount of an instrument that was covered."""
        return self._homes[instrument]

    async def cover(self, instruments: Collection[str]) -> None:
        """Gives each instrument a subaccount, which it keeps while it is among them; opens as many as that takes.

        Raises:
            ClientError: When the venue does not answer, or refuses a subaccount or a transfer.
        """
        if not self._accounts:
            # A life before this one left positions: they go on where they are.
            held = await self._client.positions()
            self._homes = {position.instrument_name: position.subaccount_id for position in held}
        self._homes = {name: home for name, home in self._homes.items() if name in instruments}
        needed = -(-len(instruments) // PER_ACCOUNT)
        if len(self._accounts) < needed:
            await self._open(needed)
        load = Counter(self._homes.values())
        for name in instruments:
            if name not in self._homes:
                home = min(self._accounts, key=lambda account: load[account])
                self._homes[name] = home
                load[home] += 1

    async def _open(self, needed: int) -> None:
        """Opens subaccounts up to ``needed``, and shares out what the first one holds among those that have nothing."""
        accounts = await self._client.subaccounts()
        while len(accounts) < needed:
            accounts.append((await self._client.create_subaccount()).id)
        first, *others = accounts
        empty = [account for account in others if not (await self._client.account(account)).balance]
        share = (await self._client.account(first)).balance // (len(empty) + 1)
        for account in empty:
            await self._client.transfer(share, account, subaccount=first)
        self._accounts = accounts
