"""Laws of a worker process, from outside: started, talked to and killed as the server would."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dragoman.core.events import Finished, Opened
from dragoman.core.request import RecognitionRequest
from dragoman.service import worker_protocol as protocol
from noise import LOUD, QUIET, noise_file

pytestmark = pytest.mark.realtime

COMMAND = (sys.executable, "-m", "dragoman.server.worker_main")
REQUEST = RecognitionRequest(language="en")
SECRET = "the patient said so"


def sound(peak: float, seconds: float = 6) -> bytes:
    samples = np.random.default_rng(1).uniform(-1, 1, round(seconds * 8_000))
    return (peak * 32767 * samples).astype("<i2").tobytes()


SOUND, LOUD_SOUND = sound(QUIET), sound(LOUD)


class Worker:
    """The server's side of the pipes."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self.process = process
        self._orders, self._reports = process.stdin, process.stdout

    def configure(self, **settings: Any) -> None:
        profiles = {"default": {"engine": "fake"}, "accurate": {"engine": "fake"}}
        self._orders.write(protocol.frame(json.dumps({"profiles": profiles, **settings}).encode()))
        self._orders.flush()

    def send(self, *orders: protocol.Order) -> None:
        self._orders.write(b"".join(map(protocol.encode, orders)))
        self._orders.flush()

    def start(self, task: int, media: Path, **more: Any) -> None:
        self.send(protocol.Start(task, str(media), REQUEST, **more), protocol.Hold(task, False))

    def report(self) -> protocol.Report | None:
        body = protocol.read_frame(self._reports)
        return None if body is None else protocol.decode_report(body)

    def reports_of(self, task: int) -> list[protocol.FileReport]:
        """Until the file is finished or failed; those of other files are dropped."""
        reports: list[protocol.FileReport] = []
        while not reports or not isinstance(reports[-1], protocol.FileFinished | protocol.FileFailed):
            report = self.report()
            assert report is not None, "the worker died"
            if isinstance(report, protocol.FileReport) and report.task == task:
                reports.append(report)
        return reports


@contextmanager
def worker(script: Path | None = None, ready: bool = True, **settings: Any) -> Iterator[Worker]:
    environment = {**os.environ, **({"DRAGOMAN_FAKE_SCRIPT": str(script)} if script else {})}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(COMMAND, env=environment, **pipes) as process:
        try:
            worker = Worker(process)
            worker.configure(**settings)
            if ready:
                assert isinstance(worker.report(), protocol.Ready)
            yield worker
        finally:
            process.kill()


@pytest.fixture
def script(tmp_path: Path) -> Any:
    def write(**content: Any) -> Path:
        file = tmp_path / "script.json"
        file.write_text(json.dumps(content))
        return file

    return write


@pytest.fixture
def speech(tmp_path: Path) -> Path:
    return noise_file(tmp_path / "speech.wav", [(20, QUIET)])


def test_every_profile_is_ready_with_its_capabilities() -> None:
    with worker(ready=False) as it:
        report = it.report()
        assert isinstance(report, protocol.Ready)
        assert set(report.capabilities) == {"default", "accurate"}
        assert report.capabilities["default"].languages == ("en",)


def test_a_file_from_opened_to_finished(speech: Path) -> None:
    with worker() as it:
        it.start(7, speech)
        reports = it.reports_of(7)
    assert reports[0] == protocol.FileOpened(7, Opened(20_000, (0,)))
    assert reports[-1] == protocol.FileFinished(7, Finished(20_000, "en", "fake"))
    indexes = [report.index for report in reports if isinstance(report, protocol.SegmentDone)]
    assert indexes == list(range(len(indexes)))
    assert len(indexes) >= 4


def test_only_the_share_that_is_not_known_is_recognised(speech: Path) -> None:
    with worker() as it:
        it.start(1, speech, shard=protocol.Shard(1, 2), done=(3,))
        indexes = [r.index for r in it.reports_of(1) if isinstance(r, protocol.SegmentDone)]
    assert indexes == [index for index in range(1, 100, 2) if index != 3][: len(indexes)]
    assert indexes


