"""The red team: attacks the margin engine of a running venue through its public API, and says what it got out."""
