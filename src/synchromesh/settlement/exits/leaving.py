"""The steps by which an owner leaves a frozen venue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import TypeVar

import msgspec
from web3.contract.async_contract import AsyncContractFunction
from web3.logs import DISCARD
from web3.types import TxReceipt

from synchromesh.settlement.blob_sources import BlobSource
from synchromesh.settlement.chain import Chain, Reverted
from synchromesh.settlement.exits.deposits import Deposits, StrandedDeposit
from synchromesh.settlement.exits.errors import ExitError, NothingToDo, NotYet, StateUnknown
from synchromesh.settlement.exits.state import CommittedState
from synchromesh.settlement.exits.valuation import Reason
from synchromesh.settlement.exits.venue import ExitVenue, Phase, Standing, describe
from synchromesh.settlement.payouts import Payout, Payouts, PayoutState
from synchromesh.settlement.sender import Outcome, Sender, action_of

Which = TypeVar("Which")


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
        deposits: The owner's deposits that were not credited, by index.
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
        self._deposits = Deposits(venue, self.state, owner)
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
        return ExitStatus(standing, await self._pools(), accounts, await self._deposits.stranded(standing), payouts)

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
        calls = {
            subaccount: exits.functions.claim(subaccount, self.state.witness(subaccount))
            for subaccount in self.state.accounts_of(self._owner)
            if not await self.venue.chain.call(exits.functions.hasClaimed(subaccount))
        }
        if not calls:
            raise NothingToDo("the owner has no account that has not claimed")
        moves = []
        for subaccount, receipt in _done(await self._send_each(calls)):
            [event] = exits.events.ExitClaimed().process_receipt(receipt, errors=DISCARD)
            claimed = _by_asset(event["args"]["assets"], event["args"]["amounts"])
            moves.append(_move(Step.CLAIM, receipt, subaccount, claimed))
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
        claims = self.venue.chain.logs(exits.events.ExitClaimed, owner=self._address)
        calls = {
            (int(log["args"]["subaccount"]), asset.asset): exits.functions.pay(log["args"]["subaccount"], asset.asset)
            async for log in claims
            for asset in self.venue.assets
        }
        outcomes = await self._send_each(calls)
        owed = {which: outcome for which, outcome in outcomes.items() if not _is_nothing_owed(outcome)}
        if not owed:
            raise NothingToDo("the owner is owed nothing that was not paid")
        moves = []
        for (subaccount, asset), receipt in _done(owed):
            [event] = exits.events.ExitPaid().process_receipt(receipt, errors=DISCARD)
            moves.append(_move(Step.PAY, receipt, subaccount, {asset: int(event["args"]["amount"])}))
        return moves

    async def return_deposits(self) -> list[Move]:
        """Has the owner's deposits returned that were not credited.

        Raises:
            NotYet: When there is none that can be returned before the venue is frozen.
            NothingToDo: When there is none at all.
            StateUnknown: When one was served, and the state before that cannot be rebuilt.
            ChainError: When the chain refuses.
        """
        standing = await self._follow()
        calls = await self._deposits.returnable(standing)
        if not calls:
            if not standing.frozen:
                raise NotYet(describe(standing))
            raise NothingToDo("the owner has no deposit that was neither credited nor returned")
        moves = []
        for index, receipt in _done(await self._send_each(calls)):
            [event] = self.venue.exits.events.DepositReturned().process_receipt(receipt, errors=DISCARD)
            amounts = {int(event["args"]["asset"]): int(event["args"]["amount"])}
            moves.append(_move(Step.RETURN_DEPOSIT, receipt, index, amounts))
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
        outcomes = await self._payouts.claim_each(self._require_sender(), ready)
        withdrawals = {payout.withdrawal.number: payout.withdrawal for payout in ready}
        return [
            _move(Step.WITHDRAWAL, receipt, number, {withdrawals[number].asset: withdrawals[number].amount})
            for number, receipt in _done(dict(zip(withdrawals, outcomes, strict=True)))
        ]

    @property
    def _address(self) -> str:
        return self.venue.chain.web3.to_checksum_address(self._owner)

    def _require_sender(self) -> Sender:
        if self._sender is None:
            raise ExitError("a key is needed, which pays for the transactions")
        return self._sender

    async def _send(self, call: AsyncContractFunction) -> TxReceipt:
        return await self._require_sender().send(call)

    async def _send_each(self, calls: Mapping[Which, AsyncContractFunction]) -> dict[Which, Outcome]:
        """Sends calls, none of which stops the others, and returns what became of each."""
        outcomes = await self._require_sender().send_each([action_of(call) for call in calls.values()])
        return dict(zip(calls, outcomes, strict=True))

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


def _move(step: Step, receipt: TxReceipt, number: int | None = None, amounts: dict[int, int] | None = None) -> Move:
    return Move(step, "0x" + bytes(receipt["transactionHash"]).hex(), number, amounts or {})


def _done(outcomes: Mapping[Which, Outcome]) -> list[tuple[Which, TxReceipt]]:
    """Returns what was not refused; when all of it was, raises why the first one was."""
    done = [(which, outcome) for which, outcome in outcomes.items() if not isinstance(outcome, Reverted)]
    if not done:
        raise next(outcome for outcome in outcomes.values() if isinstance(outcome, Reverted))
    return done


def _is_nothing_owed(outcome: Outcome) -> bool:
    """Whether a payment was refused since there is nothing to pay, and not because a token is stopped, say."""
    return isinstance(outcome, Reverted) and str(outcome).startswith("NothingOwed(")


def _by_asset(assets: Sequence[int], amounts: Sequence[int]) -> dict[int, int]:
    return {int(asset): int(amount) for asset, amount in zip(assets, amounts, strict=True) if amount}
