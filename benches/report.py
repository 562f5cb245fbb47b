"""``python -m benches.report``: writes the results kept into docs/performance.md, and draws its plot."""

from __future__ import annotations

import sys

from benches.latest import load
from benches.rows import ROOT, Row

PAGE = ROOT / "docs" / "performance.md"
PLOT = ROOT / "docs" / "img" / "pricing-peers.png"
HEAD = "| benchmark | ours | peer | peer's | ratio |\n|---|---|---|---|---|\n"
PLOTTED = {"price and Greeks from Python, ": "price and Greeks", "implied vol from Python, ": "implied vol"}
"""The groups of the plot, by how the names of their rows begin."""


def main() -> int:
    """Writes page and plot; the exit status."""
    parts = load()
    text = PAGE.read_text()
    for name, part in parts.items():
        table = HEAD + "".join(map(line, part["rows"]))
        text = replaced(text, name, f"{part['machine']}, {part['date']}:\n\n{table}")
    PAGE.write_text(text)
    if "pricing" in parts:
        draw(parts["pricing"]["rows"])
    return 0


def replaced(text: str, name: str, block: str) -> str:
    """The text with what lies between the marks of a block replaced; without marks as it was."""
    begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
    before, opened, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    return f"{before}{begin}{block}{end}{after}" if opened and closed else text


def line(row: Row) -> str:
    """A row of the table."""
    cells = (
        row["name"],
        f"{row['ours']:,} {row['unit']}",
        row["peer"],
        f"{row['peer_value']:,}",
        f"{row['ratio']:.2f}",
    )
    return f"| {' | '.join(cells)} |\n"


def draw(rows: list[Row]) -> None:
    """Ours and every peer in ns per option, on a logarithmic scale."""
    from matplotlib.figure import Figure

    groups = {title: [row for row in rows if row["name"].startswith(start)] for start, title in PLOTTED.items()}
    groups = {title: found for title, found in groups.items() if found}
    if not groups:
        return
    figure = Figure(figsize=(9, 1 + 0.42 * sum(len(found) + 2 for found in groups.values())), layout="constrained")
    heights = [len(found) + 1 for found in groups.values()]
    axes = figure.subplots(len(groups), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    for axis, (title, found) in zip(axes, groups.items(), strict=True):
        bars = [("synchromesh", found[0]["ours"]), *((row["peer"], row["peer_value"]) for row in found)]
        bars.sort(key=lambda bar: -bar[1])
        names, values = zip(*bars, strict=True)
        colors = ["#1f6f54" if name == "synchromesh" else "#b8c4cc" for name in names]
        drawn = axis.barh(names, values, color=colors)
        axis.bar_label(drawn, [f" {value:,.0f}" for value in values])
        axis.set_xscale("log")
        axis.set_xlim(left=5)
        axis.xaxis.set_major_formatter("{x:,.0f}")
        axis.set_title(f"{title}, ns per option, one core", loc="left", fontsize=10)
        axis.spines[["top", "right"]].set_visible(False)
        axis.margins(x=0.12)
    PLOT.parent.mkdir(exist_ok=True)
    figure.savefig(PLOT, dpi=110, metadata={"Software": None})


if __name__ == "__main__":
    sys.exit(main())
