// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Scope} from "src/verifier/Actions.sol";
import {Step} from "src/verifier/StepBase.sol";
import {Accounts} from "src/verifier/state/Accounts.sol";
import {Globals} from "src/verifier/state/Globals.sol";
import {Account, Ledger} from "src/verifier/state/Ledger.sol";
import {Signers} from "src/verifier/state/Signers.sol";
import {CountersLeaf} from "src/verifier/state/leaves/GlobalLeaves.sol";
import {GrantLeaf, KeyLeaf} from "src/verifier/state/leaves/KeyLeaf.sol";

/// @title Owners and their keys
/// @notice What commands and items of the inbox have in common.
library Grants {
    /// @notice The next subaccount, for an owner whose key may be new.
    function openSubaccount(Ledger memory ledger, address owner) internal pure returns (Account memory account) {
        CountersLeaf memory counters = Globals.counters(ledger);
        uint256 id = ++counters.subaccounts;
        Globals.setCounters(ledger, counters);

        (, KeyLeaf memory key) = Signers.find(ledger, owner);
        if (key.subaccounts == 0) key.firstSubaccount = id;
        ++key.subaccounts;
        Signers.save(ledger, owner, key);
        return Accounts.create(ledger, id, owner);
    }

    /// @notice Why an owner may not make `key` its session key; zero when it may.
    function fault(Step memory step, address key, GrantLeaf memory grant) internal pure returns (bytes32) {
        if (key == address(0) || key == grant.owner) return "invalid_key";
        if (grant.scopes == 0 || grant.scopes > Scope.ALL) return "no_scopes";
        if (grant.expiry <= step.time) return "key_expiry_past";
        (, KeyLeaf memory held) = Signers.find(step.ledger, key);
        bool taken = held.subaccounts != 0 || (held.hasGrant && held.grant.owner != grant.owner);
        return taken ? bytes32("key_taken") : bytes32(0);
    }

    /// @notice Gives a key a grant that was checked.
    function give(Ledger memory ledger, address key, GrantLeaf memory grant) internal pure {
        (, KeyLeaf memory held) = Signers.find(ledger, key);
        held.hasGrant = true;
        held.grant = grant;
        Signers.save(ledger, key, held);
    }
}
