"""Which language is spoken, by a Whisper model as sherpa-onnx has them: by what the decoder takes for its first token.

sherpa-onnx's own class names the likeliest of all languages, and nothing else. Neither its probability can be had, nor
which of a few languages it is. So the two files are run here, with onnxruntime, which needs no other package.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from dragoman.core.errors import EngineNotReady
from dragoman.core.ports import Samples
from dragoman.engines.sherpa.folder import check_metadata, find_part, number, numbers, read_part, words
from dragoman.engines.sherpa.log_mel import log_mel
from dragoman.engines.whisper.folder import iso_language

_NEEDED: Final = {
    "is_multilingual": number,
    "n_mels": number,
    "n_text_layer": number,
    "n_text_ctx": number,
    "n_text_state": number,
    "sot": number,
    "all_language_tokens": numbers,
    "all_language_codes": words,
}


@dataclass(frozen=True, slots=True)
class _Description:
    """What the encoder's file says of the model. ``tokens``: by language, ISO 639-1; ``past``: the shape of what the
    decoder remembers."""

    encoder: Path
    decoder: Path
    bands: int
    start: int
    tokens: dict[str, int]
    past: tuple[int, int, int, int]


class SherpaIdentifier:
    """The ``LanguageIdentifier`` of a folder with an encoder and a decoder. Hears at most the first 30 seconds.

    The files are described by their metadata; they are read when first needed.
    """

    def __init__(self, folder: Path, threads: int = 1) -> None:
        self._folder = folder
        self._threads = threads
        self._description: _Description | None = None
        self._encoder: Any = None
        self._decoder: Any = None

    @property
    def languages(self) -> tuple[str, ...]:
        """Raises ``EngineNotReady`` with what to do where the folder is not such a model."""
        return tuple(self._describe().tokens)

    def load(self) -> None:
        described = self._describe()
        if self._encoder is None:
            self._decoder = self._session(described.decoder)
            self._encoder = self._session(described.encoder)

    def identify(self, samples: Samples, among: Sequence[str]) -> tuple[float, ...]:
        self.load()
        described = self._describe()
        try:
            logits = self._first_logits(samples, described)
        except Exception as error:  # onnxruntime has no common class for its own
            raise EngineNotReady(f"the files of the model in {self._folder} do not fit together: {error}") from error
        wanted = logits[[described.tokens[language] for language in among]].astype(np.float64)
        shares = np.exp(wanted - wanted.max())
        return tuple((shares / shares.sum()).tolist())

    def _first_logits(self, samples: Samples, described: _Description) -> Any:
        mel = log_mel(np.frombuffer(samples, np.float32), described.bands)
        heard = self._encoder.run(None, {self._encoder.get_inputs()[0].name: mel[None]})
        nothing = np.zeros(described.past, np.float32)
        start, offset = np.array([[described.start]], np.int64), np.zeros(1, np.int64)
        names = (each.name for each in self._decoder.get_inputs())
        inputs = dict(zip(names, (start, nothing, nothing, *heard[:2], offset), strict=True))
        return self._decoder.run([self._decoder.get_outputs()[0].name], inputs)[0][0, -1]

    def _describe(self) -> _Description:
        if self._description is None:
            self._description = _describe(self._folder)
        return self._description

    def _session(self, file: Path) -> Any:
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.intra_op_num_threads = self._threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 4
        try:
            return ort.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime has no common class for its own
            raise EngineNotReady(f"{file} cannot be loaded, put the model there again: {error}") from error


def _describe(folder: Path) -> _Description:
    """Raises ``EngineNotReady``."""
    encoder, decoder = (find_part(folder, part, int8=True) for part in ("encoder", "decoder"))
    if encoder is None or decoder is None:
        missing = "encoder" if encoder is None else "decoder"
        raise EngineNotReady(f"the model in {folder} has no {missing}; a Whisper model has an encoder and a decoder")
    found = read_part(encoder).metadata
    read_part(decoder)
    check_metadata(encoder, found, _NEEDED)
    if not number(found["is_multilingual"]):
        raise EngineNotReady(f"the Whisper model in {folder} knows English alone; take one that knows more languages")
    tokens = numbers(found["all_language_tokens"])
    codes = [iso_language(code) for code in words(found["all_language_codes"])]
    if len(codes) != len(tokens):
        raise EngineNotReady(f"{encoder} names {len(codes)} languages and {len(tokens)} tokens of them")
    return _Description(
        encoder,
        decoder,
        bands=number(found["n_mels"]),
        start=number(found["sot"]),
        tokens={code: token for code, token in zip(codes, tokens, strict=True) if code is not None},
        past=(number(found["n_text_layer"]), 1, number(found["n_text_ctx"]), number(found["n_text_state"])),
    )
