"""Laws of the progress line."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.events import Finished, Opened, Progress
from dragoman.server.cli.progress import ProgressLine, length

pytestmark = pytest.mark.unit


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def seconds() -> Iterator[float]:
    return (float(second) for second in count())


def filled(line: ProgressLine) -> int:
    return line.text().count("#")


def test_away_from_a_terminal_nothing_is_written() -> None:
    stream = io.StringIO()
    line = ProgressLine([10], stream)
    line.event(0, Opened(1_000, (0,)))
    line.event(0, Finished(1_000, "en", "m"))
    line.ended(0)
    line.clear()
    assert stream.getvalue() == ""


@given(st.lists(st.tuples(st.integers(1, 10**9), st.none() | st.integers(0, 10**8)), min_size=1, max_size=5))
def test_the_bar_never_goes_back_and_is_full_at_the_end(files: list[tuple[int, int | None]]) -> None:
    line = ProgressLine([size for size, _ in files], io.StringIO())
    seen = [filled(line)]
    for number, (_, duration_ms) in enumerate(files):
        line.event(number, Opened(duration_ms, (0,)))
        for part in range(4):
            line.event(number, Progress((duration_ms or 1_000) * part // 4))
            seen.append(filled(line))
        line.ended(number)
        seen.append(filled(line))
    assert seen == sorted(seen)
    assert seen[0] == 0
    assert "." not in line.text().split("]")[0]


def test_speed_counts_from_the_first_event() -> None:
    clock = seconds()
    line = ProgressLine([1], io.StringIO(), clock=lambda: next(clock))
    for _ in range(100):
        next(clock)  # starting takes its time
    line.event(0, Opened(60_000, (0,)))
    line.event(0, Progress(40_000))
    assert re.search(r"0:40 of 1:00  (\d+) x real time", line.text())
    assert int(line.text().split("  ")[-1].split(" ")[0]) >= 8


def test_a_length_that_is_not_known_yet_is_marked() -> None:
    line = ProgressLine([1, 1], io.StringIO())
    line.event(0, Opened(60_000, (0,)))
    assert "0:00 of 1:00+" in line.text()
    line.event(1, Opened(30_000, (0,)))
    assert "0:00 of 1:30 " in line.text()


def test_a_header_that_claims_too_little_does_not_make_more_than_all() -> None:
    line = ProgressLine([1], io.StringIO())
    line.event(0, Opened(1_000, (0,)))
    line.event(0, Progress(5_000))
    assert "0:05 of 0:05" in line.text()


def test_the_line_is_no_wider_than_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    stream = Terminal()
    line = ProgressLine([1], stream)
    line.event(0, Opened(1_000, (0,)))
    drawn = stream.getvalue().removeprefix("\r").removesuffix("\x1b[K")
    assert 0 < len(drawn) < 20


@pytest.mark.parametrize(
    ("ms", "text"), [(0, "0:00"), (59_999, "0:59"), (3_600_000, "1:00:00"), (360_000_000, "100:00:00")]
)
def test_lengths_are_written_as_clocks(ms: int, text: str) -> None:
    assert length(ms) == text
