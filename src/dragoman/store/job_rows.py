"""What the tables of jobs hold, and how a job goes from one state to the next in them."""

from __future__ import annotations

import zlib
from typing import Any, Final

import msgspec
from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    FromClause,
    Row,
    bindparam,
    insert,
    literal_column,
    select,
    text,
    update,
)

from dragoman.core.errors import NotFound
from dragoman.core.jobs import CHANGES, Callback, CallbackOrder, CallbackState, Job, JobState, NewJob, Remark
from dragoman.core.request import RecognitionRequest
from dragoman.core.transcript import Transcript
from dragoman.store.schema import CALLBACKS, JOB_CHANGES, JOB_OWNERS, JOBS

JobRow = Row[*tuple[Any, ...]]

JOB: Final[list[Column[Any]]] = [
    *(JOBS.c[name] for name in Job.__slots__ if name != "remark"),
    JOBS.c.remark_code,
    JOBS.c.remark_message,
]
CALLBACK: Final[list[Column[Any]]] = [
    CALLBACKS.c[name] for name in ("number", "url", "form", "state", "attempts", "due_ms", "give_up_ms", "last_error")
]

ORDERED: Final = "ordered"
"""The state of a callback whose job has not ended."""

_OWNERS = JOB_OWNERS.c
_ADD_JOB: Final = insert(JOBS).returning(*JOB)
_ADD_CHANGE: Final = insert(JOB_CHANGES)
_ADD_OWNER: Final = insert(JOB_OWNERS)
_WEIGH: Final = (
    update(JOB_OWNERS)
    .where(_OWNERS.owner == bindparam("of"))
    .values(
        queued=_OWNERS.queued + bindparam("more_queued"),
        running=_OWNERS.running + bindparam("more_running"),
        bytes=_OWNERS.bytes + bindparam("more_bytes"),
    )
)
_LAST_CHANGE: Final = (
    select(JOB_CHANGES.c.line, JOB_CHANGES.c.at_ms)
    .where(JOB_CHANGES.c.number == bindparam("of"))
    .order_by(JOB_CHANGES.c.line.desc())
    .limit(1)
)
"""Statements are made once where they are run often: to make one costs more than to run it."""

_TURN: Final = 0x0D2A_60AB
"""The number under which PostgreSQL knows that somebody changes what the jobs of an owner come to."""
_REQUEST: Final = msgspec.json.Decoder(RecognitionRequest)
_TRANSCRIPT: Final = msgspec.json.Decoder(Transcript)


def packed_request(request: RecognitionRequest) -> bytes:
    return msgspec.json.encode(request)


def packed_transcript(transcript: Transcript) -> bytes:
    return zlib.compress(msgspec.json.encode(transcript))


def unpacked_transcript(packed: bytes) -> Transcript:
    return _TRANSCRIPT.decode(zlib.decompress(packed))


def job_of(row: JobRow) -> Job:
    """From a row that begins with ``JOB``."""
    *values, code, message = row[: len(JOB)]
    given = dict(zip(Job.__slots__, values, strict=False))
    given["state"] = JobState(given["state"])
    given["request"] = _REQUEST.decode(given["request"])
    return Job(**given, remark=None if code is None else Remark(code, message))


def callback_of(row: JobRow) -> Callback:
    """From a row that begins with ``CALLBACK``."""
    number, url, form, state, *rest = row[: len(CALLBACK)]
    return Callback(number, CallbackOrder(url, form), CallbackState(state), *rest)


def is_in(state: JobState, jobs: FromClause = JOBS) -> ColumnElement[bool]:
    """Spelt out, so that the database sees which index fits."""
    return jobs.c.state == literal_column(f"'{state}'")


