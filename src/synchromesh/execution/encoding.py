"""The order path's own encoder: one ``struct.pack`` where the general codec walks field by field."""

from __future__ import annotations

import struct

from synchromesh.protocol import MAX_CLIENT_ID, CodecError, PlaceOrder

# Kind, subaccount, instrument, side, amount, limit price, type, time in force, valid until, post-only, reduce-only,
# self-trade, max fee, client id; then signer, nonce, expiry, signature.
_HEADS = [struct.Struct(f">BQIBqqBBQBBBqB{length}s20sQQ65s") for length in range(MAX_CLIENT_ID + 1)]


def encode_place_order(order: PlaceOrder) -> bytes:
    """``kind ‖ body`` of an order, as `PlaceOrder.encode` would have it; `CodecError` when a field does not fit."""
    client_id, auth = order.client_id, order.auth
    if len(client_id) > MAX_CLIENT_ID or not (client_id.isascii() and client_id.isprintable()):
        raise CodecError(f"client id {client_id!r} is not at most {MAX_CLIENT_ID} characters of printable ASCII")
    if len(auth.signer) != 20 or len(auth.signature) != 65:
        raise CodecError("a signer has 20 bytes and a signature 65")
    try:
        return _HEADS[len(client_id)].pack(
            PlaceOrder.KIND,
            order.subaccount,
            order.instrument,
            order.side,
            order.amount,
            order.limit_price,
            order.order_type,
            order.time_in_force,
            order.valid_until,
            order.post_only,
            order.reduce_only,
            order.self_trade,
            order.max_fee,
            len(client_id),
            client_id.encode(),
            auth.signer,
            auth.nonce,
            auth.expiry,
            auth.signature,
        )
    except struct.error as error:
        raise CodecError(f"a number does not fit its field: {error}") from None
