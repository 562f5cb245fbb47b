"""What would a portfolio need? A short straddle, bare and with wings, in both margin models. No key needed.

python examples/margin_what_if.py ws://127.0.0.1:8080/ws/api/v2 BTC
"""

import sys

from synchromesh.client import SyncClient
from synchromesh.client.types import Instrument


def straddle_and_strangle(client: SyncClient, currency: str) -> tuple[list[Instrument], list[Instrument]]:
    """The options of the first expiry at the money, and the outermost ones."""
    index = client.index_price(currency)
    options = client.instruments(currency, "option")
    first = min(option.expiration_timestamp for option in options)
    calls = sorted((o for o in options if o.expiration_timestamp == first and o.option_type == "call"), key=_strike)
    puts = sorted((o for o in options if o.expiration_timestamp == first and o.option_type == "put"), key=_strike)
    near = [min(side, key=lambda option: abs(option.strike - index)) for side in (calls, puts)]
    return near, [calls[-1], puts[0]]


def _strike(option: Instrument) -> float:
    return float(option.strike)


def main(url: str, currency: str) -> None:
    with SyncClient(url) as client:
        near, far = straddle_and_strangle(client, currency)
        bare = {option.instrument_name: -1 for option in near}
        winged = bare | {option.instrument_name: 1 for option in far}
        for words, positions in (("short straddle", bare), ("iron fly", winged)):
            for model in ("standard", "portfolio"):
                found = client.simulate_margin(positions, cash=20_000, model=model)
                verdict = "accepted" if found.accepted else "not accepted"
                print(
                    f"{words:15} {model:10} IM {found.initial_margin:10,.2f}  equity {found.equity:10,.2f}  {verdict}"
                )
                for each in found.underlyings:
                    parts = each.initial
                    print(
                        f"    worst {parts.worst_state}: scan {parts.scan:,.2f}, short floor {parts.short_floor:,.2f}"
                    )


if __name__ == "__main__":
    main(*sys.argv[1:])