def take_turn(connection: Connection) -> None:
    """One after the other: who counts, or looks for the next job, does so alone. SQLite's writers always do."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:turn)"), {"turn": _TURN})


def insert_job(connection: Connection, job: NewJob, token: str, now_ms: int) -> Job:
    values = {
        "token": token,
        "dialect": job.dialect,
        "owner": job.owner,
        "name": job.name,
        "request": packed_request(job.request),
        "options": job.options,
        "state": JobState.QUEUED,
        "priority": job.priority,
        "created_ms": now_ms,
        "media": job.media,
        "media_bytes": job.media_bytes,
        "keep_media": job.keep_media,
        "done_ms": 0,
        "attempts": 0,
        "due_ms": 0,
    }
    row = connection.execute(_ADD_JOB, values).one()
    connection.execute(_ADD_CHANGE, {"number": row.number, "line": 1, "at_ms": now_ms, "state": JobState.QUEUED})
    if job.callback is not None:
        receiver = job.callback.receiver
        order = {"url": job.callback.url, "form": job.callback.form, "receiver": receiver, "state": ORDERED}
        zeros = {"attempts": 0, "due_ms": 0, "give_up_ms": 0, "until_ms": 0}
        connection.execute(insert(CALLBACKS).values(number=row.number, **order, **zeros))
    if not weigh(connection, job.owner, queued=1, size=job.media_bytes):
        counts = {"queued": 1, "running": 0, "bytes": job.media_bytes, "turn": 0}
        connection.execute(_ADD_OWNER, {"owner": job.owner, **counts})
    return job_of(row)


def weigh(connection: Connection, owner: str, *, queued: int = 0, running: int = 0, size: int = 0) -> bool:
    """Note what the jobs of an owner come to now. ``False``: there is no such owner."""
    more = {"more_queued": queued, "more_running": running, "more_bytes": size}
    return connection.execute(_WEIGH, {"of": owner, **more}).rowcount == 1


def move(
    connection: Connection, job: Job, state: JobState, now_ms: int, *, give_up_ms: int = 0, size: int = 0, **values: Any
) -> Job:
    """The job in its new state: its row, its history, what its owner's jobs come to (``size`` bytes more), and its
    callback, which becomes due when the job has ended."""
    assert state in CHANGES[job.state]
    at_ms = _note(connection, job.number, state, now_ms)
    if state is JobState.RUNNING:
        values |= {"started_ms": at_ms}
    else:
        values |= {"holder": None, "until_ms": None}
    if state is JobState.QUEUED:
        values |= {"started_ms": None, "ended_ms": None, "done_ms": 0, "remark_code": None, "remark_message": None}
    if state.is_final:
        values |= {"ended_ms": at_ms}
        _set_callback(connection, job.number, CallbackState.WAITING, due_ms=at_ms, give_up_ms=give_up_ms)
    elif job.state.is_final:
        _set_callback(connection, job.number, ORDERED, due_ms=0, give_up_ms=0)
    queued, running = ((state is one) - (job.state is one) for one in (JobState.QUEUED, JobState.RUNNING))
    weigh(connection, job.owner, queued=queued, running=running, size=size)
    change = update(JOBS).where(JOBS.c.number == job.number).values(state=state, **values).returning(*JOB)
    return job_of(connection.execute(change).one())


def found(row: JobRow | None) -> JobRow:
    if row is None:
        raise NotFound("There is no such job.")
    return row


def _note(connection: Connection, number: int, state: JobState, now_ms: int) -> int:
    """A line of the history; its time, which is no earlier than that of the line before."""
    line, at_ms = connection.execute(_LAST_CHANGE, {"of": number}).one()
    at_ms = max(int(at_ms), now_ms)
    connection.execute(_ADD_CHANGE, {"number": number, "line": line + 1, "at_ms": at_ms, "state": state})
    return at_ms


def _set_callback(connection: Connection, number: int, state: str, *, due_ms: int, give_up_ms: int) -> None:
    change = update(CALLBACKS).where(CALLBACKS.c.number == number)
    fresh = {"attempts": 0, "last_error": None, "holder": None, "until_ms": 0}
    connection.execute(change.values(state=state, due_ms=due_ms, give_up_ms=give_up_ms, **fresh))
