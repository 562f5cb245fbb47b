// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title Emergency brake
/// @notice The guardian can stop what lets new risk in: deposits, and new batches. Claims and forced requests have no
/// brake at all. Only the owner can release it.
interface IGuardian {
    /// @notice Another guardian holds the brake.
    event GuardianChanged(address indexed previous, address indexed current);

    /// @notice Deposits are stopped.
    event DepositsPaused();

    /// @notice Deposits are taken again.
    event DepositsUnpaused();

    /// @notice New batches are stopped.
    event BatchesPaused();

    /// @notice New batches are taken again.
    event BatchesUnpaused();

    /// @notice The caller is not the guardian.
    error NotGuardian(address caller);

    /// @notice Deposits are paused.
    error DepositsArePaused();

    /// @notice New batches are paused.
    error BatchesArePaused();

    /// @notice The brake is already in the wanted position.
    error PauseUnchanged();

    /// @notice Without an owner nobody could release the brake, so ownership is handed over and never given up.
    error OwnerRequired();

    /// @notice Stops deposits; the guardian only.
    function pauseDeposits() external;

    /// @notice Takes deposits again; the owner only.
    function unpauseDeposits() external;

    /// @notice Stops new batches; the guardian only.
    function pauseBatches() external;

    /// @notice Takes new batches again; the owner only.
    function unpauseBatches() external;

    /// @notice Names another guardian; the owner only. The zero address leaves the brake to nobody.
    function setGuardian(address guardian_) external;

    /// @notice Who holds the brake.
    function guardian() external view returns (address);

    /// @notice Whether deposits are paused.
    function depositsPaused() external view returns (bool);

    /// @notice Whether new batches are paused.
    function batchesPaused() external view returns (bool);
}
