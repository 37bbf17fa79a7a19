"""The news of jobs that have ended, on their way to those who asked for it: at least once, until a deadline."""

from __future__ import annotations

import asyncio
import logging
import random
import time
import traceback
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Protocol

from dragoman.core.errors import DragomanError, NotFound, Unavailable
from dragoman.core.jobs import Callback, CallbackState, Job, JobState, JobStore, Lease
from dragoman.core.transcript import Transcript

logger = logging.getLogger(__name__)

_SPARE_S: Final = 20.0
"""What a lease lasts longer than the post: for the database, and for the message to be made."""


@dataclass(frozen=True, slots=True)
class CallbackPart:
    """A file of a form."""

    name: str
    filename: str
    content_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class CallbackMessage:
    """What is posted, as ``multipart/form-data``."""

    url: str
    headers: tuple[tuple[str, str], ...]
    parts: tuple[CallbackPart, ...]


CallbackForm = Callable[[Callback, Job, Transcript | None], CallbackMessage]
"""A dialect's words for the news. The transcript is there when the job is done. Runs in a thread."""


class PostFailed(Exception):
    """Nobody answered. The message says why in a few words, and nothing of the URL but what its host is."""


class Poster(Protocol):
    """Posts messages to receivers that nobody can vouch for."""

    async def post(self, message: CallbackMessage, *, timeout_s: float) -> int:
        """The status of the reply, of whatever kind, within ``timeout_s``. Raises ``PostFailed``."""
        ...


@dataclass(frozen=True, slots=True)
class CallbackLimits:
    """Pauses begin with ``first_pause_s`` and double up to ``most_pause_s``. ``look_every_s``: how often the store is
    asked for callbacks that are due."""

    timeout_s: float = 10.0
    first_pause_s: float = 5.0
    most_pause_s: float = 3600.0
    most_at_once: int = 32
    most_per_receiver: int = 4
    look_every_s: float = 2.0


def pause_ms(attempts: int, limits: CallbackLimits, chance: float) -> int:
    """How long to wait after so many attempts. ``chance``, 0 to 1, keeps those apart that failed together."""
    pause_s = min(limits.first_pause_s * 2.0 ** min(attempts - 1, 64), limits.most_pause_s)
    return int(pause_s * 1000 * (0.75 + chance / 2))


class Callbacks:
    """One task asks the store for callbacks that are due, and another one for each makes the attempt.

    Every callback is tried at least once, and for the last time when its deadline has come. A receiver that is slow
    holds no more than its few places. An attempt that a process leaves behind is made again, by any process, when its
    lease has run out.
    """

    def __init__(
        self,
        store: JobStore,
        poster: Poster,
        forms: Mapping[str, CallbackForm],
        *,
        limits: CallbackLimits | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """``forms`` by the names of the dialects. The store is opened and closed by others."""
        self._store = store
        self._poster = poster
        self._forms = forms
        self._limits = limits or CallbackLimits()
        self._clock = clock
        self._woken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._attempts: dict[asyncio.Task[None], str] = {}

    async def open(self) -> None:
        self._task = asyncio.create_task(self._run(), name="callbacks")

    async def aclose(self) -> None:
        """Attempts end, and are due again at once. May be called twice, and without ``open``."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
        for attempt in self._attempts:
            attempt.cancel()
        if self._attempts:
            await asyncio.wait(self._attempts)

    def wake(self) -> None:
        """A job has ended: look at once."""
        self._woken.set()

    async def _run(self) -> None:
        while True:
            self._woken.clear()
            try:
                while await self._begin_one():
                    pass
            except Unavailable as error:
                logger.warning("callbacks have to wait: %s", error.message)
            except Exception:
                logger.exception("callbacks have to wait")
            with suppress(TimeoutError):
                async with asyncio.timeout(self._limits.look_every_s):
                    await self._woken.wait()

    async def _begin_one(self) -> bool:
        """False: none is due, or there is no place."""
        if len(self._attempts) >= self._limits.most_at_once:
            return False
        places = Counter(self._attempts.values())
        busy = [receiver for receiver, taken in places.items() if taken >= self._limits.most_per_receiver]
        now_ms = self._now_ms()
        lease = Lease(uuid.uuid4().hex, now_ms + int((self._limits.timeout_s + _SPARE_S) * 1000))
        claimed = await self._store.claim_callback(now_ms, lease, busy=busy)
        if claimed is None:
            return False
        callback, job = claimed
        task = asyncio.create_task(self._deliver(callback, job, lease), name="callback")
        self._attempts[task] = callback.order.receiver
        task.add_done_callback(self._ended)
        return True

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._attempts[task]
        self._woken.set()

    async def _deliver(self, callback: Callback, job: Job, lease: Lease) -> None:
        try:
            error = await self._attempt(callback, job)
        except asyncio.CancelledError:
            with suppress(DragomanError):
                await self._store.settle_callback(
                    job.number, lease, CallbackState.WAITING, due_ms=self._now_ms(), error="the server was stopped"
                )
            raise
        except NotFound:
            return  # removed, and the callback with it
        except DragomanError as failure:
            logger.warning("the callback of job %d has to wait: %s", job.number, failure.message)
            return  # until the lease runs out
        now_ms, attempts = self._now_ms(), callback.attempts + 1
        state, due_ms = CallbackState.WAITING, now_ms
        if error is None:
            state = CallbackState.DELIVERED
        elif now_ms >= callback.give_up_ms:
            state = CallbackState.GIVEN_UP
        else:
            pause = pause_ms(attempts, self._limits, random.random())  # noqa: S311
            due_ms = min(now_ms + pause, callback.give_up_ms)
        logger.log(
            logging.WARNING if state is CallbackState.GIVEN_UP else logging.INFO,
            "callback of job %d to %s, attempt %d: %s%s",
            job.number,
            callback.order.receiver,
            attempts,
            state,
            f" ({error})" if error else "",
        )
        try:
            await self._store.settle_callback(job.number, lease, state, due_ms=due_ms, error=error)
        except DragomanError as failure:
            logger.warning("the callback of job %d will be posted again: %s", job.number, failure.message)

    async def _attempt(self, callback: Callback, job: Job) -> str | None:
        """Why it was not delivered. Raises what the store raises."""
        transcript = await self._store.transcript(job.number) if job.state is JobState.DONE else None
        try:
            message = await asyncio.to_thread(self._forms[job.dialect], callback, job, transcript)
            status = await self._poster.post(message, timeout_s=self._limits.timeout_s)
        except PostFailed as failure:
            return str(failure)
        except Exception as bug:
            # Its own words may be of the transcript.
            where = "".join(traceback.format_tb(bug.__traceback__))
            logger.error("the callback of job %d failed: %s\n%s", job.number, type(bug).__name__, where)
            return f"the server failed on it ({type(bug).__name__}); its log says where"
        if 200 <= status < 300:
            return None
        return f"answered with {status}" + ("; redirects are not followed" if 300 <= status < 400 else "")

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)
