"""Server processes with one store of jobs, put together for tests, and a store that cannot always be reached."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from dragoman.core.errors import Unavailable
from dragoman.core.jobs import Job, JobState, JobStore
from dragoman.core.ports import RecogniserPool
from dragoman.core.request import RecognitionRequest
from dragoman.service.job_keeping import JobKeeping, KeepingLimits
from dragoman.service.job_runner import JobRunner, RunnerLimits
from dragoman.service.jobs import Jobs, Room, Submission
from dragoman.service.limits import Admission, Quota
from dragoman.service.recognition import Recognition
from dragoman.store.database import Database
from dragoman.store.jobs import SqlJobs
from dragoman.store.media import FolderMedia
from scripted import ScriptedPool

HURRIED = RunnerLimits(
    at_once=1, lease_s=0.3, most_attempts=3, look_every_s=0.02, first_pause_s=0.01, longest_pause_s=0.05
)
ROOMY = Room(most_bytes=1 << 30, free_bytes=0)


class Distant:
    """A store in front of which the line may break, before a call or after it; or it is slow."""

    def __init__(self, store: JobStore) -> None:
        self._store = store
        self.away = False
        self.mute: set[str] = set()
        """Calls that did something, and whose answer is lost; each once."""
        self.slow: dict[str, asyncio.Event] = {}
        """Calls that did something, and whose answer waits."""
        self.asked: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        call = getattr(self._store, name)

        async def asked(*arguments: Any, **options: Any) -> Any:
            self.asked[name] += 1
            if self.away:
                raise Unavailable("The line is broken.")
            answer = await call(*arguments, **options)
            if answer and name in self.slow:
                await self.slow[name].wait()
            if answer and name in self.mute:
                self.mute.remove(name)
                raise Unavailable("The line broke.")
            return answer

        return asked


@dataclass(frozen=True, slots=True)
class Process:
    """What one server process has of the job service."""

    folder: Path
    line: Distant
    store: JobStore
    media: FolderMedia
    pool: ScriptedPool
    runner: JobRunner
    keeping: JobKeeping
    jobs: Jobs

    async def submit(
        self,
        content: bytes = b"sound",
        owner: str = "anna",
        request: RecognitionRequest | None = None,
        *,
        dialect: str = "d",
        name: str = "call.wav",
        **options: Any,
    ) -> Job:
        path = self.folder / f"upload-{len(list(self.folder.iterdir()))}"
        path.write_bytes(content)
        return await self.jobs.submit(
            Submission(dialect, owner, name, request or RecognitionRequest(), **options), path
        )

    async def until(self, job: Job, *states: JobState) -> Job:
        """The job, once it is in one of the states; by default, in a final one."""
        wanted = states or tuple(state for state in JobState if state.is_final)
        async with asyncio.timeout(30):
            while (found := await self.store.job(job.number)).state not in wanted:
                await asyncio.sleep(0.005)
        return found

    async def states(self, job: Job) -> list[JobState]:
        return [change.state for change in await self.store.history(job.number)]

    async def kept_media(self) -> set[str]:
        return {name async for name in self.media.names(-1)}


@asynccontextmanager
async def process(
    folder: Path,
    pool: ScriptedPool | RecogniserPool | None = None,
    limits: RunnerLimits = HURRIED,
    *,
    runs: bool = True,
    room: Room = ROOMY,
    quota: Quota | None = None,
    keeping: KeepingLimits | None = None,
) -> AsyncIterator[Process]:
    """Processes with the same folder have the same jobs. One that does not run only takes them."""
    (folder / "media").mkdir(parents=True, exist_ok=True)
    store = SqlJobs(Database(f"sqlite:///{folder / 'jobs.sqlite3'}"))
    line = Distant(store)
    distant = cast("JobStore", line)
    media = FolderMedia(folder / "media")
    pool = pool or ScriptedPool()
    recognition = Recognition(
        pool, Admission(0), quota or Quota({}), nullcontext(folder), max_streams=0
    )  # jobs need none of the instances
    runner = JobRunner(distant, media, recognition, limits)
    kept = JobKeeping(distant, media, keeping or KeepingLimits(lease_s=limits.lease_s), recovered=runner.wake)
    await store.open()
    await media.open()
    await recognition.start()
    if runs:
        await runner.open()
    try:
        yield Process(
            folder,
            line,
            store,
            media,
            cast("ScriptedPool", pool),
            runner,
            kept,
            Jobs(distant, media, recognition, runner, room),
        )
    finally:
        line.away = False
        await kept.aclose()
        await runner.aclose()
        await recognition.aclose()
        await media.aclose()
        await store.aclose()
