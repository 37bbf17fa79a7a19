"""Opens an upload for decoding. Nothing but the file itself is ever read, and only audio decoders ever run.

FFmpeg would follow a playlist to other files and addresses, and would guess a format from a file's name. Both are shut
off: it reads through a nameless Python object, has no protocol to open anything else with, and refuses every container
and codec that is not on the lists below. The lists name what carries recordings; codecs of games and trackers are left
out because nobody's recording needs them and each is code that parses hostile bytes.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from os import SEEK_SET
from pathlib import Path
from typing import BinaryIO, Final

import av
import av._core
import av.container
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.error import ExitError
from av.packet import Packet
from av.stream import Discard

from dragoman.core.errors import EmptyAudio, UndecodableAudio

CONTAINERS: Final = (
    "aac", "ac3", "aiff", "amr", "ape", "asf", "au", "avi", "caf", "dsf", "dss", "dts", "dtshd", "eac3", "flac", "flv",
    "hcom", "iff", "ircam", "loas", "matroska", "mov", "mp3", "mpc", "mpc8", "mpeg", "mpegts", "nistsphere", "ogg",
    "oma", "pvf", "qcp", "rm", "sox", "tak", "tta", "voc", "w64", "wav", "wtv", "wv", "xwma",
)  # fmt: skip
"""FFmpeg demuxers that may be used, none of which refers to other files by design."""

CODECS: Final = (
    "aac", "aac_latm", "ac3", "adpcm_ct", "adpcm_ima_dk3", "adpcm_ima_dk4", "adpcm_ima_oki", "adpcm_ima_qt",
    "adpcm_ima_wav", "adpcm_ms", "adpcm_sbpro_2", "adpcm_sbpro_3", "adpcm_sbpro_4", "adpcm_swf", "adpcm_yamaha",
    "alac", "als", "amrnb", "amrwb", "ape", "atrac1", "atrac3", "atrac3al", "atrac3plus", "atrac3plusal", "cook",
    "dca", "dsd_lsbf", "dsd_lsbf_planar", "dsd_msbf", "dsd_msbf_planar", "dss_sp", "dst", "dvaudio", "eac3", "evrc",
    "flac", "g722", "g723_1", "g726", "g726le", "g728", "g729", "gsm", "gsm_ms", "hcom", "ilbc", "libopencore_amrnb",
    "libopencore_amrwb", "libopus", "mace3", "mace6", "mlp", "mp1", "mp1float", "mp2", "mp2float", "mp3", "mp3float",
    "mpc7", "mpc8", "msnsiren", "nellymoser", "opus", "pcm_alaw", "pcm_bluray", "pcm_dvd", "pcm_f16le", "pcm_f24le",
    "pcm_f32be", "pcm_f32le", "pcm_f64be", "pcm_f64le", "pcm_mulaw", "pcm_s16be", "pcm_s16be_planar", "pcm_s16le",
    "pcm_s16le_planar", "pcm_s24be", "pcm_s24le", "pcm_s24le_planar", "pcm_s32be", "pcm_s32le", "pcm_s32le_planar",
    "pcm_s64be", "pcm_s64le", "pcm_s8", "pcm_s8_planar", "pcm_u16be", "pcm_u16le", "pcm_u24be", "pcm_u24le",
    "pcm_u32be", "pcm_u32le", "pcm_u8", "qcelp", "qdm2", "real_144", "real_288", "s302m", "shorten", "sipr", "siren",
    "speex", "tak", "truehd", "truespeech", "tta", "twinvq", "vorbis", "wavpack", "wmalossless", "wmapro", "wmav1",
    "wmav2", "wmavoice",
)  # fmt: skip
"""FFmpeg decoders that may be used, all of them audio."""

_ESTIMATING: Final = frozenset({"aac", "ac3", "eac3", "loas", "mp3"})
"""Containers without a header: FFmpeg guesses their length from the bit rate of the first frames."""

_LOWEST_BIT_RATE: Final = 100
"""Bits per second that even silence needs in every codec above; a header that claims less claims nonsense."""

_MAX_SAMPLES_A_FRAME: Final = 1 << 22
"""Samples, all channels together, that one packet may decode to; the largest honest frame has half as many."""

_LARGEST_ALLOCATION: Final = 256 << 20
"""Bytes FFmpeg may ask for at once: the table of packets of a day of M4A takes 100 MB, a lying header any number."""

_STALLED_AFTER_S: Final = 60
_MAX_READ_ERRORS: Final = 10
"""Errors of the container, one after another, after which the recording counts as ended."""

_MAX_BAD_PACKETS: Final = 50
"""Packets that may fail beyond those that decode before the recording is given up."""

NOT_A_RECORDING: Final = (
    "this is not a recording in a format that can be decoded; send WAV, FLAC, MP3, M4A, Ogg, Opus, WebM or a video with"
    " sound, and put raw PCM, which has no header to say what it is, into a WAV file"
)
STALLED: Final = f"reading the file took more than {_STALLED_AFTER_S} s at one place; it is damaged or made to do so"


class Track:
    """The best audio track of an open file.

    ``rate_hz`` and ``channels`` are what its header claims, ``None`` when it says nothing. ``stated_ms`` is how long
    the header says it is, ``None`` when it does not or it cannot be true of a file this size; ``duration_ms`` is that
    or FFmpeg's estimate. ``start_s`` is when the recording as a whole begins, on the clock of the frames' own times: a
    video's picture may begin before its sound.
    """

    def __init__(self, container: av.container.InputContainer, stream: AudioStream, size: int) -> None:
        self._container = container
        self._stream = stream
        context = stream.codec_context
        self.rate_hz: int | None = context.sample_rate or None
        self.channels: int | None = context.channels or None
        self.start_s: float | None = None if container.start_time is None else container.start_time / av.time_base
        lowest = context.bit_rate if context.name.startswith("pcm_") and context.bit_rate else _LOWEST_BIT_RATE
        claimed_ms = container.duration // (av.time_base // 1000) if container.duration else 0
        believable = 0 < claimed_ms <= size * 8000 / lowest + 1000
        self.duration_ms: int | None = claimed_ms if believable else None
        self.stated_ms: int | None = None if container.format.name in _ESTIMATING else self.duration_ms
        self.bad_packets: int = 0

    def frames(self) -> Iterator[AudioFrame]:
        """Every frame that decodes, in order; each holds at least one sample.

        A packet that does not decode is left out, and the times of the next frames show the gap. Raises
        ``UndecodableAudio`` when most packets are bad. A recording that breaks off ends where it breaks off.
        """
        good = 0
        for packet in self._packets():
            try:
                frames = packet.decode()
            except av.FFmpegError:
                self.bad_packets += 1
                if self.bad_packets > good + _MAX_BAD_PACKETS:
                    break
                continue
            for frame in frames:
                if frame.samples > 0:
                    good += 1
                    yield frame
        if self.bad_packets > good:
            raise UndecodableAudio("most of the recording is damaged and cannot be decoded")

    def _packets(self) -> Iterator[Packet[AudioStream]]:
        """Reading goes on after an error, as some containers find their way back, but not for ever.

        ``IndexError`` is how PyAV 18.1 reports a packet of a track that appears only half way, as in damaged MPEG.
        """
        errors = 0
        while errors < _MAX_READ_ERRORS:
            try:
                for packet in self._container.demux(self._stream):
                    errors = 0
                    yield packet
                return
            except ExitError as error:
                raise UndecodableAudio(STALLED) from error
            except (av.FFmpegError, IndexError):
                errors += 1


@contextmanager
def open_track(path: Path) -> Iterator[Track]:
    """Open the best audio track of a file, identified by its content alone.

    Raises ``EmptyAudio`` for a file without a byte, ``UndecodableAudio`` for everything that is not a recording, and
    ``OSError`` when the file itself cannot be read.
    """
    with path.open("rb") as file:
        size = path.stat().st_size
        if size == 0:
            raise EmptyAudio("the file is empty; send a recording")
        with _opened(file) as container:
            stream = container.streams.best("audio")
            if not isinstance(stream, AudioStream):
                raise UndecodableAudio("the file has no audio track")
            # PyAV leaves the context out for a codec that FFmpeg does not know.
            context = stream.codec_context
            if context is None or context.name not in CODECS:
                raise UndecodableAudio("the encoding of the audio track is not supported; convert it to WAV or FLAC")
            for other in container.streams:
                if other is not stream:
                    other.discard = Discard.all
            context.thread_count = 1
            context.options = {"max_samples": str(_MAX_SAMPLES_A_FRAME)}
            yield Track(container, stream, size)


def _opened(file: BinaryIO) -> av.container.InputContainer:
    _limit_allocations()
    try:
        return av.open(
            _Nameless(file),
            "r",
            container_options={
                "format_whitelist": ",".join(CONTAINERS),
                "codec_whitelist": ",".join(CODECS),
                "protocol_whitelist": "",
            },
            metadata_errors="replace",
            timeout=_STALLED_AFTER_S,
        )
    except ExitError as error:
        raise UndecodableAudio(STALLED) from error
    except av.FFmpegError as error:
        raise UndecodableAudio(NOT_A_RECORDING) from error


def _limit_allocations() -> None:
    """Set FFmpeg's own ceiling, for the whole process. PyAV has no call for it; its library has FFmpeg's function."""
    try:
        set_ceiling = ctypes.CDLL(av._core.__file__).av_max_alloc
    except (AttributeError, OSError):
        return  # Windows finds a function only in the library that defines it; the worker's own limit is left.
    set_ceiling.argtypes = [ctypes.c_size_t]
    set_ceiling.restype = None
    set_ceiling(_LARGEST_ALLOCATION)


class _Nameless:
    """A file without its name, so that neither its extension nor its folder means anything to FFmpeg.

    A damaged file can ask for a place that cannot be. FFmpeg takes a negative answer well; an exception would be kept
    by PyAV and come out of the next call, even of another file's.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.read = file.read
        self.tell = file.tell

    def seek(self, offset: int, whence: int = SEEK_SET) -> int:
        try:
            return self._file.seek(offset, whence)
        except (OSError, ValueError, OverflowError):
            return -1
