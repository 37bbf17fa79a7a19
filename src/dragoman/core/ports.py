"""The seams. Only ``server`` knows who stands behind them.

Audio between floors is ``Samples``: one channel, 16 kHz, float32 in -1..1, as a ``memoryview`` of format ``"f"``; numpy
reads and makes it without a copy (``numpy.frombuffer(samples, numpy.float32)``, ``array.data``).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from dragoman.core.capabilities import Capabilities
from dragoman.core.events import RecognitionEvent, SpeechEvent
from dragoman.core.request import AudioEncoding, DictionaryWord, RecognitionRequest, Vocabulary
from dragoman.core.spacing import joined
from dragoman.core.speakers import Diarization
from dragoman.core.transcript import Character

SAMPLE_RATE: Final = 16_000
Samples = memoryview


@dataclass(frozen=True, slots=True)
class HypothesisWord:
    """A word as the model gave it, cased and punctuated, with the calibrated probability that it is right."""

    text: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """What one segment says. No words means that nothing was said."""

    words: tuple[HypothesisWord, ...] = ()
    confidence: float = 1.0

    @property
    def text(self) -> str:
        return joined(word.text for word in self.words)


class Utterance(Protocol):
    """What an engine remembers of a live utterance from one draft to the next."""

    def settle(self, words: int) -> None:
        """All later drafts begin with the first ``words`` words of the last one. Never fewer than settled before."""
        ...


class Engine(Protocol):
    """A model: shared, stateless over requests. The constructor is cheap; ``load`` does the work.

    Implementations hold one suite of contract tests (``tests/contracts/test_engine.py``).
    """

    @property
    def capabilities(self) -> Capabilities: ...

    def load(self) -> None:
        """Read the model. Raises ``EngineNotReady`` with what to do when it is not installed."""
        ...

    def recognise(self, samples: Samples, request: RecognitionRequest, cancelled: Callable[[], bool]) -> Hypothesis:
        """Recognise one segment of speech.

        ``cancelled`` is asked at least every 200 ms of processor time; once it answers true, raises ``Cancelled``.
        """
        ...

    def open_utterance(self, request: RecognitionRequest) -> Utterance:
        """For the drafts of one utterance."""
        ...

    def draft(self, batch: Sequence[tuple[Utterance, Samples]]) -> list[Hypothesis]:
        """What utterances say so far that are still being spoken, quickly; ``recognise`` has the last word.

        Each comes with all its samples from its start, at least as many as the time before.
        """
        ...


@dataclass(frozen=True, slots=True)
class WordTimes:
    """Where a word lies, in milliseconds from the start of the segment."""

    start_ms: int
    end_ms: int
    characters: tuple[Character, ...] = ()


class Aligner(Protocol):
    """Finds where known words lie in audio. Never fails on audio: what cannot be aligned is shared out by length."""

    def load(self) -> None: ...

    def align(
        self,
        samples: Samples,
        words: Sequence[str],
        *,
        characters: bool = False,
        known: Sequence[DictionaryWord] = (),
    ) -> tuple[WordTimes, ...]:
        """One ``WordTimes`` per word, monotonic, not overlapping, inside the segment.

        ``known`` says how words sound that the client knows better.
        """
        ...


class LanguageIdentifier(Protocol):
    """Hears which language is spoken.

    Implementations hold one suite of contract tests (``tests/contracts/test_language_identifier.py``).
    """

    @property
    def languages(self) -> tuple[str, ...]:
        """ISO 639-1."""
        ...

    def load(self) -> None:
        """Raises ``EngineNotReady`` with what to do when the model is not installed."""
        ...

    def identify(self, samples: Samples, among: Sequence[str]) -> tuple[float, ...]:
        """How likely each of these languages is spoken; together 1. The more speech, the surer: three seconds are a
        good measure."""
        ...


class DiarizerStream(Protocol):
    """One channel of a recording, from beginning to end."""

    def feed(self, samples: Samples) -> None:
        """The next samples, any number of them. They are heard later."""
        ...

    def hear(self, to_ms: int = 0) -> bool:
        """Hear a little of what was fed, for 50 ms of a processor or so: all that is long enough ago, and all before
        ``to_ms`` even if nobody knows yet what follows it. Whether there was anything to hear.

        What is remembered of audio that was heard is far smaller than it is."""
        ...

    def so_far(self, speakers: int = 0, *, since_ms: int = 0) -> Diarization:
        """Who speaks in what was heard; at least what ends after ``since_ms``.

        ``speakers``: how many there are, if that is known, else 0. They are numbered from 0 as they begin to speak; a
        later answer keeps the numbers of an earlier one, but may think differently about who said what."""
        ...

    def forget(self, before_ms: int) -> None:
        """Nobody will ask about what ends before."""
        ...

    def remembered(self) -> bytes:
        """What another stream has to know to give the same people the same numbers: some kilobytes."""
        ...


class Diarizer(Protocol):
    """Tells voices apart. Shared by all recordings.

    Implementations hold one suite of contract tests (``tests/contracts/test_diarizer.py``).
    """

    def load(self) -> None:
        """Raises ``EngineNotReady`` with what to do when the models are not installed. May be called again."""
        ...

    def open(self, remembered: bytes = b"") -> DiarizerStream:
        """``remembered`` by a stream before this one. May be called before ``load``; its streams hear nothing then."""
        ...


@dataclass(frozen=True, slots=True)
class AudioTag:
    """Something that is heard, and how likely, 0 to 1."""

    label: str
    probability: float


class AudioTagger(Protocol):
    """Hears what else there is besides words: laughter, applause, music.

    Implementations hold one suite of contract tests (``tests/contracts/test_audio_tagger.py``).
    """

    def load(self) -> None:
        """Raises ``EngineNotReady`` with what to do when the model is not installed. May be called again."""
        ...

    def tag(self, samples: Samples) -> tuple[AudioTag, ...]:
        """What is heard in up to ten seconds of audio, the likeliest first; nothing in none. Each label comes once, in
        the model's own words; labels do not exclude each other."""
        ...


