"""``python -m synchromesh.execution --directory DIR``: the execution process."""

from __future__ import annotations

import argparse
import gc
import sys

import structlog
import uvloop

from synchromesh._native import HostError
from synchromesh.config import ConfigError, VenueDirectory
from synchromesh.execution.service import serve

GC_OBJECTS, GC_ROUNDS = 50_000, 20
"""New objects before the youngest are collected, and such rounds before the next generation is."""


def main() -> int:
    """Run the execution process; its exit status."""
    parser = argparse.ArgumentParser(prog="python -m synchromesh.execution", description=__doc__)
    parser.add_argument("--directory", required=True, help="the venue's directory")
    parser.add_argument("--threads", type=int, default=1, help="threads that recover signatures")
    arguments = parser.parse_args()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    # What is alive now stays alive: full collections need not look at it.
    gc.collect()
    gc.freeze()
    # Requests under way are many small objects and make no cycles: looking at them every 700 objects is in vain.
    gc.set_threshold(GC_OBJECTS, GC_ROUNDS, GC_ROUNDS)
    try:
        uvloop.run(serve(VenueDirectory(arguments.directory), arguments.threads))
    except (ConfigError, HostError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
