"""Read the venue with an unmodified ccxt: only the URLs are overridden.

python examples/ccxt_read.py http://127.0.0.1:8081 BTC/USDC:USDC
"""

import sys

import ccxt


def main(url: str, symbol: str) -> None:
    exchange = ccxt.deribit({"urls": {"api": {"rest": url}}})
    markets = exchange.load_markets()
    print(f"{len(markets)} markets")
    ticker = exchange.fetch_ticker(symbol)
    print(f"{symbol}: bid {ticker['bid']}, ask {ticker['ask']}, last {ticker['last']}")
    print(exchange.fetch_order_book(symbol, limit=5)["bids"])


if __name__ == "__main__":
    main(*sys.argv[1:])
