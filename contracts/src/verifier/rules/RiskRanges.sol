// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {requireLegal} from "src/verifier/IStepModule.sol";
import {Units} from "src/verifier/Types.sol";
import {
    CollateralTerms,
    MarginParameters,
    RiskParameters,
    ScenarioParameters
} from "src/verifier/state/leaves/RiskTables.sol";

/// @title Values that tables of the margin model may take
/// @notice Each by itself, and together: crates/engine/src/risk_admin.rs.
library RiskRanges {
    int256 private constant ONE = Units.NANO_ONE;
    /// Largest depth of a market, 1e-8 contracts.
    int256 private constant DEPTH_MAX = 100_000_000 * Units.CONTRACT;
    /// Largest depth of a vol, micro-USDC per vol point.
    int256 private constant VEGA_DEPTH_MAX = 1_000_000_000 * Units.USD;
    /// Highest cap of an asset, 1e-8 units.
    int256 private constant CAP_MAX = 10_000_000_000 * Units.CONTRACT;

    /// @notice The numbers of a risk table make sense.
    function requireSound(RiskParameters memory parameters) internal pure {
        _requireScenario(parameters.scenario);
        MarginParameters memory margin = parameters.margin;
        _requireMargin(margin);
        requireLegal(margin.shortFloor <= margin.shortFloorLastDay, "risk_conflict");
        bool capped = margin.deltaImpact <= margin.impactMax && margin.strikeImpact <= margin.impactMax;
        requireLegal(capped, "risk_conflict");
    }

    /// @notice The numbers of collateral terms make sense.
    function requireSound(CollateralTerms memory terms) internal pure {
        _requireWithin(terms.haircutInitial, 0, ONE);
        _requireWithin(terms.haircutMaintenance, 0, ONE);
        _requireWithin(terms.depeg, 0, ONE);
        _requireWithin(terms.accountCap, 0, CAP_MAX);
        _requireWithin(terms.venueCap, 0, CAP_MAX);
        requireLegal(terms.haircutMaintenance <= terms.haircutInitial, "risk_conflict");
    }

    function _requireScenario(ScenarioParameters memory scenario) private pure {
        _requireWithin(scenario.range, ONE / 100, ONE / 2);
        _requireWithin(scenario.volUp, 0, 10 * ONE);
        _requireWithin(scenario.volDown, 0, ONE);
        _requireWithin(scenario.powerShort, 0, ONE);
        _requireWithin(scenario.powerLong, 0, ONE);
        _requireWithin(scenario.volFloor, 0, 5 * ONE);
        _requireWithin(scenario.skewLinear, -5 * ONE, 5 * ONE);
        _requireWithin(scenario.skewAbsolute, -5 * ONE, 5 * ONE);
        _requireWithin(scenario.termFront, 0, 5 * ONE);
        _requireWithin(scenario.termBack, 0, ONE);
    }

    function _requireMargin(MarginParameters memory margin) private pure {
        _requireWithin(margin.maintenanceShare, ONE / 10, ONE);
        _requireWithin(margin.basisMinMove, 0, ONE);
        _requireWithin(margin.basisRate, 0, ONE);
        _requireWithin(margin.shortFloor, 0, ONE);
        _requireWithin(margin.shortFloorLastDay, 0, ONE);
        _requireWithin(margin.deltaDepth, 1, DEPTH_MAX);
        _requireWithin(margin.deltaImpact, 0, ONE);
        _requireWithin(margin.vegaDepth, 1, VEGA_DEPTH_MAX);
        _requireWithin(margin.vegaImpact, 0, 1000 * ONE);
        _requireWithin(margin.strikeDepth, 1, DEPTH_MAX);
        _requireWithin(margin.strikeImpact, 0, ONE);
        _requireWithin(margin.impactMax, 0, ONE);
        _requireWithin(margin.confidenceMultiplier, 0, 100 * ONE);
    }

    function _requireWithin(int256 value, int256 least, int256 greatest) private pure {
        requireLegal(value >= least && value <= greatest, "risk_range");
    }
}
