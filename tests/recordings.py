"""Recordings in any encoding, made from samples with PyAV, and a WAV written by hand to say anything at all."""

from __future__ import annotations

import io
import struct
import wave
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import soxr


def speech(recording: Path, rate: int, seconds: float, start_s: float = 1.0) -> np.ndarray:
    """A stretch of a real recording, float32 [n], at a rate."""
    with wave.open(str(recording)) as file:
        source_rate = file.getframerate()
        file.setpos(int(start_s * source_rate))
        raw = np.frombuffer(file.readframes(int((seconds + 0.5) * source_rate)), "<i2")
    samples = raw.astype(np.float32) / 32768
    return soxr.resample(samples, source_rate, rate)[: round(seconds * rate)]


def encode(samples: np.ndarray, rate: int, codec: str, container: str, **options: str) -> bytes:
    """A recording of ``samples``, shape [channels, n]."""
    file = io.BytesIO()
    layout = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}[len(samples)]
    with av.open(file, "w", format=container, options=options) as output:
        stream = output.add_stream(codec, rate=rate, layout=layout)
        for frame in _frames(stream, samples):
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return file.getvalue()


def encode_video(samples: np.ndarray, rate: int, container: str, *, sound_after_s: float) -> bytes:
    """A small video, whose mono sound begins later than its picture."""
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        picture = output.add_stream("libvpx" if container == "webm" else "mpeg4", rate=10)
        picture.width = picture.height = 32
        picture.pix_fmt = "yuv420p"
        sound = output.add_stream("libopus" if container == "webm" else "aac", rate=rate, layout="mono")
        shown = 0
        for frame in _frames(sound, samples[np.newaxis]):
            frame.pts += round(sound_after_s * rate)
            while shown / 10 <= frame.pts / rate:
                image = av.VideoFrame.from_ndarray(np.full((32, 32, 3), shown, np.uint8), format="rgb24")
                image.pts = shown
                image.time_base = Fraction(1, 10)
                output.mux(picture.encode(image))
                shown += 1
            output.mux(sound.encode(frame))
        output.mux(sound.encode(None))
        output.mux(picture.encode(None))
    return file.getvalue()


def _frames(stream: av.AudioStream, samples: np.ndarray) -> list[av.AudioFrame]:
    context = stream.codec_context
    context.format = context.codec.audio_formats[0]
    context.open()
    packed = np.ascontiguousarray(samples.T, np.float32).reshape(1, -1)
    source = av.AudioFrame.from_ndarray(packed, format="flt", layout=context.layout.name)
    source.rate = context.sample_rate
    fifo = av.AudioFifo()
    converter = av.AudioResampler(format=context.format, layout=context.layout, rate=context.sample_rate)
    for frame in [*converter.resample(source), *converter.resample(None)]:
        frame.pts = None
        fifo.write(frame)
    frames: list[av.AudioFrame] = []
    written = 0
    while (frame := fifo.read(context.frame_size or 1024, partial=True)) is not None:
        frame.pts = written
        frame.time_base = Fraction(1, context.sample_rate)
        written += frame.samples
        frames.append(frame)
    return frames


def wav(
    data: bytes,
    *,
    rate: int = 8000,
    channels: int = 1,
    bits: int = 16,
    encoding: int = 1,
    claims: int | None = None,
    before_format: bytes = b"",
) -> bytes:
    """A WAV file whose header says what it is told to, true or not. ``encoding`` 1 is PCM, 3 float, 7 mu-law."""
    size = len(data) if claims is None else claims
    block = channels * bits // 8
    form = struct.pack("<HHIIHH", encoding, channels, rate, rate * block, block, bits)
    return b"".join(
        (
            *(b"RIFF", struct.pack("<I", min(size + 36, 0xFFFFFFFF)), b"WAVE", before_format),
            *(b"fmt ", struct.pack("<I", len(form)), form),
            *(b"data", struct.pack("<I", size), data),
        )
    )
