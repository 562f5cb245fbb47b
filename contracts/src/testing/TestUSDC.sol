// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {ERC20} from "solady/tokens/ERC20.sol";

/// @title Test USDC
/// @notice A stand-in for USDC on local chains and in tests, six decimals and ERC-2612 permit. Anyone may mint any
/// amount: never deploy it where money is real.
contract TestUSDC is ERC20 {
    /// @notice Creates `amount` token units out of nothing for `to`.
    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    /// @notice Name of the token, part of its permit domain.
    function name() public pure override returns (string memory) {
        return "Test USDC";
    }

    /// @notice Symbol of the token.
    function symbol() public pure override returns (string memory) {
        return "tUSDC";
    }

    /// @notice Six, as USDC has.
    function decimals() public pure override returns (uint8) {
        return 6;
    }
}
