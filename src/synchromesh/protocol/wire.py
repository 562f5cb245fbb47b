"""The binary codec: big-endian, fixed width where a width exists, no padding, nothing optional without a flag.

A message is a frozen ``msgspec`` struct whose annotations say how each field is encoded. Encoding is canonical: a
value has exactly one encoding, and decoding refuses every other one. The bytes equal those of the native codec.
"""

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from itertools import pairwise
from types import UnionType
from typing import Annotated, Any, ClassVar, Protocol, Self, Union, get_args, get_origin, get_type_hints

import msgspec

from synchromesh._native import CodecError

__all__ = [
    "I64",
    "U8",
    "U16",
    "U32",
    "U64",
    "Address",
    "CodecError",
    "FixedArray",
    "Hash",
    "Listed",
    "Message",
    "Reader",
    "Signature",
    "Tagged",
    "Text",
    "WordEnum",
]


class Reader:
    """A cursor over bytes being decoded."""

    __slots__ = ("at", "data")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def bytes(self, length: int) -> bytes:
        """Take the next ``length`` bytes; `CodecError` when fewer are left."""
        end = self.at + length
        if end > len(self.data):
            raise CodecError(f"input ended {end - len(self.data)} bytes early")
        taken = self.data[self.at : end]
        self.at = end
        return taken

    def finish(self) -> None:
        """Succeed when nothing is left; `CodecError` otherwise."""
        if self.at != len(self.data):
            raise CodecError(f"{len(self.data) - self.at} bytes left after the value")


class Codec(Protocol):
    """How one field is encoded and decoded."""

    def put(self, value: Any, out: bytearray) -> None:
        """Append the encoding of ``value``; `CodecError` when it has none."""

    def take(self, reader: Reader) -> Any:
        """Decode one value; `CodecError` when the bytes are not canonical."""


class Int:
    """An integer of fixed width, by its ``struct`` code."""

    def __init__(self, code: str) -> None:
        self.layout = struct.Struct(">" + code)

    def put(self, value: int, out: bytearray) -> None:
        """Append the integer; `CodecError` when it does not fit."""
        try:
            out += self.layout.pack(value)
        except struct.error as error:
            raise CodecError(f"{value!r} does not fit its field: {error}") from None

    def take(self, reader: Reader) -> int:
        """Decode the integer."""
        value: int = self.layout.unpack(reader.bytes(self.layout.size))[0]
        return value


@dataclass(frozen=True)
class Bytes:
    """A byte string of fixed length."""

    length: int

    def put(self, value: bytes, out: bytearray) -> None:
        """Append the bytes; `CodecError` when their number is wrong."""
        if not isinstance(value, bytes) or len(value) != self.length:
            raise CodecError(f"{value!r} is not {self.length} bytes")
        out += value

    def take(self, reader: Reader) -> bytes:
        """Decode the bytes."""
        return reader.bytes(self.length)


class Flag:
    """A boolean: 0 or 1, nothing else."""

    def put(self, value: bool, out: bytearray) -> None:
        """Append the flag."""
        out.append(1 if value else 0)

    def take(self, reader: Reader) -> bool:
        """Decode the flag."""
        byte = reader.bytes(1)[0]
        if byte > 1:
            raise CodecError(f"{byte} is not a flag")
        return byte == 1


@dataclass(frozen=True)
class Text:
    """Printable ASCII of at most ``maximum`` characters, behind its u8 length."""

    maximum: int = 255

    def put(self, value: str, out: bytearray) -> None:
        """Append the text; `CodecError` when it is too long or not printable ASCII."""
        self._check(value)
        out.append(len(value))
        out += value.encode("ascii")

    def take(self, reader: Reader) -> str:
        """Decode the text."""
        value = reader.bytes(reader.bytes(1)[0]).decode("latin-1")
        self._check(value)
        return value

    def _check(self, value: str) -> None:
        if len(value) > self.maximum:
            raise CodecError(f"text holds {len(value)} characters, at most {self.maximum} allowed")
        if not (value.isascii() and value.isprintable()):
            raise CodecError("text is not printable ASCII")


@dataclass(frozen=True)
class Listed:
    """A list of at most ``maximum`` items behind its u16 count; with ``key``, strictly ascending by it."""

    maximum: int = 65_535
    key: Callable[[Any], Any] | None = None


@dataclass(frozen=True)
class ListCodec:
    """A list of items of one codec."""

    item: Codec
    bounds: Listed

    def put(self, value: tuple[Any, ...], out: bytearray) -> None:
        """Append count and items; `CodecError` when the list is not within its bounds."""
        self._check(value)
        out += len(value).to_bytes(2)
        for item in value:
            self.item.put(item, out)

    def take(self, reader: Reader) -> tuple[Any, ...]:
        """Decode the list."""
        count = int.from_bytes(reader.bytes(2))
        if count > self.bounds.maximum:
            raise CodecError(f"list holds {count}, at most {self.bounds.maximum} allowed")
        value = tuple(self.item.take(reader) for _ in range(count))
        self._check(value)
        return value

    def _check(self, value: tuple[Any, ...]) -> None:
        if len(value) > self.bounds.maximum:
            raise CodecError(f"list holds {len(value)}, at most {self.bounds.maximum} allowed")
        if self.bounds.key is not None:
            keys = [self.bounds.key(item) for item in value]
            if any(before >= after for before, after in pairwise(keys)):
                raise CodecError("items do not ascend")


@dataclass(frozen=True)
class OptionCodec:
    """A value behind a flag that says whether it is there."""

    item: Codec

    def put(self, value: Any, out: bytearray) -> None:
        """Append the flag, and the value if there is one."""
        out.append(0 if value is None else 1)
        if value is not None:
            self.item.put(value, out)

    def take(self, reader: Reader) -> Any:
        """Decode the value, or None."""
        return self.item.take(reader) if Flag().take(reader) else None


