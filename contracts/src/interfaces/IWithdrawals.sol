// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Withdrawal} from "../types/Withdrawal.sol";

/// @title Withdrawals
/// @notice Pays what a final batch says was withdrawn: once per withdrawal number, to its recipient, whoever sends the
/// claim. Cannot be paused.
interface IWithdrawals {
    /// @notice A withdrawal was paid.
    /// @param number Its number
    /// @param asset Asset id
    /// @param recipient Who was paid
    /// @param amount Amount in token units
    event WithdrawalClaimed(uint64 indexed number, uint16 indexed asset, address indexed recipient, uint256 amount);

    /// @notice The batch does not exist, or its challenge window has not passed.
    error BatchNotFinal(uint64 index);

    /// @notice The withdrawal was paid before.
    error WithdrawalAlreadyClaimed(uint64 number);

    /// @notice The proof does not lead to the batch's withdrawal root.
    error WithdrawalProofWrong(bytes32 root, bytes32 expected);

    /// @notice Claims a withdrawal for its recipient.
    /// @param batchIndex The batch that the withdrawal is in
    /// @param withdrawal The withdrawal
    /// @param leafIndex Its position among the withdrawals of the batch, from 0
    /// @param leafCount How many withdrawals the batch has
    /// @param siblings Inclusion proof, from the leaf up
    function claimWithdrawal(
        uint64 batchIndex,
        Withdrawal calldata withdrawal,
        uint64 leafIndex,
        uint64 leafCount,
        bytes32[] calldata siblings
    ) external;

    /// @notice Whether a withdrawal was paid.
    function isClaimed(uint64 number) external view returns (bool);
}
