// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Units} from "src/verifier/Types.sol";
import {Fit, Numbers} from "src/verifier/margin/Numbers.sol";
import {CollateralTerms} from "src/verifier/state/leaves/RiskTables.sol";

/// @notice An asset of an account that counts as collateral.
/// @param asset The asset
/// @param balance 1e-8 units
/// @param held What the venue holds of it
/// @param price Last price, micro-USDC per unit
/// @param sound Whether the marks that price it are sound
/// @param terms What it counts for
struct CollateralAsset {
    uint256 asset;
    int256 balance;
    int256 held;
    int256 price;
    bool sound;
    CollateralTerms terms;
}

/// @notice What it counts for, micro-USDC.
/// @param scenarioUnderlying The underlying in whose lanes it moves; 0: in none
/// @param value Value of all that is held, before caps and haircuts
/// @param initial What equity counts for new risk; it is this amount that moves in the lanes
/// @param maintenance The same for maintenance
/// @param depegInitial Add-on against a break of the peg, for new risk
/// @param depegMaintenance The same for maintenance
struct CollateralLine {
    uint256 scenarioUnderlying;
    int256 value;
    int256 initial;
    int256 maintenance;
    int256 depegInitial;
    int256 depegMaintenance;
}

/// @title What assets beside USDC count for
/// @notice For new risk an asset counts while the marks that price it are sound, and within what the venue may count of
/// it in all; for upkeep at the last price, whatever the others hold.
library CollateralLines {
    using Numbers for Fit;

    /// @notice Counts an asset; not for new risk where its scenario underlying cannot be shocked but would have to be.
    function line(CollateralAsset memory asset, Fit memory fit, bool shockable)
        internal
        pure
        returns (CollateralLine memory self)
    {
        CollateralTerms memory terms = asset.terms;
        int256 forMaintenance = _clamp(asset.balance, Numbers.max(terms.accountCap, 0));
        int256 forInitial = _clamp(shockable ? _eligible(asset, fit) : int256(0), forMaintenance);
        int256 initialValue = _value(asset, fit, forInitial);
        int256 maintenanceValue = _value(asset, fit, forMaintenance);
        self.scenarioUnderlying = terms.scenarioUnderlying;
        self.value = _value(asset, fit, asset.balance);
        self.initial = _after(fit, initialValue, terms.haircutInitial);
        self.maintenance = _after(fit, maintenanceValue, terms.haircutMaintenance);
        self.depegInitial = fit.mulDivCeil(initialValue, terms.depeg, Units.NANO_ONE);
        self.depegMaintenance = fit.mulDivCeil(maintenanceValue, terms.depeg, Units.NANO_ONE);
    }

    /// How much of the balance counts for new risk: nothing while the price is unsound; at most the account's cap; and of
    /// that the same share for everybody when the venue holds more than its cap.
    function _eligible(CollateralAsset memory asset, Fit memory fit) private pure returns (int256) {
        if (!asset.sound) return 0;
        int256 amount = Numbers.min(asset.balance, asset.terms.accountCap);
        if (asset.held <= asset.terms.venueCap) return amount;
        return fit.mulDivFloor(amount, asset.terms.venueCap, asset.held);
    }

    function _value(CollateralAsset memory asset, Fit memory fit, int256 amount) private pure returns (int256) {
        return fit.mulDivFloor(amount, asset.price, Units.CONTRACT);
    }

    /// What a haircut leaves.
    function _after(Fit memory fit, int256 value, int256 haircut) private pure returns (int256) {
        return fit.mulDivFloor(value, Units.NANO_ONE - haircut, Units.NANO_ONE);
    }

    function _clamp(int256 amount, int256 most) private pure returns (int256) {
        return Numbers.min(Numbers.max(amount, 0), most);
    }
}
