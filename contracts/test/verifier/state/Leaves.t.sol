// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Test} from "forge-std/Test.sol";
import {CallLevel, InstrumentKind, MarginModel, Mode, OptionType, SelfTrade, Side} from "src/verifier/Types.sol";
import {BookPlace, BookPlaces} from "src/verifier/state/BookPlace.sol";
import {Encoder} from "src/verifier/state/Encoder.sol";
import {WitnessMalformed} from "src/verifier/state/Witness.sol";
import {AccountLeaf, AccountLeaves, Collateral, LiquidationLeaf} from "src/verifier/state/leaves/AccountLeaf.sol";
import {ExpiryLeaf, ExpiryLeaves} from "src/verifier/state/leaves/ExpiryLeaf.sol";
import {
    AssetTotals,
    ClockLeaf,
    CountersLeaf,
    FundsLeaf,
    GlobalLeaves,
    InboxLeaf,
    VenueLeaf
} from "src/verifier/state/leaves/GlobalLeaves.sol";
import {HoldingLeaf, HoldingLeaves, OpenSide} from "src/verifier/state/leaves/HoldingLeaf.sol";
import {InstrumentLeaf, InstrumentLeaves} from "src/verifier/state/leaves/InstrumentLeaf.sol";
import {GrantLeaf, KeyLeaf, KeyLeaves} from "src/verifier/state/leaves/KeyLeaf.sol";
import {OrderLeaf, OrderLeaves} from "src/verifier/state/leaves/OrderLeaf.sol";
import {CollateralSchedule, CollateralTerms, RiskTables} from "src/verifier/state/leaves/RiskTables.sol";
import {TakerLeaf, TakerLeaves} from "src/verifier/state/leaves/TakerLeaf.sol";
import {NextRiskLeaf, RiskLeaf, UnderlyingLeaf, UnderlyingLeaves} from "src/verifier/state/leaves/UnderlyingLeaf.sol";

