"""Events → transcript. Pure."""

from __future__ import annotations

from dragoman.core.errors import InternalError
from dragoman.core.events import AudioEventsFound, Final, Finished, Opened, Progress, RecognitionEvent, SpeakersFound
from dragoman.core.speakers import placed, with_speakers
from dragoman.core.transcript import Segment, Transcript


class Assembler:
    """Collects the events of one file. A second ``Final`` of one index, or one after ``Finished``, is an error."""

    def __init__(self) -> None:
        self._segments: dict[int, Segment] = {}
        self._opened: Opened | None = None
        self._speakers = SpeakersFound()
        self._audio_events = AudioEventsFound()
        self._finished: Finished | None = None

    def add(self, event: RecognitionEvent) -> None:
        if self._finished is not None:
            raise InternalError(f"{type(event).__name__} after the end of the recording")
        match event:
            case Opened():
                self._opened = event
            case Progress():
                pass
            case Final(segment):
                if segment.index in self._segments:
                    raise InternalError(f"segment {segment.index} came twice")
                self._segments[segment.index] = segment
            case SpeakersFound():
                self._speakers = event
            case AudioEventsFound():
                self._audio_events = event
            case Finished():
                self._finished = event

    def transcript(self) -> Transcript:
        """The transcript, segments in the order of their start. Raises ``InternalError`` before ``Finished``."""
        if self._opened is None or self._finished is None:
            raise InternalError("the recognition did not finish")
        segments = tuple(sorted(self._segments.values(), key=lambda s: (s.start_ms, s.channel, s.index)))
        if self._speakers.turns:
            segments = with_speakers(segments, self._speakers.turns)
        return Transcript(
            language=self._finished.language,
            model=self._finished.model,
            duration_ms=self._finished.duration_ms,
            channels=self._opened.channels,
            segments=segments,
            changes=placed(self._speakers.changes, segments),
            audio_events=self._audio_events.events,
        )
