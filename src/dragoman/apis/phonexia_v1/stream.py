"""Phonexia's live stream over a WebSocket: what each message means, and what is answered. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum, auto
from typing import Final

import msgspec

from dragoman.apis.phonexia_v1 import errors, vocabulary, wire
from dragoman.apis.phonexia_v1.stream_result import StreamResult
from dragoman.core.capabilities import Capabilities
from dragoman.core.errors import DragomanError, InvalidField, InvalidRequest
from dragoman.core.events import SpeechEvent
from dragoman.core.request import Vocabulary
from dragoman.service.vocabulary import CheckedVocabulary
from dragoman.transport.base import Audio, Command, Finish, Frame, Opening, Prefer


class State(Enum):
    """How far the client is."""

    CONNECTED = auto()
    SPEAKING = auto()
    STOPPED = auto()


NEXT: Final[dict[tuple[State, type[Command]], State]] = {
    (State.CONNECTED, Prefer): State.CONNECTED,
    (State.CONNECTED, Audio): State.SPEAKING,
    (State.CONNECTED, Finish): State.STOPPED,
    (State.SPEAKING, Audio): State.SPEAKING,
    (State.SPEAKING, Finish): State.STOPPED,
}
_TOO_LATE: Final = {
    State.SPEAKING: "Preferred phrases come before the audio; audio was sent already.",
    State.STOPPED: "Nothing may follow the stop.",
}
_SPEAKING: Final = State.SPEAKING
_STOP: Final = {"event": "stop"}


class SocketStream:
    """A ``VendorStream``."""

    def __init__(self, opening: Opening, result: StreamResult, capabilities: Capabilities) -> None:
        self.opening = opening
        self._result = result
        self._capabilities = capabilities
        self._state = State.CONNECTED
        self._sent = wire.Preferred()
        self._is_greeted = False
        self._has_news = False

    def receive(self, frame: Frame) -> Iterable[Command]:
        if self._state is _SPEAKING and isinstance(frame, bytes):  # nearly always
            return (Audio(frame),) if frame else ()
        command = self._command(frame) if isinstance(frame, str) else Audio(frame)
        following = NEXT.get((self._state, type(command)))
        if following is None:
            raise InvalidRequest(_TOO_LATE[self._state])
        if not frame:
            return ()
        self._state = following
        return (command,)

    def preferred(self, checked: CheckedVocabulary) -> Vocabulary:
        vocabulary.refuse_bad_phrases(checked)
        self._result.echo(self._sent, checked)
        return checked.accepted

    def deliver(self, event: SpeechEvent) -> None:
        if self._result.deliver(event):
            self._has_news = True

    def frames(self) -> Iterable[Frame]:
        messages = []
        if not self._is_greeted:
            messages.append(wire.Message(status="connected"))
            self._is_greeted = True
        if self._has_news:
            messages.append(wire.Message(status="result", result=self._result.said()))
            self._has_news = False
        return list(map(_encoded, messages))

    def _command(self, text: str) -> Command:
        body = vocabulary.decoded(text, "message")
        if isinstance(body, dict) and "event" in body:
            if body != _STOP:
                raise InvalidField('The only event is {"event": "stop"}.', field="event")
            return Finish()
        self._sent = vocabulary.preferred(body, "message")
        return Prefer(vocabulary.draft_for(self._capabilities, self._sent))


def fail(error: DragomanError) -> Iterable[Frame]:
    return [_encoded(wire.Message(status="error", error=errors.message(error)))]


def _encoded(message: wire.Message) -> str:
    return msgspec.json.encode(message).decode()