def test_a_share_may_become_smaller_while_it_is_at_it(speech: Path, script: Any) -> None:
    with worker(script(seconds_per_second=0.05)) as it:
        it.start(1, speech)
        it.send(protocol.Share(1, protocol.Shard(0, 2)))
        indexes = [r.index for r in it.reports_of(1) if isinstance(r, protocol.SegmentDone)]
    assert all(index % 2 == 0 for index in indexes)


def test_files_take_turns(speech: Path, script: Any) -> None:
    with worker(script(seconds_per_second=0.01)) as it:
        it.start(1, speech)
        it.start(2, speech)
        while it.report() != protocol.FileOpened(2, Opened(20_000, (0,))):
            pass
        done = {1: 0, 2: 0}
        while sum(done.values()) < 6:
            report = it.report()
            if isinstance(report, protocol.SegmentDone):
                done[report.task] += 1
                assert abs(done[1] - done[2]) <= 1


def test_a_held_file_waits_and_goes_on(speech: Path) -> None:
    with worker() as it:
        it.send(protocol.Start(1, str(speech), REQUEST))
        it.start(2, speech)
        it.reports_of(2)
        it.send(protocol.Hold(1, False))
        assert isinstance(it.reports_of(1)[-1], protocol.FileFinished)


def test_cancelling_is_answered_at_once_whatever_the_file_is_at(speech: Path, script: Any) -> None:
    with worker(script(seconds_per_second=1)) as it:
        for task in (1, 2, 3):
            it.start(task, speech)
        it.report()
        for task in (1, 2, 3):
            began = time.monotonic()
            it.send(protocol.Cancel(task))
            failed = it.reports_of(task)[-1]
            assert isinstance(failed, protocol.FileFailed)
            assert failed.code == "cancelled"
            assert time.monotonic() - began < 0.5
        it.send(protocol.Cancel(1), protocol.Cancel(99))
        it.start(4, speech)
        it.send(protocol.Cancel(4))
        assert it.reports_of(4)


def test_an_exception_ends_its_file_alone_and_the_log_says_where_but_not_what(tmp_path: Path, script: Any) -> None:
    loud = noise_file(tmp_path / "loud.wav", [(3, LOUD)])
    quiet = noise_file(tmp_path / "quiet.wav", [(3, QUIET)])
    with worker(script(texts=[SECRET], mishaps=[{"above": 0.5, "kind": "error"}])) as it:
        it.start(1, loud)
        failed = it.reports_of(1)[-1]
        it.start(2, quiet)
        assert isinstance(it.reports_of(2)[-1], protocol.FileFinished)
        it.process.kill()
        log = it.process.stderr.read().decode()
    assert isinstance(failed, protocol.FileFailed)
    assert failed.code == "internal_error"
    assert "RuntimeError" in log
    assert "fake.py" in log
    assert "a peak of 0." not in log + failed.message
    assert SECRET not in log


# Live streams


def stream_reports(it: Worker, task: int) -> Iterator[protocol.StreamReport]:
    """Until the stream has finished."""
    while True:
        report = it.report()
        assert report is not None, "the worker died"
        if isinstance(report, protocol.Streams):
            assert not report.failed
            for each in report.reports:
                if each.task == task:
                    yield each
                    if each.events and isinstance(each.events[-1], protocol.StreamFinished):
                        return


def test_a_live_stream_while_files_are_recognised(speech: Path, script: Any) -> None:
    with worker(script(seconds_per_second=0.05)) as it:
        it.start(1, speech)
        it.start(2, speech)
        it.send(protocol.OpenStream(3, REQUEST, 8_000), protocol.Audio(3, SOUND), protocol.EndStream(3))
        reports = list(stream_reports(it, 3))
        assert [report.taken for report in reports] == sorted(report.taken for report in reports)
        assert reports[-1].taken == reports[-1].channels[0].settled == len(SOUND) // 2
        assert reports[-1].consumed == reports[-1].place.offset == len(SOUND)
        kinds = [type(event) for report in reports for event in report.events]
        assert kinds.count(protocol.StreamStarted) == kinds.count(protocol.StreamEnded) > 0
        assert kinds.count(protocol.StreamFinal) > 0
        assert isinstance(it.reports_of(1)[-1], protocol.FileFinished)


