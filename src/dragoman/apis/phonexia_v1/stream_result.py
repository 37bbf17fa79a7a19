"""What a stream has said so far, as both kinds of streams tell it. Pure."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from msgspec import Raw

from dragoman.apis.phonexia_v1 import translate, wire
from dragoman.core.events import Final, Finished, Partial, SpeechEnded, SpeechEvent, SpeechStarted
from dragoman.core.transcript import Segment
from dragoman.service.vocabulary import CheckedVocabulary


class StreamResult:
    """Events → ``CloudSpeechRecognitionStreamResult``, the whole transcript every time: finals and the open partial.

    Every result of a long stream repeats all finals, so each is encoded once, when it comes.
    """

    def __init__(self, model: str, task_id: str, stream_id: str) -> None:
        self.stream_id = stream_id
        self._said = wire.StreamRecognition(
            task_id=task_id, stream_id=stream_id, model=model, is_last=False, transcription=Raw(), segmentation=Raw()
        )
        self._text = bytearray()
        self._items = bytearray()
        """The finals in JSON, without quotes and brackets."""
        self._end_ms = 0
        self._open: Segment | None = None

    @property
    def is_last(self) -> bool:
        return self._said.is_last

    def echo(self, preferred: wire.Preferred, checked: CheckedVocabulary) -> None:
        """From now on say the vocabulary as well."""
        translate.with_echo(self._said, preferred, checked)

    def deliver(self, event: SpeechEvent) -> bool:
        """Whether the event changes what is said."""
        match event:
            case SpeechStarted():
                return False
            case Partial(segment):
                self._open = segment
                return True
            case Final(segment):
                self._open = None
                self._text += _joint(self._text, b" ") + _text(segment)
                self._add(translate.segment_items(segment, self._end_ms))
                self._end_ms = segment.end_ms
                return True
            case SpeechEnded():
                was_open = self._open is not None
                self._open = None
                return was_open
            case Finished(duration_ms=duration_ms):
                self._add(translate.silence(0, self._end_ms, duration_ms))
                self._said.is_last = True
                return True

    def said(self) -> wire.StreamRecognition:
        """The result as it is now. Nothing of it is kept: a long stream's is as large as all that was said."""
        text, items = bytes(self._text), bytes(self._items)
        if self._open is not None:
            text += _joint(text, b" ") + _text(self._open)
            items += _joint(items, b",") + _items(translate.segment_items(self._open, self._end_ms, is_open=True))
        return msgspec.structs.replace(
            self._said,
            transcription=Raw(b'[{"channel_id":0,"text":"' + text + b'"}]'),
            segmentation=Raw(b"[" + items + b"]"),
        )

    def _add(self, items: Iterable[wire.Item]) -> None:
        encoded = _items(items)
        if encoded:
            self._items += _joint(self._items, b",") + encoded


def _text(segment: Segment) -> bytes:
    return msgspec.json.encode(segment.text)[1:-1]


def _items(items: Iterable[wire.Item]) -> bytes:
    return msgspec.json.encode(list(items))[1:-1]


def _joint(before: bytes | bytearray, between: bytes) -> bytes:
    return between if before else b""
