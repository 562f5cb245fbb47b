// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Actions, Scope} from "src/verifier/Actions.sol";
import {StepInput, requireLegal} from "src/verifier/IStepModule.sol";
import {Step} from "src/verifier/StepBase.sol";
import {MarginModel, Mode, Units} from "src/verifier/Types.sol";
import {LiquidationBid, OwnerCommands} from "src/verifier/commands/OwnerCommands.sol";
import {IMarginCalculator, MarginFigures} from "src/verifier/margin/IMarginCalculator.sol";
import {MarginAccounts} from "src/verifier/margin/MarginAccount.sol";
import {MarginUser} from "src/verifier/margin/MarginUser.sol";
import {Margins, Standing} from "src/verifier/margin/Margins.sol";
import {Numbers} from "src/verifier/margin/Numbers.sol";
import {Soundness} from "src/verifier/margin/Soundness.sol";
import {Opening, Openings} from "src/verifier/orders/Openings.sol";
import {Auctions} from "src/verifier/risk/Auctions.sol";
import {BidTerms, IAuctionGate} from "src/verifier/risk/IAuctionGate.sol";
import {Insurance} from "src/verifier/risk/Insurance.sol";
import {Liquidations} from "src/verifier/risk/Liquidations.sol";
import {Accounts} from "src/verifier/state/Accounts.sol";
import {Globals} from "src/verifier/state/Globals.sol";
import {Instruments, Underlyings} from "src/verifier/state/Instruments.sol";
import {Account, Ledger} from "src/verifier/state/Ledger.sol";
import {Collateral, LiquidationLeaf} from "src/verifier/state/leaves/AccountLeaf.sol";
import {ClockLeaf} from "src/verifier/state/leaves/GlobalLeaves.sol";
import {HoldingLeaf} from "src/verifier/state/leaves/HoldingLeaf.sol";
import {CollateralSchedule} from "src/verifier/state/leaves/RiskTables.sol";

/// @title The gate that bids come in by
contract AuctionGate is IAuctionGate, MarginUser {
    using Margins for IMarginCalculator;

    constructor(IMarginCalculator marginCalculator) MarginUser(marginCalculator) {}

    /// @inheritdoc IAuctionGate
    function admit(StepInput calldata input, bytes calldata witness) external view returns (BidTerms memory) {
        Opening memory opening = Openings.open(input, witness);
        Step memory step;
        (step.ledger, step.time) = (opening.ledger, opening.time);
        // Marks are as old as they are at the time of the command.
        ClockLeaf memory clock = Globals.clock(step.ledger);
        clock.time = step.time;
        Globals.setClock(step.ledger, clock);

        LiquidationBid memory bid = OwnerCommands.decodeLiquidationBid(opening.body);
        Account memory bidder = Accounts.load(step.ledger, bid.subaccount);
        Account memory seller = Accounts.load(step.ledger, bid.target);
        Actions.requireSigned(step.ledger, OwnerCommands.structHash(bid), bid.auth);
        Actions.authorize(step, bidder, bid.auth, Scope.TRADE);
        requireLegal(bid.share >= 1 && bid.share <= Units.NANO_ONE, "bid_share");
        _requireMayBid(step.ledger, bidder, seller);
        if (bidder.leaf.marginModel == MarginModel.Portfolio) _requireLanes(step.ledger, seller);
        return _termsOf(step, seller, bid.share);
    }

    /// The bidder is another owner's and free to take risk, and every market concerned accepts new risk.
    function _requireMayBid(Ledger memory ledger, Account memory bidder, Account memory seller) private pure {
        requireLegal(bidder.leaf.owner != seller.leaf.owner, "own_portfolio");
        requireLegal(!bidder.leaf.hasLiquidation, "in_liquidation");
        requireLegal(!bidder.leaf.closeOnly, "close_only");
        _requireMarkets(ledger, bidder);
        _requireMarkets(ledger, seller);
    }

    /// Every underlying that an account depends on accepts new risk.
    function _requireMarkets(Ledger memory ledger, Account memory account) private pure {
        (uint256[] memory ids,) = Accounts.holdings(account);
        for (uint256 i = 0; i < ids.length; ++i) {
            _requireMarket(ledger, Instruments.load(ledger, ids[i]).underlying);
        }
        CollateralSchedule[] memory table = Globals.collateral(ledger);
        Collateral[] memory assets = account.leaf.collateral;
        for (uint256 i = 0; i < assets.length; ++i) {
            CollateralSchedule memory terms = table[assets[i].asset];
            if (terms.hasActive) _requireMarket(ledger, terms.active.priceUnderlying);
        }
    }

    function _requireMarket(Ledger memory ledger, uint256 underlying) private pure {
        Mode mode = Underlyings.load(ledger, underlying).mode;
        requireLegal(mode != Mode.Halt && mode != Mode.CancelOnly, "mode");
        Soundness.requireSound(ledger, underlying);
    }

    /// A portfolio takes only what has lanes.
    function _requireLanes(Ledger memory ledger, Account memory seller) private pure {
        (uint256[] memory ids, HoldingLeaf[] memory holdings) = Accounts.holdings(seller);
        for (uint256 i = 0; i < ids.length; ++i) {
            if (holdings[i].lots == 0) continue;
            requireLegal(Margins.hasLanes(ledger, Instruments.load(ledger, ids[i])), "no_lanes");
        }
    }

    /// The auction as it stands, and what a share of it costs.
    function _termsOf(Step memory step, Account memory seller, int256 wanted)
        private
        view
        returns (BidTerms memory terms)
    {
        LiquidationLeaf memory liquidation = seller.leaf.liquidation;
        bool insolvent = liquidation.stage == Liquidations.INSOLVENT;
        requireLegal(seller.leaf.hasLiquidation && liquidation.stage != Liquidations.BOOK, "not_in_auction");
        requireLegal(!Liquidations.awaitsSettlement(step, seller), "not_in_auction");
        MarginFigures memory figures = margin.figures(step.ledger, MarginAccounts.load(step.ledger, seller));
        Standing memory standing = Margins.standingOf(figures);
        requireLegal(standing.fits, "overflow");
        terms.value = Margins.markValue(figures);
        terms.excess = standing.equity - standing.maintenance;
        requireLegal((terms.value <= 0) == insolvent, "not_in_auction");
        int256 factor = Auctions.factor(step.ledger, seller, step.time);
        if (insolvent) {
            terms.share = wanted;
            _offer(step.ledger, seller, standing, factor, terms);
            return terms;
        }
        int256 whole = Auctions.price(terms.value, liquidation.reserve, factor);
        int256 most = Auctions.shareMax(step.ledger, standing, whole);
        requireLegal(most > 0, "not_in_auction");
        terms.share = Numbers.min(wanted, most);
        terms.price = Numbers.divCeil(whole * terms.share, Units.NANO_ONE);
        terms.exact = true;
    }

    /// What the fund pays for the share; what it would, while it is not known what it may.
    function _offer(
        Ledger memory ledger,
        Account memory seller,
        Standing memory standing,
        int256 factor,
        BidTerms memory terms
    ) private pure {
        int256 offer = Auctions.wholeOffer(ledger, seller, standing, terms.value);
        offer = Numbers.divFloor(offer * factor, Units.NANO_ONE);
        int256 left;
        (terms.exact, left) = Insurance.left(ledger, seller.leaf.liquidation.insurance);
        if (terms.exact) offer = Numbers.min(offer, left);
        terms.insurance = Numbers.divFloor(offer * terms.share, Units.NANO_ONE);
    }
}
