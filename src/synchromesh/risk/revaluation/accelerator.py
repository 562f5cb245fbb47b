"""Revaluation on a GPU: tiles of positions by scenarios, as a JAX program.

An account's positions are laid out in tiles of a power of two, the last one filled up with positions of size 0, so that
a tile belongs to one account and its sum over positions never leaves the chip. What a program returns is one row of
scenarios per tile; adding an account's tiles up is little work and done by XLA.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from synchromesh.pricing import black76
from synchromesh.risk.revaluation.book import DAYS_PER_YEAR, FloatArray, IntArray, Positions, Scenarios

if TYPE_CHECKING:
    import jax

Program: TypeAlias = Literal["pallas", "xla", "interpreted"]

LARGEST_TILE = 32
"""Most positions of a tile."""
PADDING_MOST = 0.25
"""A tile is made smaller while positions of size 0 would be more than this share of the book."""


class AcceleratorMissing(RuntimeError):
    """There is no JAX, or no device that it can use."""


@dataclass(frozen=True, slots=True)
class Accelerator:
    """A GPU, in float64.

    Sums over an account's tiles have no fixed order there: the last bits of its P&L may differ from run to run.

    Attributes:
        device: The JAX device to run on; the first GPU when not given.
        program: ``pallas``: the kernel written for GPUs; ``xla``: the same formulas left to XLA, which runs on any
            device of JAX; ``interpreted``: the kernel step by step on any device, to test it where there is no GPU.
        chunk_bytes: Device memory that the rows of tiles may take at a time. Beside them the device holds the
            book (about 60 bytes per position) and the result.
    """

    device: jax.Device | None = None
    program: Program = "pallas"
    chunk_bytes: int = 256 << 20

    def account_pnl(self, book: Positions, scenarios: Scenarios) -> FloatArray:
        """Returns (accounts, scenarios); the positions of an account must lie beside each other.

        Raises:
            AcceleratorMissing: When JAX is not installed, or has no such device.
        """
        assert book.is_by_account()
        device = self.device or first_gpu()
        from synchromesh.risk.revaluation import programs

        if not len(book) or not len(scenarios):
            return np.zeros((book.accounts, len(scenarios)))
        layout = Layout.of(book)
        shocks = (1.0 + scenarios.spot, 1.0 + scenarios.vol, scenarios.days / DAYS_PER_YEAR)
        tiles = max(1, self.chunk_bytes // (8 * len(scenarios)))
        return programs.run(
            layout.columns,
            layout.account,
            shocks,
            accounts=book.accounts,
            tiles=tiles,
            program=self.program,
            device=device,
        )


@dataclass(frozen=True, slots=True)
class Layout:
    """A book in tiles.

    Attributes:
        columns: Forward, strike, t, sigma, sign (1 call, −1 put), size and present value, each (tiles, rows).
        account: The account of each tile, (tiles,), ascending.
    """

    columns: tuple[FloatArray, ...]
    account: IntArray

    @classmethod
    def of(cls, book: Positions) -> Layout:
        """Lays out a book whose positions are sorted by account."""
        holders, held = np.unique(book.account, return_counts=True)
        rows = tile_rows(held)
        tiles = -(-held // rows)
        first = np.cumsum(tiles) - tiles
        # The slot of each position: its account's first tile, then one after the other.
        within = np.arange(len(book)) - np.repeat(np.cumsum(held) - held, held)
        slot = np.repeat(first * rows, held) + within
        value = black76(book.forward, book.strike, book.t, book.sigma, book.is_call).price
        sign = np.where(book.is_call, 1.0, -1.0)
        shape = (int(tiles.sum()), rows)

        def laid_out(column: FloatArray, filling: float) -> FloatArray:
            slots = np.full(shape, filling)
            slots.reshape(-1)[slot] = column
            return slots

        # An absent position is an option on something worth 1 that expires now: no size, no trouble.
        columns = (book.forward, book.strike, book.t, book.sigma, sign, book.size, value)
        fillings = (1.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0)
        return cls(tuple(map(laid_out, columns, fillings)), np.repeat(holders, tiles))


def tile_rows(held: IntArray) -> int:
    """Returns the positions of a tile for accounts that hold so many each: a power of two that pads little."""
    rows = LARGEST_TILE
    while rows > 1 and (-(-held // rows) * rows).sum() > (1 + PADDING_MOST) * held.sum():
        rows //= 2
    return rows


def first_gpu() -> Any:
    """Returns JAX's first GPU.

    Raises:
        AcceleratorMissing: When there is none, or no JAX.
    """
    try:
        import jax
    except ImportError as error:
        raise AcceleratorMissing("this needs JAX: pip install 'synchromesh[gpu]'") from error
    try:
        return jax.devices("gpu")[0]
    except RuntimeError as error:
        raise AcceleratorMissing(f"JAX finds no GPU: {error}") from error
