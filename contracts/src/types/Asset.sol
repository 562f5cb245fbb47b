// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// @notice An asset that the vault holds.
/// @param token The ERC-20 contract
/// @param tokenDecimals Decimals of the token when it was added
/// @param engineDecimals Decimals of the engine's unit: 6 for asset 0 (USDC), 8 for every other
/// @param depositCap Deposits may not take `custody` above this many token units
/// @param custody Token units deposited and not yet claimed; the vault's balance is never below it
struct Asset {
    IERC20 token;
    uint8 tokenDecimals;
    uint8 engineDecimals;
    uint256 depositCap;
    uint256 custody;
}
