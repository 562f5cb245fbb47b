// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title The inbox
/// @notice One queue of everything the chain tells the venue: deposits, and requests that the operator may not ignore.
/// Items are numbered from 0 and hash-chained; a batch names how many of them the journal has consumed, and the hash.
interface IInbox {
    /// @notice An item joined the queue.
    /// @param index Its index
    /// @param item Its bytes: `kind u8 ‖ fields`, see {InboxItems}
    /// @param inboxHash The chain after it
    event InboxItem(uint64 indexed index, bytes item, bytes32 inboxHash);

    /// @notice An address that must not be zero is.
    error ZeroAddress();

    /// @notice A session key would have no scope, or one that does not exist.
    error ScopesUnknown(uint8 scopes);

    /// @notice The signature is not the key's, or not for this caller, these scopes and this expiry.
    error KeyDidNotConsent(address key);

    /// @notice Fewer items than this have joined the inbox.
    error InboxTooShort(uint64 length, uint64 wanted);

    /// @notice Demands a withdrawal of the caller's assets of up to `amount`, to be claimed like any other.
    /// @param subaccount From which of the caller's subaccounts
    /// @param asset Asset id
    /// @param amount Amount in engine units
    /// @param recipient Who is paid
    /// @return index Of the inbox item
    function forceWithdraw(uint64 subaccount, uint16 asset, uint64 amount, address recipient)
        external
        returns (uint64 index);

    /// @notice Demands that all orders of one of the caller's subaccounts be cancelled.
    /// @return index Of the inbox item
    function forceCancelAll(uint64 subaccount) external returns (uint64 index);

    /// @notice Demands that one of the caller's subaccounts may only reduce its positions from now on.
    /// @return index Of the inbox item
    function forceCloseOnly(uint64 subaccount) external returns (uint64 index);

    /// @notice Registers a session key for the caller by transaction: the way of a contract wallet, which cannot sign.
    /// @param key The session key
    /// @param scopes Scope bits: 1 trade, 2 cancel, 4 RFQ, 8 transfer
    /// @param expiry The key dies at this venue time, ns
    /// @param consent The key's signature of `SessionKeyConsent(owner,key,scopes,keyExpiry)` with the caller as owner:
    /// nobody registers a key that he does not hold
    /// @return index Of the inbox item
    function registerKey(address key, uint8 scopes, uint64 expiry, bytes calldata consent)
        external
        returns (uint64 index);

    /// @notice Kills all trading nonces of `signer`, a key of the caller or the caller itself, below `floor`.
    /// @return index Of the inbox item
    function raiseNonceFloor(address signer, uint64 floor) external returns (uint64 index);

    /// @notice How many items have joined the inbox.
    function inboxLength() external view returns (uint64);

    /// @notice The chain after the first `length` items; zero for none.
    function inboxHashAt(uint64 length) external view returns (bytes32);
}
