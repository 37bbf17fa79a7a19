"""Jobs that end with the process: for tests, and for who wants nothing on a disk."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any, NoReturn

from dragoman.core.errors import Cancelled, Conflict, NotFound, StorageFull, WorkerLost
from dragoman.core.jobs import (
    CHANGES,
    Backlog,
    Callback,
    CallbackOrder,
    CallbackState,
    Job,
    JobQuery,
    JobState,
    Lease,
    NewJob,
    Outcome,
    Remark,
    StateChange,
)
from dragoman.core.transcript import Transcript

_NOBODY = Lease("", 0)


@dataclass(slots=True)
class _Row:
    job: Job
    order: CallbackOrder | None
    history: list[StateChange]
    lease: Lease = _NOBODY
    due_ms: int = 0
    transcript: Transcript | None = None
    callback: Callback | None = None
    callback_lease: Lease = _NOBODY


class MemoryJobs:
    """``dragoman.core.jobs.JobStore`` in memory. A result counts for as many bytes as it has characters."""

    def __init__(self) -> None:
        self._rows: dict[int, _Row] = {}
        self._last_number = 0
        self._turns: Counter[str] = Counter()
        """For whom a job was begun last has the highest."""

    async def open(self) -> None:
        pass

    async def aclose(self) -> None:
        pass

    async def add(self, job: NewJob, now_ms: int, *, most_bytes: int) -> Job:
        if (await self.backlog()).bytes + job.media_bytes > most_bytes:
            raise StorageFull("The server keeps as much as it may. Delete jobs that are not needed, or try later.")
        self._last_number += 1
        added = Job(
            number=self._last_number,
            token=str(uuid.uuid4()),
            dialect=job.dialect,
            owner=job.owner,
            name=job.name,
            request=job.request,
            options=job.options,
            state=JobState.QUEUED,
            priority=job.priority,
            created_ms=now_ms,
            media=job.media,
            media_bytes=job.media_bytes,
            keep_media=job.keep_media,
        )
        self._rows[added.number] = _Row(added, job.callback, [StateChange(now_ms, JobState.QUEUED)])
        return added

    async def job(self, number: int) -> Job:
        return self._row(number).job

    async def job_of_token(self, token: str) -> Job:
        for job in self._jobs():
            if job.token == token:
                return job
        _not_found()

    async def jobs(self, query: JobQuery) -> Sequence[Job]:
        fits = (
            job
            for job in reversed(list(self._jobs()))
            if query.dialect in (None, job.dialect)
            and query.owner in (None, job.owner)
            and (query.states is None or job.state in query.states)
            and (query.before is None or job.number < query.before)
        )
        return [job for _, job in zip(range(query.most), fits, strict=False)]

    async def history(self, number: int) -> Sequence[StateChange]:
        return list(self._row(number).history)

    async def transcript(self, number: int) -> Transcript:
        row = self._rows.get(number)
        if row is None or row.transcript is None:
            raise NotFound("There is no transcript of this job.")
        return row.transcript

    async def backlog(self) -> Backlog:
        counts = Counter(job.state for job in self._jobs())
        size = sum(_size(row) for row in self._rows.values())
        return Backlog(counts[JobState.QUEUED], counts[JobState.RUNNING], size)

    async def ahead(self, number: int) -> int:
        row = self._rows.get(number)
        if row is None or row.job.state is not JobState.QUEUED:
            return 0
        mine = row.job
        higher, equal, older = Counter[str](), Counter[str](), 0
        for job in self._jobs(JobState.QUEUED):
            higher[job.owner] += job.priority > mine.priority
            equal[job.owner] += job.priority == mine.priority
            older += job.priority == mine.priority and job.owner == mine.owner and job.number < number
        others = (min(count, older + 1) for owner, count in equal.items() if owner != mine.owner)
        return higher.total() + older + sum(others)

    async def claim(self, lease: Lease, now_ms: int) -> Job | None:
        due = [row.job for row in self._rows.values() if row.job.state is JobState.QUEUED and row.due_ms <= now_ms]
        if not due:
            return None
        running = Counter(job.owner for job in self._jobs(JobState.RUNNING))
        highest = max(job.priority for job in due)
        oldest: dict[str, Job] = {}
        for job in due:
            if job.priority == highest:
                oldest.setdefault(job.owner, job)
        job = min(oldest.values(), key=lambda job: (running[job.owner], self._turns[job.owner], job.number))
        self._turns[job.owner] = max(self._turns.values(), default=0) + 1
        row = self._rows[job.number]
        self._move(row, JobState.RUNNING, now_ms, attempts=job.attempts + 1)
        row.lease = lease
        return row.job

    async def renew(self, number: int, lease: Lease, *, done_ms: int, duration_ms: int | None) -> bool:
        row = self._held(number, lease)
        if row is None:
            return False
        row.lease = lease
        known = row.job.duration_ms if duration_ms is None else duration_ms
        row.job = replace(row.job, done_ms=done_ms, duration_ms=known)
        return True

    async def finish(self, number: int, lease: Lease, outcome: Outcome, now_ms: int, *, give_up_ms: int) -> bool:
        row = self._held(number, lease)
        if row is None:
            return False
        values: dict[str, Any] = {"remark": outcome.remark}
        if outcome.transcript is not None:
            row.transcript, length = outcome.transcript, outcome.transcript.duration_ms
            values |= {"done_ms": length, "duration_ms": length}
        self._move(row, outcome.state, now_ms, give_up_ms=give_up_ms, **values)
        return True

    async def put_back(self, number: int, lease: Lease, now_ms: int, *, due_ms: int, counts: bool) -> bool:
        row = self._held(number, lease)
        if row is None:
            return False
        self._move(row, JobState.QUEUED, now_ms, attempts=row.job.attempts - (not counts))
        row.due_ms = due_ms
        return True

    async def recover(self, now_ms: int, *, most_attempts: int, give_up_ms: int) -> int:
        rows = [
            row for row in self._rows.values() if row.job.state is JobState.RUNNING and row.lease.until_ms <= now_ms
        ]
        for row in rows:
            if row.job.attempts < most_attempts:
                self._move(row, JobState.QUEUED, now_ms)
            else:
                remark = Remark(WorkerLost.code, WorkerLost().message)
                self._move(row, JobState.FAILED, now_ms, give_up_ms=give_up_ms, remark=remark)
        return len(rows)

    async def cancel(self, number: int, now_ms: int, *, give_up_ms: int) -> Job:
        row = self._row(number)
        if row.job.state.is_final:
            raise Conflict("The job has ended already.")
        remark = Remark(Cancelled.code, "The job was cancelled.")
        self._move(row, JobState.CANCELLED, now_ms, give_up_ms=give_up_ms, remark=remark)
        return row.job

    async def retry(self, number: int, now_ms: int) -> Job:
        row = self._row(number)
        if not row.job.state.is_final:
            raise Conflict("The job has not ended yet.")
        if row.job.state is JobState.DONE:
            raise Conflict("The job is done, and has a transcript.")
        if row.job.media is None:
            raise Conflict("The media of the job is gone. Hand it in again.")
        self._move(row, JobState.QUEUED, now_ms, attempts=0)
        row.due_ms = 0
        return row.job

    async def drop_media(self, number: int) -> None:
        row = self._rows.get(number)
        if row is not None and row.job.state.is_final:
            row.job = replace(row.job, media=None)

    async def remove(self, number: int, *, only_final: bool = False) -> Job:
        job = self._row(number).job
        if only_final and not job.state.is_final:
            raise Conflict("The job has not ended yet. Cancel it first.")
        del self._rows[number]
        return job

    async def ended_before(self, before_ms: int, most: int) -> Sequence[Job]:
        ended = (
            row.job
            for row in self._rows.values()
            if row.job.ended_ms is not None and row.job.ended_ms < before_ms and not _is_waiting(row)
        )
        return sorted(ended, key=attrgetter("ended_ms", "number"))[:most]

    async def disposable_media(self, most: int) -> Sequence[Job]:
        ended = self._jobs(JobState.DONE, JobState.REJECTED)
        return [job for job in ended if job.media is not None and not job.keep_media][:most]

    async def keeps_media(self, names: Sequence[str]) -> set[str]:
        return {job.media for job in self._jobs() if job.media is not None} & set(names)

    async def callback(self, number: int) -> Callback | None:
        row = self._rows.get(number)
        return None if row is None else row.callback

    async def claim_callback(
        self, now_ms: int, lease: Lease, *, busy: Collection[str] = ()
    ) -> tuple[Callback, Job] | None:
        due = [
            (row.callback.due_ms, row.job.number)
            for row in self._rows.values()
            if row.callback is not None
            and _is_waiting(row)
            and row.callback.due_ms <= now_ms
            and row.callback_lease.until_ms <= now_ms
            and row.callback.order.receiver not in busy
        ]
        if not due:
            return None
        row = self._rows[min(due)[1]]
        row.callback_lease = lease
        assert row.callback is not None
        return row.callback, row.job

    async def settle_callback(
        self, number: int, lease: Lease, state: CallbackState, *, due_ms: int, error: str | None
    ) -> bool:
        row = self._rows.get(number)
        if row is None or row.callback is None or not _is_waiting(row) or row.callback_lease.holder != lease.holder:
            return False
        attempts = row.callback.attempts + 1
        row.callback = replace(row.callback, state=state, attempts=attempts, due_ms=due_ms, last_error=error)
        row.callback_lease = _NOBODY
        return True

    def _row(self, number: int) -> _Row:
        if number not in self._rows:
            _not_found()
        return self._rows[number]

    def _jobs(self, *states: JobState) -> Iterator[Job]:
        return (row.job for row in self._rows.values() if not states or row.job.state in states)

    def _held(self, number: int, lease: Lease) -> _Row | None:
        row = self._rows.get(number)
        if row is None or row.job.state is not JobState.RUNNING or row.lease.holder != lease.holder:
            return None
        return row

    def _move(self, row: _Row, state: JobState, now_ms: int, *, give_up_ms: int = 0, **values: Any) -> None:
        assert state in CHANGES[row.job.state]
        at_ms = max(now_ms, row.history[-1].at_ms)
        row.history.append(StateChange(at_ms, state))
        row.lease, row.callback, row.callback_lease = _NOBODY, None, _NOBODY
        if state is JobState.RUNNING:
            values |= {"started_ms": at_ms}
        elif state is JobState.QUEUED:
            values |= {"started_ms": None, "ended_ms": None, "done_ms": 0, "remark": None}
        else:
            values |= {"ended_ms": at_ms}
            if row.order is not None:
                waiting = CallbackState.WAITING
                row.callback = Callback(row.job.number, row.order, waiting, 0, at_ms, give_up_ms)
        row.job = replace(row.job, state=state, **values)


def _is_waiting(row: _Row) -> bool:
    return row.callback is not None and row.callback.state is CallbackState.WAITING


def _size(row: _Row) -> int:
    media = 0 if row.job.media is None else row.job.media_bytes
    return media + (0 if row.transcript is None else len(row.transcript.text))


def _not_found() -> NoReturn:
    raise NotFound("There is no such job.")
