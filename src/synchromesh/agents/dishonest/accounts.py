"""Frauds with accounts: money that leaves, and accounts that are taken from their owners, or not."""

from __future__ import annotations

import msgspec

from synchromesh._native import Step
from synchromesh.agents.dishonest.draft import Draft
from synchromesh.agents.dishonest.kinds import Conviction, fraud
from synchromesh.agents.dishonest.orders import BACKING, USDC
from synchromesh.agents.dishonest.state import State
from synchromesh.protocol import (
    Administration,
    Cosignature,
    Deposit,
    InboxItem,
    MarkUpdate,
    Parameter,
    ParameterValue,
    PlaceOrder,
    SetParameter,
    Withdraw,
)
from synchromesh.settlement.batches import QueuedWithdrawal
from synchromesh.verification.examine import LIQUIDATION_START

NO_SIGNATURE = bytes(65)


@fraud(Conviction.STEP)
def over_withdrawal(draft: Draft) -> None:
    """The accomplice withdraws more than its account holds."""
    draft.until(PlaceOrder)
    accomplice = draft.accomplice
    subaccount = accomplice.subaccount
    amount = draft.state.cash_of(subaccount) + 10_000 * USDC
    withdrawal = accomplice.sign(Withdraw(subaccount, 0, amount, accomplice.address, accomplice.authorization()))

    def repay(state: State) -> None:
        state.add_cash(subaccount, -BACKING)
        state.add_deposited(0, -BACKING)

    draft.as_if(
        withdrawal,
        withdrawal,
        beforehand=[InboxItem(draft.replica.inbox_cursor, Deposit(accomplice.address, subaccount, 0, BACKING))],
        correct=repay,
    )


@fraud(Conviction.WITHDRAWAL_COUNT)
def invented_withdrawal(draft: Draft) -> None:
    """The batch lists a withdrawal to the accomplice that no command made."""
    record, _ = draft.until(PlaceOrder)
    draft.take(record)
    number = draft.replica.next_withdrawal
    draft.withdrawals.append(QueuedWithdrawal(number, 0, 1_000_000 * USDC, draft.accomplice.address))


@fraud(Conviction.WITHDRAWAL_COUNT)
def missing_withdrawal(draft: Draft) -> None:
    """The batch does not list a withdrawal that a user made."""
    record, _ = draft.until(Withdraw)
    draft.take(record)
    draft.withdrawals.pop()


@fraud(Conviction.WITHDRAWAL)
def diverted_withdrawal(draft: Draft) -> None:
    """The batch lists a user's withdrawal with the accomplice as its recipient."""
    record, _ = draft.until(Withdraw)
    draft.take(record)
    users = draft.withdrawals.pop()
    draft.withdrawals.append(msgspec.structs.replace(users, recipient=draft.accomplice.address))


@fraud(Conviction.STEP)
def healthy_liquidation(draft: Draft) -> None:
    """A mark is followed by the liquidation of an account that has all the margin it needs."""
    _, order = draft.until(PlaceOrder)
    record, _ = draft.until(MarkUpdate)
    steps = draft.replica.apply_steps(record)
    state = draft.state
    state.liquidate(order.subaccount, draft.replica.time)
    subject = order.subaccount.to_bytes(8, "big") + bytes(24)
    before = [Step(kind=step.kind, last=False, subject=step.subject, root=step.root) for step in steps]
    draft.claim(record, [*before, Step(kind=LIQUIDATION_START, last=True, subject=subject, root=state.root())])


@fraud(Conviction.STEP)
def no_administrators(draft: Draft) -> None:
    """A parameter changes without the administrators."""
    draft.until(PlaceOrder)
    tables, number = draft.tables, draft.state.administrations()
    change = SetParameter(ParameterValue(Parameter.OPTION_TAKER_FEE, 3_000_000), Administration(number))
    forged = tuple(Cosignature(admin, NO_SIGNATURE) for admin in tables.admins)
    twin = msgspec.structs.replace(change, admin=Administration(number, forged))
    draft.as_if(draft.accomplice.cosign(change), twin)
