"""SPAN's worked covered write, as a configuration of the lanes.

The sixteen scenarios and the array of a long December 410 call on the S&P 500 future are those of the worked example
in L. McMillan, Options as a Strategic Investment, chapter 34; CME's description of the scenarios gives their meaning.
Thirds of the price range lie between our nodes, so each is placed on the node nearest to it.
"""

from __future__ import annotations

from margin.configured import Row, configured_margin

PRICE_RANGE = 10_000
NODES = {0: 8, 1: 11, -1: 5, 2: 13, -2: 3, 3: 16, -3: 0}
"""Node by thirds of the price range."""
EXTREMES = {1: 53, -1: 52}
"""Tail lane of the extreme moves: twice the range, of which 35 % counts."""
CALL = {
    0: (460, -610),
    1: (2_640, 1_730),
    -1: (-1_270, -2_340),
    2: (5_210, 4_540),
    -2: (-2_540, -3_430),
    3: (8_060, 7_640),
    -3: (-3_380, -3_990),
}
"""P&L of a long call by thirds of the range: vol up, vol down."""
CALL_EXTREMES = {1: 3_130, -1: -1_500}


def array(pnl: dict[int, tuple[float, float]], extremes: dict[int, float]) -> dict[int, float]:
    """Lanes of sixteen scenarios. SPAN has no row of unchanged vol, and nothing between its seven prices."""
    lanes = {EXTREMES[way]: loss for way, loss in extremes.items()}
    for first, vol in ((0, 0), (17, 0), (34, 1)):
        for node in range(17):
            third = min(NODES, key=lambda at: abs(NODES[at] - node))
            lanes[first + node] = pnl[third][vol]
    return lanes


def future() -> dict[int, float]:
    """Lanes of a long future: thirds of the range, and of the extreme moves 35 % of twice the range."""
    pnl = {third: (round(PRICE_RANGE * third / 3, -1),) * 2 for third in NODES}
    extremes = {way: 0.35 * way * 2 * PRICE_RANGE for way in EXTREMES}
    return array(pnl, extremes)


def scan(call: int, futures: int) -> float:
    rows = [Row(call, array(CALL, CALL_EXTREMES)), Row(futures, future())]
    return configured_margin(rows, index=408.0, price_range=0.1).initial / 1e6


def test_long_call_requires_what_it_loses_three_thirds_down_with_falling_vol() -> None:
    assert round(scan(1, 0)) == 3_990


def test_covered_write() -> None:
    found = scan(-1, 1)
    # A short pays one unit a lot more: here a millionth of a dollar.
    assert 6_620 <= found < 6_620.01


def test_ratio_write() -> None:
    """Three futures against five calls: 3 × 7,000 − 5 × 1,500 at the extreme fall is worse than any other state."""
    assert 13_500 <= scan(-5, 3) < 13_500.01
