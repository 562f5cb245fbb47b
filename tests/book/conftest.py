"""Where the recorded order flow is."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def market_data() -> Path:
    """The folder of recorded market data, which the repository does not hold."""
    folder = os.environ.get("SYNCHROMESH_DATA")
    if not folder:
        pytest.skip("SYNCHROMESH_DATA names no folder of recorded market data")
    return Path(folder)
