"""Laws of the readiness check."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from dragoman.core.errors import EngineNotReady, UndecodableAudio
from dragoman.service.readiness import Readiness

pytestmark = pytest.mark.unit


class Probe:
    """Counts its runs; each ends as the next answer says."""

    def __init__(self, *answers: Callable[[], Awaitable[None]]) -> None:
        self.runs = 0
        self._answers = iter(answers)

    async def __call__(self) -> None:
        self.runs += 1
        await next(self._answers)()


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


async def good() -> None:
    await asyncio.sleep(0)


async def bad() -> None:
    raise UndecodableAudio("the file is damaged")


async def stuck() -> None:
    await asyncio.Event().wait()


async def test_a_good_answer_holds_until_it_is_old() -> None:
    probe, clock = Probe(good, good), Clock()
    readiness = Readiness(probe, cache_s=5, clock=clock)
    for clock.now in (0, 1, 4.9):
        await readiness.check()
        assert probe.runs == 1
    clock.now = 5.1
    await readiness.check()
    assert probe.runs == 2


async def test_a_bad_answer_gives_the_reason_and_is_not_remembered() -> None:
    probe = Probe(bad, good)
    readiness = Readiness(probe, cache_s=5)
    with pytest.raises(EngineNotReady, match="the file is damaged"):
        await readiness.check()
    await readiness.check()
    assert probe.runs == 2


async def test_checks_at_the_same_time_share_one_run() -> None:
    probe = Probe(bad)
    readiness = Readiness(probe, cache_s=5)
    answers = await asyncio.gather(*(readiness.check() for _ in range(10)), return_exceptions=True)
    assert all(isinstance(answer, EngineNotReady) for answer in answers)
    assert probe.runs == 1


async def test_one_who_leaves_does_not_end_the_run_of_the_others() -> None:
    probe = Probe(good)
    readiness = Readiness(probe, cache_s=5)
    first, second = asyncio.create_task(readiness.check()), asyncio.create_task(readiness.check())
    await asyncio.sleep(0)
    first.cancel()
    await second
    assert first.cancelled()
    assert probe.runs == 1


async def test_a_recogniser_that_is_stuck_is_not_ready() -> None:
    readiness = Readiness(Probe(stuck), cache_s=5, timeout_s=0.01)
    with pytest.raises(EngineNotReady, match=r"0\.01 s"):
        await readiness.check()


async def test_closing_ends_a_run() -> None:
    readiness = Readiness(Probe(stuck), cache_s=5)
    check = asyncio.create_task(readiness.check())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await readiness.aclose()
    with pytest.raises(asyncio.CancelledError):
        await check
