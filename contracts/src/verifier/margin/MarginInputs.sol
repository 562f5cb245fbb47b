// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {InstrumentKind, MarginModel} from "src/verifier/Types.sol";
import {Holding, MarginAccount, OpenOrders} from "src/verifier/margin/MarginAccount.sol";
import {Quads} from "src/verifier/margin/Quads.sol";
import {Soundness} from "src/verifier/margin/Soundness.sol";
import {Cursor, Decoder} from "src/verifier/state/Decoder.sol";
import {Encoder, Writer} from "src/verifier/state/Encoder.sol";
import {Globals} from "src/verifier/state/Globals.sol";
import {Expiries, Underlyings} from "src/verifier/state/Instruments.sol";
import {Ledger, Ledgers} from "src/verifier/state/Ledger.sol";
import {Parameters} from "src/verifier/state/Parameters.sol";
import {PartialTree, Tree} from "src/verifier/state/PartialTree.sol";
import {StateKeys} from "src/verifier/state/StateKeys.sol";
import {WitnessMalformed} from "src/verifier/state/Witness.sol";
import {Collateral} from "src/verifier/state/leaves/AccountLeaf.sol";
import {AssetTotals} from "src/verifier/state/leaves/GlobalLeaves.sol";
import {InstrumentLeaves} from "src/verifier/state/leaves/InstrumentLeaf.sol";
import {CollateralSchedule, CollateralTerms, RiskTables} from "src/verifier/state/leaves/RiskTables.sol";
import {UnderlyingLeaf, UnderlyingLeaves} from "src/verifier/state/leaves/UnderlyingLeaf.sol";

/// @notice Underlyings and expiries that an account's margin depends on, each once.
/// @param underlyings Ids
/// @param underlyingCount How many
/// @param expiries `underlying ‖ time u64`
/// @param expiryCount How many
struct Dependencies {
    uint256[] underlyings;
    uint256 underlyingCount;
    uint256[] expiries;
    uint256 expiryCount;
}

