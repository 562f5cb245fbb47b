// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IOmissionProof, LookedAt, Omission} from "src/interfaces/IOmissionProof.sol";
import {StepKind} from "src/verifier/Types.sol";
import {IMarginCalculator} from "src/verifier/margin/IMarginCalculator.sol";
import {MarginAccounts} from "src/verifier/margin/MarginAccount.sol";
import {MarginUser} from "src/verifier/margin/MarginUser.sol";
import {Margins, Standing} from "src/verifier/margin/Margins.sol";
import {Liquidations} from "src/verifier/risk/Liquidations.sol";
import {Accounts} from "src/verifier/state/Accounts.sol";
import {Account, Ledger, Ledgers} from "src/verifier/state/Ledger.sol";

/// @title Proof that an account was not called, or not liquidated
/// @notice Every MarkUpdate, FundingTick, SetParameter, SettleExpired and Clock looks at all accounts, and then advances
/// liquidations in rounds. Between the two every account has the call that follows from where it stands, and whoever is
/// below maintenance margin is being liquidated, without an order left. Nothing may delay that; the caps on rounds and slices come later. So one
/// account that is neither refutes the state root of that place.
///
/// What the engine rightly leaves alone: an account frozen by a price in doubt, and one whose numbers do not fit. An account
/// that a round or a bid put below its margin is looked at with the next command that looks: a place inside or behind
/// the rounds proves nothing.
contract OmissionProof is IOmissionProof, MarginUser {
    using Ledgers for Ledger;
    using Margins for IMarginCalculator;

    constructor(IMarginCalculator marginCalculator) MarginUser(marginCalculator) {}

    /// @inheritdoc IOmissionProof
    function judge(LookedAt calldata place, uint64 subaccount, bytes calldata witness)
        external
        view
        returns (Omission)
    {
        require(_everybodyLookedAt(place), NothingDueHere());
        return _omitted(Ledgers.open(witness, place.root), subaccount);
    }

    /// What was omitted of an account in a state in which everybody has been looked at.
    function _omitted(Ledger memory ledger, uint256 subaccount) internal view returns (Omission) {
        Account memory account = Accounts.load(ledger, subaccount);
        // The orders of who is being liquidated have left with the step that began it.
        if (account.leaf.hasLiquidation) return account.leaf.openOrders == 0 ? Omission.None : Omission.Liquidation;
        Standing memory standing = margin.standing(ledger, MarginAccounts.load(ledger, account));
        if (!standing.fits) return Omission.None;
        if (Liquidations.level(ledger, standing) != account.leaf.call) return Omission.Call;
        if (standing.equity >= standing.maintenance) return Omission.None;
        return Liquidations.isFrozen(ledger, account, standing) ? Omission.None : Omission.Liquidation;
    }

    /// Behind the last step of what looks, and before the first of what a round does. Removals of an order that was being
    /// matched are followed by the end of that order, so one in front of a round, or at the end, is none of these; calls
    /// that a round renews follow the end of a liquidation.
    function _everybodyLookedAt(LookedAt calldata place) private pure returns (bool) {
        if (!Liquidations.looks(place.command)) return false;
        if (!place.last && place.kindAfter != StepKind.LIQUIDATION_ROUND) return false;
        uint256 kind = place.kind;
        if (kind == StepKind.MARGIN_CALL) return place.kindBefore != StepKind.LIQUIDATION_END;
        return kind == StepKind.MARK || kind == StepKind.FUNDING || kind == StepKind.SET_PARAMETER
            || kind == StepKind.CLOCK || kind == StepKind.SETTLE_ACCOUNT || kind == StepKind.CLOSE_INSTRUMENT
            || kind == StepKind.REMOVE || kind == StepKind.LIQUIDATION_START;
    }
}
