"""``dragoman jobs``."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from dragoman.core.errors import Conflict, DragomanError, NotFound
from dragoman.core.jobs import Callback, CallbackState, Job, JobQuery, JobState, StateChange
from dragoman.server.cli.options import Option, config_option, settings_from

if TYPE_CHECKING:
    from dragoman.core.jobs import JobStore, MediaStore

_BATCH: Final = 500
_UNITS_S: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_ENDED: Final = tuple(state for state in JobState if state.is_final)


def _states(*states: JobState) -> Option:
    return click.option(
        "--state",
        "states",
        type=click.Choice([state.value for state in states]),
        multiple=True,
        help="Only jobs in this state; may be given several times.",
    )


def _age(context: click.Context, parameter: click.Parameter, value: str) -> int:
    """Milliseconds."""
    found = re.fullmatch(r"(\d{1,9})([smhd])", value)
    if found is None:
        raise click.BadParameter(f"{value!r} is no length of time; write it as in 90s, 30m, 12h or 7d.")
    return int(found[1]) * _UNITS_S[found[2]] * 1000


_json_option: Option = click.option("--json", "as_json", is_flag=True, help="JSON, an object a line.")
_numbers_argument: Option = click.argument(
    "numbers", metavar="NUMBER...", type=click.IntRange(min=1), nargs=-1, required=True
)


@click.group(short_help="Jobs in the store.")
def jobs() -> None:
    """Jobs that clients handed in, as the store has them: of a server that runs, or of one that does not.

    The store is that of the settings database_url, state_dir and media_url, which have to be the server's.
    """


@jobs.command("list", short_help="List jobs, the newest first.")
@_states(*JobState)
@click.option("--owner", metavar="ID", help="Only jobs of this key.")
@click.option("--dialect", metavar="NAME", help="Only jobs of this API, such as speechmatics_v1.")
@click.option("--most", type=click.IntRange(min=1), default=50, show_default=True, metavar="N", help="How many.")
@_json_option
@config_option
def list_(
    states: tuple[str, ...], owner: str | None, dialect: str | None, most: int, as_json: bool, config: Path | None
) -> int:
    """List jobs, the newest first.

    \b
    Examples:
      dragoman jobs list
      dragoman jobs list --state queued --state running
      dragoman jobs list --state failed --json | jq .remark
    """

    async def found(store: JobStore, media: MediaStore) -> int:
        wanted = frozenset(map(JobState, states)) or None
        left, before, rows = most, None, []
        while left and (batch := await store.jobs(JobQuery(min(left, _BATCH), dialect, owner, wanted, before))):
            left, before = left - len(batch), batch[-1].number
            if as_json:
                for job in batch:
                    click.echo(json.dumps(_facts(job)))
            else:
                rows += [_row(job) for job in batch]
        for line in _table(rows):
            click.echo(line)
        return 0

    return _with_store(config, found)


@jobs.command(short_help="Show what is known of a job.")
@click.argument("number", type=click.IntRange(min=1))
@click.option("--text", is_flag=True, help="The transcript, too.")
@_json_option
@config_option
def show(number: int, text: bool, as_json: bool, config: Path | None) -> int:
    """Show what is known of a job: its history, why it ended, whom it is told to."""

    async def found(store: JobStore, media: MediaStore) -> int:
        job, history, callback = await store.job(number), await store.history(number), await store.callback(number)
        said = (await store.transcript(number)).text if text else None
        if as_json:
            facts = {**_facts(job), "history": [_change(change) for change in history], "callback": _told(callback)}
            click.echo(json.dumps(facts if said is None else {**facts, "text": said}))
            return 0
        for line in _described(job, history, callback):
            click.echo(line)
        if said is not None:
            click.echo(f"\n{said}")
        return 0

    return _with_store(config, found)


@jobs.command(short_help="Stop jobs that have not ended.")
@_numbers_argument
@config_option
def cancel(numbers: tuple[int, ...], config: Path | None) -> int:
    """Stop jobs that have not ended. A server that works on one notices within a few seconds."""
    settings = settings_from({}, config=config)

    async def stop(store: JobStore, number: int) -> str:
        now_ms = _now_ms()
        await store.cancel(number, now_ms, give_up_ms=now_ms + settings.callback_give_up_h * 3_600_000)
        return "is cancelled"

    return _with_store(config, lambda store, media: _each(numbers, lambda number: stop(store, number)))


@jobs.command(short_help="Queue jobs again that ended without a result.")
@_numbers_argument
@config_option
def retry(numbers: tuple[int, ...], config: Path | None) -> int:
    """Queue jobs again that failed, were rejected or cancelled, and whose recording is still there."""

    async def again(store: JobStore, number: int) -> str:
        await store.retry(number, _now_ms())
        return "is queued again"

    return _with_store(config, lambda store, media: _each(numbers, lambda number: again(store, number)))


@jobs.command(short_help="Remove jobs that have ended.")
@click.option("--older-than", callback=_age, default="0s", metavar="TIME", help="Ended so long ago: 90s, 30m, 12h, 7d.")
@_states(*_ENDED)
@click.option("--yes", is_flag=True, help="Do not ask.")
@config_option
def purge(older_than: int, states: tuple[str, ...], yes: bool, config: Path | None) -> int:
    """Remove jobs that have ended, with their results and recordings. Those whose callback is on its way stay.

    \b
    Examples:
      dragoman jobs purge --older-than 7d
      dragoman jobs purge --state rejected --state cancelled --yes
    """

    async def remove(store: JobStore, media: MediaStore) -> int:
        chosen = frozenset(map(JobState, states or _ENDED))
        numbers = [job.number async for job in _ended(store, chosen, _now_ms() - older_than)]
        if not numbers:
            click.echo("There are no such jobs.")
            return 0
        if not (yes or click.confirm(f"Remove {_counted(len(numbers))} with results and recordings?", err=True)):
            return 1
        removed = [number for number in numbers if await _remove(store, media, number)]
        click.echo(f"{_counted(len(removed))} removed.")
        return 0

    return _with_store(config, remove)


Work = Callable[["JobStore", "MediaStore"], Awaitable[int]]


def _with_store(config: Path | None, work: Work) -> int:
    from dragoman.store.database import StoreError

    async def run() -> int:
        async with _opened(config) as (store, media):
            return await work(store, media)

    try:
        return asyncio.run(run())
    except StoreError as error:
        raise click.ClickException(f"{error}.") from error


@asynccontextmanager
async def _opened(config: Path | None) -> AsyncIterator[tuple[JobStore, MediaStore]]:
    from dragoman.server.jobs import build_media
    from dragoman.server.word_lists import build_database
    from dragoman.store.jobs import SqlJobs

    settings = settings_from({}, config=config)
    store, media = SqlJobs(build_database(settings)), build_media(settings)
    try:
        await store.open()
        await media.open()
        yield store, media
    finally:
        await media.aclose()
        await store.aclose()


async def _each(numbers: Sequence[int], work: Callable[[int], Awaitable[str]]) -> int:
    """The exit status. What cannot be done with one does not keep the others from it."""
    status = 0
    for number in numbers:
        try:
            click.echo(f"Job {number} {await work(number)}.")
        except (NotFound, Conflict) as error:
            click.echo(f"Job {number}: {error.message}", err=True)
            status = 1
    return status


async def _ended(store: JobStore, states: frozenset[JobState], before_ms: int) -> AsyncIterator[Job]:
    before: int | None = None
    while batch := await store.jobs(JobQuery(_BATCH, states=states, before=before)):
        before = batch[-1].number
        for job in batch:
            if job.ended_ms is not None and job.ended_ms <= before_ms:
                yield job


async def _remove(store: JobStore, media: MediaStore, number: int) -> bool:
    callback = await store.callback(number)
    if callback is not None and callback.state is CallbackState.WAITING:
        click.echo(f"Job {number} stays: its callback is on its way.", err=True)
        return False
    try:
        job = await store.remove(number, only_final=True)
    except (NotFound, Conflict):  # somebody was quicker
        return False
    if job.media is not None:
        with suppress(DragomanError):  # a server finds it later
            await media.remove(job.media)
    return True


def _counted(number: int) -> str:
    return "1 job" if number == 1 else f"{number:,} jobs"


def _table(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    if not rows:
        return
    head = ("JOB", "STATE", "SINCE (UTC)", "AUDIO", "API", "KEY", "NAME")
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    for row in (head, *rows):
        yield "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()


def _row(job: Job) -> tuple[str, ...]:
    from dragoman.server.cli.word_files import printable

    since_ms = job.ended_ms or job.started_ms or job.created_ms
    if job.state is JobState.QUEUED:
        since_ms = job.created_ms
    return (
        str(job.number),
        _state(job),
        _time(since_ms),
        "" if job.duration_ms is None else _length(job.duration_ms),
        job.dialect,
        printable(job.owner),
        printable(job.name),
    )


def _described(job: Job, history: Sequence[StateChange], callback: Callback | None) -> Iterator[str]:
    from dragoman.server.cli.word_files import printable

    facts = {
        "Job": f"{job.number}, {job.token}",
        "State": _state(job),
        "Reason": None if job.remark is None else f"{printable(job.remark.message)} ({job.remark.code})",
        "API": job.dialect,
        "Key": printable(job.owner),
        "Name": printable(job.name),
        "Recording": f"{job.media_bytes:,} bytes" + ("" if job.media is not None else ", no longer kept"),
        "Audio": None if job.duration_ms is None else _length(job.duration_ms),
        "Recogniser": ", ".join(filter(None, (job.request.profile, job.request.language))),
        "Priority": str(job.priority) if job.priority else None,
        "Attempts": str(job.attempts),
        "Callback": None if callback is None else _callback_line(callback),
    }
    for name, value in facts.items():
        if value is not None:
            yield f"{name:12}{value}".rstrip()
    for line, change in enumerate(history):
        yield f"{'' if line else 'History':12}{_time(change.at_ms)}  {change.state}"


def _callback_line(callback: Callback) -> str:
    from dragoman.server.cli.word_files import printable

    said = f"{callback.state} to {printable(callback.order.url)}, attempts: {callback.attempts}"
    return said if callback.last_error is None else f"{said}, last error: {printable(callback.last_error)}"


def _state(job: Job) -> str:
    if job.state is JobState.RUNNING and job.duration_ms:
        return f"running {min(100, 100 * job.done_ms // job.duration_ms)}%"
    return job.state.value


def _facts(job: Job) -> dict[str, Any]:
    return {
        "number": job.number,
        "token": job.token,
        "state": job.state.value,
        "dialect": job.dialect,
        "owner": job.owner,
        "name": job.name,
        "priority": job.priority,
        "created": _time(job.created_ms),
        "started": None if job.started_ms is None else _time(job.started_ms),
        "ended": None if job.ended_ms is None else _time(job.ended_ms),
        "duration_ms": job.duration_ms,
        "done_ms": job.done_ms,
        "attempts": job.attempts,
        "media_bytes": job.media_bytes,
        "has_media": job.media is not None,
        "remark": None if job.remark is None else {"code": job.remark.code, "message": job.remark.message},
    }


def _change(change: StateChange) -> dict[str, str]:
    return {"at": _time(change.at_ms), "state": change.state.value}


def _told(callback: Callback | None) -> dict[str, Any] | None:
    if callback is None:
        return None
    return {
        "url": callback.order.url,
        "state": callback.state.value,
        "attempts": callback.attempts,
        "due": _time(callback.due_ms),
        "last_error": callback.last_error,
    }


def _time(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _length(duration_ms: int) -> str:
    minutes, seconds = divmod(round(duration_ms / 1000), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"


def _now_ms() -> int:
    return int(time.time() * 1000)
