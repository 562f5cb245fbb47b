"""A batch as a dishonest operator writes it: honest commands first, then whatever serves it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import msgspec

from synchromesh._native import Replica, Step, chain_hash, record_hash
from synchromesh.agents.dishonest.state import State
from synchromesh.agents.dishonest.venue import VenueTables
from synchromesh.protocol import (
    Authorization,
    Command,
    MarkUpdate,
    OrderType,
    PlaceOrder,
    PostOnly,
    Record,
    RegisterSessionKey,
    RevokeSessionKey,
    SelfTrade,
    SetParameter,
    Side,
    TimeInForce,
    Withdraw,
    address_of,
    sign,
)
from synchromesh.settlement.batches import QueuedWithdrawal, Source
from synchromesh.settlement.packing import PackedChunk
from synchromesh.settlement.trace import Named

TICK_NS = 1_000
"""Venue time between two commands that the operator adds, ns."""
FOREVER = 2**62
"""When a signature ends that need not end."""
MAX_FEE = 10**8
"""Fee bound of the accomplice's orders, micro-USDC per contract."""

C = TypeVar("C")
A = TypeVar("A", PlaceOrder, Withdraw, RegisterSessionKey, RevokeSessionKey)
Q = TypeVar("Q", SetParameter, MarkUpdate)


class CannotCheatError(Exception):
    """The journal does not hold what the fraud needs."""


class Draft:
    """The next batch. What is honest is what the engine does; the rest is claimed.

    Args:
        replica: Where the last batch ended.
        tables: What the journal said up to there.
        pending: The honest commands behind it.
        accomplice: Secret key of a user of the venue who is in league with the operator.

    Attributes:
        replica: Behind the last honest command written.
        written: Records with the steps claimed of them.
        withdrawals: What the batch lets out.
        source: Where its data go.
        said: Makes of the chunks what is said of them.
        asserted: The state behind an asserted root, when the operator can show it.
    """

    def __init__(self, replica: Replica, tables: VenueTables, pending: Iterable[bytes], accomplice: bytes) -> None:
        self.replica = replica
        self.tables = tables
        self.accomplice = Accomplice(self, accomplice)
        self.written: list[tuple[bytes, list[Step]]] = []
        self.withdrawals: list[QueuedWithdrawal] = []
        self.source = Source.CALLDATA
        self.said: Callable[[list[PackedChunk]], list[PackedChunk]] = list
        self.asserted: State | None = None
        self._pending = iter(pending)
        replica.forget_withdrawals(replica.next_withdrawal)

    def following(self) -> Draft:
        """The batch behind this one, in which everything is right so far."""
        return Draft(self.replica, self.tables, self._pending, self.accomplice.secret)

    @property
    def state(self) -> State:
        """The state behind the last honest command."""
        return State.of(self.replica)

    def record(self, command: Command) -> bytes:
        """Returns the record that a command would be now."""
        return Record(self.replica.time + TICK_NS, command).encode()

    # Honest commands

    def take(self, record: bytes) -> None:
        """Writes an honest command."""
        self._write(record, self.replica.apply_steps(record, verify=True))
        self.tables.learn(record)

    def act(self, command: Command) -> None:
        """Writes an honest command of the accomplice."""
        self.take(self.record(command))

    def until(self, kind: type[C]) -> tuple[bytes, C]:
        """Writes the pending commands up to the first of a kind, which is returned with its record and not written.

        Raises:
            CannotCheatError: When there is none.
        """
        for record in self._pending:
            command = Record.decode(record).command
            if isinstance(command, kind):
                return record, command
            self.take(record)
        raise CannotCheatError(f"no {kind.__name__} waits to be committed")

    # Choices that are no fraud

    def choose(self, record: bytes, named: Named | None) -> None:
        """Writes a command by the steps that are named; without names, as the engine takes it when nobody asks what no
        step judges.
        """
        self._write(record, self.replica.apply_named(record, named, verify=True))
        self.tables.learn(record)

    # Dishonest ones

    def claim(self, record: bytes, steps: list[Step]) -> None:
        """Writes a command with whatever steps."""
        self._write(record, steps)

    def unchecked(self, command: Command) -> None:
        """Writes a command as the engine takes it when nobody looks at its signatures."""
        record = self.record(command)
        self._write(record, self.replica.apply_steps(record))

    def bend(self, record: bytes, change: Callable[[State], None]) -> None:
        """Writes a command behind whose last step something else has changed as well; of a mark, behind every step."""
        states = [State(opening) for opening in self.replica.step_openings(record)]
        steps = self.replica.apply_named(record, None)
        bent = range(len(steps)) if record[0] == MarkUpdate.KIND else [len(steps) - 1]
        for index in bent:
            change(states[index])
            steps[index] = _with_root(steps[index], states[index].root())
        self.asserted = states[0]
        self._write(record, steps)

    def as_if(
        self,
        command: Command,
        twin: Command,
        *,
        beforehand: Sequence[Command] = (),
        honest_steps: int = 0,
        correct: Callable[[State], None] = lambda state: None,
    ) -> None:
        """Writes a command that the engine refuses, or takes another way, with the states that ``twin`` leads to.

        Args:
            command: What is written.
            twin: What the engine takes instead.
            beforehand: What makes it take that; what this changes is left out of the states claimed.
            honest_steps: How many steps of the command are what the engine does with it.
            correct: Takes back what the twin's leaves still show of ``beforehand``.
        """
        replica, other, time = self.replica, self.replica.copy(), self.replica.time + TICK_NS
        record = Record(time, command).encode()
        for each in beforehand:
            other.apply(Record(other.time, each).encode())
        before, first = State.of(other), other.next_withdrawal
        other_record = Record(time, twin).encode()
        openings = other.step_openings(other_record)
        steps = other.apply_steps(other_record)
        chain = chain_hash(replica.chain_hash, record_hash(record))
        for index in range(honest_steps, len(steps)):
            state = self.state
            state.graft(before, State(openings[index]))
            correct(state)
            state.set_clock(time, replica.sequence + 1, chain)
            steps[index] = _with_root(steps[index], state.root())
        if honest_steps:
            steps[:honest_steps] = replica.copy().apply_steps(record)[:honest_steps]
        self._write(record, steps)
        self.withdrawals += _queued(other, first)

    def _write(self, record: bytes, steps: list[Step]) -> None:
        self.written.append((record, steps))
        replica = self.replica
        self.withdrawals += _queued(replica, 0)
        replica.forget_withdrawals(replica.next_withdrawal)


