"""Live streams through Amazon's own package for Python over TLS, every signature verified: how soon words come, and
what many streams cost the server.

A real server process; the client is this one. Nothing else should run meanwhile.
"""

from __future__ import annotations

import asyncio
import os
import socket
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from amazon_transcribe.auth import StaticCredentialResolver
from amazon_transcribe.client import TranscribeStreamingClient
from amazon_transcribe.endpoints import StaticEndpointResolver
from amazon_transcribe.model import Result

from benchmarks.scoring import WordErrors, normal
from benchmarks.streams_audio import SpokenStream, build_streams
from benchmarks.streams_results import Spoken, Timeliness, Utterance, spread
from benchmarks.streams_wire import now, processor_s
from benchmarks.system import descendants, running_server

SPOKEN = (1, 6)
"""Streams of speech at once."""
MANY = 100
"""Of the recogniser that costs nothing, each on a connection of its own."""
_MANY_RATE = 16_000
_MANY_S = 20
_RAMP_S = 6
_PIECE_MS = 100
_ACCESS_KEY, _SECRET = "AKIDBENCHMARK", "the-secret-of-the-benchmark"
_ROOM = {"DRAGOMAN_MAX_CONCURRENT_STREAMS": str(MANY)}


@dataclass(slots=True)
class Seen:
    """By the client of one stream. Seconds since its audio began."""

    began: float = 0.0
    results: list[tuple[float, Result]] = field(default_factory=list)
    lags_s: list[float] = field(default_factory=list)
    """How late the client itself was with each piece."""

    def utterances(self) -> list[Utterance]:
        """Those that came to something, in the order of their finals."""
        partials: dict[str, list[tuple[float, Spoken]]] = {}
        utterances = []
        for at, result in self.results:
            words = [item for item in result.alternatives[0].items if item.item_type == "pronunciation"]
            if not words:
                continue
            texts = tuple(normal(result.alternatives[0].transcript))
            spoken = Spoken(texts, words[0].start_time, words[-1].end_time, not result.is_partial)
            if result.is_partial:
                partials.setdefault(result.result_id, []).append((at, spoken))
            else:
                utterances.append(Utterance(at, spoken, partials.pop(result.result_id, [])))
        return utterances


def measure(audio: Path, say: Callable[[str], None] = print) -> dict[str, object]:
    outcome: dict[str, object] = {}
    with tempfile.TemporaryDirectory() as name, _server({}) as (url, pid):
        streams = build_streams(audio, Path(name), max(SPOKEN))
        for count in SPOKEN:
            say(f"  {count} of speech at once, the real recogniser")
            outcome[f"{count} streams"] = _speech(url, pid, streams[:count])
    say(f"  {MANY} at once, a recogniser that costs nothing")
    with _server(_ROOM, "--engine=fake") as (url, pid):
        outcome["many"] = asyncio.run(_many(url, pid))
    return outcome


@contextmanager
def _server(environment: Mapping[str, str], *flags: str) -> Iterator[tuple[str, int]]:
    """The address of a server with a key, which its clients trust, and its process."""
    with tempfile.TemporaryDirectory() as name, socket.socket() as free:
        folder = Path(name)
        keys = folder / "keys"
        keys.touch(0o600)
        keys.write_text(f"{_ACCESS_KEY} {_SECRET}\n")
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        flags = ("--tls=auto", f"--tls-port={port}", f"--keys-file={keys}", *flags)
        with running_server(*flags, environment={"DRAGOMAN_STATE_DIR": name, **environment}) as (_, pid, _):
            os.environ["SSL_CERT_FILE"] = str(folder / "tls" / "authority.pem")
            try:
                yield f"https://localhost:{port}", pid
            finally:
                del os.environ["SSL_CERT_FILE"]


@asynccontextmanager
async def _client(url: str) -> AsyncIterator[TranscribeStreamingClient]:
    """As users make it, but for the address."""
    client = TranscribeStreamingClient(
        region="eu-central-1",
        endpoint_resolver=StaticEndpointResolver(url),
        credential_resolver=StaticCredentialResolver(_ACCESS_KEY, _SECRET),
    )
    yield client
    for connection in client._session_manager._connections.values():  # the package itself leaves them open
        await asyncio.wrap_future(connection.close())


