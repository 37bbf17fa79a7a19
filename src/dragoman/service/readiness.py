"""Whether the recogniser works, as its last run on a known recording showed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from dragoman.core.errors import DragomanError, EngineNotReady


class Readiness:
    """The last answer of a probe, remembered while it is good and fresh; one run for all who ask at the same time."""

    def __init__(
        self,
        probe: Callable[[], Awaitable[None]],
        *,
        cache_s: float,
        timeout_s: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._probe = probe
        self._cache_s = cache_s
        self._timeout_s = timeout_s
        self._clock = clock
        self._good_until = float("-inf")
        self._running: asyncio.Task[None] | None = None

    async def check(self) -> None:
        """Raises ``EngineNotReady``."""
        if self._clock() < self._good_until:
            return
        if self._running is None:
            self._running = asyncio.create_task(self._run(), name="readiness")
            self._running.add_done_callback(self._ended)
        await asyncio.shield(self._running)

    async def aclose(self) -> None:
        if self._running is not None:
            self._running.cancel()
            await asyncio.wait([self._running])

    async def _run(self) -> None:
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._probe()
        except TimeoutError:
            raise EngineNotReady(
                f"The recogniser did not finish a short recording within {self._timeout_s:g} s."
            ) from None
        except EngineNotReady:
            raise
        except DragomanError as error:
            raise EngineNotReady(f"The recogniser failed on a short recording: {error.message}") from error
        self._good_until = self._clock() + self._cache_s

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running = None
        if not task.cancelled():
            task.exception()  # whoever still waits gets it; nobody waiting is no error
