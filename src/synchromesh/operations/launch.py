"""Brings up a venue on a local chain: contracts, configuration, genesis, processes."""

from __future__ import annotations

import asyncio
import socket
import time
from pathlib import Path

import httpx
import msgspec

from synchromesh.clock import VenueClock
from synchromesh.config import AssetConfig, VenueConfig, VenueDirectory
from synchromesh.operations.administration import set_tables
from synchromesh.operations.processes import ProcessSpec, Supervisor, tail
from synchromesh.protocol import CollateralTerms, RiskParameters
from synchromesh.settlement.chain import Chain, address_from_secret
from synchromesh.settlement.deploy import TEST_TOKENS, USDC_DECIMALS, Deployment, deploy, post_bond
from synchromesh.settlement.sender import Sender
from synchromesh.settlement.terms import VenueTerms, Windows

DAY_SECONDS = 86_400
CHAIN_ID = 31337
"""Chain id of local chains."""
ETHER = 10**18
ORACLES = 3
"""Oracle nodes of a local venue, a process and a key each."""
ORACLE_QUORUM = 2
"""Nodes that have to agree on a mark: one that lies, or is dead, neither makes marks nor stops them."""
CHAIN_ROLES = ("owner", "operator", "standby", "guardian", "insurance")
"""Keys with a part in the contracts."""
READY_SECONDS = 60.0
"""How long a process may take until it answers."""


class LaunchError(Exception):
    """A venue could not be brought up."""


class LaunchPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What is brought up, and where.

    Attributes:
        directory: The venue directory; an existing one is continued.
        venue_start_ns: Venue time at the start.
        speed: Venue seconds per real second.
        websocket_port: Port of the WebSocket API; 0 takes a free one.
        windows: The contracts' times, venue seconds.
        bond: What operator and standby put up, whole USDC.
        underlyings: Symbols to trade.
        parameters: Venue parameters that differ from the defaults.
        tokens: Assets beside USDC, symbols of `TEST_TOKENS`.
        risk: Risk tables by symbol of the underlying.
        collateral: Collateral terms by symbol of the asset.
    """

    directory: Path
    venue_start_ns: int
    speed: float = 1.0
    websocket_port: int = 0
    windows: Windows = Windows()
    bond: int = 250_000
    underlyings: tuple[str, ...] = ("BTC", "ETH")
    parameters: dict[str, int] = msgspec.field(default_factory=dict)
    tokens: tuple[str, ...] = ()
    risk: dict[str, RiskParameters] = msgspec.field(default_factory=dict)
    collateral: dict[str, CollateralTerms] = msgspec.field(default_factory=dict)


def oracle_name(number: int) -> str:
    """Returns the name of an oracle node's process and key."""
    return f"oracle-{number}"


