// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {requireLegal} from "src/verifier/IStepModule.sol";
import {Ledger} from "src/verifier/state/Ledger.sol";
import {PartialTree, Tree} from "src/verifier/state/PartialTree.sol";
import {StateKeys} from "src/verifier/state/StateKeys.sol";
import {ExpiryLeaf, ExpiryLeaves} from "src/verifier/state/leaves/ExpiryLeaf.sol";
import {InstrumentLeaf, InstrumentLeaves} from "src/verifier/state/leaves/InstrumentLeaf.sol";
import {UnderlyingLeaf, UnderlyingLeaves} from "src/verifier/state/leaves/UnderlyingLeaf.sol";

/// @title Instruments of the instruments tree
/// @notice An instrument that was closed has no leaf, like one that was never listed.
library Instruments {
    using PartialTree for Tree;

    function find(Ledger memory ledger, uint256 id) internal pure returns (bool found, InstrumentLeaf memory leaf) {
        bytes memory value;
        (found, value) = ledger.instruments.get(StateKeys.instrument(id));
        if (found) leaf = InstrumentLeaves.decode(value);
    }

    /// @notice An instrument that must be there.
    function load(Ledger memory ledger, uint256 id) internal pure returns (InstrumentLeaf memory) {
        (bool found, bytes memory value) = ledger.instruments.get(StateKeys.instrument(id));
        requireLegal(found, "unknown_instrument");
        return InstrumentLeaves.decode(value);
    }

    function save(Ledger memory ledger, uint256 id, InstrumentLeaf memory leaf) internal pure {
        ledger.instruments.set(StateKeys.instrument(id), InstrumentLeaves.encode(leaf));
    }

    function remove(Ledger memory ledger, uint256 id) internal pure {
        ledger.instruments.remove(StateKeys.instrument(id));
    }

    /// @notice Whether an instrument was ever listed under a name.
    function isNamed(Ledger memory ledger, bytes32 nameHash) internal pure returns (bool found) {
        (found,) = ledger.instruments.get(StateKeys.name(nameHash));
    }

    function saveName(Ledger memory ledger, bytes32 nameHash, uint256 id) internal pure {
        ledger.instruments.set(StateKeys.name(nameHash), abi.encodePacked(uint32(id)));
    }
}

/// @title Underlyings of the instruments tree
library Underlyings {
    using PartialTree for Tree;

    function find(Ledger memory ledger, uint256 id) internal pure returns (bool found, UnderlyingLeaf memory leaf) {
        bytes memory value;
        (found, value) = ledger.instruments.get(StateKeys.underlying(id));
        if (found) leaf = UnderlyingLeaves.decode(value);
    }

    /// @notice An underlying that must be there.
    function load(Ledger memory ledger, uint256 id) internal pure returns (UnderlyingLeaf memory) {
        (bool found, bytes memory value) = ledger.instruments.get(StateKeys.underlying(id));
        requireLegal(found, "unknown_underlying");
        return UnderlyingLeaves.decode(value);
    }

    function save(Ledger memory ledger, uint256 id, UnderlyingLeaf memory leaf) internal pure {
        ledger.instruments.set(StateKeys.underlying(id), UnderlyingLeaves.encode(leaf));
    }
}

/// @title Expiries of the instruments tree
library Expiries {
    using PartialTree for Tree;

    function find(Ledger memory ledger, uint256 underlying, uint256 time)
        internal
        pure
        returns (bool found, ExpiryLeaf memory leaf)
    {
        bytes memory value;
        (found, value) = ledger.instruments.get(StateKeys.expiry(underlying, time));
        if (found) leaf = ExpiryLeaves.decode(value);
    }

    /// @notice An expiry that must be there.
    function load(Ledger memory ledger, uint256 underlying, uint256 time) internal pure returns (ExpiryLeaf memory) {
        (bool found, bytes memory value) = ledger.instruments.get(StateKeys.expiry(underlying, time));
        requireLegal(found, "unknown_expiry");
        return ExpiryLeaves.decode(value);
    }

    function save(Ledger memory ledger, uint256 underlying, uint256 time, ExpiryLeaf memory leaf) internal pure {
        ledger.instruments.set(StateKeys.expiry(underlying, time), ExpiryLeaves.encode(leaf));
    }

    function remove(Ledger memory ledger, uint256 underlying, uint256 time) internal pure {
        ledger.instruments.remove(StateKeys.expiry(underlying, time));
    }
}
