"""An audio or video file → blocks of 16 kHz float32, streaming, in memory that does not depend on its length."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, pairwise
from pathlib import Path

import numpy as np
from av.audio.frame import AudioFrame

from dragoman.audio.channels import ChannelMap
from dragoman.audio.containers import NOT_A_RECORDING, Track, open_track
from dragoman.audio.frames import Floats, pieces
from dragoman.audio.resample import Resampler
from dragoman.audio.timeline import Timeline
from dragoman.core.errors import AudioTooLong, EmptyAudio, UndecodableAudio, UnsupportedAudio
from dragoman.core.ports import SAMPLE_RATE
from dragoman.core.request import ChannelSelection


@dataclass(frozen=True, slots=True)
class MediaLimits:
    """What is accepted. The duration is counted while decoding, silence that fills gaps included."""

    max_duration_ms: int = 24 * 3600 * 1000
    max_channels: int = 32
    min_rate_hz: int = 4_000
    max_rate_hz: int = 384_000


class Media:
    """An open recording. ``channels`` are the numbers of those that come out of ``blocks``; a mix is channel 0.

    ``duration_ms`` is what the header claims: for showing progress, not for arithmetic. ``None`` when it does not say
    or the file is far too small for it.
    """

    def __init__(
        self, track: Track, frames: Iterator[AudioFrame], channel_map: ChannelMap, limits: MediaLimits
    ) -> None:
        self.duration_ms: int | None = track.duration_ms
        self.channels: tuple[int, ...] = channel_map.channels
        self._timeline = Timeline(track.start_s, track.stated_ms / 1000 if track.stated_ms else None)
        self._frames = frames
        self._map = channel_map
        self._limits = limits

    def blocks(self) -> Iterator[Floats]:
        """The recording from beginning to end, once: float32 in -1..1, shape [channels, n], n a second until the end.

        Raises ``AudioTooLong``, ``UnsupportedAudio`` when it turns into something unsupported half way,
        ``UndecodableAudio`` when most of it turns out to be damaged, ``EmptyAudio`` when nothing comes of it.
        """
        most = self._limits.max_duration_ms * SAMPLE_RATE // 1000
        total = filled = 0
        block = np.empty((len(self.channels), SAMPLE_RATE), np.float32)
        for samples in self._resampled():
            total += len(samples)
            if total > most:
                raise _too_long(self._limits)
            done = 0
            while done < len(samples):
                part = samples[done : done + SAMPLE_RATE - filled]
                # Resampling overshoots full scale.
                np.clip(part.T, -1.0, 1.0, out=block[:, filled : filled + len(part)])
                filled += len(part)
                done += len(part)
                if filled == SAMPLE_RATE:
                    yield block
                    block = np.empty_like(block)
                    filled = 0
        if filled:
            yield np.ascontiguousarray(block[:, :filled])
        if total == 0:
            raise EmptyAudio

    def _resampled(self) -> Iterator[Floats]:
        resampler = Resampler(len(self.channels))
        for frame, following in pairwise(chain(self._frames, [None])):
            assert frame is not None
            rate = frame.sample_rate
            _check_supported(rate, frame.layout.nb_channels, self._limits)
            next_s = following.time if following else None
            missing = round(self._timeline.silence_before(frame.time, frame.samples / rate, next_s) * rate)
            for start in range(0, missing, rate):
                silence = np.zeros((min(rate, missing - start), len(self.channels)), np.float32)
                yield from resampler.feed(silence, rate)
            for samples in pieces(frame):
                yield from resampler.feed(self._map.apply(samples), rate)
        yield from resampler.finish()


@contextmanager
def open_media(path: Path, selection: ChannelSelection, limits: MediaLimits) -> Iterator[Media]:
    """Open a recording, up to its first decoded samples. The file's name means nothing, its content everything.

    Raises ``EmptyAudio``, ``UndecodableAudio``, ``UnsupportedAudio`` (rate or number of channels), ``AudioTooLong``
    when the header already says so, ``InvalidField`` when the selection names a channel that is not there, and
    ``OSError`` when the file cannot be read.
    """
    with open_track(path) as track:
        _check_supported(track.rate_hz, track.channels, limits)
        if track.stated_ms and track.stated_ms > limits.max_duration_ms:
            raise _too_long(limits)
        frames = track.frames()
        # The first frame, not the header, says how many channels there are: AAC has extensions the header leaves out.
        first = next(frames, None)
        if first is None:
            raise UndecodableAudio(NOT_A_RECORDING) if track.bad_packets else EmptyAudio
        _check_supported(first.sample_rate, first.layout.nb_channels, limits)
        yield Media(track, chain([first], frames), ChannelMap(selection, first.layout.nb_channels), limits)


def _check_supported(rate: int | None, channels: int | None, limits: MediaLimits) -> None:
    """``None`` stands for a header that does not say."""
    if rate is not None and not limits.min_rate_hz <= rate <= limits.max_rate_hz:
        raise UnsupportedAudio(
            f"the sampling rate is {rate} Hz; it must be between {limits.min_rate_hz} and {limits.max_rate_hz} Hz"
        )
    if channels is not None and channels > limits.max_channels:
        raise UnsupportedAudio(f"the recording has {channels} channels; at most {limits.max_channels} are accepted")


def _too_long(limits: MediaLimits) -> AudioTooLong:
    minutes = round(limits.max_duration_ms / 60_000, 2)
    return AudioTooLong(f"the recording is longer than the {minutes:g} minutes this server accepts; split it")
