"""The execution layer: gateway, sequencer host, market data."""
