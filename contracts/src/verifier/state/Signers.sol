// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Ledger} from "src/verifier/state/Ledger.sol";
import {PartialTree, Tree} from "src/verifier/state/PartialTree.sol";
import {StateKeys} from "src/verifier/state/StateKeys.sol";
import {KeyLeaf, KeyLeaves} from "src/verifier/state/leaves/KeyLeaf.sol";

/// @title The keys tree
library Signers {
    using PartialTree for Tree;

    /// @notice What is known of an address; of one that never signed and is nobody's key, everything is zero.
    function find(Ledger memory ledger, address signer) internal pure returns (bool found, KeyLeaf memory leaf) {
        bytes memory value;
        (found, value) = ledger.keys.get(StateKeys.signer(signer));
        if (found) leaf = KeyLeaves.decode(value);
    }

    function save(Ledger memory ledger, address signer, KeyLeaf memory leaf) internal pure {
        ledger.keys.set(StateKeys.signer(signer), KeyLeaves.encode(leaf));
    }
}
