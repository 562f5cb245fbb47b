// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {requireLegal} from "src/verifier/IStepModule.sol";
import {Step} from "src/verifier/StepBase.sol";
import {Parameter} from "src/verifier/Types.sol";
import {Cursor, Decoder} from "src/verifier/state/Decoder.sol";
import {Globals} from "src/verifier/state/Globals.sol";
import {Account, Ledger, Ledgers} from "src/verifier/state/Ledger.sol";
import {Parameters} from "src/verifier/state/Parameters.sol";
import {Signers} from "src/verifier/state/Signers.sol";
import {CountersLeaf, VenueLeaf} from "src/verifier/state/leaves/GlobalLeaves.sol";
import {GrantLeaf, KeyLeaf} from "src/verifier/state/leaves/KeyLeaf.sol";

/// @notice A signature over a digest.
struct Signature {
    bytes32 r;
    bytes32 s;
    uint256 v;
}

/// @notice Who signed an action, and which use of the key this is.
/// @param signer The key that signed
/// @param nonce Trading actions: unix ns; owner actions: the owner's next number
/// @param expiry The signature is void from this venue time on
/// @param signature The signature
struct Authorization {
    address signer;
    uint256 nonce;
    uint256 expiry;
    Signature signature;
}

/// @title Scope bits of a session key
library Scope {
    uint256 internal constant TRADE = 1;
    uint256 internal constant CANCEL = 2;
    uint256 internal constant RFQ = 4;
    uint256 internal constant TRANSFER = 8;
    uint256 internal constant ALL = 15;
}

