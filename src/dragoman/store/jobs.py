"""Jobs in the database."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Collection, Sequence
from typing import Any, Final, TypeVar

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    bindparam,
    delete,
    func,
    insert,
    literal_column,
    select,
    text,
    union_all,
    update,
)

from dragoman.core.errors import Cancelled, Conflict, NotFound, StorageFull, WorkerLost
from dragoman.core.jobs import (
    Backlog,
    Callback,
    CallbackState,
    Job,
    JobQuery,
    JobState,
    Lease,
    NewJob,
    Outcome,
    StateChange,
)
from dragoman.core.transcript import Transcript
from dragoman.store.database import Database
from dragoman.store.job_queue import jobs_ahead, next_job
from dragoman.store.job_rows import (
    CALLBACK,
    JOB,
    ORDERED,
    callback_of,
    found,
    insert_job,
    is_in,
    job_of,
    move,
    packed_transcript,
    take_turn,
    unpacked_transcript,
    weigh,
)
from dragoman.store.schema import CALLBACKS, DISPOSABLE, JOB_CHANGES, JOB_OWNERS, JOB_RESULTS, JOBS

T = TypeVar("T")

_MOST_NUMBER: Final = 2**63 - 1
_MOST_NAMES: Final = 500
"""How many names one statement asks for."""
_BY_NUMBER: Final = select(*JOB).where(JOBS.c.number == bindparam("number"))
_SUMS: Final = select(*(func.coalesce(func.sum(JOB_OWNERS.c[name]), 0) for name in ("queued", "running", "bytes")))


class SqlJobs:
    """``dragoman.core.jobs.JobStore`` over SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def open(self) -> None:
        await self._database.open()

    async def aclose(self) -> None:
        await self._database.aclose()

    async def add(self, job: NewJob, now_ms: int, *, most_bytes: int) -> Job:
        token = str(uuid.uuid4())

        def add(connection: Connection) -> Job:
            if _backlog(connection).bytes + job.media_bytes > most_bytes:
                raise StorageFull("The server keeps as much as it may. Delete jobs that are not needed, or try later.")
            return insert_job(connection, job, token, now_ms)

        return await self._in_turn(add)

    async def job(self, number: int) -> Job:
        return await self._database.read(lambda connection: _job(connection, number))

    async def job_of_token(self, token: str) -> Job:
        query = select(*JOB).where(JOBS.c.token == _plain(token))
        return job_of(found(await self._database.read(lambda connection: connection.execute(query).one_or_none())))

    async def jobs(self, query: JobQuery) -> Sequence[Job]:
        conditions: list[ColumnElement[bool]] = []
        if query.dialect is not None:
            conditions.append(JOBS.c.dialect == query.dialect)
        if query.owner is not None:
            conditions.append(JOBS.c.owner == query.owner)
        if query.before is not None:
            conditions.append(JOBS.c.number < max(0, min(query.before, _MOST_NUMBER)))
        newest = select(JOBS.c.number).where(*conditions).order_by(JOBS.c.number.desc()).limit(query.most)
        if query.states is not None:  # each has its order in the index, all of them together have none
            parts = [newest.where(is_in(state)).subquery() for state in sorted(query.states)]
            if not parts:
                return []
            newest = select(union_all(*(select(part) for part in parts)).subquery().c.number)
        wanted = select(*JOB).where(JOBS.c.number.in_(newest)).order_by(JOBS.c.number.desc()).limit(query.most)
        return await self._several(wanted)

    async def history(self, number: int) -> Sequence[StateChange]:
        lines = JOB_CHANGES.c
        query = select(lines.at_ms, lines.state).where(lines.number == _known(number)).order_by(lines.line)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        found(rows[0] if rows else None)
        return [StateChange(row.at_ms, JobState(row.state)) for row in rows]

    async def transcript(self, number: int) -> Transcript:
        query = select(JOB_RESULTS.c.transcript).where(JOB_RESULTS.c.number == _known(number))
        packed = await self._database.read(lambda connection: connection.execute(query).scalar())
        if packed is None:
            raise NotFound("There is no transcript of this job.")
        return await asyncio.to_thread(unpacked_transcript, packed)

    async def backlog(self) -> Backlog:
        return await self._database.read(_backlog)

    async def ahead(self, number: int) -> int:
        return await self._database.read(lambda connection: jobs_ahead(connection, _known(number)))

    async def claim(self, lease: Lease, now_ms: int) -> Job | None:
        def claim(connection: Connection) -> Job | None:
            row = next_job(connection, now_ms)
            if row is None:
                return None
            job = job_of(row)
            turn = select(func.max(JOB_OWNERS.c.turn) + 1).scalar_subquery()
            connection.execute(update(JOB_OWNERS).where(JOB_OWNERS.c.owner == job.owner).values(turn=turn))
            lent: dict[str, Any] = {"holder": lease.holder, "until_ms": lease.until_ms, "attempts": job.attempts + 1}
            return move(connection, job, JobState.RUNNING, now_ms, **lent)

        if await self._database.read(lambda connection: next_job(connection, now_ms)) is None:
            return None  # asked every few seconds, it should not keep writers waiting
        return await self._in_turn(claim)

    async def renew(self, number: int, lease: Lease, *, done_ms: int, duration_ms: int | None) -> bool:
        values = {"until_ms": lease.until_ms, "done_ms": done_ms}
        if duration_ms is not None:
            values["duration_ms"] = duration_ms
        change = update(JOBS).where(_is_held(number, lease)).values(values)
        return await self._database.write(lambda connection: connection.execute(change).rowcount == 1)

    async def finish(self, number: int, lease: Lease, outcome: Outcome, now_ms: int, *, give_up_ms: int) -> bool:
        transcript, remark = outcome.transcript, outcome.remark
        packed = b"" if transcript is None else await asyncio.to_thread(packed_transcript, transcript)
        values: dict[str, Any] = {}
        if transcript is not None:
            values |= {"done_ms": transcript.duration_ms, "duration_ms": transcript.duration_ms}
        if remark is not None:
            values |= {"remark_code": remark.code, "remark_message": remark.message}

        def finish(connection: Connection, job: Job) -> None:
            if transcript is not None:
                connection.execute(insert(JOB_RESULTS).values(number=number, transcript=packed))
            move(connection, job, outcome.state, now_ms, give_up_ms=give_up_ms, size=len(packed), **values)

        return await self._with_held(number, lease, finish)

    async def put_back(self, number: int, lease: Lease, now_ms: int, *, due_ms: int, counts: bool) -> bool:
        def put_back(connection: Connection, job: Job) -> None:
            attempts = job.attempts if counts else job.attempts - 1
            move(connection, job, JobState.QUEUED, now_ms, due_ms=due_ms, attempts=attempts)

        return await self._with_held(number, lease, put_back)

    async def recover(self, now_ms: int, *, most_attempts: int, give_up_ms: int) -> int:
        lost = select(*JOB).where(is_in(JobState.RUNNING), JOBS.c.until_ms <= now_ms)
        failed: dict[str, Any] = {"remark_code": WorkerLost.code, "remark_message": WorkerLost().message}

        def recover(connection: Connection) -> int:
            jobs = [job_of(row) for row in connection.execute(lost)]
            for job in jobs:
                if job.attempts < most_attempts:
                    move(connection, job, JobState.QUEUED, now_ms)
                else:
                    move(connection, job, JobState.FAILED, now_ms, give_up_ms=give_up_ms, **failed)
            return len(jobs)

        if not await self._database.read(lambda connection: connection.execute(lost.limit(1)).first()):
            return 0
        return await self._in_turn(recover)

    async def cancel(self, number: int, now_ms: int, *, give_up_ms: int) -> Job:
        remark: dict[str, Any] = {"remark_code": Cancelled.code, "remark_message": "The job was cancelled."}

        def cancel(connection: Connection) -> Job:
            job = _job(connection, number)
            if job.state.is_final:
                raise Conflict("The job has ended already.")
            return move(connection, job, JobState.CANCELLED, now_ms, give_up_ms=give_up_ms, **remark)

        return await self._in_turn(cancel)

    async def retry(self, number: int, now_ms: int) -> Job:
        def retry(connection: Connection) -> Job:
            job = _job(connection, number)
            if not job.state.is_final:
                raise Conflict("The job has not ended yet.")
            if job.state is JobState.DONE:
                raise Conflict("The job is done, and has a transcript.")
            if job.media is None:
                raise Conflict("The media of the job is gone. Hand it in again.")
            return move(connection, job, JobState.QUEUED, now_ms, due_ms=0, attempts=0)

        return await self._in_turn(retry)

    async def drop_media(self, number: int) -> None:
        with_media = (JOBS.c.number == _known(number)) & JOBS.c.media.is_not(None) & JOBS.c.ended_ms.is_not(None)
        drop = update(JOBS).where(with_media).values(media=None).returning(JOBS.c.owner, JOBS.c.media_bytes)

        def drop_media(connection: Connection) -> None:
            row = connection.execute(drop).one_or_none()
            if row is not None:
                weigh(connection, row.owner, size=-row.media_bytes)

        await self._in_turn(drop_media)

    async def remove(self, number: int, *, only_final: bool = False) -> Job:
        of_result = func.length(JOB_RESULTS.c.transcript)

        def remove(connection: Connection) -> Job:
            job = _job(connection, number)
            if only_final and not job.state.is_final:
                raise Conflict("The job has not ended yet. Cancel it first.")
            size = connection.execute(select(of_result).where(JOB_RESULTS.c.number == number)).scalar() or 0
            if job.media is not None:
                size += job.media_bytes
            queued, running = job.state is JobState.QUEUED, job.state is JobState.RUNNING
            weigh(connection, job.owner, queued=-queued, running=-running, size=-size)
            connection.execute(delete(JOBS).where(JOBS.c.number == number))
            return job

        return await self._in_turn(remove)

    async def ended_before(self, before_ms: int, most: int) -> Sequence[Job]:
        waiting = select(CALLBACKS.c.number).where(_waiting())
        ended = select(*JOB).where(JOBS.c.ended_ms < before_ms, JOBS.c.number.not_in(waiting))
        return await self._several(ended.order_by(JOBS.c.ended_ms, JOBS.c.number).limit(most))

    async def disposable_media(self, most: int) -> Sequence[Job]:
        return await self._several(select(*JOB).where(text(DISPOSABLE)).order_by(JOBS.c.number).limit(most))

    async def keeps_media(self, names: Sequence[str]) -> set[str]:
        def kept(connection: Connection) -> set[str]:
            parts = (names[start : start + _MOST_NAMES] for start in range(0, len(names), _MOST_NAMES))
            given = JOBS.c.media.is_not(None)  # said, so that PostgreSQL takes the index for many names as well
            queries = (select(JOBS.c.media).where(given, JOBS.c.media.in_(part)) for part in parts)
            return {name for query in queries for name in connection.execute(query).scalars()}

        return await self._database.read(kept)

    async def callback(self, number: int) -> Callback | None:
        query = select(*CALLBACK).where(CALLBACKS.c.number == _known(number), CALLBACKS.c.state != ORDERED)
        row = await self._database.read(lambda connection: connection.execute(query).one_or_none())
        return None if row is None else callback_of(row)

    async def claim_callback(
        self, now_ms: int, lease: Lease, *, busy: Collection[str] = ()
    ) -> tuple[Callback, Job] | None:
        table = CALLBACKS.c
        due = _waiting() & (table.due_ms <= now_ms) & (table.until_ms <= now_ms) & table.receiver.not_in(busy)
        first = select(table.number).where(due).order_by(table.due_ms, table.number).limit(1)
        lend = {"holder": lease.holder, "until_ms": lease.until_ms}

        def claim(connection: Connection) -> tuple[Callback, Job] | None:
            number = connection.execute(first.with_for_update(skip_locked=True)).scalar()
            if number is None:
                return None
            change = update(CALLBACKS).where(table.number == number).values(lend).returning(*CALLBACK)
            return callback_of(connection.execute(change).one()), _job(connection, number)

        if not await self._database.read(lambda connection: connection.execute(first).first()):
            return None
        return await self._database.write(claim)

    async def settle_callback(
        self, number: int, lease: Lease, state: CallbackState, *, due_ms: int, error: str | None
    ) -> bool:
        table = CALLBACKS.c
        change = update(CALLBACKS).where((table.number == _known(number)) & (table.holder == lease.holder) & _waiting())
        freed = {"holder": None, "until_ms": 0, "attempts": table.attempts + 1}
        change = change.values(state=state, due_ms=due_ms, last_error=error, **freed)
        return await self._database.write(lambda connection: connection.execute(change).rowcount == 1)

    async def _in_turn(self, work: Callable[[Connection], T]) -> T:
        def transaction(connection: Connection) -> T:
            take_turn(connection)
            return work(connection)

        return await self._database.write(transaction)

    async def _with_held(self, number: int, lease: Lease, work: Callable[[Connection, Job], None]) -> bool:
        held = select(*JOB).where(_is_held(number, lease))

        def transaction(connection: Connection) -> bool:
            row = connection.execute(held).one_or_none()
            if row is not None:
                work(connection, job_of(row))
            return row is not None

        return await self._in_turn(transaction)

    async def _several(self, query: Select[Any]) -> list[Job]:
        return await self._database.read(lambda connection: [job_of(row) for row in connection.execute(query)])


def _known(number: int) -> int:
    """The number, or 0, which no job has, for one that the database cannot have."""
    return number if 0 < number <= _MOST_NUMBER else 0


def _plain(token: str) -> str:
    """The token, or one that no job has, when the database does not take its characters."""
    return token if token.isascii() and token.isprintable() else ""


def _job(connection: Connection, number: int) -> Job:
    return job_of(found(connection.execute(_BY_NUMBER, {"number": _known(number)}).one_or_none()))


def _is_held(number: int, lease: Lease) -> ColumnElement[bool]:
    return (JOBS.c.number == _known(number)) & is_in(JobState.RUNNING) & (JOBS.c.holder == lease.holder)


def _waiting() -> ColumnElement[bool]:
    return CALLBACKS.c.state == literal_column(f"'{CallbackState.WAITING}'")


def _backlog(connection: Connection) -> Backlog:
    return Backlog(*map(int, connection.execute(_SUMS).one()))
