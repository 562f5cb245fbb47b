"""A dishonest operator: everything that the design says an operator could try, done on purpose, to see it caught."""

from synchromesh.agents.dishonest import accounts, choices, data, marks, orders
from synchromesh.agents.dishonest.kinds import CHOICES, FRAUDS, Choice, Conviction, Fraud, Scheme

__all__ = [
    "CHOICES",
    "FRAUDS",
    "Choice",
    "Conviction",
    "Fraud",
    "Scheme",
    "accounts",
    "choices",
    "data",
    "marks",
    "orders",
]
