"""Laws of encoded audio that is decoded as it arrives."""

from __future__ import annotations

import io
import random
import struct
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dragoman.audio.checksum import FLAC_FRAME, OGG_PAGE
from dragoman.audio.flac import FlacFrames
from dragoman.audio.place import Place
from dragoman.audio.stream_decode import StreamDecoder, open_stream_decoder
from dragoman.core.errors import UndecodableAudio, UnsupportedAudio
from dragoman.core.request import AudioEncoding
from recordings import encode, speech

pytestmark = pytest.mark.unit

PCM, OPUS, FLAC = AudioEncoding.PCM, AudioEncoding.OGG_OPUS, AudioEncoding.FLAC
RATE = 16_000
PRE_SKIP = 312
"""Samples that the encoder of these tests puts before the sound."""

Samples = np.ndarray


@pytest.fixture(scope="session")
def two_cities(sample: Callable[[str], Path]) -> Path:
    return sample("two_cities")


def sound(recording: Path, seconds: float, channels: int = 1, rate: int = RATE) -> Samples:
    """Shape [channels, n]."""
    return np.stack([speech(recording, rate, seconds, 1.0 + 3 * number) for number in range(channels)])


def pcm_of(samples: Samples) -> bytes:
    return np.rint(samples.T * 32_767).astype("<i2").tobytes()


def encoded(encoding: AudioEncoding, samples: Samples, rate: int = RATE, **options: str) -> bytes:
    if encoding is PCM:
        return pcm_of(samples)
    if encoding is FLAC:
        return encode(samples, rate, "flac", "flac", **options)
    return encode(samples, rate, "libopus", "ogg", **{"page_duration": "100000"} | options)


def read_all(decoder: StreamDecoder, pieces: Iterable[bytes]) -> Samples:
    """Shape [n, channels]."""
    got = [np.zeros((0, 1), np.int16)][:0]
    for piece in pieces:
        decoder.feed(piece)
        while (samples := decoder.read()) is not None:
            assert len(samples) <= 2 * decoder.rate
            got.append(samples)
    decoder.finish()
    return np.concatenate(got) if got else np.zeros((0, 1), np.int16)


def decode(encoding: AudioEncoding, data: bytes, *, channels: int = 1, rate: int = RATE, piece: int = 1_000) -> Samples:
    decoder = open_stream_decoder(encoding, rate, channels)
    return read_all(decoder, (data[first : first + piece] for first in range(0, len(data), piece)))


def whole_file(data: bytes, rate: int) -> Samples:
    """As FFmpeg decodes it, shape [n, channels]."""
    with av.open(io.BytesIO(data)) as container:
        frames = [frame.to_ndarray() for frame in container.decode(audio=0)]
        channels = container.streams.audio[0].channels
    kind = frames[0].dtype
    planes = np.concatenate(frames, axis=1)
    samples = planes.T if len(planes) == channels else planes.reshape(-1, channels)
    return samples / (1 if kind == np.float32 else -float(np.iinfo(kind).min))


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(
    ("encoding", "rate"),
    [
        *((FLAC, rate) for rate in (8_000, 16_000, 22_050, 44_100, 48_000)),
        *((OPUS, rate) for rate in (8_000, 16_000, 24_000, 48_000)),
    ],
)
def test_what_arrives_is_what_the_whole_file_holds(
    two_cities: Path, encoding: AudioEncoding, rate: int, channels: int
) -> None:
    data = encoded(encoding, sound(two_cities, 3.3, channels, rate), rate)
    samples = decode(encoding, data, channels=channels, rate=rate)
    expected = whole_file(data, rate)
    assert samples.shape == expected.shape
    assert samples.shape == (round(3.3 * encoding.decoded_rate(rate)), channels)
    # FFmpeg's own decoder of Opus and the one used here round differently.
    assert np.abs(samples / 32_768 - expected).max() < (1e-3 if encoding is OPUS else 1e-9)
    assert np.abs(samples).max() > 1_000


def test_pcm_is_taken_as_it_is(two_cities: Path) -> None:
    data = pcm_of(sound(two_cities, 1, 2))
    assert decode(PCM, data, channels=2, piece=333).tobytes() == data
    assert decode(PCM, data[:-1], channels=2).tobytes() == data[:-4]


