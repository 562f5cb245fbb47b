// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Test} from "forge-std/Test.sol";
import {IStepModule} from "src/verifier/IStepModule.sol";
import {StepVerifier} from "src/verifier/StepVerifier.sol";

/// The verifier with every module, as a venue deploys it.
abstract contract WholeVerifier is Test {
    StepVerifier.Module[] internal modules;

    function deployVerifier() internal returns (StepVerifier) {
        bytes memory calculator = abi.encode(deployCode("MarginCalculator.sol"));
        bytes memory gates =
            abi.encode(deployCode("PlaceGate.sol", calculator), deployCode("ReplaceGate.sol", calculator));
        address auctionGate = deployCode("AuctionGate.sol", calculator);
        bytes memory matchmaker = abi.encode(deployCode("Matchmaker.sol", calculator));

        _add("GenesisSteps.sol", "", 0, 0);
        _add("InboxSteps.sol", calculator, 1, 6);
        _add("CashSteps.sol", calculator, 7, 7);
        modules[modules.length - 1].kinds |= uint64(1 << 45);
        _add("TransferSteps.sol", calculator, 8, 8);
        _add("KeySteps.sol", "", 9, 12);
        _add("MarginModelSteps.sol", calculator, 13, 13);
        _add("OrderSteps.sol", gates, 14, 14);
        modules[modules.length - 1].kinds |= uint64(1 << 17);
        _add("CancelSteps.sol", "", 15, 16);
        _add("MatchSteps.sol", matchmaker, 18, 20);
        _add("ListingSteps.sol", "", 29, 29);
        _add("AdminSteps.sol", "", 30, 32);
        _add("MarkSteps.sol", "", 33, 33);
        _add("SettlementSteps.sol", "", 34, 37);
        _add("LiquidationSteps.sol", calculator, 38, 38);
        modules[modules.length - 1].kinds |= uint64(15 << 46);
        _add("SliceSteps.sol", calculator, 39, 39);
        _add("AuctionSteps.sol", bytes.concat(calculator, abi.encode(auctionGate)), 40, 40);
        _add("DeleverageSteps.sol", calculator, 41, 41);
        modules[modules.length - 1].kinds |= uint64(3 << 50);
        _add("RiskAdminSteps.sol", "", 43, 44);
        return new StepVerifier(modules);
    }

    function _add(string memory name, bytes memory arguments, uint256 first, uint256 last) private {
        uint256 kinds = (1 << (last + 1)) - (1 << first);
        // forge-lint: disable-next-line(unsafe-typecast)
        modules.push(StepVerifier.Module(uint64(kinds), IStepModule(deployCode(name, arguments))));
    }
}
