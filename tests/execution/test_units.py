"""Parts of the gateway that need no venue."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.venue import START, TestVenue, secret
from synchromesh.clock import DAY_NS, SECOND, VenueClock, iso, parse_iso
from synchromesh.config import ConfigError, VenueConfig, VenueDirectory, address_bytes
from synchromesh.execution import methods
from synchromesh.execution.catalog import expiry_label
from synchromesh.execution.dispatch import METHODS
from synchromesh.execution.encoding import encode_place_order
from synchromesh.execution.errors import ApiError, ErrorCode
from synchromesh.execution.genesis import DEFAULT_PARAMETERS, genesis_of
from synchromesh.execution.limits import Credits
from synchromesh.execution.numbers import amount_of, price_of, text
from synchromesh.execution.requests import _decode_strictly, decode_json
from synchromesh.protocol import (
    Authorization,
    CodecError,
    OrderType,
    Parameter,
    PlaceOrder,
    PostOnly,
    SelfTrade,
    Side,
    TimeInForce,
)

U64 = st.integers(0, 2**64 - 1)
I64 = st.integers(-(2**63), 2**63 - 1)
ORDERS = st.builds(
    PlaceOrder,
    subaccount=U64,
    instrument=st.integers(0, 2**32 - 1),
    side=st.sampled_from(Side),
    amount=I64,
    limit_price=I64,
    order_type=st.sampled_from(OrderType),
    time_in_force=st.sampled_from(TimeInForce),
    valid_until=U64,
    post_only=st.sampled_from(PostOnly),
    reduce_only=st.booleans(),
    self_trade=st.sampled_from(SelfTrade),
    max_fee=I64,
    client_id=st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=36),
    auth=st.builds(
        Authorization,
        st.binary(min_size=20, max_size=20),
        U64,
        U64,
        st.binary(min_size=65, max_size=65),
    ),
)


@given(ORDERS)
def test_the_order_paths_encoder_is_the_codec(order: PlaceOrder) -> None:
    assert encode_place_order(order) == bytes([PlaceOrder.KIND]) + order.encode()


@given(ORDERS, st.sampled_from(["x" * 37, "é", "\x7f", "\n", "\u00a0"]))
def test_it_refuses_what_the_codec_refuses(order: PlaceOrder, client_id: str) -> None:
    spoiled = msgspec.structs.replace(order, client_id=client_id)
    for encode in (encode_place_order, PlaceOrder.encode):
        with pytest.raises(CodecError):
            encode(spoiled)


@given(st.integers(-(2**63), 2**63 - 1), st.sampled_from([6, 7, 8, 9]))
def test_numbers_are_exact_decimals(value: int, places: int) -> None:
    shown = text(value, places)
    assert Decimal(shown).scaleb(places).to_integral_value() == value or abs(value) > 10**27
    assert Decimal(shown) * 10**places == value
    assert json.loads(shown) is not None


def decoded_or_error(data: bytes) -> tuple[object, ApiError | None]:
    try:
        return decode_json(data, 8), None
    except ApiError as error:
        return None, error


@given(st.integers(1, 2**63 - 1))
def test_prices_and_amounts_round_trip(value: int) -> None:
    assert price_of(Decimal(text(value, 6))) == value
    assert amount_of(Decimal(text(value, 8))) == value


@pytest.mark.parametrize(
    "value", ["0.0000001", "1e40", "-1", "NaN", "Infinity", "1.0000000000000000000000000000000001"]
)
def test_prices_that_are_none(value: str) -> None:
    with pytest.raises(ApiError):
        price_of(Decimal(value))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=20,
    )
)
def test_json_reads_what_json_writes(document: object) -> None:
    decoded, error = decoded_or_error(json.dumps(document).encode())
    assert error is None or (error.code == ErrorCode.PARSE_ERROR and "nested" in str(error))
    assert error is not None or decoded == document


@given(st.binary(max_size=200))
def test_json_never_fails_in_another_way(data: bytes) -> None:
    _, error = decoded_or_error(data)
    assert error is None or error.code == ErrorCode.PARSE_ERROR


JSON_NUMBERS = st.from_regex(r"-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?", fullmatch=True)


@given(JSON_NUMBERS, JSON_NUMBERS, st.text())
def test_both_decoders_read_the_same(first: str, second: str, text: str) -> None:
    data = f'{{"id":1,"method":{json.dumps(text)},"params":{{"a":{first},"b":[{second}]}}}}'.encode()
    document, strict = decode_json(data, 8), _decode_strictly(data, 8)
    assert document == strict
    for number in (document["params"]["a"], strict["params"]["a"]):
        assert Decimal(number) == Decimal(first), "no digit is lost"


def test_brackets_in_texts_do_not_nest() -> None:
    document = {"x": '[[[[[[[[[[{{{{{{{{\\"'}
    assert decode_json(json.dumps(document).encode(), 3) == document


def test_credits_refill() -> None:
    bucket = Credits(2, 1000.0)
    for _ in range(2):
        bucket.take("requests")
    bucket.updated -= 10
    assert bucket.remaining() == 2
    bucket.stock, bucket.rate = 0.0, 0.001
    with pytest.raises(ApiError) as refused:
        bucket.take("requests")
    assert refused.value.data["retry_after_ms"] > 900_000


def test_clock() -> None:
    clock = VenueClock(venue_start_ns=START, real_start_ns=10**18, speed=60)
    assert clock.at(10**18 + 1) == START + 60
    assert clock.at(10**18 + SECOND) == START + 60 * SECOND
    assert clock.real_seconds(60 * SECOND) == 1
    assert VenueClock(venue_start_ns=0, real_start_ns=0, speed=0.5).at(10**18) == 5 * 10**17
    for speed in (0, -1, 1e9):
        with pytest.raises(ValueError, match="speed"):
            VenueClock(venue_start_ns=0, real_start_ns=0, speed=speed)


@given(st.integers(0, 4 * 10**18))
def test_iso_round_trip(moment: int) -> None:
    assert parse_iso(iso(moment)) == moment // 1000 * 1000


def test_directory_keeps_secrets(tmp_path: Path) -> None:
    directory = VenueDirectory(tmp_path / "venue")
    with pytest.raises(ConfigError, match="no venue directory"):
        directory.read()
    made = directory.write_key("operator")
    path = directory.key_path("operator")
    assert path.stat().st_mode & 0o777 == 0o600
    assert directory.read_key("operator") == made == directory.ensure_key("operator")
    with pytest.raises(ConfigError, match="exists"):
        directory.write_key("operator")
    path.chmod(0o644)
    with pytest.raises(ConfigError, match="readable"):
        directory.read_key("operator")
    path.chmod(0o600)
    path.write_text("not a secret but shown nowhere")
    with pytest.raises(ConfigError) as refused:
        directory.read_key("operator")
    assert "not a secret" not in str(refused.value)
    assert refused.value.__cause__ is None
    with pytest.raises(ConfigError, match="does not exist"):
        directory.read_key("admin")


def test_config_round_trip_and_genesis(tmp_path: Path) -> None:
    venue = TestVenue(tmp_path / "venue")
    config = venue.directory.read()
    assert config == venue.config
    assert secret("operator").hex() not in (tmp_path / "venue" / "venue.json").read_text()
    genesis = genesis_of(config)
    assert [value.parameter for value in genesis.parameters] == list(Parameter)
    assert set(DEFAULT_PARAMETERS) == set(Parameter)
    assert genesis.contract == address_bytes("0x" + config.contract)
    with pytest.raises(ConfigError, match="nonsense"):
        genesis_of(msgspec.structs.replace(config, parameters={"nonsense": 1}))
    (tmp_path / "venue" / "venue.json").write_text('{"chain_id": "x"}')
    with pytest.raises(ConfigError, match=r"venue\.json"):
        venue.directory.read()
    assert VenueConfig.__struct_config__.forbid_unknown_fields


def test_expiry_labels() -> None:
    assert expiry_label(START + 2 * DAY_NS) == "6FEB26"


def test_the_documentation_names_every_method_channel_and_code() -> None:
    assert methods.__all__
    page = (Path(__file__).parents[2] / "docs" / "api.md").read_text()
    for name in METHODS:
        assert f"`{name}`" in page, f"{name} is not documented"
    for code in ErrorCode:
        assert f"| {code.value} |" in page, f"error {code.value} is not documented"
    listed = {line.split("`")[1] for line in page.splitlines() if line.startswith("| `") and "/" in line.split("`")[1]}
    assert listed <= set(METHODS), "documented methods that do not exist"
