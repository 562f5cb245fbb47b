// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {ElementaryMath} from "./ElementaryMath.sol";
import {Float64, HALF, ONE, ZERO} from "./SoftFloat64.sol";

/// @dev What an undiscounted option is priced from.
struct Contract {
    Float64 forward;
    Float64 strike;
    /// ln of forward over strike.
    Float64 logMoneyness;
    /// Implied vol.
    Float64 sigma;
    /// √T.
    Float64 rootT;
    bool isCall;
}

/// @title Black-76 on the forward
/// @notice The operations of `crates/pricing/src/kernel.rs` in their order, without the Greeks that no mark carries.
library Black76 {
    /// @dev Everything that price and Greeks are read off.
    struct Evaluation {
        Float64 deviation;
        Float64 d1;
        Float64 d2;
        Float64 bell;
        /// What the tails of d1 and d2 fall short of ½.
        Float64 shortfall1;
        Float64 shortfall2;
    }

    /// @dev 1e-100: √(variance) below which an option is its intrinsic value.
    Float64 private constant LEAST_DEVIATION = Float64.wrap(0x2b2bff2ee48e0530);
    /// @dev 1/(100·√(2π)).
    Float64 private constant VEGA_SCALE = Float64.wrap(0x3f70573687920e48);

    /// @notice Price and delta.
    function priceAndDelta(Contract memory option) internal pure returns (Float64 value, Float64 delta) {
        Evaluation memory at = _evaluate(option);
        value = _price(option, at);
        // Φ(−|d1|), or what it leaves.
        Float64 tail = at.bell * (HALF - at.shortfall1);
        Float64 signed = option.isCall ? at.d1 : -at.d1;
        Float64 probability = signed < ZERO ? tail : ONE - tail;
        delta = option.isCall ? probability : -probability;
    }

    /// @notice Price alone.
    function price(Contract memory option) internal pure returns (Float64) {
        return _price(option, _evaluate(option));
    }

    /// @notice Change of the price per vol point.
    function vega(Contract memory option) internal pure returns (Float64) {
        Float64 deviation = option.sigma * option.rootT;
        (Float64 d1,) = _locate(option.logMoneyness, deviation);
        Float64 bell = _isLive(deviation) ? ElementaryMath.bell(d1) : ZERO;
        return option.forward * bell * (option.rootT * VEGA_SCALE);
    }

    function _evaluate(Contract memory option) private pure returns (Evaluation memory at) {
        at.deviation = option.sigma * option.rootT;
        (at.d1, at.d2) = _locate(option.logMoneyness, at.deviation);
        at.bell = ElementaryMath.bell(at.d1);
        at.shortfall1 = ElementaryMath.tailShortfall(at.d1.abs());
        at.shortfall2 = ElementaryMath.tailShortfall(at.d2.abs());
    }

    /// @dev d1 and d2.
    function _locate(Float64 logMoneyness, Float64 deviation) private pure returns (Float64 d1, Float64 d2) {
        Float64 bounded = _isLive(deviation) ? deviation : LEAST_DEVIATION;
        d1 = logMoneyness * (ONE / bounded) + HALF * bounded;
        d2 = d1 - bounded;
    }

    /// @dev The price out of the money, and what is in the money by parity.
    function _price(Contract memory option, Evaluation memory at) private pure returns (Float64) {
        Float64 inner = option.forward - option.strike;
        if (!option.isCall) inner = -inner;
        return _timeValue(option, at) + (inner > ZERO ? inner : ZERO);
    }

    function _timeValue(Contract memory option, Evaluation memory at) private pure returns (Float64 value) {
        if (!_isLive(at.deviation)) return ZERO;
        Float64 weight = option.forward * at.bell;
        if (at.d1 >= ZERO && at.d2 < ZERO) {
            Float64 near = option.forward < option.strike ? option.forward : option.strike;
            value = (near - weight) + weight * (at.shortfall1 + at.shortfall2);
        } else {
            value = weight * (at.shortfall2 - at.shortfall1).abs();
        }
        if (!(value > ZERO)) value = ZERO;
    }

    function _isLive(Float64 deviation) private pure returns (bool) {
        return deviation >= LEAST_DEVIATION;
    }
}