async def _play(url: str, rate: int, pcm: bytes, seen: Seen, stop: asyncio.Event | None = None) -> None:
    """To its end, or until ``stop``: each piece is sent when its last sample would have been recorded."""
    async with _client(url) as client:
        stream = await client.start_stream_transcription(
            language_code="en-US", media_sample_rate_hz=rate, media_encoding="pcm"
        )
        seen.began = now()

        async def send() -> None:
            size = 2 * rate * _PIECE_MS // 1000
            for number, at in enumerate(range(0, len(pcm), size), 1):
                due = seen.began + number * _PIECE_MS / 1000
                await asyncio.sleep(due - now())
                if stop is not None and stop.is_set():
                    break
                seen.lags_s.append(now() - due)
                await stream.input_stream.send_audio_event(audio_chunk=pcm[at : at + size])
            await stream.input_stream.end_stream()

        sending = asyncio.create_task(send(), name="audio")
        async for event in stream.output_stream:
            at = now() - seen.began
            seen.results += [(at, result) for result in event.transcript.results]
        await sending


def _speech(url: str, pid: int, streams: Sequence[SpokenStream]) -> dict[str, object]:
    pids = [pid, *descendants(pid)]
    before = [processor_s(each) for each in pids]
    played = asyncio.run(_play_all(url, streams))
    server_s, *workers_s = (processor_s(each) - earlier for each, earlier in zip(pids, before, strict=True))
    timeliness, errors = Timeliness(), WordErrors()
    for stream, seen in zip(streams, played, strict=True):
        utterances = seen.utterances()
        timeliness.add_utterances(utterances)
        errors.add(stream.text, " ".join(word for utterance in utterances for word in utterance.final.words))
    audio_s = sum(stream.seconds for stream in streams)
    return {
        "audio_s": round(audio_s, 1),
        **timeliness.figures(),
        "word_error_rate_percent": round(errors.rate, 2),
        "processor_s_per_audio_s": {
            "server": round(server_s / audio_s, 4),
            "workers": round(sum(workers_s) / audio_s, 4),
        },
        "client_lag_s": spread([lag for seen in played for lag in seen.lags_s], 4),
    }


async def _play_all(url: str, streams: Sequence[SpokenStream]) -> list[Seen]:
    played = [Seen() for _ in streams]

    async def play(number: int, stream: SpokenStream) -> None:
        await asyncio.sleep(number * _PIECE_MS / 1000 / len(streams))
        await _play(url, stream.rate, stream.pcm(), played[number])

    await asyncio.gather(*(play(number, stream) for number, stream in enumerate(streams)))
    return played


async def _many(url: str, pid: int) -> dict[str, object]:
    noise = np.random.default_rng(0).normal(0, 3000, (_RAMP_S + _MANY_S + 30) * _MANY_RATE)
    pcm = np.clip(noise, -32768, 32767).astype("<i2").tobytes()
    stop, played = asyncio.Event(), [Seen() for _ in range(MANY)]
    playing = []
    for seen in played:
        playing.append(asyncio.create_task(_play(url, _MANY_RATE, pcm, seen, stop), name="stream"))
        await asyncio.sleep(_RAMP_S / MANY)
    pids = [pid, *descendants(pid)]
    start, own = now(), time.process_time()
    before = [processor_s(each) for each in pids]
    sent, heard = sum(len(seen.lags_s) for seen in played), sum(len(seen.results) for seen in played)
    await asyncio.sleep(_MANY_S)
    wall_s = now() - start
    server, *workers = ((processor_s(each) - earlier) / wall_s for each, earlier in zip(pids, before, strict=True))
    sent, heard = sum(len(seen.lags_s) for seen in played) - sent, sum(len(seen.results) for seen in played) - heard
    own_share = (time.process_time() - own) / wall_s
    stop.set()
    await asyncio.gather(*playing)
    return {
        "streams": MANY,
        "audio_s_a_second": round(sent * _PIECE_MS / 1000 / wall_s, 1),
        "results_a_second_and_stream": round(heard / wall_s / MANY, 2),
        "processor_share": {
            "server": round(server, 3),
            "workers": round(sum(workers), 3),
            "client": round(own_share, 3),
        },
        "client_lag_s": spread([lag for seen in played for lag in seen.lags_s], 4),
    }
