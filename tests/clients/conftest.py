"""A server process for clients that need a real one."""

from __future__ import annotations

import wave
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from command import Dragoman


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
