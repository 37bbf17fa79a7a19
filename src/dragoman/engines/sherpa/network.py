"""A model of sherpa-onnx: what it says of audio, all at once or while it grows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
import numpy.typing as npt

from dragoman.core.errors import EngineNotReady
from dragoman.core.ports import SAMPLE_RATE
from dragoman.engines.sherpa.heard import Heard
from dragoman.engines.sherpa.library import Resources, check_resources, load_library
from dragoman.engines.sherpa.model import Kind, SherpaModel, describe, whisper_code
from dragoman.engines.sherpa.pieces import vocabulary_file
from dragoman.engines.work_thread import WorkThread

Floats = npt.NDArray[np.float32]
T = TypeVar("T")

_FRAME: Final = SAMPLE_RATE // 100
_SHORTEST: Final = SAMPLE_RATE // 2
"""Less is followed by silence: some encoders have no frame at all for a tenth of a second."""
GoOn = Callable[[], None]


class SherpaNetwork:
    """Stateless over requests and shared. All work is done in one thread, so that the model is never given back while
    it is used, and whoever waits for work can leave.

    ``beam``: so many hypotheses are kept by a transducer; 1: greedy, which cannot prefer phrases.
    """

    def __init__(self, folder: Path, resources: Resources | None = None, beam: int = 4) -> None:
        self.folder = folder
        self.resources = resources or Resources()
        self.generation = 0
        """Grows with each reading of the files; streams of an older one are void."""
        self._beam = beam
        self._model: SherpaModel | None = None
        self._recognizer: Any = None
        threads, idle_s = self.resources.threads, self.resources.idle_s
        self._thread = WorkThread("sherpa", self._wake, self._sleep, threads=threads, idle_s=idle_s)

    @property
    def model(self) -> SherpaModel:
        """Raises ``EngineNotReady`` when there is no complete model in the folder."""
        if self._model is None:
            self._model = describe(self.folder, int8=self.resources.prefers_int8)
        return self._model

    @property
    def prefers_phrases(self) -> bool:
        return self._beam > 1 and self.model.is_transducer and self.model.unit is not None

    @property
    def is_loaded(self) -> bool:
        return self._recognizer is not None

    def load(self) -> None:
        """Read the model and use it once. Raises ``EngineNotReady`` with what to do; opens no connection."""
        if self.is_loaded:
            return
        model = self.model
        check_resources(self.resources, [*model.files.values()])
        try:
            self.run(self._warm_up)
        except EngineNotReady:
            raise
        except Exception as error:
            raise EngineNotReady(
                f"the {model.kind} model in {self.folder} cannot be used on {self.resources.device}; if it is damaged "
                f"put it there again: {error}"
            ) from error

    def run(self, work: Callable[[GoOn], T], cancelled: Callable[[], bool] = lambda: False) -> T:
        """As ``WorkThread.run``. A call of the library is a chunk of a streaming model, or all audio of another."""
        return self._thread.run(work, cancelled)

    def give_back(self) -> None:
        """The memory of the model, until there is work."""
        self._thread.sleep()

    def hear(self, audio: Floats, language: str, phrases: str, go_on: GoOn) -> Heard:
        """``phrases`` as ``hot_words`` writes them."""
        if self.model.is_streaming:
            stream = self.open(phrases)
            self.feed(stream, audio)
            self.feed(stream, np.zeros(self.model.flush_frames * _FRAME, np.float32))
            stream.input_finished()
            (heard,) = self.advance([stream], go_on)
            return heard
        self._speak(language)
        stream = self.open(phrases)
        self.feed(stream, np.pad(audio, (0, max(0, _SHORTEST - len(audio)))))
        self._recognizer.decode_stream(stream)
        return _heard(stream.result)

    def open(self, phrases: str) -> Any:
        """A stream that hears nothing yet."""
        return self._recognizer.create_stream(phrases or None)

    def feed(self, stream: Any, audio: Floats) -> None:
        stream.accept_waveform(SAMPLE_RATE, audio)

    def advance(self, streams: Sequence[Any], go_on: GoOn) -> list[Heard]:
        """What is said in all that these streams of a streaming model were fed, less what is not a chunk yet."""
        recognizer = self._recognizer
        while ready := [stream for stream in streams if recognizer.is_ready(stream)]:
            recognizer.decode_streams(ready)
            go_on()
        return [_heard(recognizer.get_result_all(stream)) for stream in streams]

    def _speak(self, language: str) -> None:
        """From here on; of models that know several languages and have to be told."""
        config = self._recognizer.config
        if self.model.kind is Kind.WHISPER:
            told, code = config.model_config.whisper, whisper_code(language)
        elif self.model.kind is Kind.SENSE_VOICE:
            told, code = config.model_config.sense_voice, language
        else:
            return
        if told.language != code:
            told.language = code
            self._recognizer.recognizer.set_config(config)

    def _warm_up(self, go_on: GoOn) -> None:
        """The first calls on a device are slow. It also shows that the files belong together."""
        language = next(iter(self.model.languages), "en")
        noise = np.random.default_rng(0).uniform(-0.1, 0.1, SAMPLE_RATE).astype(np.float32)
        self.hear(noise, language, "", go_on)

    def _wake(self) -> None:
        if self._recognizer is not None:
            return
        model = self._model = describe(self.folder, int8=self.resources.prefers_int8)
        with vocabulary_file(model.pieces if self.prefers_phrases else None) as pieces:
            self._recognizer = self._build(model, pieces)
        self.generation += 1

    def _sleep(self) -> None:
        self._recognizer = None

    def _build(self, model: SherpaModel, pieces: str) -> Any:
        library = load_library()
        named = {part: str(file) for part, file in model.files.items()}
        common = {
            **named,
            "tokens": str(model.tokens),
            "num_threads": self.resources.threads,
            "provider": self.resources.device,
        }
        if model.kind is Kind.SENSE_VOICE:
            return library.OfflineRecognizer.from_sense_voice(**common, use_itn=True)
        if model.kind is Kind.WHISPER:
            return library.OfflineRecognizer.from_whisper(**common, language="en")
        search: dict[str, Any] = {"decoding_method": "greedy_search"}
        if self._beam > 1:
            search = {"decoding_method": "modified_beam_search", "max_active_paths": self._beam}
        if self.prefers_phrases and model.unit is not None:
            search |= {"modeling_unit": model.unit.value, "bpe_vocab": pieces}
        if model.is_streaming:
            # Probabilities as they are, not flattened.
            return library.OnlineRecognizer.from_transducer(
                **common, **search, model_type=model.type, temperature_scale=1.0
            )
        return library.OfflineRecognizer.from_transducer(**common, **search, model_type=model.kind.value)


def _heard(result: Any) -> Heard:
    try:
        tokens = list(result.tokens)
    except UnicodeDecodeError:
        tokens = []  # pieces of letters
    odds = getattr(result, "ys_log_probs", None) or getattr(result, "ys_probs", None) or ()
    return Heard(result.text, tokens, [round(start * 1000) for start in result.timestamps], list(odds))
