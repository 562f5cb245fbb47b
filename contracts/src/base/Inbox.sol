// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

import {IInbox} from "../interfaces/IInbox.sol";
import {EngineUnits} from "../libraries/EngineUnits.sol";
import {InboxItems} from "../libraries/InboxItems.sol";

/// @title The inbox
/// @notice See {IInbox}. Nothing here can be paused. Items are checked for form, and for the consent of a key: whether a
/// subaccount is the caller's is for the engine to say, which voids the request if it is not.
abstract contract Inbox is IInbox {
    /// @dev Scopes that a session key can have.
    uint8 private constant _ALL_SCOPES = 15;

    /// @dev What a session key signs before an owner may register it.
    bytes32 private constant _CONSENT_TYPEHASH =
        keccak256("SessionKeyConsent(address owner,address key,uint8 scopes,uint64 keyExpiry)");

    /// @inheritdoc IInbox
    uint64 public inboxLength;

    /// @dev The chain after so many items. Slot 0 stays zero.
    mapping(uint64 length => bytes32) private _inboxHashes;

    /// @inheritdoc IInbox
    function forceWithdraw(uint64 subaccount, uint16 asset, uint64 amount, address recipient)
        external
        returns (uint64 index)
    {
        EngineUnits.requireAmount(amount);
        require(recipient != address(0), ZeroAddress());
        _requireAsset(asset);
        return _append(InboxItems.forcedWithdraw(msg.sender, subaccount, asset, amount, recipient));
    }

    /// @inheritdoc IInbox
    function forceCancelAll(uint64 subaccount) external returns (uint64 index) {
        return _append(InboxItems.forcedCancelAll(msg.sender, subaccount));
    }

    /// @inheritdoc IInbox
    function forceCloseOnly(uint64 subaccount) external returns (uint64 index) {
        return _append(InboxItems.forcedCloseOnly(msg.sender, subaccount));
    }

    /// @inheritdoc IInbox
    function registerKey(address key, uint8 scopes, uint64 expiry, bytes calldata consent)
        external
        returns (uint64 index)
    {
        require(key != address(0), ZeroAddress());
        require(scopes != 0 && scopes <= _ALL_SCOPES, ScopesUnknown(scopes));
        bytes32 consented = keccak256(abi.encode(_CONSENT_TYPEHASH, msg.sender, key, scopes, expiry));
        (address signer,,) = ECDSA.tryRecoverCalldata(_typedDigest(consented), consent);
        require(signer == key, KeyDidNotConsent(key));
        return _append(InboxItems.registerKey(msg.sender, key, scopes, expiry));
    }

    /// @inheritdoc IInbox
    function raiseNonceFloor(address signer, uint64 floor) external returns (uint64 index) {
        require(signer != address(0), ZeroAddress());
        return _append(InboxItems.raiseNonceFloor(msg.sender, signer, floor));
    }

    /// @inheritdoc IInbox
    function inboxHashAt(uint64 length) public view returns (bytes32) {
        require(length <= inboxLength, InboxTooShort(inboxLength, length));
        return _inboxHashes[length];
    }

    /// @dev Appends an item to the queue and returns its index.
    function _append(bytes memory item) internal virtual returns (uint64 index) {
        index = inboxLength;
        bytes32 inboxHash = InboxItems.chain(_inboxHashes[index], index, item);
        inboxLength = index + 1;
        _inboxHashes[index + 1] = inboxHash;
        emit InboxItem(index, item, inboxHash);
    }

    /// @dev The digest that is signed for a struct of this venue's EIP-712 domain.
    function _typedDigest(bytes32 structHash) internal view virtual returns (bytes32);

    /// @dev Reverts when the vault has no such asset.
    function _requireAsset(uint16 asset) internal view virtual;
}
