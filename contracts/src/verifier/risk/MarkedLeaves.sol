// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {requireLegal} from "src/verifier/IStepModule.sol";
import {InstrumentKind} from "src/verifier/Types.sol";
import {Cursor, Decoder} from "src/verifier/state/Decoder.sol";
import {Expiries} from "src/verifier/state/Instruments.sol";
import {Ledger} from "src/verifier/state/Ledger.sol";
import {PartialTree, Tree} from "src/verifier/state/PartialTree.sol";
import {ExpiryLeaf} from "src/verifier/state/leaves/ExpiryLeaf.sol";
import {InstrumentLeaf, InstrumentLeaves} from "src/verifier/state/leaves/InstrumentLeaf.sol";

/// @notice What every live instrument of an underlying carries after a mark.
/// @param underlying The underlying
/// @param time Oracle time of the mark
/// @param epoch Epoch of the mark
/// @param index Index of the mark
/// @param withRisk Whether there are lanes
struct Marking {
    uint256 underlying;
    uint256 time;
    uint256 epoch;
    int256 index;
    bool withRisk;
}

/// @title The asserted part of a mark
/// @notice A thousand repricings fit no transaction, so a mark asserts the instruments root behind it. Whoever doubts a
/// leaf opens it in the tree before and in the tree after. Every leaf that is opened in either is compared here: the
/// marks, Greeks and lanes of live instruments of the underlying may be new (whether they are right, `ModelGuard`
/// says), everything else is what the executed part of the step makes of it.
library MarkedLeaves {
    using Decoder for Cursor;
    using PartialTree for Tree;

    /// @dev Bytes of an instrument leaf in front of its mark.
    uint256 private constant _STATIC_BYTES = 100;
    /// @dev Bytes of an instrument leaf without lanes.
    uint256 private constant _BARE_BYTES = 145;
    /// @dev Highest mark, micro-USDC per contract.
    int256 private constant _MARK_MAX = 1_000_000_000_000_000;

    /// @notice Compares the instruments tree as executed, with old instrument leaves, with the one that was asserted.
    /// @dev Both must be opened at the same keys. The asserted tree may hold anything, so nothing of it is decoded before
    /// its length is known to fit.
    function compare(Ledger memory ledger, Tree memory asserted, Marking memory marking) internal pure {
        (bytes32[] memory keys,) = asserted.opened();
        for (uint256 i = 0; i < keys.length; ++i) {
            (bool found,) = ledger.instruments.get(keys[i]);
            requireLegal(found, "asserted_new_leaf");
        }
        bytes[] memory values;
        (keys, values) = ledger.instruments.opened();
        for (uint256 i = 0; i < keys.length; ++i) {
            (bool found, bytes memory value) = asserted.get(keys[i]);
            requireLegal(found, "asserted_leaf_missing");
            if (_isLive(ledger, keys[i], values[i], marking)) {
                requireLegal(_isMarked(values[i], value, marking), "asserted_mark");
            } else {
                requireLegal(keccak256(values[i]) == keccak256(value), "asserted_leaf_changed");
            }
        }
    }

    /// Whether the leaf is of an instrument that the mark covers.
    function _isLive(Ledger memory ledger, bytes32 key, bytes memory value, Marking memory marking)
        private
        pure
        returns (bool)
    {
        if (key[0] != 0) return false;
        InstrumentLeaf memory leaf = InstrumentLeaves.decode(value);
        if (leaf.underlying != marking.underlying) return false;
        if (leaf.kind == InstrumentKind.Perpetual) return true;
        if (leaf.expiry <= marking.time) return false;
        (, ExpiryLeaf memory series) = Expiries.find(ledger, leaf.underlying, leaf.expiry);
        return !series.settled;
    }

    /// Whether `marked` is the leaf `before` with a mark of this epoch and index.
    function _isMarked(bytes memory before, bytes memory marked, Marking memory marking) private pure returns (bool) {
        uint256 length = _BARE_BYTES + (marking.withRisk ? InstrumentLeaves.RISK_BYTES : 0);
        if (marked.length != length) return false;
        Cursor memory old = Decoder.leaf(before);
        Cursor memory cursor = Decoder.leaf(marked);
        if (keccak256(old.take(_STATIC_BYTES)) != keccak256(cursor.take(_STATIC_BYTES))) return false;
        int256 mark = cursor.i64();
        if (mark < 0 || mark > _MARK_MAX) return false;
        if (cursor.u32() != marking.epoch || cursor.i64() != marking.index) return false;
        // Implied vol, delta and vega are the model's.
        cursor.take(24);
        return cursor.u8() == (marking.withRisk ? 1 : 0);
    }
}
