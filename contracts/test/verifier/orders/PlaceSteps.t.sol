// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Mode, OrderType, PostOnly, Side, StepKind, TimeInForce} from "src/verifier/Types.sol";

import {SignedOrders, Ticket} from "./utils/SignedOrders.sol";

/// Step 14, through the module and its gate.
contract PlaceStepsTest is SignedOrders {
    function _run(Ticket memory ticket, bool last) private view returns (bytes32) {
        return orderSteps.execute(_step(StepKind.PLACE, _place(ticket), true, last), _witness());
    }

    function _refuse(Ticket memory ticket, bytes32 reason) private {
        _refuse(ticket, true, reason);
    }

    function _refuse(Ticket memory ticket, bool last, bytes32 reason) private {
        bytes memory record = _place(ticket);
        bytes memory witness = _witness();
        _expectIllegal(reason);
        orderSteps.execute(_step(StepKind.PLACE, record, true, last), witness);
    }

    function test_an_order_that_crosses_nothing_rests() external {
        Ticket memory ticket = _ticket();
        _rest(BOB, PERPETUAL, Side.Sell, 50_001, 5, 10);
        _refuse(ticket, false, "last");
        bytes32 made = _run(ticket, true);
        _tick(_place(ticket));
        _use(ALICE, NOW);
        _rest(ALICE, PERPETUAL, Side.Buy, 50_000, 2, ORDER);
        assertEq(made, _root());
    }

    function test_an_order_that_crosses_opens_the_register() external {
        Ticket memory ticket = _ticket();
        _rest(BOB, PERPETUAL, Side.Sell, 50_000, 5, 10);
        _refuse(ticket, true, "last");
        bytes32 made = _run(ticket, false);
        _tick(_place(ticket));
        _use(ALICE, NOW);
        _putTaker(_taker(ticket));
        assertEq(made, _root());
    }

    function test_an_immediate_order_leaves_nothing() external {
        Ticket memory ticket = _ticket();
        ticket.timeInForce = TimeInForce.Ioc;
        bytes32 made = _run(ticket, true);
        _tick(_place(ticket));
        _use(ALICE, NOW);
        assertEq(made, _root());
    }

    function test_a_fill_or_kill_order_cannot_just_end() external {
        Ticket memory ticket = _ticket();
        ticket.timeInForce = TimeInForce.Fok;
        _refuse(ticket, "fill_or_kill");
    }

    function test_only_what_was_signed_is_placed() external {
        Ticket memory ticket = _ticket();
        bytes memory record = _place(ticket);
        // The lowest byte of the limit: an order that nobody signed.
        record[9 + 28] = bytes1(uint8(record[9 + 28]) ^ 1);
        bytes memory witness = _witness();
        _expectIllegal("signature");
        orderSteps.execute(_step(StepKind.PLACE, record, true, true), witness);
    }

    function test_strangers_and_keys_without_the_scope_place_nothing() external {
        Ticket memory ticket = _ticket();
        ticket.signer = BOB;
        _refuse(ticket, "not_authorized");
        ticket.signer = SESSION;
        _refuse(ticket, "not_authorized");
        _grant(2);
        _refuse(ticket, "scope_missing");
        _grant(1);
        _run(ticket, true);
        ticket.expiry = NOW;
        _refuse(ticket, "signature_expired");
    }

    function test_nonces_are_used_once_and_in_time() external {
        Ticket memory ticket = _ticket();
        _use(ALICE, NOW);
        _refuse(ticket, "nonce_used");
        ticket.nonce = NOW + 6 * SECOND;
        _refuse(ticket, "nonce_too_new");
        ticket.nonce = NOW - 61 * SECOND;
        _refuse(ticket, "nonce_too_old");
        ticket.nonce = NOW - 1;
        _run(ticket, true);
        _raiseFloor(ALICE, NOW);
        _refuse(ticket, "nonce_below_floor");
    }

    function test_sizes_and_prices_are_whole_and_positive() external {
        Ticket memory ticket = _ticket();
        ticket.amount = 1.5e6;
        _refuse(ticket, "invalid_amount");
        ticket.amount = 0;
        _refuse(ticket, "invalid_amount");
        ticket = _ticket();
        ticket.limitPrice = 50_000.5e6;
        _refuse(ticket, "invalid_price");
        ticket.limitPrice = 0;
        _refuse(ticket, "invalid_price");
    }

    function test_the_band_holds_limits_and_gives_way_to_none() external {
        Ticket memory ticket = _ticket();
        ticket.limitPrice = 55_001e6;
        _refuse(ticket, "price_band");
        ticket.limitPrice = 55_000e6;
        _run(ticket, true);
        // A market order's limit is brought back into the band.
        ticket.limitPrice = 99_000e6;
        (ticket.orderType, ticket.timeInForce) = (OrderType.Market, TimeInForce.Ioc);
        _run(ticket, true);
    }

    function test_flags_that_contradict_each_other_are_refused() external {
        Ticket memory ticket = _ticket();
        (ticket.postOnly, ticket.timeInForce) = (PostOnly.Reject, TimeInForce.Ioc);
        _refuse(ticket, "invalid_flags");
        ticket = _ticket();
        ticket.timeInForce = TimeInForce.Gtd;
        ticket.validUntil = NOW;
        _refuse(ticket, "invalid_valid_until");
        ticket.validUntil = NOW + 1;
        _run(ticket, true);
    }

    function test_post_only_never_takes() external {
        Ticket memory ticket = _ticket();
        ticket.postOnly = PostOnly.Reject;
        _run(ticket, true);
        _rest(BOB, PERPETUAL, Side.Sell, 50_000, 5, 10);
        _refuse(ticket, "post_only_would_trade");
        ticket.postOnly = PostOnly.Slide;
        bytes32 made = _run(ticket, true);
        _tick(_place(ticket));
        _use(ALICE, NOW);
        _rest(ALICE, PERPETUAL, Side.Buy, 49_999, 2, ORDER);
        assertEq(made, _root());
    }

    function test_reduce_only_needs_something_to_reduce() external {
        Ticket memory ticket = _ticket();
        ticket.reduceOnly = true;
        _refuse(ticket, "nothing_to_reduce");
        _hold(ALICE, PERPETUAL, 1, 500e6);
        _refuse(ticket, "nothing_to_reduce");
        _hold(ALICE, PERPETUAL, -1, -500e6);
        _run(ticket, true);
    }

    function test_where_new_risk_is_refused_only_less_passes() external {
        Ticket memory ticket = _ticket();
        traders[ALICE].closeOnly = true;
        _putTrader(ALICE);
        _refuse(ticket, "close_only");
        _hold(ALICE, PERPETUAL, -1, -500e6);
        _refuse(ticket, "close_only");
        _hold(ALICE, PERPETUAL, -2, -1000e6);
        _run(ticket, true);
        // Counted with what is open already.
        _rest(ALICE, PERPETUAL, Side.Buy, 49_000, 1, 10);
        _refuse(ticket, "close_only");
    }

    function test_the_market_must_be_open_and_its_marks_sound() external {
        Ticket memory ticket = _ticket();
        underlying.mode = Mode.Halt;
        _putUnderlying();
        _refuse(ticket, "mode");
        underlying.mode = Mode.CancelOnly;
        _putUnderlying();
        _refuse(ticket, "mode");
        underlying.mode = Mode.PostOnly;
        _putUnderlying();
        _run(ticket, true);
        _rest(BOB, PERPETUAL, Side.Sell, 50_000, 1, 10);
        _refuse(ticket, "mode");
        (underlying.mode, underlying.markTime) = (Mode.Normal, NOW - 30 * SECOND - 1);
        _putUnderlying();
        _refuse(ticket, "stale_mark");
        (underlying.markTime, underlying.sources) = (LAST, 2);
        _putUnderlying();
        _refuse(ticket, "few_sources");
    }

    function test_margin_covers_the_worst_case() external {
        Ticket memory ticket = _ticket();
        // Ten per cent of 20 contracts at 50,000 USD, and the taker's fee of 300.
        ticket.amount = 20e8;
        _refuse(ticket, "not_enough_margin");
        traders[ALICE].cash = 100_300e6;
        _putTrader(ALICE);
        _run(ticket, true);
        traders[ALICE].cash -= 1;
        _putTrader(ALICE);
        _refuse(ticket, "not_enough_margin");
    }

    function test_accounts_have_so_many_orders() external {
        for (uint256 i = 0; i < 4; ++i) {
            _rest(ALICE, PERPETUAL, Side.Buy, 49_000, 1, 10 + i);
        }
        _refuse(_ticket(), "too_many_orders");
    }

    function test_liquidated_accounts_do_not_trade() external {
        traders[ALICE].liquidation = 3;
        _putTrader(ALICE);
        _refuse(_ticket(), "in_liquidation");
    }

    function test_the_step_is_the_first_of_a_place_order() external {
        bytes memory record = _place(_ticket());
        bytes memory witness = _witness();
        _expectIllegal("first");
        orderSteps.execute(_step(StepKind.PLACE, record, false, true), witness);
        _expectIllegal("kind");
        orderSteps.execute(_step(StepKind.REPLACE, record, true, true), witness);
    }
}
