"""What everyone holds to who hears which language is spoken."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dragoman.core.ports import SAMPLE_RATE, LanguageIdentifier
from dragoman.engines.fake import LoudnessIdentifier
from dragoman.engines.sherpa.identifier import SherpaIdentifier
from dragoman.engines.whisper.identifier import WhisperIdentifier
from tiny_sounds import save_tiny_identifier
from tiny_whisper import tiny_network

pytestmark = pytest.mark.contract

IDENTIFIERS: dict[str, Callable[[Path], LanguageIdentifier]] = {
    "fake": lambda folder: LoudnessIdentifier(("en", "de", "cs")),
    "whisper": lambda folder: WhisperIdentifier(tiny_network()),
    "sherpa": lambda folder: SherpaIdentifier(save_tiny_identifier(folder)),
}


@pytest.fixture(scope="module", params=IDENTIFIERS)
def identifier(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> LanguageIdentifier:
    identifier = IDENTIFIERS[request.param](tmp_path_factory.mktemp("model"))
    identifier.load()
    return identifier


@pytest.mark.parametrize("seconds", [0.0, 0.1, 3.0])
@pytest.mark.parametrize("level", [0.0, 0.3, 1.0])
def test_every_language_asked_for_gets_its_share_of_one(
    identifier: LanguageIdentifier, seconds: float, level: float
) -> None:
    noise = np.random.default_rng(0).uniform(-level, level, round(seconds * SAMPLE_RATE)).astype(np.float32)
    for count in range(1, len(identifier.languages) + 1):
        shares = identifier.identify(noise.data, identifier.languages[:count])
        assert len(shares) == count
        assert all(0 <= share <= 1 for share in shares)
        assert sum(shares) == pytest.approx(1)


def test_the_order_in_which_languages_are_named_does_not_matter(identifier: LanguageIdentifier) -> None:
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 3 * SAMPLE_RATE).astype(np.float32)
    shares = dict(zip(identifier.languages, identifier.identify(noise.data, identifier.languages), strict=True))
    backwards = identifier.languages[::-1]
    assert identifier.identify(noise.data, backwards) == pytest.approx([shares[language] for language in backwards])


def test_the_same_audio_gives_the_same_answer(identifier: LanguageIdentifier) -> None:
    noise = np.random.default_rng(1).uniform(-0.5, 0.5, 3 * SAMPLE_RATE).astype(np.float32)
    first, second = (identifier.identify(noise.data, identifier.languages) for _ in range(2))
    assert first == second
