// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {StepInput} from "../verifier/IStepModule.sol";
import {InboxItems} from "./InboxItems.sol";
import {StatePath, StateProof} from "./StateProof.sol";
import {Totals} from "./Totals.sol";

/// @title The deposit that a step served
/// @notice It was credited exactly when the total of its asset grew. A venue that does not have the asset has no total of it.
library RecordedDeposit {
    /// @dev Record kind of an inbox item: `kind u8 ‖ time u64 ‖ index u64 ‖ item`.
    uint8 private constant _INBOX_ITEM = 1;
    uint256 private constant _INDEX = 9;
    uint256 private constant _ITEM = 17;

    /// @notice The record is not of a deposit, or the step not all of its command.
    error NoDeposit();

    /// @notice The deposit was credited.
    error DepositCredited(uint64 index);

    /// @notice The deposit that a command served without crediting it; reverts if it is none.
    /// @param step The only step of the command
    /// @param record Its record
    /// @param before Totals in the state before it
    /// @param afterwards Totals in the state after it
    /// @return index Of the inbox item
    /// @return item Its bytes
    function refused(
        StepInput memory step,
        bytes calldata record,
        StatePath calldata before,
        StatePath calldata afterwards
    ) internal pure returns (uint64 index, bytes calldata item) {
        require(step.first && step.last && uint8(record[0]) == _INBOX_ITEM, NoDeposit());
        item = record[_ITEM:];
        (bool isDeposit,, uint16 asset,) = InboxItems.readDeposit(item);
        require(isDeposit, NoDeposit());
        index = uint64(bytes8(record[_INDEX:_ITEM]));
        uint128 grown = _deposited(step.rootAfter, afterwards, asset) - _deposited(step.rootBefore, before, asset);
        require(grown == 0, DepositCredited(index));
    }

    function _deposited(bytes32 root, StatePath calldata path, uint16 asset) private pure returns (uint128) {
        if (!StateProof.lookUp(root, StateProof.GLOBALS, StateProof.TOTALS, path)) return 0;
        return Totals.deposited(path.value, asset);
    }
}
