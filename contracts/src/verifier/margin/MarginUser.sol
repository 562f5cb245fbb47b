// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IMarginCalculator} from "src/verifier/margin/IMarginCalculator.sol";

/// @title A module that asks about margin
abstract contract MarginUser {
    /// @notice Who computes it.
    IMarginCalculator internal immutable margin;

    constructor(IMarginCalculator marginCalculator) {
        margin = marginCalculator;
    }
}
