// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Actions} from "src/verifier/Actions.sol";
import {requireLegal} from "src/verifier/IStepModule.sol";
import {Step, Steps} from "src/verifier/StepBase.sol";
import {CommandKind, Parameter, StepKind, Units} from "src/verifier/Types.sol";
import {LiquidationBid, OwnerCommands} from "src/verifier/commands/OwnerCommands.sol";
import {IMarginCalculator} from "src/verifier/margin/IMarginCalculator.sol";
import {MarginAccounts} from "src/verifier/margin/MarginAccount.sol";
import {MarginUser} from "src/verifier/margin/MarginUser.sol";
import {Margins, Standing} from "src/verifier/margin/Margins.sol";
import {Numbers} from "src/verifier/margin/Numbers.sol";
import {Asking} from "src/verifier/orders/Asking.sol";
import {BidTerms, IAuctionGate} from "src/verifier/risk/IAuctionGate.sol";
import {Insurance} from "src/verifier/risk/Insurance.sol";
import {Liquidations} from "src/verifier/risk/Liquidations.sol";
import {Moves} from "src/verifier/risk/Moves.sol";
import {RiskSteps} from "src/verifier/risk/RiskSteps.sol";
import {Accounts} from "src/verifier/state/Accounts.sol";
import {Globals} from "src/verifier/state/Globals.sol";
import {Account, Ledger} from "src/verifier/state/Ledger.sol";
import {Parameters} from "src/verifier/state/Parameters.sol";
import {Collateral, LiquidationLeaf} from "src/verifier/state/leaves/AccountLeaf.sol";
import {HoldingLeaf} from "src/verifier/state/leaves/HoldingLeaf.sol";
import {CollateralSchedule} from "src/verifier/state/leaves/RiskTables.sol";

/// @title Bids
/// @notice The step `liquidation_fill`: somebody takes a share of everything that an account in an auction has. Positions move at
/// the marks, and what the share costs is one payment in cash. Whether the bid may be made, and what it gets, says the gate.
contract AuctionSteps is RiskSteps, Asking {
    using Margins for IMarginCalculator;

    /// @dev A bid being carried out.
    struct Deal {
        Account seller;
        Account bidder;
        BidTerms terms;
        int256 insurance;
    }

    IAuctionGate internal immutable _gate;

    constructor(IMarginCalculator marginCalculator, IAuctionGate auctionGate) MarginUser(marginCalculator) {
        _gate = auctionGate;
    }

    function _run(Step memory step) internal view override {
        requireLegal(step.kind == StepKind.LIQUIDATION_FILL, "kind");
        Steps.opens(step, CommandKind.LIQUIDATION_BID);
        Deal memory deal;
        deal.terms = abi.decode(_ask(address(_gate), IAuctionGate.admit.selector), (BidTerms));
        deal.insurance = Steps.onlyAmount(step);
        bool less = !deal.terms.exact && deal.insurance >= 0 && deal.insurance < deal.terms.insurance;
        requireLegal(less || deal.insurance == deal.terms.insurance, "insurance");
        LiquidationBid memory bid = OwnerCommands.decodeLiquidationBid(step.body);
        requireLegal(deal.terms.price - deal.insurance <= bid.limit, "bid_limit");
        Actions.useTradingNonce(step, bid.auth);
        deal.bidder = Accounts.load(step.ledger, bid.subaccount);
        deal.seller = Accounts.load(step.ledger, bid.target);
        _settle(step, deal);
        Standing memory afterwards = _standing(step, deal.seller);
        requireLegal(afterwards.equity - afterwards.maintenance >= deal.terms.excess, "bid_harms");
        requireLegal(step.last != Liquidations.isSold(step.ledger, deal.seller, afterwards), "last");
        _requireBears(step, deal.bidder);
    }

    /// Positions, assets and cash change hands.
    function _settle(Step memory step, Deal memory deal) private pure {
        (Account memory seller, Account memory bidder) = (deal.seller, deal.bidder);
        _movePositions(step.ledger, deal);
        int256 moved = _moveAssets(step.ledger, deal);
        // Of the whole portfolio that is all the cash there is, to the unit.
        int256 cash = deal.terms.share == Units.NANO_ONE
            ? seller.leaf.cash
            : Numbers.divFloor(deal.terms.value * deal.terms.share, Units.NANO_ONE) - moved;
        cash -= deal.terms.price;
        seller.leaf.cash -= cash;
        bidder.leaf.cash += cash + deal.insurance;
        Insurance.draw(step.ledger, seller, deal.insurance);
        LiquidationLeaf memory liquidation = seller.leaf.liquidation;
        int256 reserve = liquidation.reserve * (Units.NANO_ONE - deal.terms.share) / Units.NANO_ONE + deal.terms.price;
        liquidation.reserve = Numbers.max(Numbers.min(reserve, type(int64).max), 0);
    }

    function _movePositions(Ledger memory ledger, Deal memory deal) private pure {
        (uint256[] memory ids, HoldingLeaf[] memory holdings) = Accounts.holdings(deal.seller);
        for (uint256 i = 0; i < ids.length; ++i) {
            int256 lots = holdings[i].lots;
            if (lots == 0) continue;
            int256 size = Numbers.divCeil(Numbers.magnitude(lots) * deal.terms.share, Units.NANO_ONE);
            Moves.move(ledger, deal.seller, deal.bidder, ids[i], lots > 0 ? size : -size);
        }
    }

    /// Returns what the assets that moved are worth.
    function _moveAssets(Ledger memory ledger, Deal memory deal) private pure returns (int256 moved) {
        CollateralSchedule[] memory table = Globals.collateral(ledger);
        Collateral[] memory assets = deal.seller.leaf.collateral;
        for (uint256 i = 0; i < assets.length; ++i) {
            CollateralSchedule memory terms = table[assets[i].asset];
            if (!terms.hasActive) continue;
            int256 amount = Numbers.divFloor(assets[i].amount * deal.terms.share, Units.NANO_ONE);
            moved += Liquidations.assetValue(ledger, terms, amount);
            Accounts.credit(deal.seller, assets[i].asset, -amount);
            Accounts.credit(deal.bidder, assets[i].asset, amount);
        }
    }

    /// The bidder can hold what it has now, open orders included.
    function _requireBears(Step memory step, Account memory bidder) private view {
        int256 most = Parameters.value(step.ledger, Parameter.MaxInstruments);
        requireLegal(int256(bidder.leaf.holdings) <= most, "too_many_instruments");
        bool covered = Margins.isMargined(margin.figures(step.ledger, MarginAccounts.load(step.ledger, bidder)));
        requireLegal(covered, "not_enough_margin");
    }
}
