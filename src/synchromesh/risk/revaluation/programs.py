"""The programs that revalue tiles on a device: left to XLA, or as a Pallas kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import pallas
from jax.experimental.pallas import triton

from synchromesh.risk.revaluation.book import FloatArray, IntArray
from synchromesh.risk.revaluation.formulas import price

if TYPE_CHECKING:
    from synchromesh.risk.revaluation.accelerator import Program

BLOCK = 512
"""Options that one program of the Pallas kernel prices: the rows of a tile by as many scenarios as that leaves."""

WARPS = 8
"""Warps of 32 threads that share a block: two options a thread, whose values fit its registers (those of 16 do not)."""

Columns: TypeAlias = tuple[jax.Array, ...]


def run(
    columns: tuple[FloatArray, ...],
    account: IntArray,
    shocks: tuple[FloatArray, ...],
    *,
    accounts: int,
    tiles: int,
    program: Program,
    device: Any,
) -> FloatArray:
    """Returns the P&L of accounts under scenarios, (accounts, scenarios).

    Args:
        columns: A book in tiles (`Layout.columns`).
        account: The account of each tile.
        shocks: Factor of the forward, factor of the vol, and years that pass, of each scenario.
        accounts: Number of accounts.
        tiles: Most tiles to compute at a time.
        program: Which program to run.
        device: Where to run it.
    """
    # Chunks of one size, so that one compiled program serves them all; the last is filled up with nobody's tiles.
    chunks = -(-len(account) // tiles)
    size = -(-len(account) // chunks)
    with jax.enable_x64(True), jax.default_device(device):
        scenarios = tuple(map(jnp.asarray, shocks))
        total = jnp.zeros((accounts, len(shocks[0])))
        for at in range(0, len(account), size):
            part = slice(at, at + size)
            missing = max(at + size - len(account), 0)
            chunk = tuple(jnp.asarray(np.pad(column[part], ((0, missing), (0, 0)), mode="edge")) for column in columns)
            holders = jnp.asarray(np.pad(account[part], (0, missing), constant_values=accounts))
            total = _add(total, holders, chunk, scenarios, program=program)
        return np.asarray(total)


def _accumulate(
    total: jax.Array, account: jax.Array, columns: Columns, shocks: Columns, *, program: Program
) -> jax.Array:
    """Adds the P&L of tiles to their accounts' rows of ``total``; that of an account beyond the last is dropped."""
    if program == "xla":
        pnl = tile_pnl_xla(columns, shocks)
    else:
        pnl = tile_pnl_pallas(columns, shocks, interpret=program == "interpreted")
    return total.at[account].add(pnl, indices_are_sorted=True, mode="drop")


_add = jax.jit(_accumulate, static_argnames="program", donate_argnums=0)


def _pnl(position: Columns, shock: Columns) -> jax.Array:
    """Returns the P&L of positions under scenarios, whatever they broadcast to."""
    forward, strike, t, sigma, sign, size, value = position
    forward_factor, vol_factor, years = shock
    return size * (price(forward * forward_factor, strike, t - years, sigma * vol_factor, sign) - value)


def tile_pnl_xla(columns: Columns, shocks: Columns) -> jax.Array:
    """Returns the P&L of tiles, (tiles, scenarios)."""
    return _pnl(tuple(column[:, :, None] for column in columns), tuple(shock[None, None, :] for shock in shocks)).sum(1)


def tile_pnl_pallas(columns: Columns, shocks: Columns, *, interpret: bool) -> jax.Array:
    """Returns the P&L of tiles, (tiles, scenarios): one kernel program for each tile and block of scenarios."""
    tiles, rows = columns[0].shape
    width = len(shocks[0])
    block = min(BLOCK // rows, 1 << (width - 1).bit_length())
    blocks = -(-width // block)
    padded = tuple(jnp.pad(shock, (0, blocks * block - width), constant_values=1.0) for shock in shocks)
    kernel = pallas.pallas_call(
        _kernel,
        grid=(tiles, blocks),
        in_specs=[
            *(pallas.BlockSpec((None, rows), lambda tile, _: (tile, 0)) for _ in columns),
            *(pallas.BlockSpec((block,), lambda _, at: (at,)) for _ in shocks),
        ],
        out_specs=pallas.BlockSpec((None, block), lambda tile, at: (tile, at)),
        out_shape=jax.ShapeDtypeStruct((tiles, blocks * block), jnp.float64),
        compiler_params=None if interpret else triton.CompilerParams(num_warps=WARPS),
        interpret=interpret,
    )
    pnl: jax.Array = kernel(*columns, *padded)
    return pnl[:, :width]


def _kernel(*references: Any) -> None:
    """Revalues one tile under one block of scenarios; the sum over the tile's positions stays on the chip."""
    *inputs, result = references
    columns = tuple(reference[:][:, None] for reference in inputs[:-3])
    shocks = tuple(reference[:][None, :] for reference in inputs[-3:])
    result[:] = _pnl(columns, shocks).sum(0)
