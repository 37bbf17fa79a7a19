"""Work that outlives the request which asked for it: a job is taken, done once, and its result kept for a while."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final, Protocol

from dragoman.core.request import RecognitionRequest
from dragoman.core.transcript import Transcript


class JobState(StrEnum):
    """``REJECTED``: what the client sent cannot be recognised. ``FAILED``: the server could not, the same again may go
    well. ``CANCELLED``: somebody stopped it."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    REJECTED = "rejected"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        return self not in (JobState.QUEUED, JobState.RUNNING)


CHANGES: Final[dict[JobState, frozenset[JobState]]] = {
    JobState.QUEUED: frozenset({JobState.RUNNING, JobState.CANCELLED}),
    JobState.RUNNING: frozenset(
        {JobState.QUEUED, JobState.DONE, JobState.REJECTED, JobState.FAILED, JobState.CANCELLED}
    ),
    JobState.DONE: frozenset(),
    JobState.REJECTED: frozenset({JobState.QUEUED}),
    JobState.FAILED: frozenset({JobState.QUEUED}),
    JobState.CANCELLED: frozenset({JobState.QUEUED}),
}
"""Which state may follow which. A running job is queued again when its server process died or was stopped; one that
ended without a result, when the operator wants it tried again."""


@dataclass(frozen=True, slots=True)
class CallbackOrder:
    """Whom to tell once the job has ended. ``form`` says in the dialect's own words what is sent."""

    url: str
    form: str = ""

    @property
    def receiver(self) -> str:
        """Host and port as the URL has them. Of the callbacks to one receiver only few are under way at once."""
        found = re.match(r"[^:/?#]*://(?:[^/?#]*@)?([^/?#]*)", self.url)
        return found[1].lower() if found else ""


@dataclass(frozen=True, slots=True)
class NewJob:
    """What a dialect hands in. ``media`` is a name in the media store, ``media_bytes`` its size.

    ``options`` is what the dialect wants to know again when it is asked for the job, as JSON; nobody else reads it.
    Of several jobs in the queue a higher ``priority`` goes first. Without ``keep_media`` the media goes as soon as
    nothing can need it any more.
    """

    dialect: str
    owner: str
    name: str
    request: RecognitionRequest
    media: str
    media_bytes: int
    options: bytes = b"{}"
    keep_media: bool = False
    priority: int = 0
    callback: CallbackOrder | None = None


@dataclass(frozen=True, slots=True)
class Remark:
    """Why a job ended without a result: the code of a ``DragomanError`` and its message."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Job:
    """A job as it is now.

    ``number`` counts from 1 over all dialects and is never given twice; ``token`` is a UUID. ``owner`` is the id of the
    key that handed it in. Times count from 1970, UTC. ``duration_ms`` is the length of the audio once it is known,
    ``done_ms`` how much of it has been recognised. ``attempts`` counts how often it was begun.
    """

    number: int
    token: str
    dialect: str
    owner: str
    name: str
    request: RecognitionRequest
    options: bytes
    state: JobState
    priority: int
    created_ms: int
    media: str | None
    media_bytes: int
    keep_media: bool
    started_ms: int | None = None
    ended_ms: int | None = None
    duration_ms: int | None = None
    done_ms: int = 0
    attempts: int = 0
    remark: Remark | None = None


@dataclass(frozen=True, slots=True)
class Lease:
    """The right of one server process to work on something until ``until_ms``; ``holder`` is a new text every time."""

    holder: str
    until_ms: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a job ended: ``DONE`` with the transcript, or another final state with the reason."""

    state: JobState
    transcript: Transcript | None = None
    remark: Remark | None = None


@dataclass(frozen=True, slots=True)
class StateChange:
    """A line of a job's history."""

    at_ms: int
    state: JobState


@dataclass(frozen=True, slots=True)
class JobQuery:
    """Which jobs: the newest ``most`` of those that fit, whose number is below ``before``. ``None`` fits all."""

    most: int
    dialect: str | None = None
    owner: str | None = None
    states: frozenset[JobState] | None = None
    before: int | None = None


@dataclass(frozen=True, slots=True)
class Backlog:
    """What the store holds: jobs that wait, jobs at work, and the bytes of media and results."""

    queued: int
    running: int
    bytes: int


