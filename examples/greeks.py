"""Price a whole option chain with its Greeks, move the market, and find the vols again from the prices.

python examples/greeks.py [--plot DIR]
"""

import time
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from synchromesh import pricing

FORWARD = 70_000.0
DAYS = {"27NOV26": 6, "25DEC26": 34, "26MAR27": 125, "25JUN27": 216}
CONSOLE = Console(width=110)


def smile(strike: np.ndarray, days: int) -> np.ndarray:
    """A plausible smile: the vol at the money, a skew, and wings that flatten with time."""
    k = np.log(strike / FORWARD)
    root_t = np.sqrt(days / 365)
    return 0.42 + 0.10 * root_t - 0.05 * k / root_t + 0.10 * np.sqrt(k**2 / root_t + 0.01)


def make_chain() -> pricing.Chain[str]:
    strikes = {label: np.arange(40_000.0, 110_001.0, 1_000.0 if days < 90 else 2_500.0) for label, days in DAYS.items()}
    return pricing.Chain(
        strikes,
        forward=[FORWARD * np.exp(0.05 * days / 365) for days in DAYS.values()],
        t=[days / 365 for days in DAYS.values()],
        sigma={label: smile(strike, DAYS[label]) for label, strike in strikes.items()},
    )


def show(expiry: pricing.ChainExpiry[str]) -> None:
    """Prints the strikes around the money, calls on the left and puts on the right."""
    table = Table(title=f"{expiry.label}: forward {expiry.forward:,.0f}, {expiry.t * 365:.0f} days")
    for name in ("call", "delta", "rho", "strike", "vol", "gamma·1e6", "vega", "theta", "put", "delta", "rho"):
        table.add_column(name, justify="right", style="bold" if name == "strike" else None)
    call, put = expiry.call, expiry.put
    for row in np.flatnonzero(np.abs(expiry.strike / expiry.forward - 1) < 0.08):
        numbers = [
            f"{call.price[row]:,.1f}",
            f"{call.delta[row]:.4f}",
            f"{call.rho[row]:.2f}",
            f"{expiry.strike[row]:,.0f}",
            f"{expiry.sigma[row]:.1%}",
            f"{call.gamma[row] * 1e6:.2f}",
            f"{call.vega[row]:.2f}",
            f"{call.theta[row]:.2f}",
            f"{put.price[row]:,.1f}",
            f"{put.delta[row]:.4f}",
            f"{put.rho[row]:.2f}",
        ]
        table.add_row(*numbers, style="on grey15" if call.delta[row] > 0.5 else None)
    CONSOLE.print(table)


def tick(chain: pricing.Chain[str]) -> None:
    """Moves every forward a thousand times, as an oracle would."""
    start = time.perf_counter_ns()
    for step in range(1_000):
        chain.update(forward=chain.forward * (1.000_01 if step % 2 else 0.999_99))
    elapsed_us = (time.perf_counter_ns() - start) / 1e6
    options = 2 * chain.strike.size
    CONSOLE.print(
        f"{options} options priced again in place in {elapsed_us:.1f} µs, {elapsed_us * 1000 / options:.0f} ns each"
    )


def solve(chain: pricing.Chain[str]) -> None:
    """Finds the vols of the out-of-the-money options from their prices."""
    forward, t = chain.forward[chain.place], chain.t[chain.place]
    is_call = chain.strike >= forward
    price = np.where(is_call, chain.call.price, chain.put.price)
    vol, status = pricing.implied_vol_status(price, forward, chain.strike, t, is_call)
    found = status == pricing.VolStatus.FOUND
    CONSOLE.print(
        f"{np.count_nonzero(found)} of {found.size} vols found, largest error {np.abs(vol - chain.sigma).max():.1e}"
    )


def second_order(expiry: pricing.ChainExpiry[str]) -> None:
    """Prints how the Greeks at the money themselves move."""
    row = np.abs(expiry.strike - expiry.forward).argmin()
    at = (expiry.forward, expiry.strike[row], expiry.t, expiry.sigma[row])
    greeks = pricing.second_order(*at)
    CONSOLE.print(
        f"{expiry.label} {expiry.strike[row]:,.0f}: vanna {greeks.vanna:.5f}, volga {greeks.volga:.4f}, "
        f"charm {greeks.charm:.5f}, speed {greeks.speed:.2e}"
    )


def plot(chain: pricing.Chain[str], folder: Path) -> Path:
    """Draws the smile and the calls' Greeks across strikes, a line per expiry."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 6), layout="constrained")
    axes = figure.subplots(2, 3, sharex=True)
    names = ("vol", "delta", "gamma", "vega", "theta", "rho")
    for axis, name in zip(axes.flat, names, strict=True):
        for label in chain.expiries:
            expiry = chain[label]
            axis.plot(expiry.strike / 1000, expiry.sigma if name == "vol" else getattr(expiry.call, name), label=label)
        axis.set_title(name)
        axis.grid(alpha=0.3)
    axes[0, 0].legend(fontsize=8)
    figure.supxlabel("strike, thousands")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "chain.png"
    figure.savefig(path, dpi=90)
    return path


def main(
    folder: Annotated[Path | None, typer.Option("--plot", metavar="DIR", help="Draw the chain into DIR.")] = None,
) -> None:
    chain = make_chain()
    CONSOLE.print(f"[bold]{chain}[/bold]")
    show(chain["25DEC26"])
    tick(chain)
    solve(chain)
    second_order(chain["25DEC26"])
    if folder:
        CONSOLE.print(f"drawn: {plot(chain, folder)}")


if __name__ == "__main__":
    typer.run(main)
