"""Follow a whole chain with one subscription: the options nearest to the money, until interrupted.

python examples/watch_chain.py ws://127.0.0.1:8080/ws/api/v2 BTC
"""

import asyncio
import sys

from synchromesh.client import Client


async def main(url: str, currency: str) -> None:
    async with Client(url) as client:
        async for chain in client.chain(currency, "agg2"):
            options = [line for line in chain.lines() if line.vols is not None]
            nearest = sorted(options, key=lambda line: abs(abs(line.mark.delta) - 0.5))[:5]
            print(f"index {chain.index_price}  {len(options)} options  {chain.state}")
            for instrument, mark, quote, vols in ((o.instrument, o.mark, o.quote, o.vols) for o in nearest):
                print(
                    f"{instrument.instrument_name:32} mark {mark.mark_price:10.2f}  iv {mark.mark_iv:6.2f}  "
                    f"delta {mark.delta:6.3f}  vega {mark.vega:8.2f}  theta {mark.theta:9.2f}  "
                    f"{quote.best_bid_price} ({vols.bid_iv}) / {quote.best_ask_price} ({vols.ask_iv})"
                )


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
