// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {stdJson} from "forge-std/StdJson.sol";

import {BondedSettlement} from "src/BondedSettlement.sol";
import {BinaryMerkle} from "src/libraries/BinaryMerkle.sol";
import {BatchHeader} from "src/types/BatchHeader.sol";
import {Withdrawal} from "src/types/Withdrawal.sol";

import {TokenWithDecimals} from "../mocks/TokenWithDecimals.sol";
import {ClaimsFixture} from "../utils/ClaimsFixture.sol";

/// @notice Runs the vectors that the Python reference wrote through the real contract.
contract VectorsTest is ClaimsFixture {
    using stdJson for string;

    string internal vectors;
    TokenWithDecimals internal wide;

    function setUp() public override {
        super.setUp();
        vectors = vm.readFile("../tests/vectors/settlement.json");
        wide = new TokenWithDecimals(18);
        vm.startPrank(owner);
        settlement.setDepositCap(USDC, type(uint256).max);
        settlement.addAsset(token(address(wide)), type(uint256).max);
        vm.stopPrank();
    }

    function test_inbox() public {
        uint64 count = 0;
        for (string memory at = ".inbox[0]"; vectors.keyExists(at); at = element(".inbox", count)) {
            uint64 index = send(at);
            assertEq(index, count++);
            assertEq(settlement.inboxHashAt(count), vectors.readBytes32(string.concat(at, ".hash")), at);
        }
        assertEq(count, 8);
    }

    function test_consent() public {
        address place = vectors.readAddress(".consent.contract");
        vm.etch(place, address(settlement).code);
        vm.chainId(vectors.readUint(".consent.chainId"));
        vm.prank(vectors.readAddress(".consent.owner"));
        BondedSettlement(place)
            .registerKey(
                vectors.readAddress(".consent.key"),
                uint8(vectors.readUint(".consent.scopes")),
                number64(".consent.keyExpiry"),
                vectors.readBytes(".consent.signature")
            );
        assertEq(BondedSettlement(place).inboxLength(), 1);
    }

    function test_withdrawals() public view {
        uint256 trees = 0;
        for (string memory at = ".withdrawals[0]"; vectors.keyExists(at); at = element(".withdrawals", trees)) {
            foldAll(vectors.readBytes32(string.concat(at, ".root")), string.concat(at, ".items"));
            trees++;
        }
        assertEq(trees, 6);
    }

    function test_batchHash() public view {
        BatchHeader memory header = BatchHeader({
            index: number64(".batch.index"),
            previousRoot: vectors.readBytes32(".batch.previousRoot"),
            newRoot: vectors.readBytes32(".batch.newRoot"),
            protocolVersion: uint16(vectors.readUint(".batch.protocolVersion")),
            verifierVersion: uint16(vectors.readUint(".batch.verifierVersion")),
            firstSequence: number64(".batch.firstSequence"),
            lastSequence: number64(".batch.lastSequence"),
            previousChainHash: vectors.readBytes32(".batch.previousChainHash"),
            chainHash: vectors.readBytes32(".batch.chainHash"),
            inboxCursor: number64(".batch.inboxCursor"),
            inboxHash: vectors.readBytes32(".batch.inboxHash"),
            traceRoot: vectors.readBytes32(".batch.traceRoot"),
            withdrawalRoot: vectors.readBytes32(".batch.withdrawalRoot"),
            dataHash: vectors.readBytes32(".batch.dataHash"),
            lastTime: number64(".batch.lastTime")
        });
        assertEq(this.hashOf(header), vectors.readBytes32(".batch.hash"));
    }

    function fold(bytes32 leaf, uint64 index, uint64 count, bytes32[] calldata siblings)
        external
        pure
        returns (bytes32)
    {
        return BinaryMerkle.fold(leaf, index, count, siblings);
    }

    function hashOf(BatchHeader calldata header) external pure returns (bytes32) {
        return header.hash();
    }

    function foldAll(bytes32 root, string memory items) internal view {
        uint64 count = 0;
        while (vectors.keyExists(element(items, count))) {
            count++;
        }
        for (uint64 i = 0; i < count; i++) {
            string memory at = element(items, i);
            Withdrawal memory item = Withdrawal({
                number: number64(string.concat(at, ".number")),
                asset: uint16(vectors.readUint(string.concat(at, ".asset"))),
                amount: number64(string.concat(at, ".amount")),
                recipient: vectors.readAddress(string.concat(at, ".recipient"))
            });
            assertEq(leafOf(item), vectors.readBytes32(string.concat(at, ".leaf")), at);
            bytes32[] memory proof = vectors.readBytes32Array(string.concat(at, ".proof"));
            assertEq(this.fold(leafOf(item), i, count, proof), root, at);
        }
    }

    /// @dev Sends the inbox item at `at` as its owner would.
    function send(string memory at) internal returns (uint64 index) {
        address from = vectors.readAddress(string.concat(at, ".owner"));
        bytes32 kind = keccak256(bytes(vectors.readString(string.concat(at, ".kind"))));
        if (kind == keccak256("deposit")) {
            uint16 asset = uint16(vectors.readUint(string.concat(at, ".asset")));
            return depositUnits(from, asset, field(at, ".amount"), field(at, ".subaccount"));
        }
        if (kind == keccak256("register_key")) {
            uint8 scopes = uint8(field(at, ".scopes"));
            uint64 expiry = field(at, ".expiry");
            bytes memory consent = consentOf(sessionKey, from, scopes, expiry);
            vm.prank(from);
            return settlement.registerKey(vectors.readAddress(string.concat(at, ".key")), scopes, expiry, consent);
        }
        vm.prank(from);
        if (kind == keccak256("forced_withdraw")) {
            uint16 asset = uint16(vectors.readUint(string.concat(at, ".asset")));
            address recipient = vectors.readAddress(string.concat(at, ".recipient"));
            return settlement.forceWithdraw(field(at, ".subaccount"), asset, field(at, ".amount"), recipient);
        }
        if (kind == keccak256("forced_cancel_all")) return settlement.forceCancelAll(field(at, ".subaccount"));
        if (kind == keccak256("forced_close_only")) return settlement.forceCloseOnly(field(at, ".subaccount"));
        assertEq(kind, keccak256("raise_nonce_floor"));
        return settlement.raiseNonceFloor(vectors.readAddress(string.concat(at, ".signer")), field(at, ".floor"));
    }

    /// @dev Deposits so many engine units.
    function depositUnits(address who, uint16 asset, uint64 units, uint64 subaccount) internal returns (uint64 index) {
        TokenWithDecimals coin = asset == USDC ? TokenWithDecimals(address(usdc)) : wide;
        uint256 amount = asset == USDC ? units : uint256(units) * 1e10;
        coin.mint(who, amount);
        vm.startPrank(who);
        coin.approve(address(settlement), amount);
        index = settlement.deposit(asset, amount, subaccount);
        vm.stopPrank();
    }

    function element(string memory list, uint256 index) internal pure returns (string memory) {
        return string.concat(list, "[", vm.toString(index), "]");
    }

    function field(string memory at, string memory name) internal view returns (uint64) {
        return number64(string.concat(at, name));
    }

    function number64(string memory at) internal view returns (uint64) {
        return uint64(vectors.readUint(at));
    }
}
