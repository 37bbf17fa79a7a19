"""Settings → the job service, and what works on jobs in the background."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from dragoman.core.jobs import JobStore, MediaStore
from dragoman.server.settings import Settings
from dragoman.server.state import state_folder
from dragoman.service.callbacks import CallbackLimits, Callbacks
from dragoman.service.job_keeping import JobKeeping, KeepingLimits
from dragoman.service.job_runner import JobRunner, RunnerLimits
from dragoman.service.jobs import Jobs, Room
from dragoman.service.limits import RateLimit
from dragoman.service.recognition import Recognition
from dragoman.store.database import Database
from dragoman.store.jobs import SqlJobs
from dragoman.store.media import FolderMedia, media_store
from dragoman.transport.base import Dialect
from dragoman.transport.post import HttpPoster
from dragoman.transport.spool import Spool

_MB = 1 << 20
_S_PER_H = 3600.0


@dataclass(frozen=True, slots=True)
class JobService:
    """``jobs`` is what dialects call. The files of their uploads come from ``spool``, from where they are moved."""

    store: JobStore
    media: MediaStore
    spool: Spool
    jobs: Jobs
    runner: JobRunner
    keeping: JobKeeping

    async def open(self) -> None:
        """All but the runner, which needs the recognition. Raises ``StoreError``."""
        await self.store.open()
        await self.media.open()
        self.spool.open()
        await self.keeping.open()

    async def aclose(self) -> None:
        """May be called twice, and without ``open``."""
        await self.keeping.aclose()
        await self.runner.aclose()
        self.spool.close()
        await self.media.aclose()
        await self.store.aclose()


def build_jobs(settings: Settings, database: Database, recognition: Recognition) -> JobService:
    """Nothing is opened."""
    store, media = SqlJobs(database), build_media(settings)
    news_s = settings.callback_give_up_h * _S_PER_H
    runner = JobRunner(
        store,
        media,
        recognition,
        RunnerLimits(
            settings.concurrent_jobs,
            lease_s=settings.job_lease_s,
            most_attempts=settings.max_job_attempts,
            news_s=news_s,
        ),
    )
    keeping = JobKeeping(
        store,
        media,
        KeepingLimits(
            lease_s=settings.job_lease_s,
            most_attempts=settings.max_job_attempts,
            kept_s=settings.jobs_kept_h * _S_PER_H,
            news_s=news_s,
        ),
        recovered=runner.wake,
    )
    room = Room(settings.max_jobs_storage_mb * _MB, settings.min_free_disk_mb * _MB)
    spool = Spool(media.folder if isinstance(media, FolderMedia) else settings.spool_dir, free_bytes=room.free_bytes)
    return JobService(store, media, spool, Jobs(store, media, recognition, runner, room), runner, keeping)


def build_media(settings: Settings) -> MediaStore:
    """Nothing is opened."""
    return media_store(settings.media_url, state_folder(settings) / "media")


def build_callbacks(settings: Settings, service: JobService, dialects: Iterable[Dialect]) -> Callbacks:
    """Tells of jobs that have ended. Nothing is opened."""
    callbacks = Callbacks(
        service.store,
        HttpPoster(private_addresses=settings.callback_private_addresses),
        {dialect.name: dialect.callback for dialect in dialects if dialect.callback is not None},
        limits=CallbackLimits(timeout_s=settings.callback_timeout_s),
    )
    service.runner.ended = callbacks.wake
    return callbacks


def build_rate(settings: Settings) -> RateLimit:
    """Of the requests of each key to the APIs of jobs."""
    limit, _, window_s = settings.rate_limit.partition("/")
    return RateLimit(int(limit), int(window_s)) if window_s else RateLimit(None)
