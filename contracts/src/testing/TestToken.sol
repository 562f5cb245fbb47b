// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {ERC20} from "solady/tokens/ERC20.sol";

/// @title Test token
/// @notice A stand-in for an asset that serves as collateral, on local chains and in tests. Anyone may mint any amount:
/// never deploy it where money is real.
contract TestToken is ERC20 {
    string private _name;
    string private _symbol;
    uint8 private immutable _DECIMALS;

    /// @notice Creates a token without supply.
    constructor(string memory name_, string memory symbol_, uint8 decimals_) {
        _name = name_;
        _symbol = symbol_;
        _DECIMALS = decimals_;
    }

    /// @notice Creates `amount` token units out of nothing for `to`.
    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    /// @notice Name of the token, part of its permit domain.
    function name() public view override returns (string memory) {
        return _name;
    }

    /// @notice Symbol of the token.
    function symbol() public view override returns (string memory) {
        return _symbol;
    }

    /// @notice Decimals of the token, as on the chain that it stands for.
    function decimals() public view override returns (uint8) {
        return _DECIMALS;
    }
}
