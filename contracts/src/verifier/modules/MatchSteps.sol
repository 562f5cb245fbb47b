// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {requireLegal} from "src/verifier/IStepModule.sol";
import {Step, StepBase, Steps} from "src/verifier/StepBase.sol";
import {CommandKind, Side, StepKind, TimeInForce} from "src/verifier/Types.sol";
import {OrderCommands} from "src/verifier/commands/OrderCommands.sol";
import {Asking} from "src/verifier/orders/Asking.sol";
import {Fills} from "src/verifier/orders/Fills.sol";
import {IMatchmaker, Meeting, Verdict} from "src/verifier/orders/IMatchmaker.sol";
import {Incoming} from "src/verifier/orders/Incoming.sol";
import {Removals} from "src/verifier/orders/Removals.sol";
import {Sides} from "src/verifier/orders/Sides.sol";
import {SliceFees} from "src/verifier/risk/SliceFees.sol";
import {Accounts} from "src/verifier/state/Accounts.sol";
import {BookPlace} from "src/verifier/state/BookPlace.sol";
import {Books} from "src/verifier/state/Books.sol";
import {Globals} from "src/verifier/state/Globals.sol";
import {Account} from "src/verifier/state/Ledger.sol";
import {FundsLeaf} from "src/verifier/state/leaves/GlobalLeaves.sol";
import {OrderLeaf} from "src/verifier/state/leaves/OrderLeaf.sol";
import {TakerLeaf} from "src/verifier/state/leaves/TakerLeaf.sol";

/// @title Matching
/// @notice While the taker register is present, the meeting of its order with the best opposite one says which step comes next: 18 takes the
/// resting order out, 20 is their trade, 19 ends the incoming order. Without a register, 18 is an order that leaves the
/// book for a reason outside of matching.
contract MatchSteps is StepBase, Asking {
    using Sides for Side;

    IMatchmaker private immutable MATCHMAKER;

    constructor(IMatchmaker matchmaker) {
        MATCHMAKER = matchmaker;
    }

    function _run(Step memory step) internal view override {
        require(step.kind >= StepKind.REMOVE && step.kind <= StepKind.FILL, NotServed(step.kind));
        (bool matching, TakerLeaf memory taker) = Globals.taker(step.ledger);
        if (!matching) {
            requireLegal(step.kind == StepKind.REMOVE, "kind");
            return Removals.remove(step);
        }
        Steps.follows(step);
        Steps.noSubject(step);
        Meeting memory meeting = abi.decode(_ask(address(MATCHMAKER), IMatchmaker.judge.selector), (Meeting));
        if (step.kind == StepKind.REMOVE) _remove(step, taker, meeting.verdict);
        else if (step.kind == StepKind.FILL) _fill(step, taker, meeting);
        else _finish(step, taker, meeting.verdict);
    }

    /// The resting order leaves; where self-trade prevention cancels both, the incoming one ends with it.
    function _remove(Step memory step, TakerLeaf memory taker, Verdict verdict) private pure {
        bool both = verdict == Verdict.RemoveAndStop;
        requireLegal(both || verdict == Verdict.Remove, "kind");
        (, BookPlace memory place, OrderLeaf memory resting) =
            Books.best(step.ledger, taker.instrument, taker.side.opposite());
        Accounts.removeOrder(step.ledger, Accounts.load(step.ledger, resting.subaccount), place);
        if (!both) return Steps.goesOn(step);
        Steps.ends(step);
        Incoming.requireFilled(taker, _isFillOrKill(step));
        Globals.clearTaker(step.ledger);
    }

    /// Both trade. An order that is filled wholly ends; a slice of a liquidation ends in a step 19, which takes its fee.
    function _fill(Step memory step, TakerLeaf memory taker, Meeting memory meeting) private pure {
        requireLegal(meeting.verdict == Verdict.Trade, "kind");
        (, BookPlace memory place, OrderLeaf memory resting) =
            Books.best(step.ledger, taker.instrument, taker.side.opposite());
        Fills.execute(step.ledger, meeting, taker, place, resting);
        if (taker.lots == 0 && taker.liquidation == 0) {
            Steps.ends(step);
            Globals.clearTaker(step.ledger);
        } else {
            Steps.goesOn(step);
            Globals.setTaker(step.ledger, taker);
        }
    }

    /// What is left of the incoming order rests, or is dropped.
    function _finish(Step memory step, TakerLeaf memory taker, Verdict verdict) private pure {
        bool stopped = verdict == Verdict.Stop;
        requireLegal(stopped || verdict == Verdict.Done, "kind");
        Globals.clearTaker(step.ledger);
        Account memory account = Accounts.load(step.ledger, taker.subaccount);
        if (taker.liquidation != 0) return _chargeSlice(step, account, taker);
        Steps.ends(step);
        Incoming.requireFilled(taker, _isFillOrKill(step));
        if (!stopped) Incoming.end(step, account, taker);
    }

    /// A slice never rests; what it traded pays a fee to the insurance fund. Whether the command goes on is open.
    function _chargeSlice(Step memory step, Account memory account, TakerLeaf memory taker) private pure {
        int256 fee = SliceFees.fee(step.ledger, taker.instrument, taker.filled, taker.cash);
        account.leaf.cash -= fee;
        FundsLeaf memory funds = Globals.funds(step.ledger);
        funds.insurance += fee;
        Globals.setFunds(step.ledger, funds);
    }

    function _isFillOrKill(Step memory step) private pure returns (bool) {
        return
            step.command == CommandKind.PLACE_ORDER
                && OrderCommands.decodePlace(step.body).timeInForce == TimeInForce.Fok;
    }
}
