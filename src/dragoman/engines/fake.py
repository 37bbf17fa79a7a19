"""A recogniser that needs no model: for tests, and for trying an integration against a server that starts at once.

It takes all audio for speech, in segments of at most five seconds, and says the texts of a script, or one of the
phrases that the request prefers, or words that depend on nothing but the first samples. While audio grows its drafts
grow towards that. A script can also make it slow, or make it fail on loud audio, in all the ways a real recogniser can.
"""

from __future__ import annotations

import os
import signal
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec import Meta

from dragoman.core.capabilities import Capabilities
from dragoman.core.errors import Cancelled, EngineNotReady
from dragoman.core.ports import SAMPLE_RATE, AudioTag, Hypothesis, HypothesisWord, Samples, Utterance
from dragoman.core.request import DictionaryWord, RecognitionRequest
from dragoman.core.speakers import Change, Diarization
from dragoman.core.transcript import Turn
from dragoman.engines.even_times import share_out
from dragoman.engines.placing import Floats, PlacingAligner

_FRAME: Final = 512
_TENTH: Final = SAMPLE_RATE // 10
_VOICES: Final = 4
_POLL_S: Final = 0.02
_WORDS_PER_S: Final = 2.5
_SHORTEST_MS: Final = 200
"""Audio shorter than this has no words; so much of it decides which words."""
_DRAFT_SHARE: Final = 0.1
_DRAFT_BATCH: Final = 64
_SILENCE: Final = 0.001
"""Nor has audio whose peak is below this."""
_VOCABULARY: Final = (
    *("alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "india", "juliett", "kilo", "lima"),
    *("mike", "november", "oscar", "papa", "quebec", "romeo", "sierra", "tango", "uniform", "victor", "whiskey"),
)


class Mishap(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What happens when a segment's peak is above ``above`` (0 to 1).

    ``crash`` kills the process, ``error`` raises, ``hang`` waits for ever and hears no cancellation. With a ``tally``,
    a file that counts, it happens ``times`` times only, in whatever process.
    """

    above: float
    kind: Literal["crash", "error", "hang"]
    times: Annotated[int, Meta(gt=0)] = 1
    tally: str | None = None

    def is_due(self, peak: float) -> bool:
        if peak <= self.above:
            return False
        if self.tally is None:
            return True
        with open(self.tally, "ab") as tally:
            tally.write(b".")
            return tally.tell() <= self.times


class Script(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a ``FakeEngine`` does."""

    texts: tuple[str, ...] = ()
    """What segments say; the samples choose which. Without texts, words in proportion to the length."""
    seconds_per_second: Annotated[float, Meta(ge=0)] = 0.0
    """Time taken for a second of audio. A batch of drafts takes a tenth of what its longest audio would."""
    languages: Annotated[tuple[str, ...], Meta(min_length=1)] = ("en",)
    phrases: bool = True
    """Whether it claims to prefer phrases."""
    identifies: bool = False
    """Whether languages can be told apart: the louder, the later in ``languages``."""
    diarizes: bool = True
    """Whether speakers can be told apart: by how loud they are."""
    sounds: tuple[str, ...] = ()
    """What may be heard besides speech: the louder, the later; none: no audio events can be found."""
    confidence: Annotated[float, Meta(gt=0, le=1)] = 0.9
    """How sure it is of every word."""
    mishaps: tuple[Mishap, ...] = ()


def read_script(path: Path) -> Script:
    """A script from a JSON file. Raises ``EngineNotReady`` when it cannot be used."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Script)
    except (OSError, msgspec.MsgspecError) as error:
        raise EngineNotReady(f"cannot use the script of the fake engine, {path}: {error}") from error


class FakeEngine:
    def __init__(self, script: Script | None = None) -> None:
        self._script = script or Script()

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            model="fake",
            version="1",
            languages=self._script.languages,
            phrases=self._script.phrases,
            max_segment_ms=5_000,
            draft_batch=_DRAFT_BATCH,
        )

    def load(self) -> None:
        """There is nothing to load."""

    def recognise(self, samples: Samples, request: RecognitionRequest, cancelled: Callable[[], bool]) -> Hypothesis:
        audio: npt.NDArray[np.float32] = np.frombuffer(samples, np.float32)
        peak = self._meet(audio)
        _pass_time(len(audio) / SAMPLE_RATE * self._script.seconds_per_second, cancelled)
        return self._hear(audio, peak, request, is_whole=True)

    def open_utterance(self, request: RecognitionRequest) -> FakeUtterance:
        return FakeUtterance(request)

    def draft(self, batch: Sequence[tuple[Utterance, Samples]]) -> list[Hypothesis]:
        hypotheses = []
        longest_s = 0.0
        for utterance, samples in batch:
            assert isinstance(utterance, FakeUtterance)
            audio = np.frombuffer(samples, np.float32)
            longest_s = max(longest_s, len(audio) / SAMPLE_RATE)
            hypotheses.append(self._hear(audio, self._meet(audio), utterance.request, is_whole=False))
        _pass_time(longest_s * self._script.seconds_per_second * _DRAFT_SHARE, lambda: False)
        return hypotheses

    def _meet(self, audio: npt.NDArray[np.float32]) -> float:
        """The peak, once every mishap that it brings about has happened."""
        peak = float(max(audio.max(initial=0.0), -audio.min(initial=0.0)))
        for mishap in self._script.mishaps:
            if mishap.is_due(peak):
                _happen(mishap, peak)
        return peak

    def _hear(
        self, audio: npt.NDArray[np.float32], peak: float, request: RecognitionRequest, *, is_whole: bool
    ) -> Hypothesis:
        duration_s = len(audio) / SAMPLE_RATE
        if duration_s * 1000 < _SHORTEST_MS or peak < _SILENCE:
            return Hypothesis()
        phrases = tuple(phrase.text.replace("$", "") for phrase in request.vocabulary.phrases)
        seed = zlib.crc32(audio[: _SHORTEST_MS * SAMPLE_RATE // 1000].data)
        count = max(1, round(duration_s * _WORDS_PER_S))
        if texts := self._script.texts or phrases:
            words = texts[seed % len(texts)].split()
            words = words if is_whole else words[:count]
        else:
            words = [_VOCABULARY[(seed >> position % 27) % len(_VOCABULARY)] for position in range(count)]
            words[0] = words[0].capitalize()
            words[-1] += "." if is_whole else ""
        sure = self._script.confidence
        return Hypothesis(tuple(HypothesisWord(word, sure) for word in words), confidence=sure)


@dataclass(frozen=True, slots=True)
class FakeUtterance:
    request: RecognitionRequest

    def settle(self, words: int) -> None:
        """No draft ever takes a word back."""


def _happen(mishap: Mishap, peak: float) -> None:
    match mishap.kind:
        case "crash":
            os.kill(os.getpid(), signal.SIGKILL)
        case "error":
            raise RuntimeError(f"a peak of {peak}")
        case "hang":
            while True:
                time.sleep(1)


def _pass_time(seconds: float, cancelled: Callable[[], bool]) -> None:
    end = time.monotonic() + seconds
    while True:
        if cancelled():
            raise Cancelled
        left = end - time.monotonic()
        if left <= 0:
            return
        time.sleep(min(_POLL_S, left))


class EvenAligner(PlacingAligner):
    """Shares a segment among its words by their length, and a word among its characters evenly."""

    def places(self, audio: Floats, words: Sequence[str]) -> list[tuple[int, int]]:
        return list(pairwise(share_out(words, len(audio) * 1000 // SAMPLE_RATE)))


class LoudnessIdentifier:
    """Hears no language: audio whose peak is in the n-th part of the scale is in the n-th language."""

    def __init__(self, languages: tuple[str, ...]) -> None:
        self.languages = languages

    def load(self) -> None:
        """There is nothing to load."""

    def identify(self, samples: Samples, among: Sequence[str]) -> tuple[float, ...]:
        peak = float(np.abs(np.frombuffer(samples, np.float32)).max(initial=0.0))
        place = min(int(peak * len(self.languages)), len(self.languages) - 1)
        weights = [1 / (1 + abs(self.languages.index(language) - place)) ** 3 for language in among]
        return tuple(weight / sum(weights) for weight in weights)


class LoudnessDiarizer:
    """Hears no voices: everyone speaks at a loudness of their own, and silence is nobody."""

    def load(self) -> None:
        """There is nothing to load."""

    def open(self, remembered: bytes = b"") -> LoudnessStream:
        return LoudnessStream(remembered)


class LoudnessStream:
    """The scale of the peaks has ``_VOICES`` parts, each of them a person. A second is heard at a time."""

    def __init__(self, remembered: bytes = b"") -> None:
        self._unheard = np.empty(0, np.float32)
        self._peaks: list[float] = []
        """Of each tenth of a second."""
        self._numbers = {part: number for number, part in enumerate(remembered)}

    def feed(self, samples: Samples) -> None:
        self._unheard = np.concatenate([self._unheard, np.frombuffer(samples, np.float32)])

    def hear(self, to_ms: int = 0) -> bool:
        whole = min(len(self._unheard), SAMPLE_RATE) // _TENTH * _TENTH
        self._peaks += np.abs(self._unheard[:whole].reshape(-1, _TENTH)).max(axis=1, initial=0.0).tolist()
        self._unheard = self._unheard[whole:]
        return whole > 0

    def so_far(self, speakers: int = 0, *, since_ms: int = 0) -> Diarization:
        most = speakers or _VOICES
        turns = []
        at = 0
        for part, run in groupby(self._peaks, lambda peak: min(int(peak * _VOICES), _VOICES - 1) if peak else None):
            start, at = at, at + len(list(run))
            if part is not None:
                number = self._numbers.setdefault(part, len(self._numbers))
                turns.append(Turn(100 * start, 100 * at, min(number, most - 1)))
        jumps = [abs(one - other) for one, other in pairwise(self._peaks)]
        changes = tuple(Change(100 * place, jump) for place, jump in enumerate(jumps, 1) if jump)
        heard = tuple(turn for turn in turns if turn.end_ms > since_ms)
        return Diarization(heard, changes, heard)

    def forget(self, before_ms: int) -> None:
        """A tenth of a second is a number; they are kept."""

    def remembered(self) -> bytes:
        return bytes(self._numbers)


class LoudnessTagger:
    """Hears no sounds: audio whose peak is in the n-th part of the scale is the n-th sound, and silence is none."""

    def __init__(self, sounds: tuple[str, ...]) -> None:
        self._sounds = sounds

    def load(self) -> None:
        """There is nothing to load."""

    def tag(self, samples: Samples) -> tuple[AudioTag, ...]:
        peak = float(np.abs(np.frombuffer(samples, np.float32)).max(initial=0.0))
        if peak < _SILENCE:
            return ()
        place = min(int(peak * len(self._sounds)), len(self._sounds) - 1)
        shares = ((label, 0.9 / (1 + 4 * abs(number - place))) for number, label in enumerate(self._sounds))
        return tuple(AudioTag(label, share) for label, share in sorted(shares, key=lambda each: -each[1]))


class SpellingMatcher:
    """Knows no sounds: a recognised word that is a word's ``sounds_like`` to the letter is replaced by that word."""

    def load(self) -> None:
        """There is nothing to load."""

    def match(
        self, samples: Samples, words: Sequence[HypothesisWord], dictionary: Sequence[DictionaryWord]
    ) -> tuple[HypothesisWord, ...]:
        meant = {spelt: entry.display or entry.spelling for entry in dictionary for spelt in entry.sounds_like}
        return tuple(HypothesisWord(meant.get(word.text, word.text), word.confidence) for word in words)


class AllSpeech:
    """Voice activity that finds speech everywhere."""

    def load(self) -> None:
        """There is nothing to load."""

    def open(self) -> AllSpeechStream:
        return AllSpeechStream()


class AllSpeechStream:
    def __init__(self) -> None:
        self._waiting = 0

    def feed(self, samples: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        frames, self._waiting = divmod(self._waiting + len(samples), _FRAME)
        return np.ones(frames, np.float32)
