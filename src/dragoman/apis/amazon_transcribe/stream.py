"""StartStreamTranscription: what each message means, and what is answered. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum, auto
from typing import Final

import msgspec

from dragoman.apis.amazon_transcribe import wire
from dragoman.apis.amazon_transcribe.errors import named_in_stream
from dragoman.apis.amazon_transcribe.framing import MAX_CHUNK, Opener
from dragoman.apis.amazon_transcribe.result import TranscriptResults
from dragoman.codecs.eventstream import Message, encode
from dragoman.core.errors import DragomanError, InvalidField, InvalidRequest, UnsupportedOption
from dragoman.core.events import SpeechEvent
from dragoman.core.request import Vocabulary
from dragoman.service.vocabulary import CheckedVocabulary
from dragoman.transport.base import Audio, Command, Finish, Frame, Opening


class State(Enum):
    """How far the client is."""

    OPEN = auto()
    SPEAKING = auto()
    ENDED = auto()


NEXT: Final[dict[tuple[State, str], State]] = {
    (State.OPEN, "ConfigurationEvent"): State.OPEN,
    (State.OPEN, "AudioEvent"): State.SPEAKING,
    (State.SPEAKING, "AudioEvent"): State.SPEAKING,
}
"""By the type of an event. What comes behind the end is not looked at; clients end a stream more than once."""


class TranscriptionStream:
    """A ``VendorStream``. An empty frame is the end of what the client sends."""

    def __init__(self, opening: Opening, opener: Opener, results: TranscriptResults, channels: int) -> None:
        self.opening = opening
        self._opener = opener
        self._results = results
        self._channels = channels
        self._state = State.OPEN

    def receive(self, frame: Frame) -> Iterable[Command]:
        if isinstance(frame, str):
            raise InvalidRequest("Messages of this stream are binary.")
        if self._state is State.ENDED:
            return ()
        if not frame:
            self._opener.finish()
            return self._end()
        return [command for message in self._opener.feed(frame) for command in self._take(message)]

    def preferred(self, checked: CheckedVocabulary) -> Vocabulary:
        """Vocabularies are known before the stream opens."""
        return checked.accepted

    def deliver(self, event: SpeechEvent) -> None:
        self._results.deliver(event)

    def frames(self) -> Iterable[Frame]:
        return [_event(result) for result in self._results.take()]

    def _end(self) -> list[Command]:
        self._state = State.ENDED
        return [Finish()]

    def _take(self, message: Message | None) -> list[Command]:
        if self._state is State.ENDED:
            return []
        if message is None or not (message.headers or message.payload):
            return self._end()
        if message.headers.get(":message-type") != "event":
            raise InvalidRequest("A message has the header :message-type, and it is event.")
        kind = str(message.headers.get(":event-type"))
        following = NEXT.get((self._state, kind))
        if following is None:
            if kind == "ConfigurationEvent":
                raise InvalidRequest("A ConfigurationEvent comes before the audio.")
            raise InvalidRequest(f"The header :event-type is AudioEvent or ConfigurationEvent, not {kind[:40]!r}.")
        self._state = following
        if kind == "ConfigurationEvent":
            self._configure(message.payload)
            return []
        if len(message.payload) > MAX_CHUNK:
            raise InvalidRequest(f"AudioChunk has {len(message.payload)} bytes; {MAX_CHUNK} are allowed.")
        return [Audio(message.payload)] if message.payload else self._end()

    def _configure(self, payload: bytes) -> None:
        """Nothing in a configuration changes what is recognised: only what is harmless to leave undone is accepted."""
        try:
            asked = msgspec.json.decode(payload, type=wire.ConfigurationEvent)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise InvalidField(f"ConfigurationEvent: {error}.") from None
        if asked.PostCallAnalyticsSettings is not None:
            raise UnsupportedOption("PostCallAnalyticsSettings: this server analyses no calls.")
        channels = [definition.ChannelId for definition in asked.ChannelDefinitions or ()]
        if len(set(channels)) < len(channels) or any(channel >= self._channels for channel in channels):
            raise InvalidField("ChannelDefinitions: each names another channel of the stream.")


def fail(error: DragomanError) -> Iterable[Frame]:
    """The exception that ends a stream."""
    known = named_in_stream(error)
    headers = {":exception-type": known.name, ":content-type": "application/json", ":message-type": "exception"}
    return [encode(Message(headers, msgspec.json.encode(wire.StreamError(known.message))))]


def _event(result: wire.Result) -> bytes:
    headers = {":event-type": "TranscriptEvent", ":content-type": "application/json", ":message-type": "event"}
    return encode(Message(headers, msgspec.json.encode(wire.TranscriptEvent(wire.Transcript([result])))))
