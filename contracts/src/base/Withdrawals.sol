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

    /// @inheritdoc IWithdrawals
    mapping(bytes32 leaf => address) public advancedBy;

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
        require(_isFinal(batchIndex), BatchNotFinal(batchIndex));
        require(!isClaimed(withdrawal.number), WithdrawalAlreadyClaimed(withdrawal.number));
        bytes32 leaf = withdrawal.leaf();
        bytes32 expected = _withdrawalRoot(batchIndex);
        bytes32 root = BinaryMerkle.fold(leaf, leafIndex, leafCount, siblings);
        require(root == expected, WithdrawalProofWrong(root, expected));

        _claimed.set(withdrawal.number);
        address recipient = advancedBy[leaf];
        if (recipient == address(0)) recipient = withdrawal.recipient;
        uint256 paid = _pay(withdrawal.asset, withdrawal.amount, recipient);
        emit WithdrawalClaimed(withdrawal.number, withdrawal.asset, recipient, paid);
    }

    /// @inheritdoc IWithdrawals
    function advance(Withdrawal calldata withdrawal) external nonReentrant {
        bytes32 leaf = withdrawal.leaf();
        require(!isClaimed(withdrawal.number), WithdrawalAlreadyClaimed(withdrawal.number));
        require(advancedBy[leaf] == address(0), WithdrawalAlreadyAdvanced(withdrawal.number, advancedBy[leaf]));
        advancedBy[leaf] = msg.sender;
        uint256 paid = _payByCaller(withdrawal.asset, withdrawal.amount, withdrawal.recipient);
        emit WithdrawalAdvanced(withdrawal.number, withdrawal.asset, withdrawal.recipient, msg.sender, paid);
    }

    /// @inheritdoc IWithdrawals
    function isClaimed(uint64 number) public view returns (bool) {
        return _claimed.get(number);
    }

    /// @dev Whether a batch exists and its challenge window has passed.
    function _isFinal(uint64 index) internal view virtual returns (bool);

    /// @dev The withdrawal root of a batch, zero when it has no withdrawals or does not exist.
    function _withdrawalRoot(uint64 index) internal view virtual returns (bytes32);
}
