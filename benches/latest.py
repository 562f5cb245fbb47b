"""The results that are kept between runs, in ``benches/results/latest.json``."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import TypedDict

from benches.rows import Row

PATH = Path(__file__).parent / "results" / "latest.json"


class Part(TypedDict):
    """The rows of a part, and where and when they were measured."""

    machine: str
    date: str
    rows: list[Row]


def keep(parts: dict[str, list[Row]], *, quick: bool) -> None:
    """Writes the rows of the parts that ran, beside those of parts that did not."""
    where = f"{machine()}{', `--quick`' if quick else ''}"
    date = time.strftime("%Y-%m-%d")
    fresh: dict[str, Part] = {name: {"machine": where, "date": date, "rows": rows} for name, rows in parts.items()}
    PATH.parent.mkdir(exist_ok=True)
    PATH.write_text(json.dumps(load() | fresh, indent=1, ensure_ascii=False) + "\n")


def load() -> dict[str, Part]:
    """What is kept, by part."""
    if not PATH.exists():
        return {}
    parts: dict[str, Part] = json.loads(PATH.read_text())
    return parts


def machine() -> str:
    """Processor and its load, in words."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(line.split(": ")[1] for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        model = "unknown processor"
    return f"{model}, {os.cpu_count()} logical cores, load {os.getloadavg()[0]:.1f}"
