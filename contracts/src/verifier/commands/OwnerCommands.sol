// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Actions, Authorization} from "src/verifier/Actions.sol";
import {MarginModel} from "src/verifier/Types.sol";
import {SignedStruct, SignedStructs} from "src/verifier/commands/SignedStruct.sol";
import {Words} from "src/verifier/commands/Words.sol";
import {Cursor, Decoder} from "src/verifier/state/Decoder.sol";

/// @notice The owner takes assets out. Fields as in docs/protocol/commands.md.
struct Withdraw {
    uint256 subaccount;
    uint256 asset;
    int256 amount;
    address recipient;
    Authorization auth;
}

/// @notice The owner moves assets between its subaccounts.
struct Transfer {
    uint256 from;
    uint256 to;
    uint256 asset;
    int256 amount;
    Authorization auth;
}

/// @notice Moves USDC from a subaccount to the insurance fund, for good.
struct FundInsurance {
    uint256 subaccount;
    int256 amount;
    Authorization auth;
}

/// @notice The owner chooses how a subaccount is margined.
struct SetMarginModel {
    uint256 subaccount;
    MarginModel model;
    Authorization auth;
}

/// @notice Takes over a share of a portfolio that is being auctioned.
struct LiquidationBid {
    uint256 subaccount;
    uint256 target;
    int256 share;
    int256 limit;
    Authorization auth;
}

/// @title Commands about money and margin
/// @notice How they are decoded, and the structs that are signed for them.
library OwnerCommands {
    using Decoder for Cursor;
    using SignedStructs for SignedStruct;

    bytes32 private constant WITHDRAW_TYPE = keccak256(
        "Withdraw(uint64 subaccount,string asset,uint64 amount,address recipient,uint64 nonce,uint64 expiry,address signer)"
    );
    bytes32 private constant TRANSFER_TYPE = keccak256(
        "Transfer(uint64 from,uint64 to,string asset,uint64 amount,uint64 nonce,uint64 expiry,address signer)"
    );
    bytes32 private constant FUND_INSURANCE_TYPE =
        keccak256("FundInsurance(uint64 subaccount,uint64 amount,uint64 nonce,uint64 expiry,address signer)");
    bytes32 private constant SET_MARGIN_MODEL_TYPE =
        keccak256("SetMarginModel(uint64 subaccount,string model,uint64 nonce,uint64 expiry,address signer)");
    bytes32 private constant LIQUIDATION_BID_TYPE = keccak256(
        "LiquidationBid(uint64 subaccount,uint64 target,uint64 share,int64 limit,uint64 nonce,uint64 expiry,address signer)"
    );

    function decodeWithdraw(Cursor memory cursor) internal pure returns (Withdraw memory command) {
        command.subaccount = cursor.u64();
        command.asset = cursor.u16();
        command.amount = cursor.i64();
        command.recipient = cursor.addr();
        command.auth = Actions.authorization(cursor);
        cursor.finish();
    }

    /// @notice What is signed for a withdrawal.
    /// @param symbolHash Keccak of the asset's symbol
    function structHash(Withdraw memory command, bytes32 symbolHash) internal pure returns (bytes32) {
        SignedStruct memory fields = SignedStructs.begin(WITHDRAW_TYPE);
        fields.uint_(command.subaccount);
        fields.word(symbolHash);
        fields.amount(command.amount);
        fields.addr(command.recipient);
        return fields.signedBy(command.auth);
    }

    function decodeTransfer(Cursor memory cursor) internal pure returns (Transfer memory command) {
        command.from = cursor.u64();
        command.to = cursor.u64();
        command.asset = cursor.u16();
        command.amount = cursor.i64();
        command.auth = Actions.authorization(cursor);
        cursor.finish();
    }

    /// @notice What is signed for a transfer.
    /// @param symbolHash Keccak of the asset's symbol
    function structHash(Transfer memory command, bytes32 symbolHash) internal pure returns (bytes32) {
        SignedStruct memory fields = SignedStructs.begin(TRANSFER_TYPE);
        fields.uint_(command.from);
        fields.uint_(command.to);
        fields.word(symbolHash);
        fields.amount(command.amount);
        return fields.signedBy(command.auth);
    }

    function decodeFundInsurance(Cursor memory cursor) internal pure returns (FundInsurance memory command) {
        command.subaccount = cursor.u64();
        command.amount = cursor.i64();
        command.auth = Actions.authorization(cursor);
        cursor.finish();
    }

    function structHash(FundInsurance memory command) internal pure returns (bytes32) {
        SignedStruct memory fields = SignedStructs.begin(FUND_INSURANCE_TYPE);
        fields.uint_(command.subaccount);
        fields.amount(command.amount);
        return fields.signedBy(command.auth);
    }

    function decodeSetMarginModel(Cursor memory cursor) internal pure returns (SetMarginModel memory command) {
        command.subaccount = cursor.u64();
        command.model = MarginModel(cursor.choice(2));
        command.auth = Actions.authorization(cursor);
        cursor.finish();
    }

    function structHash(SetMarginModel memory command) internal pure returns (bytes32) {
        SignedStruct memory fields = SignedStructs.begin(SET_MARGIN_MODEL_TYPE);
        fields.uint_(command.subaccount);
        fields.word(Words.hash(command.model));
        return fields.signedBy(command.auth);
    }

    function decodeLiquidationBid(Cursor memory cursor) internal pure returns (LiquidationBid memory command) {
        command.subaccount = cursor.u64();
        command.target = cursor.u64();
        command.share = cursor.i64();
        command.limit = cursor.i64();
        command.auth = Actions.authorization(cursor);
        cursor.finish();
    }

    function structHash(LiquidationBid memory command) internal pure returns (bytes32) {
        SignedStruct memory fields = SignedStructs.begin(LIQUIDATION_BID_TYPE);
        fields.uint_(command.subaccount);
        fields.uint_(command.target);
        fields.amount(command.share);
        fields.int_(command.limit);
        return fields.signedBy(command.auth);
    }
}
