"""Verification: replay from chain data alone. Trusts the chain, and nobody else."""
