// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title Payouts besides withdrawals
/// @notice Users of a frozen venue are paid what {IExits} says, and so are deposits that nobody was credited. Which reserve pays
/// withdrawals before they are final is named here; it is one among all who may {IWithdrawals-advance}.
interface IPayouts {
    /// @notice The contract for exits paid.
    event ExitPaid(uint16 indexed asset, address indexed recipient, uint256 amount);

    /// @notice Another reserve pays withdrawals before they are final; zero: none.
    event AdvancesChanged(address indexed advances);

    /// @notice The caller is not the contract for exits.
    error NotExits(address caller);

    /// @notice Pays out, in engine units; the contract for exits only.
    function payExit(uint16 asset, uint64 amount, address recipient) external;

    /// @notice Names another reserve, or none; scheduled.
    function setAdvances(address advances_) external;

    /// @notice The venue's reserve for withdrawals that are not final, {IAdvances}; zero: none.
    function advances() external view returns (address);

    /// @notice Where users of a frozen venue leave.
    function exits() external view returns (address);
}
