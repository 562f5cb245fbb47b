"""Data that ships with the package: fitted parameters, no market data."""
