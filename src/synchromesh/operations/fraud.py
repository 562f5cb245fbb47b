"""``synchromesh demo --fraud``: a venue trades, its operator cheats, and what comes of it is told."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec

from synchromesh._native import Replica
from synchromesh.agents.dishonest import FRAUDS, Conviction, Fraud
from synchromesh.agents.dishonest.operator import REFUSED_CODE, read_journal
from synchromesh.config import ConfigError
from synchromesh.operations.dashboard import WATCHTOWER, read_status
from synchromesh.operations.fraud_ending import Ending
from synchromesh.operations.fraud_floor import GatewayFloor, floor_plan
from synchromesh.operations.fraud_story import ACCOMPLICE, go_on, trade
from synchromesh.operations.launch import LaunchError, VenueStack
from synchromesh.operations.processes import ProcessSpec, tail
from synchromesh.operations.watchtower import KEY, start_watchtower
from synchromesh.settlement.chain import Chain
from synchromesh.settlement.contracts import VenueContracts
from synchromesh.settlement.service import SettlementStatus
from synchromesh.verification.status import ChallengeMade, WatchStatus

PATIENCE_SECONDS = 60.0
"""Real seconds that each part of the story may take."""
LOOK_SECONDS = 0.1
CULPRIT = "dishonest"
"""Name of the dishonest operator's process."""
VICTIM, FORCED = "alice", 1_000 * 10**6
"""Whose forced withdrawal is ignored, and how much it asks for, engine units."""


class FraudReport(msgspec.Struct, kw_only=True):
    """How a fraud ended.

    Attributes:
        fraud: Its name.
        description: What the operator did.
        detected_by: Who stopped it: ``watchtower``, or ``contract`` where the chain does not take it at all.
        challenge: The contract's word for the challenge.
        reason: What the watchtower found.
        step: Which step of the batch it showed to be wrong; None where the fraud is in no step.
        challenge_tx: The transaction that convicted the operator.
        gas: What that used.
        rewarded: Whether the watchtower was paid.
        slashed: Whether the operator's bond and office are gone.
        users_whole: Whether the chain ends in the state of the honest journal and has paid what users took out.
        wall_s: Real seconds of all of it.
    """

    fraud: str
    description: str
    detected_by: str = ""
    challenge: str = ""
    reason: str = ""
    step: int | None = None
    challenge_tx: str = ""
    gas: int = 0
    rewarded: bool = False
    slashed: bool = False
    users_whole: bool = False
    wall_s: float = 0.0


def find_fraud(name: str) -> Fraud:
    """Returns the fraud of a name.

    Raises:
        ConfigError: When there is none.
    """
    try:
        return FRAUDS[name]
    except KeyError:
        raise ConfigError(f"there is no fraud {name!r}; --fraud list names them") from None


