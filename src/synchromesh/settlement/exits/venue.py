"""Where a venue is on its way to the exit: what its contracts say."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum

import msgspec

from synchromesh.clock import SECOND
from synchromesh.settlement.assets import VaultAsset, read_assets
from synchromesh.settlement.chain import Chain, ChainError, chain_errors
from synchromesh.settlement.contracts import VenueContracts


class Phase(StrEnum):
    """What has to happen next, in this order."""

    LIVE = "live"
    """Nothing is overdue: the operator serves, or still has time."""
    OVERDUE = "overdue"
    """An inbox item was not served in time, or no batch came for too long: anyone may freeze the venue."""
    CHALLENGES = "challenges"
    """It is frozen, and its last batch still open to challenge."""
    READY = "ready"
    """Its last state is final: anyone may open the exit."""
    CLAIMS = "claims"
    """Accounts claim."""
    PAYMENTS = "payments"
    """Claims are paid; late ones from what is left."""


class Standing(msgspec.Struct, frozen=True):
    """Where the venue is.

    Attributes:
        phase: What has to happen next.
        until: When the next phase begins by itself, or at the earliest, seconds by the chain's clock; None when nobody
            knows, because it takes a transaction.
        now: The chain's clock, seconds.
        root: State root behind the last batch.
        batches: How many batches there are.
        served: How many inbox items they have served.
        inbox: How many inbox items there are.
    """

    phase: Phase
    until: int | None
    now: int
    root: bytes
    batches: int
    served: int
    inbox: int

    @property
    def waits(self) -> bool:
        """Whether an inbox item waits to be served."""
        return self.served < self.inbox

    @property
    def frozen(self) -> bool:
        """Whether the venue is frozen."""
        return self.phase not in (Phase.LIVE, Phase.OVERDUE)


def describe(standing: Standing) -> str:
    """Where the venue is and what comes next, in a sentence."""
    when = clock(standing.until) if standing.until is not None else ""
    item = f"inbox item {standing.served}"
    match standing.phase:
        case Phase.LIVE if standing.waits:
            return f"the venue runs; unless a batch serves {item}, it can be frozen from {when} on"
        case Phase.LIVE:
            lag = f"; without another batch, it can be frozen from {when} on" if when else ""
            return f"the venue runs, and batches have served all of its inbox: withdraw or force a withdrawal{lag}"
        case Phase.OVERDUE if standing.waits:
            return f"{item} was not served in time, or no batch came for too long: the venue can be frozen"
        case Phase.OVERDUE:
            return "no batch came for too long: the venue can be frozen"
        case Phase.CHALLENGES:
            return f"the venue is frozen; its last batch can be challenged until {when}"
        case Phase.READY:
            return "the venue is frozen, and its last state final: the exit can be opened"
        case Phase.CLAIMS:
            return f"the exit is open; claims are collected until {when}, and paid then"
        case Phase.PAYMENTS:
            return "claims are paid; late ones from what is left"


def clock(seconds: int) -> str:
    """A time of the chain's clock."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"


class ExitVenue:
    """A venue's contracts, as an exit uses them. `connect` finds them.

    Attributes:
        chain: The chain.
        contracts: The venue's contracts.
        valuer: Who computes what accounts may claim.
        assets: The vault's assets, by id.
    """

    def __init__(self, chain: Chain, contracts: VenueContracts, valuer: str, assets: list[VaultAsset]) -> None:
        self.chain = chain
        self.contracts = contracts
        self.settlement, self.exits = contracts.settlement, contracts.exits
        self.valuer = chain.contract("ExitValuer", valuer)
        self.assets = assets

    @classmethod
    async def connect(cls, chain: Chain, settlement: str) -> ExitVenue:
        """Finds the contracts from the settlement's address, hex.

        Raises:
            ChainError: When the node does not answer, or there is no such contract.
        """
        contracts = await VenueContracts.find(chain, settlement)
        valuer = str(await chain.call(contracts.exits.functions.valuer()))
        return cls(chain, contracts, valuer, await read_assets(chain, contracts.settlement))

    async def standing(self) -> Standing:
        """Where the venue is, by the newest block.

        Raises:
            ChainError: When the node does not answer.
        """
        with chain_errors():
            block = await self.chain.web3.eth.get_block("latest")
        call, read = self.chain.call, self.settlement.functions
        root, _, _, _, _, served, time, _ = await call(read.tip())
        batches, inbox = int(await call(read.batches())), int(await call(read.inboxLength()))
        phase, until = await self._phase(int(block["timestamp"]), batches, int(time) // SECOND)
        if phase is Phase.LIVE and served < inbox:
            until = await self.deadline(int(served))
        return Standing(phase, until, int(block["timestamp"]), bytes(root), batches, int(served), inbox)

    async def _phase(self, now: int, batches: int, time: int) -> tuple[Phase, int | None]:
        call, read = self.chain.call, self.settlement.functions
        closes = int(await call(self.exits.functions.closesAt()))
        if closes:
            return (Phase.CLAIMS, closes) if now < closes else (Phase.PAYMENTS, None)
        if not await call(read.frozen()):
            if await call(read.isOverdue()):
                return Phase.OVERDUE, None
            # A venue without batches has no time that could lag.
            return Phase.LIVE, await self._overdue(time, await call(read.maxTimeLag())) if batches else None
        if batches and not await call(read.isFinal(batches - 1)):
            _, _, committed, *_ = await call(read.batchAt(batches - 1))
            return Phase.CHALLENGES, int(committed) + int(await call(read.challengeWindow()))
        return Phase.READY, None

    async def deadline(self, index: int) -> int:
        """First second in which inbox item ``index``, the oldest that no batch has served, is overdue.

        Raises:
            ChainError: When the node does not answer.
        """
        serve = await self.chain.call(self.settlement.functions.serveDeadline())
        async for log in self.chain.logs(self.settlement.events.InboxItem, index=index):
            with chain_errors():
                block = await self.chain.web3.eth.get_block(log["blockNumber"])
            return await self._overdue(int(block["timestamp"]), serve)
        raise ChainError(f"the node has no inbox item {index}")

    async def _overdue(self, since: int, seconds: int) -> int:
        """First second in which what may take so many seconds since then is overdue."""
        return int(await self.chain.call(self.settlement.functions.dueAt(since, seconds))) + 1
