"""The watchtower of a local venue: a process that is told an RPC URL, a contract and a key of its own."""

from __future__ import annotations

from synchromesh.operations.dashboard import WATCHTOWER
from synchromesh.operations.launch import VenueStack, fund
from synchromesh.operations.processes import ProcessSpec
from synchromesh.settlement.chain import Chain
from synchromesh.settlement.deploy import USDC_DECIMALS
from synchromesh.settlement.wallet import Wallet

KEY = "watchtower"
"""Name of its key, and of the process."""
STAKES = 10_000 * 10**USDC_DECIMALS
"""What it can stake on requests for leaves, token units."""


async def start_watchtower(stack: VenueStack) -> None:
    """Funds a watchtower and starts it."""
    config, secret = stack.config, stack.venue.ensure_key(KEY)
    chain = Chain(config.rpc_url)
    try:
        wallet = Wallet(chain, config.contract, config.assets[0].token, secret)
        await fund(config.rpc_url, wallet.address)
        await wallet.mint(STAKES)
    finally:
        await chain.close()
    arguments = ("--rpc", config.rpc_url, "--contract", config.contract, "--key", str(stack.venue.key_path(KEY)))
    report = ("--json", str(stack.plan.directory / WATCHTOWER))
    await stack.supervisor.start(
        ProcessSpec(name=KEY, module="synchromesh.verification.watch", arguments=(*arguments, *report))
    )
