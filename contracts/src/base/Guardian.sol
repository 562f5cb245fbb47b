// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";

import {IGuardian} from "../interfaces/IGuardian.sol";

/// @title Emergency brake
/// @notice See {IGuardian}.
abstract contract Guardian is IGuardian, Ownable2Step {
    /// @inheritdoc IGuardian
    address public guardian;
    /// @inheritdoc IGuardian
    bool public depositsPaused;
    /// @inheritdoc IGuardian
    bool public batchesPaused;

    modifier onlyGuardian() {
        require(msg.sender == guardian, NotGuardian(msg.sender));
        _;
    }

    modifier whenDepositsOpen() {
        require(!depositsPaused, DepositsArePaused());
        _;
    }

    modifier whenBatchesOpen() {
        require(!batchesPaused, BatchesArePaused());
        _;
    }

    constructor(address owner_, address guardian_) Ownable(owner_) {
        _setGuardian(guardian_);
    }

    /// @inheritdoc IGuardian
    function pauseDeposits() external onlyGuardian {
        require(!depositsPaused, PauseUnchanged());
        depositsPaused = true;
        emit DepositsPaused();
    }

    /// @inheritdoc IGuardian
    function unpauseDeposits() external onlyOwner {
        require(depositsPaused, PauseUnchanged());
        depositsPaused = false;
        emit DepositsUnpaused();
    }

    /// @inheritdoc IGuardian
    function pauseBatches() external onlyGuardian {
        require(!batchesPaused, PauseUnchanged());
        batchesPaused = true;
        emit BatchesPaused();
    }

    /// @inheritdoc IGuardian
    function unpauseBatches() external onlyOwner {
        require(batchesPaused, PauseUnchanged());
        batchesPaused = false;
        emit BatchesUnpaused();
        _onBatchesUnpaused();
    }

    /// @inheritdoc IGuardian
    function setGuardian(address guardian_) external onlyOwner {
        _setGuardian(guardian_);
    }

    /// @notice Always refused: see {OwnerRequired}.
    function renounceOwnership() public view override onlyOwner {
        revert OwnerRequired();
    }

    /// @dev What else it entails that batches are taken again.
    function _onBatchesUnpaused() internal virtual;

    function _setGuardian(address guardian_) private {
        emit GuardianChanged(guardian, guardian_);
        guardian = guardian_;
    }
}
