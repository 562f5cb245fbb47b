// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {LibBitmap} from "solady/utils/LibBitmap.sol";

import {IWithdrawals} from "../interfaces/IWithdrawals.sol";
import {BinaryMerkle} from "../libraries/BinaryMerkle.sol";
import {Withdrawal} from "../types/Withdrawal.sol";
import {Batches} from "./Batches.sol";
import {Vault} from "./Vault.sol";

/// @title Withdrawals
/// @notice See {IWithdrawals}.
abstract contract Withdrawals is IWithdrawals, Vault, Batches {
    using LibBitmap for LibBitmap.Bitmap;

    /// @dev Withdrawal numbers that were paid.
    LibBitmap.Bitmap private _claimed;

    /// @inheritdoc IWithdrawals
    function claimWithdrawal(
        uint64 batchIndex,
        Withdrawal calldata withdrawal,
        uint64 leafIndex,
        uint64 leafCount,
        bytes32[] calldata siblings
    ) external nonReentrant {
        require(isFinal(batchIndex), BatchNotFinal(batchIndex));
        require(!isClaimed(withdrawal.number), WithdrawalAlreadyClaimed(withdrawal.number));
        bytes32 expected = _withdrawalRoot(batchIndex);
        bytes32 root = BinaryMerkle.fold(withdrawal.leaf(), leafIndex, leafCount, siblings);
        require(root == expected, WithdrawalProofWrong(root, expected));

        _claimed.set(withdrawal.number);
        uint256 paid = _pay(withdrawal.asset, withdrawal.amount, withdrawal.recipient);
        emit WithdrawalClaimed(withdrawal.number, withdrawal.asset, withdrawal.recipient, paid);
    }

    /// @inheritdoc IWithdrawals
    function isClaimed(uint64 number) public view returns (bool) {
        return _claimed.get(number);
    }
}
