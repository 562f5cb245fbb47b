// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Actions} from "src/verifier/Actions.sol";
import {StepIllegal, requireLegal} from "src/verifier/IStepModule.sol";
import {Step, StepBase, Steps} from "src/verifier/StepBase.sol";
import {CommandKind, InstrumentKind, OptionType, Side, StepKind, Units} from "src/verifier/Types.sol";
import {Expire, ExpiryCommands, SettleExpired} from "src/verifier/commands/ExpiryCommands.sol";
import {MarkUpdates} from "src/verifier/commands/MarkUpdates.sol";
import {Numbers} from "src/verifier/margin/Numbers.sol";
import {Account, Accounts} from "src/verifier/state/Accounts.sol";
import {Books} from "src/verifier/state/Books.sol";
import {Globals} from "src/verifier/state/Globals.sol";
import {Expiries, Instruments, Underlyings} from "src/verifier/state/Instruments.sol";
import {PartialTree, Tree} from "src/verifier/state/PartialTree.sol";
import {ExpiryLeaf} from "src/verifier/state/leaves/ExpiryLeaf.sol";
import {FundsLeaf} from "src/verifier/state/leaves/GlobalLeaves.sol";
import {HoldingLeaf} from "src/verifier/state/leaves/HoldingLeaf.sol";
import {InstrumentLeaf, InstrumentLeaves} from "src/verifier/state/leaves/InstrumentLeaf.sol";
import {UnderlyingLeaf} from "src/verifier/state/leaves/UnderlyingLeaf.sol";

