// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Test} from "forge-std/Test.sol";

import {InstrumentKind, MarginModel, Parameter, Side} from "src/verifier/Types.sol";
import {BookPlaces} from "src/verifier/state/BookPlace.sol";
import {Encoder, Writer} from "src/verifier/state/Encoder.sol";
import {Globals} from "src/verifier/state/Globals.sol";
import {Parameters} from "src/verifier/state/Parameters.sol";
import {StateKeys} from "src/verifier/state/StateKeys.sol";
import {AccountLeaf, AccountLeaves, Collateral} from "src/verifier/state/leaves/AccountLeaf.sol";
import {ExpiryLeaf, ExpiryLeaves} from "src/verifier/state/leaves/ExpiryLeaf.sol";
import {AssetTotals, ClockLeaf, GlobalLeaves} from "src/verifier/state/leaves/GlobalLeaves.sol";
import {HoldingLeaf, HoldingLeaves} from "src/verifier/state/leaves/HoldingLeaf.sol";
import {InstrumentLeaf, InstrumentLeaves} from "src/verifier/state/leaves/InstrumentLeaf.sol";
import {CollateralSchedule, CollateralTerms, RiskTables} from "src/verifier/state/leaves/RiskTables.sol";
import {UnderlyingLeaf, UnderlyingLeaves} from "src/verifier/state/leaves/UnderlyingLeaf.sol";

import {NaiveTree} from "../../state/NaiveTree.sol";