class CallbackState(StrEnum):
    """``WAITING`` covers the time between attempts as well."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    GIVEN_UP = "given up"


@dataclass(frozen=True, slots=True)
class Callback:
    """The news of a job that has ended, on its way. ``last_error`` says why the last attempt went wrong."""

    number: int
    order: CallbackOrder
    state: CallbackState
    attempts: int
    due_ms: int
    give_up_ms: int
    last_error: str | None = None


class JobStore(Protocol):
    """Where jobs are kept. Every call is one transaction, and what it changed outlives the process.

    Implementations hold one suite of contract tests (``tests/contracts/test_job_store.py``). Any call raises
    ``Unavailable`` while the database cannot be reached. ``now_ms`` is the time of the caller: the store has no clock.
    Calls that name a lease change nothing and return ``False`` when the job is no longer running under it: whoever
    took it over, or cancelled or removed it, has the say.
    """

    async def open(self) -> None:
        """Raises ``StoreError`` with what to do when the database cannot be used."""
        ...

    async def aclose(self) -> None: ...

    async def add(self, job: NewJob, now_ms: int, *, most_bytes: int) -> Job:
        """Queued. Raises ``StorageFull`` when the store would hold more than ``most_bytes``."""
        ...

    async def job(self, number: int) -> Job:
        """Raises ``NotFound``."""
        ...

    async def job_of_token(self, token: str) -> Job:
        """Raises ``NotFound``."""
        ...

    async def jobs(self, query: JobQuery) -> Sequence[Job]:
        """The newest first."""
        ...

    async def history(self, number: int) -> Sequence[StateChange]:
        """Every state the job has been in, the oldest first; the times never go back. Raises ``NotFound``."""
        ...

    async def transcript(self, number: int) -> Transcript:
        """Raises ``NotFound`` for a job that has none."""
        ...

    async def backlog(self) -> Backlog: ...

    async def ahead(self, number: int) -> int:
        """How many queued jobs are likely to be begun before this one; 0 for a job that is not queued."""
        ...

    async def claim(self, lease: Lease, now_ms: int) -> Job | None:
        """Begin a queued job that is due: of those with the highest priority one of the owner who has the fewest
        running, among those of the owner for whom a job was begun the longest ago; its oldest. ``None``: there is none.

        Several processes that claim at once get different jobs.
        """
        ...

    async def renew(self, number: int, lease: Lease, *, done_ms: int, duration_ms: int | None) -> bool:
        """Prolong the lease and note the progress."""
        ...

    async def finish(self, number: int, lease: Lease, outcome: Outcome, now_ms: int, *, give_up_ms: int) -> bool:
        """End the job, once: state, result, history and the callback that was ordered, due now and until
        ``give_up_ms``, in one transaction."""
        ...

    async def put_back(self, number: int, lease: Lease, now_ms: int, *, due_ms: int, counts: bool) -> bool:
        """Queue the job again, not to be begun before ``due_ms``. Unless it ``counts``, the attempt is taken back."""
        ...

    async def recover(self, now_ms: int, *, most_attempts: int, give_up_ms: int) -> int:
        """Queue the running jobs again whose lease has run out; fail those that were begun ``most_attempts`` times,
        with the code ``worker_lost``. How many there were."""
        ...

    async def cancel(self, number: int, now_ms: int, *, give_up_ms: int) -> Job:
        """Raises ``NotFound``, and ``Conflict`` for a job that has ended."""
        ...

    async def retry(self, number: int, now_ms: int) -> Job:
        """Queue a job again that ended without a result; attempts count from 0. Raises ``NotFound``, and ``Conflict``
        for one that has a result, has not ended, or whose media is gone."""
        ...

    async def drop_media(self, number: int) -> None:
        """The media is gone. Nothing happens to a job that has not ended, or that is not there."""
        ...

    async def remove(self, number: int, *, only_final: bool = False) -> Job:
        """Forget a job with its result, history and callback; as it was. Raises ``NotFound``; ``Conflict`` for one
        that has not ended, with ``only_final``."""
        ...

    async def ended_before(self, before_ms: int, most: int) -> Sequence[Job]:
        """The oldest jobs that ended before a time and whose callback, if any, is no longer waiting."""
        ...

    async def disposable_media(self, most: int) -> Sequence[Job]:
        """Jobs that are done, need not keep their media, and still have it. Also those that were rejected: the same
        media would be rejected again. One that failed or was cancelled keeps it for another try."""
        ...

    async def keeps_media(self, names: Sequence[str]) -> set[str]:
        """Those of the names that jobs refer to."""
        ...

    async def callback(self, number: int) -> Callback | None:
        """The callback of a job that has ended; ``None``: none was ordered, or it has not ended."""
        ...

    async def claim_callback(
        self, now_ms: int, lease: Lease, *, busy: Collection[str] = ()
    ) -> tuple[Callback, Job] | None:
        """One that is due, whose lease, if it had one, has run out, and whose ``order.receiver`` is not ``busy``; the
        longest due first."""
        ...

    async def settle_callback(
        self, number: int, lease: Lease, state: CallbackState, *, due_ms: int, error: str | None
    ) -> bool:
        """After an attempt: delivered, given up, or due again. The attempt counts."""
        ...


class MediaStore(Protocol):
    """Where the media of jobs is kept, by names it makes up.

    Implementations hold one suite of contract tests (``tests/contracts/test_media_store.py``).
    """

    async def open(self) -> None:
        """Raises ``StoreError`` with what to do when it cannot be used."""
        ...

    async def aclose(self) -> None: ...

    async def keep(self, path: Path) -> str:
        """Take a file over, which may be moved away. It outlives the machine's sudden end once this returns its name.
        Raises ``StorageFull``, ``Unavailable``; then nothing is left behind."""
        ...

    def local(self, name: str) -> AbstractAsyncContextManager[Path]:
        """The file for as long as the block runs, to be read only. Raises ``NotFound``, ``Unavailable``."""
        ...

    async def remove(self, name: str) -> None:
        """Nothing happens when it is gone already. Raises ``Unavailable``."""
        ...

    def names(self, older_than_s: float) -> AsyncIterator[str]:
        """What was kept longer ago. Raises ``Unavailable``."""
        ...

    async def free_bytes(self) -> int | None:
        """How much fits in, as far as one can know."""
        ...
