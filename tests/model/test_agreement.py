"""The engine does what the model does, command by command, byte for byte."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from model.pair import Pair
from model.streams import Stream
from synchromesh.protocol import EVENTS, CloseReason

LONG = 10_000
REFUSALS = {
    "already_open", "amount_below_filled", "amount_not_positive", "close_only", "duplicate_client_id",
    "expiry_coverage", "few_sources", "fill_or_kill", "foreign_subaccount", "insufficient_funds", "instrument_not_open",
    "invalid_amount", "invalid_flags", "invalid_mark", "invalid_max_fee", "invalid_price", "invalid_valid_until",
    "key_expired", "key_expiry_past", "key_not_for_subaccount", "key_not_registered", "key_revoked", "key_taken",
    "low_confidence", "mark_arrays_hash", "mark_from_future", "mark_time", "mode", "no_mark", "no_scopes",
    "nonce_below_floor", "nonce_too_old", "nonce_used", "not_administrator", "not_authorized", "not_enough_margin",
    "not_expired", "not_oracle", "nothing_to_cancel", "nothing_to_do", "nothing_to_reduce", "order_expired",
    "parameter_conflict", "parameter_range", "post_only_would_trade", "price_band", "quorum_missing", "scope_missing",
    "settlement_not_fixed", "signature_expired", "stale_mark", "time_backwards", "too_many_instruments",
    "too_many_orders", "unknown_asset", "unknown_instrument", "unknown_order", "unknown_subaccount",
    "bid_share", "in_liquidation", "margin_model_refused", "not_in_auction",
    "unknown_underlying", "wrong_admin_nonce", "wrong_inbox_index", "wrong_listing_epoch", "wrong_owner_nonce",
}  # fmt: skip
"""What a long stream meets at least once, besides every kind of event and every reason for an order's end."""


def run(random: Random, commands: int, check_every: int) -> Pair:
    pair = Pair()
    stream = Stream(random, pair.model)
    for number in range(1, commands + 1):
        pair.apply(stream.next())
        if number % check_every == 0:
            pair.check_states()
    pair.check_states()
    return pair


@pytest.mark.slow
def test_ten_thousand_commands_give_the_same_events_and_refusals() -> None:
    pair = run(Random(11), LONG, check_every=1000)
    met = set(pair.outcomes)
    assert met >= REFUSALS
    assert {kind.__name__ for kind in EVENTS.values()} <= {outcome.split()[0] for outcome in met}
    assert {f"OrderClosed {reason.word}" for reason in CloseReason} <= met


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.randoms(use_true_random=False), st.integers(1, 120))
def test_short_streams_agree(random: Random, commands: int) -> None:
    run(random, commands, check_every=commands)


@pytest.mark.parametrize("seed", range(5))
def test_streams_of_a_thousand_commands_agree(seed: int) -> None:
    run(Random(seed), 1000, check_every=500)
