// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {TokenWithDecimals} from "./TokenWithDecimals.sol";

/// @notice Keeps one hundredth of every transfer.
contract FeeToken is TokenWithDecimals(6) {
    function _update(address from, address to, uint256 value) internal override {
        uint256 fee = from == address(0) ? 0 : value / 100;
        super._update(from, to, value - fee);
    }
}
