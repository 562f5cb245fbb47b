"""Black-76 in JAX by the formulas of the native kernel, ``crates/pricing``: one exponential and two rational functions.

They are written with add, multiply, divide, square root, exp, log and select alone, which every compiler below JAX
knows in float64; a GPU has no float64 `erfc` under Pallas.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

LEAST_DEVIATION = 1e-100
"""σ√T below which an option is its intrinsic value."""
TAIL_END = 39.0
"""Where the density has underflowed."""

SHORTFALL_NUMERATOR = (
    0.3989422804014348,
    0.6099564300167377,
    0.4461271820057208,
    0.20093753176852097,
    0.060628528388090186,
    0.012539888628887242,
    0.0017413458610785538,
    0.00014945708819312885,
    6.149258083457715e-06,
)
"""R of ½ − e^(x²/2)·Φ(−x) = x·R/Q on [0, 39], lowest power first, as ``crates/pricing/tools`` computes it."""
SHORTFALL_DENOMINATOR = (
    1.0,
    2.1555911024309125,
    2.135758076634565,
    1.280197493941939,
    0.5133360670866564,
    0.143387628363233,
    0.02804529230591268,
    0.003729020202428646,
    0.00030872697262274975,
    1.2298516166495113e-05,
)
"""Q of the same."""


def price(forward: jax.Array, strike: jax.Array, t: jax.Array, sigma: jax.Array, sign: jax.Array) -> jax.Array:
    """Returns the undiscounted price of options, elementwise; ``sign`` is 1 for a call, −1 for a put.

    The out-of-the-money side is computed, the other one follows by parity. Time below 0 counts as 0.
    """
    deviation = sigma * jnp.sqrt(jnp.maximum(t, 0.0))
    bounded = jnp.maximum(deviation, LEAST_DEVIATION)
    d1 = jnp.log(forward / strike) / bounded + 0.5 * bounded
    d2 = d1 - bounded
    # K·φ(d2) = F·φ(d1), so one weight serves both tails: F·Φ(−|d1|) = weight·(½ − h1), K·Φ(−|d2|) = weight·(½ − h2).
    weight = forward * jnp.exp(-0.5 * d1 * d1)
    h1, h2 = tail_shortfall(jnp.abs(d1)), tail_shortfall(jnp.abs(d2))
    astride = (jnp.minimum(forward, strike) - weight) + weight * (h1 + h2)
    aside = weight * jnp.abs(h2 - h1)
    value = jnp.maximum(jnp.where((d1 >= 0.0) & (d2 < 0.0), astride, aside), 0.0)
    inner = jnp.maximum(sign * (forward - strike), 0.0)
    return jnp.where(deviation >= LEAST_DEVIATION, value, 0.0) + inner


def tail_shortfall(x: jax.Array) -> jax.Array:
    """Returns what e^(x²/2)·Φ(−x) falls short of ½, for x ≥ 0; beyond 39 its value there."""
    x = jnp.minimum(x, TAIL_END)
    return x * (_horner(SHORTFALL_NUMERATOR, x) / _horner(SHORTFALL_DENOMINATOR, x))


def _horner(coefficients: tuple[float, ...], x: jax.Array) -> jax.Array:
    value = x * coefficients[-1] + coefficients[-2]
    for coefficient in reversed(coefficients[:-2]):
        value = value * x + coefficient
    return value
