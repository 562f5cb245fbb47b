// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IFreeze} from "../interfaces/IFreeze.sol";
import {Inbox} from "./Inbox.sol";
import {Timelock} from "./Timelock.sol";

/// @title Freeze
/// @notice See {IFreeze}.
abstract contract Freeze is IFreeze, Timelock, Inbox {
    /// @inheritdoc IFreeze
    uint64 public immutable serveDeadline;

    /// @inheritdoc IFreeze
    bool public frozen;
    /// @inheritdoc IFreeze
    uint64 public graceUntil;
    /// @inheritdoc IFreeze
    address public reconciliation;

    /// @dev When an item came, seconds.
    mapping(uint64 index => uint64) private _arrivedAt;

    modifier whenLive() {
        _requireLive();
        _;
    }

    constructor(uint64 serveDeadline_) {
        serveDeadline = serveDeadline_;
    }

    /// @inheritdoc IFreeze
    function freeze() external whenLive {
        require(msg.sender == reconciliation || isOverdue(), NothingOverdue());
        frozen = true;
        emit Frozen(_served());
        _onFreeze();
    }

    /// @inheritdoc IFreeze
    function setReconciliation(address reconciliation_) external onlyScheduled {
        reconciliation = reconciliation_;
        emit ReconciliationChanged(reconciliation_);
    }

    /// @inheritdoc IFreeze
    function isOverdue() public view returns (bool) {
        uint64 oldest = _served();
        return oldest < inboxLength && block.timestamp > graceUntil
            && block.timestamp > uint256(_arrivedAt[oldest]) + serveDeadline;
    }

    /// @dev Appends an item and notes when it came.
    function _append(bytes memory item) internal virtual override whenLive returns (uint64 index) {
        index = super._append(item);
        _arrivedAt[index] = uint64(block.timestamp);
    }

    /// @dev Gives the operator the time again that batches which were taken back had used up.
    function _grantGrace() internal {
        graceUntil = uint64(block.timestamp) + serveDeadline;
    }

    /// @dev Nothing may change once users are on their way out.
    function _requireChangeable() internal view override {
        _requireLive();
    }

    /// @dev How many inbox items batches have served.
    function _served() internal view virtual returns (uint64);

    /// @dev What else a freeze entails.
    function _onFreeze() internal virtual;

    function _requireLive() private view {
        require(!frozen, VenueFrozen());
    }
}
