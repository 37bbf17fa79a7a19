"""The Whisper network, run by CTranslate2: samples → encoder states → tokens, their probabilities, their times."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
import numpy.typing as npt

from dragoman.core.errors import EngineNotReady
from dragoman.core.ports import SAMPLE_RATE
from dragoman.engines.whisper.folder import language_token, languages_of
from dragoman.engines.work_thread import WorkThread

Floats = npt.NDArray[np.float32]
T = TypeVar("T")

LONGEST_MS: Final = 30_000
_LONGEST: Final = LONGEST_MS * SAMPLE_RATE // 1000
_FRAMES: Final = 3_000
"""Of 10 ms, always: shorter audio is followed by silence, as in the model's training."""
_TOKEN_S: Final = 0.02
_MOST_TOKENS: Final = 224
"""Half of the decoder's context, which is the model's own limit."""
_TOKENS_PER_S: Final = 25
"""No language needs more, counted in pieces of UTF-8 where it has no pieces of its own."""
_BELOW_LOUDEST: Final = 2.0
_SILENCE: Final = -1.5
"""Features of silence: so far below the loudest one, and never lower than this."""
_TRIES: Final = 1_000
_CACHE: Final = "CT2_CUDA_CACHING_ALLOCATOR_CONFIG"
"""Three sizes that are its defaults, and the bytes that are kept when they are free."""
_MEBIBYTE: Final = 2**20

_EXTRA: Final = "Whisper models need another package: pip install 'dragoman[whisper]'"


@dataclass(frozen=True, slots=True)
class Resources:
    """What a model may use. ``compute_type`` as CTranslate2 names them; ``threads`` are those of a processor.

    ``gpu_memory_mb``: a larger model file is not loaded, and no more than what it leaves is kept for the next call;
    CTranslate2 has no limit for what one call takes. ``idle_s``: after so long without work the weights are given back,
    and read again when there is work.
    """

    device: str = "cpu"
    device_index: int = 0
    compute_type: str = "default"
    threads: int = 1
    gpu_memory_mb: int | None = None
    idle_s: float | None = None


@dataclass(frozen=True, slots=True)
class Heard:
    """What the decoder says of one piece of audio. ``mean`` is the log-probability of a token, the end included."""

    tokens: list[int]
    mean: float
    no_speech: float
    complete: bool
    """Whether it came to an end by itself."""


@dataclass(frozen=True, slots=True)
class Placed:
    """Per token its probability, and when it begins, ms; one time more than tokens: the end of the last."""

    probabilities: list[float]
    starts_ms: list[int]


