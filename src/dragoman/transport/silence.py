"""How long a client has sent nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

_CLOCK_S: Final = 0.001
"""The clocks of event loops are not finer."""
_RESTING_S: Final = 1.0
"""How late silence may be noticed that was as good as complete when the listener had other things to do."""


class SilenceWatch:
    """Calls back once, when a client has been waited for without a sound for so long. It runs from the start on.

    Time in which nobody listens is not the client's silence. A timer is set once in a while, never for a sound.
    """

    def __init__(self, limit_s: float, on_silence: Callable[[], None]) -> None:
        """Needs a running event loop."""
        self._limit_s = limit_s
        self._on_silence = on_silence
        self._loop = asyncio.get_running_loop()
        self._silent_s = 0.0
        """Up to the moment since when somebody listens."""
        self._since: float | None = self._loop.time()
        self._timer = self._loop.call_later(limit_s, self._look)

    def sound(self) -> None:
        """The client has sent something, and nobody listens for now."""
        self._silent_s = 0.0
        self._since = None

    def rest(self) -> None:
        """Nobody listens for now."""
        if self._since is not None:
            self._silent_s += self._loop.time() - self._since
            self._since = None

    def listen(self) -> None:
        """Again."""
        if self._since is None:
            self._since = self._loop.time()

    def stop(self) -> None:
        """For good. May be called twice."""
        self._timer.cancel()

    def _look(self) -> None:
        silent_s = self._silent_s + (0.0 if self._since is None else self._loop.time() - self._since)
        if self._since is not None and silent_s >= self._limit_s:
            self._on_silence()
        else:
            shortest_s = _RESTING_S if self._since is None else _CLOCK_S
            self._timer = self._loop.call_later(max(self._limit_s - silent_s, shortest_s), self._look)
