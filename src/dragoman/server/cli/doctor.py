"""``dragoman doctor``."""

from __future__ import annotations

import asyncio
import importlib.metadata
import importlib.util
import os
import platform
import re
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from dragoman.core.errors import DragomanError
from dragoman.core.request import RecognitionRequest, TimeDetail
from dragoman.core.transcript import Transcript
from dragoman.server.cli.options import (
    config_option,
    engine_option,
    settings_from,
    with_one_recogniser,
    workers_option,
)

if TYPE_CHECKING:
    from dragoman.server.settings import Settings

SELF_TEST_PACKAGE: Final = "moonshine_voice"
SELF_TEST_RECORDING: Final = "assets/beckett.wav"
SELF_TEST_WORDS: Final = frozenset({"tried", "failed", "matter", "again", "better"})
"""Said in the recording."""
SERVER_MB: Final = 150
WORKER_MB: Final = 350
SPOOL_MB: Final = 2048
"""Free space below which uploads may fail."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A line of the report. ``remedy`` says what to do; without one all is well."""

    text: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"problem: {self.text}: {self.remedy}" if self.remedy else f"ok: {self.text}"


@click.command(short_help="See whether all is well on this machine.")
@workers_option
@engine_option
@config_option
def doctor(workers: int | None, engine: str | None, config: Path | None) -> int:
    """See whether all is well on this machine: what is installed, whether recognition works, how fast it is.

    Every line is "ok", or "problem" and what to do about it; with a problem the exit status is 1.
    """
    settings = settings_from({"workers": workers}, config=config, engine=engine)
    sound = True
    for check in CHECKS:
        for finding in check(settings):
            click.echo(str(finding))
            sound = sound and not finding.remedy
    return 0 if sound else 1


def _python(settings: Settings) -> Iterator[Finding]:
    text = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"
    yield Finding(text, "" if sys.version_info >= (3, 11) else "install Python 3.11 or newer")


def _machine(settings: Settings) -> Iterator[Finding]:
    text = f"{os.cpu_count()} cores, {settings.worker_count} workers"
    if not hasattr(os, "sysconf"):  # Windows
        yield Finding(text)
        return
    memory_mb = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**20
    affordable = max(1, (memory_mb - SERVER_MB) // WORKER_MB)
    enough = settings.worker_count <= affordable
    yield Finding(f"{text}, {memory_mb} MB of memory", "" if enough else f"use --workers {affordable}")


def _packages(settings: Settings) -> Iterator[Finding]:
    for requirement in importlib.metadata.requires("dragoman") or ():
        needed, _, condition = requirement.partition(";")
        name = re.split(r"[^\w.-]", needed, maxsplit=1)[0]
        try:
            yield Finding(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            if not condition:  # one that only some platforms need may be missing
                yield Finding(f"{name} is not installed", f"run make setup, or pip install '{needed.strip()}'")


def _spool(settings: Settings) -> Iterator[Finding]:
    folder = settings.spool_dir
    try:
        with tempfile.TemporaryFile(dir=folder):
            free_mb = shutil.disk_usage(folder).free // 2**20
    except OSError as error:
        reason = error.strerror or str(error)
        yield Finding(f"no file can be made in {folder} ({reason})", "set spool_dir to a folder that can be written")
        return
    remedy = "" if free_mb >= SPOOL_MB else "free some space, or set spool_dir to a folder on another disk"
    yield Finding(f"uploads wait in {folder}, {free_mb} MB free", remedy)


def _network(settings: Settings) -> Iterator[Finding]:
    from dragoman.server.serve import refuse_address

    if refuse_address(settings):
        remedy = "name them in keys_file, listen on 127.0.0.1, or set insecure"
        yield Finding(f"{settings.host} can be reached from other machines, and there are no keys", remedy)
    where = f"port {settings.port} of {settings.host}"
    try:
        family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
        with socket.socket(family) as server:
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            server.bind((settings.host, settings.port))
    except OSError as error:
        remedy = "stop the program that listens there, or choose another with the settings host and port"
        yield Finding(f"{where} cannot be used ({error.strerror or error})", remedy)
    else:
        yield Finding(f"{where} is free")


def _recognition(settings: Settings) -> Iterator[Finding]:
    """Every profile, on a real recording, in worker processes as the server has them."""
    spec = importlib.util.find_spec(SELF_TEST_PACKAGE)  # found, not imported: importing loads a native library
    if spec is None or spec.origin is None:
        yield Finding("no recording for the self-test", "run make setup, which installs moonshine-voice")
        return
    recording = Path(spec.origin).parent / SELF_TEST_RECORDING
    for name, profile in settings.profiles.items():
        try:
            model, started_s, transcript, took_s = asyncio.run(
                _self_test(with_one_recogniser(settings, name), name, recording)
            )
        except (DragomanError, OSError) as error:
            yield Finding(f"profile {name} does not work", str(error))
            continue
        yield Finding(f"profile {name}: {model}, {settings.worker_count} workers ready in {started_s:.1f} s")
        heard = {word.strip(".,!?").lower() for word in transcript.text.split()}
        missing = sorted(SELF_TEST_WORDS - heard) if profile.is_embedded else []
        speed = transcript.duration_ms / 1000 / took_s
        yield Finding(
            f"profile {name}: {transcript.duration_ms / 1000:.0f} s of speech recognised at {speed:.0f} x real time"
            + (f" without the words {', '.join(missing)}" if missing else ""),
            "install the versions of requirements.lock with make setup" if missing else "",
        )


async def _self_test(settings: Settings, profile: str, recording: Path) -> tuple[str, float, Transcript, float]:
    """Model, seconds until the workers were ready, what was recognised, seconds that took. Raises ``DragomanError``."""
    from dragoman.server.recognisers import build_recognition

    recognition = build_recognition(settings)
    begun = time.perf_counter()
    try:
        await recognition.start()
        ready = time.perf_counter()
        request = RecognitionRequest(time_detail=TimeDetail.WORD, profile=profile)
        transcript = await recognition.transcribe(recording, request)
        done = time.perf_counter()
    finally:
        await recognition.aclose()
    capabilities = recognition.capabilities(profile)
    model = f"{capabilities.model} {capabilities.version} ({', '.join(capabilities.languages)})"
    return model, ready - begun, transcript, done - ready


CHECKS: Final[tuple[Callable[[Settings], Iterator[Finding]], ...]] = (
    _python,
    _machine,
    _packages,
    _spool,
    _network,
    _recognition,
)
"""In the order of the report; each yields its lines."""