def free_port() -> int:
    """Returns a port on loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class VenueStack:
    """A venue's chain, execution, settlement and oracle processes.

    Args:
        plan: What to bring up.
    """

    def __init__(self, plan: LaunchPlan) -> None:
        self.plan = plan
        self.venue = VenueDirectory(plan.directory)
        self.supervisor = Supervisor(plan.directory / "logs")

    @property
    def config(self) -> VenueConfig:
        """The venue's configuration, once it was brought up."""
        return self.venue.read()

    async def start(self) -> VenueConfig:
        """Starts chain, execution and settlement, and returns when the API answers.

        Raises:
            LaunchError: When a process does not come up.
            ClientError: When the venue refuses a table of its configuration.
        """
        fresh = not (self.plan.directory / "venue.json").exists()
        config = await self._found() if fresh else await self._continue()
        directory = ("--directory", str(self.plan.directory))
        await self.supervisor.start(ProcessSpec(name="execution", module="synchromesh.execution", arguments=directory))
        await self._wait_api(config)
        await set_tables(self.venue)
        await self.supervisor.start(
            ProcessSpec(
                name="settlement", module="synchromesh.settlement", arguments=(*directory, "--confirmations", "1")
            )
        )
        return config

    async def start_oracles(self, *arguments: str) -> None:
        """Starts the oracle nodes, the proposer first: what it lists takes longest."""
        for number in range(ORACLES):
            node = ("--directory", str(self.plan.directory), "--node", str(number))
            await self.supervisor.start(
                ProcessSpec(name=oracle_name(number), module="synchromesh.agents.oracle", arguments=(*node, *arguments))
            )

    async def stop(self) -> None:
        """Ends all processes, the last started first."""
        await self.supervisor.stop()

    async def _found(self) -> VenueConfig:
        plan, venue = self.plan, self.venue
        clock = VenueClock(venue_start_ns=plan.venue_start_ns, real_start_ns=time.time_ns(), speed=plan.speed)
        port = free_port()
        await self._start_chain(port, clock)
        url = f"http://127.0.0.1:{port}"
        operator = address_from_secret(venue.ensure_key("operator"))
        admin = venue.ensure_key("admin-0")
        oracles = [venue.ensure_key(oracle_name(number)) for number in range(ORACLES)]
        deployed = await self._deploy(url)
        config = VenueConfig(
            chain_id=CHAIN_ID,
            rpc_url=url,
            contract=deployed.settlement,
            operator=operator,
            admins=(address_from_secret(admin),),
            oracles=tuple(sorted((address_from_secret(secret) for secret in oracles), key=str.lower)),
            oracle_quorum=ORACLE_QUORUM,
            oracle_ports=tuple(free_port() for _ in range(ORACLES)),
            assets=(
                AssetConfig(symbol="USDC", token=deployed.usdc, decimals=USDC_DECIMALS),
                *(
                    AssetConfig(symbol=symbol, token=token, decimals=TEST_TOKENS[symbol])
                    for symbol, token in deployed.tokens.items()
                ),
            ),
            underlyings=plan.underlyings,
            parameters=plan.parameters,
            risk=plan.risk,
            collateral=plan.collateral,
            clock=clock,
            websocket_port=plan.websocket_port or free_port(),
            http_port=free_port() if plan.websocket_port == 0 else plan.websocket_port + 1,
        )
        venue.write(config)
        return config

    async def _deploy(self, url: str) -> Deployment:
        """Deploys the contracts, and puts up the bonds of the operator and of a standby."""
        plan, keys = self.plan, {name: self.venue.ensure_key(name) for name in CHAIN_ROLES}
        addresses = {name: address_from_secret(secret) for name, secret in keys.items()}
        bond = plan.bond * 10**USDC_DECIMALS
        chain = Chain(url)
        try:
            await chain.wait_ready(READY_SECONDS)
            await asyncio.gather(*(fund(url, address) for address in addresses.values()))
            deployed = await deploy(
                Sender(chain, keys["owner"]),
                VenueTerms(
                    operator=addresses["operator"],
                    guardian=addresses["guardian"],
                    insurance=addresses["insurance"],
                    standbys=(addresses["standby"],),
                    windows=plan.windows,
                    # The chain's clock steps in blocks, so venue time leads it by up to a block.
                    max_time_lead=max(60, int(30 * plan.speed)),
                    max_time_lag=max(DAY_SECONDS, 2 * plan.windows.serve),
                    deposit_cap=10**18,
                    bond=bond,
                    tokens={symbol: TEST_TOKENS[symbol] for symbol in plan.tokens},
                ),
            )
            await asyncio.gather(
                *(post_bond(chain, deployed.settlement, keys[name], bond) for name in ("operator", "standby"))
            )
        finally:
            await chain.close()
        return deployed

    async def _continue(self) -> VenueConfig:
        config = self.config
        await self._start_chain(int(config.rpc_url.rsplit(":", 1)[1]), config.clock)
        return config

    async def _start_chain(self, port: int, clock: VenueClock) -> None:
        arguments = ("--port", str(port), "--state", str(self.plan.directory / "chain.json"))
        start = ("--venue-start-ns", str(clock.venue_start_ns), "--real-start-ns", str(clock.real_start_ns))
        await self.supervisor.start(
            ProcessSpec(
                name="chain",
                module="synchromesh.operations.chain",
                arguments=(*arguments, *start, "--speed", str(clock.speed)),
            )
        )

    async def _wait_api(self, config: VenueConfig) -> None:
        deadline = asyncio.get_running_loop().time() + READY_SECONDS
        async with httpx.AsyncClient(base_url=config.http_url) as client:
            while asyncio.get_running_loop().time() < deadline:
                try:
                    if (await client.get("/health")).status_code == 200:
                        return
                except httpx.HTTPError:
                    pass
                await asyncio.sleep(0.1)
        log = tail(self.plan.directory / "logs" / "execution.log")
        raise LaunchError(f"the execution process did not answer within {READY_SECONDS:.0f} s:\n{log}")


async def fund(url: str, address: str) -> None:
    """Gives an account of a local chain ether for gas."""
    body = {"jsonrpc": "2.0", "id": 1, "method": "anvil_setBalance", "params": [address, hex(10_000 * ETHER)]}
    async with httpx.AsyncClient() as client:
        answer = (await client.post(url, json=body)).json()
    if "error" in answer:
        raise LaunchError(f"{url} gives no ether: {answer['error']}")
