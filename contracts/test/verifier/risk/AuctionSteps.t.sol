// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Test} from "forge-std/Test.sol";

import {StepIllegal} from "src/verifier/IStepModule.sol";
import {Step} from "src/verifier/StepBase.sol";
import {CommandKind, StepKind} from "src/verifier/Types.sol";
import {IMarginCalculator} from "src/verifier/margin/IMarginCalculator.sol";
import {MarginCalculator} from "src/verifier/margin/MarginCalculator.sol";
import {AuctionSteps} from "src/verifier/modules/AuctionSteps.sol";
import {Auctions} from "src/verifier/risk/Auctions.sol";
import {BidTerms, IAuctionGate} from "src/verifier/risk/IAuctionGate.sol";
import {Liquidations} from "src/verifier/risk/Liquidations.sol";
import {Accounts} from "src/verifier/state/Accounts.sol";
import {Globals} from "src/verifier/state/Globals.sol";
import {Signers} from "src/verifier/state/Signers.sol";
import {AccountLeaf, LiquidationLeaf} from "src/verifier/state/leaves/AccountLeaf.sol";
import {HoldingLeaf} from "src/verifier/state/leaves/HoldingLeaf.sol";
import {KeyLeaf} from "src/verifier/state/leaves/KeyLeaf.sol";

import {Scene} from "./utils/Scene.sol";

/// Lets every bid in, on the terms of the test.
contract OpenGate {
    bytes private _terms;

    function set(BidTerms calldata terms) external {
        _terms = abi.encode(terms);
    }

    fallback(bytes calldata) external returns (bytes memory) {
        return _terms;
    }
}

/// Half of 100 lots of the perpetual, entered at 50,000, at 47,000, with 4,000 of cash.
struct Case {
    BidTerms terms;
    int256 limit;
    int256 paid;
    int256 cash;
    int256 reserve;
    bool last;
}

