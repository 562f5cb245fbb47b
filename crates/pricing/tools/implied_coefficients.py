"""Computes the coefficients in `src/implied/rational.rs` with 60-digit arithmetic and prints them as Rust constants.

    python crates/pricing/tools/implied_coefficients.py

* `MILLS_P`, `MILLS_Q`: rational approximation, type (10, 11), of the Mills ratio M(z) = Φ(−z)/φ(z) on [0, 60] by Remez
  exchange. The error is weighted by 1/(1 + z²/3), the size of −M′(z) relative to z·M(z), so that
  `SLOPE_N` = Q − z·P gives −M′ = 1 − z·M over the same denominator just as well.
* `ROUGH_…`: the same of type (4, 5), for the first step.
* `QUANTILE`: polynomial of Φ⁻¹((1 + β)/2)/√λ in λ = −ln(1 − β²).
* `BACHELIER_P`, `BACHELIER_Q`: rational interpolation of (h/q)² in q = ln(1 + h/(φ(h)·(1 − h·M(h)))).
* `ROUGH_LN`, `ROUGH_EXP`: Chebyshev interpolation of ln(1 + f)/f and e^r.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mpmath import cos, erfc, erfinv, exp, findroot, log, lu_solve, matrix, mp, mpf, pi, sqrt
from polynomials import alternation, emit, horner

mp.dps = 60

END = mpf(60)
SCALE = mpf(3)
"""Where the middle of the Remez grid lies."""
TINY = mpf(10) ** -25


def mills(z: mpf) -> mpf:
    """Φ(−z)/φ(z)."""
    return sqrt(pi / 2) * exp(z * z / 2) * erfc(z / sqrt(mpf(2)))


def weight(z: mpf) -> mpf:
    """Share of the Mills ratio that an error may be, in units of the level."""
    return 1 / (1 + z * z / 3)


def chebyshev_nodes(count: int, low: mpf, high: mpf) -> list[mpf]:
    """Chebyshev points of [low, high]."""
    return [(low + high) / 2 - (high - low) / 2 * cos(pi * (2 * k + 1) / (2 * count)) for k in range(count)]


def mapped_nodes(count: int, low: mpf, high: mpf, scale: mpf, ends: bool = False) -> list[mpf]:
    """Chebyshev points of [low, high], after the map that sends `scale` to the middle of [0, ∞)."""
    bottom, top = (low - scale) / (low + scale), (high - scale) / (high + scale)
    angles = [pi * k / (count - 1) if ends else pi * (2 * k + 1) / (2 * count) for k in range(count)]
    points = [(bottom + top) / 2 - (top - bottom) / 2 * cos(angle) for angle in angles]
    return [scale * (1 + point) / (1 - point) for point in points]


def levelled(reference: Sequence[mpf], n: int) -> tuple[list[mpf], list[mpf], mpf]:
    """P, Q (in z/SCALE, Q monic) and E with P(z) = M(z)(1 ± E·weight) Q(z) on the reference, by Newton's method."""
    level = mpf(0)
    denominator: list[mpf] | None = None
    for _ in range(6):
        system, values = matrix(2 * n + 1, 2 * n + 1), matrix(2 * n + 1, 1)
        for i, point in enumerate(reference):
            x, m, sign = point / SCALE, mills(point), (-1) ** i * weight(point)
            q = horner(denominator, x) if denominator else mpf(1)
            row = 1 / (1 + x) ** n
            target = m * (1 + sign * level)
            for j in range(n):
                system[i, j] = x**j * row
                system[i, n + j] = -target * x**j * row
            system[i, 2 * n] = -m * sign * q * row
            values[i] = (target * x**n - m * sign * level * q) * row
        solution = list(lu_solve(system, values))
        numerator, denominator, level = solution[:n], [*solution[n : 2 * n], mpf(1)], solution[2 * n]
    assert denominator is not None
    return numerator, denominator, level


def mills_rational(n: int) -> tuple[list[mpf], list[mpf], mpf]:
    """Numerator and denominator (constant term 1) in z, and the largest weighted relative error."""
    grid = mapped_nodes(1200, mpf(0), END, SCALE, ends=True)
    values = [mills(z) for z in grid]
    reference = mapped_nodes(2 * n + 1, mpf(0), END, SCALE, ends=True)
    for _ in range(25):
        numerator, denominator, level = levelled(reference, n)
        errors = [
            (horner(numerator, z / SCALE) / horner(denominator, z / SCALE) / m - 1) / weight(z)
            for z, m in zip(grid, values, strict=True)
        ]
        worst = max(abs(e) for e in errors)
        if worst / abs(level) - 1 < mpf("1e-2"):
            break
        reference = [grid[k] for k in alternation(errors, 2 * n + 1)]
    unit = denominator[0]
    return (
        [c / unit / SCALE**j for j, c in enumerate(numerator)],
        [c / unit / SCALE**j for j, c in enumerate(denominator)],
        worst,
    )


