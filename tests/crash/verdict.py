"""Whether what was promised was kept, by what the store holds in the end."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, fields
from itertools import pairwise
from pathlib import Path

from crash.clients import Crowd, Promise
from crash.recordings import words_of
from dragoman.core.errors import NotFound
from dragoman.core.jobs import CHANGES, CallbackState, Job, JobQuery, JobState, JobStore, StateChange
from dragoman.store.database import Database
from dragoman.store.jobs import SqlJobs

_ALL = 10**9
_LOOK_S = 0.2
_MARK = "dragoman-media"
"""What tells the folder of media from one where its disk is not mounted."""


@dataclass(slots=True)
class Findings:
    """What is wrong, a line each. Nothing is."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    """An end or a result that is not the right one."""
    history: list[str] = field(default_factory=list)
    callbacks: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    """Files and processes that nobody needs."""
    complaints: list[str] = field(default_factory=list)
    """What clients saw."""

    @property
    def counts(self) -> dict[str, int]:
        return {each.name: len(getattr(self, each.name)) for each in fields(self)}


async def inspect(
    url: str, state: Path, spool: Path, crowd: Crowd, received: Mapping[int, Sequence[bytes]]
) -> Findings:
    """No server runs."""
    findings = Findings(complaints=list(crowd.complaints))
    async with aclosing(SqlJobs(Database(url))) as store:
        await store.open()
        jobs = await store.jobs(JobQuery(most=_ALL))
        for promise in crowd.promises:
            await _check_promise(store, promise, received, findings)
        for job in jobs:
            if not job.state.is_final:
                findings.stuck.append(f"{job.number} is {job.state}")
            findings.history += history_faults(job, await store.history(job.number))
        findings.doubled += [f"{name} is {count} jobs" for name, count in _names(jobs).items() if count > 1]
        findings.wrong += [f"nobody handed in {job.name}" for job in jobs if job.name not in crowd.asked]
        backlog = await store.backlog()
        if backlog.queued or backlog.running:
            findings.stuck.append(f"the backlog is {backlog}")
    findings.left += _files_left(state, spool, {job.media for job in jobs if job.media is not None})
    return findings


async def until_delivered(url: str, numbers: Collection[int], seconds: float) -> None:
    """Wait until the news of these jobs is no longer on its way, but no longer than so many ``seconds``."""
    async with aclosing(SqlJobs(Database(url))) as store, asyncio.timeout(seconds):
        await store.open()
        for number in numbers:
            while (news := await store.callback(number)) is None or news.state is CallbackState.WAITING:
                await asyncio.sleep(_LOOK_S)


async def make_orphans_old(url: str, state: Path, spool: Path) -> None:
    """Media without a job is kept for a while, as it may belong to a submission; its name says how old it is. So is a
    folder of uploads that nobody has locked yet."""
    for folder in (*spool.glob("dragoman-new-*"), *(state / "media").glob("dragoman-new-*")):
        os.utime(folder, (0, 0))
    async with aclosing(SqlJobs(Database(url))) as store:
        await store.open()
        media = {path.name: path for path in (state / "media").iterdir() if path.is_file() and path.name != _MARK}
        for name in media.keys() - await store.keeps_media(list(media)):
            media[name].rename(state / "media" / f"{0:09x}{name[9:]}")


def history_faults(job: Job, history: Sequence[StateChange]) -> list[str]:
    """How the history of a job that has ended is not one that a job can have, when nobody tried it again."""
    states = [change.state for change in history]
    faults = []
    if states[:1] != [JobState.QUEUED] or states[-1:] != [job.state]:
        faults.append("does not lead from queued to what it is")
    if any(after not in CHANGES[before] for before, after in pairwise(states)):
        faults.append("has a change that cannot be")
    if sum(state.is_final for state in states) != 1:
        faults.append("has not exactly one end")
    if any(after.at_ms < before.at_ms for before, after in pairwise(history)):
        faults.append("goes back in time")
    return [f"the history of {job.number} {fault}: {', '.join(states)}" for fault in faults]


async def _check_promise(
    store: JobStore, promise: Promise, received: Mapping[int, Sequence[bytes]], findings: Findings
) -> None:
    what = f"{promise.dialect} {promise.id}"
    try:
        is_number = promise.dialect == "speechmatics_v1"
        job = await (store.job(int(promise.id)) if is_number else store.job_of_token(promise.id))
    except NotFound:
        findings.lost.append(f"{what} is gone")
        return
    expected = promise.recording.words
    if job.name != promise.name:
        findings.wrong.append(f"{what} is {job.name} instead of {promise.name}")
    if job.state is not (JobState.REJECTED if expected is None else JobState.DONE):
        findings.wrong.append(f"{what} is {job.state}: {job.remark}")
    elif expected is None and (job.remark is None or not job.remark.message):
        findings.wrong.append(f"{what} is {job.state} without a reason")
    elif expected is not None:
        try:
            words = words_of((await store.transcript(job.number)).text)
        except NotFound:
            findings.lost.append(f"the result of {what} is gone")
        else:
            if words != expected or promise.words not in ((), expected):
                findings.wrong.append(f"{what} has another result than the recording has words")
    if promise.called_back:
        news = await store.callback(job.number)
        if news is None or news.state is not CallbackState.DELIVERED:
            findings.callbacks.append(f"the callback of {what} is {news and news.state}: {news and news.last_error}")
        bodies = received.get(job.number, ())
        if not bodies:
            findings.callbacks.append(f"{what} was never called back")
        if expected and any(" ".join(expected) not in " ".join(words_of(body.decode())) for body in bodies):
            findings.callbacks.append(f"{what} was called back with other words")


def _names(jobs: Sequence[Job]) -> Counter[str]:
    return Counter(job.name for job in jobs)


def _files_left(state: Path, spool: Path, media: set[str]) -> list[str]:
    """Uploads, and media without a job."""
    kept = [path for path in (state / "media").rglob("*") if path.is_file() and path.name not in {_MARK, *media}]
    return [str(path) for path in (*kept, *spool.rglob("*")) if path.is_file()]
