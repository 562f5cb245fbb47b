"""The accelerator's programs where there is no GPU: by XLA on the processor, and the kernel by Pallas's interpreter."""

from __future__ import annotations

import json
import sys
from functools import partial

import numpy as np
import pytest

from support.books import random_book, shocks
from synchromesh.risk import revaluation
from synchromesh.risk.revaluation import Accelerator, AcceleratorMissing, Positions, Program, Scenarios
from synchromesh.risk.revaluation.__main__ import backends
from synchromesh.risk.revaluation.__main__ import main as measure
from synchromesh.risk.revaluation.accelerator import LARGEST_TILE, Layout, first_gpu, tile_rows

jax = pytest.importorskip("jax", reason="JAX is not installed: pip install 'synchromesh[gpu]'")

BITS_APART = 1e-15
"""What was found is 5e-16; the bound that users are told, `TOLERANCE`, leaves room for other compilers."""


def on_processor(program: Program, chunk_bytes: int = 1 << 20) -> Accelerator:
    return Accelerator(jax.devices("cpu")[0], program, chunk_bytes)


def apart(book: Positions, scenarios: Scenarios, program: Program) -> float:
    """How far positions are from the native result, in units of |size| · max(F, F', K)."""
    ours = revaluation.position_pnl(book, scenarios)
    theirs = revaluation.position_pnl(book, scenarios, backend=on_processor(program))
    highest = np.maximum(book.forward[:, None] * np.maximum(1.0, 1.0 + scenarios.spot), book.strike[:, None])
    return float(np.max(np.abs(ours - theirs) / (np.abs(book.size)[:, None] * highest)))


@pytest.mark.parametrize("program", ["xla", "interpreted"])
def test_positions_agree_with_the_native_kernel(program: Program) -> None:
    assert apart(random_book(300), shocks(), program) <= BITS_APART < revaluation.TOLERANCE


def test_a_large_book_agrees_with_the_native_kernel() -> None:
    assert apart(random_book(20_000), shocks(), "xla") <= BITS_APART


@pytest.mark.parametrize("program", ["xla", "interpreted"])
def test_accounts_agree_with_the_native_kernel(program: Program) -> None:
    """In chunks of several tiles, the last one not full, with scenarios that fill no block."""
    book = random_book(400, accounts=23)
    scenarios = Scenarios(spot=np.linspace(-0.5, 1.0, 37), vol=0.3, days=2.0)
    ours = revaluation.account_pnl(book, scenarios)
    chunk_bytes = 8 * len(scenarios) * 7
    theirs = revaluation.account_pnl(book, scenarios, backend=on_processor(program, chunk_bytes))
    each = np.abs(book.size) * np.maximum(2 * book.forward, book.strike)
    scale = np.bincount(book.account, each, book.accounts)[:, None]
    assert np.max(np.abs(ours - theirs) / scale) <= BITS_APART


def test_the_kernel_compiles_for_a_gpu_as_far_as_triton() -> None:
    """Every operation must have a float64 form there; what Triton makes of it takes a GPU to see."""
    from synchromesh.risk.revaluation.programs import tile_pnl_pallas

    with jax.enable_x64(True):
        columns = tuple(jax.ShapeDtypeStruct((4, 32), np.float64) for _ in range(7))
        scenarios = tuple(jax.ShapeDtypeStruct((100,), np.float64) for _ in range(3))
        traced = jax.jit(partial(tile_pnl_pallas, interpret=False)).trace(columns, scenarios)
        text = traced.lower(lowering_platforms=("cuda",)).as_text()
    assert "gpu.triton" in text
    assert "f32" not in text


def test_the_caller_keeps_its_precision() -> None:
    """The programs compute in float64; JAX's default is the caller's."""
    before = jax.numpy.zeros(1).dtype
    revaluation.account_pnl(random_book(10), shocks(), backend=on_processor("xla"))
    assert jax.numpy.zeros(1).dtype == before


def test_a_layout_holds_every_position_once_and_one_account_per_tile() -> None:
    book = random_book(500, accounts=9).by_account()
    layout = Layout.of(book)
    sizes = layout.columns[5]
    assert sizes.shape == (len(layout.account), tile_rows(np.bincount(book.account)))
    held = np.bincount(layout.account, sizes.sum(1), 9)
    np.testing.assert_allclose(held, np.bincount(book.account, book.size, 9), rtol=1e-12)
    assert sorted(sizes[sizes != 0].tolist()) == sorted(book.size.tolist())


@pytest.mark.parametrize(("held", "rows"), [([1000, 2000], LARGEST_TILE), ([1, 1, 1], 1), ([4, 4, 8], 4), ([30, 3], 8)])
def test_tiles_shrink_until_little_is_padding(held: list[int], rows: int) -> None:
    assert tile_rows(np.array(held)) == rows


def test_without_jax_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jax", None)
    with pytest.raises(AcceleratorMissing, match=r"synchromesh\[gpu\]"):
        revaluation.account_pnl(random_book(3), shocks(), backend=Accelerator())


def test_the_measurement_says_what_ran_and_what_did_not(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["revaluation", "--positions=300", "--scenarios=5", "--accounts=7", "--repeats=1"])
    measure()
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["backend"] for line in lines] == list(backends())
    for line in lines:
        assert "skipped" in line or line["tolerances_from_native"] <= 1


def _has_gpu() -> bool:
    try:
        first_gpu()
    except AcceleratorMissing:
        return False
    return True


@pytest.mark.skipif(_has_gpu(), reason="this machine has a GPU")
def test_without_a_gpu_the_error_says_so() -> None:
    with pytest.raises(AcceleratorMissing, match="no GPU"):
        revaluation.account_pnl(random_book(3), shocks(), backend=Accelerator())


@pytest.mark.skipif(not _has_gpu(), reason="JAX finds no GPU on this machine")
@pytest.mark.parametrize("program", ["pallas", "xla"])
def test_a_gpu_agrees_with_the_native_kernel(program: Program) -> None:
    book, scenarios = random_book(20_000, accounts=100), shocks()
    ours = revaluation.account_pnl(book, scenarios)
    theirs = revaluation.account_pnl(book, scenarios, backend=Accelerator(program=program))
    each = np.abs(book.size) * np.maximum(3 * book.forward, book.strike)
    scale = np.bincount(book.account, each, book.accounts)[:, None]
    assert np.max(np.abs(ours - theirs) / scale) <= revaluation.TOLERANCE