def polynomial(f: Callable[[mpf], mpf], nodes: Sequence[mpf]) -> list[mpf]:
    """Monomial coefficients, lowest first, of the interpolant at the nodes."""
    system, values = matrix(len(nodes), len(nodes)), matrix(len(nodes), 1)
    for i, node in enumerate(nodes):
        values[i] = f(node)
        for j in range(len(nodes)):
            system[i, j] = node**j
    return list(lu_solve(system, values))


def rational(f: Callable[[mpf], mpf], nodes: Sequence[mpf], top: int) -> tuple[list[mpf], list[mpf]]:
    """Numerator of degree `top` and denominator (constant term 1) of the interpolant at the nodes."""
    count = len(nodes)
    system, values = matrix(count, count), matrix(count, 1)
    for i, node in enumerate(nodes):
        values[i] = f(node)
        for j in range(top + 1):
            system[i, j] = node**j
        for j in range(1, count - top):
            system[i, top + j] = -f(node) * node**j
    solution = list(lu_solve(system, values))
    return solution[: top + 1], [mpf(1), *solution[top + 1 :]]


def quantile(lam: mpf) -> mpf:
    """Φ⁻¹((1 + β)/2)/√λ."""
    if lam < TINY:
        return sqrt(pi / 2)
    rest = -mp.expm1(mp.log1p(-exp(-lam)) / 2)
    if rest > mpf("0.1"):
        return sqrt(mpf(2)) * erfinv(1 - rest) / sqrt(lam)
    start = sqrt(-2 * log(rest))
    return findroot(lambda z: log(erfc(z / sqrt(mpf(2))) / rest), start) / sqrt(lam)


def bachelier(q: mpf) -> mpf:
    """(h/q)², h by bisection."""
    low, high = mpf(10) ** -12, mpf(80)
    for _ in range(200):
        h = sqrt(low * high)
        # ln(h/(φ(h)(1 − hM(h)))), which is ln(e^q − 1) at the root.
        odds = log(h / (1 - h * mills(h))) + h * h / 2 + log(2 * pi) / 2
        if log(1 + exp(odds)) > q:
            high = h
        else:
            low = h
    return (low / q) ** 2


def worst_of(f: Callable[[mpf], mpf], approximation: Callable[[mpf], mpf], points: Sequence[mpf]) -> str:
    """The largest relative error, in words."""
    return mp.nstr(max(abs(approximation(x) / f(x) - 1) for x in points), 3)


def emit_mills(prefix: str, n: int) -> None:
    """Prints the three polynomials of a Mills ratio."""
    numerator, denominator, worst = mills_rational(n)
    print(f"// type ({n - 1}, {n}), weighted relative error {mp.nstr(worst, 3)}")
    emit(f"{prefix}MILLS_P", numerator)
    emit(f"{prefix}MILLS_Q", denominator)
    emit(f"{prefix}SLOPE_N", [q - p for q, p in zip(denominator, [mpf(0), *numerator], strict=True)])


def main() -> None:
    """Prints every constant."""
    emit_mills("", 11)
    emit_mills("ROUGH_", 5)

    nodes = chebyshev_nodes(5, mpf(0), mpf(37))
    power = polynomial(quantile, nodes)
    probes = mapped_nodes(200, TINY, mpf(37), mpf(3), ends=True)
    print(f"// relative error {worst_of(quantile, lambda x: horner(power, x), probes)}")
    emit("QUANTILE", power)

    top, bottom = rational(bachelier, mapped_nodes(6, mpf("1e-4"), mpf(1200), mpf(14)), 2)
    probes = mapped_nodes(100, mpf("1e-3"), mpf(1200), mpf(14), ends=True)
    print(f"// relative error {worst_of(bachelier, lambda x: horner(top, x) / horner(bottom, x), probes)}")
    emit("BACHELIER_P", top)
    emit("BACHELIER_Q", bottom)

    low, high = sqrt(mpf(2)) / 2 - 1, sqrt(mpf(2)) - 1
    emit("ROUGH_LN", polynomial(lambda f: log(1 + f) / f if f else mpf(1), chebyshev_nodes(9, low, high)))
    half = log(mpf(2)) / 2
    emit("ROUGH_EXP", polynomial(exp, chebyshev_nodes(5, -half, half)))


if __name__ == "__main__":
    main()
