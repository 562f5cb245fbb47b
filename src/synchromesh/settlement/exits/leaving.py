"""The steps by which an owner leaves a frozen venue."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import msgspec
from web3.contract.async_contract import AsyncContractFunction
from web3.logs import DISCARD
from web3.types import TxReceipt

from synchromesh.protocol import Deposit, decode_inbox_body
from synchromesh.settlement.blobs import BlobSource
from synchromesh.settlement.chain import Chain, Reverted
from synchromesh.settlement.exits.errors import ExitError, NothingToDo, NotYet, StateUnknown
from synchromesh.settlement.exits.state import CommittedState
from synchromesh.settlement.exits.valuation import Reason
from synchromesh.settlement.exits.venue import ExitVenue, Phase, Standing, describe
from synchromesh.settlement.payouts import Payout, Payouts, PayoutState
from synchromesh.settlement.sender import Sender


class AccountExit(msgspec.Struct, frozen=True):
    """An account on its way out.

    Attributes:
        subaccount: Its number.
        claimable: What it may claim by the venue's last committed state, engine units by asset id.
        reasons: What that comes from.
        claimed: What it has claimed, engine units by asset id; None before.
        late: Whether it claimed after claims were collected.
        paid: What it was paid, engine units by asset id.
    """

    subaccount: int
    claimable: dict[int, int]
    reasons: list[Reason]
    claimed: dict[int, int] | None
    late: bool
    paid: dict[int, int]


class StrandedDeposit(msgspec.Struct, frozen=True):
    """A deposit that no batch credited.

    Attributes:
        index: Its inbox index.
        item: Its bytes in the inbox.
        asset: Asset id.
        amount: Engine units.
        returned: Whether it went back.
    """

    index: int
    item: bytes
    asset: int
    amount: int
    returned: bool


class Pool(msgspec.Struct, frozen=True):
    """What became of the claims on an asset, engine units.

    Attributes:
        asset: Asset id.
        claims: What was claimed in time.
        covered: How much of it is there.
        bonus: What of this asset goes to the claims on USDC, because there is less of that than was claimed.
        spare: What was left for late claims at first.
    """

    asset: int
    claims: int
    covered: int
    bonus: int
    spare: int


class ExitStatus(msgspec.Struct, frozen=True):
    """Where an owner is on the way out.

    Attributes:
        standing: Where the venue is.
        pools: What became of all claims, by asset; empty before the first was paid.
        accounts: The owner's accounts, ascending.
        deposits: The owner's deposits that no batch credited, by index.
        payouts: Withdrawals to the owner, by number.
    """

    standing: Standing
    pools: list[Pool]
    accounts: list[AccountExit]
    deposits: list[StrandedDeposit]
    payouts: list[Payout]


class Step(StrEnum):
    """What can be done on the way out."""

    FREEZE = "freeze"
    OPEN = "open"
    CLAIM = "claim"
    PAY = "pay"
    RETURN_DEPOSIT = "return-deposit"
    WITHDRAWAL = "withdrawal"


class Move(msgspec.Struct, frozen=True):
    """A step that was made.

    Attributes:
        step: Which.
        transaction: Hash of its transaction, hex.
        number: Of the account, the inbox item or the withdrawal that it was for; None where it was for all.
        amounts: What was claimed or paid, engine units by asset id.
    """

    step: Step
    transaction: str
    number: int | None = None
    amounts: dict[int, int] = {}


class Exit:
    """An owner's way out. Each step can be sent by anyone for anyone: payments go to the owner.

    Args:
        venue: The venue's contracts.
        owner: Who leaves, 20 bytes.
        sender: Who pays for transactions; None: nobody, `status` only.
        blobs: Where blobs of batches are found; None: on the node itself, as a local chain keeps them.
    """

    def __init__(
        self, venue: ExitVenue, owner: bytes, sender: Sender | None = None, blobs: BlobSource | None = None
    ) -> None:
        self.venue = venue
        self.state = CommittedState(venue.chain, str(venue.settlement.address), blobs)
        self._owner = owner
        self._sender = sender
        self._payouts = Payouts(venue.chain, venue.contracts)
        self._prices: tuple[bytes, list[int]] = (b"", [])

    @classmethod
    async def connect(
        cls,
        chain: Chain,
        settlement: str,
        owner: bytes,
        secret: bytes | None = None,
        blobs: BlobSource | None = None,
    ) -> Exit:
        """Finds a venue from its settlement contract, hex; ``secret`` is the key that pays.

        Raises:
            ChainError: When the node does not answer, or there is no such contract.
        """
        venue = await ExitVenue.connect(chain, settlement)
        return cls(venue, owner, Sender(chain, secret) if secret is not None else None, blobs)

    async def status(self) -> ExitStatus:
        """Returns where the owner is.

        Raises:
            StateUnknown: When the last committed state cannot be rebuilt.
            ChainError: When the node does not answer.
        """
        standing = await self._rebuild()
        accounts = [await self._account(subaccount) for subaccount in self.state.accounts_of(self._owner)]
        payouts = await self._payouts.of(self._owner, self.state.paying)
        return ExitStatus(standing, await self._pools(), accounts, await self._deposits(standing), payouts)

    async def freeze(self) -> Move:
        """Freezes the venue, whose operator is late.

        Raises:
            NotYet: When nothing is overdue, or the venue is frozen.
            ChainError: When the chain refuses.
        """
        await self._require(Phase.OVERDUE)
        return _move(Step.FREEZE, await self._send(self.venue.settlement.functions.freeze()))

    async def open(self) -> Move:
        """Opens the exit, for everybody.

        Raises:
            NotYet: When the venue is not frozen, a batch is open to challenge, or the exit is open.
            StateUnknown: When the last committed state cannot be rebuilt.
            ChainError: When the chain refuses.
        """
        await self._require(Phase.READY)
        await self._rebuild()
        witness = self.state.witness() if self.state.batches else b""
        return _move(Step.OPEN, await self._send(self.venue.exits.functions.open(witness)))

    async def claim(self) -> list[Move]:
        """Claims for those of the owner's accounts that have not.

        Raises:
            NotYet: When the exit is not open.
            NothingToDo: When every account of the owner has claimed, or it has none.
            StateUnknown: When the last committed state cannot be rebuilt.
            ChainError: When the chain refuses.
        """
        await self._require(Phase.CLAIMS, Phase.PAYMENTS)
        await self._rebuild()
        exits = self.venue.exits
        moves = []
        for subaccount in self.state.accounts_of(self._owner):
            if not await self.venue.chain.call(exits.functions.hasClaimed(subaccount)):
                receipt = await self._send(exits.functions.claim(subaccount, self.state.witness(subaccount)))
                [event] = exits.events.ExitClaimed().process_receipt(receipt, errors=DISCARD)
                claimed = _by_asset(event["args"]["assets"], event["args"]["amounts"])
                moves.append(_move(Step.CLAIM, receipt, subaccount, claimed))
        if not moves:
            raise NothingToDo("the owner has no account that has not claimed")
        return moves

    async def pay(self) -> list[Move]:
        """Has paid what the owner's accounts claimed.

        Raises:
            NotYet: When claims are still collected.
            NothingToDo: When nothing is owed.
            ChainError: When the chain refuses.
        """
        await self._require(Phase.PAYMENTS)
        exits = self.venue.exits
        moves, refused = [], None
        async for log in self.venue.chain.logs(exits.events.ExitClaimed, owner=self._address):
            subaccount = int(log["args"]["subaccount"])
            for asset in self.venue.assets:
                call = exits.functions.pay(subaccount, asset.asset)
                try:
                    await self.venue.chain.call(call)
                except Reverted as refusal:
                    # By the contract's own word nothing is owed; or a token is stopped, which must not stop the others.
                    refused = refused if str(refusal).startswith("NothingOwed(") else refusal
                    continue
                receipt = await self._send(call)
                [event] = exits.events.ExitPaid().process_receipt(receipt, errors=DISCARD)
                moves.append(_move(Step.PAY, receipt, subaccount, {asset.asset: int(event["args"]["amount"])}))
        if not moves:
            raise refused or NothingToDo("the owner is owed nothing that was not paid")
        return moves

    async def return_deposits(self) -> list[Move]:
        """Has the owner's deposits returned that no batch credited.

        Raises:
            NotYet: When the exit is not open.
            NothingToDo: When there is none.
            ChainError: When the chain refuses.
        """
        standing = await self._require(Phase.CLAIMS, Phase.PAYMENTS)
        waiting = [deposit for deposit in await self._deposits(standing) if not deposit.returned]
        if not waiting:
            raise NothingToDo("the owner has no deposit that was neither credited nor returned")
        moves = []
        for deposit in waiting:
            receipt = await self._send(self.venue.exits.functions.returnDeposit(deposit.index, deposit.item))
            moves.append(_move(Step.RETURN_DEPOSIT, receipt, deposit.index, {deposit.asset: deposit.amount}))
        return moves

    async def claim_withdrawals(self, early: bool = False) -> list[Move]:
        """Claims the final withdrawals to the owner.

        Args:
            early: Also those of a batch that is not final, but that a quorum vouches for.

        Raises:
            NothingToDo: When there is none.
            ChainError: When the chain refuses, an early one beyond the asset's cap, say.
        """
        await self._follow()
        states = (PayoutState.FINAL, PayoutState.VOUCHED) if early else (PayoutState.FINAL,)
        payouts = await self._payouts.of(self._owner, self.state.paying)
        ready = [each for each in payouts if each.state in states]
        if not ready:
            raise NothingToDo("no withdrawal to the owner can be claimed now")
        moves = []
        for payout in ready:
            receipt = await self._payouts.claim(self._require_sender(), payout)
            withdrawal = payout.withdrawal
            moves.append(_move(Step.WITHDRAWAL, receipt, withdrawal.number, {withdrawal.asset: withdrawal.amount}))
        return moves

    @property
    def _address(self) -> str:
        return self.venue.chain.web3.to_checksum_address(self._owner)

    def _require_sender(self) -> Sender:
        if self._sender is None:
            raise ExitError("a key is needed, which pays for the transactions")
        return self._sender

    async def _send(self, call: AsyncContractFunction) -> TxReceipt:
        return await self._require_sender().send(call)

    async def _require(self, *phases: Phase) -> Standing:
        standing = await self.venue.standing()
        if standing.phase not in phases:
            raise NotYet(describe(standing))
        return standing

    async def _follow(self) -> Standing:
        """Reads the batches, and returns where the venue is then."""
        while True:
            await self.state.follow()
            standing = await self.venue.standing()
            if self.state.batches == standing.batches:
                return standing

    async def _rebuild(self) -> Standing:
        """Rebuilds the last committed state, and returns where the venue is then."""
        standing = await self._follow()
        if self.state.fault is not None:
            raise self.state.fault
        if self.state.root != standing.root:
            raise StateUnknown(f"the batches lead to 0x{self.state.root.hex()}, the chain has 0x{standing.root.hex()}")
        return standing

    async def _account(self, subaccount: int) -> AccountExit:
        call, exits = self.venue.chain.call, self.venue.exits
        claim = self.venue.valuer.functions.claimOf(self.state.root, subaccount, self.state.witness(subaccount))
        _, assets, amounts = await call(claim)
        claimed, late = None, False
        async for log in self.venue.chain.logs(exits.events.ExitClaimed, subaccount=subaccount):
            arguments = log["args"]
            claimed, late = _by_asset(arguments["assets"], arguments["amounts"]), bool(arguments["late"])
        paid = {
            int(log["args"]["asset"]): int(log["args"]["amount"])
            async for log in self.venue.chain.logs(exits.events.ExitPaid, subaccount=subaccount)
        }
        reasons = self.state.reasons(subaccount, await self._asset_prices())
        return AccountExit(subaccount, _by_asset(assets, amounts), reasons, claimed, late, paid)

    async def _pools(self) -> list[Pool]:
        settled = self.venue.chain.logs(self.venue.exits.events.ExitSettled)
        return [Pool(*map(int, log["args"].values())) async for log in settled]

    async def _asset_prices(self) -> list[int]:
        """What the contract takes a whole unit of each asset for in the last state."""
        root = self.state.root
        if self._prices[0] != root:
            _, prices = await self.venue.chain.call(self.venue.valuer.functions.pools(root, self.state.witness()))
            self._prices = root, [int(price) for price in prices]
        return self._prices[1]

    async def _deposits(self, standing: Standing) -> list[StrandedDeposit]:
        """The owner's deposits that no batch credited."""
        if standing.served == standing.inbox:
            return []
        events = self.venue.exits.events
        logs = self.venue.chain.logs(events.DepositReturned, owner=self._address)
        returned = {int(log["args"]["index"]) async for log in logs}
        found = []
        async for log in self.venue.chain.logs(self.venue.settlement.events.InboxItem):
            index, item = int(log["args"]["index"]), bytes(log["args"]["item"])
            body = decode_inbox_body(item)
            if index >= standing.served and isinstance(body, Deposit) and body.owner == self._owner:
                found.append(StrandedDeposit(index, item, body.asset, body.amount, index in returned))
        return found


def _move(step: Step, receipt: TxReceipt, number: int | None = None, amounts: dict[int, int] | None = None) -> Move:
    return Move(step, "0x" + bytes(receipt["transactionHash"]).hex(), number, amounts or {})


def _by_asset(assets: Sequence[int], amounts: Sequence[int]) -> dict[int, int]:
    return {int(asset): int(amount) for asset, amount in zip(assets, amounts, strict=True) if amount}
