// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {StepInput} from "src/verifier/IStepModule.sol";
import {CommandKind, PostOnly, Side, StepKind} from "src/verifier/Types.sol";
import {BookPlaces} from "src/verifier/state/BookPlace.sol";
import {OrderLeaf} from "src/verifier/state/leaves/OrderLeaf.sol";
import {TakerLeaf} from "src/verifier/state/leaves/TakerLeaf.sol";

import {SignedOrders} from "./utils/SignedOrders.sol";

/// What a test replaces Alice's order with.
struct Change {
    uint256 signer;
    uint256 order;
    int256 amount;
    int256 limitPrice;
    PostOnly postOnly;
    bool reduceOnly;
    int256 maxFee;
}

/// Step 17: of Alice's bid for five lots at 49,000 two were filled.
contract ReplaceStepsTest is SignedOrders {
    bytes32 private constant REPLACE_TYPE = keccak256(
        "Replace(uint64 subaccount,uint64 order,uint64 amount,uint64 limitPrice,string postOnly,bool reduceOnly,uint64 maxFee,uint64 nonce,uint64 expiry,address signer)"
    );

    function setUp() public override {
        super.setUp();
        _rest(BookPlaces.at(PERPETUAL, Side.Buy, 49_000, 10), _resting(3, NOW + 1));
        _rest(CAROL, PERPETUAL, Side.Buy, 49_000, 1, 11);
    }

    function _resting(int256 lots, uint256 validUntil) private pure returns (OrderLeaf memory leaf) {
        (leaf.order, leaf.subaccount, leaf.lots, leaf.filled) = (10, ALICE, lots, 2);
        (leaf.maxFee, leaf.validUntil) = (MAX_FEE, validUntil);
    }

    function _change() private pure returns (Change memory) {
        return Change(ALICE, 10, 4e6, 49_000e6, PostOnly.No, false, MAX_FEE);
    }

    function _record(Change memory self) private pure returns (bytes memory) {
        bytes32 word = keccak256(self.postOnly == PostOnly.No ? bytes("no") : bytes("reject"));
        bytes memory words = abi.encode(
            REPLACE_TYPE, ALICE, self.order, self.amount, self.limitPrice, word, self.reduceOnly, self.maxFee
        );
        bytes32 hash = keccak256(abi.encodePacked(words, abi.encode(NOW, NOW + 1, vm.addr(self.signer))));
        bytes memory body = abi.encodePacked(
            uint64(ALICE),
            uint64(self.order),
            int64(self.amount),
            int64(self.limitPrice),
            uint8(self.postOnly),
            self.reduceOnly,
            int64(self.maxFee)
        );
        bytes memory auth =
            abi.encodePacked(vm.addr(self.signer), uint64(NOW), uint64(NOW + 1), _signature(self.signer, hash));
        return _record(CommandKind.REPLACE_ORDER, abi.encodePacked(body, auth));
    }

    function _execute(Change memory change, bool last) private view returns (bytes32) {
        return orderSteps.execute(_step(StepKind.REPLACE, _record(change), true, last), _witness());
    }

    function _refuse(Change memory change, bool last, bytes32 reason) private {
        bytes memory witness = _witness();
        StepInput memory step = _step(StepKind.REPLACE, _record(change), true, last);
        _expectIllegal(reason);
        orderSteps.execute(step, witness);
    }

    function _begin(Change memory change) private {
        _tick(_record(change));
        _use(ALICE, NOW);
        _unrest(ALICE, PERPETUAL, Side.Buy, 49_000, 10);
    }

    function test_a_smaller_size_keeps_the_place() external {
        Change memory change = _change();
        change.maxFee = 50e6;
        _refuse(change, false, "last");
        bytes32 made = _execute(change, true);
        _begin(change);
        OrderLeaf memory leaf = _resting(2, NOW + 1);
        leaf.maxFee = 50e6;
        _rest(BookPlaces.at(PERPETUAL, Side.Buy, 49_000, 10), leaf);
        assertEq(made, _root());
    }

    function test_a_larger_size_goes_behind_the_others() external {
        Change memory change = _change();
        change.amount = 6e6;
        bytes32 made = _execute(change, true);
        _begin(change);
        _rest(BookPlaces.at(PERPETUAL, Side.Buy, 49_000, ORDER), _resting(4, NOW + 1));
        assertEq(made, _root());
    }

    function test_another_price_that_crosses_opens_the_register() external {
        Change memory change = _change();
        change.limitPrice = 50_000e6;
        _rest(BOB, PERPETUAL, Side.Sell, 50_000, 1, 12);
        _refuse(change, true, "last");
        bytes32 made = _execute(change, false);
        _begin(change);
        TakerLeaf memory taker;
        (taker.order, taker.subaccount, taker.instrument, taker.limit) = (10, ALICE, PERPETUAL, 50_000);
        (taker.lots, taker.filled, taker.maxFee) = (2, 2, MAX_FEE);
        (taker.validUntil, taker.rests) = (NOW + 1, true);
        _putTaker(taker);
        assertEq(made, _root());
    }

    function test_a_replacement_meets_what_a_new_order_meets() external {
        Change memory change = _change();
        change.limitPrice = 50_000e6;
        change.postOnly = PostOnly.Reject;
        _execute(change, true);
        _rest(BOB, PERPETUAL, Side.Sell, 50_000, 1, 12);
        _refuse(change, true, "post_only_would_trade");
        change = _change();
        change.limitPrice = 55_001e6;
        _refuse(change, true, "price_band");
        change = _change();
        change.amount = 25e8;
        _refuse(change, true, "not_enough_margin");
        change = _change();
        change.reduceOnly = true;
        _refuse(change, true, "nothing_to_reduce");
    }

    function test_only_open_orders_of_the_signer_that_have_something_left() external {
        Change memory change = _change();
        change.order = 11;
        _refuse(change, true, "unknown_order");
        change = _change();
        change.signer = BOB;
        _refuse(change, true, "not_authorized");
        change = _change();
        change.amount = 2e6;
        _refuse(change, true, "amount_below_filled");
        change.amount = 3e6;
        _execute(change, true);
        _unrest(ALICE, PERPETUAL, Side.Buy, 49_000, 10);
        _rest(BookPlaces.at(PERPETUAL, Side.Buy, 49_000, 10), _resting(3, NOW));
        _refuse(change, true, "order_expired");
    }
}
