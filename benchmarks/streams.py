"""Live streams over Phonexia's WebSocket and HTTP: how soon words come, how many streams at once, and what rude clients
leave behind.

A real server process; the client is another (``streams_client``). With the real recogniser the streams are speech of
``streams_audio``; with the one that costs nothing what is left is the server. Nothing else should run meanwhile.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import numpy as np

from benchmarks import streams_stability
from benchmarks.scoring import WordErrors
from benchmarks.streams_audio import SpokenStream, build_streams
from benchmarks.streams_results import Timeliness, spread, text_of
from benchmarks.system import descendants, running_server

SPOKEN = (1, 6, 12)
"""Streams of speech at once."""
STABILITY = 6
MANY = 500
_MANY_RATE = 8_000
_MANY_S = 25
_RAMP_S = 6
_RUDE = 200
_RUDE_ROUNDS = 50
_CLIENT_LIMIT_S = 300
_SURE = {"confidence": 0.99}
"""A script by which every word is shown as soon as it is heard, so that the last one tells how far a result reaches."""
_STREAMS = "Speech To Text Input Stream"
_ROOM = {"DRAGOMAN_MAX_CONNECTIONS": "4000", "DRAGOMAN_MAX_UPLOADS": "4000", "DRAGOMAN_MAX_CONCURRENT_STREAMS": "1200"}
_SHORT_LIVED = {"DRAGOMAN_PHONEXIA_STREAM_TIMEOUT_S": "1", "DRAGOMAN_PHONEXIA_RESULTS_KEPT_S": "1"}


def measure(audio: Path, say: Callable[[str], None] = print) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        say("  speech, the real recogniser")
        streams = build_streams(audio, folder, max(SPOKEN))
        spoken = _speech(streams, folder, say)
        say("    what is stable")
        spoken["stability"] = streams_stability.measure(streams[:STABILITY])
        noise = folder / "noise.raw"
        noise.write_bytes(_noise(_RAMP_S + _MANY_S + 30))
        script = folder / "script.json"
        script.write_text(json.dumps(_SURE))
        many = {}
        for transport in ("websocket", "http"):
            say(f"  {MANY} streams by {transport}, a recogniser that costs nothing")
            many[transport] = _many(transport, noise, script)
    say(f"  {_RUDE} streams dropped rudely, {_RUDE_ROUNDS} times")
    return {"speech": spoken, "many": many, "rude": _rude()}


def _speech(streams: Sequence[SpokenStream], folder: Path, say: Callable[[str], None]) -> dict[str, object]:
    outcome: dict[str, object] = {}
    with running_server() as (address, pid, ready_s):
        capacity = _capacity(address)
        outcome |= {"ready_s": round(ready_s, 2), "capacity": capacity, "refusal": _refused(address, pid, capacity)}
        files = [_file_text(address, stream) for stream in streams]
        for count in SPOKEN:
            served = min(count, capacity)
            say(f"    {served} at once" + (f"; {count} are refused" if served < count else ""))
            outcome[f"{count} streams"] = _spoken(address, pid, streams[:served], files, folder)
    return outcome


def _spoken(
    address: str, pid: int, streams: Sequence[SpokenStream], files: Sequence[str], folder: Path
) -> dict[str, object]:
    described = []
    for number, stream in enumerate(streams):
        path = folder / f"{number}.raw"
        path.write_bytes(stream.pcm())
        described.append({"rate": stream.rate, "pcm": str(path)})
    seen = _client(address, pid, {"task": "speech", "streams": described})
    timeliness = Timeliness()
    live, file = WordErrors(), WordErrors()
    for stream, messages, from_file in zip(streams, seen["messages"], files, strict=False):
        timeliness.add((at, text) for at, text in messages)
        live.add(stream.text, text_of(messages[-1][1]))
        file.add(stream.text, from_file)
    audio_s = sum(stream.seconds for stream in streams)
    server_s, *workers_s = seen["processor_s"]
    return {
        "served": len(streams),
        "audio_s": round(audio_s, 1),
        **timeliness.figures(),
        "partial_words": timeliness.partial_words,
        "partial_words_wrong_percent": round(
            100 * timeliness.partial_words_wrong / max(1, timeliness.partial_words), 2
        ),
        "word_error_rate_percent": {"live": round(live.rate, 2), "file": round(file.rate, 2)},
        "word_error_ratio": round(live.rate / max(file.rate, 0.01), 3),
        "processor_s_per_audio_s": {
            "server": round(server_s / audio_s, 4),
            "workers": round(sum(workers_s) / audio_s, 4),
        },
        "streams_not_ended": seen["unclosed"],
        "pieces_held_back": seen["held_back"],
        "client_lag_s": spread(seen["client_lags_s"], 4),
    }


def _many(transport: str, noise: Path, script: Path) -> dict[str, object]:
    task = {"task": "many", "transport": transport, "streams": MANY, "seconds": _MANY_S, "ramp_s": _RAMP_S}
    environment = {**_ROOM, "DRAGOMAN_FAKE_SCRIPT": str(script)}
    with running_server("--engine=fake", environment=environment) as (address, pid, _):
        seen = _client(address, pid, {**task, "rate": _MANY_RATE, "pcm": str(noise)})
    server_kb, *workers_kb = (peak - idle for idle, peak in zip(seen["idle_kb"], seen["peak_kb"], strict=True))
    server_share, *worker_shares = seen["processor_share"]
    return {
        "streams": MANY,
        "opened_s": round(seen["opened_s"], 1),
        "latency_ms": _ms(seen["latencies_s"]),
        "results_a_second_and_stream": round(seen["results_a_second"], 2),
        "results_before_their_audio": seen["early"],
        "memory_kb_a_stream": {
            "server": round(server_kb / MANY, 1),
            "workers": round(sum(workers_kb) / MANY, 1),
        },
        "processor_share": {
            "server": round(server_share, 3),
            "workers": round(sum(worker_shares), 3),
            "client": round(seen["client_processor_share"], 3),
        },
        "pieces_held_back": seen["held_back"],
        "dropped": seen["dropped"],
        "not_ended": seen["unclosed"],
        "client_lag_ms": _ms(seen["client_lags_s"]),
    }


def _rude() -> dict[str, object]:
    task = {"task": "rude", "streams": _RUDE, "rounds": _RUDE_ROUNDS}
    with running_server("--engine=fake", "--workers=1", environment=_ROOM | _SHORT_LIVED) as (address, pid, _):
        return _client(address, pid, task)


def _client(address: str, pid: int, task: Mapping[str, object]) -> dict[str, Any]:
    url = urlsplit(address)
    whole = {**task, "host": url.hostname, "port": url.port, "pids": [pid, *descendants(pid)]}
    ran = subprocess.run(
        [sys.executable, "-m", "benchmarks.streams_client"],
        input=json.dumps(whole),
        stdout=subprocess.PIPE,
        text=True,
        timeout=_CLIENT_LIMIT_S,
        check=True,
    )
    seen: dict[str, Any] = json.loads(ran.stdout)
    return seen


def _capacity(address: str) -> int:
    technologies = httpx.get(f"{address}/api/v1/technologies").raise_for_status().json()["result"]["technologies"]
    return sum(m["n_total_instancies"] for each in technologies if each["name"] == _STREAMS for m in each["models"])


def _refused(address: str, pid: int, capacity: int) -> dict[str, object]:
    seen = _client(address, pid, {"task": "refusal", "streams": capacity})
    time.sleep(1)  # the streams that were opened for it are over
    return {"waited_ms": round(seen["waited_s"] * 1000, 1), "status": seen["status"], "said": seen["said"]}


def _file_text(address: str, stream: SpokenStream) -> str:
    with stream.path.open("rb") as file:
        answer = httpx.post(f"{address}/api/v1/stt/file", files={"file": ("stream.wav", file)}, timeout=300)
    return text_of(answer.raise_for_status().text)


def _noise(seconds: int) -> bytes:
    samples = np.random.default_rng(0).normal(0, 3000, seconds * _MANY_RATE)
    return np.clip(samples, -32768, 32767).astype("<i2").tobytes()


def _ms(values_s: Sequence[float]) -> dict[str, float]:
    return spread([1000 * value for value in values_s], 1)
