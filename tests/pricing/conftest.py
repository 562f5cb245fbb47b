"""Recorded market data, and prices in 40-digit arithmetic."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def data_folder() -> Path:
    folder = os.environ.get("SYNCHROMESH_DATA")
    if not folder:
        pytest.skip("SYNCHROMESH_DATA names no folder of recorded market data")
    return Path(folder)
