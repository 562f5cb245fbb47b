// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Units} from "src/verifier/Types.sol";
import {Exponential} from "src/verifier/margin/Exponential.sol";
import {Fit, Numbers} from "src/verifier/margin/Numbers.sol";
import {MarginParameters, RiskParameters} from "src/verifier/state/leaves/RiskTables.sol";
import {UnderlyingLeaf} from "src/verifier/state/leaves/UnderlyingLeaf.sol";

/// @notice An underlying at its last mark, with what its risk table makes of the index: charges as amounts per contract.
/// @param underlying Its id
/// @param markTime Oracle time of the mark, ns
/// @param index 1e-9 USD
/// @param range Price range of the nodes, share of the index, 1e-9
/// @param parameters How lanes become margin
/// @param deltaImpact Price of a move of delta as large as its depth, micro-USDC per contract
/// @param strikeImpact The same of a strike
/// @param impactMax The cap of both
/// @param confidence Charge per contract of net delta
/// @param forwards Forwards of expiries at the mark
/// @param spot Charges of a perpetual, and of options whose expiry the mark does not cover any more
struct UnderlyingRisk {
    uint256 underlying;
    uint256 markTime;
    int256 index;
    int256 range;
    MarginParameters parameters;
    int256 deltaImpact;
    int256 strikeImpact;
    int256 impactMax;
    int256 confidence;
    ExpiryForward[] forwards;
    Charges spot;
}

/// @notice An expiry at a mark.
/// @param expiry Its time, ns
/// @param forward 1e-9 USD; 0 where the mark does not cover it
struct ExpiryForward {
    uint256 expiry;
    int256 forward;
}

/// @notice Charges of one expiry, micro-USDC per contract.
/// @param basis Basis and roll charge per contract of net delta
/// @param shortFloor Floor per contract net short of a strike
struct Charges {
    int256 basis;
    int256 shortFloor;
}

/// @title Charges of an underlying at its mark
library UnderlyingRisks {
    uint256 private constant DAY_NS = 86_400_000_000_000;
    /// A year of rates has 365 days.
    int256 private constant YEAR_NS = int256(365 * DAY_NS);
    /// Prices are 1e-9 USD, shares 1e-9: their product in micro-USDC.
    int256 private constant SHARE_OF_PRICE = Units.NANO_ONE * 1000;

    /// @notice At the mark that the leaf holds, by the table that governs it; without any forwards yet.
    function at(Fit memory fit, uint256 underlying, UnderlyingLeaf memory leaf, RiskParameters memory table)
        internal
        pure
        returns (UnderlyingRisk memory risk)
    {
        MarginParameters memory parameters = table.margin;
        risk.underlying = underlying;
        risk.markTime = leaf.markTime;
        risk.index = leaf.index;
        risk.range = table.scenario.range;
        risk.parameters = parameters;
        risk.deltaImpact = _share(fit, leaf.index, parameters.deltaImpact);
        risk.strikeImpact = _share(fit, leaf.index, parameters.strikeImpact);
        risk.impactMax = _share(fit, leaf.index, parameters.impactMax);
        int256 uncertain =
            Numbers.mulDivCeil(fit, parameters.confidenceMultiplier, int256(leaf.confidence), Units.NANO_ONE);
        risk.confidence = _share(fit, leaf.index, uncertain);
        int256 spotPrice = Numbers.max(leaf.index, leaf.perpetualMark);
        risk.spot.basis = _share(fit, spotPrice, parameters.basisMinMove);
        risk.spot.shortFloor = _share(fit, leaf.index, parameters.shortFloorLastDay);
    }

    /// @notice Charges of an expiry; 0 is that of perpetuals.
    function charges(UnderlyingRisk memory risk, Fit memory fit, uint256 expiry)
        internal
        pure
        returns (Charges memory)
    {
        int256 forward = _forward(risk, expiry);
        if (forward == 0) return risk.spot;
        MarginParameters memory parameters = risk.parameters;
        uint256 left = expiry > risk.markTime ? expiry - risk.markTime : 0;
        int256 exponent = Numbers.mulDivCeil(fit, parameters.basisRate, Numbers.narrow(fit, int256(left)), YEAR_NS);
        int256 moved = Numbers.max(Exponential.minusOne(fit, exponent), parameters.basisMinMove);
        int256 floor = left <= DAY_NS ? parameters.shortFloorLastDay : parameters.shortFloor;
        return Charges({basis: _share(fit, forward, moved), shortFloor: _share(fit, risk.index, floor)});
    }

    function _forward(UnderlyingRisk memory risk, uint256 expiry) private pure returns (int256) {
        for (uint256 i = 0; i < risk.forwards.length; ++i) {
            if (risk.forwards[i].expiry == expiry) return risk.forwards[i].forward;
        }
        return 0;
    }

    function _share(Fit memory fit, int256 price, int256 rate) private pure returns (int256) {
        return Numbers.mulDivCeil(fit, price, rate, SHARE_OF_PRICE);
    }
}
