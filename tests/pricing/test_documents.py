"""The example runs, and the tour of the Greeks shows what its cells give."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("matplotlib")
ROOT = Path(__file__).parents[2]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=120)


def test_example_prints_a_chain_and_draws_it(tmp_path: Path) -> None:
    done = run("examples/greeks.py", "--plot", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "Chain(4 expiries, 200 strikes)" in done.stdout
    assert "400 options priced again in place" in done.stdout
    assert "200 of 200 vols found" in done.stdout
    assert (tmp_path / "chain.png").read_bytes().startswith(b"\x89PNG")


def test_the_tour_shows_what_its_cells_give() -> None:
    done = run("docs/render.py", "docs/greeks.md", "--check")
    assert done.returncode == 0, done.stdout + done.stderr
