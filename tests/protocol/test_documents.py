"""The pages of ``docs/protocol`` say what the code does: layouts, kinds, structs and the numbers of the examples."""

import re
from pathlib import Path

import pytest

from synchromesh.protocol import (
    COMMANDS,
    EVENTS,
    STRUCTS,
    CancelAll,
    Frame,
    Message,
    Parameter,
    Record,
    RiskTable,
    WordEnum,
    address_of,
    chain_hash,
    command_path,
    command_root,
    primitives,
    record_hash,
    sign,
    wire,
)
from synchromesh.protocol import commands as command_module
from synchromesh.protocol import risk as risk_module

PAGES = Path(__file__).parents[2] / "docs" / "protocol"
INBOX = command_module._INBOX.kinds
PARTS = [
    kind
    for module in (command_module, risk_module)
    for kind in vars(module).values()
    if isinstance(kind, type)
    and issubclass(kind, Message)
    and kind.__module__ == module.__name__
    and kind.KIND == -1
    and kind is not RiskTable
]
FIELDS = {("Transfer", "source"): "from", ("Transfer", "target"): "to"}
ENUMS = [kind for kind in WordEnum.__subclasses__() if kind is not Parameter and kind.__module__ == primitives.__name__]


def page(name: str) -> str:
    return (PAGES / name).read_text()


def section(text: str, title: str) -> str:
    [found] = re.findall(rf"^#+ {re.escape(title)}\n(.*?)(?=^#|\Z)", text, re.MULTILINE | re.DOTALL)
    return found


def rows(text: str) -> list[list[str]]:
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def type_name(codec: wire.Codec) -> str:
    match codec:
        case command_module.Scopes():
            return "scopes u8"
        case wire.Int():
            return {"B": "u8", "H": "u16", "I": "u32", "Q": "u64", "q": "i64"}[codec.layout.format[1:]]
        case wire.Bytes(length=length):
            return {20: "address", 32: "hash", 65: "signature"}[length]
        case wire.Flag():
            return "flag"
        case wire.Text(maximum=maximum):
            return f"text ≤ {maximum}"
        case wire.EnumCodec(members=members):
            return members.__name__
        case wire.OptionCodec(item=item):
            return f"option {type_name(item)}"
        case wire.ListCodec(item=item, bounds=bounds):
            limit = f" ≤ {bounds.maximum}" if bounds.maximum < 65_535 else ""
            return f"list {type_name(item)}{limit}{' ↑' if bounds.key else ''}"
        case wire.StructCodec(message=message):
            return message.__name__
    return "inbox item"


def size(codec: wire.Codec) -> int | None:
    match codec:
        case wire.Int():
            return codec.layout.size
        case wire.Bytes(length=length):
            return length
        case wire.Flag() | wire.EnumCodec():
            return 1
        case wire.StructCodec(fields=fields):
            sizes = [size(field) for field in fields]
            return None if None in sizes else sum(filter(None, sizes))
    return None


def layout(kind: type[Message]) -> list[list[str]]:
    at: int | None = 0
    table = []
    codec = wire.codec_of(kind)
    for name, field in zip(codec.names, codec.fields, strict=True):
        table.append(["·" if at is None else str(at), FIELDS.get((kind.__name__, name), name), type_name(field)])
        width = size(field)
        at = None if at is None or width is None else at + width
    return table


def documented(text: str) -> list[list[str]]:
    return [row[:3] for row in rows(text)[1:]]


@pytest.mark.parametrize("kind", [*COMMANDS.values(), *PARTS], ids=lambda kind: kind.__name__)
def test_commands_and_their_parts_are_laid_out_as_documented(kind):
    text = section(page("commands.md"), kind.__name__)
    assert documented(text) == layout(kind)
    assert kind.KIND == -1 or f"Kind {kind.KIND}." in text


