// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Test, console} from "forge-std/Test.sol";

import {InstrumentKind, MarginModel, Parameter, Side} from "src/verifier/Types.sol";
import {MarginFigures} from "src/verifier/margin/IMarginCalculator.sol";
import {MarginCalculator} from "src/verifier/margin/MarginCalculator.sol";
import {BookPlaces} from "src/verifier/state/BookPlace.sol";
import {Encoder, Writer} from "src/verifier/state/Encoder.sol";
import {Globals} from "src/verifier/state/Globals.sol";
import {Parameters} from "src/verifier/state/Parameters.sol";
import {StateKeys} from "src/verifier/state/StateKeys.sol";
import {AccountLeaf, AccountLeaves} from "src/verifier/state/leaves/AccountLeaf.sol";
import {ExpiryLeaf, ExpiryLeaves} from "src/verifier/state/leaves/ExpiryLeaf.sol";
import {ClockLeaf, GlobalLeaves} from "src/verifier/state/leaves/GlobalLeaves.sol";
import {HoldingLeaf, HoldingLeaves} from "src/verifier/state/leaves/HoldingLeaf.sol";
import {InstrumentLeaf, InstrumentLeaves} from "src/verifier/state/leaves/InstrumentLeaf.sol";
import {RiskTables} from "src/verifier/state/leaves/RiskTables.sol";
import {UnderlyingLeaf, UnderlyingLeaves} from "src/verifier/state/leaves/UnderlyingLeaf.sol";

import {NaiveTree} from "../state/NaiveTree.sol";
import {MarginProbe} from "./MarginProbe.sol";

/// What it costs to margin an account from a witness: options in 12 expiries with lanes, orders on both sides of each,
/// three leaves that nobody asked for beside each instrument.
contract MarginGasTest is Test {
    using Encoder for Writer;
    using NaiveTree for NaiveTree.Leaves;

    /// What a transaction may cost at most.
    uint256 internal constant GAS_MAX = 1 << 24;
    uint256 internal constant EXPIRIES = 12;
    uint256 internal constant NOW = 1000 days * 1e9;
    /// Bytes of the pruned siblings of an instrument among a thousand others, about.
    uint256 internal constant SIBLING_BYTES = 3 * 33;

    MarginProbe internal probe = new MarginProbe(new MarginCalculator());

    NaiveTree.Leaves internal accounts;
    NaiveTree.Leaves internal instruments;
    NaiveTree.Leaves internal globals;
    NaiveTree.Leaves internal holdings;
    bytes internal own;
    uint256 internal ownTrees;

    function test_gas_ofOneHolding() public {
        measureAll(1);
    }

    function test_gas_of20Holdings() public {
        measureAll(20);
    }

    function test_gas_of64Holdings() public {
        measureAll(64);
    }

    function test_gas_of128Holdings() public {
        measureAll(128);
    }

    function measureAll(uint256 size) internal {
        // What the state is made of costs more than a test may.
        vm.pauseGasMetering();
        for (uint256 kind = 0; kind < 4; ++kind) {
            uint256 snapshot = vm.snapshotState();
            measure(size, kind % 2 == 1, kind >= 2);
            vm.revertToState(snapshot);
        }
    }

    function measure(uint256 size, bool orders, bool portfolio) internal {
        bytes memory table = riskTable();
        bytes memory parameters = parameterTable();
        for (uint256 id = 1; id <= size; ++id) {
            instruments.set(StateKeys.instrument(id), instrument(id));
            holdings.set(StateKeys.holding(id), holding(id, orders));
        }
        instruments.set(StateKeys.underlying(1), underlying(keccak256(table)));
        for (uint256 i = 0; i < EXPIRIES; ++i) {
            ExpiryLeaf memory expiry;
            expiry.forward = 100_000e9;
            instruments.set(StateKeys.expiry(1, expiryAt(i)), ExpiryLeaves.encode(expiry));
        }
        AccountLeaf memory account;
        account.marginModel = portfolio ? MarginModel.Portfolio : MarginModel.Standard;
        account.holdings = size;
        account.holdingsRoot = holdings.root();
        accounts.set(StateKeys.account(1), AccountLeaves.encode(account));
        globals.set(StateKeys.global(Globals.CLOCK), GlobalLeaves.encode(ClockLeaf(NOW, 1, 0)));
        globals.set(StateKeys.global(Globals.PARAMETERS), abi.encodePacked(keccak256(parameters)));

        bytes memory witness = abi.encodePacked(
            uint16(6 + ownTrees), tree(accounts), hex"000000", tree(instruments), hex"000000", tree(globals)
        );
        witness = abi.encodePacked(witness, tree(holdings), own, uint16(2), sized(table), sized(parameters));
        bytes32 root = keccak256(
            abi.encodePacked(
                "synchromesh.state.v1", accounts.root(), bytes32(0), instruments.root(), bytes32(0), globals.root()
            )
        );
        vm.resumeGasMetering();
        MarginFigures memory found = probe.figures(root, witness, 1);
        vm.pauseGasMetering();
        uint256 spent = vm.lastCallGas().gasTotalUsed;
        assertTrue(found.fits && found.maintenance != 0);
        report(size, orders, portfolio, spent, witness);
    }

    function report(uint256 size, bool orders, bool portfolio, uint256 spent, bytes memory witness) internal pure {
        uint256 tokens = 4 * size * SIBLING_BYTES;
        for (uint256 i = 0; i < witness.length; ++i) {
            tokens += witness[i] == 0 ? 1 : 4;
        }
        uint256 whole = 21_000 + (4 * tokens + spent > 10 * tokens ? 4 * tokens + spent : 10 * tokens);
        console.log(
            string.concat(
                vm.toString(size),
                portfolio ? " portfolio" : " standard",
                orders ? " with orders" : "",
                ": execution ",
                vm.toString(spent),
                ", witness ",
                vm.toString(witness.length + size * SIBLING_BYTES),
                " bytes, transaction ",
                vm.toString(whole)
            )
        );
        assertLt(whole, GAS_MAX);
    }

    function instrument(uint256 id) internal pure returns (bytes memory) {
        InstrumentLeaf memory leaf;
        leaf.nameHash = keccak256(abi.encode(id));
        leaf.underlying = 1;
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

    function parameterTable() internal pure returns (bytes memory) {
        Writer memory writer = Encoder.start(Parameters.TABLE_BYTES);
        writer.u16(Parameters.COUNT);
        for (uint256 i = 0; i < Parameters.COUNT; ++i) {
            writer.u8(i);
            writer.i64(i == uint256(Parameter.OptionFeeCap) ? int256(125e6) : int256(1e5));
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
