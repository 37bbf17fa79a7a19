"""A server process for clients that need a real one."""

from __future__ import annotations

import wave
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from amazon_server import Served, serving
from command import Dragoman
from recordings import speech


@pytest.fixture(scope="module")
def live_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server with the engine that needs no model, one for a module."""
    folder = tmp_path_factory.mktemp("server")
    dragoman = Dragoman(folder)
    with (
        (folder / "log").open("wb") as log,
        dragoman.start("serve", "--port", "0", "--workers", "1", stderr=log) as process,
    ):
        try:
            assert process.stdout is not None
            printed = ""
            for line in process.stdout:
                printed += line.decode()
                if line.startswith(b"Ready"):
                    break
            yield next(word for word in printed.split() if word.startswith("http://")).split("/")[2].rstrip(".")
        finally:
            process.terminate()
            process.communicate()
    assert dragoman.survivors() == []


@pytest.fixture(scope="session")
def spoken_pcm(sample: Callable[[str], Path]) -> bytes:
    """Three seconds of speech: raw, 16 bits, one channel, 8 kHz."""
    with wave.open(str(sample("two_cities"))) as recording:
        channels, step = recording.getnchannels(), recording.getframerate() // 8_000
        frames = recording.readframes(3 * recording.getframerate())
    frame = 2 * channels
    return b"".join(frames[at : at + 2] for at in range(0, len(frames), frame * step))


@pytest.fixture(scope="module")
def listening_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server with the embedded recogniser, TLS and a key."""
    with serving(tmp_path_factory.mktemp("listening"), "--workers", "1") as served:
        yield served


@pytest.fixture(scope="session")
def two_cities_pcm(sample: Callable[[str], Path]) -> bytes:
    """The first four seconds of speech of ``two_cities``: raw, 16 bits, one channel, 16 kHz."""
    return (speech(sample("two_cities"), 16_000, 4.0) * 32767).astype("<i2").tobytes()
