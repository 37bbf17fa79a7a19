"""How messages travel: cut out of a body of any pieces, or one in each message of a WebSocket; signed or not. Pure."""

from __future__ import annotations

from typing import Final, Protocol

from dragoman.codecs.eventstream import Decoder, MalformedMessage, Message, decode
from dragoman.codecs.sigv4 import ChunkVerifier, SignatureRefused
from dragoman.core.errors import InvalidRequest

MAX_CHUNK: Final = 32 * 1024
"""Bytes of audio in a message."""
_MAX_HEADERS: Final = 8 * 1024
_MAX_PAYLOAD: Final = MAX_CHUNK + _MAX_HEADERS + 16
"""Of a signed message, which is around a whole one."""
_SIGNATURE: Final = ":chunk-signature"


class Framing(Protocol):
    """Bytes of a transport → the messages that they complete. Both calls raise ``MalformedMessage``."""

    def feed(self, data: bytes) -> list[Message]: ...

    def finish(self) -> None:
        """No more will come."""
        ...


class BodyFraming:
    """Messages one after the other in a body."""

    def __init__(self) -> None:
        self._decoder = Decoder(_MAX_HEADERS, _MAX_PAYLOAD)

    def feed(self, data: bytes) -> list[Message]:
        return self._decoder.feed(data)

    def finish(self) -> None:
        self._decoder.finish()


class SocketFraming:
    """A message of the WebSocket is one message."""

    def feed(self, data: bytes) -> list[Message]:
        return [decode(data)]

    def finish(self) -> None:
        """It ends between messages."""


class Opener:
    """Takes messages out of the signed ones around them.

    Signed messages are verified when ``chain`` is known. With ``signed`` those that are not signed are refused.
    """

    def __init__(self, framing: Framing, chain: ChunkVerifier | None = None, *, signed: bool = False) -> None:
        self._framing = framing
        self._chain = chain
        self._signed = signed

    def feed(self, data: bytes) -> list[Message | None]:
        """``None`` is the signed end of the stream. Raises ``InvalidRequest``."""
        try:
            return [self._open(message) for message in self._framing.feed(data)]
        except (MalformedMessage, SignatureRefused) as error:
            raise InvalidRequest(str(error)) from error

    def finish(self) -> None:
        """Raises ``InvalidRequest`` inside of a message."""
        try:
            self._framing.finish()
        except MalformedMessage as error:
            raise InvalidRequest(str(error)) from error

    def _open(self, message: Message) -> Message | None:
        if _SIGNATURE not in message.headers:
            if self._signed:
                raise InvalidRequest("The request is signed, so every message of its stream has to be; one is not.")
            return message
        payload = message.payload if self._chain is None else self._chain.verify(message)
        return decode(payload) if payload else None
