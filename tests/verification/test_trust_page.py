"""Every test that the pages on trust and security call on exists: a claim without one is not made there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "trust.md"
REFERENCE = re.compile(r"`([\w./-]+\.(?:py|rs|sol))::(\w+)`")
DEFINITION = {".py": r"def {}\(", ".rs": r"fn {}\(", ".sol": r"function {}\("}
SECURITY = ROOT / "docs" / "security.md"
REFERENCES = [
    *REFERENCE.findall(PAGE.read_text()),
    *((f"contracts/test/{path}", name) for path, name in REFERENCE.findall(SECURITY.read_text())),
]


@pytest.mark.parametrize(("path", "name"), REFERENCES, ids=[name for _, name in REFERENCES])
def test_a_named_test_exists(path: str, name: str) -> None:
    file = ROOT / path
    assert file.is_file(), f"{path} does not exist"
    assert name.startswith(("test", "invariant")) or file.suffix == ".rs"
    assert re.search(DEFINITION[file.suffix].format(name), file.read_text()), f"{path} defines no {name}"


def test_every_claim_of_a_table_names_a_test() -> None:
    """Rows of tables whose last column is *shown by* have at least one."""
    rows = 0
    for table in re.findall(r"^\|[^\n]*\| shown by \|\n\|[-|]+\n((?:\|[^\n]*\n)+)", PAGE.read_text(), re.MULTILINE):
        for row in table.splitlines():
            rows += 1
            assert REFERENCE.search(row.rstrip("| ").rpartition("|")[2]), f"no test: {row}"
    assert rows > 20
