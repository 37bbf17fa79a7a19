from __future__ import annotations

from collections.abc import Callable, Generator
from pathlib import Path

import numpy as np
import pytest

from dragoman.analysis.fbank import Floats
from dragoman.analysis.speaker_models import SpeakerModels
from dragoman.analysis.speaker_windows import CELL_MS, Region, SpeakerWindows
from recordings import speech

pytestmark = pytest.mark.model

SECONDS = 17.3


@pytest.fixture(scope="module")
def models() -> SpeakerModels:
    models = SpeakerModels()
    models.load()
    return models


@pytest.fixture(scope="module")
def voice(sample: Callable[[str], Path]) -> Floats:
    return speech(sample("two_cities"), 16_000, SECONDS)


def heard(steps: Generator[None, None, Region]) -> Region:
    while True:
        try:
            next(steps)
        except StopIteration as done:
            region: Region = done.value
            return region


def decided(windows: SpeakerWindows, voice: Floats) -> list[Region]:
    windows.feed(voice)
    regions = []
    while windows.is_full:
        regions.append(heard(windows.decide()))
    return regions


@pytest.fixture(scope="module")
def regions(models: SpeakerModels, voice: Floats) -> list[Region]:
    windows = SpeakerWindows(models)
    return [*decided(windows, voice), heard(windows.rest())]


def test_regions_follow_each_other_and_cover_the_audio(regions: list[Region]) -> None:
    end = 0
    for region in regions:
        assert region.first == end
        end += len(region.active)
    assert 0 <= end * CELL_MS - SECONDS * 1000 < CELL_MS


def test_a_region_says_of_each_voice_where_and_how_long(regions: list[Region]) -> None:
    for region in regions:
        count = len(region.voices)
        assert count
        assert {len(region.slots), len(region.centres), len(region.reach), len(region.seconds)} == {count}
        assert np.linalg.norm(region.voices, axis=1) == pytest.approx(np.ones(count), abs=1e-3)
        assert set(region.slots.tolist()) == set(np.flatnonzero(region.active.any(0)).tolist())
        assert (region.seconds * 1000 <= 2 * region.reach * CELL_MS + 1).all()


def test_at_most_two_are_heard_at_once(regions: list[Region]) -> None:
    assert max(int(region.active.sum(1).max()) for region in regions) <= 2


def test_the_rest_may_be_asked_for_twice(models: SpeakerModels, voice: Floats) -> None:
    windows = SpeakerWindows(models)
    decided(windows, voice)
    once, twice = heard(windows.rest()), heard(windows.rest())
    assert once.first == twice.first
    assert np.array_equal(once.active, twice.active)
    assert once.voices == pytest.approx(twice.voices, abs=0.05)


@pytest.mark.parametrize("gain", [0.01, 3.0])
def test_loudness_hardly_matters(models: SpeakerModels, voice: Floats, regions: list[Region], gain: float) -> None:
    windows = SpeakerWindows(models)
    (first, *_) = decided(windows, (voice * np.float32(gain)).astype(np.float32))
    assert (first.active.any(1) == regions[0].active.any(1)).mean() > 0.97


def test_being_asked_on_the_way_hardly_changes_what_is_decided(
    models: SpeakerModels, voice: Floats, regions: list[Region]
) -> None:
    windows = SpeakerWindows(models)
    often = []
    for start in range(0, len(voice), 24_000):
        often += decided(windows, voice[start : start + 24_000])
        last = heard(windows.rest())
    for one, other in zip([*often, last], regions, strict=True):
        assert np.array_equal(one.active, other.active)
        assert (one.voices * other.voices).sum(1).min() > 0.9
