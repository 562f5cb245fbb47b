"""Black-76 as a careful NumPy user writes it: shared subexpressions, `ndtr`, no Python loop."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

from benches.peers.workload import FloatArray, Workload

INVERSE_ROOT_TAU = 0.3989422804014327


def price(forward: FloatArray, strike: FloatArray, t: FloatArray, sigma: FloatArray, sign: FloatArray) -> FloatArray:
    """The price; ``sign`` is 1 for a call, −1 for a put."""
    deviation = sigma * np.sqrt(t)
    d1 = np.log(forward / strike) / deviation + 0.5 * deviation
    return sign * (forward * ndtr(sign * d1) - strike * ndtr(sign * (d1 - deviation)))


def black76(options: Workload) -> tuple[FloatArray, ...]:
    """Price, delta, gamma, vega per vol point and theta per day."""
    root_t = np.sqrt(options.t)
    deviation = options.sigma * root_t
    d1 = np.log(options.forward / options.strike) / deviation + 0.5 * deviation
    sign = np.where(options.is_call, 1.0, -1.0)
    delta = sign * ndtr(sign * d1)
    value = options.forward * delta - options.strike * sign * ndtr(sign * (d1 - deviation))
    density = INVERSE_ROOT_TAU * np.exp(-0.5 * d1 * d1)
    gamma = density / (options.forward * deviation)
    weight = options.forward * density
    vega = weight * root_t * 0.01
    theta = weight * options.sigma / root_t * (-0.5 / 365)
    return value, delta, gamma, vega, theta


def second_order(options: Workload) -> tuple[FloatArray, ...]:
    """Vanna and volga per vol point, charm per day, speed."""
    root_t = np.sqrt(options.t)
    deviation = options.sigma * root_t
    d1 = np.log(options.forward / options.strike) / deviation + 0.5 * deviation
    d2 = d1 - deviation
    density = INVERSE_ROOT_TAU * np.exp(-0.5 * d1 * d1)
    per_vol = density * d2 / options.sigma * 0.01
    volga = per_vol * options.forward * root_t * d1 * 0.01
    charm = density * d2 / options.t * (0.5 / 365)
    speed = density / (options.forward * options.forward * deviation) * -(1.0 + d1 / deviation)
    return -per_vol, volga, charm, speed
