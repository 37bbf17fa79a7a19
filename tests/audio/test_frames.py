from __future__ import annotations

import io

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import recordings
from dragoman.audio.frames import pieces

pytestmark = pytest.mark.unit

STEPS = {"u8": 2**-7, "s16": 2**-15, "s32": 2**-31, "flt": 0.0, "dbl": 0.0}
TYPES = {"u8": np.uint8, "s16": np.int16, "s32": np.int32, "flt": np.float32, "dbl": np.float64}


def frame(samples: np.ndarray, form: str, rate: int = 8000) -> av.AudioFrame:
    """A frame that holds ``samples``, [n, channels] in -1..1, in a sample format."""
    kind = form.removesuffix("p")
    scaled = samples if kind in ("flt", "dbl") else np.round(samples / STEPS[kind]) + (128 if kind == "u8" else 0)
    scaled = scaled.astype(TYPES[kind])
    rows = scaled.T if form.endswith("p") else scaled.reshape(1, -1)
    made = av.AudioFrame.from_ndarray(np.ascontiguousarray(rows), form, f"{samples.shape[1]}c")
    made.rate = rate
    return made


@settings(deadline=None)
@given(
    st.sampled_from([form + planar for form in STEPS for planar in ("", "p")]),
    st.integers(1, 7),
    st.integers(1, 3000),
)
def test_every_sample_format_gives_the_same_samples(form: str, channels: int, count: int) -> None:
    samples = np.random.default_rng(count).uniform(-0.99, 0.99, (count, channels)).astype(np.float32)
    output = np.concatenate(list(pieces(frame(samples, form))))
    assert output.dtype == np.float32
    np.testing.assert_allclose(output, samples, atol=STEPS[form.removesuffix("p")] + 1e-7)


def test_64_bit_integers_are_read_like_the_others() -> None:
    values = np.array([-(2**63), -(2**62), 0, 2**62], "<i8")
    recording = recordings.wav(values.tobytes(), bits=64)
    with av.open(io.BytesIO(recording)) as container:
        decoded = next(container.decode(audio=0))
        assert decoded.format.name == "s64"
        np.testing.assert_array_equal(next(pieces(decoded))[:, 0], [-1.0, -0.5, 0.0, 0.5])


@pytest.mark.parametrize("codec", ["aac", "libopus"])
def test_eight_planes_are_read_each_from_its_own_memory(codec: str) -> None:
    t = np.arange(20_000) / 48000
    tones = np.stack([0.4 * np.sin(2 * np.pi * 250 * (n + 1) * t) for n in range(8)]).astype(np.float32)
    tones[3] = 0  # low frequency effects carry no tone of 1 kHz
    recording = recordings.encode(tones, 48000, codec, "matroska")
    with av.open(io.BytesIO(recording)) as container:
        frames = list(container.decode(audio=0))
        assert frames[0].format.is_planar
        output = np.concatenate([piece for decoded in frames for piece in pieces(decoded)])
    spectrum = np.abs(np.fft.rfft(output[4000:13_600] * np.hanning(9600)[:, np.newaxis], axis=0))
    loudest = spectrum.argmax(axis=0) * 48000 // 9600
    assert [int(hertz) for channel, hertz in enumerate(loudest) if channel != 3] == [
        250 * (channel + 1) for channel in range(8) if channel != 3
    ]


def test_float_samples_beyond_full_scale_are_clipped_and_nonsense_is_silent() -> None:
    wild = np.array([[3.0], [-1e30], [np.inf], [-np.inf], [np.nan], [0.25]])
    expected = np.array([[1.0], [-1.0], [1.0], [-1.0], [0.0], [0.25]], np.float32)
    for form in ("flt", "fltp", "dbl", "dblp"):
        np.testing.assert_array_equal(next(pieces(frame(wild, form))), expected)


def test_a_signalling_nan_is_silent_too() -> None:
    recording = recordings.wav(b"\x01\x00\x80\x7f" * 800, bits=32, encoding=3)
    with av.open(io.BytesIO(recording)) as container:
        assert not next(pieces(next(container.decode(audio=0)))).any()


def test_a_long_frame_comes_in_pieces_of_a_second() -> None:
    samples = np.random.default_rng(0).uniform(-0.9, 0.9, (20_500, 2)).astype(np.float32)
    output = list(pieces(frame(samples, "fltp")))
    assert [len(piece) for piece in output] == [8000, 8000, 4500]
    np.testing.assert_array_equal(np.concatenate(output), samples)
