"""The examples run as they are printed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.risk import WBTC, RiskVenue
from support.venue import PATIENCE_SECONDS, TestVenue, secret
from synchromesh.protocol import CONTRACT, address_of

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def risky(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RiskVenue]:
    venue = RiskVenue(tmp_path_factory.mktemp("venue"))
    try:
        yield venue.up()
    finally:
        venue.down()


def run(name: str, *arguments: str) -> str:
    command = [sys.executable, str(EXAMPLES / name), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_place_order(shared_venue: TestVenue, tmp_path: Path) -> None:
    shared_venue.deposit(address_of(secret("reader of examples")))
    key = tmp_path / "secret.key"
    key.write_text("0x" + secret("reader of examples").hex() + "\n")
    shown = run("place_order.py", shared_venue.config.websocket_url, str(key), "BTC_USDC-PERPETUAL")
    assert "is open" in shown
    assert "is cancelled" in shown
    assert "both receipts are good" in shown


def test_ccxt_read(shared_venue: TestVenue) -> None:
    shown = run("ccxt_read.py", shared_venue.config.http_url, "BTC/USDC:USDC")
    assert f"{len(shared_venue.specs)} markets" in shown


def test_watch_market(shared_venue: TestVenue) -> None:
    command = [sys.executable, "-u", str(EXAMPLES / "watch_market.py"), shared_venue.config.websocket_url]
    with subprocess.Popen([*command, "BTC_USDC-PERPETUAL"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("mark 76000")
        process.terminate()


def test_margin_what_if(risky: RiskVenue) -> None:
    shown = run("margin_what_if.py", risky.config.websocket_url, "BTC")
    lines = [line.split() for line in shown.splitlines() if "IM" in line]
    margins = {(line[1], line[2]): float(line[4].replace(",", "")) for line in lines}
    assert margins["fly", "portfolio"] < margins["straddle", "portfolio"] < margins["straddle", "standard"]
    assert margins["fly", "standard"] == margins["straddle", "standard"]
    assert "worst " in shown


def test_portfolio_margin(risky: RiskVenue, tmp_path: Path) -> None:
    risky.deposit_asset(address_of(secret("holder of bitcoin")), WBTC, 2 * CONTRACT)
    key = tmp_path / "secret.key"
    key.write_text("0x" + secret("holder of bitcoin").hex() + "\n")
    shown = run("portfolio_margin.py", risky.config.websocket_url, str(key))
    assert "is in the portfolio model" in shown
    assert "2 WBTC count for 144400 USDC" in shown


def test_watch_chain(shared_venue: TestVenue) -> None:
    command = [sys.executable, "-u", str(EXAMPLES / "watch_chain.py"), shared_venue.config.websocket_url, "BTC"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "index 76000  6 options  open\n"
        assert process.stdout.readline().startswith("BTC_USDC-6FEB26-76000-")
        process.terminate()
