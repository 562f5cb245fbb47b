"""`benches/peers/rust`: peers written in Rust, and the clock of the core."""

from __future__ import annotations

import json
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from benches.peers.workload import FloatArray, Workload
from benches.rows import ROOT


@cache
def program() -> Path:
    """The program, built with the release profile."""
    manifest, target = ROOT / "benches/peers/rust/Cargo.toml", ROOT / "target/bench-native"
    build = ["cargo", "build", "--locked", "--release", "--quiet", "--manifest-path", manifest, "--target-dir", target]
    subprocess.run(build, cwd=ROOT, check=True)
    return target / "release" / "bench-native"


def gigahertz() -> tuple[float, float]:
    """Cycles per nanosecond that this core runs at now: as a rule, and while it is busy with 512-bit arithmetic."""
    found = json.loads(_run("clock"))
    return found["ghz"], found["ghz_wide"] or found["ghz"]


def implied_vol_crate(options: Workload, prices: FloatArray, repeats: int) -> list[dict[str, Any]]:
    """What the `implied-vol` crate takes for each option, by solver."""
    columns = (prices, options.forward, options.strike, options.t, options.sigma)
    data = np.uint64(len(options)).tobytes() + b"".join(column.astype("<f8").tobytes() for column in columns)
    found = _run("implied-vol", str(repeats), data=data + options.is_call.astype(np.uint8).tobytes())
    return [json.loads(line) for line in found.splitlines()]


def jmt_crate(leaves: int, updates: int, rounds: int) -> float:
    """Nanoseconds of the `jmt` crate for a root behind ``updates`` changed leaves of ``leaves``."""
    found: float = json.loads(_run("jmt", str(leaves), str(updates), str(rounds)))["ns"]
    return found


def _run(*arguments: str, data: bytes = b"") -> str:
    return subprocess.run([program(), *arguments], input=data, check=True, capture_output=True).stdout.decode()
