// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @notice What an account has and needs, micro-USDC.
/// @param portfolio Whether it is margined as a portfolio
/// @param fits Whether it can be summed; nothing else means anything if not
/// @param cash Cash, pending funding included
/// @param pending That funding
/// @param unrealised Value of perpetuals minus their cost
/// @param optionValue Mark value of options
/// @param optionProfit That value minus their cost
/// @param collateral Other assets, as they count for new risk
/// @param collateralMaintenance The same for maintenance
/// @param assetValue The same without caps and haircuts
/// @param initial Initial margin, open orders at their worst; the greatest number when it does not fit
/// @param positions Initial margin of the positions alone; the same
/// @param maintenance Maintenance margin; the same
struct MarginFigures {
    bool portfolio;
    bool fits;
    int256 cash;
    int256 pending;
    int256 unrealised;
    int256 optionValue;
    int256 optionProfit;
    int256 collateral;
    int256 collateralMaintenance;
    int256 assetValue;
    int256 initial;
    int256 positions;
    int256 maintenance;
}

/// @title The numbers of margin
/// @notice Pure functions of what `MarginInputs` encodes. A contract of its own, because no module has room for it beside
/// the state.
interface IMarginCalculator {
    /// @notice What the account has and needs.
    function figures(bytes calldata input) external pure returns (MarginFigures memory);

    /// @notice Whether an account that has an asset other than USDC, which counts as collateral, can spare amounts of it:
    /// what stays covers initial margin without unrealised profit. A number that does not fit covers nothing.
    /// @param amounts No more than it has, 1e-8 units
    /// @return can One answer for each
    function canSpare(bytes calldata input, uint256 asset, int256[] calldata amounts)
        external
        pure
        returns (bool[] memory can);

    /// @notice Most that the account's positions in an underlying lose in any lane or cell; where there are no lanes, what
    /// the standard model requires for their maintenance.
    function laneLoss(bytes calldata input, uint256 underlying) external pure returns (bool fits, int256 loss);
}