class FraudDemo:
    """One fraud from honest trading to everybody being paid.

    Args:
        directory: Venue directory; must not hold a venue yet.
        fraud: What the operator does.
        say: Gets a line whenever something has happened.
    """

    def __init__(self, directory: Path, fraud: Fraud, say: Callable[[str], None]) -> None:
        self._directory = directory
        self._fraud = fraud
        self._say = say
        self._stack = VenueStack(floor_plan(directory))
        self.report = FraudReport(fraud=fraud.name, description=fraud.description)

    async def run(self) -> FraudReport:
        """Plays it and returns how it ended.

        Raises:
            LaunchError: When a part of it does not happen in time.
            ClientError: When the venue refuses an honest command.
            ChainError: When the chain refuses an honest transaction.
        """
        started = time.monotonic()
        self._directory.mkdir(parents=True, exist_ok=True)
        try:
            config = await self._stack.start()
            chain = Chain(config.rpc_url)
            floor = GatewayFloor(self._stack, config)
            try:
                contracts = await VenueContracts.find(chain, config.contract)
                await self._play(floor, Ending(chain, contracts, floor, config.operator))
            finally:
                await floor.close()
                await chain.close()
        finally:
            await self._stack.stop()
        self.report.wall_s = round(time.monotonic() - started, 1)
        return self.report

    async def _play(self, floor: GatewayFloor, ending: Ending) -> None:
        supervisor = self._stack.supervisor
        await floor.open()
        await trade(floor)
        sequence = await floor.sequence()
        await self._until("the honest batches are committed", lambda: self._committed() >= sequence)
        self._say(f"{sequence} honest commands are on the chain")
        await start_watchtower(self._stack)
        await supervisor.stop(["settlement"])
        await go_on(floor)
        self._say(f"the operator cheats: {self._fraud.description[:1].lower()}{self._fraud.description[1:]}")
        if self._fraud.conviction is Conviction.FREEZE:
            await self._ignore(ending)
        else:
            await self._cheat(ending)

    async def _cheat(self, ending: Ending) -> None:
        supervisor = self._stack.supervisor
        arguments = ("--directory", str(self._directory), "--fraud", self._fraud.name, "--accomplice", ACCOMPLICE)
        await supervisor.start(
            ProcessSpec(name=CULPRIT, module="synchromesh.agents.dishonest", arguments=arguments, restart=False)
        )
        if self._fraud.conviction is Conviction.REFUSED:
            if await supervisor.wait(CULPRIT) != REFUSED_CODE:
                raise LaunchError(f"the contracts took the batch:\n{tail(self._log)}")
            self.report.detected_by = "contract"
            self._say("the contracts do not take the batch")
            await self._start_settlement("operator")
        else:
            await self._until("the watchtower proves the fraud", self._convicted)
            await supervisor.stop([CULPRIT])
            self._tell(self._watched().challenges[0])
            self.report.slashed = await ending.is_slashed()
            await self._start_settlement("standby")
        await self._settle(ending)

    async def _settle(self, ending: Ending) -> None:
        """The honest journal goes onto the chain, and users are paid."""
        await self._stack.supervisor.stop(["execution"])
        replica = Replica()
        for record in read_journal(self._stack.venue.journal):
            replica.apply(record)
        await self._until("the honest journal is committed", lambda: ending.holds(replica.state_root()))
        root = f"0x{replica.state_root().hex()}"
        await self._until("the watchtower has verified it", lambda: self._watched().verdict.root == root)
        self._say("the honest journal is settled, and verified")
        owed = Counter[bytes]()
        for _, _, amount, recipient in replica.withdrawals_since(0):
            owed[recipient] += amount
        await self._until("withdrawals are final and paid", ending.claim_all)
        self.report.users_whole = await ending.holds(replica.state_root()) and await ending.has_paid(owed)

    async def _ignore(self, ending: Ending) -> None:
        """Nobody serves a forced withdrawal: the venue is frozen, and everybody leaves."""
        await ending.force_withdrawal(VICTIM, FORCED)
        await self._stack.supervisor.stop(["execution"])
        await self._until("the watchtower freezes the venue", lambda: self._watched().frozen)
        report, transaction = self.report, self._watched().freeze
        report.detected_by, report.challenge, report.reason = KEY, "freeze", "inbox item not served in time"
        report.challenge_tx, report.gas = transaction, await ending.gas_of(transaction)
        self._say("the watchtower has frozen the venue; everybody leaves")
        report.slashed = await ending.is_slashed()
        report.users_whole = await ending.leave()

    def _convicted(self) -> bool:
        if self._stack.supervisor.pid(CULPRIT) is None:
            raise LaunchError(f"the dishonest operator has ended:\n{tail(self._log)}")
        return bool(self._watched().challenges)

    def _tell(self, made: ChallengeMade) -> None:
        report = self.report
        report.detected_by, report.challenge, report.reason = KEY, made.kind, f"{made.fraud}: {made.reason}"
        report.step, report.challenge_tx, report.gas = made.step, made.transaction, made.gas
        report.rewarded = made.rewarded
        self._say(f"the watchtower proves it in one transaction of {made.gas:,} gas ({report.reason})")

    def _watched(self) -> WatchStatus:
        return read_status(self._directory, WATCHTOWER, WatchStatus)

    def _committed(self) -> int:
        return read_status(self._directory, "settlement.json", SettlementStatus).last_sequence

    @property
    def _log(self) -> Path:
        return self._directory / "logs" / f"{CULPRIT}.log"

    async def _start_settlement(self, key: str) -> None:
        arguments = ("--directory", str(self._directory), "--confirmations", "1", "--key", key)
        store = ("--store", str(self._directory / f"settlement-{key}")) if key != "operator" else ()
        await self._stack.supervisor.start(
            ProcessSpec(name="settlement", module="synchromesh.settlement", arguments=(*arguments, *store))
        )

    async def _until(self, what: str, holds: Callable[[], bool | Awaitable[bool]]) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            answer = holds()
            if answer if isinstance(answer, bool) else await answer:
                return
            if time.monotonic() > deadline:
                raise LaunchError(f"it did not come to this within {PATIENCE_SECONDS:.0f} s: {what}")
            await asyncio.sleep(LOOK_SECONDS)
