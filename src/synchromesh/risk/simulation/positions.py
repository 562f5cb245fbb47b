"""Portfolios in files: a CSV with the columns ``instrument`` and ``amount``.

A row is an instrument with signed contracts, ``USDC`` with cash, or another asset with its units.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from synchromesh.client.units import decimal

CASH = "USDC"
COLUMNS = ("instrument", "amount")


class PositionsError(ValueError):
    """A file that is no portfolio."""


@dataclass(frozen=True, slots=True)
class WhatIf:
    """A portfolio: contracts by instrument, USDC, units by asset."""

    positions: dict[str, Decimal] = field(default_factory=dict)
    cash: Decimal = Decimal(0)
    collateral: dict[str, Decimal] = field(default_factory=dict)


def read_positions(path: Path) -> WhatIf:
    """Returns the portfolio in a file; rows of the same name add.

    Raises:
        PositionsError: With the line that is wrong.
        OSError: When the file cannot be read.
    """
    positions: dict[str, Decimal] = {}
    collateral: dict[str, Decimal] = {}
    cash = Decimal(0)
    with path.open(encoding="utf-8-sig", newline="") as file:
        try:
            rows = csv.DictReader(file, skipinitialspace=True)
            missing = [column for column in COLUMNS if column not in (rows.fieldnames or ())]
            if missing:
                raise PositionsError(f"{path.name} has no column {', '.join(missing)}")
            for row in rows:
                name, amount = _row(path, rows.line_num, row)
                if name == CASH:
                    cash += amount
                elif "-" in name:
                    positions[name] = positions.get(name, Decimal(0)) + amount
                else:
                    collateral[name] = collateral.get(name, Decimal(0)) + amount
        except (csv.Error, UnicodeDecodeError) as error:
            raise PositionsError(f"{path.name} is no CSV: {type(error).__name__}") from error
    if not positions and not collateral and not cash:
        raise PositionsError(f"{path.name} holds no position")
    for name, amount in collateral.items():
        if amount < 0:
            raise PositionsError(f"{path.name}: nobody can owe {name}, only USDC")
    return WhatIf(positions, cash, collateral)


def _row(path: Path, line: int, row: dict[str, str | None]) -> tuple[str, Decimal]:
    name, text = (row["instrument"] or "").strip(), (row["amount"] or "").strip()
    if not name:
        raise PositionsError(f"{path.name}, line {line}: no instrument")
    try:
        return name, decimal(text)
    except ValueError:
        raise PositionsError(f"{path.name}, line {line}: {text!r} is no amount of {name}") from None