class DictionaryMatcher(Protocol):
    """Puts words of a client's dictionary where they were said but something that sounds alike was recognised."""

    def load(self) -> None: ...

    def match(
        self, samples: Samples, words: Sequence[HypothesisWord], dictionary: Sequence[DictionaryWord]
    ) -> tuple[HypothesisWord, ...]:
        """The words of the segment, some of them replaced. The confidence of a replacement is that it is right."""
        ...


@dataclass(frozen=True, slots=True)
class Instances:
    """How many recognitions can run at once, and how many do."""

    total: int
    busy: int


class LiveStream(Protocol):
    """The recognition of speech while it is spoken. One task sends, one reads the events."""

    @property
    def taken_ms(self) -> int:
        """How much audio has been dealt with."""
        ...

    def prefer(self, vocabulary: Vocabulary) -> None:
        """Replace the vocabulary of the request. Raises ``InvalidRequest`` once audio was sent."""
        ...

    @property
    def has_room(self) -> bool:
        """The recogniser is not too far behind to be given more."""
        ...

    def put(self, audio: bytes) -> None:
        """Audio in the stream's encoding; pieces of any size, odd ones too. Without ``has_room`` it is only kept.

        Raises the ``DragomanError`` that ended the stream.
        """
        ...

    async def send(self, audio: bytes) -> None:
        """``put``, then wait until there is room for more."""
        ...

    def finish(self) -> None:
        """No more audio will come: what was sent is recognised to its end, then ``Finished``. May be called twice."""
        ...

    @property
    def has_events(self) -> bool:
        """``events`` has more without waiting."""
        ...

    def events(self) -> AsyncGenerator[SpeechEvent, None]:
        """Until ``Finished``. Of partials not read yet only the newest is kept. Raises ``DragomanError``."""
        ...

    def close(self) -> None:
        """Stop at once; what was not recognised yet never is. May be called twice, also after the end."""
        ...


class RecogniserPool(Protocol):
    """Recognition in processes of its own. Implementations survive the death of any of them."""

    async def start(self) -> None: ...

    async def aclose(self) -> None: ...

    @property
    def faults(self) -> Mapping[str, str]:
        """Of the configured profiles those that cannot be used, and why."""
        ...

    def capabilities(self, profile: str) -> Capabilities:
        """Raises ``UnknownModel`` for a profile that is not configured, ``EngineNotReady`` for one that cannot be
        used."""
        ...

    def transcribe(
        self, media: Path, request: RecognitionRequest, *, urgent: bool = False
    ) -> AsyncGenerator[RecognitionEvent, None]:
        """Recognise a file: ``Opened``, then ``Progress`` and ``Final`` in the order of their index, and
        ``SpeakersFound`` and ``AudioEventsFound`` among them if they were asked for, then ``Finished``.

        Closing the generator (``aclose``) cancels the work. ``urgent`` work, the short recording of a readiness check,
        goes before all other. Raises any ``DragomanError``.
        """
        ...

    @property
    def stream_capacity(self) -> int:
        """How many live streams can be served in real time; known once ``start`` returned."""
        ...

    def open_stream(
        self,
        request: RecognitionRequest,
        rate: int,
        *,
        encoding: AudioEncoding = AudioEncoding.PCM,
        channels: int = 1,
    ) -> LiveStream:
        """A stream of samples at ``rate`` hertz in one or two channels, each recognised by itself.

        It is the caller's to close. Raises ``DragomanError``.
        """
        ...
