"""The command line: ``synchromesh``."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.live import Live
from rich.table import Table

from synchromesh.client import Client
from synchromesh.config import ConfigError, VenueDirectory
from synchromesh.operations.admin_command import admin_app
from synchromesh.operations.exit_command import exit_app
from synchromesh.operations.force_command import force_app
from synchromesh.operations.plain_errors import plain_errors
from synchromesh.operations.quorum_command import quorum_app
from synchromesh.operations.reconcile_command import reconcile
from synchromesh.protocol import MarginModel, Side, TimeInForce, address_of
from synchromesh.risk.stress_command import app as stress_app
from synchromesh.verification.attest.command import attest_app
from synchromesh.verification.command import verify
from synchromesh.verification.watch import watch

app = typer.Typer(help="An options venue that nobody has to trust.", no_args_is_help=True, add_completion=False)
keys_app = typer.Typer(help="Keys of a venue directory.", no_args_is_help=True)
app.add_typer(keys_app, name="keys")
app.add_typer(admin_app, name="admin")
app.add_typer(stress_app, name="stress")
app.add_typer(attest_app, name="attest")
app.add_typer(quorum_app, name="quorum")
app.command("verify")(verify)
app.command("watch")(watch)
app.command("reconcile")(reconcile)
app.add_typer(exit_app, name="exit")
app.add_typer(force_app, name="force")
console = Console()

Directory = Annotated[Path, typer.Option("--directory", "-d", help="The venue directory.")]
Key = Annotated[str, typer.Option("--key", "-k", help="Name of the key that signs.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Data = Annotated[
    Path | None,
    typer.Option("--data", envvar="SYNCHROMESH_DATA", help="Folder of recorded chains; without, the bundled set."),
]
VENUE = Path("var/venue")


def _show(value: Any, as_json: bool) -> None:
    """Prints a result: JSON, or a table of its fields."""
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(value)).decode())
        return
    fields = msgspec.to_builtins(value)
    table = Table(show_header=False, box=None)
    for name, field in fields.items():
        table.add_row(f"[bold]{name}[/]", str(field))
    console.print(table)


@app.command()
def demo(
    duration: Annotated[float, typer.Option(help="Real seconds of trading.")] = 120.0,
    speed: Annotated[float, typer.Option(help="Venue seconds per real second; 0: the recording fits.")] = 0.0,
    data: Data = None,
    port: Annotated[int, typer.Option(help="Port of the WebSocket API; 0: a free one.")] = 0,
    json: Annotated[Path | None, typer.Option(help="Write the summary to this file.")] = None,
    mode: Annotated[str, typer.Option(help="bridge, or jump: the raw jumps between snapshots.")] = "bridge",
    seed: Annotated[int, typer.Option(help="Of bridge and agents.")] = 1,
    directory: Annotated[Path | None, typer.Option(help="Keep the venue here; must be new.")] = None,
    fraud: Annotated[str, typer.Option(help="A small venue whose operator cheats in this way; list: the ways.")] = "",
) -> None:
    """The whole venue on a recorded market, with makers and takers; ends by itself."""
    if fraud:
        from synchromesh.operations.fraud_command import show_fraud

        show_fraud(fraud, directory, json)
        return
    from synchromesh.operations.dashboard import render
    from synchromesh.operations.demo import Demo, DemoPlan

    with plain_errors(), contextlib.ExitStack() as stack:
        if directory is None:
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="synchromesh-")))
        elif (directory / "venue.json").exists():
            raise ConfigError(f"{directory} holds a venue already; a demo starts with a new one")
        plan = DemoPlan(directory=directory, duration=duration, speed=speed, data=data, port=port, mode=mode, seed=seed)
        typer.echo(f"market: {data if data is not None else 'the bundled set'}, {mode}; bringing up the venue …")
        if console.is_terminal:
            live = stack.enter_context(Live(console=console, refresh_per_second=4))
            show = lambda view: live.update(render(view))  # noqa: E731
        else:
            show = _print_line
        venue = Demo(plan, show)
        summary = asyncio.run(venue.run())
        if not console.is_terminal:
            console.print(render(venue.view))
    text = msgspec.json.format(msgspec.json.encode(summary)).decode()
    if json is not None:
        json.write_text(text + "\n")
    typer.echo(text)
    sound = summary.invariants_ok and not summary.frozen and summary.root_on_chain == summary.root_verifier
    raise typer.Exit(0 if sound else 1)


def _print_line(view: Any) -> None:
    """One line a second where there is no terminal."""
    counted, batches = view.counted, view.settlement.batches_committed
    typer.echo(
        f"{view.elapsed:6.1f} s  orders {counted.orders}  fills {counted.fills}  batches {batches}"
        f"  verified {view.watch.verdict.batches}  ack p50 {view.latency.p50:.2f} ms"
    )


@app.command()
def up(
    directory: Directory = VENUE,
    data: Data = None,
    port: Annotated[int, typer.Option(help="Port of the WebSocket API; 0: a free one.")] = 8080,
    makers: Annotated[int, typer.Option(help="Market makers.")] = 1,
) -> None:
    """A whole venue on a local chain, until Ctrl-C; a directory that holds one is continued."""
    from synchromesh.operations.up import run_up

    with plain_errors():
        asyncio.run(run_up(directory, data, port, makers, typer.echo))


@app.command()
def status(directory: Directory = VENUE, json: Json = False) -> None:
    """Where a venue is, what it has done, and what chain and watchtower say."""
    from synchromesh.operations.dashboard import WATCHTOWER, read_status
    from synchromesh.settlement.service import SettlementStatus
    from synchromesh.verification.status import WatchStatus

    with plain_errors():
        config = VenueDirectory(directory).read()
        settlement = read_status(directory, "settlement.json", SettlementStatus)
        watch = read_status(directory, WATCHTOWER, WatchStatus)

        async def ask() -> Any:
            async with Client(config.websocket_url) as client:
                return await client.status()

        found = {
            "api": config.websocket_url,
            "http": config.http_url,
            "rpc": config.rpc_url,
            "contract": config.contract,
            "venue": asyncio.run(ask()),
            "settlement": settlement,
            "watchtower": watch,
        }
        _show(found, json)


@keys_app.command("new")
def keys_new(name: str, directory: Directory = VENUE, json: Json = False) -> None:
    """Makes a key."""
    with plain_errors():
        secret = VenueDirectory(directory).write_key(name)
        _show({"name": name, "address": "0x" + address_of(secret).hex()}, json)


@keys_app.command("list")
def keys_list(directory: Directory = VENUE, json: Json = False) -> None:
    """Lists keys with their addresses; never a secret."""
    with plain_errors():
        venue = VenueDirectory(directory)
        names = sorted(path.stem for path in (directory / "keys").glob("*.key") if path.stem != "operator-token")
        _show({name: "0x" + address_of(venue.read_key(name)).hex() for name in names}, json)


@app.command()
def deposit(
    amount: Annotated[int, typer.Argument(help="USDC.")],
    key: Key,
    directory: Directory = VENUE,
    json: Json = False,
) -> None:
    """Deposits test USDC on a local chain, and waits for the credit."""
    from synchromesh.operations.funding import deposit_new

    async def run() -> Any:
        venue = VenueDirectory(directory)
        config, secret = venue.read(), venue.read_key(key)
        async with Client(config.websocket_url, secret) as client:
            before = (await client.account()).balance if await client.subaccounts() else Decimal(0)
            await deposit_new(config, secret, amount)
            while not await client.subaccounts() or (await client.account()).balance < before + amount:
                await asyncio.sleep(0.2)
            return await client.account()

    with plain_errors():
        _show(asyncio.run(run()), json)


@app.command()
def withdraw(
    amount: Annotated[str, typer.Argument(help="USDC.")],
    key: Key,
    directory: Directory = VENUE,
    claim: Annotated[bool, typer.Option(help="Wait for the batch to be final, and claim.")] = True,
    json: Json = False,
) -> None:
    """Takes USDC out, to the key's own address on the chain."""
    from synchromesh.agents.claims import Claims
    from synchromesh.settlement.batches import BatchStore

    async def run() -> Any:
        venue = VenueDirectory(directory)
        config, secret = venue.read(), venue.read_key(key)
        async with Client(config.websocket_url, secret) as client:
            result = await client.withdraw(amount, address_of(secret))
        if claim:
            claims = Claims(config, secret, BatchStore(directory / "settlement" / "batches"))
            waiting = [result.withdrawal_id]
            while waiting := await claims.claim(waiting):
                await asyncio.sleep(0.5)
            await claims.close()
        return {**msgspec.to_builtins(result), "claimed": claim}

    with plain_errors():
        _show(asyncio.run(run()), json)


