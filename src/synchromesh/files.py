"""Files that other processes read while they are written."""

from __future__ import annotations

from pathlib import Path

import msgspec


def write_json(path: Path, value: object) -> None:
    """Writes a value as JSON; readers see all of it or the one before."""
    aside = path.with_suffix(".aside")
    aside.write_bytes(msgspec.json.encode(value))
    aside.replace(path)
