"""Encoded audio as it arrives → samples, at once, and from where it can be decoded again.

PCM is signed 16-bit little-endian, channels interleaved. FLAC is a native stream, Opus one in Ogg pages. Containers and
frames are taken apart here, since FFmpeg's demuxers read files; its decoders get whole packets.

Opus has no sampling rate of its own: it is decoded at 48,000, and the rate in its header only tells what the encoder
was given, often wrongly, so nothing is compared with it. A FLAC stream must have the rate that was said.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any, Final, Protocol

import av
import numpy as np
import numpy.typing as npt
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from av.packet import Packet

from dragoman.audio.flac import HEAD_BYTES, FlacFrames
from dragoman.audio.frames import pieces
from dragoman.audio.ogg import OggPages, Page
from dragoman.audio.place import Place
from dragoman.core.errors import UndecodableAudio, UnsupportedAudio
from dragoman.core.request import AudioEncoding

Pcm = npt.NDArray[np.int16]
"""Shape [n, channels]."""

_OPUS_RATE: Final = AudioEncoding.OGG_OPUS.decoded_rate(0)
_OPUS_HEAD: Final = b"OpusHead"
_OPUS_TAGS: Final = b"OpusTags"
_OPUS_HEAD_BYTES: Final = 19
_OPUS_PRE_ROLL: Final = _OPUS_RATE * 80 // 1000
"""Samples after which a decoder that begins anywhere has found into the stream (RFC 7845, 4.6)."""
_LONGEST_PACKET: Final = 61_440
"""Bytes of an Opus packet (RFC 7845, 6)."""
_SHORTEST_GAP: Final = _OPUS_RATE * 15 // 1000
_LONGEST_GAP: Final = _OPUS_RATE * 600
"""A jump of the clock by less is rounding, by more a fault or another clock: no silence is put in."""
_PLACES_EVERY_S: Final = 0.5
_MOST_BETWEEN: Final = 1 << 19
"""Bytes from one place to the next, beyond those that samples of 32 bits would take. As long as a stream may have to be
taken up again all of them are kept, so they must not be many that hold no audio; pictures in tags are among them."""
_SAMPLE_BYTES: Final = 2
_FLAC_SHARE: Final = 0.55
"""Of the bytes of PCM, as a rule."""
_OPUS_BYTES_PER_S: Final = 4_000
"""Of a channel, as a rule."""


class StreamDecoder(Protocol):
    """Decodes one stream. It holds no more than what was fed and not read."""

    @property
    def rate(self) -> int:
        """Of the samples that come out."""
        ...

    @property
    def position(self) -> int:
        """The sample that is read next."""
        ...

    @property
    def consumed(self) -> int:
        """Byte of the stream before which nothing waits to be read. What is incomplete does not wait."""
        ...

    @property
    def bytes_per_s(self) -> float:
        """How many bytes hold a second, about, as far as the stream tells by now."""
        ...

    def feed(self, data: bytes) -> None:
        """Bytes in pieces of any size."""
        ...

    def finish(self) -> None:
        """No more will come. Raises ``UndecodableAudio`` when not even the header came; what is incomplete at the end
        is left out."""
        ...

    def read(self) -> Pcm | None:
        """The next samples, a little over two seconds at most; ``None``: more must be fed first.

        Raises ``UndecodableAudio``, and ``UnsupportedAudio`` for another rate or number of channels than were said.
        """
        ...

    def place(self, sample: int) -> Place:
        """Where to begin to get everything from this sample on, which is not before that of the last call."""
        ...


def open_stream_decoder(
    encoding: AudioEncoding, rate: int, channels: int, *, start: int = 0, resumed: Place | None = None
) -> StreamDecoder:
    """``rate`` and ``channels`` are what the client says. Samples before ``start`` are left out.

    ``resumed``: the stream is fed its head and then what stands from that place on.
    """
    place = resumed or Place()
    if encoding is AudioEncoding.PCM:
        return _Pcm(rate, channels, place, start)
    if encoding is AudioEncoding.FLAC:
        return _Flac(rate, channels, place, start)
    return _OggOpus(channels, place, start)


class _Pcm:
    def __init__(self, rate: int, channels: int, place: Place, start: int) -> None:
        self.rate = rate
        self._channels = channels
        self._frame = channels * _SAMPLE_BYTES
        self._bytes = bytearray()
        self._offset = place.offset
        self._start = start
        self.bytes_per_s = float(rate * self._frame)

    @property
    def position(self) -> int:
        return self._offset // self._frame

    @property
    def consumed(self) -> int:
        return self._offset + len(self._bytes) if len(self._bytes) < self._frame else self._offset

    def feed(self, data: bytes) -> None:
        self._bytes += data

    def finish(self) -> None:
        pass

    def read(self) -> Pcm | None:
        size = min(len(self._bytes) // self._frame, self.rate) * self._frame
        if size == 0:
            return None
        samples = np.frombuffer(bytes(self._bytes[:size]), "<i2").reshape(-1, self._channels)
        left_out = max(0, self._start - self.position)
        del self._bytes[:size]
        self._offset += size
        return samples[left_out:]

    def place(self, sample: int) -> Place:
        return Place(sample * self._frame, sample)


class _Places:
    """Those that may still be asked for, in order, not closer together than needed."""

    def __init__(self, first: Place, rate: int, channels: int, pre_roll: int) -> None:
        self._densest = 4 * channels
        """Bytes a sample."""
        self._apart = round(rate * _PLACES_EVERY_S)
        self._pre_roll = pre_roll
        self._known: deque[tuple[int, Place]] = deque([(first.position or 0, first)])

    def add(self, place: Place) -> None:
        assert place.position is not None
        if len(self._known) == 1 or place.position >= self._known[-1][0] + self._apart:
            self._known.append((place.position, place))

    def reach(self, offset: int, position: int) -> None:
        """The stream has got there. Raises ``UnsupportedAudio`` if so many bytes cannot be meant."""
        known_position, known = self._known[-1]
        if offset - known.offset > _MOST_BETWEEN + max(0, position - known_position) * self._densest:
            raise UnsupportedAudio("the stream has far more bytes than its audio needs")

    def before(self, sample: int) -> Place:
        while len(self._known) > 1 and self._known[1][0] + self._pre_roll <= sample:
            self._known.popleft()
        return self._known[0][1]


class _Decoder:
    """What all have in common: a splitter that holds the bytes, and places."""

    def __init__(
        self,
        splitter: FlacFrames | OggPages,
        rate: int,
        channels: int,
        place: Place,
        start: int,
        *,
        pre_roll: int,
        bytes_per_s: float,
    ) -> None:
        self.rate = rate
        self._channels = channels
        self._splitter = splitter
        self._start = start
        self._resumed = place if place.position is not None else None
        self._received = 0 if self._resumed is None else place.offset - place.head
        self._is_waiting = True
        self._position = place.position or 0
        self._places = _Places(place, rate, channels, pre_roll)
        self._typical = bytes_per_s
        self._codec: AudioCodecContext | None = None

    @property
    def position(self) -> int:
        return max(self._position, self._start)

    @property
    def consumed(self) -> int:
        return self._received if self._is_waiting else self._splitter.offset

    @property
    def bytes_per_s(self) -> float:
        return (self._splitter.offset + self._typical) / (max(0, self._position) / self.rate + 1)

    def feed(self, data: bytes) -> None:
        self._splitter.feed(data)
        self._received += len(data)
        self._is_waiting = False

    def finish(self) -> None:
        if self._received and self._codec is None:
            raise UndecodableAudio("the stream ended before it said in which form it is")

    def place(self, sample: int) -> Place:
        return self._places.before(sample)

    def _given(self, samples: Pcm) -> Pcm:
        """The samples that come next, less those that are not wanted."""
        self._places.reach(self._splitter.offset, self._position)
        left_out = max(0, self._start - self._position)
        self._position += len(samples)
        return samples[left_out:]


class _Flac(_Decoder):
    def __init__(self, rate: int, channels: int, place: Place, start: int) -> None:
        self._frames = FlacFrames(None if place.position is None else place.offset)
        typical = rate * channels * _SAMPLE_BYTES * _FLAC_SHARE
        super().__init__(self._frames, rate, channels, place, start, pre_roll=0, bytes_per_s=typical)

    def read(self) -> Pcm | None:
        for frame in self._frames.ends():
            samples = self._decoded(frame.data)
            if len(samples) == frame.samples:
                self._places.add(Place(frame.offset, self._position, HEAD_BYTES))
                self._frames.take(frame)
                return self._given(samples)
        self._check()
        self._is_waiting = True
        return None

    def _decoded(self, data: bytes) -> Pcm:
        """Nothing if it is no frame."""
        self._check()
        if self._codec is None:
            assert self._frames.info is not None
            self._codec = _codec("flac", self._frames.info.raw)
        try:
            return _pcm(self._codec.decode(Packet(data)), self._channels)
        except av.FFmpegError:
            return np.zeros((0, self._channels), np.int16)

    def _check(self) -> None:
        info = self._frames.info
        if info is not None:
            _check_channels(info.channels, self._channels)
            if info.rate != self.rate:
                raise UnsupportedAudio(
                    f"the sampling rate of the FLAC stream is {info.rate} Hz, but {self.rate} Hz was said"
                )


class _OggOpus(_Decoder):
    def __init__(self, channels: int, place: Place, start: int) -> None:
        self._pages = OggPages()
        typical = channels * _OPUS_BYTES_PER_S
        super().__init__(self._pages, _OPUS_RATE, channels, place, start, pre_roll=_OPUS_PRE_ROLL, bytes_per_s=typical)
        self._serial: int | None = None
        self._sequence: int | None = None
        self._head = 0
        """Where the page with OpusHead ends."""
        self._has_tags = False
        self._clock: int | None = None
        """Granule position up to which there were samples."""
        self._part = b""
        """A packet that goes on on the next page."""
        self._has_part = False
        self._silence = 0
        self._packets: deque[tuple[bytes, int]] = deque()
        """What is to be decoded, and how many samples of it are kept."""
        self._is_over = False

    def read(self) -> Pcm | None:
        while not self._silence and not self._packets:
            page = self._pages.next()
            if page is None:
                self._is_waiting = True
                return None
            self._take(page)
            self._places.reach(page.end, self._position)
        if self._silence:
            count = min(self._silence, _OPUS_RATE)
            self._silence -= count
            samples = np.zeros((count, self._channels), np.int16)
        else:
            samples = self._decoded(*self._packets.popleft())
        return self._given(samples)

    def _take(self, page: Page) -> None:
        if self._is_over or (page.is_first and self._serial is not None):
            raise UnsupportedAudio("another Ogg stream follows the first; send one only, from its beginning to its end")
        if self._serial is None:
            self._begin(page)
            return
        if page.serial != self._serial:
            raise UnsupportedAudio("the Ogg stream holds several streams side by side; send one with nothing but Opus")
        is_lost = self._sequence is not None and page.sequence != (self._sequence + 1) % (1 << 32)
        self._sequence = page.sequence
        self._is_over = page.is_last
        packets = list(page.parts)
        goes_on = page.is_continued and bool(packets)
        if goes_on and self._has_part and not is_lost:
            packets[0] = self._part + packets[0]
        elif goes_on:
            del packets[0]  # its beginning is lost
        elif self._has_part and not is_lost and packets:
            raise UndecodableAudio("the Ogg stream is damaged: a packet is not complete")
        self._has_part = page.is_unfinished and bool(packets)
        self._part = packets.pop() if self._has_part else b""
        if len(self._part) > _LONGEST_PACKET and self._has_tags:
            raise UndecodableAudio("the stream holds a packet that is longer than Opus has them")
        if not self._has_tags:
            self._pass_tags(packets)
        elif packets:
            self._schedule(page, packets, first_is_whole=not goes_on)

    def _begin(self, page: Page) -> None:
        head = page.parts[0] if page.parts else b""
        if not page.is_first or len(page.parts) != 1 or not head.startswith(_OPUS_HEAD):
            kind = " but FLAC in Ogg; send FLAC without it" if head.startswith(b"\x7fFLAC") else ""
            raise UndecodableAudio(f"the Ogg stream does not begin with an Opus header{kind}")
        if len(head) < _OPUS_HEAD_BYTES or head[8] >> 4:
            raise UndecodableAudio("the Opus header is damaged or of a version that is not known")
        if head[18] != 0:
            raise UnsupportedAudio("the Opus stream has more than two channels, or channels that mean something else")
        _check_channels(head[9], self._channels)
        self._serial, self._sequence, self._head = page.serial, page.sequence, page.end
        self._position = -int.from_bytes(head[10:12], "little")
        # What is to be left out at the beginning is left out here.
        self._codec = _codec("libopus", head[:10] + bytes(2) + head[12:])
        if self._resumed is not None:
            assert self._resumed.position is not None
            self._position, self._clock, self._sequence = self._resumed.position, self._resumed.clock, None
            self._has_tags = True
            self._pages.move(self._resumed.offset)

    def _pass_tags(self, packets: list[bytes]) -> None:
        if packets and not packets[0].startswith(_OPUS_TAGS):
            raise UndecodableAudio("the Ogg stream is damaged: no tags follow the Opus header")
        if len(packets) > 1 or (packets and self._has_part):
            raise UndecodableAudio("the Ogg stream is damaged: audio begins on the page of the tags")
        self._has_tags = bool(packets)

    def _schedule(self, page: Page, packets: list[bytes], *, first_is_whole: bool) -> None:
        if page.granule < 0:
            raise UndecodableAudio("the Ogg stream is damaged: a page does not say where its audio lies")
        lengths = [_opus_samples(packet) for packet in packets]
        total = sum(lengths)
        kept = total
        starts_at = page.granule - total
        if self._clock is None:
            self._clock = max(starts_at, 0)
        if page.is_last and starts_at < self._clock:
            kept = max(0, page.granule - self._clock)
        elif _SHORTEST_GAP <= starts_at - self._clock <= _LONGEST_GAP:
            self._silence = starts_at - self._clock
        begins_at = self._position + self._silence
        if first_is_whole:
            self._places.add(Place(page.offset, begins_at, self._head, starts_at))
        elif len(packets) > 1:
            self._places.add(Place(page.offset, begins_at + lengths[0], self._head, starts_at + lengths[0]))
        self._clock = max(page.granule, 0)
        for packet, length in zip(packets, lengths, strict=True):
            self._packets.append((packet, min(length, kept)))
            kept -= min(length, kept)

    def _decoded(self, packet: bytes, kept: int) -> Pcm:
        assert self._codec is not None
        try:
            return _pcm(self._codec.decode(Packet(packet)), self._channels)[:kept]
        except av.FFmpegError as error:
            raise UndecodableAudio("the stream holds a packet that is not Opus") from error


def _opus_samples(packet: bytes) -> int:
    """How many samples of 48 kHz a packet holds, by its first bytes (RFC 6716, 3.1)."""
    if packet:
        kind, code = packet[0] >> 3, packet[0] & 3
        hybrid = 480 << (kind & 1) if kind < 16 else 120 << (kind & 3)
        frame = (480, 960, 1920, 2880)[kind & 3] if kind < 12 else hybrid
        frames = (1, 2, 2, packet[1] & 63 if len(packet) > 1 else 0)[code]
        if 0 < frames * frame <= 5760:
            return frames * frame
    raise UndecodableAudio("the stream holds a packet that is not Opus")


def _check_channels(has: int, said: int) -> None:
    if has != said:
        raise UnsupportedAudio(f"the number of channels in the stream is {has}, but {said} was said")


def _codec(name: str, extradata: bytes) -> AudioCodecContext:
    codec: Any = av.CodecContext.create(name, "r")
    codec.thread_count = 1
    codec.extradata = extradata
    return codec  # type: ignore[no-any-return]


def _pcm(frames: list[AudioFrame], channels: int) -> Pcm:
    blocks = list(_blocks(frames))
    return np.concatenate(blocks) if blocks else np.zeros((0, channels), np.int16)


def _blocks(frames: list[AudioFrame]) -> Iterator[Pcm]:
    for frame in frames:
        for samples in pieces(frame):
            yield np.clip(np.rint(samples * np.float32(32_768)), -32_768, 32_767).astype(np.int16)
