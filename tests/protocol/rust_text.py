"""Messages as the native module's ``*_text`` functions print them, so that two codecs can be compared by field."""

from typing import Any

from synchromesh.protocol import Message, Record, WordEnum
from synchromesh.protocol.wire import (
    Bytes,
    Codec,
    EnumCodec,
    FixedArray,
    Flag,
    ListCodec,
    OptionCodec,
    StructCodec,
    Tagged,
    Text,
    codec_of,
)

# Names that differ: Python keywords, and what Rust keeps apart by module or type.
_FIELDS = {("Transfer", "source"): "from", ("Transfer", "target"): "to"}
_VARIANTS = {"InboxNonceFloor": "RaiseNonceFloor"}
_ORDER_IDS = {
    ("CancelOrder", "order"),
    ("ReplaceOrder", "order"),
    ("OrderRested", "order"),
    ("OrderClosed", "order"),
    ("OrderReplaced", "order"),
    ("Fill", "maker"),
    ("Fill", "taker"),
}


def record(value: Record) -> str:
    """A record."""
    kind = type(value.command).__name__
    return f"Record {{ time: {value.time}, command: {kind}({message(value.command)}) }}"


def event(value: Message) -> str:
    """An event."""
    return f"{type(value).__name__}({message(value)})"


def message(value: Message) -> str:
    """A struct."""
    name = type(value).__name__
    codec = codec_of(type(value))
    inner = ", ".join(
        _member(name, field, getattr(value, field), codec)
        for field, codec in zip(codec.names, codec.fields, strict=True)
    )
    return f"{_VARIANTS.get(name, name)} {{ {inner} }}"


def _member(owner: str, field: str, value: Any, codec: Codec) -> str:
    text = f"OrderId({value})" if (owner, field) in _ORDER_IDS else _value(value, codec)
    return f"{_FIELDS.get((owner, field), field)}: {text}"


def _value(value: Any, codec: Codec) -> str:
    match codec:
        case Bytes():
            return "0x" + value.hex()
        case Flag():
            return "true" if value else "false"
        case Text():
            return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
        case EnumCodec():
            return _variant(value)
        case OptionCodec(item=item):
            return "None" if value is None else f"Some({_value(value, item)})"
        case ListCodec(item=item):
            return "[" + ", ".join(_value(each, item) for each in value) + "]"
        case FixedArray():
            return "[" + ", ".join(map(str, value)) + "]"
        case StructCodec() | Tagged():
            return message(value)
    return str(value)


def _variant(value: WordEnum) -> str:
    return "".join(part.capitalize() for part in value.name.split("_"))
