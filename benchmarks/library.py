"""The ``moonshine-voice`` library's own pipeline over the same model files: what everything is compared with."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import numpy.typing as npt
from moonshine_voice.moonshine_api import ModelArch
from moonshine_voice.transcriber import Transcriber


class Library:
    def __init__(self) -> None:
        spec = importlib.util.find_spec("moonshine_voice")
        assert spec is not None
        self._transcriber = Transcriber(str(Path(str(spec.origin)).parent / "assets" / "tiny-en"), ModelArch.TINY)

    def recognise(self, samples: npt.NDArray[np.float32]) -> str:
        transcript = self._transcriber.transcribe_without_streaming(samples.tolist(), 16_000)
        return " ".join(line.text for line in transcript.lines)

    def close(self) -> None:
        self._transcriber.close()
