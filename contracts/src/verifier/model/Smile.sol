// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Float64, SoftFloat64} from "./SoftFloat64.sol";
import {ExpiryInputs} from "src/verifier/commands/MarkUpdates.sol";

/// @title Raw SVI
/// @notice w(k) = a + b·(ρ(k − m) + √((k − m)² + σ²)), by the operations of `crates/pricing/src/smile.rs` in their order.
library Smile {
    int256 private constant ONE_NANO = 1e9;
    /// @dev 1e9.
    Float64 private constant NANO = Float64.wrap(0x41cdcd6500000000);

    /// @notice Whether the parameters are a smile.
    function isSound(ExpiryInputs memory terms) internal pure returns (bool) {
        return terms.b >= 0 && terms.rho > -ONE_NANO && terms.rho < ONE_NANO && terms.sigma > 0;
    }

    /// @notice √(w(k)/T), NaN where the variance is negative.
    /// @param k ln(K/F)
    /// @param t Years to expiry, positive
    function vol(ExpiryInputs memory terms, Float64 k, Float64 t) internal pure returns (Float64) {
        Float64 x = k - nano(terms.m);
        Float64 sigma = nano(terms.sigma);
        Float64 bend = nano(terms.rho) * x + (x * x + sigma * sigma).sqrt();
        return ((nano(terms.a) + nano(terms.b) * bend) / t).sqrt();
    }

    /// @notice A number of the wire's fixed point, 1e-9.
    function nano(int256 value) internal pure returns (Float64) {
        return SoftFloat64.fromInt(value) / NANO;
    }
}
