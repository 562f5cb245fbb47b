// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Cursor, Decoder} from "src/verifier/state/Decoder.sol";

/// @notice The next item of the contract's inbox. What its kind does not have is zero.
/// @param index Its index
/// @param kind Its kind, the number of its step
/// @param owner Who demands it, or is credited
/// @param subaccount Which subaccount; of a deposit 0: the first one
/// @param asset The asset
/// @param amount Engine units
/// @param recipient Who is paid
/// @param key The session key, or the signer whose floor rises
/// @param scopes Scope bits
/// @param expiry The key dies at this time, ns
/// @param floor The new floor
/// @param body The item as the inbox chain takes it in: its index and its bytes
struct InboxItem {
    uint256 index;
    uint256 kind;
    address owner;
    uint256 subaccount;
    uint256 asset;
    int256 amount;
    address recipient;
    address key;
    uint256 scopes;
    uint256 expiry;
    uint256 floor;
    bytes body;
}

/// @title Items of the inbox
library InboxCommands {
    using Decoder for Cursor;

    uint256 private constant DEPOSIT = 1;
    uint256 private constant FORCED_WITHDRAW = 2;
    uint256 private constant REGISTER_KEY = 5;
    uint256 private constant RAISE_NONCE_FLOOR = 6;

    function decode(Cursor memory cursor) internal pure returns (InboxItem memory item) {
        item.body = cursor.peek();
        item.index = cursor.u64();
        item.kind = cursor.u8();
        if (item.kind < DEPOSIT || item.kind > RAISE_NONCE_FLOOR) cursor.fail();
        item.owner = cursor.addr();
        if (item.kind == REGISTER_KEY) {
            item.key = cursor.addr();
            item.scopes = cursor.u8();
            item.expiry = cursor.u64();
        } else if (item.kind == RAISE_NONCE_FLOOR) {
            item.key = cursor.addr();
            item.floor = cursor.u64();
        } else {
            item.subaccount = cursor.u64();
            if (item.kind == DEPOSIT || item.kind == FORCED_WITHDRAW) {
                item.asset = cursor.u16();
                item.amount = cursor.i64();
            }
            if (item.kind == FORCED_WITHDRAW) item.recipient = cursor.addr();
        }
        cursor.finish();
    }
}
