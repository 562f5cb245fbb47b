// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Actions} from "src/verifier/Actions.sol";
import {requireLegal} from "src/verifier/IStepModule.sol";
import {Step, StepBase, Steps} from "src/verifier/StepBase.sol";
import {CommandKind, Parameter, StepKind, Units} from "src/verifier/Types.sol";
import {AdminCommands, SetCollateral, SetRiskParameters} from "src/verifier/commands/AdminCommands.sol";
import {RiskRanges} from "src/verifier/rules/RiskRanges.sol";
import {Globals} from "src/verifier/state/Globals.sol";
import {Underlyings} from "src/verifier/state/Instruments.sol";
import {Ledger} from "src/verifier/state/Ledger.sol";
import {Parameters} from "src/verifier/state/Parameters.sol";
import {CollateralSchedule, CollateralTerms} from "src/verifier/state/leaves/RiskTables.sol";
import {NextRiskLeaf, RiskLeaf, UnderlyingLeaf} from "src/verifier/state/leaves/UnderlyingLeaf.sol";

/// @title Steps that replace tables of the margin model
/// @notice A table waits: the first one may count at once, later ones only after a delay.
contract RiskAdminSteps is StepBase {
    using Steps for Step;

    /// @inheritdoc StepBase
    function _run(Step memory step) internal view override {
        step.noSubject();
        step.ends();
        if (step.kind == StepKind.SET_RISK_PARAMETERS) _setRisk(step);
        else if (step.kind == StepKind.SET_COLLATERAL) _setCollateral(step);
        else revert NotServed(step.kind);
    }

    function _setRisk(Step memory step) private view {
        step.opens(CommandKind.SET_RISK_PARAMETERS);
        SetRiskParameters memory command = AdminCommands.decodeSetRisk(step.body);
        Actions.useAdministration(step, "SetRiskParameters", command.body, step.body);
        RiskRanges.requireSound(command.parameters);
        UnderlyingLeaf memory underlying = Underlyings.load(step.ledger, command.underlying);
        bool waits = underlying.hasNextRisk;
        RiskLeaf memory last = waits ? underlying.nextRisk.table : underlying.risk;
        bool same = (waits || underlying.hasRisk) && last.parameters == command.hash;
        requireLegal(!same, "nothing_to_do");
        _requireEffective(step, command.effective, !underlying.hasRisk);

        underlying.hasNextRisk = true;
        underlying.nextRisk = NextRiskLeaf(command.effective, RiskLeaf(last.version + 1, command.hash));
        // Arrays that were computed before this command may be of another table than a mark of their time needs.
        ++underlying.listingEpoch;
        Underlyings.save(step.ledger, command.underlying, underlying);
    }

    function _setCollateral(Step memory step) private view {
        step.opens(CommandKind.SET_COLLATERAL);
        SetCollateral memory command = AdminCommands.decodeSetCollateral(step.body);
        Actions.useAdministration(step, "SetCollateral", command.body, step.body);
        CollateralSchedule[] memory table = Globals.collateral(step.ledger);
        requireLegal(command.asset < table.length, "unknown_asset");
        _requireTerms(step.ledger, command);
        CollateralSchedule memory schedule = table[command.asset];
        CollateralTerms memory last = schedule.hasNext ? schedule.next : schedule.active;
        bool same = (schedule.hasNext || schedule.hasActive) && _hash(last) == _hash(command.terms);
        requireLegal(!same, "nothing_to_do");
        _requireEffective(step, command.effective, !schedule.hasActive);

        (schedule.hasNext, schedule.effective, schedule.next) = (true, command.effective, command.terms);
        Globals.setCollateral(step.ledger, table);
    }

    function _requireTerms(Ledger memory ledger, SetCollateral memory command) private pure {
        requireLegal(command.asset != Units.USDC, "risk_conflict");
        Underlyings.load(ledger, command.terms.priceUnderlying);
        if (command.terms.scenarioUnderlying != 0) Underlyings.load(ledger, command.terms.scenarioUnderlying);
        RiskRanges.requireSound(command.terms);
    }

    /// Nobody finds his margin raised over night, and everybody can leave before a table that he does not trust.
    function _requireEffective(Step memory step, uint256 effective, bool first) private pure {
        uint256 earliest = step.time + Parameters.unsigned(step.ledger, Parameter.RiskDelay);
        // The engine's time ends here.
        if (earliest > Units.TIME_MAX) earliest = Units.TIME_MAX;
        requireLegal(first || effective >= earliest, "effective_too_early");
    }

    function _hash(CollateralTerms memory terms) private pure returns (bytes32) {
        return keccak256(abi.encode(terms));
    }
}
