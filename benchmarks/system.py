"""The whole server: how soon it is ready, its memory, what HTTP costs, what a second worker brings.

Real processes, the real recogniser, real recordings. Nothing else should run on the machine meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.metadata
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import httpx
import numpy as np

from benchmarks.accuracy import transcribe
from benchmarks.recordings import Recording, read_manifest, write_wave
from dragoman.core.request import RecognitionRequest, TimeDetail
from dragoman.server.profiles import build_transcriber
from dragoman.server.recognisers import build_recognition
from dragoman.server.settings import Settings

_MINUTES = 10
_ROUNDS = 3
_START_LIMIT_S = 60


def measure(audio: Path, say: Callable[[str], None] = print) -> dict[str, object]:
    recordings = {recording.name: recording for recording in read_manifest(audio)}
    long = recordings["long/long_reading.flac"]
    short = [recording.path for recording in recordings.values() if recording.folder == "accented"]
    with tempfile.TemporaryDirectory() as folder:
        cut = _cut(long, Path(folder, "ten_minutes.wav"))
        say("  start and memory")
        ready_s, memory = _start_and_memory(cut.path)
        say("  ten minutes of audio through HTTP and through the engine alone")
        http = _http_cost(cut)
    say("  one worker and two")
    scaling = asyncio.run(_scaling(short, long.path))
    return {
        "ready_s": ready_s,
        "memory_mb": memory,
        "http": http,
        "workers": scaling,
        "installed_mb": round(installed_mb(Path(__file__).parent.parent / "requirements.lock"), 1),
    }


def _cut(recording: Recording, path: Path) -> Recording:
    samples = recording.samples()[: _MINUTES * 60 * 16_000]
    write_wave(path, samples)
    return replace(recording, path=path)


@contextlib.contextmanager
def running_server(*flags: str, environment: Mapping[str, str] | None = None) -> Iterator[tuple[str, int, float]]:
    """Address, process id, and the seconds from start until it said it was ready."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    dragoman = Path(sys.executable).with_name("dragoman")
    command = [str(dragoman), "serve", f"--port={port}", *flags]
    start = time.monotonic()
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, **(environment or {})}
    )
    address = f"http://127.0.0.1:{port}"
    try:
        while True:
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"{address}/readyz", timeout=10).status_code == 200:
                    break
            if time.monotonic() - start > _START_LIMIT_S or process.poll() is not None:
                raise RuntimeError("the server did not become ready")
            time.sleep(0.02)
        yield address, process.pid, time.monotonic() - start
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def descendants(pid: int) -> list[int]:
    """All processes below this one (Linux)."""
    pids = [pid]
    for parent in pids:
        pids += [int(child) for child in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]
    return pids[1:]


def _post(address: str, path: Path) -> str:
    with path.open("rb") as file:
        answer = httpx.post(
            f"{address}/v1/audio/transcriptions",
            files={"file": (path.name, file)},
            data={
                "model": "whisper-1",
                "response_format": "verbose_json",
                "timestamp_granularities[]": "word",
            },
            timeout=600,
        )
    answer.raise_for_status()
    text: str = answer.json()["text"]
    return text


def _start_and_memory(path: Path) -> tuple[list[float], dict[str, float]]:
    times = []
    for _ in range(_ROUNDS):
        with running_server("--workers=1") as (address, pid, ready_s):
            times.append(round(ready_s, 2))
            if len(times) == _ROUNDS:
                idle = _proportional_mb(pid)
                _post(address, path)
                return times, {"ready": idle, "after_ten_minutes_of_audio": _proportional_mb(pid)}
    raise AssertionError


def _proportional_mb(pid: int) -> float:
    """Memory of a process and all below it; shared pages counted once (Linux: PSS)."""
    total = 0
    for each in (pid, *descendants(pid)):
        found = re.search(r"^Pss:\s+(\d+) kB", Path(f"/proc/{each}/smaps_rollup").read_text(), re.MULTILINE)
        assert found is not None
        total += int(found[1])
    return round(total / 1024, 1)


def _http_cost(recording: Recording) -> dict[str, object]:
    """Word times included, one worker; the two ways in turn."""
    transcriber = build_transcriber(Settings())
    alone, through = [], []
    with running_server("--workers=1") as (address, _, _):
        for _ in range(_ROUNDS):
            start = time.monotonic()
            expected = transcribe(transcriber, recording.path, "default", TimeDetail.WORD).text
            alone.append(time.monotonic() - start)
            start = time.monotonic()
            text = _post(address, recording.path)
            through.append(time.monotonic() - start)
            assert text.split() == expected.split(), "HTTP and the engine alone must say the same"
    ratios = [b / a for a, b in zip(alone, through, strict=True)]
    return {
        "engine_s": [round(value, 2) for value in alone],
        "http_s": [round(value, 2) for value in through],
        "ratio_median": round(float(np.median(ratios)), 3),
    }


async def _scaling(short: Sequence[Path], long: Path) -> dict[str, object]:
    """The same work by one worker and by two: many short files at once, and one long one."""
    walls: dict[tuple[str, int], list[float]] = {}
    for _ in range(_ROUNDS):
        for workers in (1, 2):
            recognition = build_recognition(Settings(workers=workers, max_concurrent_files=len(short)))
            await recognition.start()
            try:
                start = time.monotonic()
                await asyncio.gather(*(recognition.transcribe(path, RecognitionRequest()) for path in short))
                walls.setdefault(("short", workers), []).append(time.monotonic() - start)
                start = time.monotonic()
                await recognition.transcribe(long, RecognitionRequest())
                walls.setdefault(("long", workers), []).append(time.monotonic() - start)
            finally:
                await recognition.aclose()
    return {
        kind: {
            "one_worker_s": [round(wall, 2) for wall in walls[kind, 1]],
            "two_workers_s": [round(wall, 2) for wall in walls[kind, 2]],
            "ratio_median": round(
                float(np.median([a / b for a, b in zip(walls[kind, 1], walls[kind, 2], strict=True)])), 3
            ),
        }
        for kind in ("short", "long")
    }


def installed_mb(lock: Path) -> float:
    """Size on disk of the packages that the lock names, byte code included."""
    names = re.findall(r"^([A-Za-z0-9._-]+)==", lock.read_text(), re.MULTILINE)
    paths: set[Path] = set()
    for name in names:
        try:
            distribution = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # for another platform
        for file in distribution.files or ():
            path = Path(str(distribution.locate_file(file)))
            paths.add(path)
            paths.update(path.parent.glob(f"__pycache__/{path.stem}.*.pyc"))
    return sum(path.stat().st_size for path in paths if path.is_file()) / 1e6


def machine() -> dict[str, object]:
    model = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    return {"cores": os.cpu_count(), "processor": model[1] if model else "unknown", "python": sys.version.split()[0]}
