"""The pages of an Ogg stream as they arrive (RFC 3533). Pure."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from dragoman.audio.checksum import OGG_PAGE
from dragoman.core.errors import UndecodableAudio

_CAPTURE: Final = b"OggS"
_HEADER: Final = struct.Struct("<4sBBqIIIB")
_CHECKSUM_AT: Final = 22
_CONTINUED, _FIRST, _LAST = 1, 2, 4
_UNBROKEN: Final = 255
"""A segment of this length does not end its packet."""


@dataclass(frozen=True, slots=True)
class Page:
    """``parts`` are packets, the first one a later part if ``is_continued``, the last an earlier one if it
    ``is_unfinished``. ``granule`` is the place in the audio at the end of the last packet that ends here, or -1.
    """

    offset: int
    """Of its first byte in the stream, ``end`` that of its last and one."""
    end: int
    is_continued: bool
    is_first: bool
    is_last: bool
    is_unfinished: bool
    granule: int
    serial: int
    sequence: int
    parts: tuple[bytes, ...]


class OggPages:
    """Takes bytes in pieces of any size, gives whole pages; holds at most what was fed and not yet given."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self.offset: int = 0
        """Of the first byte that was not given yet."""

    def feed(self, data: bytes) -> None:
        self._bytes += data

    def move(self, offset: int) -> None:
        """What comes next stands there in the stream."""
        self.offset = offset

    def next(self) -> Page | None:
        """``None``: the next page has not all arrived. Raises ``UndecodableAudio`` for what is no page."""
        data = self._bytes
        if not _CAPTURE.startswith(data[:4]) and data[:4] != _CAPTURE:
            raise UndecodableAudio(
                "the stream is not Ogg: no page begins at the first byte"
                if self.offset == 0
                else f"the Ogg stream is damaged: no page begins at byte {self.offset}"
            )
        if len(data) < _HEADER.size or len(data) < _HEADER.size + data[_HEADER.size - 1]:
            return None
        _, version, flags, granule, serial, sequence, checksum, count = _HEADER.unpack_from(data)
        table = data[_HEADER.size : _HEADER.size + count]
        begin = _HEADER.size + count
        size = begin + sum(table)
        if len(data) < size:
            return None
        page = bytes(data[:size])
        unsigned = page[:_CHECKSUM_AT] + bytes(4) + page[_CHECKSUM_AT + 4 :]
        if version != 0 or OGG_PAGE.update(0, unsigned) != checksum:
            raise UndecodableAudio(f"the Ogg page at byte {self.offset} is damaged: its checksum is wrong")
        del data[:size]
        offset, self.offset = self.offset, self.offset + size
        return Page(
            offset=offset,
            end=self.offset,
            is_continued=bool(flags & _CONTINUED),
            is_first=bool(flags & _FIRST),
            is_last=bool(flags & _LAST),
            is_unfinished=count > 0 and table[-1] == _UNBROKEN,
            granule=granule,
            serial=serial,
            sequence=sequence,
            parts=tuple(_parts(page, begin, table)),
        )


def _parts(page: bytes, begin: int, table: bytearray) -> list[bytes]:
    parts: list[bytes] = []
    end = begin
    for length in table:
        end += length
        if length != _UNBROKEN:
            parts.append(page[begin:end])
            begin = end
    if table and table[-1] == _UNBROKEN:
        parts.append(page[begin:end])
    return parts
