// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Test} from "forge-std/Test.sol";

import {StepIllegal} from "src/verifier/IStepModule.sol";
import {Step, Subject} from "src/verifier/StepBase.sol";
import {CommandKind, Side, StepKind} from "src/verifier/Types.sol";
import {SettlementSteps} from "src/verifier/modules/SettlementSteps.sol";
import {Accounts} from "src/verifier/state/Accounts.sol";
import {Globals} from "src/verifier/state/Globals.sol";
import {Expiries, Instruments, Underlyings} from "src/verifier/state/Instruments.sol";
import {HoldingLeaf} from "src/verifier/state/leaves/HoldingLeaf.sol";
import {InstrumentLeaf} from "src/verifier/state/leaves/InstrumentLeaf.sol";
import {UnderlyingLeaf} from "src/verifier/state/leaves/UnderlyingLeaf.sol";

import {Oracle} from "./utils/Oracle.sol";
import {Scene} from "./utils/Scene.sol";

/// What a step of the settlement of the option finds.
struct Found {
    bool settled;
    int256 price;
    int256 lots;
    uint256 subject;
    uint256 command;
    bool orders;
}

contract SettlementStepsTest is Test, SettlementSteps {
    bytes private constant TICK = abi.encodePacked(uint16(Scene.UNDERLYING));

    function funding(uint256 elapsed, bool first) external view returns (int256 index, uint256 time) {
        Step memory step = Scene.step(CommandKind.FUNDING_TICK, StepKind.FUNDING, TICK);
        step.first = first;
        InstrumentLeaf memory leaf = Instruments.load(step.ledger, Scene.PERPETUAL);
        leaf.fundingTime = Scene.NOW - elapsed;
        Instruments.save(step.ledger, Scene.PERPETUAL, leaf);
        _run(step);
        leaf = Instruments.load(step.ledger, Scene.PERPETUAL);
        return (leaf.fundingIndex, leaf.fundingTime);
    }

    function settle(Found memory found) external view returns (int256 cash, int256 insurance, int256 interest) {
        Step memory step = _settling(StepKind.SETTLE_ACCOUNT, found);
        step.subject = Subject(found.subject, 0, Scene.OPTION, 0);
        _run(step);
        (bool held,) = Accounts.holding(Accounts.load(step.ledger, Scene.SUBJECT), Scene.OPTION);
        require(!held, "the holding leaves");
        cash = Accounts.load(step.ledger, Scene.SUBJECT).leaf.cash;
        insurance = Globals.funds(step.ledger).insurance;
        interest = Instruments.load(step.ledger, Scene.OPTION).openInterest;
    }

    function close(Found memory found) external view returns (bool instrument, bool series) {
        Step memory step = _settling(StepKind.CLOSE_INSTRUMENT, found);
        step.subject = Subject(0, 0, Scene.OPTION, 0);
        _run(step);
        (instrument,) = Instruments.find(step.ledger, Scene.OPTION);
        (series,) = Expiries.find(step.ledger, Scene.UNDERLYING, Scene.EXPIRY);
    }

    function fix(uint256 oracleKey, int256 price, uint256 time) external view returns (UnderlyingLeaf memory) {
        bytes32 hash = keccak256(
            abi.encode(
                keccak256("SettlementPrice(string underlying,uint64 expiry,uint64 price)"),
                keccak256("BTC"),
                Scene.EXPIRY,
                price
            )
        );
        bytes memory body = abi.encodePacked(uint16(Scene.UNDERLYING), uint64(Scene.EXPIRY), int64(price));
        body = abi.encodePacked(body, Oracle.sign(oracleKey, hash));
        Step memory step = Scene.step(CommandKind.EXPIRE, StepKind.EXPIRE, body);
        Oracle.govern(step.ledger);
        (step.first, step.last, step.time) = (true, true, time);
        _run(step);
        return Underlyings.load(step.ledger, Scene.UNDERLYING);
    }

    function _settling(uint256 kind, Found memory found) private pure returns (Step memory step) {
        bytes memory body = abi.encodePacked(uint16(Scene.UNDERLYING), uint64(Scene.EXPIRY), uint16(10));
        step = Scene.step(found.command, kind, body);
        if (found.settled) Scene.settle(step.ledger, found.price);
        if (found.lots != 0) Scene.hold(step.ledger, Scene.SUBJECT, Scene.OPTION, found.lots);
        if (found.orders) Scene.rest(step.ledger, Scene.OPTION, Side.Buy, 1000, 5);
    }

    function _found() private pure returns (Found memory) {
        return Found(true, 51_234_567_890, 3, Scene.SUBJECT, CommandKind.SETTLE_EXPIRED, false);
    }

    function _illegal(bytes32 reason) private {
        vm.expectRevert(abi.encodeWithSelector(StepIllegal.selector, reason));
    }

    function test_funding_accrues_by_time_and_rate() external view {
        // 50,000 USD at a hundredth of a percent for a quarter of the period, 1e-9 USD.
        (int256 index, uint256 time) = this.funding(2 * 3600 * Scene.SECOND, true);
        assertEq(index, 1_250_000_000);
        assertEq(time, Scene.NOW);
    }

    function test_funding_of_no_time_is_illegal() external {
        _illegal("nothing_to_do");
        this.funding(0, true);
    }

    function test_funding_is_the_first_step() external {
        _illegal("first");
        this.funding(1, false);
    }

    function test_a_position_settles_at_its_payoff_rounded_down() external view {
        // 3 lots of a hundredth at a payoff of 1,234.567890 USD: 37.0370367.
        (int256 cash, int256 insurance, int256 interest) = this.settle(_found());
        assertEq(cash, 10_000e6 + 37_037_036);
        assertEq(insurance, 1_000_000e6 - 37_037_036);
        assertEq(interest, 0);
        Found memory found = _found();
        found.lots = -3;
        (cash,,) = this.settle(found);
        assertEq(cash, 10_000e6 - 37_037_037);
    }

    function test_nothing_settles_without_a_price() external {
        Found memory found = _found();
        found.settled = false;
        _illegal("settlement_not_fixed");
        this.settle(found);
    }

    function test_nothing_settles_while_orders_rest() external {
        Found memory found = _found();
        found.orders = true;
        _illegal("orders_left");
        this.settle(found);
    }

    function test_nobody_settles_without_a_position() external {
        Found memory found = _found();
        found.subject = Scene.MAKER;
        _illegal("subject");
        this.settle(found);
    }

    function test_other_commands_settle_nothing() external {
        Found memory found = _found();
        found.command = CommandKind.CLOCK;
        _illegal("kind");
        this.settle(found);
    }

    function test_the_last_instrument_takes_its_series_along() external view {
        Found memory found = _found();
        found.lots = 0;
        (bool instrument, bool series) = this.close(found);
        assertFalse(instrument);
        assertFalse(series);
    }

    function test_an_instrument_with_positions_stays() external {
        _illegal("positions_left");
        this.close(_found());
    }

    function test_a_quorum_fixes_the_price() external view {
        UnderlyingLeaf memory leaf = this.fix(Oracle.KEY, 51_000e6, Scene.EXPIRY);
        assertEq(leaf.listingEpoch, 4);
        assertEq(leaf.openInstruments, 1);
    }

    function test_a_price_before_the_expiry_is_illegal() external {
        _illegal("not_expired");
        this.fix(Oracle.KEY, 51_000e6, Scene.EXPIRY - 1);
    }

    function test_a_price_far_from_the_index_is_illegal() external {
        _illegal("settlement_price_range");
        this.fix(Oracle.KEY, 100_000e6 + 1, Scene.EXPIRY);
    }

    function test_a_price_of_somebody_else_is_illegal() external {
        _illegal("signature");
        this.fix(Oracle.KEY + 1, 51_000e6, Scene.EXPIRY);
    }
}
