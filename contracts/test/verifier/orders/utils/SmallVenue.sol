// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Test} from "forge-std/Test.sol";

import {StepIllegal, StepInput} from "src/verifier/IStepModule.sol";
import {InstrumentKind, OptionType, Parameter, Side} from "src/verifier/Types.sol";
import {MarginCalculator} from "src/verifier/margin/MarginCalculator.sol";
import {CancelSteps} from "src/verifier/modules/CancelSteps.sol";
import {MatchSteps} from "src/verifier/modules/MatchSteps.sol";
import {OrderSteps} from "src/verifier/modules/OrderSteps.sol";
import {Matchmaker} from "src/verifier/orders/Matchmaker.sol";
import {PlaceGate} from "src/verifier/orders/PlaceGate.sol";
import {ReplaceGate} from "src/verifier/orders/ReplaceGate.sol";
import {BookPlace, BookPlaces} from "src/verifier/state/BookPlace.sol";
import {Globals} from "src/verifier/state/Globals.sol";
import {StateKeys} from "src/verifier/state/StateKeys.sol";
import {AccountLeaf, AccountLeaves} from "src/verifier/state/leaves/AccountLeaf.sol";
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
import {HoldingLeaf, HoldingLeaves} from "src/verifier/state/leaves/HoldingLeaf.sol";
import {InstrumentLeaf, InstrumentLeaves} from "src/verifier/state/leaves/InstrumentLeaf.sol";
import {KeyLeaf, KeyLeaves} from "src/verifier/state/leaves/KeyLeaf.sol";
import {OrderLeaf, OrderLeaves} from "src/verifier/state/leaves/OrderLeaf.sol";
import {TakerLeaf, TakerLeaves} from "src/verifier/state/leaves/TakerLeaf.sol";
import {UnderlyingLeaf, UnderlyingLeaves} from "src/verifier/state/leaves/UnderlyingLeaf.sol";

import {NaiveTree} from "../../state/NaiveTree.sol";

