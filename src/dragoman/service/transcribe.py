"""A media file → a stream of reports, in one worker process. A pure generator: no I/O but the media."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from dragoman.audio.decode import MediaLimits, open_media
from dragoman.audio.segment import Segmenter, SpeechSegment
from dragoman.core.capabilities import Capabilities
from dragoman.core.errors import Cancelled, UnknownModel
from dragoman.core.events import Finished, Opened, Progress, SpeakersFound
from dragoman.core.ports import SAMPLE_RATE, Diarizer
from dragoman.core.request import RecognitionRequest, SpeakerMode, SpeakerRequest
from dragoman.core.speakers import speaker_changes
from dragoman.core.transcript import Segment, SpeakerChange
from dragoman.service.recognise import Recogniser, VadStream, recognise_segment

Floats = npt.NDArray[np.float32]

_REPORT_EVERY: Final = 10 * SAMPLE_RATE
"""Samples decoded between two reports, at most."""


@dataclass(frozen=True, slots=True)
class Recognised:
    """Segment ``index`` has been dealt with; ``segment`` is ``None`` where nothing was said."""

    index: int
    segment: Segment | None


FileReport = Opened | Progress | Recognised | SpeakersFound | Finished


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
        with_speakers: bool = True,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Generator[FileReport, None, None]:
        """``Opened``, then ``Progress`` and ``Recognised``, then ``SpeakersFound`` if the request asks for speakers and
        they are to be found ``with_speakers``, then ``Finished``.

        Segments are numbered in the order in which they end, all channels together: the same file gives the same
        numbers every time. Only the ``wanted`` numbers are recognised. A step of the generator costs at most one
        segment of recognition, or the decoding of ten seconds, so that several files can take turns. Raises
        ``Cancelled`` between steps, and inside them as soon as the engine notices.
        """
        recogniser = self._recognisers.get(request.profile)
        if recogniser is None:
            raise UnknownModel(f"There is no profile {request.profile!r}.")
        longest_ms = recogniser.engine.capabilities.max_segment_ms
        speakers = request.speakers if with_speakers else None
        diarizer = recogniser.diarizer if speakers is not None else None
        with open_media(media, request.channels, self._limits) as opened:
            yield Opened(opened.duration_ms, opened.channels)
            voices = _Voices(diarizer, speakers, opened.channels) if diarizer and speakers else None
            lanes = [_Lane(channel, recogniser.voice_activity.open(), longest_ms) for channel in opened.channels]
            numbers = iter(range(2**31))
            decoded = reported = 0
            for block in opened.blocks():
                if cancelled():
                    raise Cancelled
                decoded += block.shape[1]
                if voices is not None:
                    voices.feed(block, cancelled)
                closed = False
                for lane, samples in zip(lanes, block, strict=True):
                    for speech in lane.feed(samples):
                        closed = True
                        if wanted(index := next(numbers)):
                            segment = recognise_segment(recogniser, speech, index, lane.channel, request, cancelled)
                            yield Recognised(index, segment)
                if closed or decoded - reported >= _REPORT_EVERY:
                    reported = decoded
                    yield Progress(min(lane.settled_ms for lane in lanes))
            for lane in lanes:
                for speech in lane.finish():
                    if wanted(index := next(numbers)):
                        yield Recognised(
                            index, recognise_segment(recogniser, speech, index, lane.channel, request, cancelled)
                        )
            if voices is not None:
                yield voices.found(_ms(decoded) + 1, cancelled)
        capabilities = recogniser.engine.capabilities
        yield Finished(_ms(decoded), request.language or capabilities.languages[0], capabilities.model)


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