@pytest.mark.parametrize("encoding", [PCM, OPUS, FLAC])
def test_a_stream_may_be_cut_anywhere(two_cities: Path, encoding: AudioEncoding) -> None:
    data = encoded(encoding, sound(two_cities, 0.3, 2))
    expected = decode(encoding, data, channels=2, piece=len(data))
    for cut in range(0, len(data), 1 if len(data) < 5_000 else 7):
        samples = read_all(open_stream_decoder(encoding, RATE, 2), [data[:cut], data[cut:]])
        assert np.array_equal(samples, expected)
    assert np.array_equal(decode(encoding, data, channels=2, piece=1), expected)


@pytest.mark.parametrize("encoding", [PCM, OPUS, FLAC])
def test_what_is_complete_is_given_at_once_and_waits_for_nothing_behind_it(
    two_cities: Path, encoding: AudioEncoding
) -> None:
    data = encoded(encoding, sound(two_cities, 2))
    decoder = open_stream_decoder(encoding, RATE, 1)
    lags = []
    for first in range(0, len(data), 100):
        decoder.feed(data[first : first + 100])
        while decoder.read() is not None:
            pass
        assert decoder.consumed == min(first + 100, len(data))
        lags.append(min(first + 100, len(data)) / len(data) * 2 - decoder.position / decoder.rate)
    assert lags[-1] == 0
    block_s = {PCM: 0.01, OPUS: 0.12, FLAC: 4_608 / RATE}[encoding]
    assert max(lags[len(lags) // 4 :]) < block_s + 0.35  # the bit rate varies


def places(encoding: AudioEncoding, data: bytes, channels: int, every: int) -> list[tuple[int, Place]]:
    """What a decoder says on its way through the stream, and which sample it was asked for."""
    decoder = open_stream_decoder(encoding, RATE, channels)
    found = []
    for first in range(0, len(data), every):
        decoder.feed(data[first : first + every])
        while decoder.read() is not None:
            pass
        sample = max(0, decoder.position - 9_000)
        found.append((sample, decoder.place(sample)))
    return found


def assert_same_sound(encoding: AudioEncoding, samples: Samples, expected: Samples) -> None:
    """An Opus decoder that begins anywhere comes close after 80 ms, and closer from then on."""
    assert samples.shape == expected.shape
    difference, loud = samples.astype(float) - expected, expected.astype(float)
    if encoding is not OPUS:
        assert not difference.any()
        return
    for first in (0, 24_000):
        second = slice(first, first + 24_000)
        assert np.sum(difference[second] ** 2) <= (1e-2 if first == 0 else 1e-6) * np.sum(loud[second] ** 2) + 24_000


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("encoding", [PCM, OPUS, FLAC])
def test_a_stream_is_taken_up_again_at_any_sample(two_cities: Path, encoding: AudioEncoding, channels: int) -> None:
    data = encoded(encoding, sound(two_cities, 4, channels))
    expected = decode(encoding, data, channels=channels)
    asked = places(encoding, data, channels, every=len(data) // 17)
    for sample, place in asked:
        decoder = open_stream_decoder(encoding, RATE, channels, start=sample, resumed=place)
        assert decoder.position == sample
        samples = read_all(decoder, [data[: place.head] + data[place.offset :]])
        assert_same_sound(encoding, samples, expected[sample:])
        assert decoder.consumed == len(data)
    # It keeps up: not much more than what is asked for is decoded again.
    assert all(sample - (place.position or 0) < decoder.rate for sample, place in asked)
    assert len({place for _, place in asked}) > 5


@pytest.mark.parametrize("encoding", [OPUS, FLAC])
def test_what_was_taken_up_again_can_be_taken_up_again(two_cities: Path, encoding: AudioEncoding) -> None:
    data = encoded(encoding, sound(two_cities, 4))
    expected = decode(encoding, data)
    _, first = places(encoding, data, 1, every=len(data) // 9)[4]
    sample = len(expected) * 3 // 4
    decoder = open_stream_decoder(encoding, RATE, 1, start=first.position or 0, resumed=first)
    read_all(decoder, [data[: first.head] + data[first.offset :]])
    second = decoder.place(sample)
    assert second.offset > first.offset
    again = open_stream_decoder(encoding, RATE, 1, start=sample, resumed=second)
    samples = read_all(again, [data[: second.head] + data[second.offset :]])
    assert_same_sound(encoding, samples, expected[sample:])


@pytest.mark.parametrize("encoding", [OPUS, FLAC])
def test_before_there_is_sound_a_stream_is_taken_up_again_at_its_beginning(encoding: AudioEncoding) -> None:
    assert open_stream_decoder(encoding, RATE, 1).place(0) == Place()


# Ogg


def page(
    parts: Sequence[bytes],
    *,
    granule: int,
    sequence: int,
    flags: int = 0,
    serial: int = 7,
    unfinished: bool = False,
    version: int = 0,
) -> bytes:
    """Written from RFC 3533; the checksum bit by bit."""
    table = bytearray()
    for part in parts:
        table += b"\xff" * (len(part) // 255) + bytes([len(part) % 255])
    if unfinished:
        assert table.pop() == 0
    head = struct.pack("<4sBBqIIIB", b"OggS", version, flags, granule, serial, sequence, 0, len(table))
    whole = head + bytes(table) + b"".join(parts)
    checksum = 0
    for byte in whole:
        checksum ^= byte << 24
        for _ in range(8):
            checksum = (checksum << 1 ^ (0x04C11DB7 if checksum >> 31 else 0)) & 0xFFFFFFFF
    return whole[:22] + struct.pack("<I", checksum) + whole[26:]


def opus_packets(samples: Samples) -> list[bytes]:
    """Of 20 ms."""
    codec = av.CodecContext.create("libopus", "w")
    codec.sample_rate, codec.layout, codec.format = 48_000, {1: "mono", 2: "stereo"}[len(samples)], "s16"
    codec.open()
    packets = []
    for first in range(0, samples.shape[1] - 959, 960):
        block = np.frombuffer(pcm_of(samples[:, first : first + 960]), np.int16).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(block, format="s16", layout=codec.layout.name)
        frame.sample_rate, frame.pts = 48_000, first
        packets += codec.encode(frame)
    return [bytes(packet) for packet in packets]


def opus_head(channels: int = 1, *, version: int = 1, mapping: int = 0) -> bytes:
    return b"OpusHead" + struct.pack("<BBHIhB", version, channels, PRE_SKIP, 8_000, 0, mapping)


TAGS = b"OpusTags" + struct.pack("<I", 4) + b"test" + bytes(4)


def heads(head: bytes | None = None, tags: bytes = TAGS) -> list[bytes]:
    return [
        page([opus_head() if head is None else head], granule=0, sequence=0, flags=2),
        page([tags], granule=0, sequence=1),
    ]


def opus_pages(packets: Sequence[bytes], each: int = 5) -> list[bytes]:
    """Headers, then pages of whole packets."""
    found = heads()
    for number, first in enumerate(range(0, len(packets), each)):
        group = packets[first : first + each]
        is_last = first + each >= len(packets)
        end = 960 * (first + len(group))
        found.append(page(group, granule=end, sequence=number + 2, flags=4 if is_last else 0))
    return found


@pytest.fixture(scope="module")
def packets(two_cities: Path) -> list[bytes]:
    return opus_packets(sound(two_cities, 2.4, rate=48_000))


def test_pages_written_by_hand_hold_the_same(packets: list[bytes]) -> None:
    samples = decode(OPUS, b"".join(opus_pages(packets)))
    assert len(samples) == 960 * len(packets) - PRE_SKIP
    assert np.array_equal(samples, decode(OPUS, b"".join(opus_pages(packets, 13))))


def test_a_packet_may_go_over_several_pages(packets: list[bytes]) -> None:
    """Pages of a segment each, whatever packet it belongs to."""
    expected = decode(OPUS, b"".join(opus_pages(packets)))
    long = [bytes([packet[0] | 3, 0x41, 254 + 1, 254 + 1, 94]) + packet[1:] + bytes(254 * 2 + 94) for packet in packets]
    data = heads()
    sequence, clock = 2, 0
    for packet in long:
        clock += 960
        for first in range(0, len(packet), 255):
            part = packet[first : first + 255]
            whole = first + 255 >= len(packet)
            flags = int(first > 0)
            data.append(
                page([part], granule=clock if whole else -1, sequence=sequence, flags=flags, unfinished=not whole)
            )
            sequence += 1
    stream = b"".join(data)
    samples = decode(OPUS, stream)
    assert np.array_equal(samples, expected)


def test_pages_that_begin_with_the_rest_of_a_packet_can_be_taken_up_again(packets: list[bytes]) -> None:
    body = [b"".join([bytes([p[0] | 3, 0x41, 255, 60]) + p[1:] + bytes(254 + 60)]) for p in packets]
    data = heads()
    # Every page ends 255 bytes into a packet.
    carried, sequence = b"", 2
    for number in range(0, len(body) - 3, 3):
        group = body[number : number + 4]
        parts = [carried or group[0], *group[1:3], group[3][:255]]
        data.append(
            page(
                parts,
                granule=960 * (number + 3),
                sequence=sequence,
                flags=int(bool(carried)),
                unfinished=True,
            )
        )
        carried = group[3][255:]
        sequence += 1
    stream = b"".join(data)
    expected = decode(OPUS, stream)
    for sample, place in places(OPUS, stream, 1, every=len(stream) // 11):
        decoder = open_stream_decoder(OPUS, RATE, 1, start=sample, resumed=place)
        samples = read_all(decoder, [stream[: place.head] + stream[place.offset :]])
        assert_same_sound(OPUS, samples, expected[sample:])
    assert place.offset > len(stream) // 2


@pytest.mark.parametrize("lost", [2, 7, 12])
def test_a_page_that_is_lost_is_silence_and_all_else_stays_in_its_place(packets: list[bytes], lost: int) -> None:
    pages = opus_pages(packets)
    expected = decode(OPUS, b"".join(pages))
    samples = decode(OPUS, b"".join(pages[:lost] + pages[lost + 1 :]))
    if lost == 2:  # whatever a stream begins with is its beginning
        assert len(samples) == len(expected) - 4_800
        return
    assert len(samples) == len(expected)
    begin = 4_800 * (lost - 2) - PRE_SKIP
    assert not samples[begin : begin + 4_800].any()
    assert np.array_equal(samples[:begin], expected[:begin])
    settled = begin + 4_800 + 3_840
    assert_same_sound(OPUS, samples[settled:], expected[settled:])


def test_a_recorder_that_sends_nothing_in_a_pause_leaves_silence(packets: list[bytes]) -> None:
    pages = heads()
    pages.append(page(packets[:5], granule=4_800, sequence=2))
    pages.append(page(packets[5:10], granule=9_600 + 48_000 * 90, sequence=3, flags=4))
    decoder = open_stream_decoder(OPUS, RATE, 1)
    samples = read_all(decoder, pages)
    assert len(samples) == 48_000 * 90 + 9_600 - PRE_SKIP


def test_a_clock_that_jumps_beyond_reason_is_not_believed(packets: list[bytes]) -> None:
    pages = heads()
    pages.append(page(packets[:5], granule=4_800, sequence=2))
    pages.append(page(packets[5:10], granule=2**50, sequence=3))
    pages.append(page(packets[10:15], granule=0, sequence=4))
    pages.append(page(packets[15:20], granule=2**62, sequence=5))
    assert len(read_all(open_stream_decoder(OPUS, RATE, 1), pages)) == 20 * 960 - PRE_SKIP


def test_the_last_page_says_where_the_sound_ends(packets: list[bytes]) -> None:
    for end in (9_600, 9_000, 5_000, 4_800, 100):
        pages = heads()
        pages.append(page(packets[:5], granule=4_800, sequence=2))
        pages.append(page(packets[5:10], granule=end, sequence=3, flags=4))
        samples = read_all(open_stream_decoder(OPUS, RATE, 1), pages)
        assert len(samples) == max(end, 4_800) - PRE_SKIP
    alone = [*heads(), page(packets[:5], granule=2_000, sequence=2, flags=4)]
    assert len(read_all(open_stream_decoder(OPUS, RATE, 1), alone)) == 2_000 - PRE_SKIP


def broken_checksum(pages: list[bytes]) -> list[bytes]:
    return [*pages[:4], pages[4][:-1] + bytes([pages[4][-1] ^ 1]), *pages[5:]]


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        (lambda pages: [b"RIFF", *pages], UndecodableAudio, "not Ogg"),
        (lambda pages: [*pages[:4], b"x", *pages[4:]], UndecodableAudio, "byte"),
        (broken_checksum, UndecodableAudio, "checksum"),
        (lambda pages: pages * 2, UnsupportedAudio, "another Ogg stream"),
        (lambda pages: [*pages[:4], *pages], UnsupportedAudio, "another Ogg stream"),
        (lambda pages: [*pages[:4], page([b"x"], granule=0, sequence=9, serial=8)], UnsupportedAudio, "side by side"),
        (lambda pages: heads(opus_head(2)), UnsupportedAudio, "channels"),
        (lambda pages: heads(opus_head(mapping=1)), UnsupportedAudio, "more than two channels"),
        (lambda pages: heads(opus_head(version=16)), UndecodableAudio, "version"),
        (lambda pages: heads(opus_head()[:12]), UndecodableAudio, "damaged"),
        (lambda pages: heads(b"\x01vorbis" + bytes(30)), UndecodableAudio, "Opus header"),
        (lambda pages: heads(b"\x7fFLAC" + bytes(50)), UndecodableAudio, "FLAC in Ogg"),
        (lambda pages: heads(tags=b"Tags"), UndecodableAudio, "tags"),
        (lambda pages: pages[:1] + pages[2:], UndecodableAudio, "tags"),
        (lambda pages: [*heads(), page([b""], granule=0, sequence=2)], UndecodableAudio, "not Opus"),
        (lambda pages: [*heads(), page([b"\x03"], granule=0, sequence=2)], UndecodableAudio, "not Opus"),
        (lambda pages: [*heads(), page([b"\xfb\x31"], granule=0, sequence=2)], UndecodableAudio, "not Opus"),
        (lambda pages: [*heads(), page([b"\xfb\x82\xfe"], granule=0, sequence=2)], UndecodableAudio, "not Opus"),
        (lambda pages: [*heads(), page([b"\xfc"], granule=-1, sequence=2)], UndecodableAudio, "where its audio"),
        (
            lambda pages: [*heads(), page([bytes(255)], granule=-1, sequence=2, unfinished=True), pages[3]],
            UndecodableAudio,
            "not complete",
        ),
        (
            lambda pages: [
                *heads(),
                *(page([bytes(65_025)], granule=-1, sequence=n, flags=n > 2, unfinished=True) for n in (2, 3)),
            ],
            UndecodableAudio,
            "longer",
        ),
        (lambda pages: [pages[0][:-1]], UndecodableAudio, "ended before"),
    ],
)
def test_what_is_no_opus_stream_is_refused(
    packets: list[bytes], change: Callable[[list[bytes]], list[bytes]], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        read_all(open_stream_decoder(OPUS, RATE, 1), change(opus_pages(packets)))


@pytest.mark.parametrize("parts", [[], [bytes([0x83, 0x41, *[255] * 100, 10]) + bytes(254 * 100 + 10 + 50)]])
def test_bytes_without_end_that_hold_hardly_any_audio_are_refused(packets: list[bytes], parts: list[bytes]) -> None:
    """Pages with nothing in them, and packets that are padded."""
    decoder = open_stream_decoder(OPUS, RATE, 1)
    read_all(decoder, opus_pages(packets[:20])[:-1])
    pages = (
        page(parts, granule=9_600 + 120 * (sequence - 99) if parts else -1, sequence=sequence)
        for sequence in range(100, 50_000)
    )
    with pytest.raises(UnsupportedAudio, match="far more bytes"):
        read_all(decoder, pages)
    assert decoder.consumed < 1_000_000


# FLAC


@pytest.mark.parametrize(("bits", "sample_format"), [(16, "s16"), (24, "s32")])
def test_flac_of_any_depth_gives_sixteen_bits(two_cities: Path, bits: int, sample_format: str) -> None:
    samples = np.rint(sound(two_cities, 1)[0] * 32_767).astype(np.int16)
    file = io.BytesIO()
    with av.open(file, "w", format="flac") as output:
        stream = output.add_stream("flac", rate=RATE, layout="mono")
        stream.format = sample_format
        wide = samples.astype(np.int32) << 16 if bits == 24 else samples
        frame = av.AudioFrame.from_ndarray(wide.reshape(1, -1), format=sample_format, layout="mono")
        frame.sample_rate = RATE
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    assert np.array_equal(decode(FLAC, file.getvalue())[:, 0], samples)


def test_a_frame_is_given_with_its_last_byte(two_cities: Path) -> None:
    data = encoded(FLAC, sound(two_cities, 2))
    decoder = open_stream_decoder(FLAC, RATE, 1)
    ends = []
    for first in range(len(data)):
        before = decoder.position
        decoder.feed(data[first : first + 1])
        decoder.read()
        if decoder.position > before:
            ends.append(first + 1)
    assert ends[-1] == len(data)
    assert all(data[end : end + 2] == b"\xff\xf8" for end in ends[:-1])


def test_metadata_is_passed_over(two_cities: Path) -> None:
    data = encoded(FLAC, sound(two_cities, 1))
    head = data[:4] + b"\x00" + data[5:42]
    picture = b"\x06" + (70_000).to_bytes(3, "big") + bytes(70_000)
    padding = b"\x81" + (40).to_bytes(3, "big") + bytes(40)
    audio = data[data.index(b"\xff\xf8", 42) :]
    assert np.array_equal(decode(FLAC, head + picture + padding + audio), decode(FLAC, data))


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        (lambda data: b"ID3" + data, UndecodableAudio, "fLaC"),
        (lambda data: b"fLaC\x01" + data[5:], UndecodableAudio, "STREAMINFO"),
        (lambda data: data[:30], UndecodableAudio, "ended before"),
        (lambda data: data[:20_000] + bytes(90_000), UndecodableAudio, "no end"),
        (lambda data: data + data, UndecodableAudio, "no end"),
        (lambda data: data[:4] + b"\x80" + data[5:42] + bytes(100), UndecodableAudio, "one FLAC file"),
        (lambda data: b"fLaC\x00" + data[5:42] + b"\x06\xff\xff\xff" * 2 + bytes(1 << 24), UndecodableAudio, "KiB"),
    ],
)
def test_what_is_no_flac_stream_is_refused(
    two_cities: Path, change: Callable[[bytes], bytes], error: type[Exception], says: str
) -> None:
    data = encoded(FLAC, sound(two_cities, 2))
    with pytest.raises(error, match=says):
        decode(FLAC, change(data))


def test_a_file_for_every_piece_is_no_stream(two_cities: Path) -> None:
    data = encoded(FLAC, sound(two_cities, 0.5))
    with pytest.raises(UndecodableAudio, match="one FLAC file"):
        read_all(open_stream_decoder(FLAC, RATE, 1), [data, data])


def test_a_flac_stream_without_one_of_its_frames_is_refused(two_cities: Path) -> None:
    data = encoded(FLAC, sound(two_cities, 2))
    starts = [at for at in range(42, len(data)) if data[at : at + 2] == b"\xff\xf8"]
    with pytest.raises(UndecodableAudio, match="missing"):
        decode(FLAC, data[: starts[2]] + data[starts[3] :])


def test_flac_of_another_rate_or_number_of_channels_than_said_is_refused(two_cities: Path) -> None:
    data = encoded(FLAC, sound(two_cities, 0.5))
    with pytest.raises(UnsupportedAudio, match=r"16000 Hz.*8000 Hz"):
        decode(FLAC, data, rate=8_000)
    with pytest.raises(UnsupportedAudio, match=r"is 1, but 2 was said"):
        decode(FLAC, data, channels=2)


def test_flac_frames_that_are_longer_than_streams_have_them_are_refused(two_cities: Path) -> None:
    data = encoded(FLAC, sound(two_cities, 0.5))
    frame = b"\xff\xf8\x75\x08\x00\xff\xfe"
    checksum = 0
    for byte in frame:
        checksum ^= byte
        for _ in range(8):
            checksum = (checksum << 1 ^ (7 if checksum >> 7 else 0)) & 0xFF
    head = data[:4] + b"\x80" + data[5:42]
    with pytest.raises(UnsupportedAudio, match="65535 samples"):
        decode(FLAC, head + frame + bytes([checksum]) + bytes(100))


# Garbage


@pytest.mark.parametrize("encoding", [OPUS, FLAC])
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(garbage=st.binary(min_size=1, max_size=300), data=st.data())
def test_garbage_is_an_error(encoding: AudioEncoding, garbage: bytes, data: st.DataObject) -> None:
    magic = b"OggS" if encoding is OPUS else b"fLaC"
    begun = magic[: data.draw(st.integers(0, 4))] + garbage
    decoder = open_stream_decoder(encoding, RATE, 1)
    with pytest.raises(UndecodableAudio):
        read_all(decoder, [begun])


@pytest.mark.parametrize("encoding", [OPUS, FLAC])
def test_damage_ends_in_an_error_or_leaves_sound(two_cities: Path, encoding: AudioEncoding) -> None:
    whole = encoded(encoding, sound(two_cities, 1.5))
    rng = random.Random(5)
    refused = 0
    for _ in range(150):
        data = bytearray(whole)
        for _ in range(rng.choice([1, 3, 30])):
            at = rng.randrange(len(data))
            match rng.randrange(3):
                case 0:
                    data[at] = rng.randrange(256)
                case 1:
                    del data[at : at + rng.randrange(300)]
                case 2:
                    data[at:at] = rng.randbytes(rng.randrange(300))
        decoder = open_stream_decoder(encoding, RATE, 1)
        cuts = sorted({0, len(data), *(rng.randrange(len(data) + 1) for _ in range(5))})
        try:
            samples = read_all(decoder, [bytes(data[a:b]) for a, b in pairwise(cuts)])
            assert len(samples) <= 1.6 * decoder.rate
        except (UndecodableAudio, UnsupportedAudio):
            refused += 1
    assert refused > 100


@pytest.mark.parametrize("encoding", [OPUS, FLAC])
def test_damage_that_no_checksum_shows_ends_in_an_error_or_leaves_sound(
    packets: list[bytes], two_cities: Path, encoding: AudioEncoding
) -> None:
    flac = encoded(FLAC, sound(two_cities, 1))
    whole = [bytearray(page) for page in opus_pages(packets[:40])] if encoding is OPUS else flac_frames(flac)
    rng = random.Random(9)
    for _ in range(200):
        parts = [bytearray(part) for part in whole]
        for _ in range(rng.choice([1, 2, 5])):
            number = rng.randrange(1, len(parts))
            match rng.randrange(4):
                case 0:
                    del parts[number]
                case 1:
                    parts.insert(number, bytearray(rng.choice(parts)))
                case _:
                    parts[number][rng.randrange(2, len(parts[number]))] = rng.randrange(256)
        for part in parts[0 if encoding is OPUS else 1 :]:
            if encoding is OPUS:
                part[22:26] = bytes(4)
                part[22:26] = struct.pack("<I", OGG_PAGE.update(0, part))
            else:
                part[-2:] = struct.pack(">H", FLAC_FRAME.update(0, part[:-2]))
        decoder = open_stream_decoder(encoding, RATE, 1)
        decoder.feed(b"".join(parts))
        count = 0
        try:
            while (samples := decoder.read()) is not None and count < 60 * decoder.rate:
                count += len(samples)
                decoder.place(max(0, decoder.position - 1_000))
        except (UndecodableAudio, UnsupportedAudio):
            pass


def flac_frames(data: bytes) -> list[bytearray]:
    """What stands before the first frame, then the frames."""
    splitter = FlacFrames()
    splitter.feed(data)
    found = []
    while (frame := next(splitter.ends(), None)) is not None:
        splitter.take(frame)
        found.append(frame)
    return [bytearray(data[: found[0].offset]), *(bytearray(frame.data) for frame in found)]


def test_little_input_that_claims_much_is_read_in_small_pieces() -> None:
    """A packet of one byte may stand for 120 ms."""
    packet = bytes([0x19])
    decoder = open_stream_decoder(OPUS, RATE, 1)
    for piece in heads():
        decoder.feed(piece)
    decoder.feed(page([packet] * 255, granule=255 * 5_760, sequence=2))
    longest = count = 0
    while (samples := decoder.read()) is not None:
        longest = max(longest, len(samples))
        count += len(samples)
    assert count == 255 * 5_760 - PRE_SKIP
    assert longest == 5_760
