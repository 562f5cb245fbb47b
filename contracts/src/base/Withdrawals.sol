// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {LibBitmap} from "solady/utils/LibBitmap.sol";

import {IWithdrawals} from "../interfaces/IWithdrawals.sol";
import {BinaryMerkle} from "../libraries/BinaryMerkle.sol";
import {Withdrawal} from "../types/Withdrawal.sol";
import {Vault} from "./Vault.sol";

/// @title Withdrawals
/// @notice See {IWithdrawals}.
abstract contract Withdrawals is IWithdrawals, Vault {
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
    ) public virtual nonReentrant {
        require(_isFinal(batchIndex), BatchNotFinal(batchIndex));
        require(!isClaimed(withdrawal.number), WithdrawalAlreadyClaimed(withdrawal.number));
        _requireListed(batchIndex, withdrawal.leaf(), leafIndex, leafCount, siblings);

        _claimed.set(withdrawal.number);
        uint256 paid = _pay(withdrawal.asset, withdrawal.amount, withdrawal.recipient);
        emit WithdrawalClaimed(withdrawal.number, withdrawal.asset, withdrawal.recipient, paid);
    }

    /// @inheritdoc IWithdrawals
    function isClaimed(uint64 number) public view returns (bool) {
        return _claimed.get(number);
    }

    /// @dev Reverts unless a batch has a withdrawal with this leaf.
    function _requireListed(
        uint64 batchIndex,
        bytes32 leaf,
        uint64 leafIndex,
        uint64 leafCount,
        bytes32[] calldata siblings
    ) internal view {
        bytes32 expected = _withdrawalRoot(batchIndex);
        bytes32 root = BinaryMerkle.fold(leaf, leafIndex, leafCount, siblings);
        require(root == expected, WithdrawalProofWrong(root, expected));
    }

    /// @dev Whether a batch exists and its challenge window has passed.
    function _isFinal(uint64 index) internal view virtual returns (bool);

    /// @dev The withdrawal root of a batch, zero when it has no withdrawals or does not exist.
    function _withdrawalRoot(uint64 index) internal view virtual returns (bytes32);
}
