"""Takes jobs out of the store and recognises them, a few at a time."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from dragoman.core.errors import (
    DragomanError,
    InternalError,
    InvalidAudio,
    InvalidRequest,
    NotFound,
    QuotaExceeded,
    Unavailable,
    UnknownModel,
    UnsupportedLanguage,
)
from dragoman.core.events import AudioEventsFound, Finished, Opened, Progress, RecognitionEvent, SpeakersFound
from dragoman.core.events import Final as FinalSegment
from dragoman.core.jobs import Job, JobState, JobStore, Lease, MediaStore, Outcome, Remark
from dragoman.service.recognition import Recognition

logger = logging.getLogger(__name__)

_GUESSED_JOB_S: Final = 30.0
_GUESSED_AUDIO_S: Final = 120.0
_WEIGHT: Final = 0.2
"""Of the last job in the moving averages."""


@dataclass(frozen=True, slots=True)
class RunnerLimits:
    """``at_once`` jobs are worked on. A job is the process's own for ``lease_s`` from every renewal, which is due three
    times in that time; one that was begun ``most_attempts`` times and failed by the server's fault is not begun again.

    ``look_every_s``: how often jobs are looked for that other processes queued. Pauses after something went wrong
    double from ``first_pause_s`` to ``longest_pause_s``. Ending takes ``stop_s`` at most. News of a job that has ended
    are worth telling for ``news_s``.
    """

    at_once: int
    lease_s: float = 15.0
    most_attempts: int = 10
    look_every_s: float = 1.0
    first_pause_s: float = 1.0
    longest_pause_s: float = 60.0
    stop_s: float = 5.0
    news_s: float = 24 * 3600.0


class Pace:
    """How fast jobs are done here: a guess, then moving averages of those that were."""

    def __init__(self) -> None:
        self.job_s = _GUESSED_JOB_S
        """What a job takes, from its beginning to its end."""
        self._audio_s = _GUESSED_AUDIO_S
        self._weight = 1.0

    def add(self, job_s: float, audio_ms: int) -> None:
        """A job was done."""
        self.job_s += self._weight * (job_s - self.job_s)
        self._audio_s += self._weight * (audio_ms / 1000 - self._audio_s)
        self._weight = _WEIGHT

    def whole_s(self, job: Job) -> float:
        """What the job will take."""
        return self.job_s if job.duration_ms is None else self._taking_s(job.duration_ms)

    def left_s(self, job: Job, now_ms: int) -> float:
        """What a running job will still take."""
        if job.duration_ms is not None:
            return self._taking_s(max(0, job.duration_ms - job.done_ms))
        return max(0.0, self.job_s - (now_ms - (job.started_ms or now_ms)) / 1000)

    def _taking_s(self, audio_ms: int) -> float:
        return audio_ms / 1000 * self.job_s / max(self._audio_s, 0.001)


@dataclass(frozen=True, slots=True)
class _Again:
    """The job goes back into the queue for ``pause_s``. One that ``counts`` may not come back for ever."""

    pause_s: float = 0.0
    counts: bool = False


class _Attempt:
    """A job while it is worked on here."""

    def __init__(self, job: Job, holder: str) -> None:
        self.job = job
        self.holder = holder
        self.began_s = time.monotonic()
        self.duration_ms = job.duration_ms
        self.done_ms = 0
        self.doubted = asyncio.Event()
        """Somebody may have taken the job away."""
        self.verdict: Outcome | _Again | None = _Again()
        """What there is to write, should it end now; ``None``: nothing."""

    def see(self, event: RecognitionEvent) -> None:
        match event:
            case Opened(duration_ms):
                self.duration_ms = duration_ms
            case Progress(done_ms):
                self.done_ms = max(self.done_ms, done_ms)
            case FinalSegment(segment):
                self.done_ms = max(self.done_ms, segment.end_ms)
            case SpeakersFound() | AudioEventsFound():
                pass
            case Finished(duration_ms):
                self.duration_ms = self.done_ms = duration_ms


class JobRunner:
    """Works for as long as it is open. Several processes with one store work side by side: what each does is its own
    by a lease, and who has lost it writes nothing.

    While the store cannot be reached, what has been begun goes on, and is written once it can be.
    """

    def __init__(
        self,
        store: JobStore,
        media: MediaStore,
        recognition: Recognition,
        limits: RunnerLimits,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._media = media
        self._recognition = recognition
        self._limits = limits
        self._clock = clock
        self.pace = Pace()
        self.ended: Callable[[], None] = _nothing
        """Told whenever a job has ended here."""
        self._woken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._work: dict[asyncio.Task[None], _Attempt] = {}
        self._strains = 0
        self._rested_s = 0.0
        """On the clock of ``time.monotonic``: until then nothing is begun, because nothing could be recognised."""

    @property
    def at_once(self) -> int:
        """How many jobs are worked on side by side."""
        return self._limits.at_once

    async def open(self) -> None:
        """Work. The recognition is started."""
        self._task = asyncio.create_task(self._run(), name="jobs")

    async def aclose(self) -> None:
        """Put back at once what is not done, for another process or the next start. May be called twice, and without
        ``open``."""
        task, self._task = self._task, None
        attempts = list(self._work.values())
        tasks = [*self._work, *([task] if task is not None else [])]
        for each in tasks:
            each.cancel()
        if tasks:
            await asyncio.wait(tasks)
        await asyncio.gather(*(self._settle_now(attempt) for attempt in attempts))

    def wake(self) -> None:
        """There is a new job."""
        self._woken.set()

    def look_at(self, number: int) -> None:
        """Stop working on the job if it is no longer this process's to do."""
        for attempt in self._work.values():
            if attempt.job.number == number:
                attempt.doubted.set()

    async def _run(self) -> None:
        while True:
            self._woken.clear()
            rest_s = self._rested_s - time.monotonic()
            try:
                while rest_s <= 0 and len(self._work) < self._limits.at_once and await self._begin():
                    pass
            except Unavailable:
                pass  # the store has said why
            except Exception:
                logger.exception("no job can be begun")
            is_full = len(self._work) >= self._limits.at_once
            with suppress(TimeoutError):
                async with asyncio.timeout(None if is_full else max(rest_s, self._limits.look_every_s)):
                    await self._woken.wait()

    async def _begin(self) -> bool:
        """False: there is no job."""
        lease = self._lease(uuid.uuid4().hex)
        claiming = asyncio.ensure_future(self._store.claim(lease, self._now_ms()))
        try:
            job = await asyncio.shield(claiming)
        except asyncio.CancelledError:
            with suppress(DragomanError, TimeoutError):
                async with asyncio.timeout(self._limits.stop_s):
                    if (job := await claiming) is not None:
                        await self._settle(_Attempt(job, lease.holder))
            raise
        if job is None:
            return False
        attempt = _Attempt(job, lease.holder)
        task = asyncio.create_task(self._finish(attempt), name=f"job {job.number}")
        self._work[task] = attempt
        task.add_done_callback(self._leave)
        return True

    def _leave(self, task: asyncio.Task[None]) -> None:
        del self._work[task]
        self._woken.set()

    async def _finish(self, attempt: _Attempt) -> None:
        """Bring a job to its end, or put it back."""
        try:
            attempt.verdict = await self._verdict(attempt)
            await self._insist(lambda: self._settle(attempt))
            attempt.verdict = None
        except Exception:
            logger.exception("job %d cannot be brought to an end", attempt.job.number)
            attempt.verdict = self._after_failure(attempt.job, InternalError())
            await self._settle_now(attempt)

    async def _verdict(self, attempt: _Attempt) -> Outcome | _Again | None:
        """What becomes of the job; ``None``: somebody else has the say."""
        recognising = asyncio.create_task(self._recognise(attempt), name=f"recognition of job {attempt.job.number}")
        holding = asyncio.create_task(self._hold(attempt), name=f"lease of job {attempt.job.number}")
        try:
            await asyncio.wait((recognising, holding), return_when=asyncio.FIRST_COMPLETED)
            if recognising.done():
                return recognising.result()
            holding.result()
            logger.info("job %d was taken away", attempt.job.number)
            return None
        finally:
            recognising.cancel()
            holding.cancel()
            await asyncio.wait((recognising, holding))

    async def _recognise(self, attempt: _Attempt) -> Outcome | _Again:
        job = attempt.job
        try:
            if job.media is None:
                raise NotFound("The recording of this job is no longer kept.")
            async with self._media.local(job.media) as path:
                transcript = await self._recognition.transcribe(
                    path, job.request, attempt.see, key_id=job.owner, instances=0
                )
        except (UnknownModel, UnsupportedLanguage) as error:  # it was known when the job was taken
            logger.warning("job %d failed: %s", job.number, error.message)
            return self._after_failure(job, error)
        except (InvalidAudio, InvalidRequest, QuotaExceeded) as error:
            return Outcome(JobState.REJECTED, remark=Remark(error.code, error.message))
        except Unavailable as error:
            if job.request.profile in self._recognition.faults:
                logger.warning("job %d failed: %s", job.number, error.message)
                return self._after_failure(job, error)  # others can be recognised
            logger.warning("jobs have to wait: %s", error.message)
            return self._after_strain()
        except DragomanError as error:
            logger.warning("job %d failed: %s", job.number, error.code)
            return self._after_failure(job, error)
        except Exception:
            logger.exception("job %d failed", job.number)
            return self._after_failure(job, InternalError())
        self._strains = 0
        self.pace.add(time.monotonic() - attempt.began_s, transcript.duration_ms)
        return Outcome(JobState.DONE, transcript)

    async def _hold(self, attempt: _Attempt) -> None:
        """Renew the lease until it is lost."""
        is_held = True
        while is_held:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._limits.lease_s / 3):
                    await attempt.doubted.wait()
            attempt.doubted.clear()
            is_held = await self._insist(lambda: self._renew(attempt))

    async def _renew(self, attempt: _Attempt) -> bool:
        return await self._store.renew(
            attempt.job.number,
            self._lease(attempt.holder),
            done_ms=attempt.done_ms,
            duration_ms=attempt.duration_ms,
        )

    async def _settle(self, attempt: _Attempt) -> bool:
        """Write what becomes of the job. False: it is no longer this process's to say."""
        number, lease, now_ms = attempt.job.number, self._lease(attempt.holder), self._now_ms()
        match attempt.verdict:
            case None:
                return False
            case _Again(pause_s, counts):
                due_ms = now_ms + int(pause_s * 1000)
                return await self._store.put_back(number, lease, now_ms, due_ms=due_ms, counts=counts)
            case Outcome() as outcome:
                give_up_ms = now_ms + int(self._limits.news_s * 1000)
                is_written = await self._store.finish(number, lease, outcome, now_ms, give_up_ms=give_up_ms)
                if is_written:
                    self._tell(attempt, outcome)
                return is_written

    def _tell(self, attempt: _Attempt, outcome: Outcome) -> None:
        facts: dict[str, object] = {"job": attempt.job.number, "state": outcome.state}
        if outcome.remark is not None:
            facts["code"] = outcome.remark.code
        facts |= {"audio_ms": attempt.done_ms, "ms": round(1000 * (time.monotonic() - attempt.began_s))}
        logger.info("job", extra={"facts": facts})
        self.ended()

    async def _settle_now(self, attempt: _Attempt) -> None:
        """Once and soon. What cannot be written is taken up again when the lease has run out."""
        with suppress(Exception):
            async with asyncio.timeout(self._limits.stop_s):
                await self._settle(attempt)

    async def _insist(self, write: Callable[[], Awaitable[bool]]) -> bool:
        """Until the store can be reached."""
        while True:
            try:
                return await write()
            except Unavailable:
                await asyncio.sleep(min(self._limits.look_every_s, self._limits.lease_s / 3))

    def _after_strain(self) -> _Again:
        """Nothing can be recognised now: it is nobody's fault, and no use to try others."""
        pause_s = self._pause_s(self._strains)
        if time.monotonic() >= self._rested_s:
            self._strains += 1
            self._rested_s = time.monotonic() + pause_s
        return _Again(pause_s)

    def _after_failure(self, job: Job, error: DragomanError) -> Outcome | _Again:
        if job.attempts >= self._limits.most_attempts:
            return Outcome(JobState.FAILED, remark=Remark(error.code, error.message))
        return _Again(self._pause_s(job.attempts - 1), counts=True)

    def _pause_s(self, before: int) -> float:
        return min(self._limits.first_pause_s * 2.0 ** min(before, 30), self._limits.longest_pause_s)

    def _lease(self, holder: str) -> Lease:
        return Lease(holder, self._now_ms() + int(self._limits.lease_s * 1000))

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)


def _nothing() -> None:
    pass