/// @title A small venue, leaf by leaf
/// @notice One underlying at 50,000 USD with a perpetual and a call, and three traders. The state is plain sorted lists, so that what the
/// modules make of it is compared with a state that they had no part in.
abstract contract SmallVenue is Test {
    using NaiveTree for NaiveTree.Leaves;

    /// What a trader has in one instrument.
    struct Own {
        int256 lots;
        int256 cost;
        int256 bidLots;
        int256 offerLots;
        NaiveTree.Leaves bids;
        NaiveTree.Leaves offers;
    }

    struct Trader {
        address owner;
        int256 cash;
        bool closeOnly;
        uint256 liquidation;
        NaiveTree.Leaves orders;
        NaiveTree.Leaves holdings;
        mapping(uint256 => Own) own;
    }

    uint256 internal constant SECOND = 1e9;
    uint256 internal constant LAST = 1_000_000 * SECOND;
    /// Time of the command that is judged, and its sequence.
    uint256 internal constant NOW = LAST + SECOND;
    uint256 internal constant SEQUENCE = 21;
    uint256 internal constant ORDER = SEQUENCE << 10;
    uint256 internal constant EXPIRY = NOW + 86_400 * SECOND;
    uint256 internal constant UNDERLYING = 1;
    uint256 internal constant PERPETUAL = 1;
    uint256 internal constant OPTION = 2;
    uint256 internal constant ALICE = 1;
    uint256 internal constant BOB = 2;
    uint256 internal constant CAROL = 3;
    /// A session key of Alice's.
    uint256 internal constant SESSION = 4;
    /// Most that an order of the tests pays, micro-USDC per contract.
    int256 internal constant MAX_FEE = 100e6;

    NaiveTree.Leaves[5] internal trees;
    mapping(uint256 => Trader) internal traders;
    bytes[] internal preimages;
    FundsLeaf internal funds;
    InstrumentLeaf[3] internal instruments;
    UnderlyingLeaf internal underlying;
    int256[33] internal parameters;

    OrderSteps internal orderSteps;
    CancelSteps internal cancelSteps;
    MatchSteps internal matchSteps;

    function setUp() public virtual {
        MarginCalculator calculator = new MarginCalculator();
        orderSteps = new OrderSteps(new PlaceGate(calculator), new ReplaceGate(calculator));
        cancelSteps = new CancelSteps();
        matchSteps = new MatchSteps(new Matchmaker(calculator));

        _openGlobals();
        _openInstruments();
        for (uint256 id = ALICE; id <= CAROL; ++id) {
            traders[id].owner = vm.addr(id);
            traders[id].cash = 100_000e6;
            KeyLeaf memory key;
            (key.subaccounts, key.firstSubaccount) = (1, id);
            _putKey(vm.addr(id), key);
            _putTrader(id);
        }
    }

    // The state.

    function _root() internal view returns (bytes32) {
        return keccak256(
            abi.encodePacked(
                "synchromesh.state.v1",
                trees[0].root(),
                trees[1].root(),
                trees[2].root(),
                trees[3].root(),
                trees[4].root()
            )
        );
    }

    function _witness() internal view returns (bytes memory witness) {
        uint256 count = 5;
        for (uint256 i = 0; i < 5; ++i) {
            witness = abi.encodePacked(witness, _tree(trees[i]));
        }
        for (uint256 id = ALICE; id <= CAROL; ++id) {
            Trader storage trader = traders[id];
            witness = abi.encodePacked(witness, _tree(trader.orders), _tree(trader.holdings));
            count += 2;
            for (uint256 instrument = PERPETUAL; instrument <= OPTION; ++instrument) {
                Own storage own = trader.own[instrument];
                witness = abi.encodePacked(witness, _tree(own.bids), _tree(own.offers));
                count += 2;
            }
        }
        witness = abi.encodePacked(uint16(count), witness, uint16(preimages.length));
        for (uint256 i = 0; i < preimages.length; ++i) {
            witness = abi.encodePacked(witness, uint24(preimages[i].length), preimages[i]);
        }
    }

    /// A tree, all of it.
    function _tree(NaiveTree.Leaves storage leaves) private view returns (bytes memory) {
        if (leaves.keys.length == 0) return abi.encodePacked(uint24(0));
        bytes memory node = leaves.open(0, true);
        return abi.encodePacked(uint24(node.length), node);
    }

    function _putGlobal(uint256 number, bytes memory value) internal {
        trees[4].set(StateKeys.global(number), value);
    }

    function _putFunds() internal {
        _putGlobal(Globals.FUNDS, GlobalLeaves.encode(funds));
    }

    function _putClock(uint256 time, uint256 sequence, bytes32 chain) internal {
        _putGlobal(Globals.CLOCK, GlobalLeaves.encode(ClockLeaf(time, sequence, chain)));
    }

    function _putTaker(TakerLeaf memory taker) internal {
        _putGlobal(Globals.TAKER, TakerLeaves.encode(taker));
    }

    function _clearTaker() internal {
        trees[4].remove(StateKeys.global(Globals.TAKER));
    }

    function _putKey(address signer, KeyLeaf memory key) internal {
        trees[3].set(StateKeys.signer(signer), KeyLeaves.encode(key));
    }

    function _putUnderlying() internal {
        trees[2].set(StateKeys.underlying(UNDERLYING), UnderlyingLeaves.encode(underlying));
    }

    function _putInstrument(uint256 id) internal {
        trees[2].set(StateKeys.instrument(id), InstrumentLeaves.encode(instruments[id]));
    }

    function _putParameters() internal {
        bytes memory table = abi.encodePacked(uint16(33));
        for (uint8 i = 0; i < 33; ++i) {
            table = abi.encodePacked(table, i, int64(parameters[i]));
        }
        preimages.push(table);
        _putGlobal(Globals.PARAMETERS, abi.encodePacked(keccak256(table)));
    }

    function _putTrader(uint256 id) internal {
        Trader storage trader = traders[id];
        AccountLeaf memory leaf;
        leaf.owner = trader.owner;
        leaf.cash = trader.cash;
        leaf.closeOnly = trader.closeOnly;
        leaf.hasLiquidation = trader.liquidation != 0;
        leaf.liquidation.liquidation = trader.liquidation;
        (leaf.openOrders, leaf.ordersRoot) = (trader.orders.keys.length, trader.orders.root());
        (leaf.holdings, leaf.holdingsRoot) = (trader.holdings.keys.length, trader.holdings.root());
        trees[0].set(StateKeys.account(id), AccountLeaves.encode(leaf));
    }

    /// Gives a position.
    function _hold(uint256 id, uint256 instrument, int256 lots, int256 cost) internal {
        Own storage own = traders[id].own[instrument];
        InstrumentLeaf storage leaf = instruments[instrument];
        if (own.lots == 0 && lots != 0) ++leaf.holders;
        if (own.lots != 0 && lots == 0) --leaf.holders;
        leaf.openInterest += (lots > 0 ? lots : int256(0)) - (own.lots > 0 ? own.lots : int256(0));
        (own.lots, own.cost) = (lots, cost);
        _putInstrument(instrument);
        _sync(id, instrument);
    }

    /// An order of a trader rests, with its id as its place.
    function _rest(uint256 id, uint256 instrument, Side side, int256 ticks, int256 lots, uint256 order) internal {
        OrderLeaf memory leaf;
        (leaf.order, leaf.subaccount, leaf.lots, leaf.maxFee) = (order, id, lots, MAX_FEE);
        _rest(BookPlaces.at(instrument, side, ticks, order), leaf);
    }

    function _rest(BookPlace memory place, OrderLeaf memory leaf) internal {
        Trader storage trader = traders[leaf.subaccount];
        Own storage own = trader.own[place.instrument];
        trees[1].set(StateKeys.book(place), OrderLeaves.encode(leaf));
        trader.orders.set(StateKeys.order(leaf.order), BookPlaces.encode(place));
        if (place.side == Side.Buy) own.bidLots += leaf.lots;
        else own.offerLots += leaf.lots;
        NaiveTree.Leaves storage side = place.side == Side.Buy ? own.bids : own.offers;
        side.set(StateKeys.own(place), abi.encodePacked(uint64(leaf.order)));
        _sync(leaf.subaccount, place.instrument);
    }

    /// The order of a trader at a place leaves.
    function _unrest(uint256 id, uint256 instrument, Side side, int256 ticks, uint256 order) internal {
        BookPlace memory place = BookPlaces.at(instrument, side, ticks, order);
        Own storage own = traders[id].own[instrument];
        bytes32 key = StateKeys.book(place);
        OrderLeaf memory leaf = OrderLeaves.decode(trees[1].value(key));
        trees[1].remove(key);
        traders[id].orders.remove(StateKeys.order(leaf.order));
        if (side == Side.Buy) own.bidLots -= leaf.lots;
        else own.offerLots -= leaf.lots;
        (side == Side.Buy ? own.bids : own.offers).remove(StateKeys.own(place));
        _sync(id, instrument);
    }

    function _sync(uint256 id, uint256 instrument) private {
        Own storage own = traders[id].own[instrument];
        HoldingLeaf memory leaf;
        (leaf.lots, leaf.cost) = (own.lots, own.cost);
        (leaf.bids.lots, leaf.bids.root) = (own.bidLots, own.bids.root());
        (leaf.offers.lots, leaf.offers.root) = (own.offerLots, own.offers.root());
        bytes32 key = StateKeys.holding(instrument);
        if (HoldingLeaves.isEmpty(leaf)) traders[id].holdings.remove(key);
        else traders[id].holdings.set(key, HoldingLeaves.encode(leaf));
        _putTrader(id);
    }

    function _openGlobals() private {
        _putClock(LAST, SEQUENCE - 1, keccak256("chain"));
        funds = FundsLeaf(1000e6, 1_000_000e6, 0, 5);
        _putFunds();
        _putGlobal(Globals.INBOX, GlobalLeaves.encode(InboxLeaf(0, 0)));
        _putGlobal(Globals.COUNTERS, GlobalLeaves.encode(CountersLeaf(3, 2, 0, 0, 0)));
        VenueLeaf memory venue;
        (venue.chainId, venue.settlement) = (1, address(0x5E771E));
        _putGlobal(Globals.VENUE, GlobalLeaves.encode(venue));
        _putGlobal(Globals.TOTALS, GlobalLeaves.encode(new AssetTotals[](1)));
        bytes memory collateral = abi.encodePacked(uint16(1), uint8(0), uint8(0));
        preimages.push(collateral);
        _putGlobal(Globals.COLLATERAL, abi.encodePacked(keccak256(collateral)));

        parameters[uint256(Parameter.OptionTakerFee)] = 300_000;
        parameters[uint256(Parameter.PerpetualTakerFee)] = 300_000;
        parameters[uint256(Parameter.PerpetualMakerFee)] = -100_000;
        parameters[uint256(Parameter.OptionFeeCap)] = 125_000_000;
        parameters[uint256(Parameter.NoncePast)] = int256(60 * SECOND);
        parameters[uint256(Parameter.NonceFuture)] = int256(5 * SECOND);
        parameters[uint256(Parameter.MaxOpenOrders)] = 4;
        parameters[uint256(Parameter.MaxInstruments)] = 4;
        parameters[uint256(Parameter.OptionInitial)] = 150_000_000;
        parameters[uint256(Parameter.OptionInitialFloor)] = 100_000_000;
        parameters[uint256(Parameter.OptionMaintenance)] = 75_000_000;
        parameters[uint256(Parameter.PerpetualInitial)] = 100_000_000;
        parameters[uint256(Parameter.PerpetualMaintenance)] = 50_000_000;
        parameters[uint256(Parameter.PriceBand)] = 100_000_000;
        parameters[uint256(Parameter.MarkStaleness)] = int256(30 * SECOND);
        parameters[uint256(Parameter.MinIndexSources)] = 3;
        parameters[uint256(Parameter.LiquidationFee)] = 5_000_000;
        _putParameters();
    }

    function _openInstruments() private {
        underlying.symbolHash = keccak256("BTC");
        (underlying.openInstruments, underlying.perpetual, underlying.markEpoch) = (2, PERPETUAL, 5);
        (underlying.markTime, underlying.index, underlying.sources) = (LAST, 50_000e9, 5);
        underlying.perpetualMark = 50_000e9;
        _putUnderlying();
        ExpiryLeaf memory series;
        (series.instruments, series.forward) = (1, 50_000e9);
        trees[2].set(StateKeys.expiry(UNDERLYING, EXPIRY), ExpiryLeaves.encode(series));
        for (uint256 id = PERPETUAL; id <= OPTION; ++id) {
            InstrumentLeaf storage leaf = instruments[id];
            leaf.nameHash = keccak256(bytes(id == PERPETUAL ? "BTC_USDC-PERPETUAL" : "BTC_USDC-27MAR26-50000-C"));
            leaf.underlying = UNDERLYING;
            leaf.kind = id == PERPETUAL ? InstrumentKind.Perpetual : InstrumentKind.Option;
            leaf.optionType = OptionType.Call;
            if (id == OPTION) (leaf.strike, leaf.expiry) = (50_000e6, EXPIRY);
            // Ticks of a USD, lots of a hundredth.
            (leaf.tickSize, leaf.lotSize, leaf.laneUnit) = (1e6, 1e6, 13);
            (leaf.mark, leaf.markEpoch, leaf.markIndex) =
            (id == PERPETUAL ? int256(50_000e6) : int256(2000e6), 5, 50_000e9);
            _putInstrument(id);
        }
    }

    // Steps.

    /// A step of the command in `record`, under the state as it is.
    function _step(uint256 kind, bytes memory record, bool first, bool last) internal view returns (StepInput memory) {
        return StepInput(_root(), record, uint8(kind), 0, first, last, 0);
    }

    function _record(uint256 command, bytes memory body) internal pure returns (bytes memory) {
        return abi.encodePacked(uint8(command), uint64(NOW), body);
    }

    /// The clock as the first step of a command leaves it.
    function _tick(bytes memory record) internal {
        _putClock(NOW, SEQUENCE, keccak256(abi.encodePacked(keccak256("chain"), keccak256(record))));
    }

    function _expectIllegal(bytes32 reason) internal {
        vm.expectRevert(abi.encodeWithSelector(StepIllegal.selector, reason));
    }

    /// A signature over a struct in the venue's domain, as the codec has it.
    function _signature(uint256 key, bytes32 structHash) internal pure returns (bytes memory) {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Synchromesh"),
                keccak256("1"),
                uint256(1),
                address(0x5E771E)
            )
        );
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, keccak256(abi.encodePacked(bytes2(0x1901), domain, structHash)));
        return abi.encodePacked(r, s, v);
    }
}
