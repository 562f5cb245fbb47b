// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Test} from "forge-std/Test.sol";

import {Exits} from "src/custody/Exits.sol";
import {IBondedSettlement} from "src/interfaces/IBondedSettlement.sol";
import {ExitClaim, IExitValuer} from "src/interfaces/IExitValuer.sol";
import {IExits} from "src/interfaces/IExits.sol";
import {Progress} from "src/types/Chunk.sol";

import {ScriptedValuer} from "../mocks/ScriptedValuer.sol";

/// @notice As much of a frozen venue as exits look at; counts what it is told to pay.
contract FrozenVenue {
    bool public constant frozen = true;
    uint64 public constant batches = 1;

    /// @notice What was paid so far.
    uint256 public paid;

    function payExit(uint16, uint64 amount, address) external {
        paid += amount;
    }

    function isFinal(uint64) external pure returns (bool) {
        return true;
    }

    function tip() external pure returns (Progress memory progress) {
        progress.root = "root";
    }
}

/// @notice Properties of exits for all inputs: fuzzed by `forge test`, proven by `make prove`.
contract ExitProofs is Test {
    FrozenVenue internal venue;
    Exits internal exits;

    function setUp() public {
        venue = new FrozenVenue();
        exits = new Exits(IBondedSettlement(address(venue)), IExitValuer(address(new ScriptedValuer())), 1 days);
    }

    function list(uint64 amount) internal pure returns (uint64[] memory amounts) {
        amounts = new uint64[](1);
        amounts[0] = amount;
    }

    function pay() internal returns (bool paid) {
        (paid,) = address(exits).call(abi.encodeCall(IExits.pay, (1, 0)));
    }

    /// @notice Whatever was claimed of whatever there is: an account is paid at most once.
    function testFuzz_anAccountIsPaidOnce(uint64 pool, uint64 one) public {
        exits.open(abi.encode(list(pool), list(1e6)));
        exits.claim(1, abi.encode(ExitClaim(address(0xa), new uint16[](1), list(one))));
        vm.warp(exits.closesAt());
        bool first = pay();
        uint256 paid = venue.paid();
        bool again = pay();
        assertFalse(first && again);
        assertEq(venue.paid(), first ? paid : 0);
    }

    /// @notice An account claims at most once, whatever it claims.
    function testFuzz_anAccountClaimsOnce(uint64 one, uint64 again, uint64 subaccount) public {
        exits.open(abi.encode(list(1), list(1e6)));
        exits.claim(subaccount, abi.encode(ExitClaim(address(0xa), new uint16[](1), list(one))));
        bytes memory second = abi.encode(ExitClaim(address(0xb), new uint16[](1), list(again)));
        (bool claimed,) = address(exits).call(abi.encodeCall(IExits.claim, (subaccount, second)));
        assertFalse(claimed);
    }
}
