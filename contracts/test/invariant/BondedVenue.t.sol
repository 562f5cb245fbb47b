// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Test} from "forge-std/Test.sol";

import {IBondedSettlement} from "src/interfaces/IBondedSettlement.sol";
import {IBonds} from "src/interfaces/IBonds.sol";

import {BondedVenueHandler} from "./BondedVenueHandler.sol";

/// @notice A bonded venue that lives at random.
abstract contract BondedVenueInvariants is Test {
    uint16 internal constant USDC = 0;

    BondedVenueHandler internal handler;
    IBondedSettlement internal settlement;
    IERC20 internal usdc;

    function start(bool greedy) internal {
        handler = new BondedVenueHandler(greedy);
        handler.setUp();
        settlement = handler.venue();
        usdc = settlement.assetAt(USDC).token;
        bytes4[] memory selectors = new bytes4[](greedy ? 7 : 18);
        selectors[0] = BondedVenueHandler.depositSome.selector;
        selectors[1] = BondedVenueHandler.demand.selector;
        selectors[2] = BondedVenueHandler.donate.selector;
        selectors[3] = BondedVenueHandler.claim.selector;
        selectors[4] = BondedVenueHandler.commitBatch.selector;
        selectors[5] = BondedVenueHandler.challenge.selector;
        selectors[6] = BondedVenueHandler.passTime.selector;
        if (!greedy) {
            selectors[7] = BondedVenueHandler.askForAccount.selector;
            selectors[8] = BondedVenueHandler.freeze.selector;
            selectors[9] = BondedVenueHandler.punishSilence.selector;
            selectors[10] = BondedVenueHandler.openExit.selector;
            selectors[11] = BondedVenueHandler.claimExit.selector;
            selectors[12] = BondedVenueHandler.payExit.selector;
            selectors[13] = BondedVenueHandler.returnDeposit.selector;
            selectors[14] = BondedVenueHandler.payEarly.selector;
            selectors[15] = BondedVenueHandler.pause.selector;
            selectors[16] = BondedVenueHandler.depositStrange.selector;
            selectors[17] = BondedVenueHandler.reclaimDeposit.selector;
        }
        targetSelector(FuzzSelector(address(handler), selectors));
        targetContract(address(handler));
    }
}

/// @notice Operators who commit what is wrong, and nobody looks for hours: what is claimed by then is no more than what came in, and
/// leaves alone what belongs to nobody.
contract GreedyVenueTest is BondedVenueInvariants {
    function setUp() public {
        start(true);
    }

    function invariant_noMoreGoesOutThanCameIn() public view {
        uint256 custody = settlement.assetAt(USDC).custody;
        assertEq(custody, handler.deposited() - handler.paid());
        assertEq(usdc.balanceOf(address(settlement)), custody + handler.donated());
    }
}

/// @notice What holds of a venue whose operators list honestly, whatever happens: batches that fall, withdrawals that were paid early
/// and wrongly, operators that go, pauses, a freeze, an exit.
contract HonestVenueTest is BondedVenueInvariants {
    IBonds internal bonds;

    function setUp() public {
        start(false);
        bonds = settlement.bonds();
    }

    /// @notice After every step; one campaign for all.
    function invariant_theVenueHolds() public view {
        _theVaultHasWhatItOwes();
        _nobodyIsPaidTwice();
        _onlyBatchesThatStandCount();
        _bondsAreThere();
    }

    /// @notice From every state that was reached everybody gets out, with all that is his, and nothing is left behind.
    function afterInvariant() public {
        handler.leave();
        assertEq(settlement.assetAt(USDC).custody, 0);
        assertEq(handler.owed(), 0);
        assertEq(usdc.balanceOf(address(settlement)), handler.donated());
        assertEq(handler.strangeDeposits(), 0);
        assertEq(handler.strange().balanceOf(address(settlement)), 0);
    }

    /// @dev To the unit, with what was given to it.
    function _theVaultHasWhatItOwes() private view {
        uint256 custody = settlement.assetAt(USDC).custody;
        assertEq(custody, handler.deposited() - handler.paid());
        assertEq(custody, handler.owed());
        assertEq(settlement.assetAt(1).custody, handler.strangeDeposits());
        assertEq(usdc.balanceOf(address(settlement)), custody + handler.donated());
    }

    function _nobodyIsPaidTwice() private view {
        for (uint256 i = 0; i < handler.USERS(); i++) {
            assertEq(usdc.balanceOf(handler.userAt(i)), handler.paidTo(i));
        }
    }

    /// @dev Tip and numbers are theirs.
    function _onlyBatchesThatStandCount() private view {
        assertEq(settlement.batches(), handler.standing());
        assertEq(settlement.withdrawals(), handler.listedWithdrawals());
        assertLe(settlement.tip().inboxCursor, settlement.inboxLength());
    }

    /// @dev Stakes, rewards, the insurance's share.
    function _bondsAreThere() private view {
        uint256 sum = bonds.insured();
        for (uint256 i = 0; i < handler.operatorsEver(); i++) {
            sum += bonds.bondOf(handler.operators(i));
        }
        for (uint256 i = 0; i < handler.provenWrong(); i++) {
            sum += bonds.rewardOf(handler.wrong(i));
        }
        assertEq(usdc.balanceOf(address(bonds)), sum);
    }
}
