"""Follow one instrument: ticker, local order book and trades, until interrupted.

python examples/watch_market.py ws://127.0.0.1:8080/ws/api/v2 BTC_USDC-PERPETUAL
"""

import asyncio
import sys

from synchromesh.client import Client
from synchromesh.client.types import Ticker, Trade


async def main(url: str, instrument: str) -> None:
    async with Client(url) as client:
        book = await client.book(instrument)

        def show_ticker(channel: str, ticker: Ticker) -> None:
            print(f"mark {ticker.mark_price}  index {ticker.index_price}  bid {book.best_bid}  ask {book.best_ask}")

        def show_trades(channel: str, trades: list[Trade]) -> None:
            for trade in trades:
                print(f"{trade.direction} {trade.amount} @ {trade.price}")

        await client.subscribe(f"ticker.{instrument}.agg2", show_ticker)
        await client.subscribe(f"trades.{instrument}.raw", show_trades)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