@app.command()
def trade(
    side: Annotated[str, typer.Argument(help="buy or sell.")],
    instrument: Annotated[str, typer.Argument(help="BTC_USDC-27MAR26-100000-C, BTC_USDC-PERPETUAL.")],
    amount: Annotated[str, typer.Argument(help="Contracts.")],
    key: Key,
    price: Annotated[str, typer.Option(help="Limit price, USDC per contract.")],
    ioc: Annotated[bool, typer.Option("--ioc", help="Trade at once or not at all.")] = False,
    directory: Directory = VENUE,
    json: Json = False,
) -> None:
    """Places a signed order."""

    async def run() -> Any:
        venue = VenueDirectory(directory)
        config, secret = venue.read(), venue.read_key(key)
        async with Client(config.websocket_url, secret) as client:
            force = TimeInForce.IOC if ioc else TimeInForce.GTC
            return await client.place(Side.from_word(side), instrument, amount, price, time_in_force=force)

    with plain_errors():
        _show(asyncio.run(run()), json)


@app.command()
def replay(
    journal: Annotated[Path, typer.Argument(help="A journal directory, or the venue directory that holds it.")],
    json: Json = False,
) -> None:
    """Replays a journal through a fresh engine and counts what it holds."""
    from synchromesh.operations.summary import JournalCounter

    with plain_errors():
        if (journal / "venue.json").exists():
            journal /= "journal"
        if not journal.is_dir():
            raise ConfigError(f"{journal} holds no journal")
        counter = JournalCounter(journal)
        with console.status("replaying …"):
            counter.poll()
        counter.summary.invariants_ok = counter.check()
        summary = msgspec.to_builtins(counter.summary)
        counted = ("commands", "instruments", "orders", "cancels", "fills", "notional_usd", "deposits", "settled")
        report = {name: summary[name] for name in (*counted, "invariants_ok")}
        report["sequence"] = counter.replica.sequence
        report["chain_hash"] = "0x" + counter.replica.chain_hash.hex()
        report["state_root"] = "0x" + counter.replica.state_root().hex()
        _show(report, json)
        raise typer.Exit(0 if counter.summary.invariants_ok else 1)