/// @title Signed actions
/// @notice Whose signature an action needs, whether it is there, and whether the key may still be used this way: docs/protocol/signing.md,
/// crates/engine/src/keys.rs and the quorums of crates/engine/src/admin.rs.
library Actions {
    using Decoder for Cursor;
    using Ledgers for Ledger;

    /// The precompile that recovers signers did not run, for want of gas: nothing is known of the signature.
    error RecoveryFailed();

    bytes32 private constant DOMAIN_TYPE =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    bytes32 private constant DOMAIN_NAME = keccak256("Synchromesh");
    bytes32 private constant DOMAIN_VERSION = keccak256("1");
    bytes32 private constant ADMINISTRATION_TYPE = keccak256("Administration(string action,bytes32 body,uint64 nonce)");

    /// Half of the order of secp256k1: the highest `s` that is accepted.
    uint256 private constant HALF_ORDER = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;
    /// Trading nonces that a key remembers.
    uint256 private constant NONCES_KEPT = 64;
    /// Most signatures of a quorum.
    uint256 private constant QUORUM_MAX = 64;

    /// @notice An authorization at the cursor.
    function authorization(Cursor memory cursor) internal pure returns (Authorization memory auth) {
        auth.signer = cursor.addr();
        auth.nonce = cursor.u64();
        auth.expiry = cursor.u64();
        auth.signature = signature(cursor);
    }

    /// @notice A signature at the cursor.
    function signature(Cursor memory cursor) internal pure returns (Signature memory self) {
        self.r = cursor.word();
        self.s = cursor.word();
        self.v = cursor.u8();
    }

    /// @notice The digest of a struct in the domain of the venue.
    function digest(Ledger memory ledger, bytes32 structHash) internal pure returns (bytes32) {
        VenueLeaf memory venue = Globals.venue(ledger);
        bytes32 separator =
            keccak256(abi.encode(DOMAIN_TYPE, DOMAIN_NAME, DOMAIN_VERSION, venue.chainId, venue.settlement));
        return keccak256(abi.encodePacked(bytes2(0x1901), separator, structHash));
    }

    /// @notice The action was signed by the key that it names.
    function requireSigned(Ledger memory ledger, bytes32 structHash, Authorization memory auth) internal view {
        requireSignature(digest(ledger, structHash), auth.signer, auth.signature);
    }

    /// @notice A signature over a digest is that of `signer`.
    function requireSignature(bytes32 hash, address signer, Signature memory self) internal view {
        bool sound = (self.v == 27 || self.v == 28) && uint256(self.s) <= HALF_ORDER;
        requireLegal(sound && signer != address(0) && _recover(hash, self) == signer, "signature");
    }

    /// @notice The signature is not void yet.
    function requireUnexpired(Step memory step, Authorization memory auth) internal pure {
        requireLegal(step.time < auth.expiry, "signature_expired");
    }

    /// @notice The signer is the owner of a subaccount.
    function requireOwner(Step memory step, Account memory account, Authorization memory auth) internal pure {
        requireUnexpired(step, auth);
        requireLegal(account.leaf.owner == auth.signer, "not_authorized");
    }

    /// @notice The signer may act for a subaccount: its owner, or a live session key of the owner with one of the scopes.
    function authorize(Step memory step, Account memory account, Authorization memory auth, uint256 scopes)
        internal
        pure
    {
        requireUnexpired(step, auth);
        if (account.leaf.owner == auth.signer) return;
        (, KeyLeaf memory key) = Signers.find(step.ledger, auth.signer);
        requireLegal(key.hasGrant && key.grant.owner == account.leaf.owner, "not_authorized");
        requireLive(step, key.grant);
        requireLegal(key.grant.scopes & scopes != 0, "scope_missing");
        requireSubaccount(key.grant, account.id);
    }

    /// @notice A grant was not taken back and is not over.
    function requireLive(Step memory step, GrantLeaf memory grant) internal pure {
        requireLegal(!grant.revoked, "key_revoked");
        requireLegal(step.time < grant.expiry, "key_expired");
    }

    /// @notice A grant covers a subaccount of its owner.
    function requireSubaccount(GrantLeaf memory grant, uint256 subaccount) internal pure {
        uint256[] memory list = grant.subaccounts;
        bool covered = list.length == 0;
        for (uint256 i = 0; i < list.length && !covered; ++i) {
            covered = list[i] == subaccount;
        }
        requireLegal(covered, "key_not_for_subaccount");
    }

    /// @notice Uses the next number of an owner; an address that never acted is at 0.
    function useOwnerNonce(Step memory step, address owner, uint256 nonce) internal pure {
        (, KeyLeaf memory key) = Signers.find(step.ledger, owner);
        requireLegal(nonce == key.nextNonce, "wrong_owner_nonce");
        ++key.nextNonce;
        Signers.save(step.ledger, owner, key);
    }

    /// @notice Uses a trading nonce of the signer.
    function useTradingNonce(Step memory step, Authorization memory auth) internal pure {
        (bool found, KeyLeaf memory key) = Signers.find(step.ledger, auth.signer);
        requireLegal(found, "unknown_signer");
        insertNonce(step, key, auth.nonce);
        Signers.save(step.ledger, auth.signer, key);
    }

    /// @notice Checks a trading nonce against floor, time window and use, and puts it among those that were used.
    function insertNonce(Step memory step, KeyLeaf memory key, uint256 nonce) internal pure {
        requireLegal(nonce >= key.floor, "nonce_below_floor");
        uint256 past = Parameters.unsigned(step.ledger, Parameter.NoncePast);
        uint256 future = Parameters.unsigned(step.ledger, Parameter.NonceFuture);
        requireLegal(nonce + past >= step.time, "nonce_too_old");
        requireLegal(nonce <= step.time + future, "nonce_too_new");

        uint256[] memory used = key.nonces;
        uint256 at = used.length;
        while (at != 0 && used[at - 1] > nonce) --at;
        requireLegal(at == 0 || used[at - 1] != nonce, "nonce_used");
        bool full = used.length == NONCES_KEPT;
        requireLegal(!full || at != 0, "nonce_below_window");
        key.nonces = _inserted(used, at, nonce, full);
    }

    /// @notice Enough administrators signed a command, and it has the next number. The list of their signatures, behind the
    /// number, ends the command.
    /// @param action The command's name
    /// @param body Hash of its body before the number
    function useAdministration(Step memory step, string memory action, bytes32 body, Cursor memory cursor)
        internal
        view
    {
        uint256 nonce = cursor.u64();
        bytes32 structHash = keccak256(abi.encode(ADMINISTRATION_TYPE, keccak256(bytes(action)), body, nonce));
        VenueLeaf memory venue = Globals.venue(step.ledger);
        _requireQuorum(step, structHash, cursor, venue.admins, venue.adminQuorum);
        cursor.finish();
        CountersLeaf memory counters = Globals.counters(step.ledger);
        requireLegal(nonce == counters.administration, "wrong_admin_nonce");
        ++counters.administration;
        Globals.setCounters(step.ledger, counters);
    }

    /// @notice Enough oracles signed a struct. The list of their signatures is at the cursor.
    function requireOracles(Step memory step, bytes32 structHash, Cursor memory cursor) internal view {
        VenueLeaf memory venue = Globals.venue(step.ledger);
        _requireQuorum(step, structHash, cursor, venue.oracles, venue.oracleQuorum);
    }

    /// Each signature is by one of the members whose list has that hash, they ascend by signer, and there are enough.
    function _requireQuorum(
        Step memory step,
        bytes32 structHash,
        Cursor memory cursor,
        bytes32 membersHash,
        uint256 needed
    ) private view {
        bytes32 hash = digest(step.ledger, structHash);
        Cursor memory members = Decoder.leaf(step.ledger.preimage(membersHash));
        members.u16();
        uint256 given = cursor.count(QUORUM_MAX);
        address last = address(0);
        for (uint256 i = 0; i < given; ++i) {
            address signer = cursor.addr();
            if (i != 0 && signer <= last) cursor.fail();
            last = signer;
            // Both lists ascend: members before this signer are no signers.
            address member = address(0);
            while (member < signer && members.at != members.end) member = members.addr();
            requireLegal(member == signer, "not_of_quorum");
            requireSignature(hash, signer, signature(cursor));
        }
        requireLegal(given >= needed, "quorum_missing");
    }

    /// The list with one more number at a place, and without its first when it is full.
    function _inserted(uint256[] memory list, uint256 at, uint256 value, bool full)
        private
        pure
        returns (uint256[] memory result)
    {
        uint256 dropped = full ? 1 : 0;
        result = new uint256[](list.length + 1 - dropped);
        for (uint256 i = 0; i < result.length; ++i) {
            uint256 from = i + dropped;
            result[i] = from < at ? list[from] : from == at ? value : list[from - 1];
        }
    }

    /// The signer of a digest; zero when there is none.
    function _recover(bytes32 hash, Signature memory self) private view returns (address signer) {
        bool ran;
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, hash)
            mstore(add(free, 0x20), mload(add(self, 0x40)))
            mstore(add(free, 0x40), mload(self))
            mstore(add(free, 0x60), mload(add(self, 0x20)))
            mstore(0, 0)
            ran := staticcall(gas(), 1, free, 0x80, 0, 0x20)
            signer := mload(0)
        }
        // A signature of nobody runs and returns nothing; only want of gas does not run.
        require(ran, RecoveryFailed());
    }
}
