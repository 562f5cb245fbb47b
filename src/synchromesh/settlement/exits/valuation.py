"""What an account takes out of a frozen venue, and why: the arithmetic of ``ExitValuer``, with its reasons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from synchromesh.protocol import CONTRACT, USDC, InstrumentKind, OptionType
from synchromesh.settlement.exits.leaves import (
    AccountLeaf,
    ExpiryLeaf,
    HoldingLeaf,
    InstrumentLeaf,
    account_key,
    expiry_key,
    instrument_key,
    number_of,
)

if TYPE_CHECKING:
    from synchromesh._native import StateOpening

NANOS_PER_MICRO = 1_000
"""Funding is counted in 1e-9 USD, money in micro-USDC."""


class Why(StrEnum):
    """What part of a claim comes from."""

    CASH = "cash"
    COLLATERAL = "collateral"
    PERPETUAL = "perpetual"
    FUNDING = "funding"
    OPTION = "option at its mark"
    SETTLED = "option at its settlement"
    COVER = "covers what is missing in USDC"


class Reason(msgspec.Struct, frozen=True):
    """A part of a claim.

    Attributes:
        asset: Asset id that it is counted in.
        why: What it comes from.
        amount: Engine units, signed.
        instrument: Name of the instrument; empty for cash and collateral.
        size: Position in 1e-8 contracts, long positive; 0 for cash and collateral.
        price: What a contract is worth, micro-USDC; 0 where there is none.
    """

    asset: int
    why: Why
    amount: int
    instrument: str = ""
    size: int = 0
    price: int = 0


def accounts_of(state: StateOpening, owner: bytes) -> list[int]:
    """The accounts of an owner, ascending."""
    found = (number_of(key, 8) for key, leaf in state["accounts"].items() if leaf[: len(owner)] == owner)
    return sorted(found)


def reasons_of(state: StateOpening, subaccount: int, prices: Sequence[int], names: Mapping[int, str]) -> list[Reason]:
    """What an account's claim comes from. By asset it adds up to the amount; in USDC to less than zero when more is
    missing than the collateral covers.

    Args:
        state: Every leaf of the state.
        subaccount: The account, which is there.
        prices: Micro-USDC of a whole unit, by asset.
        names: Instruments' names by id.
    """
    account = AccountLeaf.decode(state["accounts"][account_key(subaccount)])
    reasons = [Reason(USDC, Why.CASH, account.cash)] if account.cash else []
    for key, leaf in sorted(state["below"][subaccount]["holdings"].items()):
        instrument, holding = number_of(key, 4), HoldingLeaf.decode(leaf)
        if holding.lots:
            reasons += _position(state, instrument, holding, names[instrument])
    missing = max(-sum(reason.amount for reason in reasons), 0)
    for held in account.collateral:
        reasons.append(Reason(held.asset, Why.COLLATERAL, held.amount))
        taken, missing = _cover(held.amount, missing, prices[held.asset])
        if taken:
            reasons.append(Reason(held.asset, Why.COVER, -taken))
    return reasons


def _position(state: StateOpening, number: int, holding: HoldingLeaf, name: str) -> list[Reason]:
    """What a position is worth; every division rounds down, as the contract's do."""
    instrument = InstrumentLeaf.decode(state["instruments"][instrument_key(number)])
    size = holding.lots * instrument.lot_size
    if instrument.kind == InstrumentKind.OPTION:
        series = state["instruments"].get(expiry_key(instrument.underlying, instrument.expiry))
        settlement = ExpiryLeaf.decode(series).settlement if series is not None else None
        why, price = Why.OPTION, instrument.mark
        if settlement is not None:
            why, price = Why.SETTLED, _payoff(instrument, settlement)
        return [Reason(USDC, why, size * price // CONTRACT, name, size, price)]
    worth = size * instrument.mark // CONTRACT - holding.cost
    moved = holding.funding_index - instrument.funding_index
    funding = size * moved // (CONTRACT * NANOS_PER_MICRO)
    found = [Reason(USDC, Why.PERPETUAL, worth, name, size, instrument.mark)]
    return [*found, Reason(USDC, Why.FUNDING, funding, name, size)] if funding else found


def _payoff(option: InstrumentLeaf, price: int) -> int:
    intrinsic = price - option.strike if option.option_type == OptionType.CALL else option.strike - price
    return max(intrinsic, 0)


def _cover(amount: int, missing: int, price: int) -> tuple[int, int]:
    """How much of an amount of collateral goes for missing micro-USDC, and how much is still missing then."""
    if not missing or not price:
        return 0, missing
    worth = amount * price // CONTRACT
    if worth <= missing:
        return amount, missing - worth
    return -(-missing * CONTRACT // price), 0
