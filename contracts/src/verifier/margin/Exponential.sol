// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Units} from "src/verifier/Types.sol";
import {Fit, Numbers} from "src/verifier/margin/Numbers.sol";

/// @title An upper bound of the exponential in integers
library Exponential {
    /// @notice Largest argument, 1e-9: e^20 is far beyond any charge.
    int256 internal constant ARGUMENT_MAX = 20 * Units.NANO_ONE;

    /// @notice An upper bound of `e^x − 1`, both 1e-9: terms of the power series, each rounded up, until they are past
    /// their peak by a factor of two and at most one unit; the rest is then less than the one unit more.
    function minusOne(Fit memory fit, int256 x) internal pure returns (int256 sum) {
        if (x < 0 || x > ARGUMENT_MAX) {
            fit.lost = true;
            return 0;
        }
        // Terms are below e^20 in units of 1e-9, their products far below 256 bits.
        unchecked {
            int256 term = Units.NANO_ONE;
            int256 divisor = 0;
            while (divisor < 2 * x || term > 1) {
                divisor += Units.NANO_ONE;
                term = (term * x + divisor - 1) / divisor;
                sum += term;
            }
            if (x > 0) ++sum;
        }
        return Numbers.narrow(fit, sum);
    }
}
