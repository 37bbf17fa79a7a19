"""What is heard besides speech, by a model that sherpa-onnx has for tagging audio: Zipformer or CED."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from dragoman.core.errors import EngineNotReady
from dragoman.core.ports import SAMPLE_RATE, AudioTag, Samples
from dragoman.engines.sherpa.folder import find_part, find_text, read_part
from dragoman.engines.sherpa.library import load_library

_LABELS: Final = "class_labels_indices.csv"
_SHORTEST: Final = SAMPLE_RATE
"""Samples. Fewer are filled up with silence: the networks need some frames."""
_SPEECH: Final = frozenset(
    {
        *("Speech", "Male speech, man speaking", "Female speech, woman speaking", "Child speech, kid speaking"),
        *("Conversation", "Narration, monologue", "Babbling", "Speech synthesizer", "Whispering"),
        *("Hubbub, speech noise, speech babble", "Chatter"),
    }
)
"""What AudioSet, from which these models learnt, calls speech."""
_NO_EVENTS: Final = frozenset(
    {
        *("Silence", "Noise", "Environmental noise", "White noise", "Pink noise", "Static", "Mains hum"),
        *("Inside, small room", "Inside, large room or hall", "Inside, public space", "Reverberation", "Echo"),
        *("Outside, urban or manmade", "Outside, rural or natural", "Field recording", "Sound effect"),
        *("Distortion", "Sidetone", "Cacophony", "Throbbing", "Vibration", "Television", "Radio"),
    }
)
"""What says where or how something was recorded, and not that something happened."""


@dataclass(frozen=True, slots=True)
class _Description:
    """A Zipformer is told how long the audio is, a CED is not: so they are known. ``count``: of the labels."""

    model: Path
    labels: Path
    count: int
    is_ced: bool


class SherpaTagger:
    """The ``AudioTagger`` of a folder with a model and the file ``class_labels_indices.csv``."""

    def __init__(self, folder: Path, threads: int = 1) -> None:
        self._folder = folder
        self._threads = threads
        self._model: Any = None
        self._count = 0

    def check(self) -> None:
        """Whether all that ``load`` needs is there, without reading the model. Raises ``EngineNotReady`` with what to
        do."""
        self._describe()
        load_library()

    def load(self) -> None:
        if self._model is not None:
            return
        described = self._describe()
        library = load_library()
        model = str(described.model)
        config = library.AudioTaggingModelConfig(
            zipformer=library.OfflineZipformerAudioTaggingModelConfig(model="" if described.is_ced else model),
            ced=model if described.is_ced else "",
            num_threads=self._threads,
            provider="cpu",
        )
        try:
            self._model = library.AudioTagging(library.AudioTaggingConfig(model=config, labels=str(described.labels)))
        except Exception as error:
            raise EngineNotReady(f"{model} cannot be loaded, put the model there again: {error}") from error
        self._count = described.count

    def tag(self, samples: Samples) -> tuple[AudioTag, ...]:
        self.load()
        audio = np.frombuffer(samples, np.float32)
        if not len(audio):
            return ()
        stream = self._model.create_stream()
        stream.accept_waveform(SAMPLE_RATE, np.pad(audio, (0, max(0, _SHORTEST - len(audio)))))
        try:
            heard = self._model.compute(stream, self._count)
        except RuntimeError as error:
            raise EngineNotReady(
                f"the model in {self._folder} is not for audio as sherpa-onnx gives it: {error}"
            ) from error
        return tuple(
            AudioTag(event.name, min(max(event.prob, 0.0), 1.0))
            for event in heard
            if event.name not in _SPEECH and event.name not in _NO_EVENTS
        )

    def _describe(self) -> _Description:
        """Raises ``EngineNotReady``."""
        model, labels = find_part(self._folder, "model", int8=True), find_text(self._folder, _LABELS)
        missing = [name for name, file in (("model.onnx", model), (_LABELS, labels)) if file is None]
        if model is None or labels is None:
            raise EngineNotReady(
                f"the tagging model in {self._folder} is not complete, put there: {', '.join(missing)}"
            )
        found, count = read_part(model), _count_labels(labels)
        classes = found.last_sizes[0] if found.last_sizes else None
        if found.inputs not in (1, 2) or not classes:
            raise EngineNotReady(f"{model} is no model for tagging audio as sherpa-onnx has them, a Zipformer or a CED")
        if classes != count:  # the library would end the process
            raise EngineNotReady(
                f"{labels} has {count} labels, and {model.name} tells {classes} apart; take its own file"
            )
        return _Description(model, labels, count, is_ced=found.inputs == 1)


def _count_labels(file: Path) -> int:
    """Lines of index, id and name in quotes, after a heading: exactly as the library wants them, because it ends the
    process where they are not. Raises ``EngineNotReady``."""
    try:
        _, *lines = file.read_bytes().decode().removesuffix("\n").split("\n")
        for index, line in enumerate(lines):
            if not re.fullmatch(rf'{index},[^,]*,".+"', line):
                raise ValueError(f'line {index + 2} is not of the form {index},ID,"name"')
    except (OSError, ValueError) as error:
        raise EngineNotReady(f"{file} cannot be read, put the model there again: {error}") from error
    if not lines:
        raise EngineNotReady(f"{file} has no labels, put the model there again")
    return len(lines)
