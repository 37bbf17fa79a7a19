"""FFmpeg's frames → float32 arrays."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from av.audio.frame import AudioFrame
from av.audio.plane import AudioPlane
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_KINDS: Final[dict[str, tuple[type[np.generic], float, float]]] = {
    "u8": (np.uint8, -128.0, 2.0**-7),
    "s16": (np.int16, 0.0, 2.0**-15),
    "s32": (np.int32, 0.0, 2.0**-31),
    "s64": (np.int64, 0.0, 2.0**-63),
    "flt": (np.float32, 0.0, 1.0),
    "dbl": (np.float64, 0.0, 1.0),
}
"""Sample kind → its type, what is added to a sample, and what the sum is multiplied by to lie in -1..1."""


def pieces(frame: AudioFrame) -> Iterator[Floats]:
    """The samples of a frame, shape [n, channels], -1..1, in pieces of at most a second.

    Float recordings may hold anything: what is beyond full scale is clipped, what is not a number becomes silence.
    """
    kind, offset, scale = _KINDS[frame.format.name.removesuffix("p")]
    planes: NDArray[Any] = _planes(frame, kind)
    for start in range(0, frame.samples, frame.sample_rate):
        raw = planes[start : start + frame.sample_rate]
        samples = np.empty(raw.shape, np.float32)
        if issubclass(kind, np.floating):
            with np.errstate(invalid="ignore"):
                np.clip(raw, -1.0, 1.0, out=samples, casting="same_kind")
            np.copyto(samples, 0.0, where=np.isnan(samples))
        else:
            np.add(raw, np.float32(offset), out=samples, casting="unsafe", dtype=np.float32)
            samples *= np.float32(scale)
        yield samples


def _planes(frame: AudioFrame, kind: type[np.generic]) -> NDArray[np.generic]:
    """Shape [samples, channels], read plane by plane.

    ``AudioFrame.planes`` and ``to_ndarray`` read past the end of FFmpeg's pointers when a planar frame has eight
    channels or more, and crash the process (PyAV 18.1), so the planes are made one by one, as many as there are.
    """
    channels = frame.layout.nb_channels
    if not frame.format.is_planar:
        packed = np.frombuffer(memoryview(AudioPlane(frame, 0)), kind, frame.samples * channels)
        return packed.reshape(frame.samples, channels)
    planes = [np.frombuffer(memoryview(AudioPlane(frame, index)), kind, frame.samples) for index in range(channels)]
    return np.stack(planes, axis=1)
