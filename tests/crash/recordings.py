"""What the clients send, and what is right to answer: the words that a server says of it which nobody kills."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from pathlib import Path

import httpx

from noise import noise_file

_SECONDS = (0.4, 1.0, 2.5, 6.0)
_EACH = 6


@dataclass(frozen=True, slots=True)
class Recording:
    """``words`` as letters and digits only; ``None``: it is no audio, though it looks like some when it is taken."""

    data: bytes
    words: tuple[str, ...] | None


def words_of(text: str) -> tuple[str, ...]:
    return tuple(re.findall(r"\w+", text.lower()))


def make_files(folder: Path, seed: int) -> list[Path]:
    """Recordings of several lengths. No two sound alike."""
    folder.mkdir()
    lengths = [seconds for seconds in _SECONDS for _ in range(_EACH)]
    return [
        noise_file(folder / f"{number}.wav", [(seconds, 0.5)], seed=seed + number)
        for number, seconds in enumerate(lengths)
    ]


async def listen(client: httpx.AsyncClient, url: str, files: list[Path], seed: int) -> list[Recording]:
    """Ask the server what it hears. A tenth of the result is no audio."""
    recordings = []
    for path in files:
        data = path.read_bytes()
        reply = await client.post(
            f"{url}/v1/audio/transcriptions", data={"model": "whisper-1"}, files={"file": ("speech.wav", data)}
        )
        reply.raise_for_status()
        recordings.append(Recording(data, words_of(reply.json()["text"])))
    broken = random.Random(seed)
    recordings += [
        Recording(b"RIFF\xff\xff\x00\x00WAVE" + broken.randbytes(5_000), None) for _ in range(len(files) // 10)
    ]
    return recordings