/// A state with one account as large as wanted, and its witness: options with lanes in 12 expiries of each underlying, two
/// assets as collateral.
abstract contract BigAccount is Test {
    using Encoder for Writer;
    using NaiveTree for NaiveTree.Leaves;

    /// What the account is.
    struct Size {
        uint256 holdings;
        uint256 underlyings;
        bool orders;
        bool portfolio;
    }

    uint256 internal constant EXPIRIES = 12;
    uint256 internal constant ASSETS = 2;
    uint256 internal constant NOW = 1000 days * 1e9;

    NaiveTree.Leaves internal accounts;
    NaiveTree.Leaves internal instruments;
    NaiveTree.Leaves internal globals;
    NaiveTree.Leaves internal holdings;
    bytes internal own;
    uint256 internal ownTrees;

    /// The state; the account is its first.
    function build(Size memory size, int256 cash, int256 balance)
        internal
        returns (bytes32 root, bytes memory witness)
    {
        bytes[3] memory preimages = [riskTable(), parameterTable(), collateralTable(size.underlyings)];
        for (uint256 id = 1; id <= size.holdings; ++id) {
            instruments.set(StateKeys.instrument(id), instrument(id, size.underlyings));
            holdings.set(StateKeys.holding(id), holding(id, size.orders));
        }
        for (uint256 id = 1; id <= size.underlyings; ++id) {
            instruments.set(StateKeys.underlying(id), underlying(keccak256(preimages[0])));
            for (uint256 i = 0; i < EXPIRIES; ++i) {
                ExpiryLeaf memory expiry;
                expiry.forward = 100_000e9;
                instruments.set(StateKeys.expiry(id, expiryAt(i)), ExpiryLeaves.encode(expiry));
            }
        }
        accounts.set(StateKeys.account(1), AccountLeaves.encode(account(size, cash, balance)));
        AssetTotals[] memory totals = new AssetTotals[](1 + ASSETS);
        for (uint256 asset = 0; asset <= ASSETS; ++asset) {
            totals[asset].deposited = 1e17;
        }
        globals.set(StateKeys.global(Globals.CLOCK), GlobalLeaves.encode(ClockLeaf(NOW, 1, 0)));
        globals.set(StateKeys.global(Globals.TOTALS), GlobalLeaves.encode(totals));
        globals.set(StateKeys.global(Globals.PARAMETERS), abi.encodePacked(keccak256(preimages[1])));
        globals.set(StateKeys.global(Globals.COLLATERAL), abi.encodePacked(keccak256(preimages[2])));

        witness = abi.encodePacked(
            uint16(6 + ownTrees), tree(accounts), hex"000000", tree(instruments), hex"000000", tree(globals)
        );
        witness = abi.encodePacked(witness, tree(holdings), own, uint16(3));
        for (uint256 i = 0; i < preimages.length; ++i) {
            witness = abi.encodePacked(witness, sized(preimages[i]));
        }
        bytes32[5] memory roots = [accounts.root(), bytes32(0), instruments.root(), bytes32(0), globals.root()];
        root = keccak256(abi.encodePacked("synchromesh.state.v1", roots));
    }

    function account(Size memory size, int256 cash, int256 balance) internal view returns (AccountLeaf memory leaf) {
        leaf.marginModel = size.portfolio ? MarginModel.Portfolio : MarginModel.Standard;
        leaf.cash = cash;
        leaf.holdings = size.holdings;
        leaf.holdingsRoot = holdings.root();
        if (balance == 0) return leaf;
        leaf.collateral = new Collateral[](ASSETS);
        for (uint256 i = 0; i < ASSETS; ++i) {
            // The first covers margin, the others are there.
            leaf.collateral[i] = Collateral(i + 1, i == 0 ? balance : int256(1e6));
        }
    }

    function instrument(uint256 id, uint256 underlyings) internal pure returns (bytes memory) {
        InstrumentLeaf memory leaf;
        leaf.nameHash = keccak256(abi.encode(id));
        leaf.underlying = 1 + (id % underlyings);
        leaf.kind = InstrumentKind.Option;
        leaf.strike = int256(50_000e6 + (id / 2 / EXPIRIES) * 1000e6);
        leaf.expiry = expiryAt(id % EXPIRIES);
        leaf.tickSize = 5e6;
        leaf.lotSize = 1e6;
        leaf.laneUnit = 100;
        leaf.mark = 3000e6;
        leaf.markEpoch = 9;
        leaf.markIndex = 100_000e9;
        leaf.iv = 5e8;
        leaf.delta = 4e8;
        leaf.vega = 60e6;
        leaf.risk = new bytes(InstrumentLeaves.RISK_BYTES);
        for (uint256 i = 0; i < leaf.risk.length; ++i) {
            // Lanes of ± 32,767, gaps below: three bytes of four are seldom zero.
            if (i % 4 >= 2) leaf.risk[i] = bytes1(uint8(uint256(keccak256(abi.encode(id, i))) | 1));
            else if (i < 256 && i % 8 < 4) leaf.risk[i] = 0xff;
        }
        return InstrumentLeaves.encode(leaf);
    }

    function holding(uint256 id, bool orders) internal returns (bytes memory) {
        HoldingLeaf memory leaf;
        leaf.lots = id % 2 == 0 ? int256(40) : -40;
        leaf.cost = leaf.lots * 30e6;
        if (orders) {
            leaf.bids.lots = 30;
            leaf.bids.root = ownTree(StateKeys.own(BookPlaces.at(id, Side.Buy, 590, id)), id);
            leaf.offers.lots = 30;
            leaf.offers.root = ownTree(StateKeys.own(BookPlaces.at(id, Side.Sell, 610, id)), id);
        }
        return HoldingLeaves.encode(leaf);
    }

    /// A tree of one order.
    function ownTree(bytes32 key, uint256 order) internal returns (bytes32) {
        bytes memory value = abi.encodePacked(uint64(order));
        own = abi.encodePacked(own, sized(abi.encodePacked(uint8(2), key, uint16(8), value)));
        ++ownTrees;
        return keccak256(abi.encodePacked(uint8(0), key, keccak256(value)));
    }

    function underlying(bytes32 table) internal pure returns (bytes memory) {
        UnderlyingLeaf memory leaf;
        leaf.markEpoch = 9;
        leaf.markTime = NOW;
        leaf.index = 100_000e9;
        leaf.confidence = 100_000;
        leaf.sources = 5;
        leaf.perpetualMark = 100_000e9;
        leaf.hasRisk = true;
        leaf.risk.version = 1;
        leaf.risk.parameters = table;
        return UnderlyingLeaves.encode(leaf);
    }

    /// Every add-on charges something.
    function riskTable() internal pure returns (bytes memory) {
        Writer memory writer = Encoder.start(RiskTables.RISK_BYTES);
        writer.i64(16e7);
        for (uint256 i = 1; i < 10; ++i) {
            writer.i64(1e8);
        }
        int64[13] memory margin = [int64(8e8), 3e6, 3e7, 1e7, 2e7, 5e8, 5e6, 2e8, 2e9, 1e6, 2e6, 5e7, 1e9];
        for (uint256 i = 0; i < margin.length; ++i) {
            writer.i64(margin[i]);
        }
        return writer.finish();
    }

    /// Assets that move with the first underlyings.
    function collateralTable(uint256 underlyings) internal pure returns (bytes memory) {
        CollateralSchedule[] memory table = new CollateralSchedule[](1 + ASSETS);
        for (uint256 asset = 1; asset <= ASSETS; ++asset) {
            table[asset].hasActive = true;
            uint256 priced = asset < underlyings ? asset : underlyings;
            table[asset].active = CollateralTerms(priced, priced, 1e8, 5e7, 1e7, 1e18, 1e18);
        }
        return RiskTables.encodeCollateral(table);
    }

    function parameterTable() internal pure returns (bytes memory) {
        Writer memory writer = Encoder.start(Parameters.TABLE_BYTES);
        writer.u16(Parameters.COUNT);
        for (uint256 i = 0; i < Parameters.COUNT; ++i) {
            writer.u8(i);
            int256 value = i == uint256(Parameter.OptionFeeCap) ? int256(125e6) : int256(1e5);
            writer.i64(i == uint256(Parameter.MinIndexSources) ? int256(3) : value);
        }
        return writer.finish();
    }

    function expiryAt(uint256 number) internal pure returns (uint256) {
        return NOW + (number + 1) * 10 days * 1e9;
    }

    function tree(NaiveTree.Leaves storage leaves) internal view returns (bytes memory) {
        return sized(leaves.open(0, true));
    }

    function sized(bytes memory data) internal pure returns (bytes memory) {
        return abi.encodePacked(uint24(data.length), data);
    }
}
