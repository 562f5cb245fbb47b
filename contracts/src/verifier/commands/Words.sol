// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {MarginModel, OrderType, PostOnly, SelfTrade, Side, TimeInForce} from "src/verifier/Types.sol";

/// @title Words of enumerations
/// @notice A wallet shows words, so they are what is signed: their keccak stands in the struct.
library Words {
    function hash(Side value) internal pure returns (bytes32) {
        return value == Side.Buy ? keccak256("buy") : keccak256("sell");
    }

    function hash(OrderType value) internal pure returns (bytes32) {
        return value == OrderType.Limit ? keccak256("limit") : keccak256("market");
    }

    function hash(TimeInForce value) internal pure returns (bytes32) {
        if (value == TimeInForce.Gtc) return keccak256("good_til_cancelled");
        if (value == TimeInForce.Gtd) return keccak256("good_til_date");
        return value == TimeInForce.Ioc ? keccak256("immediate_or_cancel") : keccak256("fill_or_kill");
    }

    function hash(PostOnly value) internal pure returns (bytes32) {
        if (value == PostOnly.No) return keccak256("no");
        return value == PostOnly.Reject ? keccak256("reject") : keccak256("slide");
    }

    function hash(SelfTrade value) internal pure returns (bytes32) {
        if (value == SelfTrade.CancelNewest) return keccak256("cancel_newest");
        return value == SelfTrade.CancelOldest ? keccak256("cancel_oldest") : keccak256("cancel_both");
    }

    function hash(MarginModel value) internal pure returns (bytes32) {
        return value == MarginModel.Standard ? keccak256("standard") : keccak256("portfolio");
    }
}
