// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {StepInput} from "src/verifier/IStepModule.sol";
import {Parameter, SelfTrade, Side, StepKind, TimeInForce} from "src/verifier/Types.sol";
import {BookPlaces} from "src/verifier/state/BookPlace.sol";
import {OrderLeaf} from "src/verifier/state/leaves/OrderLeaf.sol";
import {TakerLeaf} from "src/verifier/state/leaves/TakerLeaf.sol";

import {SignedOrders, Ticket} from "./utils/SignedOrders.sol";

/// Steps 18, 19 and 20 with a taker register: Alice is buying, Bob and Carol offer.
contract MatchStepsTest is SignedOrders {
    bytes private record;

    /// Two lots of the perpetual on their way in; two of Bob's wait at 50,000, and one of Carol's behind them.
    function setUp() public override {
        super.setUp();
        record = _place(_ticket());
        _putClock(NOW, SEQUENCE, keccak256("chain"));
        _putTaker(_taker(_ticket()));
        _rest(BOB, PERPETUAL, Side.Sell, 50_000, 2, 10);
        _rest(CAROL, PERPETUAL, Side.Sell, 50_000, 1, 11);
    }

    function _execute(uint256 kind, bool last) private view returns (bytes32) {
        return matchSteps.execute(_step(kind, record, false, last), _witness());
    }

    function _refuse(uint256 kind, bool last, bytes32 reason) private {
        bytes memory witness = _witness();
        StepInput memory step = _step(kind, record, false, last);
        _expectIllegal(reason);
        matchSteps.execute(step, witness);
    }

    /// Only one of the three kinds may come next.
    function _onlyNext(uint256 kind, bool last) private {
        for (uint256 other = StepKind.REMOVE; other <= StepKind.FILL; ++other) {
            if (other != kind) _refuse(other, last, "kind");
        }
        _refuse(kind, !last, "last");
        _execute(kind, last);
    }

    function _changeTaker(function(TakerLeaf memory) pure change) private {
        TakerLeaf memory taker = _taker(_ticket());
        change(taker);
        _putTaker(taker);
    }

    /// What a fill of Alice's leaves behind, but for the resting order.
    function _settle(uint256 maker, int256 lots) private {
        // 500 USD a lot; the taker pays 0.03 % of the index, the maker gets 0.01 %.
        (int256 taken, int256 given) = (lots * 0.15e6, lots * 0.05e6);
        _hold(ALICE, PERPETUAL, lots, lots * 500e6);
        _hold(maker, PERPETUAL, -lots, -lots * 500e6);
        traders[ALICE].cash -= taken;
        traders[maker].cash += given;
        _putTrader(ALICE);
        _putTrader(maker);
        funds.fees += taken - given;
        ++funds.trades;
        _putFunds();
    }

    function test_the_best_order_is_filled_and_none_else() external {
        bytes32 made = _execute(StepKind.FILL, true);
        _settle(BOB, 2);
        _unrest(BOB, PERPETUAL, Side.Sell, 50_000, 10);
        _clearTaker();
        assertEq(made, _root());
    }

    function test_a_fill_of_the_order_behind_is_another_state() external {
        bytes32 made = _execute(StepKind.FILL, true);
        TakerLeaf memory taker = _taker(_ticket());
        _settle(CAROL, 1);
        _unrest(CAROL, PERPETUAL, Side.Sell, 50_000, 11);
        (taker.lots, taker.filled, taker.cash) = (1, 1, 500e6);
        _putTaker(taker);
        assertTrue(made != _root());
        _refuse(StepKind.FILL, false, "last");
    }

    function test_a_larger_order_goes_on_with_what_is_left() external {
        TakerLeaf memory taker = _taker(_ticket());
        taker.lots = 3;
        _putTaker(taker);
        bytes32 made = _execute(StepKind.FILL, false);
        _settle(BOB, 2);
        _unrest(BOB, PERPETUAL, Side.Sell, 50_000, 10);
        (taker.lots, taker.filled, taker.cash) = (1, 2, 1000e6);
        _putTaker(taker);
        assertEq(made, _root());
        _refuse(StepKind.FINISH, true, "kind");
    }

    function test_a_smaller_order_leaves_the_rest_where_it_is() external {
        TakerLeaf memory taker = _taker(_ticket());
        taker.lots = 1;
        _putTaker(taker);
        bytes32 made = _execute(StepKind.FILL, true);
        _settle(BOB, 1);
        _unrest(BOB, PERPETUAL, Side.Sell, 50_000, 10);
        OrderLeaf memory rest;
        (rest.order, rest.subaccount, rest.lots, rest.filled, rest.maxFee) = (10, BOB, 1, 1, MAX_FEE);
        _rest(BookPlaces.at(PERPETUAL, Side.Sell, 50_000, 10), rest);
        _clearTaker();
        assertEq(made, _root());
    }

    function test_what_crosses_trades() external {
        _onlyNext(StepKind.FILL, true);
    }

    function test_beyond_its_limit_nothing_trades_and_the_rest_rests() external {
        _changeTaker(_belowTheOffers);
        _onlyNext(StepKind.FINISH, true);
        bytes32 made = _execute(StepKind.FINISH, true);
        _clearTaker();
        _rest(ALICE, PERPETUAL, Side.Buy, 49_999, 2, ORDER);
        assertEq(made, _root());
    }

    function test_an_immediate_order_never_rests() external {
        _changeTaker(_immediate);
        bytes32 made = _execute(StepKind.FINISH, true);
        _clearTaker();
        assertEq(made, _root());
    }

    function test_a_fill_or_kill_order_never_ends_with_something_left() external {
        _changeTaker(_immediate);
        _execute(StepKind.FINISH, true);
        Ticket memory ticket = _ticket();
        ticket.timeInForce = TimeInForce.Fok;
        record = _place(ticket);
        _refuse(StepKind.FINISH, true, "fill_or_kill");
    }

    function test_a_fee_above_what_the_taker_signed_stops_it() external {
        _changeTaker(_pays14USD);
        _onlyNext(StepKind.FINISH, true);
        _changeTaker(_pays15USD);
        _onlyNext(StepKind.FILL, true);
    }

    function test_a_fee_above_what_the_maker_signed_removes_it() external {
        parameters[uint256(Parameter.PerpetualMakerFee)] = 100_000;
        _putParameters();
        _onlyNext(StepKind.FILL, true);
        _unrest(BOB, PERPETUAL, Side.Sell, 50_000, 10);
        OrderLeaf memory cheap;
        (cheap.order, cheap.subaccount, cheap.lots, cheap.maxFee) = (10, BOB, 2, 4e6);
        _rest(BookPlaces.at(PERPETUAL, Side.Sell, 50_000, 10), cheap);
        _onlyNext(StepKind.REMOVE, false);
        bytes32 made = _execute(StepKind.REMOVE, false);
        _unrest(BOB, PERPETUAL, Side.Sell, 50_000, 10);
        assertEq(made, _root());
    }

    function test_an_owner_does_not_trade_with_itself() external {
        traders[BOB].owner = traders[ALICE].owner;
        _putTrader(BOB);
        _onlyNext(StepKind.FINISH, true);
        _changeTaker(_cancelsOldest);
        _onlyNext(StepKind.REMOVE, false);
        _changeTaker(_cancelsBoth);
        _onlyNext(StepKind.REMOVE, true);
        bytes32 made = _execute(StepKind.REMOVE, true);
        _unrest(BOB, PERPETUAL, Side.Sell, 50_000, 10);
        _clearTaker();
        assertEq(made, _root());
    }

    function test_reduce_only_never_grows() external {
        _changeTaker(_reduces);
        _onlyNext(StepKind.FINISH, true);
        // What is left of it does not rest either.
        bytes32 made = _execute(StepKind.FINISH, true);
        _clearTaker();
        assertEq(made, _root());
        _changeTaker(_reduces);
        _hold(ALICE, PERPETUAL, -1, -500e6);
        // One lot trades, one is left: the register stays.
        _onlyNext(StepKind.FILL, false);
    }

    function test_a_maker_past_its_end_leaves() external {
        OrderLeaf memory dated;
        (dated.order, dated.subaccount, dated.lots, dated.maxFee) = (9, BOB, 2, MAX_FEE);
        dated.validUntil = NOW + 1;
        _rest(BookPlaces.at(PERPETUAL, Side.Sell, 49_999, 9), dated);
        _onlyNext(StepKind.FILL, true);
        _unrest(BOB, PERPETUAL, Side.Sell, 49_999, 9);
        dated.validUntil = NOW;
        _rest(BookPlaces.at(PERPETUAL, Side.Sell, 49_999, 9), dated);
        _onlyNext(StepKind.REMOVE, false);
    }

    function test_a_maker_whose_account_does_not_bear_the_fill_leaves() external {
        // Two lots short need a hundred USD; the rebate is ten cents.
        traders[BOB].cash = 99.9e6;
        _putTrader(BOB);
        _onlyNext(StepKind.FILL, true);
        traders[BOB].cash = 99.9e6 - 1;
        _putTrader(BOB);
        _onlyNext(StepKind.REMOVE, false);
        // Unless the fill mends its position.
        traders[BOB].cash = -1e6;
        _hold(BOB, PERPETUAL, 2, 1000e6);
        _onlyNext(StepKind.FILL, true);
    }

    function test_a_slice_pays_its_fee_to_the_fund() external {
        TakerLeaf memory taker = _taker(_ticket());
        (taker.liquidation, taker.lots, taker.filled, taker.cash, taker.rests) = (3, 0, 2, 1000e6, false);
        _putTaker(taker);
        _refuse(StepKind.FILL, false, "kind");
        bytes32 made = _execute(StepKind.FINISH, false);
        assertEq(made, _execute(StepKind.FINISH, true));
        _clearTaker();
        // Half a per cent of 1,000 USD.
        traders[ALICE].cash -= 5e6;
        _putTrader(ALICE);
        funds.insurance += 5e6;
        _putFunds();
        assertEq(made, _root());
    }

    function test_a_slice_that_is_filled_still_waits_for_its_fee() external {
        TakerLeaf memory taker = _taker(_ticket());
        (taker.liquidation, taker.rests) = (3, false);
        _putTaker(taker);
        _onlyNext(StepKind.FILL, false);
    }

    function test_matching_needs_a_register_and_a_step_before() external {
        bytes memory witness = _witness();
        StepInput memory step = _step(StepKind.FILL, record, false, true);
        step.subject = bytes32(uint256(1) << 192);
        _expectIllegal("subject");
        matchSteps.execute(step, witness);
        _clearTaker();
        _refuse(StepKind.FILL, true, "kind");
        _refuse(StepKind.FINISH, true, "kind");
    }

    // What tests change in the register.

    function _belowTheOffers(TakerLeaf memory taker) private pure {
        taker.limit = 49_999;
    }

    function _immediate(TakerLeaf memory taker) private pure {
        (taker.limit, taker.rests) = (49_999, false);
    }

    function _pays14USD(TakerLeaf memory taker) private pure {
        taker.maxFee = 14e6;
    }

    function _pays15USD(TakerLeaf memory taker) private pure {
        taker.maxFee = 15e6;
    }

    function _cancelsOldest(TakerLeaf memory taker) private pure {
        taker.selfTrade = SelfTrade.CancelOldest;
    }

    function _cancelsBoth(TakerLeaf memory taker) private pure {
        taker.selfTrade = SelfTrade.CancelBoth;
    }

    function _reduces(TakerLeaf memory taker) private pure {
        taker.reduceOnly = true;
    }
}
