// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title Freeze
/// @notice The operator must serve every inbox item in time, keep venue time near the chain's, and answer who asks for an
/// account ({IReconciliation}). If it does not, anyone freezes the venue, for good: nothing comes in, no batch is taken, and
/// users leave by themselves.
///
/// Two things move what is due. Batches that were proven wrong have to be made again, so every time starts anew; that costs
/// who made them a bond. And whoever comes to commit, behind a pause or into office, is given a serve deadline before he can
/// be punished; but nothing is put off by more than one serve deadline for that, however often it happens.
interface IFreeze {
    /// @notice The venue is frozen.
    /// @param item The oldest inbox item that no batch served
    event Frozen(uint64 item);

    /// @notice Requests for accounts are made to another contract; zero: to none.
    event ReconciliationChanged(address indexed reconciliation);

    /// @notice The venue is frozen.
    error VenueFrozen();

    /// @notice Every inbox item was served, or still has time, and venue time is near enough.
    error NothingOverdue();

    /// @notice Venue time would have to be nearer than items are served.
    error LagTooShort(uint64 maxTimeLag, uint64 serveDeadline);

    /// @notice Freezes the venue when {isOverdue}; anyone may. When a request for an account was not answered in time, the
    /// contract that takes such requests may.
    function freeze() external;

    /// @notice Names another contract that takes requests for accounts, or none; scheduled.
    function setReconciliation(address reconciliation_) external;

    /// @notice Who takes requests for accounts, and freezes the venue when one is not answered; zero: nobody.
    function reconciliation() external view returns (address);

    /// @notice Whether an inbox item is overdue, or the last batch's time is.
    function isOverdue() external view returns (bool);

    /// @notice Until when something has to be done, seconds.
    /// @param since When it was asked for
    /// @param time How long it may take
    function dueAt(uint64 since, uint64 time) external view returns (uint64);

    /// @notice Whether the venue is frozen.
    function frozen() external view returns (bool);

    /// @notice Seconds that the operator has to serve an inbox item.
    function serveDeadline() external view returns (uint64);

    /// @notice Seconds that the time of the last batch's last command may stay behind the chain's.
    function maxTimeLag() external view returns (uint64);
}
