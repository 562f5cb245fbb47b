// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Withdrawal} from "../types/Withdrawal.sol";

/// @title Withdrawals
/// @notice Pays what a final batch says was withdrawn: once per withdrawal number, to its recipient, whoever sends the
/// claim. Cannot be paused.
///
/// Before that, anybody may pay the recipient in its stead, with tokens of his own, and is paid himself when the batch is final.
/// That is at the risk of who advances: should the batch be taken back, the recipient has the tokens, and the vault lost
/// nothing.
interface IWithdrawals {
    /// @notice A withdrawal was paid.
    /// @param number Its number
    /// @param asset Asset id
    /// @param recipient Who was paid
    /// @param amount Amount in token units
    event WithdrawalClaimed(uint64 indexed number, uint16 indexed asset, address indexed recipient, uint256 amount);

    /// @notice Somebody paid a withdrawal before it was final, and will be paid in the recipient's stead.
    /// @param number Its number
    /// @param asset Asset id
    /// @param recipient Who was paid
    /// @param by Who paid
    /// @param amount Amount in token units
    event WithdrawalAdvanced(
        uint64 indexed number, uint16 indexed asset, address indexed recipient, address by, uint256 amount
    );

    /// @notice The batch does not exist, or its challenge window has not passed.
    error BatchNotFinal(uint64 index);

    /// @notice The withdrawal was paid before.
    error WithdrawalAlreadyClaimed(uint64 number);

    /// @notice Somebody has paid the withdrawal in advance.
    error WithdrawalAlreadyAdvanced(uint64 number, address by);

    /// @notice The proof does not lead to the batch's withdrawal root.
    error WithdrawalProofWrong(bytes32 root, bytes32 expected);

    /// @notice Claims a withdrawal for its recipient, or for who advanced it.
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

    /// @notice Pays a withdrawal with the caller's tokens, which it approved before; from then on the withdrawal is the caller's.
    /// Whether any batch lists it is for the caller to know.
    function advance(Withdrawal calldata withdrawal) external;

    /// @notice Who advanced the withdrawal with this leaf; zero: nobody.
    function advancedBy(bytes32 leaf) external view returns (address);

    /// @notice Whether a withdrawal was paid.
    function isClaimed(uint64 number) external view returns (bool);
}
