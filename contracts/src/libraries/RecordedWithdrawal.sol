// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {BinaryMerkle} from "./BinaryMerkle.sol";
import {StatePath, StateProof} from "./StateProof.sol";
import {Totals} from "./Totals.sol";

/// @notice What the state holds about withdrawals on both sides of a step.
/// @param countersBefore The counters before it
/// @param countersAfter The counters after it
/// @param totalsBefore The totals before it
/// @param totalsAfter The totals after it
struct WithdrawalEvidence {
    StatePath countersBefore;
    StatePath countersAfter;
    StatePath totalsBefore;
    StatePath totalsAfter;
}

/// @title The withdrawal that a step made
/// @notice Its number is what the counter was before, its amount is by how much the total of its asset grew, and its
/// recipient stands in the record: so the withdrawal follows from the two states, whatever became of the amount asked for.
library RecordedWithdrawal {
    /// @dev Record kind of a withdrawal.
    uint8 private constant _WITHDRAW = 2;
    /// @dev Record kind of an inbox item.
    uint8 private constant _INBOX_ITEM = 1;
    /// @dev Where asset and recipient stand in the record of a withdrawal: `kind ‖ time ‖ subaccount ‖ asset ‖ amount ‖
    /// recipient`.
    uint256 private constant _ASSET = 17;
    uint256 private constant _RECIPIENT = 27;
    /// @dev And in that of a forced one: `kind ‖ time ‖ index ‖ item kind ‖ owner ‖ subaccount ‖ asset ‖ amount ‖
    /// recipient`.
    uint256 private constant _FORCED_ASSET = 46;
    uint256 private constant _FORCED_RECIPIENT = 56;
    /// @dev Where the number of withdrawals stands in the counters: `subaccounts u64 ‖ instruments u32 ‖ …`.
    uint256 private constant _WITHDRAWALS = 12;

    /// @notice The step made no withdrawal.
    error NoWithdrawal();

    /// @notice Number and leaf of the withdrawal that a step made.
    /// @param before State root before it
    /// @param afterwards State root after it
    /// @param record Record of its command
    /// @param evidence Leaves of both states
    function made(bytes32 before, bytes32 afterwards, bytes calldata record, WithdrawalEvidence calldata evidence)
        internal
        pure
        returns (uint64 number, bytes32 leaf)
    {
        number = countOf(before, evidence.countersBefore);
        require(countOf(afterwards, evidence.countersAfter) == number + 1, NoWithdrawal());
        (uint16 asset, address recipient) = _parties(record);
        uint64 amount = uint64(
            _withdrawn(afterwards, evidence.totalsAfter, asset) - _withdrawn(before, evidence.totalsBefore, asset)
        );
        leaf = BinaryMerkle.leaf(abi.encodePacked(number, asset, amount, recipient));
    }

    /// @notice How many withdrawals a state counts.
    function countOf(bytes32 root, StatePath calldata path) internal pure returns (uint64) {
        bytes calldata counters = StateProof.member(root, StateProof.GLOBALS, StateProof.COUNTERS, path);
        return uint64(bytes8(counters[_WITHDRAWALS:_WITHDRAWALS + 8]));
    }

    function _withdrawn(bytes32 root, StatePath calldata path, uint16 asset) private pure returns (uint128) {
        return Totals.withdrawn(StateProof.member(root, StateProof.GLOBALS, StateProof.TOTALS, path), asset);
    }

    function _parties(bytes calldata record) private pure returns (uint16 asset, address recipient) {
        uint8 kind = uint8(record[0]);
        require(kind == _WITHDRAW || kind == _INBOX_ITEM, NoWithdrawal());
        (uint256 assetAt, uint256 recipientAt) =
            kind == _WITHDRAW ? (_ASSET, _RECIPIENT) : (_FORCED_ASSET, _FORCED_RECIPIENT);
        asset = uint16(bytes2(record[assetAt:assetAt + 2]));
        recipient = address(bytes20(record[recipientAt:recipientAt + 20]));
    }
}
