"""A dishonest operator: everything that the design says an operator could try, done on purpose, to see it caught."""

from synchromesh.agents.dishonest import accounts, data, marks, orders
from synchromesh.agents.dishonest.kinds import FRAUDS, Conviction, Fraud

__all__ = ["FRAUDS", "Conviction", "Fraud", "accounts", "data", "marks", "orders"]
