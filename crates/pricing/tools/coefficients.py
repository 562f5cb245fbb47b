"""Computes the coefficients in `src/math.rs` with 70-digit arithmetic and prints them as Rust constants.

    python crates/pricing/tools/coefficients.py

* `EXP`: minimax-like (Chebyshev interpolation) polynomial of (e^r − 1 − r)/r² on |r| ≤ ln 2 / 2.
* `LN`: the same for (atanh(s)/s − 1)·2/z with z = s², where s = (a − b)/(a + b) and a/b spans [⅔, 1.5].
* `SHORTFALL_R`, `SHORTFALL_Q`: the best x·R/Q for ½ − e^(x²/2)·Φ(−x) on [0, 39], R of degree 8 and Q of degree 9,
  by Remez exchange; its error is weighed by `slack`. All coefficients are positive, so that Horner's rule on x ≥ 0
  loses nothing to cancellation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mpmath import atanh, cos, erfc, exp, log, lu_solve, matrix, mp, mpf, pi, sqrt
from polynomials import alternation, emit, horner

mp.dps = 70

EXP_DEGREE = 9
LN_DEGREE = 6
SHORTFALL_ORDER = 9
TAIL_END = mpf(39)
SCALE = mpf(3)
"""Where the middle of the Remez grid lies."""


def chebyshev_interpolation(f: Callable[[mpf], mpf], low: mpf, high: mpf, degree: int) -> list[mpf]:
    """Monomial coefficients, lowest first, of the interpolant of `f` at the Chebyshev nodes of [low, high]."""
    count = degree + 1
    nodes = [(low + high) / 2 + (high - low) / 2 * cos(pi * (2 * i + 1) / (2 * count)) for i in range(count)]
    system, values = matrix(count, count), matrix(count, 1)
    for i, node in enumerate(nodes):
        values[i] = f(node)
        for j in range(count):
            system[i, j] = node**j
    return list(lu_solve(system, values))


def exp_tail(r: mpf) -> mpf:
    """(e^r − 1 − r)/r²."""
    return (exp(r) - 1 - r) / r**2 if abs(r) > mpf(10) ** -20 else mpf(1) / 2


def atanh_tail(z: mpf) -> mpf:
    """(atanh(s)/s − 1)·2/z with s = √z."""
    return (atanh(sqrt(z)) / sqrt(z) - 1) * 2 / z


def scaled_tail(x: mpf) -> mpf:
    """e^(x²/2)·Φ(−x)."""
    return exp(x * x / 2) * erfc(x / sqrt(mpf(2))) / 2


def slack(x: mpf) -> mpf:
    """The error allowed at x: relative to the scaled tail, and growing as that of e^(−x²/2) from a rounded x² does."""
    return scaled_tail(x) * (1 + x * x / 8) ** 2


def remez_grid(count: int) -> list[mpf]:
    """Points of [0, TAIL_END], dense at both ends and around SCALE."""
    top = (TAIL_END - SCALE) / (TAIL_END + SCALE)
    ts = [-1 + (top + 1) * (1 - cos(pi * k / (count - 1))) / 2 for k in range(count)]
    return [SCALE * (1 + t) / (1 - t) for t in ts]


def levelled(reference: Sequence[mpf], n: int) -> tuple[list[mpf], list[mpf], mpf]:
    """R, Q (in x/SCALE, Q monic) and E: x·R/Q = shortfall ± E·slack at the reference. Newton's method from E = 0."""
    level = mpf(0)
    denominator: list[mpf] | None = None
    for _ in range(6):
        system, values = matrix(2 * n + 1, 2 * n + 1), matrix(2 * n + 1, 1)
        for i, point in enumerate(reference):
            x, allowed = point / SCALE, (-1) ** i * slack(point)
            q = horner(denominator, x) if denominator else mpf(1)
            weight = 1 / (1 + x) ** n
            target = mpf(1) / 2 - scaled_tail(point) + allowed * level
            for j in range(n):
                system[i, j] = x ** (j + 1) * weight
                system[i, n + j] = -target * x**j * weight
            system[i, 2 * n] = -allowed * q * weight
            values[i] = (target * x**n - allowed * level * q) * weight
        solution = list(lu_solve(system, values))
        numerator, denominator, level = solution[:n], [*solution[n : 2 * n], mpf(1)], solution[2 * n]
    assert denominator is not None
    return numerator, denominator, level


def shortfall_rational(n: int) -> tuple[list[mpf], list[mpf], mpf]:
    """R and Q (constant term 1) in x, and the largest error in units of the slack."""
    grid = remez_grid(700)[1:]
    values = [(mpf(1) / 2 - scaled_tail(x), slack(x)) for x in grid]
    reference = remez_grid(2 * n + 2)[1:]
    for _ in range(20):
        numerator, denominator, level = levelled(reference, n)
        errors = [
            (x / SCALE * horner(numerator, x / SCALE) / horner(denominator, x / SCALE) - value) / allowed
            for x, (value, allowed) in zip(grid, values, strict=True)
        ]
        worst = max(abs(e) for e in errors)
        if worst / abs(level) - 1 < mpf("1e-3"):
            break
        reference = [grid[k] for k in alternation(errors, 2 * n + 1)]
    unit = denominator[0]
    return (
        [c / unit / SCALE ** (j + 1) for j, c in enumerate(numerator)],
        [c / unit / SCALE**j for j, c in enumerate(denominator)],
        worst,
    )


def main() -> None:
    """Prints every constant."""
    half = log(mpf(2)) / 2
    emit("EXP", chebyshev_interpolation(exp_tail, -half, half, EXP_DEGREE))
    emit("LN", chebyshev_interpolation(atanh_tail, mpf(0), mpf("0.04"), LN_DEGREE))
    ln2 = log(mpf(2))
    high = mpf(int(ln2 * 2**32)) / 2**32
    print(f"const LN2_HIGH: f64 = {float(high)!r};  const LN2_LOW: f64 = {float(ln2 - high)!r};")
    numerator, denominator, worst = shortfall_rational(SHORTFALL_ORDER)
    print(f"// error {mp.nstr(worst, 3)} of the slack")
    emit("SHORTFALL_R", numerator)
    emit("SHORTFALL_Q", denominator)


if __name__ == "__main__":
    main()
