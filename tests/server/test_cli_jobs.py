"""Jobs on the command line, over the store of a server."""

from __future__ import annotations

import asyncio
import io
import json
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess
from typing import TypeVar

import pytest

from dragoman.core.jobs import CallbackOrder, Job, JobState, JobStore, Lease, NewJob, Outcome, Remark
from dragoman.core.request import RecognitionRequest
from dragoman.server.cli.main import main
from dragoman.server.jobs import build_media
from dragoman.server.settings import Settings
from dragoman.server.word_lists import build_database
from dragoman.store.jobs import SqlJobs
from scripted import TRANSCRIPT

pytestmark = pytest.mark.unit

T = TypeVar("T")
HOUR_MS = 3_600_000
DONE = Outcome(JobState.DONE, TRANSCRIPT)
REJECTED = Outcome(JobState.REJECTED, remark=Remark("undecodable_audio", "The file is not audio."))


@dataclass(frozen=True, slots=True)
class Kept:
    """A store, as a server and as the command line sees it."""

    folder: Path
    patch: pytest.MonkeyPatch
    printed: pytest.CaptureFixture[str]

    @property
    def settings(self) -> Settings:
        return Settings(state_dir=self.folder / "state")

    def __call__(self, *arguments: str | int, given: str = "") -> CompletedProcess[str]:
        """``dragoman jobs …``, with what the person at the terminal types."""
        self.patch.setenv("DRAGOMAN_STATE_DIR", str(self.folder / "state"))
        self.patch.setattr(sys, "stdin", io.StringIO(given))
        status = main(["jobs", *map(str, arguments)])
        return CompletedProcess(arguments, status, *self.printed.readouterr())

    def store(self, work: Callable[[JobStore], Awaitable[T]]) -> T:
        async def run() -> T:
            store = SqlJobs(build_database(self.settings))
            await store.open()
            try:
                return await work(store)
            finally:
                await store.aclose()

        return asyncio.run(run())

    def add(
        self,
        outcome: Outcome | None = None,
        *,
        ago_ms: int = 0,
        owner: str = "anna",
        dialect: str = "d",
        name: str = "call.wav",
        callback: CallbackOrder | None = None,
    ) -> Job:
        at_ms = int(time.time() * 1000) - ago_ms

        async def add(store: JobStore) -> Job:
            media = build_media(self.settings)
            await media.open()
            upload = self.folder / "upload"
            upload.write_bytes(b"sound")
            kept = await media.keep(upload)
            await media.aclose()
            new = NewJob(dialect, owner, name, RecognitionRequest("en"), kept, 5, callback=callback)
            job = await store.add(new, at_ms, most_bytes=1 << 30)
            if outcome is not None:
                lease = Lease(str(job.number), at_ms)
                assert await store.claim(lease, at_ms) == await store.job(job.number)
                assert await store.finish(job.number, lease, outcome, at_ms, give_up_ms=at_ms + HOUR_MS)
            return await store.job(job.number)

        return self.store(add)

    def numbers(self, *options: str) -> list[int]:
        return [json.loads(line)["number"] for line in self("list", "--json", *options).stdout.splitlines()]

    def media(self) -> set[str]:
        return {path.name for path in (self.folder / "state" / "media").iterdir() if len(path.name) == 33}


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Kept:
    return Kept(tmp_path, monkeypatch, capsys)


def test_an_empty_store_lists_nothing(kept: Kept) -> None:
    result = kept("list")
    assert (result.returncode, result.stdout) == (0, "")


def test_a_list_is_the_newest_first_and_can_be_narrowed(kept: Kept) -> None:
    one = kept.add(DONE).number
    two = kept.add(REJECTED, owner="bert").number
    three = kept.add(dialect="e").number
    assert kept.numbers() == [three, two, one]
    assert kept.numbers("--state", "done", "--state", "queued") == [three, one]
    assert kept.numbers("--owner", "bert") == [two]
    assert kept.numbers("--dialect", "e") == [three]
    assert kept.numbers("--most", "2") == [three, two]


def test_the_table_has_a_line_for_each_and_names_do_nothing_to_a_terminal(kept: Kept) -> None:
    kept.add(DONE, name="a\x1b[31mb\n")
    kept.add()
    head, *lines = kept("list").stdout.splitlines()
    assert head.split()[:2] == ["JOB", "STATE"]
    assert [line.split()[1] for line in lines] == ["queued", "done"]
    assert "0:10" in lines[1]
    assert lines[1].endswith("a\\u001b[31mb\\u000a")


