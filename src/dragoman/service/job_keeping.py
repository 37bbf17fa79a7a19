"""Keeps the store of jobs in order: what was left behind is taken up again, what is no longer needed goes."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from dragoman.core.errors import Conflict, NotFound, Unavailable
from dragoman.core.jobs import Job, JobStore, MediaStore

logger = logging.getLogger(__name__)

_BATCH: Final = 50
"""Jobs or names dealt with between two looks at the rest of the world."""


@dataclass(frozen=True, slots=True)
class KeepingLimits:
    """``lease_s`` and ``most_attempts`` are the runner's. Jobs are kept for ``kept_s`` after their end, media that no
    job knows for ``orphan_s``; such media is looked for that often, too."""

    lease_s: float = 15.0
    most_attempts: int = 10
    kept_s: float = 168 * 3600.0
    orphan_s: float = 3600.0
    news_s: float = 24 * 3600.0


class JobKeeping:
    """Works for as long as it is open, a little at a time. Every server process does it; none is in another's way."""

    def __init__(
        self,
        store: JobStore,
        media: MediaStore,
        limits: KeepingLimits,
        *,
        recovered: Callable[[], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        """``recovered`` is told when jobs were queued again."""
        self._store = store
        self._media = media
        self._limits = limits
        self._recovered = recovered
        self._clock = clock
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        self._task = asyncio.create_task(self._run(), name="keeping of jobs")

    async def aclose(self) -> None:
        """May be called twice, and without ``open``."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    async def recover(self) -> int:
        """Take up what processes left behind that are gone. How many jobs there were."""
        now_ms = self._now_ms()
        found = await self._store.recover(
            now_ms,
            most_attempts=self._limits.most_attempts,
            give_up_ms=now_ms + int(self._limits.news_s * 1000),
        )
        if found:
            logger.warning("%d jobs were left behind by a process that is gone", found)
            self._recovered()
        return found

    async def tidy(self) -> None:
        """Remove jobs that ended long ago, and media that nothing can need any more."""
        while jobs := await self._store.ended_before(self._now_ms() - int(self._limits.kept_s * 1000), _BATCH):
            for job in jobs:
                with suppress(NotFound, Conflict):  # another process was quicker; somebody wants it done again
                    await self._store.remove(job.number, only_final=True)
            await self._dispose(_media_of(jobs))
        while jobs := await self._store.disposable_media(_BATCH):
            for job in jobs:
                await self._store.drop_media(job.number)
            await self._dispose(_media_of(jobs))

    async def sweep(self) -> None:
        """Remove media that no job knows: what was left of submissions and removals that were cut short."""
        names: list[str] = []
        async for name in self._media.names(self._limits.orphan_s):
            names.append(name)
            if len(names) == _BATCH:
                await self._dispose(names)
                names.clear()
        await self._dispose(names)

    async def _dispose(self, names: Iterable[str]) -> None:
        given = list(names)
        if not given:
            return
        for name in set(given) - await self._store.keeps_media(given):
            await self._media.remove(name)

    async def _run(self) -> None:
        swept_s = float("-inf")
        was_away = False
        while True:
            try:
                if was_away:
                    await self._store.backlog()
                    was_away = False
                    await asyncio.sleep(self._limits.lease_s)  # who could not renew its leases meanwhile comes first
                await self.recover()
                await self.tidy()
                if time.monotonic() - swept_s >= self._limits.orphan_s:
                    swept_s = time.monotonic()
                    await self.sweep()
            except Unavailable:
                was_away = True
            except Exception:
                logger.exception("jobs cannot be kept in order")
            await asyncio.sleep(self._limits.lease_s / 3)

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)


def _media_of(jobs: Iterable[Job]) -> Iterable[str]:
    return (job.media for job in jobs if job.media is not None)
