// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {MarginModel} from "src/verifier/Types.sol";
import {CollateralAsset} from "src/verifier/margin/CollateralLines.sol";
import {Holding, OpenOrders} from "src/verifier/margin/MarginAccount.sol";
import {Fit} from "src/verifier/margin/Numbers.sol";
import {Quads} from "src/verifier/margin/Quads.sol";
import {Terms, TermsOf} from "src/verifier/margin/Terms.sol";
import {ExpiryForward, UnderlyingRisk, UnderlyingRisks} from "src/verifier/margin/UnderlyingRisk.sol";
import {Unfilled} from "src/verifier/margin/Unfilled.sol";
import {Cursor, Decoder} from "src/verifier/state/Decoder.sol";
import {Parameters} from "src/verifier/state/Parameters.sol";
import {InstrumentLeaves} from "src/verifier/state/leaves/InstrumentLeaf.sol";
import {RiskTables} from "src/verifier/state/leaves/RiskTables.sol";
import {UnderlyingLeaf, UnderlyingLeaves} from "src/verifier/state/leaves/UnderlyingLeaf.sol";

/// @notice All that the margin of an account follows from.
/// @param portfolio Whether it is margined as a portfolio
/// @param cash Micro-USDC
/// @param parameters The parameter table
/// @param holdings Positions and open orders
/// @param terms Their instruments, in the same order
/// @param risks Underlyings that have a risk table, each at its mark
/// @param assets Assets that count as collateral
struct MarginBook {
    bool portfolio;
    int256 cash;
    bytes parameters;
    Holding[] holdings;
    Terms[] terms;
    UnderlyingRisk[] risks;
    CollateralAsset[] assets;
}

/// @title Decoder of what `MarginInputs` encodes
library MarginBooks {
    using Decoder for Cursor;

    /// @notice The account that an input describes.
    function decode(bytes memory input, Fit memory fit) internal pure returns (MarginBook memory book) {
        Cursor memory cursor = Decoder.leaf(input);
        book.portfolio = MarginModel(cursor.choice(2)) == MarginModel.Portfolio;
        book.cash = cursor.i64();
        book.parameters = cursor.take(Parameters.TABLE_BYTES);
        uint256 count = cursor.u16();
        book.holdings = Unfilled.holdings(count);
        book.terms = Unfilled.terms(count);
        for (uint256 i = 0; i < count; ++i) {
            Holding memory holding = _holding(cursor);
            book.holdings[i] = holding;
            bytes memory leaf = cursor.take(cursor.u16());
            book.terms[i] = TermsOf.derive(holding.instrument, InstrumentLeaves.decode(leaf), book.parameters);
        }
        book.risks = _risks(cursor, fit);
        book.assets = new CollateralAsset[](cursor.u16());
        for (uint256 i = 0; i < book.assets.length; ++i) {
            book.assets[i] = _asset(cursor);
        }
        cursor.finish();
    }

    function _holding(Cursor memory cursor) private pure returns (Holding memory holding) {
        int256 instrument;
        (instrument, holding.position, holding.cost, holding.funding) = Quads.unpack(cursor.word());
        holding.instrument = uint256(instrument);
        OpenOrders memory bids = holding.bids;
        OpenOrders memory offers = holding.offers;
        (bids.lots, bids.worst, offers.lots, offers.worst) = Quads.unpack(cursor.word());
    }

    /// The underlyings with a risk table.
    function _risks(Cursor memory cursor, Fit memory fit) private pure returns (UnderlyingRisk[] memory risks) {
        uint256 count = cursor.u16();
        risks = new UnderlyingRisk[](count);
        uint256 length = 0;
        for (uint256 i = 0; i < count; ++i) {
            (bool found, UnderlyingRisk memory risk) = _risk(cursor, fit);
            if (found) risks[length++] = risk;
        }
        assembly ("memory-safe") {
            mstore(risks, length)
        }
    }

    function _risk(Cursor memory cursor, Fit memory fit) private pure returns (bool found, UnderlyingRisk memory risk) {
        uint256 underlying = cursor.u16();
        UnderlyingLeaf memory leaf = UnderlyingLeaves.decode(cursor.take(cursor.u16()));
        if (leaf.hasRisk) {
            found = true;
            risk = UnderlyingRisks.at(fit, underlying, leaf, RiskTables.risk(cursor));
        }
        risk.forwards = new ExpiryForward[](cursor.u16());
        for (uint256 i = 0; i < risk.forwards.length; ++i) {
            risk.forwards[i].expiry = cursor.u64();
            risk.forwards[i].forward = cursor.i64();
        }
    }

    function _asset(Cursor memory cursor) private pure returns (CollateralAsset memory asset) {
        asset.asset = cursor.u16();
        asset.balance = cursor.i64();
        asset.held = cursor.i128();
        asset.price = cursor.i64();
        asset.sound = cursor.flag();
        asset.terms = RiskTables.terms(cursor);
    }
}
