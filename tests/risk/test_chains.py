"""Recorded chains: read as they are, and what is none is refused."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from synchromesh.clock import parse_iso
from synchromesh.risk.chains import ChainError, read_snapshots

HEADER = (
    "timestamp,underlying,option_type,strike,expiry_datetime,bid_price,ask_price,implied_volatility,open_interest,"
    "currency,index_price\n"
)
ROW = "2026-02-05T00:00:00+00:00,70000,{type},{strike},{expiry},{bid},{ask},0.6,1,BTC,70010\n"


def row(strike: str, kind: str = "call", bid: str = "0.01", ask: str = "0.011", day: int = 20) -> str:
    return ROW.format(type=kind, strike=strike, bid=bid, ask=ask, expiry=f"2026-02-{day:02d}T08:00:00+00:00")


def test_reads_a_recorded_day(data_folder: Path) -> None:
    snapshots = read_snapshots(data_folder / "deribit" / "snapshots_2026" / "BTC_ETH_2026-02-05.csv.gz")
    assert [snapshot.symbol for snapshot in snapshots] == ["BTC", "ETH"] * 4
    first = snapshots[0]
    assert first.time == parse_iso("2026-02-05T04:29:52.233617+00:00")
    assert 70_000 < first.index < 71_500
    for chain in first.slices:
        assert abs(chain.forward / first.index - 1) < 0.06
        assert np.all(np.diff(chain.strike) >= 0)
        assert chain.t > 0
    assert [chain.expiry for chain in first.slices] == sorted(chain.expiry for chain in first.slices)


def test_rows_are_sorted_and_bad_cells_kept_as_such(tmp_path: Path) -> None:
    path = tmp_path / "chain.csv"
    rows = [
        row("80000"),
        row("80000", "put"),
        row("60000", bid="", ask="soon"),
        row("x"),
        row("70000", day=10),
        row("1", day=4),
    ]
    path.write_text(HEADER + "".join(rows))
    (snapshot,) = read_snapshots(path)
    near, far = snapshot.slices
    assert (len(near.strike), near.forward, snapshot.index) == (1, 70_000, 70_010)
    np.testing.assert_array_equal(far.strike, [60_000, 80_000, 80_000, np.nan])
    np.testing.assert_array_equal(far.is_call[1:3], [False, True])
    assert far.bid[0] == 0
    assert np.isnan(far.ask[0])


def test_rows_without_a_time_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "chain.csv"
    lost = [
        row("1").replace("2026-02-20", "some day"),
        row("2").replace("2026-02-05T", "-"),
        row("3").partition(",")[0] + "\n",
    ]
    path.write_text(HEADER + row("80000") + "".join(lost) + HEADER)
    (snapshot,) = read_snapshots(path)
    assert [list(each.strike) for each in snapshot.slices] == [[80_000]]
    # The third row has the snapshot's time, and belongs to no currency.
    assert snapshot.unreadable == 1


@pytest.mark.parametrize(
    "text",
    [
        "timestamp,currency,price\n2026-02-05T00:00:00Z,BTC,1\n",
        "",
        HEADER,
        HEADER + "yesterday,1\n",
        HEADER + row("80000", day=4),
        HEADER + row("80000").replace("2026-02-20T08", "soon"),
        "\x00\x01\x02",
    ],
)
def test_another_file_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "other.csv"
    path.write_text(text)
    with pytest.raises(ChainError, match=r"other\.csv is no chain snapshot"):
        read_snapshots(path)


def test_a_torn_archive_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "torn.csv.gz"
    path.write_bytes(gzip.compress((HEADER + row("80000") * 500).encode())[:-20])
    with pytest.raises(ChainError, match=r"torn\.csv\.gz is no chain snapshot"):
        read_snapshots(path)


def test_the_reason_is_a_short_line_whatever_is_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "picture.csv"
    path.write_bytes(b"\x89PNG" + bytes(range(256)) * 40)
    with pytest.raises(ChainError) as binary:
        read_snapshots(path)
    path.write_text("timestamp,price\n2026-02-05T00:00:00Z,1\n")
    with pytest.raises(ChainError) as columns:
        read_snapshots(path)
    assert len(str(binary.value)) < 100
    assert str(columns.value) == "picture.csv is no chain snapshot: it has no column 'currency'"


def test_a_byte_order_mark_is_no_part_of_a_column(tmp_path: Path) -> None:
    path = tmp_path / "saved.csv"
    path.write_text(HEADER + row("80000"), encoding="utf-8-sig")
    assert len(read_snapshots(path)) == 1
