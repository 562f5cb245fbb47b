"""The Python codec: canonical, and byte for byte the native one."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol import rust_text, strategies
from synchromesh import _native
from synchromesh.protocol import (
    COMMANDS,
    EVENTS,
    Authorization,
    CancelAll,
    CodecError,
    Deposit,
    InboxItem,
    MarkArrays,
    OrderType,
    ParameterValue,
    PlaceOrder,
    PostOnly,
    Record,
    RegisterSessionKey,
    SelfTrade,
    Side,
    TimeInForce,
    decode_event,
    decode_events,
    decode_inbox_body,
    encode_event,
    encode_inbox_body,
    order_id,
    order_index,
    order_sequence,
    order_text,
    pack,
    parse_order,
    unpack,
)


@pytest.mark.parametrize("kind", COMMANDS.values(), ids=lambda kind: kind.__name__)
def test_every_command_is_encoded_as_the_native_module_does(kind):
    @settings(max_examples=40, deadline=None)
    @given(strategies.U64, strategies.messages(kind))
    def check(time, command):
        record = Record(time, command)
        data = record.encode()
        assert Record.decode(data) == record
        assert _native.record_text(data) == rust_text.record(record)

    check()


@pytest.mark.parametrize("kind", EVENTS.values(), ids=lambda kind: kind.__name__)
def test_every_event_is_encoded_as_the_native_module_does(kind):
    @settings(max_examples=30, deadline=None)
    @given(strategies.messages(kind))
    def check(event):
        data = encode_event(event)
        assert decode_event(data) == event
        assert _native.event_text(data) == rust_text.event(event)

    check()


@settings(max_examples=30, deadline=None)
@given(strategies.messages(MarkArrays))
def test_mark_arrays_are_encoded_as_the_native_module_does(arrays):
    data = arrays.encode()
    assert MarkArrays.decode(data) == arrays
    assert _native.mark_arrays_text(data) == rust_text.message(arrays)
    assert arrays.hash() == _native.blake3(data)


def test_blake3_of_a_known_text():
    digest = "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85"
    assert _native.blake3(b"abc").hex() == digest


@given(strategies.inbox_bodies)
def test_an_inbox_item_is_what_the_contract_packs(body):
    data = encode_inbox_body(body)
    assert decode_inbox_body(data) == body
    assert InboxItem(3, body).encode() == (3).to_bytes(8) + data


def test_a_deposit_is_packed_by_hand():
    packed = b"\x01" + b"\x0a" * 20 + (7).to_bytes(8) + (0).to_bytes(2) + (1_500_000).to_bytes(8)
    assert encode_inbox_body(Deposit(b"\x0a" * 20, 7, 0, 1_500_000)) == packed


@settings(max_examples=60, deadline=None)
@given(strategies.records)
def test_no_part_of_a_record_and_nothing_longer_is_one(record):
    data = record.encode()
    for cut in range(len(data)):
        with pytest.raises(CodecError, match="early"):
            Record.decode(data[:cut])
    with pytest.raises(CodecError, match="1 bytes left"):
        Record.decode(data + b"\x00")


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 37), st.binary(max_size=200))
def test_both_codecs_refuse_and_accept_the_same_bytes(kind, body):
    data = bytes([kind]) + body
    for decode, native in ((Record.decode, _native.record_text), (decode_event, _native.event_text)):
        try:
            native(data)
        except CodecError:
            with pytest.raises(CodecError):
                decode(data)
        else:
            decode(data)


def auth() -> Authorization:
    return Authorization(bytes(20), 1, 2)


PLACE_ORDER = PlaceOrder(
    subaccount=1,
    instrument=1,
    side=Side.BUY,
    amount=1,
    limit_price=1,
    order_type=OrderType.LIMIT,
    time_in_force=TimeInForce.GTC,
    valid_until=0,
    post_only=PostOnly.NO,
    reduce_only=False,
    self_trade=SelfTrade.CANCEL_NEWEST,
    max_fee=0,
    client_id="a",
    auth=auth(),
)


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (CancelAll(-1), "does not fit"),
        (CancelAll(2**64), "does not fit"),
        (CancelAll(1.5), "does not fit"),
        (RegisterSessionKey(bytes(19), 1, (), 0, auth()), "not 20 bytes"),
        (RegisterSessionKey(bytes(20), 16, (), 0, auth()), "not all known"),
        (RegisterSessionKey(bytes(20), 1, (2, 1), 0, auth()), "do not ascend"),
        (RegisterSessionKey(bytes(20), 1, (2, 2), 0, auth()), "do not ascend"),
        (RegisterSessionKey(bytes(20), 1, tuple(range(257)), 0, auth()), "at most 256"),
        (ParameterValue(Side.BUY, 1), "not a Parameter"),
    ],
)
def test_a_value_without_an_encoding_is_refused(command, reason):
    with pytest.raises(CodecError, match=reason):
        command.encode()


@pytest.mark.parametrize("client_id", ["x" * 37, "naïve", "tab\t", "\x7f"])
def test_texts_are_short_and_printable(client_id):
    order = msgspec.structs.replace(PLACE_ORDER, client_id=client_id)
    with pytest.raises(CodecError, match=r"PlaceOrder.client_id"):
        order.encode()


@pytest.mark.parametrize("kind", [12, 13, 14, 15, 16, 30, 255])
def test_kinds_kept_for_later_are_none(kind):
    with pytest.raises(CodecError, match=f"{kind} is not a command"):
        Record.decode(bytes([kind]) + bytes(64))


@given(st.lists(strategies.events, max_size=4), st.lists(strategies.records, max_size=3))
@settings(max_examples=30, deadline=None)
def test_lists_of_events_and_packed_records_come_apart_again(events, records):
    assert decode_events(b"".join(map(encode_event, events))) == events
    packed = pack(record.encode() for record in records)
    assert [Record.decode(data) for data in unpack(packed)] == records


def test_a_torn_batch_is_refused():
    with pytest.raises(CodecError, match="early"):
        list(unpack(pack([b"abc"])[:-1]))


def test_order_ids():
    order = order_id(1_234, 5)
    assert (order_sequence(order), order_index(order), order_text(order)) == (1_234, 5, "1234-5")
    assert order_text(order_id(9)) == "9"
    assert parse_order("1234-5") == order
    for text in ("", "-", "1-", "-1", "01", "1-0", "1-1024", "1.0", " 1", "١", "18014398509481984"):
        with pytest.raises(CodecError):
            parse_order(text)
    for sequence, index in ((-1, 0), (1 << 54, 0), (0, 1024)):
        with pytest.raises(ValueError, match="no order"):
            order_id(sequence, index)
