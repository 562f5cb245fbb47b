"""A venue of the fraud story on a local chain, and a watchtower of its own that is told nothing but where it is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NamedTuple

from support.floor import USERS, LedgerFloor
from support.ledger import OPERATOR
from support.local import LocalChain
from support.venue import secret
from synchromesh.agents.dishonest.operator import DishonestOperator
from synchromesh.operations.fraud_story import ACCOMPLICE
from synchromesh.settlement.chain import address_from_secret
from synchromesh.settlement.contracts import ZERO_ADDRESS, VenueContracts
from synchromesh.verification.status import WatchStatus
from verification.watchtower import convict

WATCHER = secret("watcher")
STAKES = 10_000 * 10**6
"""What the watchtower may stake on requests for leaves."""

Story = Callable[[LedgerFloor], Awaitable[None]]


class Stage(NamedTuple):
    """A venue that trades honestly, with commands that the chain does not have yet."""

    floor: LedgerFloor
    contracts: VenueContracts
    root: bytes
    key: Path

    @classmethod
    async def open(cls, local: LocalChain, folder: Path, committed: Story, owed: Story) -> Stage:
        """Opens one: the first part of the story is on the chain, the second is not."""
        floor = await LedgerFloor.open(local)
        await committed(floor)
        batch = await floor.venue.commit_journal()
        await owed(floor)
        key = folder / "watcher.key"
        key.touch(0o600)
        key.write_text(WATCHER.hex())
        await local.node.rpc("anvil_setBalance", address_from_secret(WATCHER), hex(10**20))
        await floor.venue.wallet(WATCHER).mint(STAKES)
        contracts = await VenueContracts.find(local.chain, floor.venue.deployment.settlement)
        return cls(floor, contracts, batch.header.new_root, key)

    def culprit(self) -> DishonestOperator:
        """The operator, when it does as it likes."""
        venue = self.floor.venue
        return DishonestOperator(venue.chain, venue.deployment.settlement, OPERATOR, USERS[ACCOMPLICE])

    async def watch(self, folder: Path) -> WatchStatus:
        """Runs a watchtower until it has ended a fraud."""
        venue = self.floor.venue
        return await convict(venue.chain.url, venue.deployment.settlement, self.key, folder)

    async def check_punished(self, batches: int, root: bytes) -> None:
        """The bond is gone, and the chain is back behind some batches."""
        contracts, call = self.contracts, self.floor.venue.chain.call
        settlement, bonds = contracts.settlement.functions, contracts.bonds.functions
        assert await call(bonds.bondOf(address_from_secret(OPERATOR))) == 0
        assert await call(settlement.operator()) == ZERO_ADDRESS
        assert await call(settlement.batches()) == batches
        assert bytes((await call(settlement.tip()))[0]) == root
