"""The execution process: host, gateway and both transports of one venue directory."""

from __future__ import annotations

import asyncio
import select
import signal
from collections.abc import Callable

import structlog

from synchromesh._native import Host
from synchromesh.config import ConfigError, VenueConfig, VenueDirectory, address_bytes
from synchromesh.execution import methods
from synchromesh.execution.gateway import Gateway, encode_command
from synchromesh.execution.genesis import genesis_of
from synchromesh.execution.housekeeping import Housekeeper
from synchromesh.execution.http import HttpServer
from synchromesh.execution.websocket import WebSocketServer
from synchromesh.protocol import Genesis, address_of

GENESIS_SECONDS = 30.0
"""Longest wait for the first command."""

log = structlog.get_logger()
assert methods.__all__, "importing the methods registers them"


def open_host(directory: VenueDirectory, config: VenueConfig, threads: int = 1) -> Host:
    """Recover or create the venue of a directory.

    `ConfigError` when the directory's operator key or genesis is not the configuration's; ``HostError`` when the
    journal is damaged or in use.
    """
    secret = directory.read_key("operator")
    if address_of(secret) != address_bytes(config.operator):
        raise ConfigError("keys/operator.key is not the key of the configured operator")
    clock = config.clock
    host = Host(
        str(directory.path),
        secret,
        venue_start_ns=clock.venue_start_ns,
        real_start_ns=clock.real_start_ns,
        speed=clock.speed,
        threads=threads,
    )
    genesis = genesis_of(config)
    if host.is_new:
        _submit_genesis(host, genesis)
    journaled = Genesis.decode(host.genesis_info())
    if (journaled.chain_id, journaled.contract) != (genesis.chain_id, genesis.contract):
        host.close()
        raise ConfigError("the journal belongs to another venue than the configuration")
    return host


def _submit_genesis(host: Host, genesis: Genesis) -> None:
    host.submit(0, encode_command(genesis))
    ready, _, _ = select.select([host.fileno()], [], [], GENESIS_SECONDS)
    if not ready:
        raise TimeoutError("the genesis did not become durable")
    [outcome] = host.drain().results
    if not outcome.ok:
        raise ConfigError(f"the genesis was refused ({outcome.code}): {outcome.message}")


async def serve(directory: VenueDirectory, threads: int = 1, started: Callable[[int, int], None] | None = None) -> None:
    """Run until SIGTERM or SIGINT.

    Parameters
    ----------
    directory
        The venue's directory.
    threads
        Threads that recover signatures.
    started
        Is told the WebSocket port and the HTTP port once both are open.
    """
    config = directory.read()
    host = open_host(directory, config, threads)
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    gateway = Gateway(host, config, directory.ensure_key("gateway"), directory.operator_token())
    gateway.start(loop)
    keeper = Housekeeper(gateway)
    websocket, http = WebSocketServer(gateway), HttpServer(gateway)
    try:
        ports = (
            await websocket.start(config.host, config.websocket_port),
            await http.start(config.host, config.http_port),
        )
        keeper.start()
        log.info("open", websocket=ports[0], http=ports[1], sequence=host.sequence, epoch=host.epoch)
        if started:
            started(*ports)
        await ended.wait()
        log.info("closing", sequence=host.sequence)
    finally:
        await keeper.stop()
        await websocket.stop()
        await http.stop()
        gateway.stop()
        host.close()
