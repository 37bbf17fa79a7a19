"""The recordings beside the repository and what is known of them: ``manifest.jsonl``, one line each."""

from __future__ import annotations

import json
import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from dragoman.audio.decode import MediaLimits, open_media
from dragoman.core.ports import SAMPLE_RATE
from dragoman.core.request import ChannelSelection

LIMITS = MediaLimits()
FOLDERS = ("read", "accented", "isolated", "telephone", "conversation", "long")
NEARLY_SILENT = ("ami_EN2001b", "ami_EN2001d")
"""Meetings with two words in half a minute: they belong to the test of non-speech."""


@dataclass(frozen=True, slots=True)
class Recording:
    name: str
    """Folder and file."""
    path: Path
    seconds: float
    text: str | None
    is_trusted: bool
    """Whether the text was written by people who heard the whole of it."""

    @property
    def folder(self) -> str:
        return self.name.split("/")[0]

    @property
    def is_scored(self) -> bool:
        return bool(self.text) and self.is_trusted and not self.is_nearly_silent and self.folder in FOLDERS

    @property
    def is_nearly_silent(self) -> bool:
        return any(name in self.name for name in NEARLY_SILENT)

    @property
    def is_non_speech(self) -> bool:
        return self.folder == "nonspeech" or self.is_nearly_silent

    def samples(self) -> npt.NDArray[np.float32]:
        """All of it, one channel at 16 kHz."""
        with open_media(self.path, ChannelSelection(), LIMITS) as media:
            return np.concatenate([block[0] for block in media.blocks()])


def read_manifest(folder: Path) -> list[Recording]:
    """Those that can be decoded, except raw samples without a header. Raises ``FileNotFoundError``."""
    recordings = []
    for line in (folder / "manifest.jsonl").read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        if not entry["decodes"] or entry.get("headerless"):
            continue
        english = entry.get("lang") == "en"
        recordings.append(
            Recording(
                name=entry["file"],
                path=folder / entry["file"],
                seconds=entry["seconds"],
                text=entry["text"] if english else None,
                is_trusted=entry.get("text_quality") == "reference",
            )
        )
    return recordings


def write_wave(path: Path, samples: npt.NDArray[np.float32], rate: int = SAMPLE_RATE) -> None:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, rate, len(samples), "NONE", ""))
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
