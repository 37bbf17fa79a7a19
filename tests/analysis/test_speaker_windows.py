from __future__ import annotations

from collections.abc import Callable
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


@pytest.fixture(scope="module")
def regions(models: SpeakerModels, voice: Floats) -> list[Region]:
    windows = SpeakerWindows(models)
    return [*windows.feed(voice), windows.rest()]


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
    windows.feed(voice)
    once, twice = windows.rest(), windows.rest()
    assert once.first == twice.first
    assert np.array_equal(once.active, twice.active)
    assert np.array_equal(once.voices, twice.voices)


@pytest.mark.parametrize("gain", [0.01, 3.0])
def test_loudness_hardly_matters(models: SpeakerModels, voice: Floats, regions: list[Region], gain: float) -> None:
    windows = SpeakerWindows(models)
    (first, *_) = windows.feed((voice * np.float32(gain)).astype(np.float32))
    assert (first.active.any(1) == regions[0].active.any(1)).mean() > 0.97