/// @title Funding and expiry
/// @notice The steps `funding`, `expire`, `settle_account` and `close_instrument`.
contract SettlementSteps is StepBase {
    using PartialTree for Tree;

    /// @dev Eight hours in ns, times the unit of the rate.
    int256 private constant _FUNDING_DIVISOR = 8 * 3600 * 1_000_000_000 * Units.NANO_ONE;
    /// @dev One above the highest settlement price, micro-USDC.
    int256 private constant _PRICE_END = 1_000_000_000_000_000;
    /// @dev Nano-USDC in a micro-USDC.
    int256 private constant _NANOS_PER_MICRO = 1000;

    function _run(Step memory step) internal view override {
        if (step.kind == StepKind.FUNDING) _accrueFunding(step);
        else if (step.kind == StepKind.EXPIRE) _fixPrice(step);
        else if (step.kind == StepKind.SETTLE_ACCOUNT) _settleAccount(step);
        else if (step.kind == StepKind.CLOSE_INSTRUMENT) _closeInstrument(step);
        else revert StepIllegal("kind");
    }

    /// Funding accrues to the cumulative index of the perpetual.
    function _accrueFunding(Step memory step) private pure {
        Steps.opens(step, CommandKind.FUNDING_TICK);
        Steps.noSubject(step);
        UnderlyingLeaf memory underlying = Underlyings.load(step.ledger, MarkUpdates.decodeFundingTick(step.body));
        requireLegal(underlying.perpetual != 0, "no_perpetual");
        requireLegal(underlying.markEpoch != 0, "no_underlying_mark");
        InstrumentLeaf memory leaf = Instruments.load(step.ledger, underlying.perpetual);
        requireLegal(step.time != leaf.fundingTime, "nothing_to_do");
        int256 elapsed = int256(step.time - leaf.fundingTime);
        int256 accrued = underlying.perpetualMark * underlying.fundingRate * elapsed;
        leaf.fundingIndex += Numbers.divFloor(accrued, _FUNDING_DIVISOR);
        leaf.fundingTime = step.time;
        Instruments.save(step.ledger, underlying.perpetual, leaf);
    }

    /// A quorum fixes the settlement price of a series, once, near the last index.
    function _fixPrice(Step memory step) private view {
        Steps.opens(step, CommandKind.EXPIRE);
        Steps.ends(step);
        Steps.noSubject(step);
        Expire memory command = ExpiryCommands.decodeExpire(step.body);
        UnderlyingLeaf memory underlying = Underlyings.load(step.ledger, command.underlying);
        ExpiryLeaf memory series = Expiries.load(step.ledger, command.underlying, command.expiry);
        requireLegal(step.time >= command.expiry, "not_expired");
        requireLegal(!series.settled, "settlement_fixed");
        Actions.requireOracles(step, ExpiryCommands.structHash(command, underlying.symbolHash), step.body);
        requireLegal(step.body.at == step.body.end, "record");
        int256 price = command.price;
        requireLegal(price >= 1 && price < _PRICE_END, "invalid_settlement_price");
        if (underlying.markEpoch != 0) {
            int256 index = underlying.index / _NANOS_PER_MICRO;
            requireLegal(price >= index - index / 2 && price <= 2 * index, "settlement_price_range");
        }
        (series.settled, series.settlement) = (true, price);
        Expiries.save(step.ledger, command.underlying, command.expiry, series);
        underlying.openInstruments -= series.instruments;
        underlying.listingEpoch += 1;
        Underlyings.save(step.ledger, command.underlying, underlying);
    }

    /// A position in an expired instrument becomes cash, which the insurance fund lends or takes until all are settled.
    function _settleAccount(Step memory step) private pure {
        requireLegal(step.subject.account != 0, "subject");
        (SettleExpired memory command, InstrumentLeaf memory leaf, ExpiryLeaf memory series) = _expired(step);
        Account memory account = Accounts.load(step.ledger, step.subject.account);
        (, HoldingLeaf memory holding) = Accounts.holding(account, step.subject.instrument);
        requireLegal(holding.lots != 0, "subject");
        requireLegal(command.limit != 0, "nothing_to_do");
        int256 payoff =
            leaf.optionType == OptionType.Call ? series.settlement - leaf.strike : leaf.strike - series.settlement;
        if (payoff < 0) payoff = 0;
        int256 cash = Numbers.divFloor(holding.lots * leaf.lotSize * payoff, Units.CONTRACT);

        leaf.holders -= 1;
        if (holding.lots > 0) leaf.openInterest -= holding.lots;
        Instruments.save(step.ledger, step.subject.instrument, leaf);
        (holding.lots, holding.cost, holding.fundingIndex) = (0, 0, 0);
        Accounts.putHolding(account, step.subject.instrument, holding);
        account.leaf.cash += cash;
        FundsLeaf memory funds = Globals.funds(step.ledger);
        funds.insurance -= cash;
        Globals.setFunds(step.ledger, funds);
    }

    /// An expired instrument of which nothing is left leaves; the last of its series takes that with it.
    function _closeInstrument(Step memory step) private pure {
        (SettleExpired memory command, InstrumentLeaf memory leaf, ExpiryLeaf memory series) = _expired(step);
        requireLegal(step.subject.account == 0, "subject");
        requireLegal(command.limit != 0, "nothing_to_do");
        requireLegal(leaf.holders == 0, "positions_left");
        Instruments.remove(step.ledger, step.subject.instrument);
        series.instruments -= 1;
        if (series.instruments == 0) Expiries.remove(step.ledger, command.underlying, command.expiry);
        else Expiries.save(step.ledger, command.underlying, command.expiry, series);
    }

    /// The instrument of the step, which is one of the series that the command settles, and the next in order: without
    /// orders, and nothing shows one below it that is not closed.
    function _expired(Step memory step)
        private
        pure
        returns (SettleExpired memory command, InstrumentLeaf memory leaf, ExpiryLeaf memory series)
    {
        requireLegal(step.command == CommandKind.SETTLE_EXPIRED, "kind");
        requireLegal(step.subject.other == 0 && step.subject.amount == 0, "subject");
        command = ExpiryCommands.decodeSettleExpired(step.body);
        series = Expiries.load(step.ledger, command.underlying, command.expiry);
        requireLegal(series.settled, "settlement_not_fixed");
        uint256 instrument = step.subject.instrument;
        leaf = Instruments.load(step.ledger, instrument);
        requireLegal(_isOf(leaf, command), "subject");
        for (uint256 side = 0; side < 2; ++side) {
            (bool found,,) = Books.best(step.ledger, instrument, Side(side));
            requireLegal(!found, "orders_left");
        }
        (bytes32[] memory keys, bytes[] memory values) = step.ledger.instruments.opened();
        for (uint256 i = 0; i < keys.length && uint256(keys[i]) >> 216 < instrument; ++i) {
            requireLegal(!_isOf(InstrumentLeaves.decode(values[i]), command), "order_of_settlement");
        }
    }

    /// Whether an instrument is of the series that a command settles.
    function _isOf(InstrumentLeaf memory leaf, SettleExpired memory command) private pure returns (bool) {
        return
            leaf.kind == InstrumentKind.Option && leaf.underlying == command.underlying && leaf.expiry == command.expiry;
    }
}
