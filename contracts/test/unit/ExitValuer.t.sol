// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Test} from "forge-std/Test.sol";

import {ExitValuer} from "src/custody/ExitValuer.sol";
import {ExitClaim} from "src/interfaces/IExitValuer.sol";
import {InstrumentKind, OptionType} from "src/verifier/Types.sol";
import {StateKeys} from "src/verifier/state/StateKeys.sol";
import {AccountLeaf, AccountLeaves, Collateral} from "src/verifier/state/leaves/AccountLeaf.sol";
import {ExpiryLeaf, ExpiryLeaves} from "src/verifier/state/leaves/ExpiryLeaf.sol";
import {HoldingLeaf, HoldingLeaves} from "src/verifier/state/leaves/HoldingLeaf.sol";
import {InstrumentLeaf, InstrumentLeaves} from "src/verifier/state/leaves/InstrumentLeaf.sol";
import {CollateralSchedule, RiskTables} from "src/verifier/state/leaves/RiskTables.sol";
import {UnderlyingLeaf, UnderlyingLeaves} from "src/verifier/state/leaves/UnderlyingLeaf.sol";

import {StateWriter} from "../utils/StateWriter.sol";

/// @notice A venue with a perpetual (1), a call (2) and a call whose price is fixed (3) on an underlying at 2,000 USD, which also
/// prices asset 1. Lots are 0.01 contracts.
contract ExitValuerTest is Test {
    using StateWriter for StateWriter.Leaves;

    int256 internal constant LOT = 1_000_000;
    uint256 internal constant EXPIRY = 5e18;
    uint256 internal constant FIXED = 4e18;

    ExitValuer internal valuer = new ExitValuer();
    address internal owner = makeAddr("owner");

    AccountLeaf internal account;
    StateWriter.Leaves internal holdings;

    function hold(uint256 id, int256 lots, int256 cost, int256 fundingIndex) internal {
        HoldingLeaf memory leaf;
        (leaf.lots, leaf.cost, leaf.fundingIndex) = (lots, cost, fundingIndex);
        StateWriter.Leaves memory all = holdings;
        all.put(StateKeys.holding(id), HoldingLeaves.encode(leaf));
        holdings = all;
        account.holdings++;
    }

    function collect(uint256 asset, int256 amount) internal {
        account.collateral.push(Collateral(asset, amount));
    }

    function instrumentOf(InstrumentKind kind, uint256 expiry, int256 mark) internal pure returns (bytes memory) {
        InstrumentLeaf memory leaf;
        leaf.underlying = 1;
        leaf.kind = kind;
        leaf.optionType = OptionType.Call;
        leaf.strike = 1900e6;
        leaf.expiry = expiry;
        leaf.lotSize = LOT;
        leaf.mark = mark;
        leaf.fundingIndex = 3e9;
        return InstrumentLeaves.encode(leaf);
    }

    function instruments() internal pure returns (StateWriter.Leaves memory all) {
        all = StateWriter.empty();
        all.put(StateKeys.instrument(1), instrumentOf(InstrumentKind.Perpetual, 0, 2001e6));
        all.put(StateKeys.instrument(2), instrumentOf(InstrumentKind.Option, EXPIRY, 150e6));
        all.put(StateKeys.instrument(3), instrumentOf(InstrumentKind.Option, FIXED, 150e6));
        UnderlyingLeaf memory underlying;
        underlying.index = 2000e9;
        all.put(StateKeys.underlying(1), UnderlyingLeaves.encode(underlying));
        ExpiryLeaf memory expiry;
        all.put(StateKeys.expiry(1, EXPIRY), ExpiryLeaves.encode(expiry));
        (expiry.settled, expiry.settlement) = (true, 1980e6);
        all.put(StateKeys.expiry(1, FIXED), ExpiryLeaves.encode(expiry));
    }

    /// @dev Asset 1 is collateral, asset 2 is none.
    function collateral() internal pure returns (bytes memory) {
        CollateralSchedule[] memory table = new CollateralSchedule[](3);
        table[1].hasActive = true;
        table[1].active.priceUnderlying = 1;
        return RiskTables.encodeCollateral(table);
    }

    function state() internal view returns (bytes32 root, bytes memory witness) {
        AccountLeaf memory leaf = account;
        leaf.owner = owner;
        StateWriter.Leaves memory held = holdings;
        (leaf.holdingsRoot,) = held.write();
        StateWriter.Leaves[5] memory trees;
        for (uint256 i = 0; i < 5; i++) {
            trees[i] = StateWriter.empty();
        }
        trees[0].put(StateKeys.account(7), AccountLeaves.encode(leaf));
        trees[2] = instruments();
        trees[4].put(
            bytes32(uint256(9) << 248),
            abi.encodePacked(uint16(3), uint128(1000), uint128(300), uint128(50), uint128(50), uint128(8), uint128(0))
        );
        trees[4].put(bytes32(uint256(10) << 248), abi.encodePacked(keccak256(collateral())));
        StateWriter.Leaves[] memory nested = new StateWriter.Leaves[](held.keys.length == 0 ? 0 : 1);
        if (nested.length == 1) nested[0] = held;
        bytes[] memory preimages = new bytes[](1);
        preimages[0] = collateral();
        return StateWriter.witness(trees, nested, preimages);
    }

    function claim() internal view returns (ExitClaim memory) {
        (bytes32 root, bytes memory witness) = state();
        return valuer.claimOf(root, 7, witness);
    }

    function test_pools_areWhatWasDepositedAndNotWithdrawn() public view {
        (bytes32 root, bytes memory witness) = state();
        (uint64[] memory amounts, uint64[] memory prices) = valuer.pools(root, witness);
        assertEq(amounts.length, 3);
        assertEq(amounts[0], 700);
        assertEq(amounts[1], 0);
        assertEq(amounts[2], 8);
        assertEq(prices[0], 1e6);
        assertEq(prices[1], 2000e6);
        assertEq(prices[2], 0);
    }

    function test_claim_ofCashAndCollateral() public {
        account.cash = 25e6;
        collect(1, 3e8);
        collect(2, 4);
        ExitClaim memory found = claim();
        assertEq(found.owner, owner);
        assertEq(found.assets.length, 3);
        assertEq(found.amounts[0], 25e6);
        assertEq(found.assets[1], 1);
        assertEq(found.amounts[1], 3e8);
        assertEq(found.assets[2], 2);
        assertEq(found.amounts[2], 4);
    }

    /// @dev 5 lots short at a cost of −90 USDC are worth −5 × 0.01 × 2,001 + 90 − 0.1 in funding, 2 USD per contract paid by
    /// the shorts' counterparty's side: the index fell from 5 to 3.
    function test_claim_ofAPerpetual() public {
        account.cash = 100e6;
        hold(1, -5, -90e6, 5e9);
        assertEq(claim().amounts[0], 100e6 - 100.05e6 + 90e6 - 0.1e6);
    }

    function test_claim_ofOptions() public {
        hold(2, 10, 7e6, 0);
        hold(3, 10, 9e6, 0);
        assertEq(claim().amounts[0], 15e6 + 8e6);
    }

    /// @dev A short position is rounded against its holder.
    function test_claim_roundsDown() public {
        account.cash = 100;
        hold(1, -1, 0, 3_000_000_050);
        // The position is worth −20.01 USDC, and half a nano-USDC of funding, which is −1e-6 after rounding.
        account.cash += 20_010_000;
        assertEq(claim().amounts[0], 100 - 1);
    }

    /// @dev 100 USDC are missing, at 2,000 USD: 0.05 of asset 1.
    function test_claim_takesWhatIsMissingFromCollateral() public {
        account.cash = -100e6;
        collect(1, 1e8);
        collect(2, 4);
        ExitClaim memory found = claim();
        assertEq(found.amounts[0], 0);
        assertEq(found.amounts[1], 0.95e8);
        assertEq(found.amounts[2], 4);
    }

    function test_claim_roundsWhatIsMissingUp() public {
        account.cash = -1;
        collect(1, 1e8);
        // A micro-USDC is 0.05 units.
        assertEq(claim().amounts[1], 1e8 - 1);
    }

    function test_claim_ofAnInsolventAccount() public {
        account.cash = -5000e6;
        collect(1, 2e8);
        collect(2, 4);
        ExitClaim memory found = claim();
        assertEq(found.amounts[0], 0);
        assertEq(found.amounts[1], 0);
        assertEq(found.amounts[2], 4);
    }

    function test_claim_needsEveryHolding() public {
        hold(2, 10, 7e6, 0);
        account.holdings = 2;
        (bytes32 root, bytes memory witness) = state();
        vm.expectRevert();
        valuer.claimOf(root, 7, witness);
    }

    function test_claim_needsTheState() public {
        (, bytes memory witness) = state();
        vm.expectRevert();
        valuer.claimOf("another", 7, witness);
    }

    function test_claim_ofNobody() public {
        (bytes32 root, bytes memory witness) = state();
        vm.expectRevert();
        valuer.claimOf(root, 8, witness);
    }
}
