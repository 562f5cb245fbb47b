// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Actions} from "src/verifier/Actions.sol";
import {requireLegal} from "src/verifier/IStepModule.sol";
import {Step, StepBase, Steps} from "src/verifier/StepBase.sol";
import {CommandKind, InstrumentKind, OptionType, StepKind, Units} from "src/verifier/Types.sol";
import {AdminCommands, InstrumentSpec, ListInstruments} from "src/verifier/commands/AdminCommands.sol";
import {Cursor, Decoder} from "src/verifier/state/Decoder.sol";
import {Globals} from "src/verifier/state/Globals.sol";
import {Expiries, Instruments, Underlyings} from "src/verifier/state/Instruments.sol";
import {Ledger} from "src/verifier/state/Ledger.sol";
import {ExpiryLeaf} from "src/verifier/state/leaves/ExpiryLeaf.sol";
import {CountersLeaf} from "src/verifier/state/leaves/GlobalLeaves.sol";
import {InstrumentLeaf} from "src/verifier/state/leaves/InstrumentLeaf.sol";
import {UnderlyingLeaf} from "src/verifier/state/leaves/UnderlyingLeaf.sol";

/// @title Steps that list instruments
/// @notice One for each instrument of the command: the administrators' signatures are checked with the first.
contract ListingSteps is StepBase {
    using Decoder for Cursor;
    using Steps for Step;

    /// Highest strike and tick size, micro-USDC.
    int256 private constant PRICE_MAX = 1_000_000_000_000_000;
    /// Largest lot, 1e-8 contracts.
    int256 private constant LOT_MAX = 1_000_000 * Units.CONTRACT;
    /// Most open instruments of one underlying.
    uint256 private constant OPEN_MAX = 8192;

    /// @inheritdoc StepBase
    function _run(Step memory step) internal view override {
        require(step.kind == StepKind.LIST, NotServed(step.kind));
        step.noSubject();
        requireLegal(step.command == CommandKind.LIST_INSTRUMENTS, "kind");
        ListInstruments memory command = AdminCommands.decodeListing(step.body);
        if (step.first) Actions.useAdministration(step, "ListInstruments", command.body, step.body);

        uint256 at = _next(step, command.instruments);
        InstrumentSpec memory spec = command.instruments[at];
        bool newEpoch = true;
        for (uint256 i = 0; i < at; ++i) {
            if (command.instruments[i].underlying == spec.underlying) newEpoch = false;
        }
        _requireSound(step, spec);
        _list(step, spec, newEpoch);
        if (at + 1 == command.instruments.length) step.ends();
        else step.goesOn();
    }

    /// Place of the instrument that is next: ids count on, with the first of them in the first step.
    function _next(Step memory step, InstrumentSpec[] memory specs) private pure returns (uint256 at) {
        requireLegal(specs.length != 0, "nothing_to_do");
        CountersLeaf memory counters = Globals.counters(step.ledger);
        uint256 id = ++counters.instruments;
        Globals.setCounters(step.ledger, counters);
        requireLegal(id >= specs[0].instrument, "wrong_instrument_id");
        at = id - specs[0].instrument;
        requireLegal(at < specs.length && specs[at].instrument == id, "wrong_instrument_id");
        requireLegal(step.first == (at == 0), "first");
    }

    function _list(Step memory step, InstrumentSpec memory spec, bool newEpoch) private pure {
        Ledger memory ledger = step.ledger;
        bytes32 nameHash = keccak256(spec.name);
        requireLegal(!Instruments.isNamed(ledger, nameHash), "name_taken");
        Instruments.saveName(ledger, nameHash, spec.instrument);

        UnderlyingLeaf memory underlying = Underlyings.load(ledger, spec.underlying);
        requireLegal(underlying.openInstruments < OPEN_MAX, "invalid_listing");
        ++underlying.openInstruments;
        if (newEpoch) ++underlying.listingEpoch;
        if (spec.kind == InstrumentKind.Perpetual) {
            requireLegal(underlying.perpetual == 0, "invalid_listing");
            underlying.perpetual = spec.instrument;
        } else {
            (, ExpiryLeaf memory expiry) = Expiries.find(ledger, spec.underlying, spec.expiry);
            ++expiry.instruments;
            Expiries.save(ledger, spec.underlying, spec.expiry, expiry);
        }
        Underlyings.save(ledger, spec.underlying, underlying);

        InstrumentLeaf memory leaf;
        leaf.nameHash = nameHash;
        leaf.underlying = spec.underlying;
        leaf.kind = spec.kind;
        leaf.optionType = spec.optionType;
        leaf.strike = spec.strike;
        leaf.expiry = spec.expiry;
        leaf.tickSize = spec.tickSize;
        leaf.lotSize = spec.lotSize;
        leaf.laneUnit = spec.laneUnit;
        leaf.fundingTime = step.time;
        Instruments.save(ledger, spec.instrument, leaf);
    }

    /// A spec makes sense by itself.
    function _requireSound(Step memory step, InstrumentSpec memory spec) private pure {
        bool sound = spec.name.length != 0 && spec.laneUnit != 0;
        sound = sound && _within(spec.tickSize, PRICE_MAX) && _within(spec.lotSize, LOT_MAX);
        if (spec.kind == InstrumentKind.Perpetual) {
            sound = sound && spec.strike == 0 && spec.expiry == 0 && spec.optionType == OptionType.Call;
        } else {
            sound = sound && _within(spec.strike, PRICE_MAX) && spec.expiry > step.time;
        }
        requireLegal(sound, "invalid_listing");
        // A tick of a lot is whole micro-USDC, and fits.
        int256 tick = spec.tickSize * spec.lotSize;
        requireLegal(tick % Units.CONTRACT == 0, "invalid_listing");
        requireLegal(tick / Units.CONTRACT <= type(int64).max, "overflow");
    }

    function _within(int256 value, int256 most) private pure returns (bool) {
        return value >= 1 && value <= most;
    }
}
