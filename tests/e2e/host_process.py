"""A host in a process of its own, made to be killed: submits packed commands and says what became of each.

``python host_process.py DIRECTORY OPERATOR_SECRET VENUE_START REAL_START SPEED COMMANDS``. Lines on standard output,
each written at once: ``open SEQUENCE CHAIN_HASH``, then ``ack TAG SEQUENCE CHAIN_HASH`` or ``refused TAG CODE``, where
the tag is the place of the command in the file.
"""

import os
import select
import signal
import sys
from pathlib import Path

from synchromesh._native import Host, unpack_records

IN_FLIGHT = 48
"""Commands that wait for their outcome at a time: enough for several in a frame."""
SNAPSHOT_EVERY = 500
"""Commands between snapshots: some fall between any two kills."""


def say(line: str) -> None:
    os.write(1, line.encode() + b"\n")


def main() -> None:
    directory, secret, venue_start, real_start, speed, path = sys.argv[1:]
    host = Host(
        directory,
        bytes.fromhex(secret),
        venue_start_ns=int(venue_start),
        real_start_ns=int(real_start),
        speed=float(speed),
        snapshot_every=SNAPSHOT_EVERY,
    )
    say(f"open {host.sequence} {host.chain_hash.hex()}")
    commands = unpack_records(Path(path).read_bytes())
    sent = settled = 0
    while settled < len(commands):
        while sent < len(commands) and sent - settled < IN_FLIGHT:
            host.submit(sent, commands[sent])
            sent += 1
        select.select([host.fileno()], [], [])
        for outcome in host.drain().results:
            settled += 1
            if outcome.ok:
                say(f"ack {outcome.tag} {outcome.sequence} {outcome.chain_hash.hex()}")
            else:
                say(f"refused {outcome.tag} {outcome.code}")
    signal.pause()


if __name__ == "__main__":
    main()
