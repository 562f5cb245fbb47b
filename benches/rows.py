"""A row of the benchmark table."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Literal, TypedDict

ROOT = Path(__file__).parents[1]
BUDGET = "budget"
"""Names the design's target where no peer does the same work."""


class Row(TypedDict):
    """A result; ``ratio`` is above 1 where ours is better than the peer's."""

    name: str
    ours: float
    unit: str
    peer: str
    peer_value: float
    ratio: float
    better: Literal["lower", "higher"]


def row(
    name: str, ours: float, unit: str, peer: str, peer_value: float, better: Literal["lower", "higher"] = "lower"
) -> Row:
    """A row with its ratio."""
    ratio = ours / peer_value if better == "higher" else peer_value / ours
    return {
        "name": name,
        "ours": round(ours, 1),
        "unit": unit,
        "peer": peer,
        "peer_value": round(peer_value, 1),
        "ratio": round(ratio, 2),
        "better": better,
    }


def example(package: str, name: str, *arguments: str) -> list[str]:
    """Lines that a Rust example prints, built with the release profile."""
    build = ["cargo", "build", "--locked", "--release", "--quiet", "-p", package, "--example", name]
    subprocess.run(build, cwd=ROOT, check=True)
    program = ROOT / "target/release/examples" / name
    return subprocess.run([program, *arguments], check=True, capture_output=True, text=True).stdout.splitlines()
