// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Address} from "@openzeppelin/contracts/utils/Address.sol";

import {ITimelock} from "../interfaces/ITimelock.sol";
import {Guardian} from "./Guardian.sol";

/// @title Changes with notice
/// @notice See {ITimelock}.
abstract contract Timelock is ITimelock, Guardian {
    /// @inheritdoc ITimelock
    uint64 public immutable upgradeDelay;

    /// @dev When a change is ready, by the hash of its calldata.
    mapping(bytes32 change => uint64) private _readyAt;

    /// @dev A call: every use of a modifier is a copy of its code.
    modifier onlyScheduled() {
        _requireScheduled();
        _;
    }

    constructor(uint64 upgradeDelay_, uint64 minimum) {
        require(upgradeDelay_ > minimum, DelayTooShort(upgradeDelay_, minimum));
        upgradeDelay = upgradeDelay_;
    }

    /// @inheritdoc ITimelock
    function schedule(bytes calldata change) external onlyOwner {
        bytes32 id = keccak256(change);
        require(!_isPending(_readyAt[id]), ChangePending(_readyAt[id]));
        uint64 ready = uint64(block.timestamp) + (_isInUse() ? upgradeDelay : 0);
        _readyAt[id] = ready;
        emit ChangeScheduled(change, ready);
    }

    /// @inheritdoc ITimelock
    function cancel(bytes calldata change) external onlyOwner {
        bytes32 id = keccak256(change);
        require(_isPending(_readyAt[id]), ChangeUnknown());
        delete _readyAt[id];
        emit ChangeCancelled(change);
    }

    /// @inheritdoc ITimelock
    function execute(bytes calldata change) external {
        bytes32 id = keccak256(change);
        uint64 ready = _readyAt[id];
        require(_isPending(ready), ChangeUnknown());
        require(block.timestamp >= ready, ChangeNotReady(ready));
        _requireChangeable();
        delete _readyAt[id];
        emit ChangeExecuted(change);
        Address.functionCall(address(this), change);
    }

    /// @inheritdoc ITimelock
    function readyAt(bytes calldata change) external view returns (uint64) {
        return _readyAt[keccak256(change)];
    }

    /// @dev Whether anybody has entrusted anything to this contract.
    function _isInUse() internal view virtual returns (bool);

    /// @dev Reverts when nothing may change any more.
    function _requireChangeable() internal view virtual;

    function _requireScheduled() private view {
        require(msg.sender == address(this), NotScheduled(msg.sender));
    }

    /// @dev A change that nobody carries out lapses: notice that was given long ago is no notice.
    function _isPending(uint64 ready) private view returns (bool) {
        return ready != 0 && block.timestamp <= uint256(ready) + upgradeDelay;
    }
}
