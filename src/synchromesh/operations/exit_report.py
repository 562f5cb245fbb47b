"""What ``synchromesh exit`` prints."""

from __future__ import annotations

from collections.abc import Sequence

import typer

from synchromesh.operations.chain_options import as_json
from synchromesh.protocol import CONTRACT, USD
from synchromesh.settlement.assets import VaultAsset
from synchromesh.settlement.exits.leaving import AccountExit, ExitStatus, Move, Step
from synchromesh.settlement.exits.valuation import Reason
from synchromesh.settlement.exits.venue import Phase, Standing, clock, describe
from synchromesh.settlement.payouts import PayoutState

COMMANDS = {
    Phase.OVERDUE: "exit freeze",
    Phase.READY: "exit open",
    Phase.CLAIMS: "exit claim",
    Phase.PAYMENTS: "exit pay",
}
"""The command of each phase that waits for one."""


def print_move(move: Move, assets: Sequence[VaultAsset], json: bool) -> None:
    """Prints a step that was made."""
    if json:
        typer.echo(as_json(move, indent=None))
        return
    amounts = _amounts(move.amounts, assets)
    said = {
        Step.FREEZE: "the venue is frozen",
        Step.OPEN: "the exit is open",
        Step.CLAIM: f"account {move.number} claims {amounts}",
        Step.PAY: f"account {move.number} is paid {amounts}",
        Step.RETURN_DEPOSIT: f"the deposit of inbox item {move.number} is returned: {amounts}",
        Step.WITHDRAWAL: f"withdrawal {move.number} is paid: {amounts}",
    }
    typer.echo(f"{said[move.step]}  ({move.transaction})")


def print_next(standing: Standing) -> None:
    """Prints where the venue is, and the command that comes next."""
    command = COMMANDS.get(standing.phase)
    typer.echo(f"{clock(standing.now)}: {describe(standing)}" + (f" (synchromesh {command})" if command else ""))


def print_status(status: ExitStatus, assets: Sequence[VaultAsset]) -> None:
    """Prints where an owner is."""
    standing = status.standing
    served = f"{standing.served} of {standing.inbox} inbox items served"
    typer.echo(f"{standing.batches} batches, {served}, state root 0x{standing.root.hex()}")
    for pool in status.pools:
        asset = assets[pool.asset]
        if pool.covered < pool.claims:
            typer.echo(
                f"{asset.symbol} is short: {asset.amount(pool.covered)} for claims of {asset.amount(pool.claims)}"
            )
        if pool.bonus:
            typer.echo(f"{asset.amount(pool.bonus)}, left over by claims, make up for it")
    for account in status.accounts:
        _print_account(account, assets)
    for deposit in status.deposits:
        where = "served by no batch yet" if deposit.served is None else f"not credited by batch {deposit.served}"
        where = "returned" if deposit.returned else where
        typer.echo(f"deposit of inbox item {deposit.index}: {assets[deposit.asset].amount(deposit.amount)}, {where}")
    for payout in status.payouts:
        amount = assets[payout.withdrawal.asset].amount(payout.withdrawal.amount)
        until = "" if payout.state in (PayoutState.FINAL, PayoutState.PAID) else f", final at {clock(payout.final_at)}"
        typer.echo(f"withdrawal {payout.withdrawal.number} of batch {payout.batch}: {amount}, {payout.state}{until}")
    if not (status.accounts or status.deposits or status.payouts):
        typer.echo("nothing here is the owner's")
    print_next(standing)


def _print_account(account: AccountExit, assets: Sequence[VaultAsset]) -> None:
    typer.echo(f"account {account.subaccount}: {_amounts(account.claimable, assets)}")
    for reason in account.reasons:
        typer.echo(f"  {assets[reason.asset].amount(reason.amount):>28}  {_why(reason)}")
    if account.claimed is not None:
        typer.echo(f"  claimed {_amounts(account.claimed, assets)}{', late' if account.late else ''}")
    if account.paid:
        typer.echo(f"  paid {_amounts(account.paid, assets)}")


def _why(reason: Reason) -> str:
    if not reason.instrument:
        return str(reason.why)
    price = f" at {reason.price / USD:,.2f}" if reason.price else ""
    return f"{reason.why}: {reason.size / CONTRACT:+g} {reason.instrument}{price}"


def _amounts(amounts: dict[int, int], assets: Sequence[VaultAsset]) -> str:
    return ", ".join(assets[asset].amount(amount) for asset, amount in sorted(amounts.items())) or "nothing"
