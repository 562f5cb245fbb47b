"""Reconciliation: anyone asks on chain for an account, and is shown its leaf in a state committed since."""
