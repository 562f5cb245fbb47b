"""The methods of the API, by subject; importing this package registers them."""

from synchromesh.execution.methods import (
    accounts,
    connection,
    liquidations,
    margin,
    market,
    operator,
    orders,
    signed,
    trades,
)

__all__ = ["accounts", "connection", "liquidations", "margin", "market", "operator", "orders", "signed", "trades"]
