"""The frames of a FLAC stream as they arrive (RFC 9639). Pure.

FFmpeg's own parser waits for ten frames before it gives the first, which is seconds of audio. A frame ends where its
checksum comes out even, so it can be given the moment its last byte is there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from dragoman.audio.checksum import FLAC_FRAME, FLAC_HEADER
from dragoman.core.errors import UndecodableAudio, UnsupportedAudio

MARKER: Final = b"fLaC"
HEAD_BYTES: Final = 42
"""The marker, and the block STREAMINFO behind it."""
_INFO_BYTES: Final = 34
_BLOCK_HEADER: Final = 4
_LARGEST_HEAD: Final = 1 << 19
"""Bytes of metadata, pictures among them, that may stand before the audio: until it comes, all are kept."""
_LARGEST_BLOCK: Final = 16_384
"""Samples of a channel in a frame, as in FLAC's own subset for streams."""
_LONGEST_FRAME_HEADER: Final = 16
_SHORTEST_FRAME: Final = 9
_MOST_TRIES: Final = 8
"""Ends that a frame may seem to have: one by chance in sixty frames, so more are made on purpose."""
_SYNC: Final = 0xF8
"""The second byte of a frame but for its last bit; the first has all bits."""
_RATES: Final = (0, 88_200, 176_400, 192_000, 8_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000)
"""By their code; 0 stands for that of STREAMINFO."""


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """``raw`` is the block as a decoder wants it."""

    raw: bytes
    rate: int
    channels: int
    bits: int

    @classmethod
    def parse(cls, raw: bytes) -> StreamInfo:
        packed = int.from_bytes(raw[10:18], "big")
        return cls(raw, packed >> 44, (packed >> 41 & 7) + 1, (packed >> 36 & 31) + 1)


@dataclass(frozen=True, slots=True)
class Frame:
    """``number`` counts frames, or samples if they may differ in length; ``following`` is that of the next frame."""

    offset: int
    data: bytes
    samples: int
    number: int
    following: int


@dataclass(frozen=True, slots=True)
class _Header:
    samples: int
    number: int
    following: int


