"""What the scripts beside this one share: polynomials in many digits, and the exchange step of Remez."""

from __future__ import annotations

from collections.abc import Sequence

from mpmath import mpf


def horner(coefficients: Sequence[mpf], x: mpf) -> mpf:
    """The polynomial at x."""
    value = mpf(0)
    for coefficient in reversed(coefficients):
        value = value * x + coefficient
    return value


def alternation(errors: Sequence[mpf], count: int) -> list[int]:
    """Where the error peaks, run of one sign by run: the next reference of a Remez exchange, of `count` points."""
    runs: list[list[int]] = [[0]]
    for i in range(1, len(errors)):
        if (errors[i] > 0) == (errors[i - 1] > 0):
            runs[-1].append(i)
        else:
            runs.append([i])
    assert len(runs) == count, "the error does not alternate as often as it must"
    return [max(run, key=lambda k: abs(errors[k])) for run in runs]


def emit(name: str, coefficients: Sequence[mpf]) -> None:
    """Prints a Rust constant, lowest power first."""
    print(f"const {name}: [f64; {len(coefficients)}] = [")
    for c in coefficients:
        print(f"    {float(c)!r},")
    print("];")
