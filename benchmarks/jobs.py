"""Jobs: how fast they are accepted, asked for, listed and begun, what a long upload costs, and who waits for whom.

A real server process with the recogniser that costs nothing, or as much as it is told. Nothing else should run on the
machine meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import re
import statistics
import tempfile
import wave
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.jobs_client import Client, Form, address_of, now, poll, submit_all, until_ended, zeros
from benchmarks.jobs_store import FINISHED, PATTERNS, addresses, multiply, store_times
from benchmarks.streams_results import spread
from benchmarks.streams_wire import processor_s
from benchmarks.system import running_server

_DIALECTS: Final = ("speechmatics_v1", "phonexia_4")
_ACCEPTED: Final = 500
_ROUNDS: Final = 3
_CONNECTIONS: Final = 8
_POLLS: Final = 1_000
_POLLS_A_SECOND: Final = 100.0
_UPLOAD_BYTES: Final = 1 << 30
_RATE: Final = 8_000
_BUSY_JOBS: Final = 5
_SPEED: Final = {"seconds_per_second": 0.02}
_KEYS: Final = {"busy": "a-secret-of-the-busy-one", "other": "a-secret-of-the-other-one"}
_NO_LIMITS: Final = {"DRAGOMAN_RATE_LIMIT": "none"}


def measure(say: Callable[[str], None] = print) -> dict[str, object]:
    outcome: dict[str, object] = {}
    say(f"  {_ACCEPTED} small files over {_CONNECTIONS} connections, {_ROUNDS} times")
    with _server() as (address, pid, _):
        outcome["accepting"] = asyncio.run(_accepting(address, pid))
    say("  one upload of 1 GB")
    with _server() as (address, pid, _):
        outcome["upload"] = asyncio.run(_upload(address, pid))
    say(f"  a store with few jobs, and with {FINISHED} that are done")
    with tempfile.TemporaryDirectory() as folder:
        few, many = (f"sqlite:///{Path(folder, name)}" for name in ("few.sqlite3", "many.sqlite3"))
        for url, finished in ((few, PATTERNS), (many, FINISHED)):
            with _server(DRAGOMAN_DATABASE_URL=url) as (address, _, _):
                asyncio.run(
                    _do(address, [Form.of(_DIALECTS[number % 2], _recording(60)) for number in range(PATTERNS)])
                )
            asyncio.run(multiply(url, finished))
        outcome["store_ms"] = asyncio.run(store_times({"few": few, "many": many}))
        outcome["polls"] = _polls(many)
    say("  ten-minute jobs of one key, a one-minute job of another")
    outcome["fairness"] = _fairness()
    return outcome


@contextlib.contextmanager
def _server(script: object = None, **environment: str) -> Iterator[tuple[str, int, Path]]:
    """A server with one worker of the fake recogniser and a state of its own: address, process, folder."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings = {"DRAGOMAN_STATE_DIR": str(folder / "state"), "DRAGOMAN_SPOOL_DIR": name, **_NO_LIMITS}
        if script is not None:
            (folder / "script.json").write_text(json.dumps(script))
            settings["DRAGOMAN_FAKE_SCRIPT"] = str(folder / "script.json")
        with running_server("--engine=fake", "--workers=1", environment=settings | environment) as (address, pid, _):
            yield address, pid, folder


async def _accepting(address: str, pid: int) -> dict[str, object]:
    small = _recording(0.5)
    forms = [Form.of(_DIALECTS[number % 2], small) for number in range(_ACCEPTED)]
    before_s = processor_s(pid)
    rounds = [await _do(address, forms) for _ in range(_ROUNDS)]
    processor_ms = 1000 * (processor_s(pid) - before_s) / (_ROUNDS * _ACCEPTED)
    a_second = [round(_ACCEPTED / accepted_s, 1) for accepted_s, _, _ in rounds]
    return {
        "jobs": _ACCEPTED,
        "bytes_each": len(small),
        "connections": _CONNECTIONS,
        "accepted_a_second": a_second,
        "accepted_a_second_median": statistics.median(a_second),
        "done_a_second": [round(_ACCEPTED / done_s, 1) for _, done_s, _ in rounds],
        "latency_ms": spread([1000 * value for _, _, took_s in rounds for value in took_s], 1),
        "server_processor_ms_a_job": round(processor_ms, 1),
    }


