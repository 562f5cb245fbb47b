// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @notice What an account may claim.
/// @param owner Whose it is
/// @param assets Asset ids, ascending
/// @param amounts Amounts of them, engine units
struct ExitClaim {
    address owner;
    uint16[] assets;
    uint64[] amounts;
}

/// @title Valuer of exits
/// @notice What accounts are worth in a state of the venue, at the marks that the state commits to. Takes witnesses as
/// steps do; a witness that shows too little reverts.
interface IExitValuer {
    /// @notice What the venue holds and is worth, by asset.
    /// @param root The state root
    /// @param witness Globals; collateral terms and the underlyings that price them
    /// @return pools What was deposited and not withdrawn, engine units
    /// @return prices Micro-USDC of a whole one; zero when the asset is no collateral
    function pools(bytes32 root, bytes calldata witness)
        external
        pure
        returns (uint64[] memory pools, uint64[] memory prices);

    /// @notice What an account may claim: its collateral, and in USDC cash, P&L of perpetuals with pending funding and
    /// options at their marks, or at their settlement where the price is fixed. What is missing in USDC is taken from the
    /// collateral, at its price.
    /// @param root The state root
    /// @param subaccount The account
    /// @param witness Its leaf and all its holdings, their instruments and expiries; what {pools} asks for, besides totals
    function claimOf(bytes32 root, uint64 subaccount, bytes calldata witness) external pure returns (ExitClaim memory);
}
