// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Step} from "src/verifier/StepBase.sol";
import {CallLevel, InstrumentKind, Mode, OptionType, Parameter, Side} from "src/verifier/Types.sol";
import {Accounts} from "src/verifier/state/Accounts.sol";
import {BookPlaces} from "src/verifier/state/BookPlace.sol";
import {Cursor, Decoder} from "src/verifier/state/Decoder.sol";
import {Globals} from "src/verifier/state/Globals.sol";
import {Expiries, Instruments, Underlyings} from "src/verifier/state/Instruments.sol";
import {Account, Ledger} from "src/verifier/state/Ledger.sol";
import {LiquidationLeaf} from "src/verifier/state/leaves/AccountLeaf.sol";
import {ExpiryLeaf} from "src/verifier/state/leaves/ExpiryLeaf.sol";
import {ClockLeaf, CountersLeaf, FundsLeaf, VenueLeaf} from "src/verifier/state/leaves/GlobalLeaves.sol";
import {HoldingLeaf} from "src/verifier/state/leaves/HoldingLeaf.sol";
import {InstrumentLeaf} from "src/verifier/state/leaves/InstrumentLeaf.sol";
import {OrderLeaf} from "src/verifier/state/leaves/OrderLeaf.sol";
import {CollateralSchedule, RiskTables} from "src/verifier/state/leaves/RiskTables.sol";
import {UnderlyingLeaf} from "src/verifier/state/leaves/UnderlyingLeaf.sol";