@app.command()
def surface(
    file: Annotated[Path, typer.Argument(help="Chain snapshots: CSV or CSV.gz, one row per option.")],
    json: Json = False,
    plot: Annotated[Path | None, typer.Option(help="Folder for pictures: fit against quotes, total variance.")] = None,
) -> None:
    """Fits volatility surfaces without arbitrage to recorded chains. Exits 0, 1 on arbitrage, 2 without a chain."""
    from synchromesh.risk.surface.command import surface as run

    run(file, json, plot)


@app.command()
def margin(
    file: Annotated[Path, typer.Argument(help="CSV with the columns instrument and amount; USDC is cash.")],
    url: Annotated[str | None, typer.Option(help="Ask a venue: ws://HOST:PORT/ws/api/v2.")] = None,
    chain: Annotated[Path | None, typer.Option(help="Recorded chain; its last snapshot counts.")] = None,
    model: Annotated[str, typer.Option(help="portfolio or standard.")] = MarginModel.PORTFOLIO.word,
    json: Json = False,
    plot: Annotated[Path | None, typer.Option(help="Picture of every scenario and add-on: FILE.png.")] = None,
) -> None:
    """Margin of a portfolio, every scenario and add-on by name; without --url offline, on the bundled market."""
    from synchromesh.risk.simulation.command import margin as run

    with plain_errors():
        run(file, url, chain, model, json, plot)


@app.command()
def bench(json: Json = False) -> None:
    """Runs the benchmarks of a source checkout (``make bench``)."""
    root = Path(__file__).resolve().parents[2]
    if not (root / "benches" / "__main__.py").exists():
        typer.echo("error: the benchmarks come with a source checkout", err=True)
        raise typer.Exit(1)
    os.chdir(root)
    os.execv(sys.executable, [sys.executable, "-m", "benches", *(["--json"] if json else [])])
