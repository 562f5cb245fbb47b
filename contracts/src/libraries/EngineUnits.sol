// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title Conversion between token units and engine units
/// @notice The engine counts in signed 64-bit integers: micro-USDC for asset 0, 1e-8 for every other asset.
library EngineUnits {
    /// @notice The largest amount the engine can hold.
    uint64 internal constant MAX_AMOUNT = uint64(type(int64).max);

    /// @notice The amount has digits below the engine's unit, which could not be credited.
    /// @param amount Amount in token units
    /// @param unit Token units per engine unit
    error Dust(uint256 amount, uint256 unit);

    /// @notice The amount is zero or more than the engine can hold.
    /// @param amount Amount in engine units
    error AmountOutOfRange(uint256 amount);

    /// @notice Exact conversion of a deposit; refuses dust, zero, and what does not fit.
    /// @param amount Amount in token units
    /// @param tokenDecimals Decimals of the token
    /// @param engineDecimals Decimals of the engine's unit
    function fromToken(uint256 amount, uint8 tokenDecimals, uint8 engineDecimals) internal pure returns (uint64) {
        uint256 converted;
        if (tokenDecimals >= engineDecimals) {
            uint256 unit = 10 ** (tokenDecimals - engineDecimals);
            require(amount % unit == 0, Dust(amount, unit));
            converted = amount / unit;
        } else {
            // Checked before the product, so that an absurd amount is refused by name and not by overflow.
            require(amount <= MAX_AMOUNT, AmountOutOfRange(amount));
            converted = amount * 10 ** (engineDecimals - tokenDecimals);
        }
        requireAmount(converted);
        // forge-lint: disable-next-line(unsafe-typecast)
        return uint64(converted);
    }

    /// @notice Conversion of a payout. Where the engine's unit is finer than the token's, the rest stays in the vault.
    /// @param amount Amount in engine units
    /// @param tokenDecimals Decimals of the token
    /// @param engineDecimals Decimals of the engine's unit
    function toToken(uint64 amount, uint8 tokenDecimals, uint8 engineDecimals) internal pure returns (uint256) {
        return tokenDecimals >= engineDecimals
            ? uint256(amount) * 10 ** (tokenDecimals - engineDecimals)
            : uint256(amount) / 10 ** (engineDecimals - tokenDecimals);
    }

    /// @notice Refuses an amount in engine units that is zero or more than the engine can hold.
    function requireAmount(uint256 amount) internal pure {
        require(amount != 0 && amount <= MAX_AMOUNT, AmountOutOfRange(amount));
    }
}
