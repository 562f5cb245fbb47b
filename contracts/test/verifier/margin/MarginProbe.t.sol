// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Test} from "forge-std/Test.sol";

import {MarginFigures} from "src/verifier/margin/IMarginCalculator.sol";
import {MarginCalculator} from "src/verifier/margin/MarginCalculator.sol";
import {Margins} from "src/verifier/margin/Margins.sol";
import {Cursor, Decoder} from "src/verifier/state/Decoder.sol";

import {MarginProbe} from "./MarginProbe.sol";

/// Margins out of witnesses against the engine's: accounts of random streams, of both models, which
/// `crates/commitment/examples/margin_vectors.rs` writes. `MARGIN_ACCOUNTS=<folder>` reads them.
contract MarginProbeTest is Test {
    using Decoder for Cursor;

    MarginProbe internal probe = new MarginProbe(new MarginCalculator());

    function test_figures_areThoseOfTheEngine() public view {
        string memory folder = vm.envOr("MARGIN_ACCOUNTS", string(""));
        if (bytes(folder).length == 0) return;
        uint256 count = 0;
        for (uint256 file = 0;; ++file) {
            string memory path = string.concat(folder, "/", vm.toString(file), ".txt");
            if (!vm.isFile(path)) break;
            count += this.check(path);
        }
        assertGt(count, 0);
    }

    /// Checks every account of a file; returns how many there are.
    function check(string memory path) public view returns (uint256 count) {
        string[] memory lines = vm.split(vm.readFile(path), "\n");
        for (; 2 * count + 1 < lines.length; ++count) {
            Cursor memory shown = Decoder.leaf(vm.parseBytes(lines[2 * count]));
            Cursor memory expected = Decoder.leaf(vm.parseBytes(lines[2 * count + 1]));
            checkOne(shown, expected, string.concat(path, " ", vm.toString(count)));
        }
    }

    function checkOne(Cursor memory shown, Cursor memory expected, string memory label) internal view {
        bytes32 root = shown.word();
        uint256 account = shown.u64();
        bytes memory witness = shown.take(shown.end - shown.at);
        MarginFigures memory found = probe.figures(root, witness, account);
        assertTrue(found.fits, label);
        assertEq(found.portfolio, expected.flag(), label);
        assertEq(Margins.balance(found), expected.i64(), label);
        assertEq(Margins.equity(found), expected.i64(), label);
        assertEq(found.collateral, expected.i64(), label);
        assertEq(found.collateralMaintenance, expected.i64(), label);
        assertEq(found.optionValue, expected.i64(), label);
        assertEq(found.initial, expected.i64(), label);
        assertEq(found.positions, expected.i64(), label);
        assertEq(found.maintenance, expected.i64(), label);
        checkLeaving(root, witness, account, 0, expected.i64(), label);
        bool free = expected.flag();
        int256 other = expected.i64();
        if (free) checkLeaving(root, witness, account, 1, other, label);
        for (uint256 underlying = 1; underlying <= 2; ++underlying) {
            (, int256 loss) = probe.laneLoss(root, witness, account, underlying);
            assertEq(loss, expected.i64(), label);
        }
        expected.finish();
    }

    /// So much may leave, and no unit more.
    function checkLeaving(
        bytes32 root,
        bytes memory witness,
        uint256 account,
        uint256 asset,
        int256 most,
        string memory label
    ) internal view {
        int256[] memory amounts = new int256[](2);
        (amounts[0], amounts[1]) = (most, most + 1);
        bool[] memory may = probe.mayLeave(root, witness, account, asset, amounts);
        assertTrue(may[0] || most == 0, label);
        assertFalse(may[1], label);
    }
}
