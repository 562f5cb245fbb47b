// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {requireLegal} from "src/verifier/IStepModule.sol";
import {Step, StepBase, Steps} from "src/verifier/StepBase.sol";
import {CommandKind, Parameter, StepKind} from "src/verifier/Types.sol";
import {Genesis, GenesisCommands} from "src/verifier/commands/GenesisCommands.sol";
import {Ranges} from "src/verifier/rules/Ranges.sol";
import {Globals} from "src/verifier/state/Globals.sol";
import {Underlyings} from "src/verifier/state/Instruments.sol";
import {Ledger} from "src/verifier/state/Ledger.sol";
import {Parameters} from "src/verifier/state/Parameters.sol";
import {
    AssetTotals,
    CountersLeaf,
    FundsLeaf,
    GlobalLeaves,
    InboxLeaf,
    VenueLeaf
} from "src/verifier/state/leaves/GlobalLeaves.sol";
import {CollateralSchedule} from "src/verifier/state/leaves/RiskTables.sol";
import {UnderlyingLeaf} from "src/verifier/state/leaves/UnderlyingLeaf.sol";

/// @title The step that opens the venue
contract GenesisSteps is StepBase {
    using Steps for Step;

    /// @inheritdoc StepBase
    function _run(Step memory step) internal pure override {
        require(step.kind == StepKind.GENESIS, NotServed(step.kind));
        step.opens(CommandKind.GENESIS);
        step.noSubject();
        step.ends();
        Genesis memory genesis = GenesisCommands.decode(step.body);
        _requireSound(genesis);

        Ledger memory ledger = step.ledger;
        FundsLeaf memory funds;
        InboxLeaf memory inbox;
        CountersLeaf memory counters;
        Globals.setFunds(ledger, funds);
        Globals.setInbox(ledger, inbox);
        Globals.setCounters(ledger, counters);
        Globals.setTotals(ledger, new AssetTotals[](genesis.assetSymbols.length));
        Globals.setCollateral(ledger, new CollateralSchedule[](genesis.assetSymbols.length));
        Globals.setHash(ledger, Globals.PARAMETERS, keccak256(genesis.parameters));
        Globals.set(ledger, Globals.VENUE, GlobalLeaves.encode(_venue(genesis)));
        for (uint256 i = 0; i < genesis.underlyingSymbols.length; ++i) {
            UnderlyingLeaf memory underlying;
            underlying.symbolHash = keccak256(genesis.underlyingSymbols[i]);
            Underlyings.save(ledger, i + 1, underlying);
        }
    }

    function _venue(Genesis memory genesis) private pure returns (VenueLeaf memory venue) {
        venue.chainId = genesis.chainId;
        venue.settlement = genesis.settlement;
        venue.operator = genesis.operator;
        venue.adminQuorum = genesis.adminQuorum;
        venue.oracleQuorum = genesis.oracleQuorum;
        venue.admins = genesis.admins;
        venue.oracles = genesis.oracles;
        venue.assets = genesis.assets;
        venue.underlyings = genesis.underlyings;
    }

    function _requireSound(Genesis memory genesis) private pure {
        bool sound = genesis.adminQuorum >= 1 && genesis.adminQuorum <= genesis.adminCount;
        sound = sound && genesis.oracleQuorum >= 1 && genesis.oracleQuorum <= genesis.oracleCount;
        sound = sound && genesis.assetSymbols.length != 0 && keccak256(genesis.assetSymbols[0]) == keccak256("USDC");
        sound = sound && genesis.underlyingSymbols.length != 0;
        sound = sound && _named(genesis.assetSymbols) && _named(genesis.underlyingSymbols);
        requireLegal(sound, "invalid_genesis");
        for (uint256 i = 0; i < Parameters.COUNT; ++i) {
            Parameter parameter = Parameter(i);
            Ranges.requireWithin(parameter, Parameters.valueIn(genesis.parameters, parameter));
        }
        Ranges.requireAgreement(genesis.parameters);
    }

    function _named(bytes[] memory symbols) private pure returns (bool named) {
        named = true;
        for (uint256 i = 0; i < symbols.length; ++i) {
            named = named && symbols[i].length != 0;
        }
    }
}
