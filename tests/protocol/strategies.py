"""Hypothesis strategies of every message, read from the messages' own annotations."""

from functools import cache
from typing import Any

from hypothesis import strategies as st

from synchromesh.protocol import COMMANDS, EVENTS, SCOPES, Message, Record, wire
from synchromesh.protocol import commands as _commands

RANGES = {"B": (0, 2**8 - 1), "H": (0, 2**16 - 1), "I": (0, 2**32 - 1), "Q": (0, 2**64 - 1), "q": (-(2**63), 2**63 - 1)}
RANGES["i"] = (-(2**31), 2**31 - 1)
PRINTABLE = st.characters(min_codepoint=0x20, max_codepoint=0x7E)
ADDRESSES = st.binary(min_size=20, max_size=20)
U64 = st.integers(0, 2**64 - 1)


@cache
def messages(kind: type[Message]) -> st.SearchStrategy[Any]:
    """Messages of one type."""
    return st.builds(kind, *[values(codec) for codec in wire.codec_of(kind).fields])


def values(codec: wire.Codec) -> st.SearchStrategy[Any]:
    """Values that a codec encodes."""
    match codec:
        case _commands.Scopes():
            return st.integers(0, sum(SCOPES.values()))
        case wire.Int():
            return st.integers(*RANGES[codec.layout.format[1:]])
        case wire.Bytes(length=length):
            return st.binary(min_size=length, max_size=length)
        case wire.Flag():
            return st.booleans()
        case wire.Text(maximum=maximum):
            return st.text(PRINTABLE, max_size=min(maximum, 20))
        case wire.EnumCodec(members=members):
            return st.sampled_from(list(members))
        case wire.OptionCodec(item=item):
            return st.none() | values(item)
        case wire.ListCodec(item=item, bounds=bounds):
            lists = st.lists(values(item), max_size=3, unique_by=bounds.key)
            return lists.map(lambda items: tuple(sorted(items, key=bounds.key) if bounds.key else items))
        case wire.FixedArray():
            count, code = int(codec.layout.format[1:-1]), codec.layout.format[-1]
            seeds = st.lists(st.integers(*RANGES[code]), min_size=1, max_size=4)
            return seeds.map(lambda seed: tuple(seed[i % len(seed)] for i in range(count)))
        case wire.Tagged(kinds=kinds):
            return st.one_of([messages(kind) for kind in kinds.values()])
        case wire.StructCodec(message=message):
            return messages(message)
    raise AssertionError(f"no strategy for {codec!r}")


commands = st.one_of([messages(kind) for kind in COMMANDS.values()])
events = st.one_of([messages(kind) for kind in EVENTS.values()])
records = st.builds(Record, U64, commands)
inbox_bodies = st.one_of([messages(kind) for kind in _commands._INBOX.kinds.values()])