@pytest.mark.parametrize("kind", INBOX.values(), ids=lambda kind: kind.__name__)
def test_inbox_items_are_laid_out_as_documented(kind):
    title = "RaiseNonceFloor" if kind is command_module.InboxNonceFloor else kind.__name__
    text = section(page("commands.md"), f"Inbox {title}")
    assert documented(text) == layout(kind)
    assert f"Item kind {kind.KIND}." in text


@pytest.mark.parametrize("kind", EVENTS.values(), ids=lambda kind: kind.__name__)
def test_events_are_laid_out_as_documented(kind):
    text = section(page("events.md"), kind.__name__)
    assert documented(text) == layout(kind)
    assert f"Kind {kind.KIND}." in text


def test_every_kind_number_is_in_the_table_once():
    table = rows(section(page("commands.md"), "Kinds"))[1:]
    assert [int(row[0]) for row in table] == list(range(30))
    listed = {int(row[0]): row[1] for row in table if "kept for later" not in row[2]}
    assert listed == {number: f"[{kind.__name__}](#{kind.__name__.lower()})" for number, kind in COMMANDS.items()}


def test_every_word_and_parameter_is_documented():
    tables = rows(page("commands.md")) + rows(page("events.md"))
    words = {row[0]: row[1] for row in tables if len(row) == 2}
    for kind in ENUMS:
        assert words[kind.__name__] == " · ".join(f"{member.value} `{member.word}`" for member in kind)
    parameters = rows(section(page("commands.md"), "Parameters"))[1:]
    assert [row[:2] for row in parameters] == [[str(item.value), f"`{item.word}`"] for item in Parameter]


@pytest.mark.parametrize("name", STRUCTS)
def test_structs_are_documented_as_they_are_hashed(name):
    text = section(page("signing.md"), name)
    struct = re.search(r"```\n(.*?)\)\ntype hash (0x\w+)\n```", text, re.DOTALL)
    assert struct is not None
    written = re.sub(r"\(\s+", "(", re.sub(r",\s+", ",", struct[1])).rstrip() + ")"
    assert written == STRUCTS[name].text
    assert struct[2] == "0x" + STRUCTS[name].type_hash.hex()


def test_the_examples_are_what_the_code_makes(capsys):
    signing, journal = page("signing.md"), page("journal-records.md")
    [program] = re.findall(r"```python\n(.*?)```", signing, re.DOTALL)
    names: dict[str, object] = {}
    exec(program, names)
    domain, signed = names["domain"], names["signed"]
    values = {row[0]: row[1].strip("`") for row in rows(signing + journal) if len(row) == 2}
    assert values["signature"] == "0x" + capsys.readouterr().out.strip()
    assert values["domain separator"] == "0x" + domain.separator.hex()
    assert values["digest"] == "0x" + domain.digest(signed, names["Names"]({1: "BTC_USDC-27MAR26-100000-C"})).hex()

    records = [
        Record(1_770_163_200_500_000_000, signed).encode(),
        Record(1_770_163_200_500_000_001, CancelAll(7)).encode(),
    ]
    hashes = [record_hash(record) for record in records]
    chain = bytes(32)
    for number, (record, item) in enumerate(zip(records, hashes, strict=True), 1):
        chain = chain_hash(chain, item)
        assert values[f"record {number} ({len(record)} bytes)"] == "0x" + record.hex()
        assert values[f"command hash {number}"] == "0x" + item.hex()
        assert values[f"chain {number}"] == "0x" + chain.hex()
    frame = Frame(1, 1, 1, 2, command_root(hashes), chain)
    secret = b"\x09" * 32
    assert values["command root of both"] == "0x" + frame.command_root.hex()
    assert values["path of command 2"] == "0x" + command_path(hashes, 1)[0].hex()
    assert values["digest of the frame (epoch 1, frame 1, first sequence 1)"] == "0x" + frame.digest(domain).hex()
    assert values["signature by the key `0x0909…09`"] == "0x" + sign(frame.digest(domain), secret).hex()
    assert address_of(b"\x42" * 32).hex() in signing
