// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Withdrawal} from "../types/Withdrawal.sol";
import {IQuorum} from "./IQuorum.sol";

/// @title Payouts besides final withdrawals
/// @notice Withdrawals that a quorum of verifiers vouches for are paid before their batch is final, up to a cap: that much
/// the venue may lose if the quorum is wrong, and no more. And users of a frozen venue are paid what {IExits} says.
interface IPayouts {
    /// @notice A withdrawal was paid before its batch was final.
    event WithdrawalPaidEarly(uint64 indexed number, uint16 indexed asset, address indexed recipient, uint256 amount);

    /// @notice An exit was paid.
    event ExitPaid(uint16 indexed asset, address indexed recipient, uint256 amount);

    /// @notice Another quorum vouches for batches; zero: none.
    event QuorumChanged(IQuorum indexed quorum);

    /// @notice An asset has another cap, engine units per challenge window.
    event EarlyCapChanged(uint16 indexed asset, uint64 cap);

    /// @notice No quorum vouches for the batch.
    error BatchNotVouchedFor(uint64 index);

    /// @notice The withdrawal would exceed the asset's cap; engine units.
    error EarlyCapExceeded(uint16 asset, uint64 amount, uint64 paid, uint64 cap);

    /// @notice The caller is not the contract for exits, or the venue is not frozen.
    error NotExits(address caller);

    /// @notice Pays a withdrawal of a batch that a quorum vouches for. It is paid once, then or by {claimWithdrawal}.
    /// @param batchIndex The batch that the withdrawal is in
    /// @param withdrawal The withdrawal
    /// @param leafIndex Its position among the withdrawals of the batch, from 0
    /// @param leafCount How many withdrawals the batch has
    /// @param siblings Inclusion proof, from the leaf up
    function claimEarly(
        uint64 batchIndex,
        Withdrawal calldata withdrawal,
        uint64 leafIndex,
        uint64 leafCount,
        bytes32[] calldata siblings
    ) external;

    /// @notice Pays an exit, in engine units; the contract for exits only.
    function payExit(uint16 asset, uint64 amount, address recipient) external;

    /// @notice Names another quorum, or none; scheduled.
    function setQuorum(IQuorum quorum_) external;

    /// @notice Changes what may be paid early of an asset, engine units in a challenge window; scheduled.
    function setEarlyCap(uint16 asset, uint64 cap) external;

    /// @notice What may be paid early of an asset, engine units in a challenge window.
    function earlyCap(uint16 asset) external view returns (uint64);

    /// @notice Leaf of a withdrawal number that was paid early; zero if none was.
    function paidEarly(uint64 number) external view returns (bytes32);

    /// @notice Who vouches for batches; zero: nobody.
    function quorum() external view returns (IQuorum);

    /// @notice Where users of a frozen venue leave.
    function exits() external view returns (address);
}
