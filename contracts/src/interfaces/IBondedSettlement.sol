// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IBondedBatches} from "./IBondedBatches.sol";
import {IFreeze} from "./IFreeze.sol";
import {IGuardian} from "./IGuardian.sol";
import {IInbox} from "./IInbox.sol";
import {IPayouts} from "./IPayouts.sol";
import {ITimelock} from "./ITimelock.sol";
import {IVault} from "./IVault.sol";
import {IWithdrawals} from "./IWithdrawals.sol";

/// @title The settlement contract of a bonded operator
/// @notice Holds what users own, and pays it out by the batches of an operator who can be proven wrong: they have a trace, his
/// bond answers for them, and users can leave without him.
interface IBondedSettlement is IPayouts, IBondedBatches, IFreeze, ITimelock, IWithdrawals, IVault, IGuardian, IInbox {
    /// @notice Domain separator of `{name: "Synchromesh", version: "1", chainId, verifyingContract: this}`.
    function domainSeparator() external view returns (bytes32);
}