/// @title A small venue in memory
/// @notice One underlying with a perpetual and one option, an account, a market maker; every tree is whole, so nothing is missing.
/// Whatever a test wants otherwise, it changes.
library Scene {
    using Decoder for Cursor;

    uint256 internal constant SECOND = 1e9;
    /// @notice Time of the command.
    uint256 internal constant NOW = 1_000_000 * SECOND;
    uint256 internal constant EXPIRY = NOW + 86_400 * SECOND;
    uint256 internal constant UNDERLYING = 1;
    uint256 internal constant PERPETUAL = 1;
    uint256 internal constant OPTION = 2;
    /// @notice The account that things happen to.
    uint256 internal constant SUBJECT = 7;
    uint256 internal constant MAKER = 8;
    address internal constant OWNER = address(0xA11CE);
    /// @notice 50,000 USD: the index, and the mark of the perpetual in micro-USDC.
    int256 internal constant INDEX = 50_000e9;
    int256 internal constant MARK = 50_000e6;

    /// @notice A step of a command of some kind in this venue, not the first, not the last.
    function step(uint256 command, uint256 kind, bytes memory body) internal pure returns (Step memory self) {
        self.ledger = ledger();
        self.body = Decoder.record(body);
        self.command = command;
        self.kind = kind;
        self.time = NOW;
        self.sequence = 12;
    }

    function ledger() internal pure returns (Ledger memory self) {
        self.nodes = new uint256[](64);
        self.free = 64;
        Globals.setClock(self, ClockLeaf(NOW, 12, keccak256("chain")));
        Globals.setFunds(self, FundsLeaf(0, 1_000_000e6, 0, 0));
        Globals.setCounters(self, CountersLeaf(9, 2, 0, 0, 4));
        _parameters(self);
        CollateralSchedule[] memory table = new CollateralSchedule[](1);
        bytes memory encoded = RiskTables.encodeCollateral(table);
        keep(self, encoded);
        Globals.setCollateral(self, table);
        _underlying(self);
        account(self, SUBJECT, OWNER, 10_000e6);
        account(self, MAKER, address(0xB0B), 1_000_000e6);
    }

    /// @notice Makes bytes known by their hash.
    function keep(Ledger memory self, bytes memory data) internal pure {
        uint256 count = 0;
        bytes memory list = "";
        if (self.preimages != 0) {
            Cursor memory known = Cursor(self.preimages, self.end, false);
            count = known.u16();
            list = known.take(known.end - known.at);
        }
        list = abi.encodePacked(uint16(count + 1), list, uint24(data.length), data);
        Cursor memory all = Decoder.leaf(list);
        (self.preimages, self.end) = (all.at, all.end);
    }

    /// @notice Who governs: oracles that ascend, all of whom must sign.
    function govern(Ledger memory self, address[] memory oracles) internal pure {
        bytes memory list = abi.encodePacked(uint16(oracles.length));
        for (uint256 i = 0; i < oracles.length; ++i) {
            list = abi.encodePacked(list, oracles[i]);
        }
        keep(self, list);
        VenueLeaf memory venue;
        venue.chainId = 1;
        venue.oracleQuorum = oracles.length;
        venue.oracles = keccak256(list);
        bytes memory leaf = abi.encodePacked(
            uint64(venue.chainId), venue.settlement, venue.operator, uint8(1), uint8(venue.oracleQuorum), bytes32(0)
        );
        Globals.set(self, Globals.VENUE, abi.encodePacked(leaf, venue.oracles, bytes32(0), bytes32(0)));
    }

    function account(Ledger memory self, uint256 id, address owner, int256 cash) internal pure {
        Account memory opened = Accounts.create(self, id, owner);
        opened.leaf.cash = cash;
    }

    /// @notice An account is being liquidated.
    function liquidate(Ledger memory self, uint256 id, int256 cash, LiquidationLeaf memory liquidation) internal pure {
        Account memory opened = Accounts.load(self, id);
        opened.leaf.cash = cash;
        (opened.leaf.hasLiquidation, opened.leaf.liquidation) = (true, liquidation);
    }

    /// @notice An account is not, and is called for something.
    function call(Ledger memory self, uint256 id, int256 cash, CallLevel level) internal pure {
        Account memory opened = Accounts.load(self, id);
        (opened.leaf.cash, opened.leaf.call) = (cash, level);
    }

    /// @notice Gives a position, entered at the mark.
    function hold(Ledger memory self, uint256 id, uint256 instrument, int256 lots) internal pure {
        InstrumentLeaf memory leaf = Instruments.load(self, instrument);
        HoldingLeaf memory held;
        held.lots = lots;
        held.cost = lots * leaf.mark * leaf.lotSize / 1e8;
        leaf.holders += 1;
        if (lots > 0) leaf.openInterest += lots;
        Instruments.save(self, instrument, leaf);
        Accounts.putHolding(Accounts.load(self, id), instrument, held);
    }

    /// @notice An order of the maker's rests.
    function rest(Ledger memory self, uint256 instrument, Side side, int256 ticks, int256 lots) internal pure {
        OrderLeaf memory order;
        (order.order, order.subaccount, order.lots, order.maxFee) = (99, MAKER, lots, 1e6);
        Accounts.putOrder(self, Accounts.load(self, MAKER), BookPlaces.at(instrument, side, ticks, 99), order);
    }

    /// @notice Moves the mark of an instrument.
    function mark(Ledger memory self, uint256 instrument, int256 price) internal pure {
        InstrumentLeaf memory leaf = Instruments.load(self, instrument);
        leaf.mark = price;
        Instruments.save(self, instrument, leaf);
    }

    /// @notice Changes what the oracle said last.
    function lastMark(Ledger memory self, uint256 time, Mode mode) internal pure {
        UnderlyingLeaf memory leaf = Underlyings.load(self, UNDERLYING);
        (leaf.markTime, leaf.mode) = (time, mode);
        Underlyings.save(self, UNDERLYING, leaf);
    }

    function settle(Ledger memory self, int256 price) internal pure {
        ExpiryLeaf memory leaf = Expiries.load(self, UNDERLYING, EXPIRY);
        (leaf.settled, leaf.settlement) = (true, price);
        Expiries.save(self, UNDERLYING, EXPIRY, leaf);
    }

    function _underlying(Ledger memory self) private pure {
        UnderlyingLeaf memory leaf;
        leaf.symbolHash = keccak256("BTC");
        leaf.listingEpoch = 3;
        leaf.openInstruments = 2;
        leaf.perpetual = PERPETUAL;
        leaf.markEpoch = 5;
        leaf.markTime = NOW - SECOND;
        leaf.index = INDEX;
        leaf.sources = 5;
        leaf.perpetualMark = INDEX;
        leaf.fundingRate = 1e5;
        Underlyings.save(self, UNDERLYING, leaf);
        ExpiryLeaf memory series;
        (series.instruments, series.forward) = (1, INDEX);
        Expiries.save(self, UNDERLYING, EXPIRY, series);
        _instrument(self, PERPETUAL, InstrumentKind.Perpetual, MARK);
        _instrument(self, OPTION, InstrumentKind.Option, 2000e6);
    }

    /// Lots of a hundredth, ticks of a USD.
    function _instrument(Ledger memory self, uint256 id, InstrumentKind kind, int256 price) private pure {
        InstrumentLeaf memory leaf;
        leaf.nameHash = keccak256(abi.encode(id));
        leaf.underlying = UNDERLYING;
        leaf.kind = kind;
        leaf.optionType = OptionType.Call;
        if (kind == InstrumentKind.Option) (leaf.strike, leaf.expiry) = (MARK, EXPIRY);
        (leaf.tickSize, leaf.lotSize, leaf.laneUnit) = (1e6, 1e6, 13);
        leaf.fundingTime = NOW - 8 * 3600 * SECOND;
        (leaf.mark, leaf.markEpoch, leaf.markIndex) = (price, 5, INDEX);
        Instruments.save(self, id, leaf);
    }

    function _parameters(Ledger memory self) private pure {
        bytes memory list = abi.encodePacked(uint16(33));
        for (uint8 i = 0; i < 33; ++i) {
            list = abi.encodePacked(list, i, int64(parameter(Parameter(i))));
        }
        keep(self, list);
        Globals.setHash(self, Globals.PARAMETERS, keccak256(list));
    }

    /// @notice The venue's parameters.
    function parameter(Parameter name) internal pure returns (int256) {
        if (name == Parameter.OptionTakerFee || name == Parameter.PerpetualTakerFee) return 300_000;
        if (name == Parameter.OptionFeeCap) return 125_000_000;
        if (name == Parameter.NoncePast || name == Parameter.NonceFuture) return int256(60 * SECOND);
        if (name == Parameter.MaxOpenOrders || name == Parameter.MaxInstruments) return 100;
        if (name == Parameter.OptionInitial) return 150_000_000;
        if (name == Parameter.OptionInitialFloor) return 100_000_000;
        if (name == Parameter.OptionMaintenance) return 75_000_000;
        if (name == Parameter.PerpetualInitial) return 100_000_000;
        if (name == Parameter.PerpetualMaintenance) return 50_000_000;
        if (name == Parameter.MarkStaleness) return int256(30 * SECOND);
        if (name == Parameter.MinIndexSources) return 3;
        if (name == Parameter.MaxIndexJump || name == Parameter.PriceBand) return 100_000_000;
        if (name == Parameter.MarginCallBuffer) return 100_000_000;
        if (name == Parameter.LiquidationInterval) return int256(5 * SECOND);
        if (name == Parameter.LiquidationSlice) return 250_000_000;
        if (name == Parameter.LiquidationPriceLimit) return 20_000_000;
        if (name == Parameter.LiquidationFee) return 5_000_000;
        if (name == Parameter.AuctionStart) return 990_000_000;
        if (name == Parameter.AuctionMiddle) return 700_000_000;
        if (name == Parameter.AuctionMiddleTime) return int256(900 * SECOND);
        if (name == Parameter.AuctionEndTime) return int256(3600 * SECOND);
        if (name == Parameter.InsuranceCap || name == Parameter.AuctionTrigger) return 500_000_000;
        return 0;
    }
}
