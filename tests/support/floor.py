"""The story of `synchromesh.operations.fraud_story` on a local venue without processes: the ledger sequences it."""

from __future__ import annotations

from support.ledger import ADMIN, ALICE, BOB, CALL, ORACLE, Ledger
from support.local import LocalChain, LocalVenue
from support.venue import EXPIRY, SMILE, secret
from synchromesh._native import blake3, mark_arrays
from synchromesh.operations.fraud_story import ACCOMPLICE, INDEX
from synchromesh.protocol import Administration, ExpiryInputs, MarkInputs, MarkUpdate, SetRiskParameters, Side
from synchromesh.risk.parameters import DEFAULT_RISK
from synchromesh.settlement.chain import address_from_secret

USERS = {"alice": ALICE, "bob": BOB, "carol": secret("carol"), ACCOMPLICE: secret(ACCOMPLICE)}
"""Keys."""
USD = 10**9


class LedgerFloor:
    """An open venue whose marks have risk arrays.

    Args:
        venue: The contracts, and the journal.
    """

    def __init__(self, venue: LocalVenue) -> None:
        self.venue = venue
        self._subaccounts: dict[str, int] = {}

    @property
    def ledger(self) -> Ledger:
        """The journal."""
        return self.venue.ledger

    @classmethod
    async def open(cls, local: LocalChain) -> LedgerFloor:
        """Deploys the contracts and opens the venue."""
        floor = cls(await LocalVenue.new(local))
        for key in USERS.values():
            await local.node.rpc("anvil_setBalance", address_from_secret(key), hex(10**22))
        ledger = floor.ledger
        ledger.open()
        table = SetRiskParameters(1, DEFAULT_RISK["BTC"], 0, Administration(1))
        ledger.submit(ledger.domain.cosigned(table, [ADMIN], ledger.names))
        await floor.mark(INDEX)
        return floor

    async def deposit(self, user: str, usdc: int) -> None:
        """A user brings money."""
        await self.venue.deposit(USERS[user], usdc)
        await self.venue.credit()
        self._subaccounts[user] = len(self._subaccounts) + 1

    async def order(self, user: str, side: Side, lots: int, usdc: int) -> None:
        """A user places an order."""
        amount = lots * self.ledger.specs[CALL - 1].lot_size
        self.ledger.submit(self.ledger.order(USERS[user], self._subaccounts[user], side, usdc, amount=amount))

    async def withdraw(self, user: str, usdc: int) -> None:
        """A user takes money out."""
        self.ledger.withdraw(USERS[user], self._subaccounts[user], usdc)

    async def mark(self, index: int) -> None:
        """The oracle signs a mark."""
        ledger, price = self.ledger, index * USD
        inputs = MarkInputs(
            1, ledger.time + 1_000, price, 100_000, 3, price, 10_000, (ExpiryInputs(EXPIRY, price, 0, SMILE),)
        )
        specs = [spec.encode() for spec in ledger.specs if spec.underlying == 1]
        arrays = mark_arrays(inputs.encode(), specs, DEFAULT_RISK["BTC"].scenario.encode())
        # Listed once, and then a risk table was set.
        update = MarkUpdate(inputs, (), 2, blake3(arrays))
        ledger.submit(ledger.domain.cosigned(update, [ORACLE], ledger.names))
