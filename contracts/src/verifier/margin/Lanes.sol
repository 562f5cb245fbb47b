// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @notice What one instrument adds to a lane when a side of its orders, or both, fills: a line in the lane's value.
/// @param bids Slope per lane unit and constant, micro-USDC, when the bids fill
/// @param offers The same of the offers
/// @param both The same of all
struct Fills {
    Line bids;
    Line offers;
    Line both;
}

/// @notice A linear function of a lane.
struct Line {
    int256 slope;
    int256 constant_;
}

/// @title Lane arithmetic over the committed bytes of a risk array
/// @notice An array is 64 lanes of i32 and 16 gaps of u32: ten words of eight numbers, the first in the highest bits.
/// Sums of linear functions are kept four to a word, each in 64 bits: as whole 256-bit integers they are
/// `Σ field·2^(64·k)` with signed fields, so that one multiplication and one addition serve four lanes. Fields stay
/// within ± 2^62 (see `Pools.REACH_MAX`), so they never run into each other; where that bound is broken the
/// result is not used.
library Lanes {
    /// @notice Lanes of an instrument.
    uint256 internal constant COUNT = 64;
    /// @notice Words of the lanes of a sum.
    uint256 internal constant LANE_WORDS = 16;
    /// @notice Words of the gaps of a sum.
    uint256 internal constant GAP_WORDS = 4;
    /// @notice Words of the lanes of a sum over orders: behind the others the two skew lanes reversed.
    uint256 internal constant FILL_WORDS = 17;
    /// @notice First skew lane; the other one follows.
    uint256 internal constant SKEW = 59;
    /// @notice Lanes of a sum: those of an instrument and the two skew lanes reversed.
    uint256 internal constant WIDTH = 66;

    /// Bytes of the lanes in a risk array.
    uint256 private constant LANE_BYTES = 256;
    /// Bytes of the gaps behind them.
    uint256 private constant GAP_BYTES = 64;
    /// The sign bit of each of eight 32-bit fields.
    uint256 private constant SIGNS = 0x8000000080000000800000008000000080000000800000008000000080000000;
    /// 2^31 in each of four 64-bit fields.
    uint256 private constant BIAS = 0x0000000080000000000000008000000000000000800000000000000080000000;
    /// 2^63 in each of four 64-bit fields.
    uint256 private constant MIDDLES = 0x8000000000000000800000000000000080000000000000008000000000000000;
    /// 2^62 in each of four 64-bit fields.
    uint256 private constant QUARTERS = MIDDLES >> 1;
    /// One in each of four 64-bit fields.
    uint256 private constant ONES = MIDDLES >> 63;
    /// Fields of 64 bits, two of four.
    uint256 private constant PAIRS = 0x0000000000000000ffffffffffffffff0000000000000000ffffffffffffffff;
    /// Fields of 32 bits, four of eight.
    uint256 private constant SINGLES = 0x00000000ffffffff00000000ffffffff00000000ffffffff00000000ffffffff;

    /// @notice A bound of the magnitude of every lane, of either sign and rounded either way, and of every gap: the bits
    /// of all of them joined, and one more.
    function peak(bytes memory risk) internal pure returns (int256) {
        uint256 bits = 0;
        unchecked {
            for (uint256 at = 0; at < LANE_BYTES + GAP_BYTES; at += 32) {
                uint256 word = _word(risk, at);
                // A negative lane stands for its complement: all its bits flip.
                if (at < LANE_BYTES) word ^= ((word & SIGNS) >> 31) * 0xffffffff;
                bits |= word;
            }
            bits |= bits >> 128;
            bits |= bits >> 64;
            bits |= bits >> 32;
            return int256(bits & 0xffffffff) + 1;
        }
    }

    /// @notice Adds `slope` times each lane to sums of `LANE_WORDS` words.
    function addLanes(uint256[] memory sums, bytes memory risk, int256 slope) internal pure {
        unchecked {
            for (uint256 at = 0; at < LANE_BYTES; at += 32) {
                (uint256 high, uint256 low) = _signed(_word(risk, at));
                _add(sums, 2 * at, high * uint256(slope), low * uint256(slope));
            }
        }
    }

    /// @notice Adds `slope` times each gap to sums of `GAP_WORDS` words.
    function addGaps(uint256[] memory sums, bytes memory risk, int256 slope) internal pure {
        if (slope == 0) return;
        unchecked {
            for (uint256 at = 0; at < GAP_BYTES; at += 32) {
                (uint256 high, uint256 low) = _spread(_word(risk, LANE_BYTES + at));
                _add(sums, 2 * at, high * uint256(slope), low * uint256(slope));
            }
        }
    }

    /// @notice Adds the fields of packed sums, and `more`, to the first of `values`; as many as there are of the fewer.
    function unpack(uint256[] memory sums, int256[] memory values, int256 more) internal pure {
        assembly ("memory-safe") {
            let place := add(values, 0x20)
            let end := add(place, shl(5, mload(values)))
            let offset := sub(more, shl(63, 1))
            let source := add(sums, 0x20)
            for { let last := add(source, shl(5, mload(sums))) } lt(source, last) { source := add(source, 0x20) } {
                let word := add(mload(source), MIDDLES)
                for { let shift := 192 } and(lt(shift, 256), lt(place, end)) { shift := sub(shift, 64) } {
                    mstore(place, add(mload(place), add(and(shr(shift, word), 0xffffffffffffffff), offset)))
                    place := add(place, 0x20)
                }
            }
        }
    }

    /// @notice Adds the least that a fill, or none, adds to each lane; to sums of `FILL_WORDS` words.
    function addFills(uint256[] memory sums, bytes memory risk, Fills memory fills) internal pure {
        (Line memory bids, Line memory offers, Line memory both) = (fills.bids, fills.offers, fills.both);
        unchecked {
            for (uint256 at = 0; at < LANE_BYTES; at += 32) {
                (uint256 high, uint256 low) = _signed(_word(risk, at));
                uint256 highest = _min(_line(high, bids), _line(high, offers));
                highest = _min(_min(_line(high, both), highest), QUARTERS);
                uint256 lowest = _min(_line(low, bids), _line(low, offers));
                lowest = _min(_min(_line(low, both), lowest), QUARTERS);
                _add(sums, 2 * at, highest - QUARTERS, lowest - QUARTERS);
            }
            // The skew lanes reversed: −L − 1, the floor of the opposite of a number in [L, L + 1). Two more come along.
            (uint256 skews,) = _signed(~_word(risk, 4 * SKEW));
            uint256 least = _min(_line(skews, bids), _line(skews, offers));
            least = _min(_min(_line(skews, both), least), QUARTERS);
            sums[FILL_WORDS - 1] += least - QUARTERS;
        }
    }

    /// A line in four lanes, 2^62 above what it is: no field is negative, and none has its highest bit.
    function _line(uint256 lanes, Line memory line) private pure returns (uint256) {
        unchecked {
            return lanes * uint256(line.slope) + uint256(line.constant_) * ONES + QUARTERS;
        }
    }

    /// The lower of each pair of fields, none of which has its highest bit.
    function _min(uint256 a, uint256 b) private pure returns (uint256) {
        unchecked {
            // A field keeps its highest bit where `a` is not below `b`; these become fields of ones.
            uint256 above = ((((a | MIDDLES) - b) & MIDDLES) >> 63) * type(uint64).max;
            return a ^ ((a ^ b) & above);
        }
    }

    /// The word of a risk array that begins at byte `at`.
    function _word(bytes memory risk, uint256 at) private pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := mload(add(add(risk, 0x20), at))
        }
    }

    /// Eight numbers of 32 bits in fields of 64 bits, four in each of two words.
    function _spread(uint256 word) private pure returns (uint256 high, uint256 low) {
        assembly ("memory-safe") {
            high := shr(128, word)
            high := and(or(high, shl(64, high)), PAIRS)
            high := and(or(high, shl(32, high)), SINGLES)
            low := and(word, 0xffffffffffffffffffffffffffffffff)
            low := and(or(low, shl(64, low)), PAIRS)
            low := and(or(low, shl(32, low)), SINGLES)
        }
    }

    /// The same of signed numbers.
    function _signed(uint256 word) private pure returns (uint256 high, uint256 low) {
        (high, low) = _spread(word ^ SIGNS);
        unchecked {
            high -= BIAS;
            low -= BIAS;
        }
    }

    /// Adds to the two words that begin at byte `at` of the sums.
    function _add(uint256[] memory sums, uint256 at, uint256 first, uint256 second) private pure {
        assembly ("memory-safe") {
            let place := add(add(sums, 0x20), at)
            mstore(place, add(mload(place), first))
            place := add(place, 0x20)
            mstore(place, add(mload(place), second))
        }
    }
}
