// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {InstrumentKind, Parameter, Units} from "src/verifier/Types.sol";
import {Numbers} from "src/verifier/margin/Numbers.sol";
import {Liquidations} from "src/verifier/risk/Liquidations.sol";
import {Instruments} from "src/verifier/state/Instruments.sol";
import {Ledger} from "src/verifier/state/Ledger.sol";
import {Parameters} from "src/verifier/state/Parameters.sol";
import {InstrumentLeaf} from "src/verifier/state/leaves/InstrumentLeaf.sol";

/// @title What a slice pays to the insurance fund
library SliceFees {
    /// @notice Fee of a slice that traded `lots` for `cash`, micro-USDC, rounded up: a share of the index notional; of options
    /// at most the fee cap's share of the premium.
    function fee(Ledger memory ledger, uint256 instrument, int256 lots, int256 cash) internal pure returns (int256) {
        InstrumentLeaf memory leaf = Instruments.load(ledger, instrument);
        int256 notional = Numbers.divFloor(lots * leaf.lotSize * leaf.markIndex, Liquidations.NOTIONAL_DIVISOR);
        int256 charge = Numbers.divCeil(notional * Parameters.value(ledger, Parameter.LiquidationFee), Units.NANO_ONE);
        if (leaf.kind == InstrumentKind.Perpetual) return charge;
        int256 share = Parameters.value(ledger, Parameter.OptionFeeCap);
        return Numbers.min(charge, Numbers.divCeil(share * cash, Units.NANO_ONE));
    }
}
