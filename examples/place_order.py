"""Place a signed order below the market, look at it, cancel it, and check the operator's receipts.

python examples/place_order.py ws://127.0.0.1:8080/ws/api/v2 KEY_FILE BTC_USDC-PERPETUAL
"""

import sys
from pathlib import Path

from synchromesh.client import SyncClient
from synchromesh.protocol import PostOnly, TypedDomain


def main(url: str, key_file: str, name: str) -> None:
    secret = bytes.fromhex(Path(key_file).read_text().strip().removeprefix("0x"))
    with SyncClient(url, secret) as client:
        [instrument] = [item for item in client.instruments() if item.instrument_name == name]
        tick, lot = instrument.tick_size, instrument.min_trade_amount
        price = client.ticker(name).mark_price * 9 / 10 // tick * tick
        placed = client.buy(name, lot, price, post_only=PostOnly.REJECT, client_order_id="example")
        print(f"order {placed.order.order_id} is {placed.order.order_state}, journaled at {placed.sequence}")
        cancelled = client.cancel(placed.order.order_id)
        print(f"order {cancelled.order_id} is {cancelled.order_state}, journaled at {cancelled.sequence}")

        # The operator signed where both commands stand; keep receipts to hold it to that.
        venue = client.venue
        domain = TypedDomain(venue.chain_id, bytes.fromhex(venue.contract.removeprefix("0x")))
        for sequence in (placed.sequence, cancelled.sequence):
            client.receipt(sequence).verify(bytes.fromhex(venue.operator.removeprefix("0x")), domain)
        print("both receipts are good")


if __name__ == "__main__":
    main(*sys.argv[1:])
