// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Test} from "forge-std/Test.sol";
import {Actions, Authorization, Scope, Signature} from "src/verifier/Actions.sol";
import {StepIllegal} from "src/verifier/IStepModule.sol";
import {Step} from "src/verifier/StepBase.sol";
import {OrderType, Parameter, PostOnly, SelfTrade, Side, TimeInForce} from "src/verifier/Types.sol";
import {OrderCommands, PlaceOrder} from "src/verifier/commands/OrderCommands.sol";
import {Globals} from "src/verifier/state/Globals.sol";
import {Account as Subaccount, Ledger} from "src/verifier/state/Ledger.sol";
import {Parameters} from "src/verifier/state/Parameters.sol";
import {Signers} from "src/verifier/state/Signers.sol";
import {GlobalLeaves, VenueLeaf} from "src/verifier/state/leaves/GlobalLeaves.sol";
import {GrantLeaf, KeyLeaf} from "src/verifier/state/leaves/KeyLeaf.sol";

/// Signatures, authority and nonces, as docs/protocol/signing.md and crates/engine/src/keys.rs have them.
contract ActionsTest is Test {
    uint256 private constant TIME = 1_000_000;
    uint256 private constant PAST = 500;
    uint256 private constant FUTURE = 100;
    address private constant OWNER = address(0xA11CE);
    address private constant KEY = address(0xB0B);

    uint256[] private used;

    /// The worked example of docs/protocol/signing.md.
    function test_the_worked_example() public view {
        PlaceOrder memory order;
        order.subaccount = 7;
        order.amount = 150_000_000;
        order.limitPrice = 5_250_000_000;
        (order.side, order.orderType, order.timeInForce) = (Side.Buy, OrderType.Limit, TimeInForce.Gtc);
        (order.postOnly, order.selfTrade) = (PostOnly.Reject, SelfTrade.CancelOldest);
        order.maxFee = 30_000_000;
        order.clientId = "quote-1";
        order.auth.signer = 0x17c5185167401eD00cF5F5b2fc97D9BBfDb7D025;
        order.auth.nonce = 1_770_163_200_000_000_001;
        order.auth.expiry = 1_770_163_260_000_000_000;
        order.auth.signature = Signature(
            0x61ea06fbc477d5970035669b97792467e33524bf703a369eda26c8c657f7a4bc,
            0x4629ad20c9fefe9ddb0eddaa9d0b99d26b590d8239805c75054f1310451bca59,
            28
        );
        bytes32 structHash = OrderCommands.structHash(order, keccak256("BTC_USDC-27MAR26-100000-C"));
        assertEq(structHash, 0x11510858bb27d1a8c0bc3919ca8d7a486689a5fcdf29848247bc42d3cbc796bc);

        Ledger memory ledger;
        VenueLeaf memory venue;
        (venue.chainId, venue.settlement) = (31_337, 0x5f5f5f5f5f5F5f5F5F5F5F5f5F5f5f5F5F5F5F5f);
        Globals.set(ledger, Globals.VENUE, GlobalLeaves.encode(venue));
        bytes32 digest = 0x136141a34df2b832514e74bb348f6bb63c18d225cc83181fd758a5af640eff4b;
        assertEq(Actions.digest(ledger, structHash), digest);
        Actions.requireSigned(ledger, structHash, order.auth);
    }

    function testFuzz_one_signature_for_each_message_and_key(uint256 secret, bytes32 hash) public {
        secret = bound(secret, 1, 1 << 250);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(secret, hash);
        address signer = vm.addr(secret);
        this.verify(hash, signer, Signature(r, s, v));
        _assertForged(hash, signer, Signature(r, s, v == 27 ? 28 : 27));
        _assertForged(hash, signer, Signature(r, s, v - 27));
        _assertForged(hash, address(0), Signature(r, s, v));
        _assertForged(~hash, signer, Signature(r, s, v));
        // The same signature from the upper half of the order.
        uint256 order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;
        _assertForged(hash, signer, Signature(r, bytes32(order - uint256(s)), v == 27 ? 28 : 27));
        // Nobody's.
        _assertForged(hash, address(0), Signature(bytes32(type(uint256).max), s, v));
    }

    function test_who_may_act_for_a_subaccount() public {
        GrantLeaf memory grant = GrantLeaf(OWNER, Scope.TRADE, new uint256[](0), TIME + 1, false);
        this.authorize(OWNER, grant, Scope.TRANSFER);
        this.authorize(KEY, grant, Scope.TRADE | Scope.CANCEL);
        _assertRefused("scope_missing", grant, Scope.CANCEL);
        grant.expiry = TIME;
        _assertRefused("key_expired", grant, Scope.TRADE);
        (grant.expiry, grant.revoked) = (TIME + 1, true);
        _assertRefused("key_revoked", grant, Scope.TRADE);
        (grant.revoked, grant.subaccounts) = (false, new uint256[](2));
        _assertRefused("key_not_for_subaccount", grant, Scope.TRADE);
        grant.subaccounts[1] = 3;
        this.authorize(KEY, grant, Scope.TRADE);
        grant.owner = KEY;
        _assertRefused("not_authorized", grant, Scope.TRADE);
        vm.expectRevert(abi.encodeWithSelector(StepIllegal.selector, bytes32("not_authorized")));
        this.authorize(address(0xBAD), grant, Scope.TRADE);
    }

    /// The window of 64 nonces against a list of all that were ever used.
    /// forge-config: default.fuzz.runs = 16
    /// forge-config: ci.fuzz.runs = 64
    function testFuzz_trading_nonces(uint256 seed, uint8 floor) public {
        KeyLeaf memory key;
        key.floor = TIME - PAST + floor;
        for (uint256 i = 0; i < 150; ++i) {
            uint256 nonce = TIME - PAST - 20 + uint256(keccak256(abi.encode(seed, i))) % (PAST + FUTURE + 40);
            bool fits = nonce >= key.floor && nonce + PAST >= TIME && nonce <= TIME + FUTURE && _isNew(nonce);
            (bool taken, KeyLeaf memory behind) = _tryNonce(key, nonce);
            assertEq(taken, fits);
            if (!taken) continue;
            used.push(nonce);
            key = behind;
            assertLe(key.nonces.length, 64);
            for (uint256 j = 1; j < key.nonces.length; ++j) {
                assertGt(key.nonces[j], key.nonces[j - 1]);
            }
        }
    }

    function verify(bytes32 hash, address signer, Signature memory signature) external view {
        Actions.requireSignature(hash, signer, signature);
    }

    function authorize(address signer, GrantLeaf memory grant, uint256 scopes) external pure {
        Step memory step = _step();
        KeyLeaf memory key;
        (key.hasGrant, key.grant) = (true, grant);
        Signers.save(step.ledger, KEY, key);
        Subaccount memory account;
        (account.id, account.leaf.owner) = (3, OWNER);
        Authorization memory auth;
        (auth.signer, auth.expiry) = (signer, TIME + 1);
        Actions.authorize(step, account, auth, scopes);
    }

    function useNonce(KeyLeaf memory key, uint256 nonce) external pure returns (KeyLeaf memory) {
        Actions.insertNonce(_step(), key, nonce);
        return key;
    }

    function _tryNonce(KeyLeaf memory key, uint256 nonce) private view returns (bool, KeyLeaf memory) {
        try this.useNonce(key, nonce) returns (KeyLeaf memory behind) {
            return (true, behind);
        } catch {
            return (false, key);
        }
    }

    /// Not used, and not below the 64 highest that were.
    function _isNew(uint256 nonce) private view returns (bool) {
        uint256 higher = 0;
        for (uint256 i = 0; i < used.length; ++i) {
            if (used[i] == nonce) return false;
            if (used[i] > nonce) ++higher;
        }
        return higher < 64;
    }

    function _assertForged(bytes32 hash, address signer, Signature memory signature) private {
        vm.expectRevert(abi.encodeWithSelector(StepIllegal.selector, bytes32("signature")));
        this.verify(hash, signer, signature);
    }

    function _assertRefused(bytes32 reason, GrantLeaf memory grant, uint256 scopes) private {
        vm.expectRevert(abi.encodeWithSelector(StepIllegal.selector, reason));
        this.authorize(KEY, grant, scopes);
    }

    /// A step at `TIME`, of a venue whose nonces may be so old and so new.
    function _step() private pure returns (Step memory step) {
        step.time = TIME;
        step.ledger.parameters = new bytes(Parameters.TABLE_BYTES);
        step.ledger.parameters = Parameters.tableWith(step.ledger, Parameter.NoncePast, int256(PAST));
        step.ledger.parameters = Parameters.tableWith(step.ledger, Parameter.NonceFuture, int256(FUTURE));
    }
}