def test_all_of_a_job_is_shown_but_what_was_said(kept: Kept) -> None:
    job = kept.add(DONE, callback=CallbackOrder("http://127.0.0.1/told"))
    for shown in (kept("show", job.number).stdout, kept("show", job.number, "--json").stdout):
        for fact in (job.token, "done", "anna", "call.wav", "http://127.0.0.1/told", "queued", "running"):
            assert fact in shown
        assert TRANSCRIPT.segments[0].text not in shown
    for options in (("--text",), ("--text", "--json")):
        assert TRANSCRIPT.segments[0].text in kept("show", job.number, *options).stdout


def test_why_a_job_ended_is_shown(kept: Kept) -> None:
    shown = kept("show", kept.add(REJECTED).number).stdout
    assert "The file is not audio. (undecodable_audio)" in shown


def test_what_waits_can_be_cancelled_and_tried_again(kept: Kept) -> None:
    first, second = kept.add().number, kept.add().number
    assert kept("cancel", first, second).returncode == 0
    assert kept.numbers("--state", "cancelled") == [second, first]
    assert kept("retry", second).returncode == 0
    assert kept.numbers("--state", "queued") == [second]


@pytest.mark.parametrize("command", ["cancel", "retry"])
def test_what_cannot_be_done_is_named_and_the_rest_is_done(kept: Kept, command: str) -> None:
    done, queued = kept.add(DONE).number, kept.add().number
    if command == "retry":
        kept("cancel", queued)
    result = kept(command, 999, done, queued)
    assert result.returncode == 1
    assert [line.split(":")[0] for line in result.stderr.splitlines()] == ["Job 999", f"Job {done}"]
    assert result.stdout.startswith(f"Job {queued} is ")


def test_a_job_that_is_not_there_cannot_be_shown(kept: Kept) -> None:
    result = kept("show", 7)
    assert result.returncode == 1
    assert result.stderr.startswith("dragoman: There is no")


def test_old_jobs_are_purged_with_their_recordings_and_others_stay(kept: Kept) -> None:
    old = kept.add(DONE, ago_ms=3 * HOUR_MS)
    young, waiting = kept.add(DONE, ago_ms=HOUR_MS), kept.add(ago_ms=3 * HOUR_MS)
    result = kept("purge", "--older-than", "2h", "--yes")
    assert (result.returncode, result.stdout) == (0, "1 job removed.\n")
    assert kept.numbers() == [waiting.number, young.number]
    assert kept.media() == {young.media, waiting.media}
    assert old.media not in kept.media()


def test_a_purge_takes_the_states_that_are_named_and_never_what_has_not_ended(kept: Kept) -> None:
    done, _, queued = kept.add(DONE).number, kept.add(REJECTED).number, kept.add().number
    assert kept("purge", "--state", "rejected", "--yes").returncode == 0
    assert kept.numbers() == [queued, done]
    assert kept("purge", "--yes").returncode == 0
    assert kept.numbers() == [queued]
    assert kept("purge", "--state", "queued", "--yes").returncode == 2
    assert kept("purge", "--yes").stdout == "There are no such jobs.\n"


def test_a_purge_asks_first(kept: Kept) -> None:
    number = kept.add(DONE).number
    assert kept("purge", given="n\n").returncode == 1
    assert kept.numbers() == [number]
    assert kept("purge", given="y\n").returncode == 0
    assert kept.numbers() == []


def test_a_job_whose_callback_is_on_its_way_is_not_purged(kept: Kept) -> None:
    number = kept.add(DONE, callback=CallbackOrder("http://127.0.0.1/told")).number
    result = kept("purge", "--yes")
    assert "callback" in result.stderr
    assert kept.numbers() == [number]


@pytest.mark.parametrize("age", ["7", "d", "-1d", "7w", "1.5h"])
def test_an_age_that_is_none_is_named(kept: Kept, age: str) -> None:
    result = kept("purge", "--older-than", age)
    assert result.returncode == 2
    assert "7d" in result.stderr


def test_a_store_that_cannot_be_used_is_named(kept: Kept) -> None:
    (kept.folder / "state").write_text("no folder")
    result = kept("list")
    assert result.returncode == 1
    assert "state_dir" in result.stderr
