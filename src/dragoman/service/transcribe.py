"""A media file → a stream of reports, in one worker process. A pure generator: no I/O but the media."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from dragoman.audio.decode import MediaLimits, open_media
from dragoman.audio.segment import Segmenter, SpeechSegment
from dragoman.core.capabilities import Capabilities
from dragoman.core.errors import Cancelled, UnknownModel
from dragoman.core.events import AudioEventsFound, Finished, Opened, Progress, SpeakersFound
from dragoman.core.ports import SAMPLE_RATE, AudioTagger, Diarizer
from dragoman.core.request import RecognitionRequest, SpeakerMode, SpeakerRequest
from dragoman.core.speakers import speaker_changes
from dragoman.core.transcript import LanguageScore, Segment, SpeakerChange
from dragoman.service.audio_events import AudioEventListener
from dragoman.service.recognise import Recogniser, VadStream, recognise_segment
from dragoman.service.spoken_language import SpokenLanguage

Floats = npt.NDArray[np.float32]

_REPORT_EVERY: Final = 10 * SAMPLE_RATE
"""Samples decoded between two reports, at most."""
_TELLING: Final = 30 * SAMPLE_RATE
"""Samples of speech from which the language is told: as much as a model hears at once."""
_POLL_S: Final = 0.02
"""Between two looks at whether anybody still waits for it."""
_SCORES: Final = 3
"""Languages that are kept with a segment, at most."""


@dataclass(frozen=True, slots=True)
class Recognised:
    """Segment ``index`` has been dealt with; ``segment`` is ``None`` where nothing was said."""

    index: int
    segment: Segment | None


FileReport = Opened | Progress | Recognised | SpeakersFound | AudioEventsFound | Finished


class Transcriber:
    """The recognisers of one worker process, by profile. They are loaded."""

    def __init__(self, recognisers: Mapping[str, Recogniser], limits: MediaLimits) -> None:
        self._recognisers = recognisers
        self._limits = limits

    def capabilities(self) -> dict[str, Capabilities]:
        return {profile: recogniser.capabilities for profile, recogniser in self._recognisers.items()}

    def transcribe(
        self,
        media: Path,
        request: RecognitionRequest,
        *,
        wanted: Callable[[int], bool] = lambda index: True,
        whole: bool = True,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Generator[FileReport, None, None]:
        """``Opened``, then ``Progress`` and ``Recognised``, then ``SpeakersFound`` and ``AudioEventsFound`` if the
        request asks for them, they can be found, and the ``whole`` recording is listened to, then ``Finished``.

        Where the language is to be found out, the first half minute of speech says it, and is recognised then.

        Segments are numbered in the order in which they end, all channels together: the same file gives the same
        numbers every time. Only the ``wanted`` numbers are recognised. A step of the generator costs at most one
        segment of recognition, or the decoding of ten seconds, so that several files can take turns. Raises
        ``Cancelled`` between steps, and inside them as soon as the engine notices.
        """
        recogniser = self._recognisers.get(request.profile)
        if recogniser is None:
            raise UnknownModel(f"There is no profile {request.profile!r}.")
        speakers = request.speakers if whole else None
        diarizer = recogniser.diarizer if speakers is not None else None
        tagger = recogniser.tagger if whole and request.audio_events else None
        spoken = [option.language for option in request.choice.options] if request.choice else [request.language]
        longest_ms = min(recogniser.in_language(each).engine.capabilities.max_segment_ms for each in spoken)
        with open_media(media, request.channels, self._limits) as opened:
            yield Opened(opened.duration_ms, opened.channels)
            voices = _Voices(diarizer, speakers, opened.channels) if diarizer and speakers else None
            sounds = _Sounds(tagger, opened.channels) if tagger is not None else None
            speech = _Speech(recogniser, request)
            lanes = [_Lane(channel, recogniser.voice_activity.open(), longest_ms) for channel in opened.channels]
            numbers = iter(range(2**31))
            decoded = reported = 0
            for block in opened.blocks():
                if cancelled():
                    raise Cancelled
                decoded += block.shape[1]
                if voices is not None:
                    voices.feed(block, cancelled)
                if sounds is not None:
                    sounds.feed(block)
                closed = False
                for lane, samples in zip(lanes, block, strict=True):
                    for part in lane.feed(samples):
                        closed = True
                        speech.add(_Numbered(next(numbers), lane.channel, part))
                        yield from speech.recognised(wanted, cancelled)
                if closed or decoded - reported >= _REPORT_EVERY:
                    reported = decoded
                    yield Progress(min(speech.waiting_ms + [lane.settled_ms for lane in lanes]))
            for lane in lanes:
                for part in lane.finish():
                    speech.add(_Numbered(next(numbers), lane.channel, part))
                    yield from speech.recognised(wanted, cancelled)
            yield from speech.recognised(wanted, cancelled, is_all=True)
            if voices is not None:
                yield voices.found(_ms(decoded) + 1, cancelled)
            if sounds is not None:
                yield sounds.found()
        chosen = recogniser.in_language(speech.language)
        language = speech.language or chosen.own_languages[0]
        yield Finished(_ms(decoded), language, chosen.engine.capabilities.model)


class _Lane:
    """One channel on its way from samples to segments of speech."""

    def __init__(self, channel: int, vad: VadStream, longest_ms: int) -> None:
        self.channel = channel
        self._vad = vad
        self._segmenter = Segmenter(longest_ms)

    def feed(self, samples: Floats) -> list[SpeechSegment]:
        return self._segmenter.feed(samples, self._vad.feed(samples))

    def finish(self) -> list[SpeechSegment]:
        return self._segmenter.finish()

    @property
    def settled_ms(self) -> int:
        """No speech before this is still to come."""
        return self._segmenter.settled_ms


@dataclass(frozen=True, slots=True)
class _Numbered:
    """A segment that is to be recognised."""

    index: int
    channel: int
    speech: SpeechSegment


class _Speech:
    """The segments of a file on their way to the engine. While the language is to be found out they wait."""

    def __init__(self, recogniser: Recogniser, request: RecognitionRequest) -> None:
        self._recogniser = recogniser
        self._request = request
        self._is_known = request.choice is None
        self._scores: tuple[LanguageScore, ...] = ()
        self._waiting: list[_Numbered] = []

    @property
    def language(self) -> str | None:
        """That it is in, or is taken to be in."""
        return self._request.language

    @property
    def waiting_ms(self) -> list[int]:
        """Where those begin that wait."""
        return [each.speech.start_ms for each in self._waiting]

    def add(self, segment: _Numbered) -> None:
        self._waiting.append(segment)

    def recognised(
        self, wanted: Callable[[int], bool], cancelled: Callable[[], bool], *, is_all: bool = False
    ) -> Iterator[Recognised]:
        """Those of the waiting that are ``wanted``, as soon as the language is known. ``is_all``: no more will come."""
        if not self._is_known:
            heard = [each.speech.samples for each in self._waiting]
            if not is_all and sum(map(len, heard)) < _TELLING:
                return
            self._find_language(heard, cancelled)
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            if wanted(each.index):
                segment = recognise_segment(
                    self._recogniser, each.speech, each.index, each.channel, self._request, cancelled
                )
                told = None if segment is None else replace(segment, languages=self._scores)
                yield Recognised(each.index, told)

    def _find_language(self, heard: Sequence[Floats], cancelled: Callable[[], bool]) -> None:
        """In a thread of its own, because it is one long computation, and nobody must have to wait for it."""
        language = SpokenLanguage(self._request)
        if heard:
            thread = ThreadPoolExecutor(1, "language")
            try:
                told = thread.submit(language.after, self._recogniser.identifier, np.concatenate(heard).data)
                while not wait([told], _POLL_S).done:
                    if cancelled():
                        raise Cancelled
                language = told.result()
            finally:
                thread.shutdown(wait=False)
        self._request, self._scores, self._is_known = language.request, language.scores[:_SCORES], True


class _Sounds:
    """Besides speech, on all channels."""

    def __init__(self, tagger: AudioTagger, channels: Sequence[int]) -> None:
        tagger.load()
        self._listeners = [AudioEventListener(tagger, channel) for channel in channels]

    def feed(self, block: Floats) -> None:
        for listener, samples in zip(self._listeners, block, strict=True):
            listener.feed(samples)

    def found(self) -> AudioEventsFound:
        events = (event for listener in self._listeners for event in listener.found())
        return AudioEventsFound(tuple(sorted(events, key=lambda event: (event.start_ms, event.channel))))


class _Voices:
    """Of all channels, each by itself."""

    def __init__(self, diarizer: Diarizer, request: SpeakerRequest, channels: Sequence[int]) -> None:
        diarizer.load()
        self._request = request
        self._streams = {channel: diarizer.open() for channel in channels}

    def feed(self, block: Floats, cancelled: Callable[[], bool]) -> None:
        for stream, samples in zip(self._streams.values(), block, strict=True):
            stream.feed(samples.data)
        self._hear(0, cancelled)

    def _hear(self, to_ms: int, cancelled: Callable[[], bool]) -> None:
        """Raises ``Cancelled``."""
        for stream in self._streams.values():
            while stream.hear(to_ms):
                if cancelled():
                    raise Cancelled

    def found(self, end_ms: int, cancelled: Callable[[], bool]) -> SpeakersFound:
        self._hear(end_ms, cancelled)
        asked = self._request
        heard = {channel: stream.so_far(asked.count or 0) for channel, stream in self._streams.items()}
        if asked.mode is SpeakerMode.IDENTITY:
            return SpeakersFound(
                tuple(replace(turn, channel=c) for c, found in heard.items() for turn in found.foreground)
            )
        return SpeakersFound(
            changes=tuple(
                SpeakerChange(at_ms, channel)
                for channel, found in heard.items()
                for at_ms in speaker_changes(found.changes, asked.sensitivity)
            )
        )


def _ms(samples: int) -> int:
    return samples * 1000 // SAMPLE_RATE
