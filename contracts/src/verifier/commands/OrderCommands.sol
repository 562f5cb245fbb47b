// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Actions, Authorization} from "src/verifier/Actions.sol";
import {OrderType, PostOnly, SelfTrade, Side, TimeInForce} from "src/verifier/Types.sol";
import {SignedStruct, SignedStructs} from "src/verifier/commands/SignedStruct.sol";
import {Words} from "src/verifier/commands/Words.sol";
import {Cursor, Decoder} from "src/verifier/state/Decoder.sol";

/// @notice A new order. Fields as in docs/protocol/commands.md.
struct PlaceOrder {
    uint256 subaccount;
    uint256 instrument;
    Side side;
    int256 amount;
    int256 limitPrice;
    OrderType orderType;
    TimeInForce timeInForce;
    uint256 validUntil;
    PostOnly postOnly;
    bool reduceOnly;
    SelfTrade selfTrade;
    int256 maxFee;
    bytes clientId;
    Authorization auth;
}

/// @notice Changes amount or price of a resting order.
struct ReplaceOrder {
    uint256 subaccount;
    uint256 order;
    int256 amount;
    int256 limitPrice;
    PostOnly postOnly;
    bool reduceOnly;
    int256 maxFee;
    Authorization auth;
}

/// @notice Ends an order; unsigned for an authenticated session.
struct CancelOrder {
    uint256 subaccount;
    uint256 order;
    bool isSigned;
    Authorization auth;
}

/// @notice Ends all orders of a subaccount that fit; unsigned for an authenticated session. 0 is any.
struct CancelAll {
    uint256 subaccount;
    uint256 instrument;
    uint256 underlying;
    bool isSigned;
    Authorization auth;
}

/// @title Commands about orders
/// @notice How they are decoded, and the structs that are signed for them.
library OrderCommands {
    using Decoder for Cursor;
    using SignedStructs for SignedStruct;

    bytes32 private constant ORDER_TYPE = keccak256(
        "Order(uint64 subaccount,string instrument,string side,uint64 amount,uint64 limitPrice,string orderType,string timeInForce,uint64 validUntil,string postOnly,bool reduceOnly,string selfTrade,uint64 maxFee,string clientId,uint64 nonce,uint64 expiry,address signer)"
    );
    bytes32 private constant REPLACE_TYPE = keccak256(
        "Replace(uint64 subaccount,uint64 order,uint64 amount,uint64 limitPrice,string postOnly,bool reduceOnly,uint64 maxFee,uint64 nonce,uint64 expiry,address signer)"
    );
    bytes32 private constant CANCEL_TYPE =
        keccak256("Cancel(uint64 subaccount,uint64 order,uint64 nonce,uint64 expiry,address signer)");
    bytes32 private constant CANCEL_ALL_TYPE = keccak256(
        "CancelAll(uint64 subaccount,string instrument,string underlying,uint64 nonce,uint64 expiry,address signer)"
    );

    /// Longest client order id, characters.
    uint256 private constant CLIENT_ID_MAX = 36;

    function decodePlace(Cursor memory cursor) internal pure returns (PlaceOrder memory order) {
        order.subaccount = cursor.u64();
        order.instrument = cursor.u32();
        order.side = Side(cursor.choice(2));
        order.amount = cursor.i64();
        order.limitPrice = cursor.i64();
        order.orderType = OrderType(cursor.choice(2));
        order.timeInForce = TimeInForce(cursor.choice(4));
        order.validUntil = cursor.u64();
        order.postOnly = PostOnly(cursor.choice(3));
        order.reduceOnly = cursor.flag();
        order.selfTrade = SelfTrade(cursor.choice(3));
        order.maxFee = cursor.i64();
        order.clientId = cursor.text(CLIENT_ID_MAX);
        order.auth = Actions.authorization(cursor);
        cursor.finish();
    }

    /// @notice What is signed for an order.
    /// @param nameHash Keccak of the instrument's name
    function structHash(PlaceOrder memory order, bytes32 nameHash) internal pure returns (bytes32) {
        SignedStruct memory fields = SignedStructs.begin(ORDER_TYPE);
        fields.uint_(order.subaccount);
        fields.word(nameHash);
        fields.word(Words.hash(order.side));
        fields.amount(order.amount);
        fields.amount(order.limitPrice);
        fields.word(Words.hash(order.orderType));
        fields.word(Words.hash(order.timeInForce));
        fields.uint_(order.validUntil);
        fields.word(Words.hash(order.postOnly));
        fields.flag(order.reduceOnly);
        fields.word(Words.hash(order.selfTrade));
        fields.amount(order.maxFee);
        fields.text(order.clientId);
        return fields.signedBy(order.auth);
    }

    function decodeReplace(Cursor memory cursor) internal pure returns (ReplaceOrder memory order) {
        order.subaccount = cursor.u64();
        order.order = cursor.u64();
        order.amount = cursor.i64();
        order.limitPrice = cursor.i64();
        order.postOnly = PostOnly(cursor.choice(3));
        order.reduceOnly = cursor.flag();
        order.maxFee = cursor.i64();
        order.auth = Actions.authorization(cursor);
        cursor.finish();
    }

    function structHash(ReplaceOrder memory order) internal pure returns (bytes32) {
        SignedStruct memory fields = SignedStructs.begin(REPLACE_TYPE);
        fields.uint_(order.subaccount);
        fields.uint_(order.order);
        fields.amount(order.amount);
        fields.amount(order.limitPrice);
        fields.word(Words.hash(order.postOnly));
        fields.flag(order.reduceOnly);
        fields.amount(order.maxFee);
        return fields.signedBy(order.auth);
    }

    function decodeCancel(Cursor memory cursor) internal pure returns (CancelOrder memory cancel) {
        cancel.subaccount = cursor.u64();
        cancel.order = cursor.u64();
        (cancel.isSigned, cancel.auth) = _optional(cursor);
        cursor.finish();
    }

    function structHash(CancelOrder memory cancel) internal pure returns (bytes32) {
        SignedStruct memory fields = SignedStructs.begin(CANCEL_TYPE);
        fields.uint_(cancel.subaccount);
        fields.uint_(cancel.order);
        return fields.signedBy(cancel.auth);
    }

    function decodeCancelAll(Cursor memory cursor) internal pure returns (CancelAll memory cancel) {
        cancel.subaccount = cursor.u64();
        cancel.instrument = cursor.u32();
        cancel.underlying = cursor.u16();
        (cancel.isSigned, cancel.auth) = _optional(cursor);
        cursor.finish();
    }

    /// @notice What is signed for a cancel-all.
    /// @param nameHash Keccak of the instrument's name, of the empty text for any
    /// @param symbolHash Keccak of the underlying's symbol, of the empty text for any
    function structHash(CancelAll memory cancel, bytes32 nameHash, bytes32 symbolHash) internal pure returns (bytes32) {
        SignedStruct memory fields = SignedStructs.begin(CANCEL_ALL_TYPE);
        fields.uint_(cancel.subaccount);
        fields.word(nameHash);
        fields.word(symbolHash);
        return fields.signedBy(cancel.auth);
    }

    function _optional(Cursor memory cursor) private pure returns (bool isSigned, Authorization memory auth) {
        isSigned = cursor.flag();
        if (isSigned) auth = Actions.authorization(cursor);
    }
}