def test_it_says_for_whom_it_computes_before_it_does(script: Any, tmp_path: Path) -> None:
    with worker(script(mishaps=[{"above": 0.5, "kind": "crash"}])) as it:
        for task in (1, 2):
            it.send(protocol.OpenStream(task, REQUEST, 8_000), protocol.Audio(task, SOUND[:16_000]))
        it.send(protocol.OpenStream(3, REQUEST, 8_000, suspect=True), protocol.Audio(3, LOUD_SOUND))
        reports = []
        while (report := it.report()) is not None:
            reports.append(report)
        stepping = [report.tasks for report in reports if isinstance(report, protocol.Stepping)]
        assert stepping[-1] == (3,)
        assert {task for tasks in stepping for task in tasks} == {1, 2, 3}


def test_a_replacement_takes_its_predecessors_word_for_what_it_can_serve(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(protocol.STREAM_CAPACITY, "7")
    with worker(ready=False) as it:
        report = it.report()
        assert isinstance(report, protocol.Ready)
        assert report.streams == 7


def test_streams_that_are_cancelled_are_gone(script: Any) -> None:
    with worker(script(seconds_per_second=10)) as it:
        for task in range(1, 6):
            it.send(protocol.OpenStream(task, REQUEST, 16_000), protocol.Audio(task, SOUND), protocol.EndStream(task))
            it.send(protocol.Cancel(task), protocol.Audio(task, SOUND), protocol.Cancel(task))
        it.send(protocol.OpenStream(6, REQUEST, 8_000), protocol.EndStream(6))
        while not (isinstance(report := it.report(), protocol.Streams) and report.open == 0):
            assert report is not None


def test_an_engine_that_cannot_be_loaded_is_reported(script: Any) -> None:
    with worker(script(surprise=True), ready=False) as it:
        report = it.report()
        assert isinstance(report, protocol.NotReady)
        assert "script.json" in report.message
        assert it.process.wait(5) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_that_reach_the_whole_group_are_left_to_the_server(speech: Path, number: signal.Signals) -> None:
    with worker() as it:
        it.process.send_signal(number)
        it.start(1, speech)
        assert isinstance(it.reports_of(1)[-1], protocol.FileFinished)


def test_the_end_of_the_orders_ends_the_process_in_the_middle_of_its_work(speech: Path, script: Any) -> None:
    with worker(script(seconds_per_second=10)) as it:
        it.start(1, speech)
        it.report()
        it.process.stdin.close()
        assert it.process.wait(1) == 0


def test_native_libraries_can_print_without_harm(speech: Path) -> None:
    """The standard streams of the process lead nowhere, except for Python's own log."""
    with worker() as it:
        assert {os.readlink(f"/proc/{it.process.pid}/fd/{number}") for number in (0, 1, 2)} == {os.devnull}


def test_memory_is_limited_and_no_core_is_dumped() -> None:
    with worker(worker_memory_mb=2000) as it:
        limits = Path(f"/proc/{it.process.pid}/limits").read_text()
    assert [line.split()[3] for line in limits.splitlines() if line.startswith("Max address space")] == [
        str(2000 * 2**20)
    ]
    assert [line.split()[4] for line in limits.splitlines() if line.startswith("Max core file size")] == ["0"]


def test_only_what_is_configured_is_loaded() -> None:
    with worker() as it:
        maps = Path(f"/proc/{it.process.pid}/maps").read_text()
    assert "onnxruntime" not in maps
    assert "pocketsphinx" not in maps


SERVER = """
    import asyncio, sys
    from dragoman.server.recognisers import build_pool
    from dragoman.server.settings import load_settings

    async def main():
        pool = build_pool(load_settings({"workers": 2, "profiles": {"default": {"engine": "fake"},
                                                                    "accurate": {"engine": "fake"}}}, environ={}))
        await pool.start()
        print(*pool.pids, flush=True)
        await asyncio.sleep(60)

    asyncio.run(main())
"""


def test_workers_do_not_outlive_a_killed_server() -> None:
    with subprocess.Popen((sys.executable, "-c", textwrap.dedent(SERVER)), stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        pids = [int(pid) for pid in server.stdout.readline().split()]
        assert len(pids) == 2
        server.kill()
    deadline = time.monotonic() + 5
    while left := [pid for pid in pids if is_running(pid)]:
        assert time.monotonic() < deadline, f"{left} outlived the server"
        time.sleep(0.02)


def is_running(pid: int) -> bool:
    """A process that ended but that nobody waited for is not running."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
