"""The examples run as they are printed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from support.venue import TestVenue, secret
from synchromesh.protocol import address_of

EXAMPLES = Path(__file__).parents[2] / "examples"


def run(name: str, *arguments: str) -> str:
    command = [sys.executable, str(EXAMPLES / name), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
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


def test_watch_chain(shared_venue: TestVenue) -> None:
    command = [sys.executable, "-u", str(EXAMPLES / "watch_chain.py"), shared_venue.config.websocket_url, "BTC"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "index 76000  6 options  open\n"
        assert process.stdout.readline().startswith("BTC_USDC-6FEB26-76000-")
        process.terminate()
