// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title Changes with notice
/// @notice What could take users' rights away is announced first, and takes effect after a delay in which everybody can
/// leave. Until the first inbox item or batch there is nobody to protect, and no delay.
interface ITimelock {
    /// @notice A change was announced.
    /// @param change Calldata of the call that the contract will make to itself
    /// @param readyAt From when on it may be carried out, seconds
    event ChangeScheduled(bytes change, uint64 readyAt);

    /// @notice A change was given up.
    event ChangeCancelled(bytes change);

    /// @notice A change was carried out.
    event ChangeExecuted(bytes change);

    /// @notice The function takes scheduled changes only.
    error NotScheduled(address caller);

    /// @notice The change is scheduled already.
    error ChangePending(uint64 readyAt);

    /// @notice The change was never scheduled, was given up, or has lapsed.
    error ChangeUnknown();

    /// @notice The change's time has not come.
    error ChangeNotReady(uint64 readyAt);

    /// @notice The delay leaves users no time to leave.
    error DelayTooShort(uint64 delay, uint64 minimum);

    /// @notice Announces a change; the owner only.
    /// @param change Calldata of the call that the contract will make to itself
    function schedule(bytes calldata change) external;

    /// @notice Gives a change up; the owner only.
    function cancel(bytes calldata change) external;

    /// @notice Carries a change out, once its time has come and before it lapses; anyone may.
    function execute(bytes calldata change) external;

    /// @notice From when on a change may be carried out, seconds; 0 if it is not scheduled.
    function readyAt(bytes calldata change) external view returns (uint64);

    /// @notice Seconds from the announcement of a change to its effect, and again until it lapses.
    function upgradeDelay() external view returns (uint64);
}
