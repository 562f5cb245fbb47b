"""Switch a subaccount to portfolio margin, after a dry run, and follow its margin calls.

python examples/portfolio_margin.py ws://127.0.0.1:8080/ws/api/v2 KEY_FILE
"""

import sys
from pathlib import Path

from synchromesh.client import SyncClient
from synchromesh.client.types import MarginCall


def main(url: str, key_file: str) -> None:
    secret = bytes.fromhex(Path(key_file).read_text().strip().removeprefix("0x"))

    def called(channel: str, call: MarginCall) -> None:
        print(f"margin call {call.level}: equity {call.equity}, maintenance margin {call.maintenance_margin}")

    with SyncClient(url, secret) as client:
        client.subscribe("user.margin_calls", called)
        dry = client.set_margin_model("portfolio", dry_run=True)
        print(f"portfolio margin would be {dry.initial_margin} instead of {client.account().initial_margin}")
        if dry.accepted and client.account().model != "portfolio":
            client.set_margin_model("portfolio")
        account = client.account()
        print(f"subaccount {account.subaccount_id} is in the {account.model} model")
        for line in account.collateral:
            print(f"{line.amount} {line.currency} count for {line.initial_value} USDC")


if __name__ == "__main__":
    main(*sys.argv[1:])
