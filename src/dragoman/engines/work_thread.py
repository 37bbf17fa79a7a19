"""The one thread in which a library computes that cannot be interrupted; whoever waits for it can leave."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Final, TypeVar

from dragoman.core.errors import Cancelled

T = TypeVar("T")

_POLL_S: Final = 0.02
_POLL_PROCESSOR_S: Final = 0.1
"""What all threads together may compute between two looks at whether anybody still waits."""


class WorkThread:
    """``wake`` is called before any work, ``sleep`` after ``idle_s`` without any, both in the thread: so what a model
    takes is never given back while it is used. ``threads``: how many the library itself computes with."""

    def __init__(
        self,
        name: str,
        wake: Callable[[], None],
        sleep: Callable[[], None],
        *,
        threads: int = 1,
        idle_s: float | None = None,
    ) -> None:
        self._wake = wake
        self._sleep = sleep
        self._idle_s = idle_s
        self._poll_s = min(_POLL_S, _POLL_PROCESSOR_S / max(1, threads))
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._timer: threading.Timer | None = None

    def run(self, work: Callable[[Callable[[], None]], T], cancelled: Callable[[], bool] = lambda: False) -> T:
        """The result of ``work``, which calls what it is given between any two calls of the library.

        ``cancelled`` is asked every 20 ms. Once it is true this raises ``Cancelled`` at once; the call of the library
        that is under way cannot be stopped, and is the last one.
        """
        gone = threading.Event()

        def go_on() -> None:
            if gone.is_set():
                raise Cancelled

        if cancelled():
            raise Cancelled
        done = self._thread.submit(self._awake, work, go_on)
        while not wait([done], self._poll_s).done:
            if cancelled():
                gone.set()
                raise Cancelled
        result = done.result()
        if cancelled():
            raise Cancelled
        return result

    def sleep(self) -> None:
        """Now, until there is work."""
        self._thread.submit(self._sleep).result()

    def _awake(self, work: Callable[[Callable[[], None]], T], go_on: Callable[[], None]) -> T:
        go_on()
        if self._timer is not None:
            self._timer.cancel()
        self._wake()
        try:
            return work(go_on)
        finally:
            if self._idle_s is not None:
                self._timer = threading.Timer(self._idle_s, self._thread.submit, [self._sleep])
                self._timer.daemon = True
                self._timer.start()
