"""Market status where users see it: tickers, ``public/status``, and a channel that tells of changes."""

from __future__ import annotations

import asyncio

from support.venue import CALL, ETH_CALL, EXPIRY, INDEX, SMILE, TestVenue, settled
from synchromesh.client import Client
from synchromesh.client.types import PlatformState
from synchromesh.protocol import ExpiryInputs, MarkInputs, MarkUpdate, Mode, Parameter


def mark_with(venue: TestVenue, sources: int) -> None:
    """A BTC mark from so many index sources."""
    index = INDEX["BTC"]
    inputs = MarkInputs(1, venue.now, index, 100_000, sources, index, 10_000, (ExpiryInputs(EXPIRY, index, 0, SMILE),))
    update = venue.domain.cosigned(MarkUpdate(inputs, (), 0, bytes(32)), [venue.oracle], venue.names)
    venue.call("public/submit_mark", body=update.encode().hex())


async def test_states_are_shown_and_pushed(venue: TestVenue) -> None:
    async with Client(venue.config.websocket_url) as client:
        pushes: list[PlatformState] = []
        await client.subscribe("platform_state", lambda channel, data: pushes.append(data))
        assert [(push.currency, push.state, push.locked) for push in pushes] == [
            ("BTC", "open", False),
            ("ETH", "open", False),
        ]
        assert (await client.ticker(CALL)).state == "open"

        await asyncio.to_thread(venue.set_parameter, Parameter.MIN_INDEX_SOURCES, 2)
        await asyncio.to_thread(mark_with, venue, 1)
        await settled(lambda: len(pushes) == 3)
        assert (pushes[2].price_index, pushes[2].state, pushes[2].mark_fault) == (
            "btc_usdc",
            "reduce_only",
            "few_sources",
        )
        assert pushes[2].locked
        status = await client.status()
        assert (status.locked, status.states) == ("partial", {"BTC": "reduce_only", "ETH": "open"})
        assert status.mark_faults == {"BTC": "few_sources", "ETH": "none"}
        assert status.modes == {"BTC": "normal", "ETH": "normal"}
        assert (await client.ticker(CALL)).state == "reduce_only"
        assert (await client.ticker(ETH_CALL)).state == "open"

        await asyncio.to_thread(mark_with, venue, 3)
        await asyncio.to_thread(venue.set_mode, 2, Mode.HALT)
        await settled(lambda: len(pushes) == 5)
        assert [(push.currency, push.state, push.mode) for push in pushes[3:]] == [
            ("BTC", "open", "normal"),
            ("ETH", "halted", "halt"),
        ]
        chain = await client.local_chain("ETH")
        assert chain.state == "halted"
