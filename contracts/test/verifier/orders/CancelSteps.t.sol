// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {StepInput} from "src/verifier/IStepModule.sol";
import {CommandKind, Mode, Side, StepKind} from "src/verifier/Types.sol";
import {BookPlaces} from "src/verifier/state/BookPlace.sol";
import {StateKeys} from "src/verifier/state/StateKeys.sol";
import {ExpiryLeaf, ExpiryLeaves} from "src/verifier/state/leaves/ExpiryLeaf.sol";
import {OrderLeaf} from "src/verifier/state/leaves/OrderLeaf.sol";

import {NaiveTree} from "../state/NaiveTree.sol";
import {SignedOrders} from "./utils/SignedOrders.sol";

/// Steps 15, 16, and 18 without a taker register.
contract CancelStepsTest is SignedOrders {
    using NaiveTree for NaiveTree.Leaves;

    bytes32 private constant CANCEL_TYPE =
        keccak256("Cancel(uint64 subaccount,uint64 order,uint64 nonce,uint64 expiry,address signer)");

    /// Alice has two orders in the perpetual and one in the option, Bob one.
    function setUp() public override {
        super.setUp();
        _rest(ALICE, PERPETUAL, Side.Buy, 49_000, 1, 10);
        _rest(ALICE, OPTION, Side.Sell, 2500, 1, 11);
        _rest(ALICE, PERPETUAL, Side.Sell, 51_000, 1, 12);
        _rest(BOB, PERPETUAL, Side.Buy, 48_000, 1, 13);
    }

    function _unsigned(uint256 order) private pure returns (bytes memory) {
        return _record(CommandKind.CANCEL_ORDER, abi.encodePacked(uint64(ALICE), uint64(order), uint8(0)));
    }

    function _signed(uint256 signer, uint256 order) private pure returns (bytes memory) {
        bytes32 hash = keccak256(abi.encode(CANCEL_TYPE, ALICE, order, NOW, NOW + 1, vm.addr(signer)));
        bytes memory auth = abi.encodePacked(vm.addr(signer), uint64(NOW), uint64(NOW + 1), _signature(signer, hash));
        return _record(CommandKind.CANCEL_ORDER, abi.encodePacked(uint64(ALICE), uint64(order), uint8(1), auth));
    }

    function _cancelAll(uint256 instrument) private pure returns (bytes memory) {
        return _record(CommandKind.CANCEL_ALL, abi.encodePacked(uint64(ALICE), uint32(instrument), uint16(0), uint8(0)));
    }

    function _cancel(bytes memory record) private view returns (bytes32) {
        return cancelSteps.execute(_step(StepKind.CANCEL, record, true, true), _witness());
    }

    function _refuseCancel(bytes memory record, bytes32 reason) private {
        bytes memory witness = _witness();
        _expectIllegal(reason);
        cancelSteps.execute(_step(StepKind.CANCEL, record, true, true), witness);
    }

    function _removal(bytes memory record, uint256 account, uint256 order, bool last)
        private
        view
        returns (StepInput memory step)
    {
        step = _step(StepKind.REMOVE, record, false, last);
        step.subject = bytes32((account << 192) | (order << 128));
    }

    function _remove(bytes memory record, uint256 account, uint256 order, bool last) private view returns (bytes32) {
        return matchSteps.execute(_removal(record, account, order, last), _witness());
    }

    function _refuseRemoval(bytes memory record, uint256 account, uint256 order, bool last, bytes32 reason) private {
        bytes memory witness = _witness();
        StepInput memory step = _removal(record, account, order, last);
        _expectIllegal(reason);
        matchSteps.execute(step, witness);
    }

    function test_a_cancelled_order_leaves() external {
        bytes memory record = _signed(ALICE, 10);
        bytes32 made = _cancel(record);
        _tick(record);
        _use(ALICE, NOW);
        _unrest(ALICE, PERPETUAL, Side.Buy, 49_000, 10);
        assertEq(made, _root());
    }

    function test_only_who_may_cancels() external {
        _refuseCancel(_signed(BOB, 10), "not_authorized");
        _grant(4);
        _refuseCancel(_signed(SESSION, 10), "scope_missing");
        _grant(2);
        _cancel(_signed(SESSION, 10));
        bytes memory record = _signed(ALICE, 10);
        record[record.length - 2] ^= 0x01;
        _refuseCancel(record, "signature");
        _use(ALICE, NOW);
        _refuseCancel(_signed(ALICE, 10), "nonce_used");
        // The operator's word suffices for a session that has logged in.
        _cancel(_unsigned(10));
    }

    function test_only_open_orders_of_the_account_that_are_not_halted_leave() external {
        _refuseCancel(_unsigned(9), "unknown_order");
        _refuseCancel(_unsigned(13), "unknown_order");
        underlying.mode = Mode.Halt;
        _putUnderlying();
        _refuseCancel(_unsigned(10), "mode");
        underlying.mode = Mode.CancelOnly;
        _putUnderlying();
        _cancel(_unsigned(10));
    }

    function test_a_cancel_all_needs_something_that_fits() external {
        bytes memory witness = _witness();
        cancelSteps.execute(_step(StepKind.CANCEL_ALL, _cancelAll(OPTION), true, false), witness);
        _expectIllegal("last");
        cancelSteps.execute(_step(StepKind.CANCEL_ALL, _cancelAll(OPTION), true, true), witness);
        _unrest(ALICE, OPTION, Side.Sell, 2500, 11);
        witness = _witness();
        StepInput memory step = _step(StepKind.CANCEL_ALL, _cancelAll(OPTION), true, false);
        _expectIllegal("nothing_to_cancel");
        cancelSteps.execute(step, witness);
    }

    function test_a_cancel_all_takes_what_fits_in_order_and_all_of_it() external {
        bytes memory record = _cancelAll(PERPETUAL);
        _refuseRemoval(record, ALICE, 12, false, "subject");
        _refuseRemoval(record, ALICE, 11, false, "subject");
        _refuseRemoval(record, BOB, 13, false, "subject");
        _refuseRemoval(record, ALICE, 10, true, "last");
        bytes32 made = _remove(record, ALICE, 10, false);
        _unrest(ALICE, PERPETUAL, Side.Buy, 49_000, 10);
        assertEq(made, _root());
        _refuseRemoval(record, ALICE, 12, false, "last");
        made = _remove(record, ALICE, 12, true);
        _unrest(ALICE, PERPETUAL, Side.Sell, 51_000, 12);
        assertEq(made, _root());
        _refuseRemoval(record, ALICE, 11, true, "subject");
    }

    function test_a_forced_cancel_all_takes_everything() external {
        // Index 0, kind 3.
        bytes memory record =
            _record(CommandKind.INBOX_ITEM, abi.encodePacked(uint64(0), uint8(3), vm.addr(ALICE), uint64(ALICE)));
        _refuseRemoval(record, ALICE, 11, false, "subject");
        _refuseRemoval(record, BOB, 13, true, "subject");
        _refuseRemoval(record, ALICE, 10, true, "last");
        _remove(record, ALICE, 10, false);
        _unrest(ALICE, PERPETUAL, Side.Buy, 49_000, 10);
        _unrest(ALICE, OPTION, Side.Sell, 2500, 11);
        _refuseRemoval(record, ALICE, 12, false, "last");
        _remove(record, ALICE, 12, true);
    }

    function test_the_clock_ends_only_what_is_past_its_end() external {
        bytes memory record = _record(CommandKind.CLOCK, abi.encodePacked(uint16(9)));
        _refuseRemoval(record, ALICE, 10, true, "subject");
        OrderLeaf memory dated;
        (dated.order, dated.subaccount, dated.lots, dated.validUntil) = (20, BOB, 1, NOW + 1);
        _rest(BookPlaces.at(PERPETUAL, Side.Buy, 47_000, 20), dated);
        _refuseRemoval(record, BOB, 20, true, "subject");
        (dated.order, dated.validUntil) = (21, NOW);
        _rest(BookPlaces.at(PERPETUAL, Side.Buy, 47_000, 21), dated);
        bytes32 made = _remove(record, BOB, 21, true);
        _unrest(BOB, PERPETUAL, Side.Buy, 47_000, 21);
        assertEq(made, _root());
    }

    function test_a_liquidation_ends_every_order_first() external {
        bytes memory record = _record(CommandKind.CLOCK, abi.encodePacked(uint16(9)));
        traders[ALICE].liquidation = 3;
        _putTrader(ALICE);
        _refuseRemoval(record, ALICE, 12, false, "subject");
        _refuseRemoval(record, ALICE, 10, true, "last");
        _remove(record, ALICE, 10, false);
        _refuseRemoval(_place(_ticket()), ALICE, 10, false, "kind");
    }

    function test_a_settlement_takes_orders_of_its_series_best_first() external {
        bytes memory record =
            _record(CommandKind.SETTLE_EXPIRED, abi.encodePacked(uint16(UNDERLYING), uint64(EXPIRY), uint16(5)));
        _refuseRemoval(record, ALICE, 11, true, "settlement_not_fixed");
        ExpiryLeaf memory series;
        (series.instruments, series.settled, series.settlement) = (1, true, 50_000e6);
        trees[2].set(StateKeys.expiry(UNDERLYING, EXPIRY), ExpiryLeaves.encode(series));
        _refuseRemoval(record, ALICE, 10, true, "subject");
        _rest(BOB, OPTION, Side.Sell, 2400, 1, 14);
        _refuseRemoval(record, ALICE, 11, true, "subject");
        _remove(record, BOB, 14, true);
        // Bids go first.
        _rest(BOB, OPTION, Side.Buy, 1000, 1, 15);
        _refuseRemoval(record, BOB, 14, true, "subject");
        _remove(record, BOB, 15, true);
    }

    function test_nothing_else_removes_orders() external {
        _refuseRemoval(_place(_ticket()), ALICE, 10, true, "kind");
        _refuseRemoval(_unsigned(10), ALICE, 10, true, "kind");
    }
}