class Accomplice:
    """A user in league with the operator, who signs whatever is needed.

    Args:
        draft: The batch that it helps to write.
        secret: Its key.

    Attributes:
        secret: The same.
        address: Its address.
    """

    def __init__(self, draft: Draft, secret: bytes) -> None:
        self._draft = draft
        self.secret = secret
        self.address = address_of(secret)

    @property
    def subaccount(self) -> int:
        """Its subaccount.

        Raises:
            CannotCheatError: When it has none.
        """
        found = self._draft.state.subaccount_of(self.address)
        if not found:
            raise CannotCheatError("the accomplice has no account at the venue")
        return found

    def order(self, instrument: int, side: Side, amount: int, limit_price: int, **changes: Any) -> PlaceOrder:
        """An order with the accomplice's signature; ``changes`` come before it."""
        time = self._draft.replica.time + TICK_NS
        fields: dict[str, Any] = {
            "subaccount": self.subaccount,
            "instrument": instrument,
            "side": side,
            "amount": amount,
            "limit_price": limit_price,
            "order_type": OrderType.LIMIT,
            "time_in_force": TimeInForce.GTC,
            "valid_until": 0,
            "post_only": PostOnly.NO,
            "reduce_only": False,
            "self_trade": SelfTrade.CANCEL_NEWEST,
            "max_fee": MAX_FEE,
            "client_id": "",
            "auth": Authorization(self.address, time, FOREVER),
        }
        return self.sign(PlaceOrder(**(fields | changes)))

    def authorization(self) -> Authorization:
        """Its next owner action, to be signed."""
        return Authorization(self.address, self._draft.state.nonce_of(self.address), FOREVER)

    def sign(self, command: A, secret: bytes | None = None) -> A:
        """A command with the accomplice's signature, whoever it is for, or with that of another secret."""
        tables, key = self._draft.tables, self.secret if secret is None else secret
        digest = tables.domain.digest(command, tables.names)
        assert digest is not None, "it is signed"
        auth = msgspec.structs.replace(command.auth, signature=sign(digest, key))
        return msgspec.structs.replace(command, auth=auth)

    def cosign(self, command: Q) -> Q:
        """A command with the accomplice's signature where those of oracles or administrators belong."""
        return self._draft.tables.domain.cosigned(command, [self.secret], self._draft.tables.names)


def _with_root(step: Step, root: bytes) -> Step:
    return Step(kind=step.kind, last=step.last, subject=step.subject, root=root)


def _queued(replica: Replica, first: int) -> list[QueuedWithdrawal]:
    return [QueuedWithdrawal(*found) for found in replica.withdrawals_since(first)]
