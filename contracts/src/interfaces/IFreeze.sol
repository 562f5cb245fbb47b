// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title Freeze
/// @notice The operator must serve every inbox item in time, and answer who asks for an account ({IReconciliation}). If it does
/// not, anyone freezes the venue, for good: nothing comes in, no batch is taken, and users leave by themselves.
interface IFreeze {
    /// @notice The venue is frozen.
    /// @param item The oldest inbox item that no batch served
    event Frozen(uint64 item);

    /// @notice Requests for accounts are made to another contract; zero: to none.
    event ReconciliationChanged(address indexed reconciliation);

    /// @notice The venue is frozen.
    error VenueFrozen();

    /// @notice Every inbox item was served, or still has time.
    error NothingOverdue();

    /// @notice Freezes the venue when an inbox item is overdue; anyone may. When a request for an account was not answered
    /// in time, the contract that takes such requests may.
    function freeze() external;

    /// @notice Names another contract that takes requests for accounts, or none; scheduled.
    function setReconciliation(address reconciliation_) external;

    /// @notice Who takes requests for accounts, and freezes the venue when one is not answered; zero: nobody.
    function reconciliation() external view returns (address);

    /// @notice Whether an inbox item is overdue.
    function isOverdue() external view returns (bool);

    /// @notice Whether the venue is frozen.
    function frozen() external view returns (bool);

    /// @notice Seconds that the operator has to serve an inbox item.
    function serveDeadline() external view returns (uint64);

    /// @notice Until when nothing is overdue, seconds: batches that were proven wrong have to be made again.
    function graceUntil() external view returns (uint64);
}
