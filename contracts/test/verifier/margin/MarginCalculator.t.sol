// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Test} from "forge-std/Test.sol";

import {IMarginCalculator, MarginFigures} from "src/verifier/margin/IMarginCalculator.sol";
import {MarginCalculator} from "src/verifier/margin/MarginCalculator.sol";
import {Cursor, Decoder} from "src/verifier/state/Decoder.sol";

/// The contract against crate `margin`: portfolios that `crates/margin/tests/calculator_vectors.rs` made, of every kind and
/// with orders, collateral and numbers that do not fit. `MARGIN_VECTORS=<folder>` reads more of them.
contract MarginCalculatorTest is Test {
    using Decoder for Cursor;

    IMarginCalculator internal calculator = new MarginCalculator();

    function test_figures_areThoseOfTheEngine() public view {
        assertGt(check("test/verifier/fixtures/margin_portfolios.txt"), 0);
    }

    function test_figures_areThoseOfTheEngine_inTheFolderNamed() public view {
        string memory folder = vm.envOr("MARGIN_VECTORS", string(""));
        if (bytes(folder).length == 0) return;
        uint256 count = 0;
        for (uint256 file = 0;; ++file) {
            string memory path = string.concat(folder, "/", vm.toString(file), ".txt");
            if (!vm.isFile(path)) break;
            count += this.check(path);
        }
        assertGt(count, 0);
    }

    /// Checks every portfolio of a file; returns how many there are.
    function check(string memory path) public view returns (uint256 count) {
        string[] memory lines = vm.split(vm.readFile(path), "\n");
        for (; 2 * count + 1 < lines.length; ++count) {
            checkOne(
                vm.parseBytes(lines[2 * count]),
                vm.parseBytes(lines[2 * count + 1]),
                string.concat(path, " ", vm.toString(count))
            );
        }
    }

    function checkOne(bytes memory input, bytes memory expected, string memory label) internal view {
        Cursor memory cursor = Decoder.leaf(expected);
        MarginFigures memory found = calculator.figures(input);
        assertEq(found.fits, cursor.flag(), label);
        if (found.fits) {
            assertEq(found.unrealised, cursor.i64(), label);
            assertEq(found.optionValue, cursor.i64(), label);
            assertEq(found.collateral, cursor.i64(), label);
            assertEq(found.collateralMaintenance, cursor.i64(), label);
            assertEq(bounded(found.initial), cursor.i64(), label);
            assertEq(bounded(found.positions), cursor.i64(), label);
            assertEq(bounded(found.maintenance), cursor.i64(), label);
        }
        (bool fits, int256 loss) = calculator.laneLoss(input, 1);
        assertEq(fits, cursor.flag(), label);
        int256 worst = cursor.i64();
        if (fits) assertEq(loss, worst, label);
        cursor.finish();
    }

    /// The vectors have the greatest number of 64 bits where a margin does not fit.
    function bounded(int256 margin) internal pure returns (int256) {
        return margin == type(int256).max ? int256(type(int64).max) : margin;
    }
}
