// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IPayouts} from "../interfaces/IPayouts.sol";
import {BondedBatches} from "./BondedBatches.sol";

/// @title Payouts besides withdrawals
/// @notice See {IPayouts}.
abstract contract Payouts is IPayouts, BondedBatches {
    /// @inheritdoc IPayouts
    address public immutable exits;

    /// @inheritdoc IPayouts
    address public advances;

    constructor(address exits_) {
        exits = exits_;
    }

    /// @inheritdoc IPayouts
    function payExit(uint16 asset, uint64 amount, address recipient) external nonReentrant {
        require(msg.sender == exits, NotExits(msg.sender));
        uint256 paid = _pay(asset, amount, recipient);
        emit ExitPaid(asset, recipient, paid);
    }

    /// @inheritdoc IPayouts
    function setAdvances(address advances_) external onlyScheduled {
        advances = advances_;
        emit AdvancesChanged(advances_);
    }
}
