// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Test} from "forge-std/Test.sol";

import {EngineUnits} from "src/libraries/EngineUnits.sol";

contract EngineUnitsTest is Test {
    uint8 internal constant MAX_DECIMALS = 36;

    function fromToken(uint256 amount, uint8 tokenDecimals, uint8 engineDecimals) external pure returns (uint64) {
        return EngineUnits.fromToken(amount, tokenDecimals, engineDecimals);
    }

    /// @dev The two units the engine has.
    function engine(bool isUsdc) internal pure returns (uint8) {
        return isUsdc ? 6 : 8;
    }

    function testFuzz_depositAndPayoutAreInverse(uint64 units, uint8 decimals, bool isUsdc) public view {
        decimals = uint8(bound(decimals, engine(isUsdc), MAX_DECIMALS));
        units = uint64(bound(units, 1, EngineUnits.MAX_AMOUNT));
        uint256 amount = EngineUnits.toToken(units, decimals, engine(isUsdc));
        assertEq(amount, uint256(units) * 10 ** (decimals - engine(isUsdc)));
        assertEq(this.fromToken(amount, decimals, engine(isUsdc)), units);
    }

    function testFuzz_coarseTokensLoseNothingOnTheWayIn(uint256 amount, uint8 decimals) public view {
        decimals = uint8(bound(decimals, 0, 7));
        amount = bound(amount, 1, EngineUnits.MAX_AMOUNT / 10 ** (8 - decimals));
        uint64 units = this.fromToken(amount, decimals, 8);
        assertEq(EngineUnits.toToken(units, decimals, 8), amount);
    }

    function testFuzz_payoutsNeverExceedTheirWorth(uint64 units, uint8 decimals) public pure {
        decimals = uint8(bound(decimals, 0, 7));
        uint256 amount = EngineUnits.toToken(units, decimals, 8);
        uint256 unit = 10 ** (8 - decimals);
        assertLe(amount * unit, units);
        assertLt(units - amount * unit, unit);
    }

    function testFuzz_dustIsRefused(uint64 units, uint256 dust, uint8 decimals, bool isUsdc) public {
        decimals = uint8(bound(decimals, engine(isUsdc) + 1, MAX_DECIMALS));
        uint256 unit = 10 ** (decimals - engine(isUsdc));
        uint256 amount = uint256(units) * unit + bound(dust, 1, unit - 1);
        vm.expectRevert(abi.encodeWithSelector(EngineUnits.Dust.selector, amount, unit));
        this.fromToken(amount, decimals, engine(isUsdc));
    }

    function testFuzz_whatTheEngineCannotHoldIsRefused(uint256 amount, uint8 decimals, bool isUsdc) public {
        decimals = uint8(bound(decimals, 0, MAX_DECIMALS));
        uint8 engineDecimals = engine(isUsdc);
        if (decimals >= engineDecimals) {
            uint256 unit = 10 ** (decimals - engineDecimals);
            amount = bound(amount, uint256(1) << 63, type(uint256).max / unit) * unit;
        } else {
            amount = bound(amount, EngineUnits.MAX_AMOUNT / 10 ** (engineDecimals - decimals) + 1, type(uint256).max);
        }
        vm.expectPartialRevert(EngineUnits.AmountOutOfRange.selector);
        this.fromToken(amount, decimals, engineDecimals);
    }
}