class FlacFrames:
    """Takes bytes in pieces of any size, gives ``info`` and whole frames.

    ``resumed_at`` is for a stream of which only the first ``HEAD_BYTES`` come, and then what stands from there on.
    """

    def __init__(self, resumed_at: int | None = None) -> None:
        self._resumed_at = resumed_at
        self._bytes = bytearray()
        self.offset: int = 0
        """Of the first byte that was not given yet."""
        self.info: StreamInfo | None = None
        self._in_audio = False
        self._skip = 0
        """Bytes of metadata that are still to come."""
        self._is_last_block = False
        self._expected: int | None = None
        """The number of the next frame."""
        self._header: _Header | None = None
        """Of the frame that begins the bytes."""
        self._searched = _SHORTEST_FRAME
        """Where an end was not looked for yet."""
        self._checked = 0
        """So many of the bytes are in ``_checksum``."""
        self._checksum = 0
        self._tries = 0

    def feed(self, data: bytes) -> None:
        self._bytes += data

    def ends(self) -> Iterator[Frame]:
        """The next frame, and if that is none after all, as its decoder finds, the one that ends later.

        Nothing at all: the next frame has not all arrived. ``take`` what is a frame. Raises ``UndecodableAudio``, and
        ``UnsupportedAudio`` for what FLAC can do but is not taken here.
        """
        if not self._in_audio and not self._pass_head():
            return
        if self._header is None:
            self._header = self._parse_header()
        header = self._header
        if header is None:
            return
        for end in self._possible_ends(self._longest(header.samples)):
            yield Frame(self.offset, bytes(self._bytes[:end]), header.samples, header.number, header.following)

    def take(self, frame: Frame) -> None:
        del self._bytes[: len(frame.data)]
        self.offset += len(frame.data)
        self._expected = frame.following
        self._header = None
        self._searched = _SHORTEST_FRAME
        self._checked = self._checksum = self._tries = 0

    def _pass_head(self) -> bool:
        """Whether the audio has begun."""
        data = self._bytes
        if self.info is None:
            start = bytes(data[: len(MARKER)])
            if not MARKER.startswith(start):
                raise UndecodableAudio("the stream is not FLAC: it does not begin with fLaC")
            if len(data) < HEAD_BYTES:
                return False
            if data[4] & 0x7F != 0 or int.from_bytes(data[5:8], "big") != _INFO_BYTES:
                raise UndecodableAudio("the FLAC stream is damaged: it does not begin with STREAMINFO")
            self.info = StreamInfo.parse(bytes(data[8:HEAD_BYTES]))
            self._is_last_block = data[4] >= 0x80
            self._drop(HEAD_BYTES)
            if self._resumed_at is not None:
                self.offset, self._is_last_block = self._resumed_at, True
        while True:
            passed = min(self._skip, len(data))
            self._skip -= passed
            self._drop(passed)
            if self._skip:
                return False
            if self._is_last_block:
                self._in_audio = True
                return True
            if len(data) < _BLOCK_HEADER:
                return False
            self._is_last_block = data[0] >= 0x80
            self._skip = _BLOCK_HEADER + int.from_bytes(data[1:4], "big")
            if self.offset + self._skip > _LARGEST_HEAD:
                raise UndecodableAudio(f"more than {_LARGEST_HEAD >> 10} KiB of metadata stand before the audio")

    def _drop(self, count: int) -> None:
        del self._bytes[:count]
        self.offset += count

    def _parse_header(self) -> _Header | None:
        """That of the frame at the beginning of the bytes, ``None`` if it has not all arrived."""
        assert self.info is not None
        data = self._bytes
        if not b"\xff".startswith(data[:1]) or (len(data) > 1 and data[1] & 0xFE != _SYNC):
            raise self._damaged("no frame begins here; a stream is one FLAC file from its beginning to its end")
        if len(data) < 6:
            return None
        block_code, rate_code = data[2] >> 4, data[2] & 15
        channel_code, is_variable = data[3] >> 4, bool(data[1] & 1)
        more = 8 - (data[4] ^ 0xFF).bit_length() if data[4] >= 0xC0 else 0
        extra = {6: 1, 7: 2}.get(block_code, 0)
        rate_extra = {12: 1, 13: 2, 14: 2}.get(rate_code, 0)
        size = 5 + max(more - 1, 0) + extra + rate_extra
        if 0x80 <= data[4] < 0xC0 or more == 8 or block_code == 0 or rate_code == 15 or channel_code > 10:
            raise self._damaged("the header of the frame here cannot be")
        if len(data) < size + 1:
            return None
        if FLAC_HEADER.update(0, data[:size]) != data[size]:
            raise self._damaged("the checksum of the frame's header here is wrong")
        number = data[4] if more == 0 else data[4] & (0x7F >> more)
        for byte in data[5 : 5 + max(more - 1, 0)]:
            number = number << 6 | byte & 0x3F
        at = size - extra - rate_extra
        samples = _block_samples(block_code, int.from_bytes(data[at : at + extra], "big"))
        if samples > _LARGEST_BLOCK:
            raise UnsupportedAudio(
                f"the stream has FLAC blocks of {samples} samples; at most {_LARGEST_BLOCK} are taken"
            )
        stated = int.from_bytes(data[size - rate_extra : size], "big")
        rate = {12: stated * 1000, 13: stated, 14: stated * 10}.get(rate_code, 0) or self._rate_of(rate_code)
        if (rate, channel_code + 1 if channel_code < 8 else 2) != (self.info.rate, self.info.channels):
            raise UnsupportedAudio("the sampling rate or the number of channels changes within the FLAC stream")
        if self._expected not in (None, number):
            raise self._damaged("a frame is missing")
        return _Header(samples, number, number + (samples if is_variable else 1))

    def _rate_of(self, code: int) -> int:
        assert self.info is not None
        return (_RATES[code] if code < len(_RATES) else 0) or self.info.rate

    def _possible_ends(self, longest: int) -> Iterator[int]:
        """Where the checksum is even: before what begins like a frame, and at the end of what has arrived."""
        data = self._bytes
        while self._searched <= len(data):
            at = data.find(b"\xff", self._searched)
            if 0 <= at < len(data) - 1 and data[at + 1] & 0xFE != _SYNC:
                self._searched = at + 1
                continue
            at = len(data) if at < 0 else at
            if at > longest or self._tries == _MOST_TRIES:
                raise self._damaged("the frame here has no end")
            self._checksum = FLAC_FRAME.update(self._checksum, bytes(data[self._checked : at]))
            self._checked, self._searched = at, at + 1
            if self._checksum == 0:
                self._tries += 1
                yield at

    def _longest(self, samples: int) -> int:
        """Bytes of a frame in which nothing is compressed."""
        assert self.info is not None
        return _LONGEST_FRAME_HEADER + self.info.channels * (samples * (self.info.bits + 1) // 8 + 16)

    def _damaged(self, what: str) -> UndecodableAudio:
        return UndecodableAudio(f"the FLAC stream is damaged at byte {self.offset}: {what}")


def _block_samples(code: int, stated: int) -> int:
    if code == 1:
        return 192
    if code < 6:
        return 576 << (code - 2)
    return stated + 1 if code < 8 else 256 << (code - 8)
