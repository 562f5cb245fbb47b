// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Test} from "forge-std/Test.sol";

import {Exits} from "src/custody/Exits.sol";
import {ExitClaim} from "src/interfaces/IExitValuer.sol";
import {IExits} from "src/interfaces/IExits.sol";

/// @notice Claims and pays in any order, in time and late. What accounts may claim is any split of more or less than there is.
contract ExitHandler is Test {
    uint64 public constant ACCOUNTS = 12;

    Exits private immutable _exits;
    /// @notice What each account was paid, by asset, as far as `pay` told.
    mapping(uint64 subaccount => mapping(uint16 asset => uint256)) public payments;
    mapping(uint64 subaccount => mapping(uint16 asset => uint64)) public claims;

    constructor(Exits exits) {
        _exits = exits;
    }

    function ownerOf(uint64 subaccount) public pure returns (address) {
        return address(uint160(0xa000 + subaccount));
    }

    function claim(uint64 subaccount, uint64 usdc, uint64 weth) external {
        subaccount = uint64(bound(subaccount, 1, ACCOUNTS));
        if (_exits.hasClaimed(subaccount)) return;
        uint16[] memory assets = new uint16[](2);
        uint64[] memory amounts = new uint64[](2);
        assets[1] = 1;
        amounts[0] = uint64(bound(usdc, 0, 300e6));
        amounts[1] = uint64(bound(weth, 0, 3e8));
        (claims[subaccount][0], claims[subaccount][1]) = (amounts[0], amounts[1]);
        _exits.claim(subaccount, abi.encode(ExitClaim(ownerOf(subaccount), assets, amounts)));
    }

    function wait(uint32 time) external {
        vm.warp(block.timestamp + bound(time, 1, 2 days));
    }

    function pay(uint64 subaccount, uint16 asset) external {
        subaccount = uint64(bound(subaccount, 1, ACCOUNTS));
        asset = uint16(bound(asset, 0, 1));
        payOne(subaccount, asset);
    }

    /// @dev Pays an account, if anything is owed to it.
    function payOne(uint64 subaccount, uint16 asset) public {
        try _exits.pay(subaccount, asset) {
            assertEq(payments[subaccount][asset], 0, "paid twice");
            payments[subaccount][asset] = 1;
        } catch (bytes memory reason) {
            bytes4 selector = bytes4(reason);
            assertTrue(
                selector == IExits.ClaimsPending.selector || selector == IExits.NothingOwed.selector, "payment is stuck"
            );
        }
    }
}