/// Every leaf, byte for byte as docs/protocol/state.md has it, and back.
contract LeavesTest is Test {
    bytes32 private constant A = keccak256("a");
    bytes32 private constant B = keccak256("b");

    function test_accounts() public pure {
        AccountLeaf memory leaf;
        leaf.owner = address(0xA11CE);
        leaf.closeOnly = true;
        leaf.marginModel = MarginModel.Portfolio;
        leaf.call = CallLevel.Maintenance;
        leaf.markEpochSeen = 3;
        leaf.cash = -5;
        leaf.collateral = new Collateral[](2);
        leaf.collateral[0] = Collateral(1, 7);
        leaf.collateral[1] = Collateral(9, type(int64).max);
        leaf.openOrders = 11;
        leaf.ordersRoot = A;
        leaf.holdings = 12;
        leaf.holdingsRoot = B;
        bytes memory head = abi.encodePacked(address(0xA11CE), uint8(1), uint8(1), uint8(2), uint64(3), int64(-5));
        bytes memory assets = abi.encodePacked(uint16(2), uint16(1), int64(7), uint16(9), type(int64).max);
        bytes memory tail = abi.encodePacked(uint32(11), A, uint32(12), B, bytes32(0));
        bytes memory value = abi.encodePacked(head, assets, uint8(0), tail);
        assertEq(AccountLeaves.encode(leaf), value);
        assertEq(keccak256(abi.encode(AccountLeaves.decode(value))), keccak256(abi.encode(leaf)));

        leaf.closeOnly = false;
        leaf.hasLiquidation = true;
        leaf.liquidation = LiquidationLeaf(4, 2, 100, 200, -1, -2);
        head = abi.encodePacked(address(0xA11CE), uint8(2), uint8(1), uint8(2), uint64(3), int64(-5));
        bytes memory running = abi.encodePacked(uint64(4), uint8(2), uint64(100), uint64(200), int64(-1), int64(-2));
        value = abi.encodePacked(head, assets, uint8(1), running, tail);
        assertEq(AccountLeaves.encode(leaf), value);
        assertEq(keccak256(abi.encode(AccountLeaves.decode(value))), keccak256(abi.encode(leaf)));
    }

    function testFuzz_holdings(int64[5] memory n) public pure {
        HoldingLeaf memory leaf = HoldingLeaf(n[0], n[1], n[2], OpenSide(n[3], A), OpenSide(n[4], B));
        bytes memory value = abi.encodePacked(n[0], n[1], n[2], n[3], A, n[4], B);
        assertEq(HoldingLeaves.encode(leaf), value);
        assertEq(keccak256(abi.encode(HoldingLeaves.decode(value))), keccak256(abi.encode(leaf)));
    }

    function testFuzz_orders(uint64[3] memory u, int64[3] memory n, bool reduceOnly, uint8 selfTrade) public pure {
        selfTrade %= 3;
        OrderLeaf memory leaf = OrderLeaf(u[0], u[1], n[0], n[1], n[2], u[2], reduceOnly, SelfTrade(selfTrade));
        bytes memory value = abi.encodePacked(uint8(0), u[0], u[1], n[0], n[1], n[2], u[2], reduceOnly, selfTrade);
        assertEq(OrderLeaves.encode(leaf), value);
        assertEq(keccak256(abi.encode(OrderLeaves.decode(value))), keccak256(abi.encode(leaf)));
    }

    function testFuzz_places_in_the_books(uint32 instrument, bool sell, int64 ticks, uint64 at) public pure {
        Side side = sell ? Side.Sell : Side.Buy;
        BookPlace memory place = BookPlaces.at(instrument, side, ticks, at);
        assertEq(BookPlaces.ticks(place), ticks);
        uint64 ascending = uint64(ticks) ^ (1 << 63);
        uint64 rank = sell ? ascending : ~ascending;
        bytes memory value = abi.encodePacked(instrument, sell, rank, at);
        assertEq(BookPlaces.encode(place), value);
        assertEq(keccak256(abi.encode(BookPlaces.decode(value))), keccak256(abi.encode(place)));
        // The best has the lowest rank.
        if (ticks < type(int64).max) {
            assertEq(sell, BookPlaces.rank(side, int256(ticks) + 1) > place.rank);
        }
    }

    function testFuzz_instruments(int64[10] memory n, uint64 time, bool marked) public view {
        InstrumentLeaf memory leaf;
        leaf.nameHash = A;
        leaf.underlying = 2;
        leaf.kind = InstrumentKind.Perpetual;
        leaf.optionType = OptionType.Put;
        (leaf.strike, leaf.expiry, leaf.tickSize, leaf.lotSize, leaf.laneUnit) = (n[0], time, n[1], n[2], 5);
        (leaf.openInterest, leaf.holders, leaf.fundingIndex, leaf.fundingTime) = (n[3], 6, n[4], time);
        (leaf.mark, leaf.markEpoch, leaf.markIndex, leaf.iv, leaf.delta, leaf.vega) = (n[5], 7, n[6], n[7], n[8], n[9]);
        if (marked) leaf.risk = vm.randomBytes(320);
        bytes memory value = abi.encodePacked(A, uint16(2), uint8(1), uint8(1), n[0], time, n[1], n[2], uint32(5));
        value = abi.encodePacked(value, n[3], uint32(6), n[4], time, n[5], uint32(7), n[6], n[7], n[8], n[9]);
        value = abi.encodePacked(value, marked, leaf.risk);
        assertEq(InstrumentLeaves.encode(leaf), value);
        assertEq(keccak256(abi.encode(InstrumentLeaves.decode(value))), keccak256(abi.encode(leaf)));
    }

    function testFuzz_underlyings(int64[3] memory n, uint64 time, bool risk, bool next) public pure {
        UnderlyingLeaf memory leaf;
        (leaf.symbolHash, leaf.mode, leaf.listingEpoch, leaf.openInstruments) = (A, Mode.Halt, 1, 2);
        (leaf.perpetual, leaf.markEpoch, leaf.markTime, leaf.index) = (3, 4, time, n[0]);
        (leaf.confidence, leaf.sources, leaf.perpetualMark, leaf.fundingRate) = (5, 6, n[1], n[2]);
        bytes memory value = abi.encodePacked(A, uint8(3), uint32(1), uint32(2), uint32(3), uint32(4), time, n[0]);
        value = abi.encodePacked(value, uint32(5), uint8(6), n[1], n[2], risk);
        if (risk) {
            (leaf.hasRisk, leaf.risk) = (true, RiskLeaf(7, B));
            value = abi.encodePacked(value, uint32(7), B);
        }
        value = abi.encodePacked(value, next);
        if (next) {
            (leaf.hasNextRisk, leaf.nextRisk) = (true, NextRiskLeaf(time, RiskLeaf(8, A)));
            value = abi.encodePacked(value, time, uint32(8), A);
        }
        assertLe(value.length, UnderlyingLeaves.BYTES_MAX);
        assertEq(UnderlyingLeaves.encode(leaf), value);
        assertEq(keccak256(abi.encode(UnderlyingLeaves.decode(value))), keccak256(abi.encode(leaf)));
    }

    function testFuzz_expiries(int64[8] memory n, bool settled) public pure {
        int256 price = settled ? int256(n[7]) : int256(0);
        ExpiryLeaf memory leaf = ExpiryLeaf(3, n[0], n[1], n[2], n[3], n[4], n[5], n[6], settled, price);
        bytes memory value = abi.encodePacked(uint32(3), n[0], n[1], n[2], n[3], n[4], n[5], n[6], settled);
        if (settled) value = abi.encodePacked(value, n[7]);
        assertEq(ExpiryLeaves.encode(leaf), value);
        assertEq(keccak256(abi.encode(ExpiryLeaves.decode(value))), keccak256(abi.encode(leaf)));
    }

    function testFuzz_keys(uint64[3] memory u, uint64[] memory nonces, bool granted) public pure {
        KeyLeaf memory leaf;
        (leaf.subaccounts, leaf.firstSubaccount, leaf.nextNonce, leaf.floor) = (4, u[0], u[1], u[2]);
        leaf.nonces = _widened(nonces);
        bytes memory value = abi.encodePacked(uint32(4), u[0], u[1], u[2], _packed(nonces), granted);
        if (granted) {
            leaf.hasGrant = true;
            leaf.grant = GrantLeaf(address(0xB0B), 15, _widened(nonces), u[0], true);
            value = abi.encodePacked(value, address(0xB0B), uint8(15), _packed(nonces), u[0], true);
        }
        assertEq(KeyLeaves.encode(leaf), value);
        assertEq(keccak256(abi.encode(KeyLeaves.decode(value))), keccak256(abi.encode(leaf)));
    }

    function test_globals() public pure {
        assertEq(GlobalLeaves.encode(ClockLeaf(1, 2, A)), abi.encodePacked(uint64(1), uint64(2), A));
        assertEq(GlobalLeaves.decodeClock(abi.encodePacked(uint64(1), uint64(2), A)).chainHash, A);
        bytes memory value = abi.encodePacked(int64(-1), int64(2), int64(-3), uint64(4));
        assertEq(GlobalLeaves.encode(FundsLeaf(-1, 2, -3, 4)), value);
        assertEq(GlobalLeaves.decodeFunds(value).fundingPool, -3);
        assertEq(GlobalLeaves.encode(InboxLeaf(1, B)), abi.encodePacked(uint64(1), B));
        assertEq(GlobalLeaves.decodeInbox(abi.encodePacked(uint64(1), B)).hash, B);
        value = abi.encodePacked(uint64(1), uint32(2), uint64(3), uint64(4), uint64(5));
        assertEq(GlobalLeaves.encode(CountersLeaf(1, 2, 3, 4, 5)), value);
        assertEq(GlobalLeaves.decodeCounters(value).liquidations, 5);
        value = abi.encodePacked(uint64(1), address(2), address(3), uint8(4), uint8(5), A, B, B, A);
        assertEq(GlobalLeaves.encode(VenueLeaf(1, address(2), address(3), 4, 5, A, B, B, A)), value);
        assertEq(GlobalLeaves.decodeVenue(value).underlyings, A);
        AssetTotals[] memory totals = new AssetTotals[](2);
        totals[1] = AssetTotals(type(int128).max, type(int128).min);
        value = abi.encodePacked(uint16(2), int128(0), int128(0), type(int128).max, type(int128).min);
        assertEq(GlobalLeaves.encode(totals), value);
        assertEq(GlobalLeaves.decodeTotals(value)[1].withdrawn, type(int128).min);
    }

    function test_the_taker_register() public pure {
        TakerLeaf memory leaf = TakerLeaf(1, 2, 3, Side.Sell, -4, 5, 6, 7, 8, true, false, SelfTrade.CancelBoth, 9, -10);
        bytes memory value = abi.encodePacked(uint64(1), uint64(2), uint32(3), uint8(1), int64(-4), int64(5), int64(6));
        value = abi.encodePacked(value, int64(7), uint64(8), true, false, uint8(2), uint64(9), int64(-10));
        assertEq(TakerLeaves.encode(leaf), value);
        assertEq(keccak256(abi.encode(TakerLeaves.decode(value))), keccak256(abi.encode(leaf)));
    }

    function test_the_collateral_table() public pure {
        CollateralSchedule[] memory table = new CollateralSchedule[](2);
        CollateralTerms memory terms = CollateralTerms(1, 2, 3, 4, 5, 6, 7);
        table[1] = CollateralSchedule(true, terms, true, 99, terms);
        bytes memory packed = abi.encodePacked(uint16(1), uint16(2), int64(3), int64(4), int64(5), int64(6), int64(7));
        bytes memory value = abi.encodePacked(uint16(2), false, false, true, packed, true, uint64(99), packed);
        assertEq(RiskTables.encodeCollateral(table), value);
        assertEq(keccak256(abi.encode(RiskTables.decodeCollateral(value))), keccak256(abi.encode(table)));
    }

    function test_what_is_not_canonical_is_refused() public {
        bytes memory value = HoldingLeaves.encode(HoldingLeaf(1, 2, 3, OpenSide(4, A), OpenSide(5, B)));
        vm.expectRevert(WitnessMalformed.selector);
        this.decodeHolding(bytes.concat(value, hex"00"));
        assembly ("memory-safe") {
            mstore(value, sub(mload(value), 1))
        }
        vm.expectRevert(WitnessMalformed.selector);
        this.decodeHolding(value);
        value = OrderLeaves.encode(OrderLeaf(1, 2, 3, 4, 5, 6, false, SelfTrade.CancelNewest));
        value[49] = 0x02;
        vm.expectRevert(WitnessMalformed.selector);
        this.decodeOrder(value);
    }

    function test_numbers_that_do_not_fit_are_not_written() public {
        HoldingLeaf memory leaf;
        leaf.lots = int256(type(int64).max) + 1;
        vm.expectRevert(Encoder.OutOfRange.selector);
        this.encodeHolding(leaf);
        leaf.lots = int256(type(int64).min) - 1;
        vm.expectRevert(Encoder.OutOfRange.selector);
        this.encodeHolding(leaf);
        vm.expectRevert(Encoder.OutOfRange.selector);
        this.encodeCounters(CountersLeaf(0, 1 << 32, 0, 0, 0));
    }

    function decodeHolding(bytes memory value) external pure {
        HoldingLeaves.decode(value);
    }

    function decodeOrder(bytes memory value) external pure {
        OrderLeaves.decode(value);
    }

    function encodeHolding(HoldingLeaf memory leaf) external pure {
        HoldingLeaves.encode(leaf);
    }

    function encodeCounters(CountersLeaf memory leaf) external pure {
        GlobalLeaves.encode(leaf);
    }

    function _widened(uint64[] memory list) private pure returns (uint256[] memory wide) {
        wide = new uint256[](list.length);
        for (uint256 i = 0; i < list.length; ++i) {
            wide[i] = list[i];
        }
    }

    function _packed(uint64[] memory list) private pure returns (bytes memory packed) {
        packed = abi.encodePacked(uint16(list.length));
        for (uint256 i = 0; i < list.length; ++i) {
            packed = abi.encodePacked(packed, list[i]);
        }
    }
}
