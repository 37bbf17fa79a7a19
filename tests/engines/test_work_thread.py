"""Laws of the thread that can be left: work that nobody waits for, errors, and sleep."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from dragoman.core.errors import Cancelled
from dragoman.engines.work_thread import WorkThread

pytestmark = pytest.mark.unit


def thread(calls: list[str], idle_s: float | None = None) -> WorkThread:
    return WorkThread("work", lambda: calls.append("wake"), lambda: calls.append("sleep"), idle_s=idle_s)


def test_who_cancels_leaves_at_once_and_the_work_ends_before_its_next_call() -> None:
    worker = thread([])
    ended: list[bool] = []
    under_way, go = threading.Event(), threading.Event()

    def work(go_on: Callable[[], None]) -> None:
        under_way.set()
        go.wait(10)
        try:
            go_on()
        except Cancelled:
            ended.append(True)
            raise

    with pytest.raises(Cancelled):
        worker.run(work, under_way.is_set)
    go.set()
    assert worker.run(lambda go_on: "next") == "next"
    assert ended == [True]


def test_an_error_of_the_work_is_raised_where_it_is_waited_for() -> None:
    def work(go_on: Callable[[], None]) -> None:
        raise TimeoutError("of the work")

    with pytest.raises(TimeoutError, match="of the work"):
        thread([]).run(work)


def test_work_that_is_cancelled_already_is_not_begun() -> None:
    calls: list[str] = []
    with pytest.raises(Cancelled):
        thread(calls).run(lambda go_on: calls.append("work"), lambda: True)
    assert calls == []


def test_all_work_is_done_awake_and_without_work_it_sleeps() -> None:
    calls: list[str] = []
    slept = threading.Event()
    worker = WorkThread("work", lambda: calls.append("wake"), slept.set, idle_s=0.01)
    worker.run(lambda go_on: calls.append("work"))
    assert calls == ["wake", "work"]
    assert slept.wait(10)