/// @title What the calculator of margin is asked about
/// @notice The account and the leaves that its margin follows from, as committed:
///
///     model u8 ‖ cash i64 ‖ parameter table
///     ‖ holdings u16 ‖ (instrument u64 ‖ position i64 ‖ cost i64 ‖ funding i64 ‖ bid lots i64 ‖ highest bid i64
///         ‖ offer lots i64 ‖ lowest offer i64 ‖ length u16 ‖ instrument leaf)*
///     ‖ underlyings u16 ‖ (id u16 ‖ length u16 ‖ underlying leaf ‖ risk table, if it has one
///         ‖ expiries u16 ‖ (time u64 ‖ forward i64)*)*
///     ‖ assets u16 ‖ (asset u16 ‖ balance i64 ‖ held by the venue i128 ‖ price i64 ‖ sound u8 ‖ terms)*
library MarginInputs {
    using Decoder for Cursor;
    using Encoder for Writer;
    using Ledgers for Ledger;
    using PartialTree for Tree;

    /// Most bytes of the parts of an input.
    uint256 private constant HEAD_BYTES = 16 + Parameters.TABLE_BYTES;
    uint256 private constant HOLDING_BYTES = 66 + 145 + InstrumentLeaves.RISK_BYTES;
    uint256 private constant UNDERLYING_BYTES = 8 + UnderlyingLeaves.BYTES_MAX + RiskTables.RISK_BYTES;
    uint256 private constant EXPIRY_BYTES = 16;
    uint256 private constant ASSET_BYTES = 36 + RiskTables.TERMS_BYTES;
    /// 1e-9 USD in a micro-USDC.
    int256 private constant NANOS_PER_MICRO = 1000;

    /// @notice The input for an account; `withLanes` where lanes are looked at whatever its model.
    function encode(Ledger memory ledger, MarginAccount memory account, bool withLanes)
        internal
        pure
        returns (bytes memory)
    {
        uint256 holdings = account.holdings.length;
        CollateralSchedule[] memory table;
        if (account.collateral.length != 0) table = Globals.collateral(ledger);
        Dependencies memory on =
            Dependencies(new uint256[](holdings + account.collateral.length), 0, new uint256[](holdings), 0);
        Writer memory writer = Encoder.start(
            HEAD_BYTES + holdings * (HOLDING_BYTES + UNDERLYING_BYTES + EXPIRY_BYTES) + account.collateral.length
                * (ASSET_BYTES + UNDERLYING_BYTES)
        );
        writer.u8(uint256(account.model));
        writer.i64(account.cash);
        writer.raw(Parameters.table(ledger));
        writer.u16(holdings);
        for (uint256 i = 0; i < holdings; ++i) {
            _putHolding(ledger, writer, account.holdings[i], on);
        }
        if (account.model == MarginModel.Portfolio || withLanes) {
            _dependOnScenarios(account.collateral, table, on);
        } else {
            on.underlyingCount = 0;
        }
        writer.u16(on.underlyingCount);
        for (uint256 i = 0; i < on.underlyingCount; ++i) {
            _putUnderlying(ledger, writer, on, on.underlyings[i]);
        }
        _putAssets(ledger, writer, account.collateral, table);
        return writer.finish();
    }

    /// Writes a holding, and notes what it depends on.
    function _putHolding(Ledger memory ledger, Writer memory writer, Holding memory held, Dependencies memory on)
        private
        pure
    {
        (bool found, bytes memory leaf) = ledger.instruments.get(StateKeys.instrument(held.instrument));
        require(found, WitnessMalformed());
        writer.word(Quads.pack(int256(held.instrument), held.position, held.cost, held.funding));
        OpenOrders memory bids = held.bids;
        OpenOrders memory offers = held.offers;
        writer.word(Quads.pack(bids.lots, bids.worst, offers.lots, offers.worst));
        writer.u16(leaf.length);
        writer.raw(leaf);

        Cursor memory cursor = Decoder.leaf(leaf);
        cursor.word();
        uint256 underlying = cursor.u16();
        bool option = cursor.u8() == uint256(InstrumentKind.Option);
        on.underlyingCount = _note(on.underlyings, on.underlyingCount, underlying);
        if (!option) return;
        cursor.u8();
        cursor.i64();
        on.expiryCount = _note(on.expiries, on.expiryCount, (underlying << 64) | cursor.u64());
    }

    /// Collateral depends on the underlyings in whose lanes it moves.
    function _dependOnScenarios(
        Collateral[] memory collateral,
        CollateralSchedule[] memory table,
        Dependencies memory on
    ) private pure {
        for (uint256 i = 0; i < collateral.length; ++i) {
            CollateralSchedule memory schedule = table[collateral[i].asset];
            uint256 underlying = schedule.active.scenarioUnderlying;
            if (schedule.hasActive && underlying != 0) {
                on.underlyingCount = _note(on.underlyings, on.underlyingCount, underlying);
            }
        }
    }

    function _putUnderlying(Ledger memory ledger, Writer memory writer, Dependencies memory on, uint256 underlying)
        private
        pure
    {
        (bool found, bytes memory value) = ledger.instruments.get(StateKeys.underlying(underlying));
        require(found, WitnessMalformed());
        UnderlyingLeaf memory leaf = Underlyings.load(ledger, underlying);
        writer.u16(underlying);
        writer.u16(value.length);
        writer.raw(value);
        if (leaf.hasRisk) writer.raw(ledger.preimage(leaf.risk.parameters));
        uint256 count = 0;
        for (uint256 i = 0; i < on.expiryCount; ++i) {
            if (on.expiries[i] >> 64 == underlying) ++count;
        }
        writer.u16(count);
        for (uint256 i = 0; i < on.expiryCount; ++i) {
            if (on.expiries[i] >> 64 != underlying) continue;
            uint256 time = uint64(on.expiries[i]);
            writer.u64(time);
            writer.i64(Expiries.load(ledger, underlying, time).forward);
        }
    }

    /// Writes the assets that count as collateral.
    function _putAssets(
        Ledger memory ledger,
        Writer memory writer,
        Collateral[] memory collateral,
        CollateralSchedule[] memory table
    ) private pure {
        uint256 count = 0;
        for (uint256 i = 0; i < collateral.length; ++i) {
            if (table[collateral[i].asset].hasActive) ++count;
        }
        writer.u16(count);
        if (count == 0) return;
        AssetTotals[] memory totals = Globals.totals(ledger);
        for (uint256 i = 0; i < collateral.length; ++i) {
            uint256 asset = collateral[i].asset;
            if (!table[asset].hasActive) continue;
            CollateralTerms memory terms = table[asset].active;
            UnderlyingLeaf memory pricing = Underlyings.load(ledger, terms.priceUnderlying);
            writer.u16(asset);
            writer.i64(collateral[i].amount);
            writer.i128(totals[asset].deposited - totals[asset].withdrawn);
            writer.i64(pricing.index / NANOS_PER_MICRO);
            writer.flag(Soundness.isSound(ledger, pricing));
            RiskTables.encodeTerms(writer, terms);
        }
    }

    /// Puts a number that is not there behind the others; returns how many there are.
    function _note(uint256[] memory list, uint256 count, uint256 value) private pure returns (uint256) {
        for (uint256 i = count; i > 0; --i) {
            if (list[i - 1] == value) return count;
        }
        list[count] = value;
        return count + 1;
    }
}
