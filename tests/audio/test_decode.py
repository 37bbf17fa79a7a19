from __future__ import annotations

import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soxr

import recordings
from dragoman.audio.decode import MediaLimits, open_media
from dragoman.core.errors import (
    AudioTooLong,
    EmptyAudio,
    InvalidField,
    UndecodableAudio,
    UnsupportedAudio,
)
from dragoman.core.request import ChannelSelection

pytestmark = pytest.mark.unit

Upload = Callable[[bytes], Path]


@pytest.fixture
def upload(tmp_path: Path) -> Upload:
    def write(content: bytes) -> Path:
        path = tmp_path / "upload"
        path.write_bytes(content)
        return path

    return write


@pytest.fixture(scope="session")
def two_cities(sample: Callable[[str], Path]) -> Path:
    return sample("two_cities")


def decoded(path: Path, channels: str = "mix", limits: MediaLimits = MediaLimits()) -> np.ndarray:  # noqa: B008
    with open_media(path, ChannelSelection.parse(channels), limits) as media:
        blocks = list(media.blocks())
    for block in blocks:
        assert block.dtype == np.float32
        assert block.flags.c_contiguous
        assert len(block) == len(media.channels)
        assert np.abs(block).max() <= 1.0
    assert all(block.shape[1] == 16000 for block in blocks[:-1])
    return np.concatenate(blocks, axis=1)


def lag(heard: np.ndarray, said: np.ndarray, within: int = 1600) -> int:
    """By how many samples ``heard`` comes late against ``said``, both at 16 kHz, by cross-correlation."""
    size = 2 ** (len(heard) + len(said)).bit_length()
    product = np.fft.rfft(heard, size) * np.conj(np.fft.rfft(said, size))
    correlation = np.fft.irfft(product, size)
    correlation = np.concatenate([correlation[-within:], correlation[: within + 1]])
    assert correlation.max() > 0.8 * np.linalg.norm(heard) * np.linalg.norm(said), "not the same recording"
    return int(correlation.argmax()) - within


# Codec, container, rate, samples at 16 kHz by which the container cannot help being late: a bare stream has no place to
# say that the encoder put silence first, and an MP3 without its information frame neither.
ENCODINGS = [
    *[("pcm_s16le", "wav", rate, 0) for rate in (8000, 11025, 16000, 22050, 44100, 48000, 96000)],
    *[(f"pcm_{form}", "wav", 16000, 0) for form in ("u8", "s24le", "s32le", "f32le", "f64le", "mulaw", "alaw")],
    *[(f"adpcm_{form}", "wav", 8000, 0) for form in ("ms", "ima_wav")],
    *[("pcm_s16be", container, 44100, 0) for container in ("aiff", "au", "caf")],
    ("pcm_s24be", "aiff", 48000, 0),
    ("pcm_mulaw", "au", 8000, 0),
    ("pcm_s16le", "w64", 8000, 0),
    ("pcm_s16le", "avi", 44100, 0),
    *[("flac", container, 44100, 0) for container in ("flac", "ogg", "matroska", "mp4")],
    ("alac", "ipod", 44100, 0),
    ("wavpack", "wv", 44100, 0),
    *[("libmp3lame", "mp3", rate, 0) for rate in (8000, 16000, 22050, 44100, 48000)],
    ("libmp3lame", "matroska", 44100, 0),
    *[("aac", container, rate, 0) for container in ("ipod", "mov", "matroska") for rate in (16000, 44100)],
    ("aac", "adts", 44100, 372),
    ("aac", "mpegts", 48000, 341),
    *[("libopus", container, 48000, 0) for container in ("ogg", "webm", "matroska", "mp4")],
]


@pytest.mark.parametrize(("codec", "container", "rate", "late"), ENCODINGS)
def test_every_encoding_keeps_the_recording_and_its_times(
    codec: str, container: str, rate: int, late: int, two_cities: Path, upload: Upload
) -> None:
    speech = recordings.speech(two_cities, rate, 3.0)
    heard = decoded(upload(recordings.encode(speech[np.newaxis], rate, codec, container)))[0]
    said = recordings.speech(two_cities, 16000, 3.0)
    if rate < 16000:
        said = soxr.resample(soxr.resample(said, 16000, rate), rate, 16000)
    assert abs(lag(heard, said) - late) <= 1
    padding = 0 if codec.startswith(("pcm_", "flac", "alac", "wavpack")) else 0.1
    assert 3.0 - 1 / 16000 <= len(heard) / 16000 <= 3.0 + padding + 1 / 16000


