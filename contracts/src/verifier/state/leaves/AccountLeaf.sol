// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {CallLevel, MarginModel} from "src/verifier/Types.sol";
import {Cursor, Decoder} from "src/verifier/state/Decoder.sol";
import {Encoder, Writer} from "src/verifier/state/Encoder.sol";
import {Layouts} from "src/verifier/state/Layouts.sol";

/// @notice An amount of an asset other than the settlement currency.
/// @param asset The asset
/// @param amount How much, 1e-8; never 0
struct Collateral {
    uint256 asset;
    int256 amount;
}

/// @notice A liquidation that is going on.
/// @param liquidation Its number
/// @param stage How far it has come: 0 book, 1 auction, 2 insolvent
/// @param opened When that stage began, ns
/// @param due When its next round is due, ns
/// @param reserve What bidders paid and is not discounted again, micro-USDC
/// @param insurance What the insurance fund paid so far, micro-USDC
struct LiquidationLeaf {
    uint256 liquidation;
    uint256 stage;
    uint256 opened;
    uint256 due;
    int256 reserve;
    int256 insurance;
}

/// @notice A subaccount. Its flag of a liquidation is `hasLiquidation`.
/// @param owner Whose it is
/// @param closeOnly Whether it may only reduce its positions
/// @param marginModel How it is margined
/// @param call Its margin call
/// @param markEpochSeen 0 in version 1
/// @param cash Micro-USDC
/// @param collateral Other assets, ascending
/// @param hasLiquidation Whether it is being liquidated
/// @param liquidation Its liquidation
/// @param openOrders Number of open orders
/// @param ordersRoot Tree of them by id
/// @param holdings Number of holdings
/// @param holdingsRoot Tree of them by instrument
/// @param groupsRoot Tree of its market-maker-protection groups
struct AccountLeaf {
    address owner;
    bool closeOnly;
    MarginModel marginModel;
    CallLevel call;
    uint256 markEpochSeen;
    int256 cash;
    Collateral[] collateral;
    bool hasLiquidation;
    LiquidationLeaf liquidation;
    uint256 openOrders;
    bytes32 ordersRoot;
    uint256 holdings;
    bytes32 holdingsRoot;
    bytes32 groupsRoot;
}

/// @title Codec of subaccounts
library AccountLeaves {
    using Decoder for Cursor;
    using Encoder for Writer;
    using Layouts for Cursor;
    using Layouts for Writer;

    uint256 private constant CLOSE_ONLY = 1;
    uint256 private constant LIQUIDATION = 2;

    /// From the margin model to cash.
    bytes32 private constant HEAD = hex"82830848";
    bytes32 private constant COLLATERAL = hex"0248";
    bytes32 private constant RUNNING = hex"088308084848";
    /// From the open orders on.
    bytes32 private constant TAIL = hex"0420042020";

    function decode(bytes memory value) internal pure returns (AccountLeaf memory leaf) {
        Cursor memory cursor = Decoder.leaf(value);
        leaf.owner = cursor.addr();
        uint256 flags = cursor.choice(4);
        leaf.closeOnly = flags & CLOSE_ONLY != 0;
        cursor.read(_head(leaf), HEAD);
        leaf.collateral = new Collateral[](cursor.u16());
        for (uint256 i = 0; i < leaf.collateral.length; ++i) {
            cursor.read(_words(leaf.collateral[i]), COLLATERAL);
        }
        leaf.hasLiquidation = cursor.flag();
        if (leaf.hasLiquidation != (flags & LIQUIDATION != 0)) cursor.fail();
        if (leaf.hasLiquidation) cursor.read(_words(leaf.liquidation), RUNNING);
        cursor.read(_tail(leaf), TAIL);
        cursor.finish();
    }

    function encode(AccountLeaf memory leaf) internal pure returns (bytes memory) {
        Writer memory writer = Encoder.start(200 + 10 * leaf.collateral.length);
        writer.addr(leaf.owner);
        writer.u8((leaf.closeOnly ? CLOSE_ONLY : 0) | (leaf.hasLiquidation ? LIQUIDATION : 0));
        writer.write(_head(leaf), HEAD);
        writer.u16(leaf.collateral.length);
        for (uint256 i = 0; i < leaf.collateral.length; ++i) {
            writer.write(_words(leaf.collateral[i]), COLLATERAL);
        }
        writer.flag(leaf.hasLiquidation);
        if (leaf.hasLiquidation) writer.write(_words(leaf.liquidation), RUNNING);
        writer.write(_tail(leaf), TAIL);
        return writer.finish();
    }

    /// The words from the margin model on.
    function _head(AccountLeaf memory leaf) private pure returns (uint256 words) {
        assembly ("memory-safe") {
            words := add(leaf, 0x40)
        }
    }

    /// The words from the open orders on.
    function _tail(AccountLeaf memory leaf) private pure returns (uint256 words) {
        assembly ("memory-safe") {
            words := add(leaf, 0x120)
        }
    }

    function _words(Collateral memory leaf) private pure returns (uint256 words) {
        assembly ("memory-safe") {
            words := leaf
        }
    }

    function _words(LiquidationLeaf memory leaf) private pure returns (uint256 words) {
        assembly ("memory-safe") {
            words := leaf
        }
    }
}
