"""``python docs/render.py PAGE [--check]``: runs the Python cells of a page and puts their output under them.

A cell is a fenced block of ``python``; the cells of a page share one namespace. What a cell prints, and the value of
its last expression, become the fenced block of ``text`` below it. A figure is saved as the image that is linked there.
"""

from __future__ import annotations

import ast
import contextlib
import difflib
import io
import re
from pathlib import Path
from typing import Annotated, Any

import typer
from matplotlib.figure import Figure

CELL = re.compile(
    r"^```python\n(?P<code>.*?)^```\n(?:\n```text\n.*?^```\n)?(?P<image>\n!\[[^\]]*\]\((?P<path>[^)]+)\)\n)?",
    re.MULTILINE | re.DOTALL,
)
DPI = 80


def render(page: str, folder: Path | None = None) -> str:
    """Returns the page with the output of its cells; saves the figures when it is told the page's folder."""
    namespace: dict[str, Any] = {}

    def run(cell: re.Match[str]) -> str:
        printed, value = evaluate(cell["code"], namespace)
        if isinstance(value, Figure):
            if cell["path"] is None:
                raise ValueError(f"no image is linked below the figure of:\n{cell['code']}")
            if folder is not None:
                value.savefig(folder / cell["path"], dpi=DPI, metadata={"Software": None})
        elif value is not None:
            printed += f"{value!r}\n"
        output = f"\n```text\n{printed}```\n" if printed else ""
        return f"```python\n{cell['code']}```\n{output}{cell['image'] or ''}"

    return CELL.sub(run, page)


def evaluate(code: str, namespace: dict[str, Any]) -> tuple[str, Any]:
    """Runs a cell; returns what it printed, and the value of its last line if that is an expression."""
    tree = ast.parse(code)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compile(tree, "<cell>", "exec"), namespace)
        value = eval(compile(ast.Expression(last.value), "<cell>", "eval"), namespace) if last else None
    return printed.getvalue(), value


def main(
    page: Path, check: Annotated[bool, typer.Option("--check", help="Change nothing; fail on a difference.")] = False
) -> None:
    """Writes the page anew, or shows what would change."""
    before = page.read_text()
    after = render(before, None if check else page.parent)
    if not check:
        page.write_text(after)
    elif after != before:
        print(*difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm=""), sep="\n")
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