def test_a_wav_beyond_4_gb_in_its_own_form_is_read(two_cities: Path, upload: Upload) -> None:
    speech = recordings.speech(two_cities, 16000, 2.0)
    content = recordings.encode(speech[np.newaxis], 16000, "pcm_s16le", "wav", rf64="always")
    assert content.startswith(b"RF64")
    np.testing.assert_allclose(decoded(upload(content))[0], speech, atol=2**-15)


def test_a_sphere_file_is_read(two_cities: Path, upload: Upload) -> None:
    speech = recordings.speech(two_cities, 8000, 2.0)
    header = (
        "NIST_1A\n   1024\nchannel_count -i 1\nsample_rate -i 8000\nsample_count -i 16000\nsample_n_bytes -i 2\n"
        "sample_byte_format -s2 01\nsample_sig_bits -i 16\nsample_coding -s3 pcm\nend_head\n"
    )
    content = header.encode().ljust(1024) + (speech * 32767).astype("<i2").tobytes()
    heard = decoded(upload(content))[0]
    np.testing.assert_allclose(heard, soxr.resample(speech, 8000, 16000), atol=1e-3)


@pytest.mark.parametrize("container", ["mp4", "matroska", "mov", "webm", "mpegts"])
@pytest.mark.parametrize("after_s", [0.0, 0.7])
def test_the_sound_of_a_video_has_the_times_of_the_video(
    container: str, after_s: float, two_cities: Path, upload: Upload
) -> None:
    speech = recordings.speech(two_cities, 48000, 2.0)
    heard = decoded(upload(recordings.encode_video(speech, 48000, container, sound_after_s=after_s)))[0]
    said = np.concatenate([np.zeros(round(after_s * 16000)), recordings.speech(two_cities, 16000, 2.0)])
    # MPEG transport cannot say that AAC starts with 1,024 samples of silence; the others round to a millisecond.
    assert -16 <= lag(heard, said) <= (342 if container == "mpegts" else 16)


@pytest.mark.parametrize("encoding", [("pcm_s16le", "wav"), ("flac", "flac"), ("aac", "ipod"), ("libopus", "webm")])
@pytest.mark.parametrize("count", [2, 6, 8])
def test_channels_keep_apart_and_in_order(
    encoding: tuple[str, str], count: int, two_cities: Path, upload: Upload
) -> None:
    voices = np.stack([recordings.speech(two_cities, 48000, 1.5, 1.0 + 2 * n) for n in range(count)])
    # Lossy codecs cut the low frequency channel, the fourth, and shake channels that belong together.
    whole = [channel for channel in range(count) if encoding[0] in ("pcm_s16le", "flac") or channel != 3]
    path = upload(recordings.encode(voices, 48000, *encoding))
    heard = decoded(path, "split")
    assert len(heard) == count
    for channel in whole:
        said = recordings.speech(two_cities, 16000, 1.5, 1.0 + 2 * channel)
        assert abs(lag(heard[channel], said)) <= 1
    np.testing.assert_allclose(decoded(path, "mix")[0], heard.mean(axis=0), atol=1e-3)
    np.testing.assert_array_equal(decoded(path, "1"), heard[[1]])
    np.testing.assert_array_equal(decoded(path, "1,0"), heard[[1, 0]])


def test_a_channel_that_does_not_exist_is_refused(upload: Upload) -> None:
    path = upload(recordings.wav(bytes(32000), channels=2))
    with pytest.raises(InvalidField, match="no channel 2"):
        decoded(path, "0,2")


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 44100, 48000])
def test_the_length_is_that_of_the_recording(rate: int, upload: Upload) -> None:
    for samples in (1, 2, 3, 511, rate - 1, rate, rate + 1, 5 * rate + 77):
        path = upload(recordings.wav(bytes(2 * samples), rate=rate))
        expected = round(samples * 16000 / rate)
        if expected:
            assert abs(decoded(path).shape[1] - expected) <= 1