async def _do(address: str, forms: Sequence[Form]) -> tuple[float, float, list[float]]:
    """The seconds until all were accepted, until all were done, and until each was accepted."""
    began = now()
    jobs, took_s = await submit_all(address, forms, _CONNECTIONS)
    accepted_s = now() - began
    async with Client(address).connection() as connection:
        for path in jobs:
            await until_ended(connection, path)
    return accepted_s, now() - began, took_s


async def _upload(address: str, pid: int) -> dict[str, object]:
    async with Client(address).connection() as connection:
        await connection.submit(Form.of(_DIALECTS[0], _recording(0.5)))  # what is loaded once is loaded
        before = _peak_mb(pid, afresh=True)
        began = now()
        status, reply = await connection.submit(Form(_DIALECTS[0], _UPLOAD_BYTES, lambda: zeros(_UPLOAD_BYTES)))
        took_s = now() - began
        if status != 200:
            raise RuntimeError(f"not accepted: {status} {reply[:200]!r}")
        after = _peak_mb(pid)
        await until_ended(connection, address_of(reply))
    return {"bytes": _UPLOAD_BYTES, "took_s": round(took_s, 1), "more_mb": round(after - before, 1)}


def _polls(url: str) -> dict[str, object]:
    jobs = asyncio.run(addresses(url, random.Random(1), _POLLS))
    with _server(DRAGOMAN_DATABASE_URL=url) as (address, pid, _):
        before_s = processor_s(pid)
        rounds = [asyncio.run(poll(address, jobs, _POLLS_A_SECOND, _CONNECTIONS)) for _ in range(_ROUNDS)]
        processor_ms = 1000 * (processor_s(pid) - before_s) / (_ROUNDS * _POLLS)
    latencies_ms = [spread([1000 * value for value in took_s], 1) for took_s in rounds]
    return {
        "a_second": _POLLS_A_SECOND,
        "latency_ms": latencies_ms,
        "p95_ms_median": statistics.median(each["p95"] for each in latencies_ms),
        "server_processor_ms_a_poll": round(processor_ms, 2),
    }


def _fairness() -> dict[str, object]:
    with tempfile.TemporaryDirectory() as name:
        keys = Path(name, "keys")
        keys.write_text("".join(f"{key} {secret}\n" for key, secret in _KEYS.items()))
        keys.chmod(0o600)
        with _server(_SPEED, DRAGOMAN_KEYS_FILE=str(keys)) as (address, _, _):
            return asyncio.run(_waiting(address))


async def _waiting(address: str) -> dict[str, object]:
    busy, other = (Client(address, key) for key in _KEYS.values())
    long, short = (Form.of(_DIALECTS[0], _recording(minutes * 60)) for minutes in (10, 1))
    long_s = [await _took_s(busy, long) for _ in range(2)]
    short_s = [await _took_s(other, short) for _ in range(2)]
    many = [asyncio.create_task(_took_s(busy, long)) for _ in range(_BUSY_JOBS)]
    await asyncio.sleep(min(long_s) / 2)  # the first of them runs
    waited_s = [await _took_s(other, short) for _ in range(_BUSY_JOBS - 2)]
    await asyncio.gather(*many)
    return {
        "ten_minutes_alone_s": [round(value, 2) for value in long_s],
        "one_minute_alone_s": [round(value, 2) for value in short_s],
        "one_minute_beside_a_busy_key_s": [round(value, 2) for value in waited_s],
        "running_jobs_waited_for": round((max(waited_s) - statistics.mean(short_s)) / statistics.mean(long_s), 2),
    }


async def _took_s(client: Client, form: Form) -> float:
    """From handing a job in to its end."""
    async with client.connection() as connection:
        began = now()
        _, reply = await connection.submit(form)
        return await until_ended(connection, address_of(reply)) - began


def _recording(seconds: float) -> bytes:
    samples = np.random.default_rng(0).normal(0, 3000, round(seconds * _RATE))
    with tempfile.TemporaryFile() as file:
        with wave.open(file, "wb") as recording:
            recording.setparams((1, 2, _RATE, len(samples), "NONE", ""))
            recording.writeframes(np.clip(samples, -32768, 32767).astype("<i2").tobytes())
        file.seek(0)
        return file.read()


def _peak_mb(pid: int, *, afresh: bool = False) -> float:
    """The most that was resident, from the start or from the last time it was counted afresh."""
    if afresh:
        Path(f"/proc/{pid}/clear_refs").write_text("5")
    found = re.search(r"^VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1]) / 1024
