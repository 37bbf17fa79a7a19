"""What everyone holds to who hears what else there is besides words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dragoman.core.ports import SAMPLE_RATE, AudioTagger
from dragoman.engines.fake import LoudnessTagger
from dragoman.engines.sherpa.tagger import SherpaTagger
from tiny_sounds import APPLAUSE_HZ, MUSIC_HZ, save_tiny_tagger, tone

pytestmark = pytest.mark.contract

TAGGERS: dict[str, Callable[[Path], AudioTagger]] = {
    "fake": lambda folder: LoudnessTagger(("Music", "Applause")),
    "zipformer": lambda folder: SherpaTagger(save_tiny_tagger(folder, "zipformer")),
    "ced": lambda folder: SherpaTagger(save_tiny_tagger(folder, "ced")),
}


@pytest.fixture(scope="module", params=TAGGERS)
def tagger(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AudioTagger:
    tagger = TAGGERS[request.param](tmp_path_factory.mktemp("model"))
    for _ in range(2):
        tagger.load()
    return tagger


@pytest.mark.parametrize("seconds", [0.0, 0.001, 0.5, 5.0, 10.0])
@pytest.mark.parametrize("level", [0.0, 0.01, 1.0])
def test_each_label_comes_once_with_its_probability_the_likeliest_first(
    tagger: AudioTagger, seconds: float, level: float
) -> None:
    noise = np.random.default_rng(0).uniform(-level, level, round(seconds * SAMPLE_RATE)).astype(np.float32)
    tags = tagger.tag(noise.data)
    assert len({tag.label for tag in tags}) == len(tags)
    probabilities = [tag.probability for tag in tags]
    assert probabilities == sorted(probabilities, reverse=True)
    assert all(0 <= probability <= 1 for probability in probabilities)


def test_nothing_is_likely_in_silence_nor_anything_heard_in_no_audio(tagger: AudioTagger) -> None:
    assert all(tag.probability < 0.3 for tag in tagger.tag(np.zeros(5 * SAMPLE_RATE, np.float32).data))
    assert tagger.tag(np.empty(0, np.float32).data) == ()


def test_what_is_heard_is_likelier_than_what_is_not(tagger: AudioTagger) -> None:
    music, applause = tone(MUSIC_HZ, 5, 0.2), tone(APPLAUSE_HZ, 5, 0.9)
    assert [tagger.tag(sound.data)[0].label for sound in (music, applause)] == ["Music", "Applause"]


def test_the_same_audio_gives_the_same_answer(tagger: AudioTagger) -> None:
    sound = tone(1_000, 3)
    assert tagger.tag(sound.data) == tagger.tag(sound.data)
