// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IBatches} from "./IBatches.sol";
import {IGuardian} from "./IGuardian.sol";
import {IInbox} from "./IInbox.sol";
import {IVault} from "./IVault.sol";
import {IWithdrawals} from "./IWithdrawals.sol";

/// @title The settlement contract
/// @notice The venue's one address on chain: vault, inbox, batches, withdrawals, and the verifying contract of every
/// EIP-712 signature its users make.
interface ISettlement is IWithdrawals, IVault, IBatches, IGuardian, IInbox {
    /// @notice Domain separator of `{name: "Synchromesh", version: "1", chainId, verifyingContract: this}`.
    function domainSeparator() external view returns (bytes32);
}
