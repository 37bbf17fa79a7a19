"""Models that are installed beside the package: what they are for, and the files they consist of."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class ModelTask(StrEnum):
    RECOGNITION = "recognition"
    LANGUAGE_IDENTIFICATION = "language_identification"
    AUDIO_TAGGING = "audio_tagging"
    DIARIZATION = "diarization"


class ModelEngine(StrEnum):
    """Which library runs the model."""

    MOONSHINE = "moonshine"
    WHISPER = "whisper"
    SHERPA = "sherpa"


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A file of a model, by its path below the model's folder, with ``/`` on every system."""

    path: str
    size: int
    """Bytes."""
    sha256: str
    """64 digits in lower case."""
    url: str | None = None
    """Where it can be fetched; ``None`` for a model that came from a folder."""


@dataclass(frozen=True, slots=True)
class Model:
    """A model as a catalogue or the manifest beside its files describes it."""

    name: str
    task: ModelTask
    engine: ModelEngine
    files: tuple[ModelFile, ...]
    languages: tuple[str, ...] = ()
    """ISO 639-1; none where the task has nothing to do with languages."""
    kind: str = ""
    """What the engine has to know to load the files, where it knows several kinds: its own word."""
    licence: str = ""
    source: str = ""
    """The page that describes the model."""

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(file.size for file in self.files)


@dataclass(frozen=True, slots=True)
class InstalledModel:
    model: Model
    folder: Path
    """Holds the files under their paths."""
