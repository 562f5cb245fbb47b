// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title Encoding of inbox items
/// @notice `kind u8 ‖ fields`, big-endian and without padding: the bytes that the venue's journal carries, and what
/// the inbox chain hashes. Kinds are never reused.
library InboxItems {
    uint8 internal constant DEPOSIT = 1;
    uint8 internal constant FORCED_WITHDRAW = 2;
    uint8 internal constant FORCED_CANCEL_ALL = 3;
    uint8 internal constant FORCED_CLOSE_ONLY = 4;
    uint8 internal constant REGISTER_KEY = 5;
    uint8 internal constant RAISE_NONCE_FLOOR = 6;

    /// @dev Bytes of a deposit: `kind u8 ‖ owner 20 ‖ subaccount u64 ‖ asset u16 ‖ amount u64`.
    uint256 private constant _DEPOSIT_BYTES = 39;

    /// @notice Assets arrived in the vault.
    function deposit(address owner, uint64 subaccount, uint16 asset, uint64 amount)
        internal
        pure
        returns (bytes memory)
    {
        return abi.encodePacked(DEPOSIT, owner, subaccount, asset, amount);
    }

    /// @notice What a deposit says.
    /// @return isDeposit Whether the item is one; if not, nothing else counts
    function readDeposit(bytes calldata item)
        internal
        pure
        returns (bool isDeposit, address owner, uint16 asset, uint64 amount)
    {
        if (item.length != _DEPOSIT_BYTES || uint8(item[0]) != DEPOSIT) return (false, address(0), 0, 0);
        return (true, address(bytes20(item[1:21])), uint16(bytes2(item[29:31])), uint64(bytes8(item[31:39])));
    }

    /// @notice The owner demands a withdrawal of up to `amount`.
    function forcedWithdraw(address owner, uint64 subaccount, uint16 asset, uint64 amount, address recipient)
        internal
        pure
        returns (bytes memory)
    {
        return abi.encodePacked(FORCED_WITHDRAW, owner, subaccount, asset, amount, recipient);
    }

    /// @notice The owner demands that all orders of a subaccount be cancelled.
    function forcedCancelAll(address owner, uint64 subaccount) internal pure returns (bytes memory) {
        return abi.encodePacked(FORCED_CANCEL_ALL, owner, subaccount);
    }

    /// @notice From now on the subaccount may only reduce its positions.
    function forcedCloseOnly(address owner, uint64 subaccount) internal pure returns (bytes memory) {
        return abi.encodePacked(FORCED_CLOSE_ONLY, owner, subaccount);
    }

    /// @notice The owner lets `key` act for it until `expiry` (ns).
    function registerKey(address owner, address key, uint8 scopes, uint64 expiry) internal pure returns (bytes memory) {
        return abi.encodePacked(REGISTER_KEY, owner, key, scopes, expiry);
    }

    /// @notice All trading nonces of `signer` below `floor` are dead.
    function raiseNonceFloor(address owner, address signer, uint64 floor) internal pure returns (bytes memory) {
        return abi.encodePacked(RAISE_NONCE_FLOOR, owner, signer, floor);
    }

    /// @notice The inbox chain after one more item.
    /// @param previous The chain before it
    /// @param index The item's index
    /// @param item The item's bytes
    function chain(bytes32 previous, uint64 index, bytes memory item) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(previous, index, item));
    }
}
