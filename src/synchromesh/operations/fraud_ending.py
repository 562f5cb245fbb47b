"""What is looked up and claimed once a fraud was stopped: the operator's bond, the chain's state, the users' money."""

from __future__ import annotations

import asyncio
from collections import Counter

from eth_typing import HexStr

from synchromesh.operations.fraud_floor import GatewayFloor
from synchromesh.operations.fraud_story import DEPOSITS
from synchromesh.protocol import address_of
from synchromesh.settlement.chain import Chain, chain_errors
from synchromesh.settlement.contracts import VenueContracts
from synchromesh.settlement.exits.leaving import Exit
from synchromesh.settlement.exits.run import leave
from synchromesh.settlement.forced import ForcedRequests
from synchromesh.settlement.payouts import Payouts, PayoutState
from synchromesh.settlement.posted import PostedBatches
from synchromesh.settlement.sender import Sender
from synchromesh.settlement.wallet import Wallet

POLL_SECONDS = 0.5


class Ending:
    """A venue's chain, as its users look at it.

    Args:
        chain: The chain.
        contracts: The venue's contracts.
        floor: The users, with their keys.
        operator: Who cheated.
    """

    def __init__(self, chain: Chain, contracts: VenueContracts, floor: GatewayFloor, operator: str) -> None:
        self._chain = chain
        self._contracts = contracts
        self._floor = floor
        self._operator = operator

    async def is_slashed(self) -> bool:
        """Returns whether the operator's bond and office are gone."""
        call, contracts = self._chain.call, self._contracts
        bond = int(await call(contracts.bonds.functions.bondOf(self._operator)))
        return bond == 0 and str(await call(contracts.settlement.functions.operator())) != self._operator

    async def holds(self, root: bytes) -> bool:
        """Returns whether the chain's last batch ends in a state."""
        tip = await self._chain.call(self._contracts.settlement.functions.tip())
        return bytes(tip[0]) == root

    async def gas_of(self, transaction: str) -> int:
        """Returns what a transaction used."""
        with chain_errors():
            receipt = await self._chain.web3.eth.get_transaction_receipt(HexStr(transaction))
        return int(receipt["gasUsed"])

    async def claim_all(self) -> bool:
        """Claims what is final for every user; returns whether nothing is left to claim."""
        payouts, done = Payouts(self._chain, self._contracts), True
        address = str(self._contracts.settlement.address)
        batches = [batch async for batch in PostedBatches(self._chain, address).read(0)]
        for user in DEPOSITS:
            secret = self._floor.secret(user)
            for payout in await payouts.of(address_of(secret), batches):
                if payout.state is PayoutState.FINAL:
                    await payouts.claim(Sender(self._chain, secret), payout)
                done &= payout.state is not PayoutState.PENDING
        return done

    async def has_paid(self, owed: Counter[bytes]) -> bool:
        """Returns whether every user holds on the chain what it withdrew, and nobody more, engine units of USDC."""
        for user in DEPOSITS:
            secret = self._floor.secret(user)
            if await self._balance(secret) != owed[address_of(secret)]:
                return False
        return True

    async def force_withdrawal(self, user: str, amount: int) -> None:
        """A user demands its money through the chain, engine units of USDC."""
        secret = self._floor.secret(user)
        sender = Sender(self._chain, secret)
        subaccount = self._floor.subaccount(user)
        await ForcedRequests(self._chain, self._contracts).withdraw(sender, subaccount, 0, amount, sender.address)

    async def leave(self) -> bool:
        """Everybody leaves a frozen venue; returns whether all were paid in full what the last state owes them."""
        return all(await asyncio.gather(*(self._leave(user) for user in DEPOSITS)))

    async def _leave(self, user: str) -> bool:
        secret = self._floor.secret(user)
        address = str(self._contracts.settlement.address)
        way_out = await Exit.connect(self._chain, address, address_of(secret), secret)
        async for _ in leave(way_out, POLL_SECONDS):
            pass
        accounts = (await way_out.status()).accounts
        paid = Counter[int]()
        for account in accounts:
            paid.update(account.paid)
        whole = all(account.paid == account.claimable for account in accounts)
        return whole and await self._balance(secret) == paid[0]

    async def _balance(self, secret: bytes) -> int:
        token = await self._chain.call(self._contracts.bonds.functions.token())
        return await Wallet(self._chain, str(self._contracts.settlement.address), token, secret).balance()
