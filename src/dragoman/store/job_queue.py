"""Whose turn it is among the jobs that wait."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    FromClause,
    Integer,
    Row,
    ScalarSelect,
    Select,
    bindparam,
    func,
    select,
)

from dragoman.core.jobs import JobState
from dragoman.store.job_rows import JOB, is_in
from dragoman.store.schema import JOB_OWNERS, JOBS

_OWNERS = JOB_OWNERS.c


def next_job(connection: Connection, now_ms: int) -> Row[*tuple[Any, ...]] | None:
    """The row of the job to begin."""
    return connection.execute(_NEXT, {"now_ms": now_ms}).one_or_none()


def jobs_ahead(connection: Connection, number: int) -> int:
    """How many go before a queued job, when owners take turns; 0 for one that is not queued."""
    job = connection.execute(_PLACE, {"number": number}).one_or_none()
    if job is None:
        return 0
    priority, mine, older = job
    owners = connection.execute(_OWNERS_AHEAD, {"priority": priority, "most": older + 1})
    return int(older + sum(higher + (equal if owner != mine else 0) for owner, higher, equal in owners))


def _of_owner(jobs: FromClause) -> ColumnElement[bool]:
    """A queued job of the owner whom the statement around looks at."""
    return is_in(JobState.QUEUED, jobs) & (jobs.c.owner == _OWNERS.owner)


def _inner(query: Select[*tuple[Any, ...]]) -> ScalarSelect[Any]:
    return query.correlate(JOB_OWNERS).scalar_subquery()


def _next() -> Select[*tuple[Any, ...]]:
    """Of every owner who waits the first job that is due; and of these the one whose owner comes first."""
    ranked, aged = JOBS.alias(), JOBS.alias()
    now_ms = bindparam("now_ms", type_=BigInteger)
    due = select(ranked.c.priority).where(_of_owner(ranked), ranked.c.due_ms <= now_ms)
    highest = _inner(due.order_by(ranked.c.priority.desc()).limit(1))
    oldest = select(aged.c.number).where(_of_owner(aged), aged.c.due_ms <= now_ms, aged.c.priority == highest)
    number = _inner(oldest.order_by(aged.c.number).limit(1)).label("number")
    first = select(_OWNERS.running, _OWNERS.turn, number).where(_OWNERS.queued > 0).subquery()
    ordered = select(*JOB).join(first, JOBS.c.number == first.c.number)
    return ordered.order_by(JOBS.c.priority.desc(), first.c.running, first.c.turn, JOBS.c.number).limit(1)


def _place() -> Select[*tuple[Any, ...]]:
    """A queued job: its priority, owner, and how many of the same of both are older."""
    aged = JOBS.alias()
    like = (aged.c.owner == JOBS.c.owner) & (aged.c.priority == JOBS.c.priority)
    older = (
        select(func.count()).select_from(aged).where(is_in(JobState.QUEUED, aged), like, aged.c.number < JOBS.c.number)
    )
    place = older.correlate(JOBS).scalar_subquery()
    return select(JOBS.c.priority, JOBS.c.owner, place).where(
        JOBS.c.number == bindparam("number"), is_in(JobState.QUEUED)
    )


def _owners_ahead() -> Select[*tuple[Any, ...]]:
    """Every owner who waits, how many of his jobs have a higher priority, and how many the same, up to so many as the
    owner who asks has taken turns by then."""
    ranked, equal = JOBS.alias(), JOBS.alias()
    priority = bindparam("priority", type_=Integer)
    higher = _inner(select(func.count()).select_from(ranked).where(_of_owner(ranked), ranked.c.priority > priority))
    same = select(equal.c.number).where(_of_owner(equal), equal.c.priority == priority)
    some = same.correlate(JOB_OWNERS).limit(bindparam("most")).subquery()
    return select(_OWNERS.owner, higher, select(func.count()).select_from(some).scalar_subquery()).where(
        _OWNERS.queued > 0
    )


_NEXT: Final = _next()
_PLACE: Final = _place()
_OWNERS_AHEAD: Final = _owners_ahead()
"""Made once: to make such a statement costs more than to run it."""