contract AuctionStepsTest is
    Test,
    AuctionSteps(IMarginCalculator(address(new MarginCalculator())), IAuctionGate(address(new OpenGate())))
{
    address private constant SIGNER = address(0xB0B);

    function run(Case memory it)
        external
        view
        returns (AccountLeaf memory seller, AccountLeaf memory bidder, int256 lots)
    {
        bytes memory body = abi.encodePacked(
            uint64(Scene.MAKER), uint64(Scene.SUBJECT), int64(5e8), int64(it.limit), SIGNER, uint64(Scene.NOW)
        );
        body = abi.encodePacked(body, uint64(Scene.NOW + 1), bytes32("r"), bytes32("s"), uint8(27));
        Step memory step = Scene.step(CommandKind.LIQUIDATION_BID, StepKind.LIQUIDATION_FILL, body);
        (step.first, step.last, step.subject.amount) = (true, it.last, it.paid);
        KeyLeaf memory key;
        Signers.save(step.ledger, SIGNER, key);
        Scene.hold(step.ledger, Scene.SUBJECT, Scene.PERPETUAL, 100);
        Scene.mark(step.ledger, Scene.PERPETUAL, 47_000e6);
        Scene.call(step.ledger, Scene.MAKER, it.cash, Accounts.load(step.ledger, Scene.MAKER).leaf.call);
        LiquidationLeaf memory running = LiquidationLeaf(4, Liquidations.AUCTION, Scene.NOW, Scene.NOW, it.reserve, 0);
        Scene.liquidate(step.ledger, Scene.SUBJECT, 4000e6, running);
        _run(step);
        require(Globals.funds(step.ledger).insurance == 1_000_000e6 - it.paid, "the fund pays");
        (, HoldingLeaf memory held) = Accounts.holding(Accounts.load(step.ledger, Scene.MAKER), Scene.PERPETUAL);
        return (Accounts.load(step.ledger, Scene.SUBJECT).leaf, Accounts.load(step.ledger, Scene.MAKER).leaf, held.lots);
    }

    function factor(uint256 stage, uint256 elapsed) external pure returns (int256) {
        Step memory step = Scene.step(CommandKind.LIQUIDATION_BID, StepKind.LIQUIDATION_FILL, "");
        LiquidationLeaf memory running = LiquidationLeaf(4, stage, Scene.NOW - elapsed, 0, 0, 0);
        Scene.liquidate(step.ledger, Scene.SUBJECT, 0, running);
        return Auctions.factor(step.ledger, Accounts.load(step.ledger, Scene.SUBJECT), Scene.NOW);
    }

    function _case() private returns (Case memory it) {
        it.terms = BidTerms(5e8, 100e6, 1000e6, -1350e6, 0, true);
        (it.limit, it.cash, it.reserve, it.last) = (100e6, 1_000_000e6, 40e6, true);
        _admit(it);
    }

    function _admit(Case memory it) private {
        OpenGate(payable(address(_gate))).set(it.terms);
    }

    function _illegal(Case memory it, bytes32 reason) private {
        _admit(it);
        vm.expectRevert(abi.encodeWithSelector(StepIllegal.selector, reason));
        this.run(it);
    }

    function test_a_share_of_everything_changes_hands() external {
        (AccountLeaf memory seller, AccountLeaf memory bidder, int256 lots) = this.run(_case());
        assertEq(lots, 50);
        // Half of the loss is realised, half of the value is given away, the price comes in.
        assertEq(seller.cash, 4000e6 - 1500e6 - 500e6 + 100e6);
        assertEq(bidder.cash, 1_000_000e6 + 500e6 - 100e6);
        assertEq(seller.liquidation.reserve, 20e6 + 100e6);
    }

    function test_what_the_fund_pays_is_what_the_gate_says() external {
        Case memory it = _case();
        it.paid = 1;
        _illegal(it, "insurance");
        (it.terms.insurance, it.paid) = (9e6, 9e6);
        _admit(it);
        (, AccountLeaf memory bidder,) = this.run(it);
        assertEq(bidder.cash, 1_000_000e6 + 400e6 + 9e6);
        it.paid = 8e6;
        _illegal(it, "insurance");
        // While a series settles it is only known what the fund would pay at most.
        it.terms.exact = false;
        _admit(it);
        this.run(it);
        it.paid = 9e6 + 1;
        _illegal(it, "insurance");
    }

    function test_nobody_pays_more_than_signed_or_harms_the_seller() external {
        Case memory it = _case();
        it.limit = 100e6 - 1;
        _illegal(it, "bid_limit");
        it = _case();
        it.terms.excess = -575e6 + 1;
        _illegal(it, "bid_harms");
    }

    function test_it_is_the_last_step_exactly_when_the_liquidation_goes_on() external {
        Case memory it = _case();
        it.last = false;
        _illegal(it, "last");
        // What is paid mends the account.
        (it.terms.price, it.limit) = (2000e6, 2000e6);
        _admit(it);
        this.run(it);
        it.last = true;
        _illegal(it, "last");
    }

    function test_the_bidder_bears_what_it_takes() external {
        Case memory it = _case();
        // 50 lots at 47,000: a tenth of 23,500, of which 400 come with them.
        it.cash = 1950e6;
        this.run(it);
        it.cash -= 1;
        _illegal(it, "not_enough_margin");
    }

    function test_the_price_falls_through_its_middle_or_rises() external view {
        assertEq(this.factor(Liquidations.AUCTION, 0), 990_000_000);
        assertEq(this.factor(Liquidations.AUCTION, 900 * Scene.SECOND), 700_000_000);
        assertEq(this.factor(Liquidations.AUCTION, 3600 * Scene.SECOND), 0);
        assertEq(this.factor(Liquidations.INSOLVENT, 900 * Scene.SECOND), 250_000_000);
        assertEq(this.factor(Liquidations.INSOLVENT, 9000 * Scene.SECOND), 1_000_000_000);
    }

    function test_what_was_paid_before_is_not_discounted_again() external pure {
        assertEq(Auctions.price(1000, 0, 700_000_000), 700);
        assertEq(Auctions.price(1000, 400, 700_000_000), 820);
        assertEq(Auctions.price(1000, 900, 0), 500);
    }
}
