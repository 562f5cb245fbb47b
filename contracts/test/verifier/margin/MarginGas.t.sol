// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {console} from "forge-std/Test.sol";

import {MarginFigures} from "src/verifier/margin/IMarginCalculator.sol";
import {MarginCalculator} from "src/verifier/margin/MarginCalculator.sol";

import {MarginProbe} from "./MarginProbe.sol";
import {BigAccount} from "./utils/BigAccount.sol";

/// What it costs to margin an account from a witness, and to find what may leave it. Beside each instrument are three
/// leaves that nobody asked for.
contract MarginGasTest is BigAccount {
    /// What a transaction may cost at most.
    uint256 internal constant GAS_MAX = 1 << 24;
    /// Bytes of the pruned siblings of an instrument among a thousand others, about.
    uint256 internal constant SIBLING_BYTES = 3 * 33;

    /// What covers an account's margin and does not when it leaves, 1e-8 units.
    int256 internal constant BALANCE = 1e11;

    MarginProbe internal probe = new MarginProbe(new MarginCalculator());

    function test_gas_ofOneHolding() public {
        measureAll(1);
    }

    function test_gas_of20Holdings() public {
        measureAll(20);
    }

    function test_gas_of64Holdings() public {
        measureAll(64);
    }

    function test_gas_of128Holdings() public {
        measureAll(128);
    }

    /// As much of its collateral as can leave a full account: the dearest question about one account.
    function test_gas_ofLeaving() public {
        vm.pauseGasMetering();
        uint256[3] memory underlyings = [uint256(1), 8, 16];
        for (uint256 i = 0; i < underlyings.length; ++i) {
            uint256 snapshot = vm.snapshotState();
            measureLeaving(Size(64, underlyings[i], true, true));
            vm.revertToState(snapshot);
        }
    }

    function measureAll(uint256 holdings_) internal {
        // What the state is made of costs more than a test may.
        vm.pauseGasMetering();
        for (uint256 kind = 0; kind < 4; ++kind) {
            uint256 snapshot = vm.snapshotState();
            measure(Size(holdings_, 1, kind % 2 == 1, kind >= 2));
            vm.revertToState(snapshot);
        }
    }

    function measure(Size memory size) internal {
        (bytes32 root, bytes memory witness) = build(size, 0, 0);
        vm.resumeGasMetering();
        MarginFigures memory found = probe.figures(root, witness, 1);
        vm.pauseGasMetering();
        assertTrue(found.fits && found.maintenance != 0);
        report(size, "", vm.lastCallGas().gasTotalUsed, witness);
    }

    function measureLeaving(Size memory size) internal {
        // Covered with all of the collateral and not without: the bound is found by halving.
        (bytes32 root, bytes memory witness) = build(size, 0, BALANCE);
        int256[] memory amounts = new int256[](2);
        (int256 least, int256 beyond) = (0, BALANCE);
        while (beyond - least > 1) {
            (amounts[0], amounts[1]) = ((least + beyond) / 2, beyond);
            if (probe.mayLeave(root, witness, 1, 1, amounts)[0]) least = amounts[0];
            else beyond = amounts[0];
        }
        assertTrue(least > 0 && beyond < BALANCE);
        (amounts[0], amounts[1]) = (least, beyond);
        vm.resumeGasMetering();
        bool[] memory may = probe.mayLeave(root, witness, 1, 1, amounts);
        vm.pauseGasMetering();
        uint256 spent = vm.lastCallGas().gasTotalUsed;
        assertTrue(may[0] && !may[1]);
        report(size, ", leaving", spent, witness);
    }

    function report(Size memory size, string memory what, uint256 spent, bytes memory witness) internal pure {
        uint256 tokens = 4 * size.holdings * SIBLING_BYTES;
        for (uint256 i = 0; i < witness.length; ++i) {
            tokens += witness[i] == 0 ? 1 : 4;
        }
        uint256 whole = 21_000 + (4 * tokens + spent > 10 * tokens ? 4 * tokens + spent : 10 * tokens);
        string memory name = string.concat(
            vm.toString(size.holdings),
            size.portfolio ? " portfolio" : " standard",
            size.orders ? " with orders" : "",
            size.underlyings == 1 ? "" : string.concat(" in ", vm.toString(size.underlyings), " underlyings"),
            what
        );
        uint256 data = witness.length + size.holdings * SIBLING_BYTES;
        console.log(
            string.concat(name, ": execution ", vm.toString(spent), ", witness ", vm.toString(data), " bytes"), whole
        );
        assertLt(whole, GAS_MAX);
    }
}
