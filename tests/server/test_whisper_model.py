"""A profile with a Whisper model, from its settings to the words of a recording."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dragoman.core.errors import EngineNotReady
from dragoman.core.events import Finished
from dragoman.core.models import ModelEngine
from dragoman.core.request import RecognitionRequest, TimeDetail
from dragoman.server.models import build_models
from dragoman.server.profiles import build_recognisers, build_transcriber
from dragoman.server.settings import Settings, load_settings
from dragoman.service.models import Description
from dragoman.service.transcribe import Recognised
from tiny_whisper import tiny_folder

pytestmark = pytest.mark.model


def settings(folder: Path, **more: object) -> Settings:
    profile = {"engine": "whisper", "whisper": {"folder": str(folder), **more}}
    return load_settings({"profiles": {"default": profile, "accurate": {**profile, "mode": "accuracy"}}}, environ={})


@pytest.mark.parametrize("language", ["en", "de", None])
def test_words_of_any_language_have_times_inside_the_recording(
    sample: Callable[[str], Path], language: str | None
) -> None:
    transcriber = build_transcriber(settings(tiny_folder(), language="de"))
    request = RecognitionRequest(language=language, time_detail=TimeDetail.CHARACTER)
    *reports, finished = transcriber.transcribe(sample("beckett"), request)
    assert isinstance(finished, Finished)
    assert finished.language == (language or "de")
    segments = [report.segment for report in reports if isinstance(report, Recognised)]
    words = [word for segment in segments if segment is not None for word in segment.words]
    assert words
    edges = [edge for word in words for edge in (word.start_ms, word.end_ms)]
    assert edges == sorted(edges)
    assert all(0 <= edge <= finished.duration_ms for edge in edges)
    assert all("".join(c.text for c in word.characters) == word.text for word in words)


def test_profiles_of_one_model_share_it_and_identify_its_languages() -> None:
    recognisers = build_recognisers(settings(tiny_folder()))
    default, accurate = recognisers["default"], recognisers["accurate"]
    assert default.aligners is accurate.aligners
    assert default.identifier is accurate.identifier
    assert default.capabilities.identifies == default.capabilities.languages


def test_of_a_language_that_the_matcher_does_not_know_no_word_is_matched() -> None:
    recogniser = build_recognisers(settings(tiny_folder()))["default"]
    assert recogniser.in_language("en") is recogniser
    assert recogniser.in_language("de").matcher is None


def test_a_folder_that_is_not_there_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(EngineNotReady, match="nowhere"):
        build_recognisers(settings(tmp_path / "nowhere"))


def installing(home: Path, *names: str) -> Settings:
    """A profile that names no folder, with these models installed."""
    profiles = {"default": {"engine": "whisper"}, "accurate": {"engine": "whisper"}}
    settings = load_settings({"profiles": profiles, "models_dir": home}, environ={})
    for name in names:
        description = Description(engine=ModelEngine.WHISPER, languages=("de",))
        build_models(settings).add(name, tiny_folder(), description)
    return settings


def test_a_profile_without_a_folder_is_served_by_the_installed_model(tmp_path: Path) -> None:
    recogniser = build_recognisers(installing(tmp_path, "tiny"))["default"]
    assert "de" in recogniser.capabilities.languages


def test_without_a_model_the_profile_says_what_installs_one(tmp_path: Path) -> None:
    with pytest.raises(EngineNotReady, match="dragoman models pull"):
        build_recognisers(installing(tmp_path))


def test_of_two_models_none_is_guessed(tmp_path: Path) -> None:
    with pytest.raises(EngineNotReady, match=r"one.* and .*two"):
        build_recognisers(installing(tmp_path, "one", "two"))
