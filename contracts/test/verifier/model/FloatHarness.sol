// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {ElementaryMath} from "src/verifier/model/ElementaryMath.sol";
import {FloatRounding} from "src/verifier/model/FloatRounding.sol";
import {Float64, SoftFloat64} from "src/verifier/model/SoftFloat64.sol";

/// @notice binary64 by columns, for comparison with a processor. Flags are 0 or 1, integers two's complement.
contract FloatHarness {
    /// @notice Limits of `floorWithin` in the harness.
    int256 public constant LEAST = type(int32).min;
    int256 public constant MOST = type(int32).max;

    enum Operation {
        Add,
        Sub,
        Mul,
        Div,
        Neg,
        Abs,
        Sqrt,
        Less,
        Greater,
        GreaterOrEqual,
        FromInt,
        Fits,
        HalfEven,
        Floor,
        Exp,
        Ln,
        LnRatio,
        TailShortfall
    }

    /// @notice The operation on each pair; one with a single operand takes the first.
    function evaluate(Operation operation, uint64[] calldata a, uint64[] calldata b)
        external
        pure
        returns (uint64[] memory results)
    {
        results = new uint64[](a.length);
        for (uint256 i = 0; i < a.length; ++i) {
            Float64 x = Float64.wrap(a[i]);
            results[i] = operation < Operation.Less
                ? Float64.unwrap(_number(operation, x, Float64.wrap(b[i])))
                : operation < Operation.Exp
                    ? _integer(operation, x, Float64.wrap(b[i]))
                    : Float64.unwrap(_elementary(operation, x, Float64.wrap(b[i])));
        }
    }

    function _number(Operation operation, Float64 x, Float64 y) private pure returns (Float64) {
        if (operation == Operation.Add) return x + y;
        if (operation == Operation.Sub) return x - y;
        if (operation == Operation.Mul) return x * y;
        if (operation == Operation.Div) return x / y;
        if (operation == Operation.Neg) return -x;
        return operation == Operation.Abs ? x.abs() : x.sqrt();
    }

    function _integer(Operation operation, Float64 x, Float64 y) private pure returns (uint64) {
        if (operation == Operation.Less) return x < y ? 1 : 0;
        if (operation == Operation.Greater) return x > y ? 1 : 0;
        if (operation == Operation.GreaterOrEqual) return x >= y ? 1 : 0;
        if (operation == Operation.FromInt) {
            return Float64.unwrap(SoftFloat64.fromInt(int256(int64(Float64.unwrap(x)))));
        }
        if (operation == Operation.Floor) return uint64(uint256(FloatRounding.floorWithin(x, LEAST, MOST)));
        (bool fits, int256 nearest) = FloatRounding.halfEven(x);
        return operation == Operation.Fits ? (fits ? 1 : 0) : uint64(uint256(nearest));
    }

    function _elementary(Operation operation, Float64 x, Float64 y) private pure returns (Float64) {
        if (operation == Operation.Exp) return ElementaryMath.exp(x);
        if (operation == Operation.Ln) return ElementaryMath.ln(x);
        return operation == Operation.LnRatio ? ElementaryMath.lnRatio(x, y) : ElementaryMath.tailShortfall(x);
    }
}
