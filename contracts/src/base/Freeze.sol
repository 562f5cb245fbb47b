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
    uint64 public immutable maxTimeLag;

    /// @inheritdoc IFreeze
    bool public frozen;
    /// @inheritdoc IFreeze
    address public reconciliation;

    /// @dev When batches were last taken back, seconds.
    uint64 private _restartedAt;
    /// @dev Until when who is in office is not punished, seconds.
    uint64 private _graceUntil;
    /// @dev When an item came, seconds.
    mapping(uint64 index => uint64) private _arrivedAt;

    modifier whenLive() {
        _requireLive();
        _;
    }

    /// @dev An outage that is long enough for venue time to be overdue is long enough for any item.
    constructor(uint64 serveDeadline_, uint64 maxTimeLag_) {
        require(maxTimeLag_ >= serveDeadline_, LagTooShort(maxTimeLag_, serveDeadline_));
        serveDeadline = serveDeadline_;
        maxTimeLag = maxTimeLag_;
    }

    /// @inheritdoc IFreeze
    function freeze() external whenLive {
        require(msg.sender == reconciliation || isOverdue(), NothingOverdue());
        frozen = true;
        (uint64 served,) = _reached();
        emit Frozen(served);
        _onFreeze();
    }

    /// @inheritdoc IFreeze
    function setReconciliation(address reconciliation_) external onlyScheduled {
        reconciliation = reconciliation_;
        emit ReconciliationChanged(reconciliation_);
    }

    /// @inheritdoc IFreeze
    function isOverdue() public view returns (bool) {
        (uint64 served, uint64 time) = _reached();
        if (served < inboxLength && block.timestamp > dueAt(_arrivedAt[served], serveDeadline)) return true;
        // A venue without batches has no time yet.
        return time != 0 && block.timestamp > dueAt(time / 1e9, maxTimeLag);
    }

    /// @inheritdoc IFreeze
    function dueAt(uint64 since, uint64 time) public view returns (uint64 due) {
        if (since < _restartedAt) since = _restartedAt;
        due = since + time;
        uint64 latest = due + serveDeadline;
        if (due < _graceUntil) due = _graceUntil < latest ? _graceUntil : latest;
    }

    /// @dev Appends an item and notes when it came.
    function _append(bytes memory item) internal virtual override whenLive returns (uint64 index) {
        index = super._append(item);
        _arrivedAt[index] = uint64(block.timestamp);
    }

    /// @dev Gives back the time that batches which were taken back had used up.
    function _restart() internal {
        _restartedAt = uint64(block.timestamp);
    }

    /// @dev Gives who comes to commit the time to do it.
    function _grantGrace() internal {
        _graceUntil = uint64(block.timestamp) + serveDeadline;
    }

    function _onBatchesUnpaused() internal override {
        _grantGrace();
    }

    /// @dev Whether who is in office has not had his time yet.
    function _inGrace() internal view returns (bool) {
        return block.timestamp <= _graceUntil;
    }

    /// @dev Nothing may change once users are on their way out, nor while they could not be: what gives the operator its
    /// time again must not let the notice of a change run out.
    function _requireChangeable() internal view override {
        _requireLive();
        uint64 ready = _restartedAt == 0 ? 0 : _restartedAt + upgradeDelay;
        require(block.timestamp >= ready, ChangeNotReady(ready));
    }

    /// @dev How many inbox items batches have served, and the time of the last command; zero if there is none, ns.
    function _reached() internal view virtual returns (uint64 served, uint64 time);

    /// @dev What else a freeze entails.
    function _onFreeze() internal virtual;

    function _requireLive() private view {
        require(!frozen, VenueFrozen());
    }
}
