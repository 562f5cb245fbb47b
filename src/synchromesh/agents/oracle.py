"""``python -m synchromesh.agents.oracle``: lists what the recorded market lists, signs marks and settlement prices."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import structlog
import typer

from synchromesh.agents.base import connect
from synchromesh.agents.market import MarketPath, Series, open_path
from synchromesh.client import Client, ClientError, RequestRefused
from synchromesh.config import VenueDirectory
from synchromesh.operations.processes import run_until_signal
from synchromesh.protocol import (
    MAX_LISTING,
    USD,
    ZERO_HASH,
    Administration,
    Expire,
    ListInstruments,
    MarkUpdate,
    Names,
    TypedDomain,
)

log = structlog.get_logger(__name__)


class Oracle:
    """Holds oracle and administrator keys of a local venue.

    Args:
        directory: The venue directory.
        path: The recorded market.
    """

    def __init__(self, directory: Path, path: MarketPath) -> None:
        venue = VenueDirectory(directory)
        self._config = venue.read()
        self._path = path
        contract = bytes.fromhex(self._config.contract.removeprefix("0x"))
        self._domain = TypedDomain(self._config.chain_id, contract)
        quorum = self._config.oracle_quorum
        self._oracles = [venue.read_key(f"oracle-{number}") for number in range(quorum)]
        self._admins = [venue.read_key(f"admin-{number}") for number in range(self._config.admin_quorum)]
        self._token = venue.operator_token()
        self._underlyings = {symbol: number for number, symbol in enumerate(self._config.underlyings, start=1)}
        self._names = Names({}, {number: symbol for symbol, number in self._underlyings.items()}, {})
        self._client = Client(self._config.websocket_url)
        self._listed: dict[str, int] = {}
        self._next_instrument = 1
        self._expiries: dict[str, set[int]] = {symbol: set() for symbol in self._underlyings}

    async def run(self, interval: float) -> None:
        """Marks every ``interval`` real seconds until cancelled."""
        await connect(self._client)
        loop = asyncio.get_running_loop()
        known = False
        while True:
            due = loop.time() + interval
            try:
                if not known:
                    await self._recall()
                    known = True
                await self._tick()
            except ClientError as error:
                # A listing whose reply was lost may have happened.
                log.warning("oracle_retry", error=str(error))
                known = False
            await asyncio.sleep(max(due - loop.time(), 0.0))

    async def _recall(self) -> None:
        """Learns what is listed already; an oracle keeps nothing of its own across a restart."""
        self._listed.clear()
        for expiries in self._expiries.values():
            expiries.clear()
        for line in [*await self._client.instruments(expired=True), *await self._client.instruments()]:
            self._next_instrument = max(self._next_instrument, line.instrument_id + 1)
            self._listed[line.instrument_name] = line.instrument_id
            if line.kind == "option" and line.is_active:
                self._expiries[line.base_currency].add(line.expiration_timestamp * 1_000_000)

    async def _tick(self) -> None:
        for symbol, underlying in self._underlyings.items():
            now = self._client.now_ns()
            await self._settle(symbol, underlying, now)
            await self._list(symbol, underlying, now)
            inputs = self._path.inputs(symbol, underlying, now, self._expiries[symbol])
            update = MarkUpdate(inputs=inputs, cosignatures=(), listing_epoch=0, arrays_hash=ZERO_HASH)
            signed = self._domain.cosigned(update, self._oracles, self._names)
            await self._submit("public/submit_mark", body="0x" + signed.encode().hex())

    async def _list(self, symbol: str, underlying: int, now: int) -> None:
        missing = [series for series in self._path.series(symbol, now) if series.name not in self._listed]
        for start in range(0, len(missing), MAX_LISTING):
            await self._list_chunk(underlying, missing[start : start + MAX_LISTING])

    async def _list_chunk(self, underlying: int, chunk: list[Series]) -> None:
        nonce = (await self._client.status()).admin_nonce
        specs = tuple(series.spec(self._next_instrument + place, underlying) for place, series in enumerate(chunk))
        command = ListInstruments(specs, Administration(nonce, ()))
        signed = self._domain.cosigned(command, self._admins, self._names)
        data = bytes([ListInstruments.KIND]) + signed.encode()
        if not await self._submit("operator/command", token=self._token, command="0x" + data.hex()):
            return
        self._next_instrument += len(specs)
        for series, spec in zip(chunk, specs, strict=True):
            self._listed[series.name] = spec.instrument
            if series.expiry:
                self._expiries[series.symbol].add(series.expiry)
        log.info("listed", symbol=chunk[0].symbol, instruments=len(specs))

    async def _settle(self, symbol: str, underlying: int, now: int) -> None:
        for expiry in sorted(found for found in self._expiries[symbol] if found <= now):
            price = round(self._path.settlement_price(symbol, expiry) * USD)
            command = Expire(underlying=underlying, expiry=expiry, price=price, cosignatures=())
            signed = self._domain.cosigned(command, self._oracles, self._names)
            if await self._submit("public/submit_settlement_price", body="0x" + signed.encode().hex()):
                self._expiries[symbol].discard(expiry)
                log.info("settlement_price", symbol=symbol, expiry=expiry, price=price / USD)

    async def _submit(self, method: str, **params: str) -> bool:
        try:
            await self._client.request(method, **params)
        except RequestRefused as refused:
            log.warning("oracle_refused", method=method, error=str(refused))
            return False
        return True


def main(
    directory: Annotated[Path, typer.Option(help="The venue directory.")],
    interval: Annotated[float, typer.Option(help="Real seconds between marks.")] = 1.0,
    data: Annotated[Path | None, typer.Option(help="Recorded chains; without, the bundled set.")] = None,
    mode: Annotated[str, typer.Option(help="bridge or jump.")] = "bridge",
    seed: Annotated[int, typer.Option(help="Of the bridge.")] = 1,
) -> None:
    """The oracle of a local venue."""
    oracle = Oracle(directory, open_path(data, mode=mode, seed=seed))
    asyncio.run(run_until_signal(oracle.run(interval)))


if __name__ == "__main__":
    typer.run(main)
