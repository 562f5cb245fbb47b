// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title The leaf of what came in and went out
/// @notice `list by asset of (deposited i128 ‖ withdrawn i128)`; an asset that is not in the list has neither.
library Totals {
    /// @dev Bytes of the length of the list.
    uint256 private constant _HEAD = 2;
    /// @dev Bytes of either amount.
    uint256 private constant _AMOUNT = 16;

    /// @notice What was deposited of an asset.
    function deposited(bytes calldata totals, uint16 asset) internal pure returns (uint128) {
        return _amount(totals, 2 * uint256(asset));
    }

    /// @notice What was withdrawn of an asset.
    function withdrawn(bytes calldata totals, uint16 asset) internal pure returns (uint128) {
        return _amount(totals, 2 * uint256(asset) + 1);
    }

    function _amount(bytes calldata totals, uint256 place) private pure returns (uint128) {
        uint256 at = _HEAD + _AMOUNT * place;
        return at < totals.length ? uint128(bytes16(totals[at:at + _AMOUNT])) : 0;
    }
}
