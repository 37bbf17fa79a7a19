"""The framing of Amazon's event streams: ``application/vnd.amazon.eventstream``.

A message is, in network byte order: its total length (4 bytes), the length of its headers (4), the CRC-32 of these
eight bytes (4), the headers, the payload, and the CRC-32 of everything before (4). A header is the length of its name
(1 byte), the name in UTF-8, the type (1 byte) and the value; a string or byte array begins with its length (2 bytes).
Source: Amazon Transcribe's developer guide, "Event stream encoding".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from struct import Struct
from struct import error as StructError
from typing import Final
from uuid import UUID
from zlib import crc32

MAX_HEADERS: Final = 128 * 1024
"""Bytes of all headers together that Amazon's own decoders take."""
MAX_PAYLOAD: Final = 16 * 1024 * 1024
"""Bytes of payload that Amazon's own decoders take."""

_MAX_VALUE: Final = 32_767
"""Bytes of a string or byte array: the most that Amazon's own encoders write."""
_PRELUDE: Final = Struct(">III")
_CHECKSUM: Final = Struct(">I")
_LENGTH: Final = Struct(">H")
_OVERHEAD: Final = _PRELUDE.size + _CHECKSUM.size


class MalformedMessage(ValueError):
    """Bytes that are no event stream message. The text says what is wrong, for the person at the other end."""


class Int8(int):
    """A header value of one byte, signed."""


class Int16(int):
    """A header value of two bytes, signed."""


class Int32(int):
    """A header value of four bytes, signed."""


class Int64(int):
    """A header value of eight bytes, signed."""


class Timestamp(int):
    """A moment in a header: milliseconds since 1970, UTC."""


HeaderValue = bool | Int8 | Int16 | Int32 | Int64 | bytes | str | Timestamp | UUID

_BOOLEANS: Final = {0: True, 1: False}
_SIZED: Final = (6, 7)
_STRING: Final = 7
_UUID: Final = 9
_NUMBERS: Final[dict[int, tuple[type[Int8 | Int16 | Int32 | Int64 | Timestamp], Struct]]] = {
    2: (Int8, Struct(">b")),
    3: (Int16, Struct(">h")),
    4: (Int32, Struct(">i")),
    5: (Int64, Struct(">q")),
    8: (Timestamp, Struct(">q")),
}
_NUMBER_CODES: Final = {cls: (bytes((code,)), layout) for code, (cls, layout) in _NUMBERS.items()}


@dataclass(frozen=True, slots=True)
class Message:
    """Headers in their order on the wire, and the payload. Names are at most 255 bytes of UTF-8 and not empty."""

    headers: Mapping[str, HeaderValue]
    payload: bytes = b""


def encode(message: Message) -> bytes:
    """The message as it goes over the wire. Raises ``ValueError`` for a header that the format cannot hold."""
    headers = encode_headers(message.headers)
    lengths = _PRELUDE.pack(len(headers) + len(message.payload) + _OVERHEAD, len(headers), 0)[:8]
    checked = b"".join((lengths, _CHECKSUM.pack(crc32(lengths)), headers, message.payload))
    return checked + _CHECKSUM.pack(crc32(checked))


def encode_headers(headers: Mapping[str, HeaderValue]) -> bytes:
    """The headers alone, which is also what signatures of messages are made over."""
    return b"".join([_encode_header(name, value) for name, value in headers.items()])


def decode(data: bytes) -> Message:
    """The one message that these bytes are, as in a WebSocket frame or inside of a signed message.

    Raises ``MalformedMessage``, also for bytes that follow the message.
    """
    total, headers_size = _lengths(data, 0)
    if total != len(data):
        raise MalformedMessage(f"The message says that it is {total} bytes long, but {len(data)} bytes came.")
    return _message(data, 0, total, headers_size)


class Decoder:
    """Takes a stream apart, whatever the pieces it comes in.

    A message is refused as soon as its first twelve bytes say that its headers or its payload are longer than allowed,
    so no more than one message of allowed size is ever kept. After a refusal every further call is refused: where the
    next message begins is not known.
    """

    def __init__(self, max_headers: int = MAX_HEADERS, max_payload: int = MAX_PAYLOAD) -> None:
        self._max_headers = max_headers
        self._max_payload = max_payload
        self._kept = bytearray()
        self._needed = _PRELUDE.size
        """Bytes that ``_kept`` must hold before anything more can be said about it."""
        self._refusal: MalformedMessage | None = None

    def feed(self, data: bytes) -> list[Message]:
        """The messages that these bytes complete. Raises ``MalformedMessage``, then without those before the fault."""
        if self._refusal is not None:
            raise self._refusal
        if self._kept:
            self._kept += data
            if len(self._kept) < self._needed:
                return []
            data = bytes(self._kept)
            self._kept.clear()
        try:
            return self._split(data)
        except MalformedMessage as refusal:
            self._refusal = refusal
            raise

    def finish(self) -> None:
        """The stream has ended. Raises ``MalformedMessage`` if it did so inside of a message."""
        if self._refusal is not None:
            raise self._refusal
        if self._kept:
            raise MalformedMessage(f"The stream ended inside of a message, after {len(self._kept)} bytes of it.")

    def _split(self, data: bytes) -> list[Message]:
        messages = []
        at, self._needed = 0, _PRELUDE.size
        while len(data) - at >= _PRELUDE.size:
            total, headers_size = _lengths(data, at)
            if headers_size > self._max_headers:
                raise MalformedMessage(f"The headers of a message are {headers_size} bytes, over {self._max_headers}.")
            if (payload_size := total - headers_size - _OVERHEAD) > self._max_payload:
                raise MalformedMessage(f"The payload of a message is {payload_size} bytes, over {self._max_payload}.")
            if len(data) - at < total:
                self._needed = total
                break
            messages.append(_message(data, at, at + total, headers_size))
            at += total
        self._kept += data[at:]
        return messages


