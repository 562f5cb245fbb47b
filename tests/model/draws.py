"""What a random stream chooses from: accounts, instruments, keys and signatures, mostly sound."""

from collections.abc import Callable
from random import Random

from model.engine import Model
from model.state import Account, Instrument, Order
from model.venue import (
    ADMINS,
    MINUTE,
    ORACLES,
    OWNERS,
    SECOND,
    SESSION_KEYS,
    START,
)
from synchromesh.protocol import (
    NO_SIGNATURE,
    USD,
    USDC,
    Administration,
    Authorization,
    Command,
    Cosignature,
    InboxBody,
    InboxItem,
    InstrumentKind,
    Side,
)


class Draws:
    """Draws from a `random.Random` by what the model knows."""

    def __init__(self, random: Random, model: Model) -> None:
        self.random, self.model = random, model
        self.time = START
        self.nonce = START
        self.opening: list[Callable[[], Command]] = []
        """Commands that set the venue up, not yet drawn."""

    # Choices

    def _chance(self, share: float) -> bool:
        """True now and then, but never while the venue is being set up."""
        return not self.opening and self.random.random() < share

    def _account(self) -> Account:
        rich = [account for account in self.model.accounts if account.balance(USDC) >= 1_000 * USD]
        return self.random.choice(rich if rich and self._chance(0.95) else self.model.accounts)

    def _subaccount(self, account: Account) -> int:
        return self.random.randint(0, len(self.model.accounts) + 2) if self._chance(0.005) else account.number

    def _order(self) -> Order | None:
        orders = [order for account in self.model.accounts for order in account.orders.values()]
        return self.random.choice(orders) if orders else None

    def _instrument(self) -> Instrument:
        live = [one for one in self.model.instruments if one.status == "open"]
        perpetuals = [one for one in live if one.spec.kind == InstrumentKind.PERPETUAL]
        busy = [one for one in live if one.sides[Side.BUY] or one.sides[Side.SELL]]
        pools = (self.model.instruments if self._chance(0.02) else live, perpetuals, busy or live)
        return self.random.choice(self.random.choices(pools, (2, 2, 3))[0])

    def _underlying(self) -> int:
        return self.random.randint(0, 3) if self._chance(0.02) else self.random.randint(1, 2)

    def _own_key(self, owner: bytes) -> bytes:
        grants = {key: held.grant for key, held in self.model.keys.items() if held.grant is not None}
        mine = [key for key, grant in grants.items() if grant.owner == owner]
        able = [key for key in mine if not grants[key].revoked and grants[key].scopes == 15]
        pool = self.random.choices(([owner], able, mine, OWNERS + SESSION_KEYS), (70, 25, 4, 1))[0]
        return self.random.choice(pool or [owner])

    def _trading(self, owner: bytes) -> Authorization:
        self.nonce = max(self.nonce + 1, self.time)
        signer, nonce, expiry = self._own_key(owner), self.nonce, self.time + MINUTE
        if self._chance(0.01):
            known = self.model.keys.get(signer)
            nonces = [*(known.nonces if known else ()), 0, self.time - 61 * SECOND, self.time + 6 * SECOND]
            nonce = max(0, self.random.choice([*nonces, self.time - 30 * SECOND, self.time + SECOND]))
        if self._chance(0.002):
            expiry = self.time
        return Authorization(signer, nonce, expiry, NO_SIGNATURE)

    def _owner(self, owner: bytes) -> Authorization:
        known = self.model.keys.get(owner)
        nonce = (known.next_nonce if known else 0) + (1 if self._chance(0.02) else 0)
        return Authorization(owner, nonce, self.time + (0 if self._chance(0.01) else MINUTE), NO_SIGNATURE)

    def _cosigned(self, keys: list[bytes], stranger: bytes) -> tuple[Cosignature, ...]:
        signers = keys[: 1 if self._chance(0.03) else self.random.randint(2, 3)]
        if self._chance(0.02):
            signers = sorted({*signers, stranger})
        return tuple(Cosignature(signer, NO_SIGNATURE) for signer in signers)

    def _administration(self) -> Administration:
        nonce = self.model.admin_nonce + (1 if self._chance(0.02) else 0)
        return Administration(nonce, self._cosigned(ADMINS, ORACLES[0]))

    def _item(self, body: InboxBody) -> InboxItem:
        return InboxItem(self.model.inbox_next + (1 if self._chance(0.01) else 0), body)
