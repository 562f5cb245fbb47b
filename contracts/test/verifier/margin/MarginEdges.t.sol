// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Test} from "forge-std/Test.sol";

import {MarginModel, Side} from "src/verifier/Types.sol";
import {IMarginCalculator, MarginFigures} from "src/verifier/margin/IMarginCalculator.sol";
import {Holding, MarginAccount, MarginAccounts} from "src/verifier/margin/MarginAccount.sol";
import {MarginCalculator} from "src/verifier/margin/MarginCalculator.sol";
import {MarginInputs} from "src/verifier/margin/MarginInputs.sol";
import {Margins, Standing} from "src/verifier/margin/Margins.sol";
import {Soundness} from "src/verifier/margin/Soundness.sol";
import {Auctions} from "src/verifier/risk/Auctions.sol";
import {Accounts} from "src/verifier/state/Accounts.sol";
import {Globals} from "src/verifier/state/Globals.sol";
import {Instruments, Underlyings} from "src/verifier/state/Instruments.sol";
import {Account as Subaccount, Ledger} from "src/verifier/state/Ledger.sol";
import {WitnessMalformed} from "src/verifier/state/Witness.sol";
import {Collateral} from "src/verifier/state/leaves/AccountLeaf.sol";
import {AssetTotals} from "src/verifier/state/leaves/GlobalLeaves.sol";
import {InstrumentLeaf} from "src/verifier/state/leaves/InstrumentLeaf.sol";
import {CollateralSchedule, RiskTables} from "src/verifier/state/leaves/RiskTables.sol";
import {UnderlyingLeaf} from "src/verifier/state/leaves/UnderlyingLeaf.sol";
import {Scene} from "test/verifier/risk/utils/Scene.sol";

/// What margin says where it has nothing to say, or can say nothing: an account with 200 lots of the perpetual in the
/// venue in memory.
contract MarginEdgesTest is Test {
    using MarginAccounts for MarginAccount;
    using Margins for IMarginCalculator;

    IMarginCalculator private calculator = new MarginCalculator();

    /// The venue with the account's position in it.
    function _venue() private pure returns (Ledger memory ledger) {
        ledger = Scene.ledger();
        Scene.hold(ledger, Scene.SUBJECT, Scene.PERPETUAL, 200);
    }

    function _account(Ledger memory ledger) private pure returns (MarginAccount memory) {
        return MarginAccounts.load(ledger, Accounts.load(ledger, Scene.SUBJECT));
    }

    function encode(uint256 instrument) external pure returns (bytes memory) {
        Ledger memory ledger = _venue();
        InstrumentLeaf memory leaf = Instruments.load(ledger, Scene.PERPETUAL);
        leaf.underlying = 9;
        Instruments.save(ledger, 5, leaf);
        MarginAccount memory account = _account(ledger);
        account.model = MarginModel.Portfolio;
        account.holdings[0].instrument = instrument;
        return MarginInputs.encode(ledger, account, false);
    }

    function test_a_holding_is_of_an_instrument_that_is_there_with_its_underlying() external {
        this.encode(Scene.PERPETUAL);
        vm.expectRevert(WitnessMalformed.selector);
        this.encode(6);
        vm.expectRevert(WitnessMalformed.selector);
        this.encode(5);
    }

    function test_what_has_no_lanes_loses_its_maintenance_margin() external view {
        Ledger memory ledger = _venue();
        (bool fits, int256 loss) = calculator.laneLoss(ledger, _account(ledger), Scene.UNDERLYING);
        assertTrue(fits);
        assertEq(loss, calculator.figures(ledger, _account(ledger)).maintenance);
        assertEq(loss, 5000e6);
    }

    function test_a_portfolio_without_lanes_is_not_summed() external view {
        Ledger memory ledger = _venue();
        MarginAccount memory account = _account(ledger);
        account.model = MarginModel.Portfolio;
        MarginFigures memory found = calculator.figures(ledger, account);
        assertFalse(found.fits);
        // What cannot be summed raises everything, and is margined by nothing.
        account.model = MarginModel.Standard;
        MarginFigures memory sound = calculator.figures(ledger, account);
        assertTrue(sound.fits && Margins.isMargined(sound) && !Margins.isMargined(found));
        assertTrue(Margins.raises(found, sound) && Margins.raises(sound, found) && !Margins.raises(sound, sound));
        assertFalse(Margins.standingOf(found).fits);
    }

    function test_an_order_that_no_number_holds_is_not_admitted() external view {
        Ledger memory ledger = _venue();
        MarginAccount memory account = _account(ledger);
        Holding memory held = account.holding(Scene.PERPETUAL);
        assertTrue(calculator.admits(ledger, account, held, Side.Sell, 1, 50_000));
        assertFalse(calculator.admits(ledger, account, held, Side.Buy, type(int64).max, 50_000));
    }

    function test_nothing_put_where_nothing_is_changes_nothing() external pure {
        MarginAccount memory account = _account(_venue());
        Holding memory held = account.holding(Scene.OPTION);
        account.put(held);
        assertEq(account.holdings.length, 1);
        held.position = 3;
        account.put(held);
        assertEq(account.holdings.length, 2);
        held.position = 0;
        account.put(held);
        assertEq(account.holdings.length, 1);
        assertEq(account.holdings[0].instrument, Scene.PERPETUAL);
    }

    function test_assets_without_terms_do_not_count() external view {
        Ledger memory ledger = _venue();
        CollateralSchedule[] memory table = new CollateralSchedule[](3);
        table[1].hasActive = true;
        (table[1].active.priceUnderlying, table[1].active.accountCap, table[1].active.venueCap) = (1, 1e18, 1e18);
        Scene.keep(ledger, RiskTables.encodeCollateral(table));
        Globals.setCollateral(ledger, table);
        AssetTotals[] memory totals = new AssetTotals[](3);
        (totals[1].deposited, totals[2].deposited) = (1e8, 1e8);
        Globals.setTotals(ledger, totals);
        Subaccount memory account = Accounts.load(ledger, Scene.SUBJECT);
        account.leaf.collateral = new Collateral[](2);
        (account.leaf.collateral[0], account.leaf.collateral[1]) = (Collateral(1, 1e8), Collateral(2, 1e8));
        // One whole unit at the index.
        assertEq(calculator.figures(ledger, _account(ledger)).assetValue, 50_000e6);
    }

    function test_an_underlying_without_a_mark_is_not_sound() external pure {
        Ledger memory ledger = _venue();
        UnderlyingLeaf memory leaf = Underlyings.load(ledger, Scene.UNDERLYING);
        assertEq(Soundness.fault(ledger, leaf), 0);
        leaf.confidence = Soundness.CONFIDENCE_MAX + 1;
        assertEq(Soundness.fault(ledger, leaf), "low_confidence");
        leaf.sources = 2;
        assertEq(Soundness.fault(ledger, leaf), "few_sources");
        leaf.markTime = 0;
        assertEq(Soundness.fault(ledger, leaf), "stale_mark");
        leaf.markEpoch = 0;
        assertEq(Soundness.fault(ledger, leaf), "no_underlying_mark");
    }

    function test_who_lacks_nothing_sells_nothing() external pure {
        Ledger memory ledger = _venue();
        // A tenth above maintenance margin is the aim.
        assertEq(Auctions.shareMax(ledger, Standing(true, 5500e6, 0, 0, 5000e6), 1e9), 0);
        assertEq(Auctions.shareMax(ledger, Standing(true, 4500e6, 0, 0, 5000e6), 1000e6), 5e8);
    }
}
