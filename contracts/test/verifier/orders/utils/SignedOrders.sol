// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {CommandKind, OrderType, PostOnly, SelfTrade, Side, TimeInForce} from "src/verifier/Types.sol";
import {GrantLeaf, KeyLeaf} from "src/verifier/state/leaves/KeyLeaf.sol";
import {TakerLeaf} from "src/verifier/state/leaves/TakerLeaf.sol";

import {SmallVenue} from "./SmallVenue.sol";

/// @notice A new order as a test writes it: what a trader signs, and with which key.
struct Ticket {
    uint256 signer;
    uint256 subaccount;
    uint256 instrument;
    Side side;
    int256 amount;
    int256 limitPrice;
    OrderType orderType;
    TimeInForce timeInForce;
    uint256 validUntil;
    PostOnly postOnly;
    bool reduceOnly;
    SelfTrade selfTrade;
    int256 maxFee;
    uint256 nonce;
    uint256 expiry;
}

/// @title Orders that traders sign
abstract contract SignedOrders is SmallVenue {
    /// Alice buys two lots of the perpetual at 50,000.
    function _ticket() internal pure returns (Ticket memory self) {
        (self.signer, self.subaccount, self.instrument) = (ALICE, ALICE, PERPETUAL);
        (self.amount, self.limitPrice, self.maxFee) = (2e6, 50_000e6, MAX_FEE);
        (self.nonce, self.expiry) = (NOW, NOW + 1);
    }

    /// The record of an order, signed.
    function _place(Ticket memory self) internal view returns (bytes memory) {
        bytes memory body = abi.encodePacked(
            uint64(self.subaccount),
            uint32(self.instrument),
            uint8(self.side),
            int64(self.amount),
            int64(self.limitPrice),
            uint8(self.orderType),
            uint8(self.timeInForce)
        );
        body = abi.encodePacked(
            body,
            uint64(self.validUntil),
            uint8(self.postOnly),
            self.reduceOnly,
            uint8(self.selfTrade),
            int64(self.maxFee),
            uint8(2),
            "me"
        );
        return _record(
            CommandKind.PLACE_ORDER,
            abi.encodePacked(
                body,
                vm.addr(self.signer),
                uint64(self.nonce),
                uint64(self.expiry),
                _signature(self.signer, _hash(self))
            )
        );
    }

    /// The order of a ticket on its way into the book.
    function _taker(Ticket memory self) internal pure returns (TakerLeaf memory taker) {
        (taker.order, taker.subaccount, taker.instrument, taker.side) =
        (ORDER, self.subaccount, self.instrument, self.side);
        (taker.limit, taker.lots, taker.maxFee) = (self.limitPrice / 1e6, self.amount / 1e6, self.maxFee);
        taker.rests = self.orderType == OrderType.Limit && uint256(self.timeInForce) < 2;
        (taker.validUntil, taker.reduceOnly, taker.selfTrade) = (self.validUntil, self.reduceOnly, self.selfTrade);
    }

    /// A key has used a nonce.
    function _use(uint256 signer, uint256 nonce) internal {
        KeyLeaf memory key = _key(signer);
        key.nonces = new uint256[](1);
        key.nonces[0] = nonce;
        _putKey(vm.addr(signer), key);
    }

    /// What a key signed with a lower nonce is dead.
    function _raiseFloor(uint256 signer, uint256 floor) internal {
        KeyLeaf memory key = _key(signer);
        key.floor = floor;
        _putKey(vm.addr(signer), key);
    }

    /// A session key of Alice's, that may do some things.
    function _grant(uint256 scopes) internal {
        _putKey(vm.addr(SESSION), _session(scopes));
    }

    function _session(uint256 scopes) internal pure returns (KeyLeaf memory key) {
        key.hasGrant = true;
        key.grant = GrantLeaf(vm.addr(ALICE), scopes, new uint256[](0), NOW + 1, false);
    }

    function _key(uint256 signer) private pure returns (KeyLeaf memory key) {
        if (signer == SESSION) return _session(1);
        (key.subaccounts, key.firstSubaccount) = (1, signer);
    }

    function _hash(Ticket memory self) private view returns (bytes32) {
        bytes memory words = abi.encode(
            keccak256(
                "Order(uint64 subaccount,string instrument,string side,uint64 amount,uint64 limitPrice,string orderType,string timeInForce,uint64 validUntil,string postOnly,bool reduceOnly,string selfTrade,uint64 maxFee,string clientId,uint64 nonce,uint64 expiry,address signer)"
            ),
            self.subaccount,
            instruments[self.instrument].nameHash,
            _word(self.side == Side.Buy ? "buy" : "sell"),
            self.amount,
            self.limitPrice,
            _word(self.orderType == OrderType.Limit ? "limit" : "market")
        );
        string[4] memory forces = ["good_til_cancelled", "good_til_date", "immediate_or_cancel", "fill_or_kill"];
        string[3] memory makers = ["no", "reject", "slide"];
        string[3] memory choices = ["cancel_newest", "cancel_oldest", "cancel_both"];
        words = abi.encodePacked(
            words,
            abi.encode(
                _word(forces[uint256(self.timeInForce)]),
                self.validUntil,
                _word(makers[uint256(self.postOnly)]),
                self.reduceOnly,
                _word(choices[uint256(self.selfTrade)])
            )
        );
        return keccak256(
            abi.encodePacked(words, abi.encode(self.maxFee, _word("me"), self.nonce, self.expiry, vm.addr(self.signer)))
        );
    }

    function _word(string memory text) private pure returns (bytes32) {
        return keccak256(bytes(text));
    }
}