def test_a_cut_file_gives_what_is_there(two_cities: Path, upload: Upload) -> None:
    speech = recordings.speech(two_cities, 16000, 4.0)[np.newaxis]
    said = speech[0]
    for codec, container in (("pcm_s16le", "wav"), ("flac", "flac"), ("libmp3lame", "mp3"), ("pcm_s24le", "wav")):
        content = recordings.encode(speech, 16000, codec, container)
        heard = decoded(upload(content[: len(content) // 2 + 1]))[0]
        assert 0.3 < len(heard) / len(said) < 0.7
        assert abs(lag(heard, said[: len(heard)])) <= 1


@pytest.mark.parametrize(("codec", "container", "rate"), [("flac", "flac", 16000), ("aac", "ipod", 16000)])
def test_damage_in_the_middle_does_not_move_what_follows(
    codec: str, container: str, rate: int, two_cities: Path, upload: Upload
) -> None:
    speech = recordings.speech(two_cities, rate, 6.0)
    content = bytearray(recordings.encode(speech[np.newaxis], rate, codec, container))
    middle = len(content) * 2 // 5
    content[middle : middle + len(content) // 40] = np.random.default_rng(0).bytes(len(content) // 40)
    heard = decoded(upload(bytes(content)))[0]
    assert len(heard) / 16000 == pytest.approx(6.0, abs=0.1)
    said = recordings.speech(two_cities, 16000, 6.0)
    assert abs(lag(heard[64000:96000], said[64000:])) <= 1


def test_a_recording_that_changes_rate_half_way_goes_on(two_cities: Path, upload: Upload) -> None:
    parts = []
    for rate in (44100, 16000, 48000):
        speech = recordings.speech(two_cities, rate, 1.0)[np.newaxis]
        parts.append(recordings.encode(speech, rate, "flac", "ogg"))
    heard = decoded(upload(b"".join(parts)))[0]
    said = recordings.speech(two_cities, 16000, 1.0)
    assert len(heard) == 48000
    for second in range(3):
        assert abs(lag(heard[second * 16000 : (second + 1) * 16000], said)) <= 1


def test_nothing_comes_out_beyond_full_scale(upload: Upload) -> None:
    square = np.where(np.arange(44100) // 50 % 2, 32767, -32768).astype("<i2")
    heard = decoded(upload(recordings.wav(square.tobytes(), rate=44100)))
    assert np.abs(heard).max() == 1.0


def test_a_header_without_audio_is_empty(upload: Upload) -> None:
    with pytest.raises(EmptyAudio):
        decoded(upload(recordings.wav(b"")))
    with pytest.raises(EmptyAudio):
        decoded(upload(b""))


def test_less_than_a_sample_at_16_khz_is_empty(upload: Upload) -> None:
    with pytest.raises(EmptyAudio):
        decoded(upload(recordings.wav(b"\1\1", rate=384_000)))


@pytest.mark.parametrize("rate", [1, 3999, 384_001, 1_092_676, 0x7FFFFFFF])
def test_a_rate_that_no_recorder_uses_is_refused(rate: int, upload: Upload) -> None:
    with pytest.raises(UnsupportedAudio, match=f"{rate} Hz"):
        decoded(upload(recordings.wav(bytes(8000), rate=rate, bits=8)))


def test_as_many_channels_as_allowed_are_read_and_one_more_is_refused(upload: Upload) -> None:
    noise = np.random.default_rng(0).integers(-9000, 9000, (4000, 32), dtype="<i2")
    heard = decoded(upload(recordings.wav(noise.tobytes(), rate=16000, channels=32)), "split")
    np.testing.assert_allclose(heard.T, noise / 32768, atol=1e-6)
    for channels in (33, 64):
        with pytest.raises(UnsupportedAudio, match=f"{channels} channels; at most 32"):
            decoded(upload(recordings.wav(bytes(200 * channels), channels=channels)))
    with pytest.raises(UnsupportedAudio, match="at most 1"):
        decoded(upload(recordings.wav(bytes(8000), channels=2)), limits=MediaLimits(max_channels=1))


def test_a_recording_may_be_as_long_as_allowed_and_no_longer(two_cities: Path, upload: Upload) -> None:
    limits = MediaLimits(max_duration_ms=2000)
    assert decoded(upload(recordings.wav(bytes(32000))), limits=limits).shape[1] == 32000
    with pytest.raises(AudioTooLong):
        decoded(upload(recordings.wav(bytes(32002))), limits=limits)


def test_audio_beyond_the_limit_is_refused_before_any_work_if_the_header_says_so(upload: Upload) -> None:
    path = upload(recordings.wav(bytes(48000)))
    with (
        pytest.raises(AudioTooLong, match=r"longer than the 0\.03 minutes"),
        open_media(path, ChannelSelection(), MediaLimits(max_duration_ms=2000)),
    ):
        pytest.fail("it was opened")


def test_audio_beyond_the_limit_is_refused_while_decoding_if_the_header_lies(two_cities: Path, upload: Upload) -> None:
    speech = recordings.speech(two_cities, 16000, 3.0)[np.newaxis]
    content = bytearray(recordings.encode(speech, 16000, "flac", "flac"))
    content[22:26] = (16000).to_bytes(4, "big")  # one second
    with open_media(upload(bytes(content)), ChannelSelection(), MediaLimits(max_duration_ms=2000)) as media:
        assert media.duration_ms == 1000
        with pytest.raises(AudioTooLong):
            list(media.blocks())


def test_the_claimed_duration_and_the_channels_are_known_before_decoding(two_cities: Path, upload: Upload) -> None:
    speech = recordings.speech(two_cities, 44100, 2.5)
    for codec, container in (("pcm_s16le", "wav"), ("libmp3lame", "mp3"), ("aac", "ipod"), ("flac", "flac")):
        path = upload(recordings.encode(np.stack([speech, speech]), 44100, codec, container))
        with open_media(path, ChannelSelection.parse("split"), MediaLimits()) as media:
            assert media.duration_ms == pytest.approx(2500, abs=60)
            assert media.channels == (0, 1)


def test_most_of_a_recording_damaged_is_an_error(two_cities: Path, upload: Upload) -> None:
    speech = recordings.speech(two_cities, 16000, 6.0)[np.newaxis]
    content = bytearray(recordings.encode(speech, 16000, "aac", "ipod"))
    start = content.index(b"mdat") + 500
    content[start : content.index(b"moov") - 4] = b"\xff" * (content.index(b"moov") - 4 - start)
    with pytest.raises(UndecodableAudio, match="damaged"):
        decoded(upload(bytes(content)))


def test_a_recording_left_half_way_leaves_nothing_open(upload: Upload) -> None:
    path = upload(recordings.wav(bytes(160_000)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with open_media(path, ChannelSelection(), MediaLimits()) as media:
            blocks = media.blocks()
            next(blocks)
        blocks.close()
        path.unlink()


def peak_mb(path: Path) -> tuple[int, str]:
    """What decoding a file costs a process of its own: its largest memory, and the error that came, if one came."""
    program = """
import sys
from pathlib import Path
from dragoman.audio.decode import MediaLimits, open_media
from dragoman.core.errors import DragomanError
from dragoman.core.request import ChannelSelection
answer = ""
try:
    with open_media(Path(sys.argv[1]), ChannelSelection(), MediaLimits()) as media:
        for block in media.blocks():
            pass
except DragomanError as error:
    answer = error.code
# Not what getrusage tells: that counts the parent before the exec.
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM:"))
print(int(peak.split()[1]) // 1024, answer)
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stderr == ""
    megabytes, _, answer = done.stdout.strip().partition(" ")
    return int(megabytes), answer


linux = pytest.mark.skipif(sys.platform != "linux", reason="memory is measured the way Linux tells it")


@linux
def test_an_hour_needs_no_more_memory_than_a_minute(two_cities: Path, upload: Upload) -> None:
    minute = (recordings.speech(two_cities, 8000, 40.0) * 127 + 128).astype("u1").tobytes()[: 30 * 8000] * 2
    short, answer = peak_mb(upload(recordings.wav(minute, bits=8)))
    assert answer == ""
    long, answer = peak_mb(upload(recordings.wav(minute * 60, bits=8)))
    assert answer == ""
    assert long < short + 16
    assert long < 150


@linux
def test_a_number_in_a_header_does_not_take_memory(two_cities: Path, upload: Upload) -> None:
    honest, _ = peak_mb(upload(recordings.wav(bytes(16000))))
    title = b"LIST\xff\xff\xff\xefINFOINAM\x00\x00\x00\x70"
    claims = {
        "a title of 1.8 GB": recordings.wav(bytes(16000), before_format=title, claims=0xFFFFFFF0),
        "data of 1 GB": recordings.wav(bytes(16000), claims=1 << 30),
    }
    speech = recordings.speech(two_cities, 16000, 1.0)[np.newaxis]
    table = bytearray(recordings.encode(speech, 16000, "aac", "ipod"))
    packets = (100_000_000).to_bytes(4, "big")
    for box, offset, value in ((b"stsz", 8, (1).to_bytes(4, "big")), (b"stsz", 12, packets), (b"stsc", 16, packets)):
        field = table.index(box) + offset
        table[field : field + 4] = value
    claims["a table of 100 million packets"] = bytes(table)
    for claim, content in claims.items():
        taken, _ = peak_mb(upload(content))
        assert taken < honest + 16, claim