class FixedArray:
    """Integers without a count: always ``length`` of them."""

    def __init__(self, code: str, length: int) -> None:
        self.layout = struct.Struct(f">{length}{code}")

    def put(self, value: tuple[int, ...], out: bytearray) -> None:
        """Append the integers; `CodecError` when their number is wrong or one does not fit."""
        try:
            out += self.layout.pack(*value)
        except struct.error as error:
            raise CodecError(f"array does not fit its field: {error}") from None

    def take(self, reader: Reader) -> tuple[int, ...]:
        """Decode the integers."""
        return self.layout.unpack(reader.bytes(self.layout.size))


class WordEnum(IntEnum):
    """An enumeration encoded as one byte, with the word that users read and sign."""

    word: str

    def __new__(cls, value: int, word: str) -> Self:
        """A member from its number and its word."""
        member = int.__new__(cls, value)
        member._value_ = value
        member.word = word
        return member

    @classmethod
    def from_word(cls, word: str) -> Self:
        """The member that ``word`` names; ValueError when there is none."""
        for member in cls:
            if member.word == word:
                return member
        raise ValueError(f"{word!r} is not a {cls.__name__}")


@dataclass(frozen=True)
class EnumCodec:
    """A member of a `WordEnum`."""

    members: type[WordEnum]

    def put(self, value: WordEnum, out: bytearray) -> None:
        """Append the member's number; `CodecError` when the value is of another type."""
        if not isinstance(value, self.members):
            raise CodecError(f"{value!r} is not a {self.members.__name__}")
        out.append(value)

    def take(self, reader: Reader) -> WordEnum:
        """Decode the member."""
        number = reader.bytes(1)[0]
        try:
            return self.members._value2member_map_[number]  # type: ignore[return-value]
        except KeyError:
            raise CodecError(f"{number} is not a {self.members.__name__}") from None


@dataclass(frozen=True)
class StructCodec:
    """A message: its fields in order."""

    message: type["Message"]
    names: tuple[str, ...]
    fields: tuple[Codec, ...]

    def put(self, value: "Message", out: bytearray) -> None:
        """Append the fields; `CodecError` when one has no encoding."""
        if not isinstance(value, self.message):
            raise CodecError(f"{value!r} is not a {self.message.__name__}")
        for name, field in zip(self.names, self.fields, strict=True):
            try:
                field.put(getattr(value, name), out)
            except CodecError as error:
                raise CodecError(f"{self.message.__name__}.{name}: {error}") from None

    def take(self, reader: Reader) -> "Message":
        """Decode the fields."""
        return self.message(*[field.take(reader) for field in self.fields])


class Tagged:
    """One of several messages, behind its kind as a u8."""

    def __init__(self, what: str, kinds: Mapping[int, type["Message"]]) -> None:
        self.what = what
        self.kinds = dict(kinds)

    def put(self, value: "Message", out: bytearray) -> None:
        """Append kind and body."""
        kind = value.KIND
        if self.kinds.get(kind) is not type(value):
            raise CodecError(f"{type(value).__name__} is not a {self.what}")
        out.append(kind)
        codec_of(type(value)).put(value, out)

    def take(self, reader: Reader) -> "Message":
        """Decode kind and body."""
        kind = reader.bytes(1)[0]
        message = self.kinds.get(kind)
        if message is None:
            raise CodecError(f"{kind} is not a {self.what}")
        return codec_of(message).take(reader)


U8 = Annotated[int, Int("B")]
U16 = Annotated[int, Int("H")]
U32 = Annotated[int, Int("I")]
U64 = Annotated[int, Int("Q")]
I64 = Annotated[int, Int("q")]
Address = Annotated[bytes, Bytes(20)]
Hash = Annotated[bytes, Bytes(32)]
Signature = Annotated[bytes, Bytes(65)]


class Message(msgspec.Struct, frozen=True):
    """A struct whose encoding is its fields in order."""

    KIND: ClassVar[int] = -1
    """Kind number where messages of several kinds share a place (commands, events, inbox items)."""

    def encode(self) -> bytes:
        """The encoding, without a kind; `CodecError` when a field has none."""
        out = bytearray()
        codec_of(type(self)).put(self, out)
        return bytes(out)

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """The message that fills ``data`` exactly; `CodecError` when there is none."""
        reader = Reader(data)
        message = codec_of(cls).take(reader)
        reader.finish()
        assert isinstance(message, cls)
        return message


@cache
def codec_of(message: type[Message]) -> StructCodec:
    """The codec of a message, from its annotations."""
    hints = get_type_hints(message, include_extras=True)
    names = message.__struct_fields__
    return StructCodec(message, names, tuple(_field_codec(hints[name]) for name in names))


def _field_codec(hint: Any) -> Codec:
    if get_origin(hint) is Annotated:
        inner, note = get_args(hint)[:2]
        if not isinstance(note, Listed):
            assert hasattr(note, "put"), f"{hint!r} carries no codec"
            return note  # type: ignore[no-any-return]
        return ListCodec(_field_codec(get_args(inner)[0]), note)
    if hint is bool:
        return Flag()
    if get_origin(hint) in (Union, UnionType):
        [item] = [arg for arg in get_args(hint) if arg is not type(None)]
        return OptionCodec(_field_codec(item))
    if get_origin(hint) is tuple:
        return ListCodec(_field_codec(get_args(hint)[0]), Listed())
    if isinstance(hint, type) and issubclass(hint, WordEnum):
        return EnumCodec(hint)
    assert isinstance(hint, type), f"{hint!r} has no codec"
    assert issubclass(hint, Message), f"{hint!r} has no codec"
    return codec_of(hint)