def _lengths(data: bytes, at: int) -> tuple[int, int]:
    """Of the whole message that begins at ``at``, and of its headers."""
    if len(data) - at < _PRELUDE.size:
        raise MalformedMessage(f"A message has at least {_OVERHEAD} bytes, but {len(data) - at} came.")
    total, headers_size, checksum = _PRELUDE.unpack_from(data, at)
    if crc32(data[at : at + 8]) != checksum:
        raise MalformedMessage("The checksum of a message's lengths is wrong.")
    if headers_size + _OVERHEAD > total:
        raise MalformedMessage(f"A message of {total} bytes cannot have {headers_size} bytes of headers.")
    return total, headers_size


def _message(data: bytes, at: int, end: int, headers_size: int) -> Message:
    """The message whose lengths were checked before, from ``at`` to ``end``."""
    payload_end = end - _CHECKSUM.size
    if crc32(memoryview(data)[at:payload_end]) != _CHECKSUM.unpack_from(data, payload_end)[0]:
        raise MalformedMessage("The checksum of a message is wrong.")
    headers_at = at + _PRELUDE.size
    headers_end = headers_at + headers_size
    return Message(_decode_headers(data[headers_at:headers_end]), data[headers_end:payload_end])


def _decode_headers(data: bytes) -> dict[str, HeaderValue]:
    """Slices past the end come out short, so reading past it is found afterwards or by an error of reading."""
    headers: dict[str, HeaderValue] = {}
    at, end = 0, len(data)
    try:
        while at < end:
            value_at = at + 2 + data[at]
            name, code = data[at + 1 : value_at - 1].decode(), data[value_at - 1]
            value: HeaderValue
            if code in _SIZED:
                at = value_at + 2 + _LENGTH.unpack_from(data, value_at)[0]
                content = data[value_at + 2 : at]
                if len(content) > _MAX_VALUE:
                    raise MalformedMessage(f"The header {name!r} has {len(content)} bytes, over {_MAX_VALUE}.")
                value = content.decode() if code == _STRING else content
            elif (number := _NUMBERS.get(code)) is not None:
                cls, layout = number
                value = cls(layout.unpack_from(data, value_at)[0])
                at = value_at + layout.size
            elif code in _BOOLEANS:
                value, at = _BOOLEANS[code], value_at
            elif code == _UUID:
                at = value_at + 16
                value = UUID(bytes=data[value_at:at])
            else:
                raise MalformedMessage(f"The header {name!r} of a message is of the unknown type {code}.")
            if not name:
                raise MalformedMessage("A header of a message has no name.")
            if name in headers:
                raise MalformedMessage(f"A message has the header {name!r} twice.")
            headers[name] = value
    except MalformedMessage:
        raise
    except (IndexError, StructError, ValueError) as error:
        raise MalformedMessage("The headers of a message cannot be read.") from error
    if at != end:
        raise MalformedMessage("The last header of a message is cut short.")
    return headers


def _encode_header(name: str, value: HeaderValue) -> bytes:
    label = name.encode()
    if not 0 < len(label) < 256:
        raise ValueError(f"the name of a header has 1 to 255 bytes: {name!r}")
    start = bytes((len(label),)) + label
    match value:
        case str():
            return start + b"\x07" + _sized(name, value.encode())
        case bytes():
            return start + b"\x06" + _sized(name, value)
        case bool():
            return start + (b"\x00" if value else b"\x01")
        case UUID():
            return start + b"\x09" + value.bytes
        case _:
            code, layout = _NUMBER_CODES[type(value)]
            try:
                return start + code + layout.pack(value)
            except StructError as error:
                raise ValueError(f"the header {name!r} does not fit its type: {value}") from error


def _sized(name: str, content: bytes) -> bytes:
    if len(content) > _MAX_VALUE:
        raise ValueError(f"the header {name!r} has {len(content)} bytes, over {_MAX_VALUE}")
    return _LENGTH.pack(len(content)) + content
