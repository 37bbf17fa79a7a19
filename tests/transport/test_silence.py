"""How long a client has sent nothing, on a clock that the test moves."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.transport.silence import SilenceWatch

pytestmark = pytest.mark.unit

LIMIT_S = 30


class Clock(asyncio.SelectorEventLoop):
    """An event loop whose time passes only when ``run_until`` says so."""

    now = 0.0

    def time(self) -> float:
        return self.now

    def run_until(self, moment: float) -> None:
        """Second by second."""
        while self.now < moment:
            self.now += 1
            self.run_until_complete(asyncio.sleep(0))
            self.run_until_complete(asyncio.sleep(0))


@pytest.fixture
def clock() -> Iterator[Clock]:
    loop = Clock()
    yield loop
    loop.close()


def watched(clock: Clock) -> tuple[SilenceWatch, list[float]]:
    ends: list[float] = []

    async def make() -> SilenceWatch:
        return SilenceWatch(LIMIT_S, lambda: ends.append(clock.now))

    return clock.run_until_complete(make()), ends


def test_it_ends_after_the_limit_and_once(clock: Clock) -> None:
    _, ends = watched(clock)
    clock.run_until(LIMIT_S - 1)
    assert ends == []
    clock.run_until(5 * LIMIT_S)
    assert len(ends) == 1
    assert ends[0] <= LIMIT_S + 1


@given(st.lists(st.tuples(st.sampled_from(["sound", "rest", "listen"]), st.integers(1, 40)), max_size=10))
def test_only_waiting_without_a_sound_counts(actions: list[tuple[str, int]]) -> None:
    clock = Clock()
    try:
        watch, ends = watched(clock)
        silent_s, listening, expected = 0, True, None
        for action, seconds in [*actions, ("listen", 3 * LIMIT_S)]:
            getattr(watch, action)()
            listening = action == "listen"
            if action == "sound":
                silent_s = 0
            if listening:
                if silent_s + seconds >= LIMIT_S and expected is None:
                    expected = clock.now + LIMIT_S - silent_s
                silent_s += seconds
            clock.run_until(clock.now + seconds)
            if expected is not None:
                break
        assert expected is not None
        assert len(ends) == 1
        assert expected <= ends[0] <= expected + 1
    finally:
        clock.close()


def test_a_stopped_watch_says_nothing(clock: Clock) -> None:
    watch, ends = watched(clock)
    watch.stop()
    watch.stop()
    clock.run_until(2 * LIMIT_S)
    assert ends == []
