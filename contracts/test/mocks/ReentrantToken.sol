// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {TokenWithDecimals} from "./TokenWithDecimals.sol";

/// @notice Calls back into a contract in the middle of a transfer, once armed.
contract ReentrantToken is TokenWithDecimals(6) {
    address private _target;
    bytes private _call;

    /// @notice What the target answered to the call in the middle.
    bytes public answer;
    /// @notice Whether the target accepted it.
    bool public accepted;

    function arm(address target, bytes calldata data) external {
        _target = target;
        _call = data;
    }

    function _update(address from, address to, uint256 value) internal override {
        super._update(from, to, value);
        if (_target != address(0)) {
            address target = _target;
            _target = address(0);
            (accepted, answer) = target.call(_call);
        }
    }
}
