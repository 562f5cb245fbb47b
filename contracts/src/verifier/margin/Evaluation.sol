// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Units} from "src/verifier/Types.sol";
import {Lanes} from "src/verifier/margin/Lanes.sol";
import {Fit, Numbers} from "src/verifier/margin/Numbers.sol";
import {Pool} from "src/verifier/margin/Pools.sol";

/// @notice What a margin is for.
enum Stage {
    /// New risk: open orders at their worst.
    Initial,
    /// Initial margin of the positions alone.
    Positions,
    /// Maintenance: positions alone, times the maintenance share.
    Maintenance
}

/// @notice The losses of one underlying, before underlyings are combined; micro-USDC, the full amounts.
/// @param share Share of them that counts, 1e-9
/// @param byState By state, negative for a gain
/// @param scan The largest loss, at least 0
/// @param orderCost Cost of filling the open orders; part of every loss already
struct UnderlyingLosses {
    int256 share;
    int256[] byState;
    int256 scan;
    int256 orderCost;
}

/// @title From sums to margin: the loss of each state
/// @notice Lanes are three rows of 17 price nodes (vol up, flat, down), eight tails, two skew lanes, two term lanes and
/// the crash. States are the 16 cells of each row, in which a loss is bounded between its nodes by the gaps, and the
/// other lanes one by one, the skew lanes in both directions.
library Evaluation {
    using Numbers for Fit;
    /// @notice States over which a loss is taken.
    uint256 internal constant STATES = 63;

    uint256 private constant ROWS = 3;
    uint256 private constant NODES = 17;
    uint256 private constant GAPS = 16;
    /// The node at the index.
    uint256 private constant MIDDLE = 8;
    /// First tail lane; the first two are falls.
    uint256 private constant TAIL = ROWS * NODES;
    uint256 private constant CRASH = Lanes.COUNT - 1;
    /// Lanes of the states behind the cells, a byte each: tails, skews, skews reversed, terms, crash.
    bytes32 private constant SINGLES = 0x333435363738393a3b3c40413d3e3f0000000000000000000000000000000000;

    /// @notice Share of losses and add-ons that counts at a stage, 1e-9.
    function shareOf(Pool memory pool, Stage stage) internal pure returns (int256) {
        return stage == Stage.Maintenance ? pool.risk.parameters.maintenanceShare : Units.NANO_ONE;
    }

    /// @notice The losses of a pool, with collateral worth `collateral` micro-USDC that moves with the underlying.
    function losses(Pool memory pool, Fit memory fit, Stage stage, int256 collateral)
        internal
        pure
        returns (UnderlyingLosses memory found)
    {
        bool withOrders = stage == Stage.Initial;
        found.share = shareOf(pool, stage);
        if (withOrders) found.orderCost = pool.orderCost;
        int256[] memory values = _values(pool, withOrders);
        if (collateral != 0) _addCollateral(values, fit, collateral, pool.risk.range);
        _takeLosses(found, values, _gaps(pool, withOrders));
    }

    /// P&L by lane, the skew lanes reversed behind the others.
    function _values(Pool memory pool, bool withOrders) private pure returns (int256[] memory values) {
        values = new int256[](Lanes.WIDTH);
        Lanes.unpack(pool.lanes, values, pool.shortPay);
        // The lane −L − 1 in the place of L. Bounded by the reach of the pool.
        unchecked {
            for (uint256 i = 0; i < Lanes.WIDTH - Lanes.COUNT; ++i) {
                values[Lanes.COUNT + i] = 2 * pool.shortPay - pool.slope - values[Lanes.SKEW + i];
            }
        }
        if (withOrders) Lanes.unpack(pool.orders, values, 0);
    }

    /// Gap charge by cell.
    function _gaps(Pool memory pool, bool withOrders) private pure returns (int256[] memory gaps) {
        gaps = new int256[](GAPS);
        Lanes.unpack(pool.gaps, gaps, 0);
        if (withOrders) Lanes.unpack(pool.orderGaps, gaps, 0);
    }

    /// Adds the P&L of collateral, rounded down: a linear instrument, in the tails and the crash at the ends of the
    /// range, the same in skew and term lanes.
    function _addCollateral(int256[] memory values, Fit memory fit, int256 collateral, int256 range) private pure {
        int256 fall;
        int256 rise;
        for (uint256 node = 0; node < NODES; ++node) {
            int256 steps = int256(node) - int256(MIDDLE);
            int256 moved = fit.narrow(Numbers.divFloor(collateral * steps * range, 8 * Units.NANO_ONE));
            for (uint256 row = 0; row < ROWS; ++row) {
                _addTo(values, row * NODES + node, moved);
            }
            if (node == 0) fall = moved;
            rise = moved;
        }
        for (uint256 lane = TAIL; lane < Lanes.SKEW; ++lane) {
            _addTo(values, lane, lane < TAIL + 2 ? fall : rise);
        }
        _addTo(values, CRASH, fall);
    }

    function _addTo(int256[] memory values, uint256 lane, int256 more) private pure {
        values[lane] = _saturated(values[lane] + more);
    }

    function _takeLosses(UnderlyingLosses memory found, int256[] memory values, int256[] memory gaps) private pure {
        int256[] memory byState = new int256[](STATES);
        int256 most = 0;
        assembly ("memory-safe") {
            function saturated(value) -> loss {
                loss := value
                if sgt(loss, 0x7fffffffffffffff) { loss := 0x7fffffffffffffff }
                if slt(loss, not(0x7fffffffffffffff)) { loss := not(0x7fffffffffffffff) }
            }

            let state := add(byState, 0x20)
            let node := add(values, 0x20)
            // Rows of cells, each between its node and the next.
            for { let row := 0 } lt(row, ROWS) { row := add(row, 1) } {
                let value := mload(node)
                let gap := add(gaps, 0x20)
                for { let cell := 0 } lt(cell, GAPS) { cell := add(cell, 1) } {
                    node := add(node, 0x20)
                    let next := mload(node)
                    let lower := value
                    if slt(next, value) { lower := next }
                    let loss := saturated(sub(mload(gap), lower))
                    if sgt(loss, most) { most := loss }
                    mstore(state, loss)
                    state := add(state, 0x20)
                    gap := add(gap, 0x20)
                    value := next
                }
                node := add(node, 0x20)
            }
            for { let i := 0 } lt(i, 15) { i := add(i, 1) } {
                let loss := saturated(sub(0, mload(add(add(values, 0x20), shl(5, byte(i, SINGLES))))))
                if sgt(loss, most) { most := loss }
                mstore(state, loss)
                state := add(state, 0x20)
            }
        }
        found.byState = byState;
        found.scan = most;
    }

    /// The nearest number of 64 bits.
    function _saturated(int256 value) private pure returns (int256) {
        return Numbers.min(Numbers.max(value, type(int64).min), type(int64).max);
    }
}