class WhisperNetwork:
    """Stateless over requests and shared. All work is done in one thread, so that the weights are never given back
    while they are used, and whoever waits for work can leave."""

    def __init__(self, folder: Path, resources: Resources | None = None) -> None:
        self.folder = folder
        self.resources = resources or Resources()
        self._languages: tuple[str, ...] = ()
        self._is_ready = False
        self._encoded = lru_cache(maxsize=2)(self._encode_bytes)
        threads, idle_s = self.resources.threads, self.resources.idle_s
        self._thread = WorkThread("whisper", self._wake, self._sleep, threads=threads, idle_s=idle_s)

    @property
    def languages(self) -> tuple[str, ...]:
        """ISO 639-1, English first. Raises ``EngineNotReady`` when there is no complete model in the folder."""
        self._languages = self._languages or languages_of(self.folder)
        return self._languages

    @property
    def is_multilingual(self) -> bool:
        return len(self.languages) > 1

    @property
    def is_loaded(self) -> bool:
        return bool(self._model.model_is_loaded)

    def load(self) -> None:
        """Read the model, once, and use it. Raises ``EngineNotReady`` with what to do; opens no connection."""
        if self._is_ready:
            return
        languages = self.languages
        self._check_memory()
        try:
            import ctranslate2
            import tokenizers
            from faster_whisper.feature_extractor import FeatureExtractor
        except ImportError as error:
            raise EngineNotReady(f"{_EXTRA} ({error})") from error
        self._array = ctranslate2.StorageView.from_array
        self._loaded = _sizes(self.folder)
        try:
            self._model: Any = ctranslate2.models.Whisper(
                str(self.folder),
                device=self.resources.device,
                device_index=self.resources.device_index,
                compute_type=self.resources.compute_type,
                intra_threads=self.resources.threads,
            )
            self._tokenizer: Any = tokenizers.Tokenizer.from_file(str(self.folder / "tokenizer.json"))
            self._features: Any = FeatureExtractor(feature_size=self._model.n_mels)
            self._end = self._special("<|endoftext|>")
            self._begin = [self._special("<|startoftranscript|>")]
            self._plain = self._special("<|notimestamps|>")
            self._tasks = (
                {language: [self._special(language_token(language))] for language in languages}
                if self.is_multilingual
                else {}
            )
            self._transcribe = [self._special("<|transcribe|>")] if self.is_multilingual else []
            self.run(self._warm_up)
        except Exception as error:
            raise EngineNotReady(
                f"the Whisper model in {self.folder} cannot be used on {self.resources.device} with compute type "
                f"{self.resources.compute_type}; if it is damaged put it there again: {error}"
            ) from error
        self._is_ready = True

    def run(self, work: Callable[[Callable[[], None]], T], cancelled: Callable[[], bool] = lambda: False) -> T:
        """As ``WorkThread.run``. A call of the library is the encoder over 30 s of audio, or the decoder over at most
        ``_TOKENS_PER_S`` tokens a second of it.
        """
        return self._thread.run(work, cancelled)

    def give_back(self) -> None:
        """The memory of the weights, until there is work."""
        self._thread.sleep()

    def encode(self, audio: Floats) -> Any:
        """``[n]`` samples, at most 30 s → encoder states, on the device. The last ones are remembered."""
        return self._encoded(audio.tobytes())

    def encode_batch(self, audios: Sequence[Floats]) -> Any:
        return self._model.encode(self._array(np.stack([self._prepared(audio) for audio in audios])))

    def decode(
        self, states: Any, language: str, prefixes: Sequence[Sequence[int]], seconds: float, beams: int
    ) -> list[Heard]:
        """What is said in each audio of a batch behind its prefix; all prefixes have the same length."""
        said = len(prefixes[0])
        limit = min(_MOST_TOKENS, said + 16 + round(seconds * _TOKENS_PER_S))
        prompt = [*self._prompt(language), self._plain]
        results = self._model.generate(
            states,
            [[*prompt, *prefix] for prefix in prefixes],
            beam_size=beams,
            max_length=2 * limit,
            return_scores=True,
            return_no_speech_prob=True,
            suppress_blank=not said,
        )
        return [self._heard(result, limit - said) for result in results]

    def place(self, states: Any, language: str, tokens: Sequence[int], length: int) -> Placed:
        """Of tokens in ``length`` samples."""
        frames = max(2, length * 100 // SAMPLE_RATE)
        (found,) = self._model.align(states, self._prompt(language), [list(tokens)], frames)
        starts = [0] * (len(tokens) + 1)
        seen = -1
        for token, frame in found.alignments:
            if seen < token <= len(tokens):
                starts[seen + 1 : token + 1] = [round(frame * _TOKEN_S * 1000)] * (token - seen)
                seen = token
        return Placed(list(found.text_token_probs), starts)

    def language_shares(self, states: Any) -> dict[str, float]:
        """By Whisper's token of the language; together 1."""
        (found,) = self._model.detect_language(states)
        return dict(found)

    def text(self, tokens: Sequence[int]) -> str:
        return str(self._tokenizer.decode([token for token in tokens if token < self._end]))

    def tokens(self, text: str) -> list[int]:
        return list(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def _prompt(self, language: str) -> list[int]:
        return [*self._begin, *self._tasks.get(language, ()), *self._transcribe]

    def _heard(self, result: Any, limit: int) -> Heard:
        tokens = list(result.sequences_ids[0])
        mean = result.scores[0] * len(tokens) / (len(tokens) + 1)
        return Heard(tokens, mean, result.no_speech_prob, len(tokens) < limit)

    def _prepared(self, audio: Floats) -> Floats:
        """Features ``[mels, 3000]``."""
        audio = np.pad(audio[:_LONGEST], (0, max(0, SAMPLE_RATE // 10 - len(audio))))
        found = self._features(audio)[:, :_FRAMES]
        silence = max(float(found.max()) - _BELOW_LOUDEST, _SILENCE)
        padded = np.pad(found, ((0, 0), (0, _FRAMES - found.shape[1])), constant_values=silence)
        return np.ascontiguousarray(padded, np.float32)

    def _encode_bytes(self, samples: bytes) -> Any:
        return self.encode_batch([np.frombuffer(samples, np.float32)])

    def _special(self, token: str) -> int:
        found = self._tokenizer.token_to_id(token)
        if found is None:
            raise ValueError(f"tokenizer.json has no {token}, it belongs to another model")
        return int(found)

    def _warm_up(self, go_on: Callable[[], None]) -> None:
        """The first calls on a device are slow. It also shows that the files belong together."""
        states = self.encode(np.zeros(SAMPLE_RATE, np.float32))
        (heard,) = self.decode(states, self.languages[0], [()], 0.1, 1)
        self.place(states, self.languages[0], heard.tokens or [0], SAMPLE_RATE)

    def _wake(self) -> None:
        if not self._model.model_is_loaded:
            self._reload()

    def _reload(self) -> None:
        """Raises ``EngineNotReady`` when the folder no longer holds what was loaded from it."""
        try:
            is_same = _sizes(self.folder) == self._loaded
            if is_same:
                self._model.load_model()
        except (OSError, RuntimeError) as error:
            raise EngineNotReady(f"the Whisper model in {self.folder} can no longer be read: {error}") from error
        if not is_same:
            raise EngineNotReady(f"the Whisper model in {self.folder} was replaced; start the server again to use it")

    def _sleep(self) -> None:
        self._encoded.cache_clear()
        for _ in range(_TRIES):
            self._model.unload_model()
            if not self._model.model_is_loaded:
                return
            time.sleep(0.001)  # the library is still leaving the last call, and does nothing until it has

    def _check_memory(self) -> None:
        limit_mb = self.resources.gpu_memory_mb
        if limit_mb is None or self.resources.device == "cpu":
            return
        weights_mb = (self.folder / "model.bin").stat().st_size // _MEBIBYTE
        if weights_mb >= limit_mb:
            raise EngineNotReady(
                f"the weights in {self.folder} take {weights_mb} MiB, more than the {limit_mb} MiB that gpu_memory_mb "
                "allows; take a smaller model, one converted to int8, or allow more"
            )
        os.environ.setdefault(_CACHE, f"4,3,12,{(limit_mb - weights_mb) * _MEBIBYTE}")


def _sizes(folder: Path) -> list[int]:
    """Of what must be the same when the weights are read again: with other sizes it is another model."""
    return [(folder / name).stat().st_size for name in ("model.bin", "config.json", "tokenizer.json")]
