// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {requireLegal} from "src/verifier/IStepModule.sol";
import {Step, Steps} from "src/verifier/StepBase.sol";
import {CallLevel, CommandKind, InstrumentKind, Mode, Parameter, Units} from "src/verifier/Types.sol";
import {Standing} from "src/verifier/margin/Margins.sol";
import {Numbers} from "src/verifier/margin/Numbers.sol";
import {Soundness} from "src/verifier/margin/Soundness.sol";
import {Accounts} from "src/verifier/state/Accounts.sol";
import {Globals} from "src/verifier/state/Globals.sol";
import {Instruments, Underlyings} from "src/verifier/state/Instruments.sol";
import {Account, Ledger} from "src/verifier/state/Ledger.sol";
import {Parameters} from "src/verifier/state/Parameters.sol";
import {HoldingLeaf} from "src/verifier/state/leaves/HoldingLeaf.sol";
import {InstrumentLeaf} from "src/verifier/state/leaves/InstrumentLeaf.sol";
import {CollateralSchedule} from "src/verifier/state/leaves/RiskTables.sol";
import {UnderlyingLeaf} from "src/verifier/state/leaves/UnderlyingLeaf.sol";

/// @title What all steps of a liquidation have in common
/// @notice docs/liquidation.md has the rules, `crates/engine/src/liquidation` the same in Rust.
library Liquidations {
    /// @notice Positions are reduced in the book.
    uint256 internal constant BOOK = 0;
    /// @notice Shares of the whole portfolio are sold at a falling price.
    uint256 internal constant AUCTION = 1;
    /// @notice The portfolio is worth nothing: the insurance fund pays who takes a share.
    uint256 internal constant INSOLVENT = 2;

    /// @dev Index 1e-9 USD times contracts 1e-8, in micro-USDC.
    int256 internal constant NOTIONAL_DIVISOR = 100_000_000_000;

    /// @dev Nano-USDC in a micro-USDC.
    int256 private constant _NANOS_PER_MICRO = 1000;

    /// @notice Refuses a step that looks at accounts where its command does not, or while an order is being matched.
    function requireLooking(Step memory step) internal pure {
        Steps.follows(step);
        requireLegal(looks(step.command), "kind");
        requireNoTaker(step);
    }

    /// @notice Whether accounts are looked at, called and liquidated at the end of a command of that kind.
    function looks(uint256 command) internal pure returns (bool) {
        return command == CommandKind.MARK_UPDATE || command == CommandKind.FUNDING_TICK
            || command == CommandKind.SET_PARAMETER || command == CommandKind.SETTLE_EXPIRED
            || command == CommandKind.CLOCK;
    }

    /// @notice Refuses a step while an order is being matched.
    function requireNoTaker(Step memory step) internal pure {
        (bool matching,) = Globals.taker(step.ledger);
        requireLegal(!matching, "taker");
    }

    /// @notice The account that a step names, which is being liquidated, in a round that its command has begun.
    function inRound(Step memory step) internal pure returns (Account memory account) {
        requireLegal(step.subject.account != 0 && step.subject.instrument <= type(uint32).max, "subject");
        account = Accounts.load(step.ledger, step.subject.account);
        requireLegal(account.leaf.hasLiquidation, "not_in_liquidation");
        requireLegal(account.leaf.openOrders == 0, "orders_left");
        requireLegal(account.leaf.liquidation.due == nextRound(step), "no_round");
    }

    /// @notice When the next round is due of an account whose round the command has begun.
    function nextRound(Step memory step) internal pure returns (uint256 due) {
        due = step.time + uint256(Parameters.value(step.ledger, Parameter.LiquidationInterval));
        if (due > Units.TIME_MAX) due = Units.TIME_MAX;
    }

    /// @notice Maintenance margin with the buffer below which an account is called.
    function buffered(Ledger memory ledger, int256 maintenance) internal pure returns (int256 sum) {
        int256 share = Parameters.value(ledger, Parameter.MarginCallBuffer);
        sum = maintenance + Numbers.divCeil(maintenance * share, Units.NANO_ONE);
        requireLegal(sum == int64(sum), "overflow");
    }

    /// @notice The call that follows from where an account stands.
    function level(Ledger memory ledger, Standing memory standing) internal pure returns (CallLevel) {
        if (standing.equity < buffered(ledger, standing.maintenance)) return CallLevel.Maintenance;
        return standing.initialEquity < standing.initial ? CallLevel.Initial : CallLevel.None;
    }

    /// @notice Whether a liquidation has reached its aim: initial margin by way of the book, the buffer above maintenance
    /// margin by auction, and no debt once nothing is left.
    function isOver(Ledger memory ledger, Account memory account, Standing memory standing)
        internal
        pure
        returns (bool)
    {
        if (account.leaf.liquidation.stage != BOOK) return isSold(ledger, account, standing);
        bool aim = standing.equity >= standing.maintenance && standing.initialEquity >= standing.initial;
        return aim && (account.leaf.cash >= 0 || !isFlat(account));
    }

    /// @notice The same of one that is being sold by auction.
    function isSold(Ledger memory ledger, Account memory account, Standing memory standing)
        internal
        pure
        returns (bool)
    {
        bool aim = standing.equity >= buffered(ledger, standing.maintenance);
        return aim && (account.leaf.cash >= 0 || !isFlat(account));
    }

    /// @notice Whether an account has no position.
    function isFlat(Account memory account) internal pure returns (bool) {
        (, HoldingLeaf[] memory holdings) = Accounts.holdings(account);
        for (uint256 i = 0; i < holdings.length; ++i) {
            if (holdings[i].lots != 0) return false;
        }
        return true;
    }

    /// @notice Whether an underlying is halted, or its marks are not sound: nothing is done there.
    function isDoubtful(Ledger memory ledger, UnderlyingLeaf memory underlying) internal pure returns (bool) {
        return underlying.mode == Mode.Halt || !Soundness.isSound(ledger, underlying);
    }

    /// @notice Whether an instrument trades no more. One whose settlement price is fixed has expired before.
    function hasExpired(InstrumentLeaf memory leaf, uint256 time) internal pure returns (bool) {
        return leaf.kind == InstrumentKind.Option && time >= leaf.expiry;
    }

    /// @notice Whether an account has a position in something that has expired and is not settled.
    function awaitsSettlement(Step memory step, Account memory account) internal pure returns (bool) {
        (uint256[] memory ids, HoldingLeaf[] memory holdings) = Accounts.holdings(account);
        for (uint256 i = 0; i < ids.length; ++i) {
            if (holdings[i].lots != 0 && hasExpired(Instruments.load(step.ledger, ids[i]), step.time)) return true;
        }
        return false;
    }

    /// @notice Whether nothing may be done to an account: an underlying that it depends on is in doubt, and what it has
    /// there could make up for what it lacks.
    function isFrozen(Ledger memory ledger, Account memory account, Standing memory standing)
        internal
        pure
        returns (bool)
    {
        (bool doubtful, int256 most) = _inDoubt(ledger, account);
        return doubtful && most >= standing.maintenance - standing.equity;
    }

    /// @notice Value of an asset at the index that prices it, micro-USDC, rounded down; 0 of one that is no collateral.
    function assetValue(Ledger memory ledger, CollateralSchedule memory terms, int256 balance)
        internal
        pure
        returns (int256)
    {
        if (!terms.hasActive) return 0;
        int256 price = Underlyings.load(ledger, terms.active.priceUnderlying).index / _NANOS_PER_MICRO;
        return Numbers.divFloor(balance * price, Units.CONTRACT);
    }

    /// Whether something that an account holds is in doubt, and the notional and the collateral that are.
    function _inDoubt(Ledger memory ledger, Account memory account) private pure returns (bool doubtful, int256 most) {
        (uint256[] memory ids, HoldingLeaf[] memory holdings) = Accounts.holdings(account);
        for (uint256 i = 0; i < ids.length; ++i) {
            InstrumentLeaf memory leaf = Instruments.load(ledger, ids[i]);
            if (!isDoubtful(ledger, Underlyings.load(ledger, leaf.underlying))) continue;
            doubtful = true;
            most += Numbers.magnitude(holdings[i].lots) * leaf.lotSize * leaf.markIndex / NOTIONAL_DIVISOR;
        }
        CollateralSchedule[] memory table = Globals.collateral(ledger);
        for (uint256 i = 0; i < account.leaf.collateral.length; ++i) {
            CollateralSchedule memory terms = table[account.leaf.collateral[i].asset];
            if (!terms.hasActive) continue;
            if (!isDoubtful(ledger, Underlyings.load(ledger, terms.active.priceUnderlying))) continue;
            doubtful = true;
            most += assetValue(ledger, terms, account.leaf.collateral[i].amount);
        }
    }
}
