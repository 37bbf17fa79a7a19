"""What a stream has said so far, as both kinds of streams tell it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec
from msgspec import Raw

from dragoman.apis.phonexia_v1 import translate, wire
from dragoman.core.events import Final, Finished, Partial, SpeechEnded, SpeechEvent, SpeechStarted
from dragoman.core.spacing import space
from dragoman.core.transcript import Segment, Word
from dragoman.service.vocabulary import CheckedVocabulary


@dataclass(frozen=True, slots=True)
class _Encoded:
    """A word in JSON with the silence before it, or what comes before the first one; and where it ends."""

    word: Word | None
    items: bytes
    end_ms: int


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
        self._last = ""
        """The last final."""
        self._end_ms = 0
        self._open: Segment | None = None
        self._open_items: list[_Encoded] = []
        """What there is of it: its beginning, and its words."""

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
                self._text += _text(self._last, segment)
                self._last = segment.text
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
            text += _text(self._last, self._open)
            items += _joint(items) + self._encoded(self._open)
        return msgspec.structs.replace(
            self._said,
            transcription=Raw(b'[{"channel_id":0,"text":"' + text + b'"}]'),
            segmentation=Raw(b"[" + items + b"]"),
        )

    def _encoded(self, segment: Segment) -> bytes:
        """The items of a segment that is still being spoken. Words that it had the last time are not encoded again."""
        had = self._open_items
        kept = 0
        for each, word in zip(had[1:], segment.words, strict=False):
            if each.word is not word:
                break
            kept += 1
        if not kept:
            had[:] = [_Encoded(None, _items(translate.beginning(segment, self._end_ms)), segment.start_ms)]
        del had[kept + 1 :]
        for word in segment.words[kept:]:
            items = translate.word_items(segment.channel, word, had[-1].end_ms)
            had.append(_Encoded(word, _items(items), word.end_ms if items else had[-1].end_ms))
        return b",".join(each.items for each in had if each.items)

    def _add(self, items: Iterable[wire.Item]) -> None:
        encoded = _items(items)
        if encoded:
            self._items += _joint(self._items) + encoded


def _text(before: str, segment: Segment) -> bytes:
    """With the space that parts it from what was said before."""
    return msgspec.json.encode(space(before, segment.text) + segment.text)[1:-1]


def _items(items: Iterable[wire.Item]) -> bytes:
    return msgspec.json.encode(list(items))[1:-1]


def _joint(before: bytes | bytearray) -> bytes:
    return b"," if before else b""
