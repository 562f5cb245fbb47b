// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {Asset} from "../types/Asset.sol";

/// @title The vault
/// @notice Holds the assets of the venue's users. What comes in becomes an inbox item; what goes out is a claim.
interface IVault {
    /// @notice The vault takes another asset.
    event AssetAdded(uint16 indexed asset, IERC20 indexed token, uint8 tokenDecimals, uint256 depositCap);

    /// @notice An asset has another deposit cap, in token units.
    event DepositCapChanged(uint16 indexed asset, uint256 depositCap);

    /// @notice Assets came in.
    /// @param asset Asset id
    /// @param owner Who is credited
    /// @param amount Amount in token units
    /// @param inboxIndex The inbox item that credits it
    event Deposited(uint16 indexed asset, address indexed owner, uint256 amount, uint64 inboxIndex);

    /// @notice The vault has no such asset.
    error AssetUnknown(uint16 asset);

    /// @notice The token is an asset of the vault already.
    error TokenListed(IERC20 token);

    /// @notice The token's decimals are out of the supported range.
    error DecimalsUnsupported(uint8 decimals);

    /// @notice No more asset ids.
    error TooManyAssets();

    /// @notice The deposit would take the asset's custody above its cap; all in token units.
    error DepositCapExceeded(uint16 asset, uint256 amount, uint256 custody, uint256 depositCap);

    /// @notice The vault did not receive exactly what was sent: a token with a fee on transfer, or a rebasing one.
    error TransferInexact(uint16 asset, uint256 sent, uint256 received);

    /// @notice A payout asks for more than users have in custody; all in token units.
    error CustodyExceeded(uint16 asset, uint256 amount, uint256 custody);

    /// @notice Adds an asset; the owner only. The first one must be USDC: the engine counts asset 0 in 1e-6.
    /// @param token The ERC-20 contract
    /// @param depositCap Most the vault takes custody of, token units
    /// @return asset Its id
    function addAsset(IERC20 token, uint256 depositCap) external returns (uint16 asset);

    /// @notice Changes a deposit cap, in token units; the owner only. Zero stops deposits of the asset.
    function setDepositCap(uint16 asset, uint256 depositCap) external;

    /// @notice Deposits the caller's tokens, which it approved before.
    /// @param asset Asset id
    /// @param amount Amount in token units, without dust below the engine's unit
    /// @param subaccount Subaccount of the caller to credit, or 0: its first one, created when it has none
    /// @return index Of the inbox item
    function deposit(uint16 asset, uint256 amount, uint64 subaccount) external returns (uint64 index);

    /// @notice Deposits the caller's tokens with an ERC-2612 permit instead of an approval before.
    /// @dev A permit that was used up by somebody else's transaction is no obstacle: the allowance it gave is there.
    /// @param asset Asset id
    /// @param amount Amount in token units, also the value of the permit
    /// @param subaccount Subaccount of the caller to credit, or 0: its first one, created when it has none
    /// @param deadline Of the permit, seconds
    /// @param v Signature
    /// @param r Signature
    /// @param s Signature
    /// @return index Of the inbox item
    function depositWithPermit(
        uint16 asset,
        uint256 amount,
        uint64 subaccount,
        uint256 deadline,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external returns (uint64 index);

    /// @notice How many assets the vault takes.
    function assetCount() external view returns (uint16);

    /// @notice An asset of the vault.
    function assetAt(uint16 asset) external view returns (Asset memory);
}
