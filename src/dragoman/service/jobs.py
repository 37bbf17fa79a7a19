"""Work that outlives its request: handed in, looked at, fetched, deleted. What every dialect with jobs calls."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dragoman.core.errors import DragomanError, NotFound, StorageFull, Unavailable
from dragoman.core.jobs import CallbackOrder, Job, JobQuery, JobState, JobStore, MediaStore, NewJob
from dragoman.core.request import RecognitionRequest
from dragoman.core.transcript import Transcript
from dragoman.service.job_runner import JobRunner
from dragoman.service.recognition import Recognition

logger = logging.getLogger(__name__)

_MOST_RUNNING: Final = 100
"""Running jobs whose progress is looked at to tell how long others wait."""


@dataclass(frozen=True, slots=True)
class Submission:
    """What a client hands in beside its file. The fields are those of ``dragoman.core.jobs.NewJob``."""

    dialect: str
    owner: str
    name: str
    request: RecognitionRequest
    options: bytes = b"{}"
    keep_media: bool = False
    priority: int = 0
    callback: CallbackOrder | None = None


@dataclass(frozen=True, slots=True)
class Room:
    """``most_bytes`` for all media and results together; ``free_bytes`` stay free where the media is."""

    most_bytes: int
    free_bytes: int


class Jobs:
    """A job that ``submit`` returned is durable: it will be done, whatever happens to this process.

    Every call raises ``Unavailable`` while the store cannot be reached. A job belongs to a dialect and an owner, and is
    there for nobody else.
    """

    def __init__(
        self,
        store: JobStore,
        media: MediaStore,
        recognition: Recognition,
        runner: JobRunner,
        room: Room,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._media = media
        self._recognition = recognition
        self._runner = runner
        self._room = room
        self._clock = clock

    async def check_room(self, size: int | None) -> None:
        """Raises ``StorageFull`` when a body of so many bytes (``None``: nobody knows) would find no room."""
        backlog = await self._store.backlog()
        if backlog.bytes + (size or 0) > self._room.most_bytes:
            raise StorageFull(
                "The recordings and results that this server may keep fill its room. Delete jobs that are done, or try "
                "again later; the setting max_jobs_storage_mb says how much room there is."
            )
        await self._check_disk(size or 0)

    async def submit(self, submission: Submission, path: Path) -> Job:
        """Queue a job. Takes over the file, which may be moved away.

        Raises ``UnsupportedLanguage``, ``UnknownModel``, ``StorageFull``, ``Unavailable``; then nothing is left.
        Whoever is cancelled meanwhile does not learn whether there is a job.
        """
        request = self._recognition.checked(submission.request)
        await self._check_disk(0)  # the file is on it already
        keeping = asyncio.create_task(self._keep(submission, request, path), name="submission of a job")
        try:
            return await asyncio.shield(keeping)
        except asyncio.CancelledError:
            await asyncio.wait([keeping])  # neither the file nor the transaction may be left half-way
            if not keeping.cancelled():
                keeping.exception()
            raise

    async def job(self, dialect: str, owner: str, number: int) -> Job:
        """Raises ``NotFound``."""
        return _belonging(await self._store.job(number), dialect, owner)

    async def job_of_token(self, dialect: str, owner: str, token: str) -> Job:
        """Raises ``NotFound``."""
        return _belonging(await self._store.job_of_token(token), dialect, owner)

    async def jobs(self, dialect: str, owner: str, *, most: int, before: int | None = None) -> Sequence[Job]:
        """The newest first, with numbers below ``before``."""
        return await self._store.jobs(JobQuery(most, dialect, owner, before=before))

    async def transcript(self, job: Job) -> Transcript:
        """Raises ``NotFound`` for a job that has none."""
        return await self._store.transcript(job.number)

    def media(self, job: Job) -> AbstractAsyncContextManager[Path]:
        """The file as it was handed in, for as long as the block runs. Raises ``NotFound`` when it is gone."""
        if job.media is None:
            raise NotFound("The recording of this job is no longer kept.")
        return self._media.local(job.media)

    async def delete(self, job: Job, *, force: bool = False) -> None:
        """Forget a job with all that belongs to it. Raises ``NotFound``; ``Conflict`` for one that has not ended,
        unless ``force``, which stops it."""
        removed = await self._store.remove(job.number, only_final=not force)
        self._runner.look_at(job.number)
        if removed.media is not None:
            with suppress(Unavailable):  # what cannot be removed now is found when orphans are looked for
                await self._media.remove(removed.media)

    async def expected_wait_s(self, job: Job) -> int:
        """How long until the job has ended, at least 1; 0 when it has."""
        if job.state.is_final:
            return 0
        pace = self._runner.pace
        if job.state is JobState.RUNNING:
            return max(1, math.ceil(pace.left_s(job, self._now_ms())))
        ahead = await self._store.ahead(job.number)
        running = await self._store.jobs(JobQuery(_MOST_RUNNING, states=frozenset({JobState.RUNNING})))
        running = [other for other in running if other.number != job.number]  # it may have begun meanwhile
        left_s = sum(pace.left_s(other, self._now_ms()) for other in running)
        lanes = max(self._runner.at_once, len(running))
        if ahead == 0 and len(running) < lanes:
            left_s = 0.0  # one is free
        return max(1, math.ceil((left_s + ahead * pace.job_s) / lanes + pace.whole_s(job)))

    async def _check_disk(self, size: int) -> None:
        free_bytes = await self._media.free_bytes()
        if free_bytes is not None and free_bytes - size < self._room.free_bytes:
            logger.error("no job is taken: %d bytes are free where recordings are kept", free_bytes)
            raise StorageFull("The disk of this server has no room for more recordings. Try again later.")

    async def _keep(self, submission: Submission, request: RecognitionRequest, path: Path) -> Job:
        size = (await asyncio.to_thread(path.stat)).st_size
        name = await self._media.keep(path)
        new = NewJob(
            submission.dialect,
            submission.owner,
            submission.name,
            request,
            name,
            size,
            submission.options,
            submission.keep_media,
            submission.priority,
            submission.callback,
        )
        try:
            job = await self._store.add(new, self._now_ms(), most_bytes=self._room.most_bytes)
        except BaseException:
            with suppress(DragomanError):  # an orphan is found later
                # The database may have failed once the job was in it.
                if name not in await self._store.keeps_media([name]):
                    await self._media.remove(name)
            raise
        self._runner.wake()
        return job

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)


def _belonging(job: Job, dialect: str, owner: str) -> Job:
    if (job.dialect, job.owner) != (dialect, owner):
        raise NotFound("There is no such job.")
    return job
