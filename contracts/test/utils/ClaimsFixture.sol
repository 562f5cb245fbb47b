// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {Withdrawal} from "src/types/Withdrawal.sol";

import {BondedFixture} from "./BondedFixture.sol";
import {MerkleReference} from "./MerkleReference.sol";

/// @notice A bonded venue as users see it: deposits and keys of theirs, withdrawals and claims.
abstract contract ClaimsFixture is BondedFixture {
    uint256 internal constant CAP = 1_000_000e6;

    uint256 internal aliceKey;
    address internal session;
    uint256 internal sessionKey;

    function setUp() public virtual override {
        super.setUp();
        (, aliceKey) = makeAddrAndKey("alice");
        (session, sessionKey) = makeAddrAndKey("session");
    }

    /// @dev The address as the interface type that the vault takes.
    function token(address at) internal pure returns (IERC20 typed) {
        return IERC20(at);
    }

    /// @dev The consent of a key to be registered by `who`.
    function consentOf(uint256 secret, address who, uint8 scopes, uint64 expiry) internal view returns (bytes memory) {
        bytes32 kind = keccak256("SessionKeyConsent(address owner,address key,uint8 scopes,uint64 keyExpiry)");
        bytes32 consented = keccak256(abi.encode(kind, who, vm.addr(secret), scopes, expiry));
        bytes32 digest = keccak256(bytes.concat(hex"1901", settlement.domainSeparator(), consented));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(secret, digest);
        return bytes.concat(r, s, bytes1(v));
    }

    /// @dev Commits a batch with these withdrawals and returns its index.
    function commitWithdrawals(Withdrawal[] memory withdrawals) internal returns (uint64 index) {
        delete commands;
        add(recordOf(2, "withdraw"), 1);
        return commit(withdrawals).header.index;
    }

    function claim(uint64 batch, Withdrawal[] memory withdrawals, uint64 index) internal {
        bytes32[] memory proof = MerkleReference.proof(leavesOf(withdrawals), index);
        settlement.claimWithdrawal(batch, withdrawals[index], index, uint64(withdrawals.length), proof);
    }
}
